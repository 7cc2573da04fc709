// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: vnet, milestone 2: a network device
 *
 * The kernel knows a network device by a &struct net_device and a table of
 * operations. This one can be named, addressed, brought up and taken down, and
 * takes every frame that it is given. No wire is behind it yet: a frame counts
 * as sent the moment it arrives.
 *
 * ndo_open, ndo_stop and everything in module load and removal run in process
 * context under RTNL. ndo_start_xmit runs with bottom halves off, under the
 * lock of its TX queue (Documentation/networking/netdevices.rst).
 *
 * Next: milestone 3 puts a ring between the stack and the wire.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/etherdevice.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/stringify.h>

/* A thousand devices make a test of scale; more would only cost memory. */
#define VNET_MAX_DEVICES 1000

/*
 * The first device's address; device i has this plus i. 02 in the first byte
 * means "assigned locally, one station"; the rest spells "vnet" in ASCII.
 */
#define VNET_MAC_BASE 0x02766e657400ULL

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
 * struct vnet_priv - one device
 * @dev: the kernel's half of it
 * @node: its place in vnet_list
 */
struct vnet_priv {
	struct net_device *dev;
	struct list_head node;
};

/* Every device of ours. Written at module load and removal only. */
static LIST_HEAD(vnet_list);

/**
 * vnet_start_xmit() - take one frame from the stack
 * @skb: the frame, from its Ethernet header on; ours from here
 * @dev: the device
 *
 * The frame is consumed, not dropped: tools that watch for lost packets (the
 * skb:kfree_skb tracepoint) must stay silent about one that was sent. The _any
 * form because netpoll calls here with interrupts off.
 *
 * Context: Bottom halves off, TX queue lock held.
 * Return: NETDEV_TX_OK, always.
 */
static netdev_tx_t vnet_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	skb_tx_timestamp(skb);
	dev->stats.tx_packets++;
	dev->stats.tx_bytes += skb->len;
	dev_consume_skb_any(skb);
	return NETDEV_TX_OK;
}

/**
 * vnet_open() - the device goes up
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_open(struct net_device *dev)
{
	netif_start_queue(dev);
	netif_carrier_on(dev);
	netdev_dbg(dev, "up\n");
	return 0;
}

/**
 * vnet_stop() - the device goes down
 * @dev: the device
 *
 * netif_tx_disable() takes the TX lock, so that when it returns no
 * vnet_start_xmit() is running and none will start.
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_stop(struct net_device *dev)
{
	netif_carrier_off(dev);
	netif_tx_disable(dev);
	netdev_dbg(dev, "down\n");
	return 0;
}

static const struct net_device_ops vnet_netdev_ops = {
	.ndo_open		= vnet_open,
	.ndo_stop		= vnet_stop,
	.ndo_start_xmit		= vnet_start_xmit,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_set_mac_address	= eth_mac_addr,
};

/**
 * vnet_setup() - what every device has in common
 * @dev: the device, not yet registered
 *
 * Context: Process context.
 */
static void vnet_setup(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	priv->dev = dev;

	strscpy(dev->name, "vnet%d", sizeof(dev->name));
	dev->netdev_ops = &vnet_netdev_ops;
	dev->needs_free_netdev = true;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	netif_carrier_off(dev);
}

/**
 * vnet_create() - make one device and show it to the world
 * @index: which one, from 0; decides its address
 *
 * Context: Process context, RTNL not held.
 * Return:
 * * 0 - it exists
 * * -ENOMEM - out of memory; nothing is left behind
 * * other - what register_netdev() refused it with; nothing is left behind
 */
static int __init vnet_create(unsigned int index)
{
	struct net_device *dev;
	struct vnet_priv *priv;
	u8 addr[ETH_ALEN];
	int err;

	dev = alloc_etherdev(sizeof(*priv));
	if (!dev)
		return -ENOMEM;
	priv = netdev_priv(dev);

	vnet_setup(dev);
	u64_to_ether_addr(VNET_MAC_BASE + index, addr);
	eth_hw_addr_set(dev, addr);

	err = register_netdev(dev);
	if (err) {
		free_netdev(dev);
		return err;
	}
	list_add_tail(&priv->node, &vnet_list);
	return 0;
}

/**
 * vnet_destroy_all() - take every device away
 *
 * One batch, because each unregistration on its own waits for a grace period.
 * The core frees the devices (needs_free_netdev) once nobody holds them.
 *
 * Context: Process context, RTNL not held.
 */
static void vnet_destroy_all(void)
{
	struct vnet_priv *priv;
	LIST_HEAD(doomed);

	rtnl_lock();
	list_for_each_entry(priv, &vnet_list, node)
		unregister_netdevice_queue(priv->dev, &doomed);
	unregister_netdevice_many(&doomed);
	rtnl_unlock();
}

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

MODULE_DESCRIPTION("vnet: a network driver in nine steps");
MODULE_AUTHOR("The vnet maintainers");
MODULE_LICENSE("GPL");
