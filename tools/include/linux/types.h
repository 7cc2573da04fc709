/* SPDX-License-Identifier: GPL-2.0 */
/* What the pure parts of the driver need of the kernel's header. */
#ifndef UNIT_LINUX_TYPES_H
#define UNIT_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include_next <linux/types.h>

#endif /* UNIT_LINUX_TYPES_H */
