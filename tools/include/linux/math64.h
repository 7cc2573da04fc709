/* SPDX-License-Identifier: GPL-2.0 */
/* What the pure parts of the driver need of the kernel's header. */
#ifndef UNIT_LINUX_MATH64_H
#define UNIT_LINUX_MATH64_H

#include <linux/types.h>

/* Divides. */
static inline __u64 div64_u64(__u64 dividend, __u64 divisor)
{
	return dividend / divisor;
}

/* Divides, and leaves the rest. */
static inline __u64 div64_u64_rem(__u64 dividend, __u64 divisor, __u64 *rest)
{
	*rest = dividend % divisor;
	return dividend / divisor;
}

/* Multiplies, and divides by at most 2^32; in between it may be larger. */
static inline __u64 mul_u64_u32_shr(__u64 a, __u32 b, unsigned int shift)
{
	__u64 high = (a >> 32) * b, low = (a & 0xffffffff) * b;

	return (low >> shift) + (high << (32 - shift));
}

#endif /* UNIT_LINUX_MATH64_H */
