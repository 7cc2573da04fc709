/* SPDX-License-Identifier: GPL-2.0 */
/* What the pure parts of the driver need of the kernel's header. */
#ifndef UNIT_LINUX_MINMAX_H
#define UNIT_LINUX_MINMAX_H

/* The lesser of two of the same type. */
#define min(a, b) ((a) < (b) ? (a) : (b))

/* A number, or the bound that it is beyond; all of the same type. */
#define clamp(value, low, high) \
	((value) < (low) ? (low) : (value) > (high) ? (high) : (value))

#endif /* UNIT_LINUX_MINMAX_H */
