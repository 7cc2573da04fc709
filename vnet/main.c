// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: vnet, a virtual NIC whose wire can be broken on purpose
 *
 * Loading the module makes the link kind "vnet" known: `ip link add … type
 * vnet`.
 * What a frame goes through in between two ends of a link:
 *
 * stack → tx.c → TX ring (ring.h) → wire.c (reflect.c) → RX ring →
 * rx.c (xdp.c) → stack
 *
 * Next: vnet.h has the device and the map of the files.
 */

#include <linux/module.h>
#include <net/rtnetlink.h>

#include "vnet.h"

/**
 * vnet_devices_set() - the parameter "devices" has been given
 * @val: its text
 * @kp: the parameter
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return: 0, -EINVAL if it is no number, or -ERANGE; then nothing has changed.
 */
static int vnet_devices_set(const char *val, const struct kernel_param *kp)
{
	unsigned int n;
	int err = kstrtouint(val, 0, &n);

	if (!err && n > 1000)
		err = -ERANGE;
	if (err) {
		pr_err("vnet: %s must be 0 to 1000\n", kp->name);
		return err;
	}
	*(unsigned int *)kp->arg = n;
	return 0;
}

static const struct kernel_param_ops vnet_devices_ops = {
	.set = vnet_devices_set,
	.get = param_get_uint,
};

static unsigned int vnet_devices;
module_param_cb(devices, &vnet_devices_ops, &vnet_devices, 0444);
MODULE_PARM_DESC(devices, "NICs with a neighbour that answers to every address, vnet0 …, to make at once (0 to 1000, default 0)");

/**
 * vnet_init() - the module has been loaded
 *
 * Context: Process context.
 * Return: 0, or the error of what could not be made; then nothing is left.
 */
static int __init vnet_init(void)
{
	unsigned int i;
	int err;

	vnet_fault_init();
	err = vnet_link_register();
	for (i = 0; !err && i < vnet_devices; i++) {
		err = vnet_create_lab(i);
		if (err) {
			pr_err("vnet: device %u could not be made (%d)\n", i,
			       err);
			vnet_link_unregister();
		}
	}
	if (err)
		vnet_fault_exit();
	return err;
}

/**
 * vnet_exit() - the module is about to go, and all devices with it
 *
 * Context: Process context.
 */
static void __exit vnet_exit(void)
{
	vnet_link_unregister();
	vnet_fault_exit();
}

module_init(vnet_init);
module_exit(vnet_exit);

MODULE_DESCRIPTION("vnet: a virtual NIC whose wire can be broken on purpose");
MODULE_AUTHOR("The vnet maintainers");
MODULE_LICENSE("GPL");
MODULE_ALIAS_RTNL_LINK("vnet");
