/* SPDX-License-Identifier: GPL-2.0 */
/* What the pure parts of the driver need of the kernel's header. */
#ifndef UNIT_LINUX_CACHE_H
#define UNIT_LINUX_CACHE_H

/* That of x86-64. */
#define SMP_CACHE_BYTES 64

#define ____cacheline_aligned_in_smp \
	__attribute__((__aligned__(SMP_CACHE_BYTES)))

#endif /* UNIT_LINUX_CACHE_H */
