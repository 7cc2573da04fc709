/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pure parts of the driver need of the kernel's header.
 *
 * Built with -DBROKEN=head, the accesses to a member head order nothing, and
 * a test that is of any use fails.
 */
#ifndef UNIT_ASM_BARRIER_H
#define UNIT_ASM_BARRIER_H

#ifndef BROKEN
#define BROKEN nothing
#endif

#define UNIT_TEXT_OF(x) #x
#define UNIT_TEXT(x) UNIT_TEXT_OF(x)
#define UNIT_BROKEN(text) __builtin_strstr(text, "->" UNIT_TEXT(BROKEN))

/* Pairs with smp_store_release(). */
#define smp_load_acquire(p)						\
	(UNIT_BROKEN(#p) ? __atomic_load_n(p, __ATOMIC_RELAXED) :	\
			   __atomic_load_n(p, __ATOMIC_ACQUIRE))

/* Pairs with smp_load_acquire(). */
#define smp_store_release(p, value)					\
	(UNIT_BROKEN(#p) ? __atomic_store_n(p, value, __ATOMIC_RELAXED) : \
			   __atomic_store_n(p, value, __ATOMIC_RELEASE))

#endif /* UNIT_ASM_BARRIER_H */
