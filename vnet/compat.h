/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: The only place that looks at the kernel version
 *
 * ======== ============================ ==================================
 * since    what changed                 here
 * ======== ============================ ==================================
 * 6.13     hrtimer_setup() comes,       hrtimer_setup() made from
 *          hrtimer_init() goes in 6.15  hrtimer_init()
 * ======== ============================ ==================================
 */

#ifndef VNET_COMPAT_H
#define VNET_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/version.h>

#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
/* Sets a timer up with its handler, in one step. */
#define hrtimer_setup(_timer, _fn, _clock, _mode) do {			\
	struct hrtimer *__timer = (_timer);				\
									\
	hrtimer_init(__timer, _clock, _mode);				\
	__timer->function = (_fn);					\
} while (0)
#endif

#endif /* VNET_COMPAT_H */
