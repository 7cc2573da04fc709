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
#include <unistd.h>

#define BUSY "/sys/module/blast/parameters/busy"

/* Returns the nanoseconds since boot that the CPU was not idle. */
static inline long long busy_ns(void)
{
	int fd = open(BUSY, O_RDONLY);
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		err(1, BUSY);
	close(fd);
	return atoll(text);
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
