// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: ethtool
 *
 * What can be asked and set with the tool of that name. Process context, RTNL
 * held.
 *
 * Next: selftest.c.
 */

#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/string.h>

#include "vnet.h"

/**
 * vnet_get_drvinfo() - `ethtool -i`
 * @dev: the device
 * @info: where to put it
 *
 * Context: Process context, RTNL held, as all of ethtool.
 */
static void vnet_get_drvinfo(struct net_device *dev,
			     struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->bus_info, "virtual", sizeof(info->bus_info));
}

/**
 * vnet_get_link_ksettings() - `ethtool vnet0`
 * @dev: the device
 * @cmd: where to put it
 *
 * The speed is unknown, and says so: this wire takes tx_usecs for any number
 * of frames, which no figure in Mbit/s would describe.
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_get_link_ksettings(struct net_device *dev,
				   struct ethtool_link_ksettings *cmd)
{
	cmd->base.speed = SPEED_UNKNOWN;
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.port = PORT_NONE;
	cmd->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

/**
 * vnet_get_ringparam() - `ethtool -g`
 * @dev: the device
 * @ring: where to put it
 * @kernel_ring: more of it, of no use here
 * @extack: not needed, for nothing can go wrong
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_ringparam(struct net_device *dev,
			       struct ethtool_ringparam *ring,
			       struct kernel_ethtool_ringparam *kernel_ring,
			       struct netlink_ext_ack *extack)
{
	ring->tx_max_pending = VNET_TX_RING_SIZE;
	ring->tx_pending = VNET_TX_RING_SIZE;
	ring->rx_max_pending = VNET_RX_RING_SIZE;
	ring->rx_pending = VNET_RX_RING_SIZE;
}

/**
 * vnet_get_msglevel() - `ethtool vnet0`, its last lines
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: what is logged, NETIF_MSG_*.
 */
static u32 vnet_get_msglevel(struct net_device *dev)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	return priv->msg_enable;
}

/**
 * vnet_set_msglevel() - `ethtool -s vnet0 msglvl …`
 * @dev: the device
 * @level: what to log, NETIF_MSG_*
 *
 * Context: Process context, RTNL held; the frame's path reads it as it goes.
 */
static void vnet_set_msglevel(struct net_device *dev, u32 level)
{
	struct vnet_priv *priv = netdev_priv(dev);

	WRITE_ONCE(priv->msg_enable, level);
}

/**
 * vnet_get_sset_count() - how many lines `ethtool -S` or `-t` will print
 * @dev: the device
 * @sset: which set of strings
 *
 * Context: Process context, RTNL held.
 * Return: their number, or -EOPNOTSUPP for a set that we do not have.
 */
static int vnet_get_sset_count(struct net_device *dev, int sset)
{
	switch (sset) {
	case ETH_SS_STATS:
		return vnet_counter_total();
	case ETH_SS_TEST:
		return vnet_test_total();
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * vnet_get_strings() - the counters' or the tests' names
 * @dev: the device
 * @sset: which set of strings
 * @data: where to put them
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	if (sset == ETH_SS_STATS)
		vnet_get_counter_names(data);
	else if (sset == ETH_SS_TEST)
		vnet_get_test_names(data);
}

const struct ethtool_ops vnet_ethtool_ops = {
	.get_drvinfo		= vnet_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= vnet_get_link_ksettings,
	.get_ringparam		= vnet_get_ringparam,
	.get_msglevel		= vnet_get_msglevel,
	.set_msglevel		= vnet_set_msglevel,
	.self_test		= vnet_self_test,
	.get_sset_count		= vnet_get_sset_count,
	.get_strings		= vnet_get_strings,
	.get_ethtool_stats	= vnet_get_ethtool_stats,
	.get_ts_info		= ethtool_op_get_ts_info,
};
