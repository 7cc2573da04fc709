// SPDX-License-Identifier: GPL-2.0
/*
 * Sends UDP datagrams or a TCP stream from one network namespace to another,
 * and prints what it took.
 *
 *   flow udp SIZE COUNT NETNS ADDRESS
 *   flow tcp MIB 1 NETNS ADDRESS
 *
 * Prints the nanoseconds that the machine was not idle. On a machine that
 * counts time by instructions, and has one CPU, that is the number of
 * instructions that everything took: sender, kernel, receiver.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Datagrams sent before the receiver has its turn. */
#define BATCH 16

static char buffer[1 << 17];

/* Returns the nanoseconds since boot that the CPU was idle. */
static long long idle(void)
{
	static const char key[] = ".idle_sleeptime";
	FILE *list = fopen("/proc/timer_list", "r");
	long long value = -1;
	char line[256], *at;

	if (!list)
		err(1, "/proc/timer_list");
	while (value < 0 && fgets(line, sizeof(line), list)) {
		at = strstr(line, key);
		if (at)
			sscanf(strchr(at, ':') + 1, "%lld", &value);
	}
	fclose(list);
	if (value < 0)
		errx(1, "/proc/timer_list does not tell how long the CPU was idle");
	return value;
}

/* Returns the nanoseconds since boot that it was not. */
static long long busy(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec - idle();
}

/* Enters the network namespace that "ip netns" has given a name. */
static void enter(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "%s", path);
	close(fd);
}

/* Returns a socket bound to the address at the far end, and goes back home. */
static int far_socket(int type, const char *netns, struct sockaddr_in *to)
{
	int home = open("/proc/self/ns/net", O_RDONLY);
	socklen_t len = sizeof(*to);
	int size = 1 << 22;
	int fd;

	enter(netns);
	fd = socket(AF_INET, type, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)to, len) ||
	    getsockname(fd, (struct sockaddr *)to, &len))
		err(1, "the socket at the far end");
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setns(home, CLONE_NEWNET))
		err(1, "the way back");
	close(home);
	return fd;
}

/* Sends datagrams, and reads them at the far end as they come. */
static long long udp(int far, struct sockaddr_in *to, int size, int count)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int i, sent = 0, seen = 0, patience = 0;
	long long begin;

	if (connect(fd, (struct sockaddr *)to, sizeof(*to)))
		err(1, "connect");
	begin = busy();
	while (seen < count) {
		for (i = 0; i < BATCH && sent < count; i++, sent++)
			if (send(fd, buffer, size, 0) != size)
				err(1, "send");
		i = seen;
		while (recv(far, buffer, sizeof(buffer), MSG_DONTWAIT) == size)
			seen++;
		if (sent < count || seen > i)
			patience = 0;
		else if (++patience == 1000000)
			errx(1, "%d of %d datagrams were lost", count - seen,
			     count);
	}
	begin = busy() - begin;
	close(fd);
	return begin;
}

/* Sends a stream, and reads it at the far end as it comes. */
static long long tcp(int far, struct sockaddr_in *to, long long bytes)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	long long begin, left = bytes;
	int from, status;
	pid_t reader;
	ssize_t n;

	if (listen(far, 1) || connect(fd, (struct sockaddr *)to, sizeof(*to)))
		err(1, "connect");
	from = accept(far, NULL, NULL);
	if (from < 0)
		err(1, "accept");
	begin = busy();
	reader = fork();
	if (reader < 0)
		err(1, "fork");
	if (!reader) {
		close(fd);
		while (left > 0) {
			n = recv(from, buffer, sizeof(buffer), 0);
			if (n <= 0)
				err(1, "recv");
			left -= n;
		}
		_exit(0);
	}
	while (left > 0) {
		n = send(fd, buffer, left < (int)sizeof(buffer) ? left :
			 (long long)sizeof(buffer), 0);
		if (n < 0)
			err(1, "send");
		left -= n;
	}
	if (waitpid(reader, &status, 0) < 0 || status)
		errx(1, "the reader has failed");
	begin = busy() - begin;
	close(from);
	close(fd);
	return begin;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int size, count, far;
	long long took;

	if (argc != 6 || inet_pton(AF_INET, argv[5], &to.sin_addr) != 1)
		errx(2, "usage: flow udp SIZE COUNT NETNS ADDRESS | flow tcp MIB 1 NETNS ADDRESS");
	size = atoi(argv[2]);
	count = atoi(argv[3]);
	if (!strcmp(argv[1], "udp")) {
		far = far_socket(SOCK_DGRAM, argv[4], &to);
		took = udp(far, &to, size, count);
	} else {
		far = far_socket(SOCK_STREAM, argv[4], &to);
		took = tcp(far, &to, (long long)size << 20);
	}
	printf("%lld\n", took);
	return 0;
}
