/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs of the comparison have in common: how long the machine was
 * not idle. On one that counts time by instructions, and has one CPU, that is
 * the number of instructions that everything took: programs, stack, driver.
 */
#ifndef BENCH_BUSY_H
#define BENCH_BUSY_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Returns the nanoseconds since boot that the CPU was idle. */
static inline long long idle_ns(void)
{
	FILE *list = fopen("/proc/timer_list", "r");
	long long value = -1;
	char line[256];

	if (!list)
		err(1, "/proc/timer_list");
	while (value < 0 && fgets(line, sizeof(line), list))
		if (sscanf(line, " .idle_sleeptime : %lld", &value) != 1)
			value = -1;
	fclose(list);
	if (value < 0)
		errx(1, "no .idle_sleeptime in /proc/timer_list");
	return value;
}

/* Returns the nanoseconds since boot that it was not. */
static inline long long busy_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec - idle_ns();
}

/* Enters a network namespace that "ip netns" knows; "-" is the present one. */
static inline void enter(const char *name)
{
	char path[256];
	int fd;

	if (!strcmp(name, "-"))
		return;
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "%s", path);
	close(fd);
}

#endif
