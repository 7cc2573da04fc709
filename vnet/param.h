/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: Module parameters that know their range
 *
 * All settings of this driver are module parameters, for every device at once
 * (/sys/module/vnet/parameters). They are read once per use, with VNET_GET(),
 * wherever a frame needs them; a change acts on the next frame.
 *
 * Next: param.c has the list.
 */

#ifndef VNET_PARAM_H
#define VNET_PARAM_H

#include <linux/compiler.h>

/**
 * struct vnet_param - an unsigned module parameter that knows its range
 * @value: what it is now; written under the kernel's parameter lock, read
 *	anywhere with READ_ONCE()
 * @min: smallest value allowed
 * @max: largest value allowed
 */
struct vnet_param {
	unsigned int value;
	unsigned int min;
	unsigned int max;
};

/* Declares a parameter that param.c defines. */
#define VNET_PARAM_DECLARE(_name) extern struct vnet_param vnet_param_##_name

/* Its value now. */
#define VNET_GET(_name) READ_ONCE(vnet_param_##_name.value)

VNET_PARAM_DECLARE(devices);
VNET_PARAM_DECLARE(tx_usecs);
VNET_PARAM_DECLARE(delay_ns);
VNET_PARAM_DECLARE(jitter_ns);
VNET_PARAM_DECLARE(loss_ppm);
VNET_PARAM_DECLARE(seed);
VNET_PARAM_DECLARE(vlan_pop);
VNET_PARAM_DECLARE(vlan_from);
VNET_PARAM_DECLARE(vlan_to);
VNET_PARAM_DECLARE(vlan_push);

/**
 * enum vnet_far_end - who is at the other end of the wire
 * @VNET_LOOP: a plug that sends every frame back as it came
 * @VNET_REFLECT: a neighbour that answers to every address
 */
enum vnet_far_end {
	VNET_LOOP,
	VNET_REFLECT,
};

/* Who it is now, an &enum vnet_far_end. */
extern unsigned int vnet_far_end;

#endif /* VNET_PARAM_H */
