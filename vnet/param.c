// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The module parameters, one by one
 *
 * A wrong value is refused with one line in the kernel log that names the
 * allowed ones, and changes nothing. Runs in process context, under the
 * kernel's parameter lock.
 *
 * Next: impair.c, where most of them act.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <linux/sysfs.h>

#include "param.h"
#include "vnet.h"

/**
 * vnet_param_set() - take a new value for a parameter, or say what is allowed
 * @val: text that the user wrote
 * @kp: the parameter; its arg is a &struct vnet_param
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return:
 * * 0 - the value is in force
 * * -EINVAL - not a number; nothing has changed
 * * -ERANGE - a number outside the range; nothing has changed
 */
static int vnet_param_set(const char *val, const struct kernel_param *kp)
{
	struct vnet_param *param = kp->arg;
	unsigned int value;
	int err;

	err = kstrtouint(val, 0, &value);
	if (!err && (value < param->min || value > param->max))
		err = -ERANGE;
	if (err) {
		pr_err("%s must be %u to %u\n", kp->name, param->min,
		       param->max);
		return err;
	}
	WRITE_ONCE(param->value, value);
	return 0;
}

/**
 * vnet_param_get() - print a parameter for sysfs
 * @buffer: one page to print into
 * @kp: the parameter; its arg is a &struct vnet_param
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return: number of bytes printed.
 */
static int vnet_param_get(char *buffer, const struct kernel_param *kp)
{
	const struct vnet_param *param = kp->arg;

	return sysfs_emit(buffer, "%u\n", param->value);
}

static const struct kernel_param_ops vnet_param_ops = {
	.set = vnet_param_set,
	.get = vnet_param_get,
};

/* Defines a parameter, its range and its description for modinfo. */
#define VNET_PARAM(_name, _default, _min, _max, _mode, _desc)		\
	struct vnet_param vnet_param_##_name = {			\
		.value = (_default), .min = (_min), .max = (_max),	\
	};								\
	module_param_cb(_name, &vnet_param_ops, &vnet_param_##_name,	\
			_mode);						\
	MODULE_PARM_DESC(_name, _desc " (" __stringify(_min) " to "	\
			 __stringify(_max) ", default "			\
			 __stringify(_default) ")")

VNET_PARAM(devices, 1, 1, VNET_MAX_DEVICES, 0444, "how many NICs to make");
VNET_PARAM(tx_usecs, 100, 1, 10000000, 0644,
	   "microseconds from the doorbell to the completion of a frame");
VNET_PARAM(delay_ns, 0, 0, 1000000000, 0644,
	   "nanoseconds a frame is under way, on average");
VNET_PARAM(jitter_ns, 0, 0, 1000000000, 0644,
	   "nanoseconds by which that varies, evenly; never above delay_ns");
VNET_PARAM(loss_ppm, 0, 0, 1000000, 0644, "frames lost of a million");
VNET_PARAM(seed, 1, 0, 4294967295, 0644,
	   "where the dice start when the device goes up");
VNET_PARAM(vlan_pop, 0, 0, 1, 0644, "take the outer VLAN tag off");
VNET_PARAM(vlan_from, 0, 0, 4094, 0644,
	   "VLAN to be translated to vlan_to; 0 for none");
VNET_PARAM(vlan_to, 0, 0, 4094, 0644,
	   "VLAN that vlan_from is translated to; 0 for none");
VNET_PARAM(vlan_push, 0, 0, 4094, 0644, "VLAN tag to put on; 0 for none");

/* Their names, in the order of &enum vnet_far_end. */
static const char * const vnet_far_end_names[] = { "loop", "reflect" };

unsigned int vnet_far_end = VNET_REFLECT;

/**
 * vnet_far_end_set() - plug in another far end
 * @val: its name
 * @kp: the parameter; its arg holds an &enum vnet_far_end
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return: 0, or -EINVAL for an unknown name; then nothing has changed.
 */
static int vnet_far_end_set(const char *val, const struct kernel_param *kp)
{
	int which = sysfs_match_string(vnet_far_end_names, val);

	if (which < 0) {
		pr_err("%s must be loop or reflect\n", kp->name);
		return which;
	}
	WRITE_ONCE(*(unsigned int *)kp->arg, which);
	return 0;
}

/**
 * vnet_far_end_get() - print the far end's name for sysfs
 * @buffer: one page to print into
 * @kp: the parameter; its arg holds an &enum vnet_far_end
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return: number of bytes printed.
 */
static int vnet_far_end_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n",
			  vnet_far_end_names[*(unsigned int *)kp->arg]);
}

static const struct kernel_param_ops vnet_far_end_ops = {
	.set = vnet_far_end_set,
	.get = vnet_far_end_get,
};

module_param_cb(wire, &vnet_far_end_ops, &vnet_far_end, 0644);
MODULE_PARM_DESC(wire, "the far end: loop or reflect (default reflect)");
