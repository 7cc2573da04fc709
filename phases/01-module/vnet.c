// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: vnet, milestone 1: a module
 *
 * Before a driver drives anything it is a module: code that the kernel links
 * into itself at run time, that says what it wants to be told (parameters),
 * says what it does (the log), and takes back everything when it leaves.
 *
 * Runs in process context only: module load, module removal, and writes to
 * /sys/module/vnet/parameters.
 *
 * Next: milestone 2 makes a network device of it.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/stringify.h>

/* A thousand devices make a test of scale; more would only cost memory. */
#define VNET_MAX_DEVICES 1000

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

#define VNET_PARAM(_name, _default, _min, _max, _mode, _desc)		\
	static struct vnet_param vnet_param_##_name = {			\
		.value = (_default), .min = (_min), .max = (_max),	\
	};								\
	module_param_cb(_name, &vnet_param_ops, &vnet_param_##_name,	\
			_mode);						\
	MODULE_PARM_DESC(_name, _desc " (" __stringify(_min) " to "	\
			 __stringify(_max) ", default "			\
			 __stringify(_default) ")")

#define VNET_GET(_name) READ_ONCE(vnet_param_##_name.value)

VNET_PARAM(devices, 1, 1, VNET_MAX_DEVICES, 0444, "how many NICs to make");

/**
 * vnet_init() - the module has been loaded
 *
 * Context: Process context.
 * Return: 0, always: there is nothing yet that could fail.
 */
static int __init vnet_init(void)
{
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
	pr_debug("unloaded\n");
}

module_init(vnet_init);
module_exit(vnet_exit);

MODULE_DESCRIPTION("vnet: a network driver in nine steps");
MODULE_AUTHOR("The vnet maintainers");
MODULE_LICENSE("GPL");
