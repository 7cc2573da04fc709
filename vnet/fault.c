// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Faults of the hardware, on purpose
 *
 * /sys/kernel/debug/vnet/stall: write the number of a device (the last word of
 * bus-info in `ethtool -i`), and its hardware hangs: it accepts frames and
 * carries none, until the watchdog of the stack finds out and tx.c resets it.
 * Root's, as all of debugfs.
 *
 * Next: tx.c, vnet_tx_timeout().
 */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>

#include "vnet.h"

static struct dentry *vnet_debugfs;

/**
 * vnet_find() - the device of a number
 * @id: its number in this module
 *
 * Context: Process context, RTNL held.
 * Return: the device; NULL if there is none.
 */
static struct vnet_priv *vnet_find(unsigned int id)
{
	struct net_device *dev;
	struct vnet_priv *priv;
	struct net *net;

	for_each_net(net) {
		for_each_netdev(net, dev) {
			if (dev->rtnl_link_ops != &vnet_link_ops)
				continue;
			priv = netdev_priv(dev);
			if (priv->id == id)
				return priv;
		}
	}
	return NULL;
}

/**
 * vnet_stall_write() - let a device's hardware hang
 * @file: stall
 * @buf: the number of the device
 * @len: bytes of that
 * @pos: unused
 *
 * A device that is down has no hardware at work; if it hung from the start,
 * nobody would find out.
 *
 * Context: Process context.
 * Return: @len, -EINVAL if it is no number, -ENODEV, or -ENETDOWN.
 */
static ssize_t vnet_stall_write(struct file *file, const char __user *buf,
				size_t len, loff_t *pos)
{
	struct vnet_priv *priv;
	unsigned int id;
	ssize_t err;

	err = kstrtouint_from_user(buf, len, 0, &id);
	if (err)
		return err;
	rtnl_lock();
	down_read(&net_rwsem);
	priv = vnet_find(id);
	if (!priv) {
		err = -ENODEV;
	} else if (!priv->up) {
		err = -ENETDOWN;
	} else {
		WRITE_ONCE(priv->stalled, true);
		err = len;
	}
	up_read(&net_rwsem);
	rtnl_unlock();
	return err;
}

static const struct file_operations vnet_stall_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= vnet_stall_write,
};

/**
 * vnet_fault_init() - offer the faults
 *
 * Without debugfs there are none, which is no error.
 *
 * Context: Process context.
 */
void vnet_fault_init(void)
{
	vnet_debugfs = debugfs_create_dir("vnet", NULL);
	debugfs_create_file("stall", 0200, vnet_debugfs, NULL,
			    &vnet_stall_fops);
}

/**
 * vnet_fault_exit() - take the faults away
 *
 * Context: Process context.
 */
void vnet_fault_exit(void)
{
	debugfs_remove_recursive(vnet_debugfs);
}
