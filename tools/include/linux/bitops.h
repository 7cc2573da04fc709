/* SPDX-License-Identifier: GPL-2.0 */
/* What the pure parts of the driver need of the kernel's header. */
#ifndef UNIT_LINUX_BITOPS_H
#define UNIT_LINUX_BITOPS_H

#include <linux/types.h>

/* The place of the highest bit that is set, from 1; 0 if none is. */
static inline int fls64(__u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

#endif /* UNIT_LINUX_BITOPS_H */
