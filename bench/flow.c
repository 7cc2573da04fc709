// SPDX-License-Identifier: GPL-2.0
/*
 * Sends UDP datagrams or a TCP stream from one network namespace to another,
 * and prints what each of several parts took.
 *
 *   flow udp PARTS COUNT BYTES NETNS ADDRESS   COUNT datagrams of BYTES a part
 *   flow tcp PARTS MIB - NETNS ADDRESS
 *
 * NETNS is a name that "ip netns" knows, or - for none. Sender and receiver
 * are one process: with two, it would be in the figures how often the
 * scheduler changes from one to the other, which is not twice the same.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include "busy.h"

/* Datagrams sent before the receiver has its turn. */
#define BATCH 16

/* Bytes of a stream that are sent before. */
#define CHUNK 65536

static char buffer[1 << 17];

/*
 * Gives a socket room for what is under way. A size that is set is not adapted
 * by TCP either, which would not do it twice in the same way.
 */
static void room(int fd, int which)
{
	int size = 1 << 20;

	if (setsockopt(fd, SOL_SOCKET, which, &size, sizeof(size)))
		err(1, "the socket's buffer");
}

/* Returns a socket bound to the address at the far end, and goes back home. */
static int far_socket(int type, const char *netns, struct sockaddr_in *to)
{
	int home = open("/proc/self/ns/net", O_RDONLY);
	socklen_t len = sizeof(*to);
	int fd;

	enter(netns);
	fd = socket(AF_INET, type, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)to, len) ||
	    getsockname(fd, (struct sockaddr *)to, &len))
		err(1, "the socket at the far end");
	room(fd, SO_RCVBUFFORCE);
	if (setns(home, CLONE_NEWNET))
		err(1, "the way back");
	close(home);
	return fd;
}

/* Returns how many datagrams were waiting; they are taken. */
static int take(int fd, int size)
{
	int n = 0;

	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) == size)
		n++;
	return n;
}

/* Sends datagrams, and reads them at the far end as they come. */
static void send_datagrams(int near, int far, int size, int count)
{
	struct pollfd waiting = { .fd = far, .events = POLLIN };
	int i, sent = 0, seen = 0;

	while (sent < count) {
		for (i = 0; i < BATCH && sent < count; i++, sent++)
			if (send(near, buffer, size, 0) != size)
				err(1, "send");
		seen += take(far, size);
	}
	while (seen < count) {
		if (poll(&waiting, 1, 10000) <= 0)
			errx(1, "%d of %d datagrams were lost", count - seen,
			     count);
		seen += take(far, size);
	}
}

/* Sends bytes of a stream, and reads them at the far end as they come. */
static void send_stream(int near, int far, long long bytes)
{
	struct pollfd waiting[] = {
		{ .fd = near, .events = POLLOUT },
		{ .fd = far, .events = POLLIN },
	};
	long long sent = 0, seen = 0;
	ssize_t in, out;
	size_t next;

	while (seen < bytes) {
		next = bytes - sent < CHUNK ? bytes - sent : CHUNK;
		out = next ? send(near, buffer, next, MSG_DONTWAIT) : 0;
		in = recv(far, buffer, sizeof(buffer), MSG_DONTWAIT);
		if ((out < 0 || in < 0) && errno != EAGAIN)
			err(1, "the stream");
		sent += out > 0 ? out : 0;
		seen += in > 0 ? in : 0;
		waiting[0].fd = sent < bytes ? near : -1;
		if (out <= 0 && in <= 0 && poll(waiting, 2, 10000) <= 0)
			errx(1, "the stream does not move");
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int type, part, parts, count, near, far;
	long long begin;

	if (argc != 7 || inet_pton(AF_INET, argv[6], &to.sin_addr) != 1)
		errx(2, "usage: flow udp|tcp PARTS COUNT BYTES NETNS ADDRESS");
	type = strcmp(argv[1], "udp") ? SOCK_STREAM : SOCK_DGRAM;
	parts = atoi(argv[2]);
	count = atoi(argv[3]);

	far = far_socket(type, argv[5], &to);
	near = socket(AF_INET, type, 0);
	room(near, SO_SNDBUFFORCE);
	if ((type == SOCK_STREAM && listen(far, 1)) ||
	    connect(near, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connect");
	if (type == SOCK_STREAM)
		far = accept(far, NULL, NULL);

	for (part = 0; part < parts; part++) {
		begin = busy_ns();
		if (type == SOCK_DGRAM)
			send_datagrams(near, far, atoi(argv[4]), count);
		else
			send_stream(near, far, (long long)count << 20);
		printf("%lld\n", busy_ns() - begin);
	}
	return 0;
}
