// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: vnet, a virtual NIC whose wire can be broken on purpose
 *
 * Loading the module makes the devices, unloading it takes them away. What a
 * frame goes through in between:
 *
 * stack → tx.c → TX ring (ring.h) → wire.c (vlan.c, impair.c, reflect.c,
 * delay line) → RX ring → rx.c → stack
 *
 * Next: vnet.h has the device and the map of the files.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "vnet.h"

/**
 * vnet_init() - the module has been loaded: make the devices
 *
 * Context: Process context.
 * Return: 0, or the error of the device that could not be made; then none is
 * left.
 */
static int __init vnet_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < VNET_GET(devices); i++) {
		err = vnet_create(i);
		if (err) {
			pr_err("device %u could not be made (%d)\n", i, err);
			vnet_destroy_all();
			return err;
		}
	}
	pr_debug("loaded, devices=%u\n", VNET_GET(devices));
	return 0;
}

/**
 * vnet_exit() - the module is about to go
 *
 * Context: Process context; nobody uses the module any more.
 */
static void __exit vnet_exit(void)
{
	vnet_destroy_all();
	pr_debug("unloaded\n");
}

module_init(vnet_init);
module_exit(vnet_exit);

MODULE_DESCRIPTION("vnet: a virtual NIC whose wire can be broken on purpose");
MODULE_AUTHOR("The vnet maintainers");
MODULE_LICENSE("GPL");
