// SPDX-License-Identifier: GPL-2.0
/*
 * Creates many links of a kind, and deletes them again, one by one.
 *
 *   links KIND COUNT
 *
 * Prints three numbers: the nanoseconds that the machine was not idle while
 * they were made and deleted, and the bytes of memory that they took before
 * and after they were brought up. They are down again when they are deleted.
 *
 * Speaks rtnetlink itself, because of what ip takes for one link most is its
 * own. Each link has one queue, and is a pair unless KIND is dummy.
 */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include "busy.h"

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	char room[512];
};

static int netlink;

/* Appends an attribute; returns it, to be ended by end() if others go in. */
static struct rtattr *put(struct request *r, int type, const void *data,
			  size_t len)
{
	struct rtattr *attribute =
		(void *)r + NLMSG_ALIGN(r->head.nlmsg_len);

	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attribute), data, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_SPACE(len);
	return attribute;
}

/* Ends an attribute that holds others. */
static void end(struct request *r, struct rtattr *attribute)
{
	attribute->rta_len = (char *)r + r->head.nlmsg_len - (char *)attribute;
}

/* Sends a request and waits for the kernel's word; ends the program if bad. */
static void ask(struct request *r, const char *what)
{
	char answer[4096];
	struct nlmsghdr *head = (void *)answer;
	struct nlmsgerr *error = NLMSG_DATA(head);

	if (send(netlink, r, r->head.nlmsg_len, 0) < 0 ||
	    recv(netlink, answer, sizeof(answer), 0) < 0)
		err(1, "netlink");
	if (head->nlmsg_type != NLMSG_ERROR)
		errx(1, "%s: unexpected answer", what);
	if (error->error) {
		errno = -error->error;
		err(1, "%s", what);
	}
}

/* Begins a request about one end, 'a' or 'b', of a link. */
static struct request begin(int type, int flags)
{
	struct request r = {
		.head.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
		.head.nlmsg_type = type,
		.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
	};

	return r;
}

/* Appends name and numbers of queues. */
static void put_device(struct request *r, char which, int number)
{
	char name[32];
	__u32 one = 1;

	snprintf(name, sizeof(name), "bench%c%d", which, number);
	put(r, IFLA_IFNAME, name, strlen(name) + 1);
	if (r->head.nlmsg_flags & NLM_F_CREATE) {
		put(r, IFLA_NUM_TX_QUEUES, &one, sizeof(one));
		put(r, IFLA_NUM_RX_QUEUES, &one, sizeof(one));
	}
}

/* Makes a link. */
static void create(const char *kind, int number)
{
	struct request r = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct ifinfomsg none = { 0 };
	struct rtattr *info, *data, *peer;

	put_device(&r, 'a', number);
	info = put(&r, IFLA_LINKINFO, NULL, 0);
	put(&r, IFLA_INFO_KIND, kind, strlen(kind));
	if (strcmp(kind, "dummy")) {
		data = put(&r, IFLA_INFO_DATA, NULL, 0);
		/* The same number for vnet: see vnet/uapi/vnet.h. */
		peer = put(&r, VETH_INFO_PEER, &none, sizeof(none));
		put_device(&r, 'b', number);
		end(&r, peer);
		end(&r, data);
	}
	end(&r, info);
	ask(&r, "create");
}

/* Deletes a link. */
static void delete(int number)
{
	struct request r = begin(RTM_DELLINK, 0);

	put_device(&r, 'a', number);
	ask(&r, "delete");
}

/* Brings a link up, with IFF_UP, or down, with 0. */
static void set(const char *kind, int number, unsigned int flags)
{
	char which, last = strcmp(kind, "dummy") ? 'b' : 'a';

	for (which = 'a'; which <= last; which++) {
		struct request r = begin(RTM_NEWLINK, 0);

		r.info.ifi_flags = flags;
		r.info.ifi_change = IFF_UP;
		put_device(&r, which, number);
		ask(&r, "up");
	}
}

/*
 * Returns the bytes of memory that the kernel uses for itself. What is free
 * would tell less exactly: pages wait in lists before they are free again.
 */
static long long used(void)
{
	static const char * const kinds[] = {
		"Slab:", "Percpu:", "VmallocUsed:"
	};
	FILE *file = fopen("/proc/meminfo", "r");
	long long value, sum = 0;
	char name[32];
	size_t i;

	if (!file)
		err(1, "/proc/meminfo");
	while (fscanf(file, "%31s %lld%*[^\n]", name, &value) == 2)
		for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (!strcmp(name, kinds[i]))
				sum += value * 1024;
	fclose(file);
	return sum;
}

/*
 * Waits until what was freed is free: after a grace period, and kfree_rcu()
 * gathers for 5 s before it asks for one. On a clock that counts instructions
 * an idle machine's seconds cost nothing.
 */
static void settle(void)
{
	sleep(10);
}

/* Makes links; returns what that took. */
static long long make_all(const char *kind, int count)
{
	long long start = busy_ns();
	int i;

	for (i = 0; i < count; i++)
		create(kind, i);
	return busy_ns() - start;
}

/* Deletes links; returns what that took. */
static long long delete_all(int count)
{
	long long start = busy_ns();
	int i;

	for (i = 0; i < count; i++)
		delete(i);
	/* What is freed later belongs to it. */
	settle();
	return busy_ns() - start;
}

int main(int argc, char **argv)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	long long took, before, down, up;
	int i, count;

	if (argc != 3)
		errx(2, "usage: links KIND COUNT");
	count = atoi(argv[2]);
	netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (netlink < 0 ||
	    connect(netlink, (struct sockaddr *)&kernel, sizeof(kernel)))
		err(1, "netlink");

	/* Slabs keep some of what was in them. Let that be as it stays. */
	make_all(argv[1], count / 4);
	delete_all(count / 4);

	before = used();
	took = make_all(argv[1], count);
	down = used() - before;

	for (i = 0; i < count; i++)
		set(argv[1], i, IFF_UP);
	up = used() - before;
	for (i = 0; i < count; i++)
		set(argv[1], i, 0);
	settle();

	took += delete_all(count);
	printf("%lld %lld %lld\n", took, down, up);
	return 0;
}
