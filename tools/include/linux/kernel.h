/* SPDX-License-Identifier: GPL-2.0 */
/* What the pure parts of the driver need of the kernel's header. */
#ifndef UNIT_LINUX_KERNEL_H
#define UNIT_LINUX_KERNEL_H

#include <linux/types.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The square root, rounded down. */
static inline __u32 int_sqrt64(__u64 x)
{
	__u64 root = 0, bit = 1ULL << 31;

	for (; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	return root;
}

#endif /* UNIT_LINUX_KERNEL_H */
