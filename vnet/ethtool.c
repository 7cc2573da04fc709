// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: ethtool
 *
 * What can be asked and set with the tool of that name; each setting acts.
 * Process context, RTNL held, all of it.
 *
 * Next: selftest.c.
 */

#include <linux/ethtool.h>
#include <linux/log2.h>
#include <linux/netdevice.h>
#include <linux/string.h>

#include "vnet.h"

/**
 * vnet_get_drvinfo() - `ethtool -i`
 * @dev: the device
 * @info: where to put it
 *
 * The bus is this module, and the device's place on it its number.
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_drvinfo(struct net_device *dev,
			     struct ethtool_drvinfo *info)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	snprintf(info->bus_info, sizeof(info->bus_info), "vnet %u", priv->id);
}

/**
 * vnet_get_link_ksettings() - `ethtool vn0`
 * @dev: the device
 * @cmd: where to put it
 *
 * Without a rate the speed is a fable: as veth's.
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_get_link_ksettings(struct net_device *dev,
				   struct ethtool_link_ksettings *cmd)
{
	const struct vnet_impair *impair = vnet_impair_of(netdev_priv(dev));
	u64 rate = impair ? impair->set[VNET_IMPAIR_RATE] : VNET_RATE_NONE;

	cmd->base.speed = SPEED_10000;
	if (rate != VNET_RATE_NONE)
		cmd->base.speed = clamp_t(u64, div_u64(rate, 1000000), 1,
					  INT_MAX);
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.port = PORT_NONE;
	cmd->base.autoneg = AUTONEG_DISABLE;
	ethtool_link_ksettings_add_link_mode(cmd, supported, Pause);
	ethtool_link_ksettings_add_link_mode(cmd, supported, Asym_Pause);
	return 0;
}

/**
 * vnet_set_link_ksettings() - `ethtool -s vn0 speed …`
 * @dev: the device
 * @cmd: what is wanted
 *
 * The speed is the rate of what this end sends (serial.c). A speed that is
 * shown is not set by asking for something else: the core asks for it again.
 *
 * Context: Process context, RTNL held.
 * Return: 0; -EINVAL for what no such wire can be: half duplex, a speed of 0 or
 * unknown, one that is negotiated; or -ENOMEM. Then nothing has changed.
 */
static int vnet_set_link_ksettings(struct net_device *dev,
				   const struct ethtool_link_ksettings *cmd)
{
	struct vnet_priv *priv = netdev_priv(dev);
	struct ethtool_link_ksettings now = {};

	if (cmd->base.duplex != DUPLEX_FULL || !cmd->base.speed ||
	    cmd->base.speed == (u32)SPEED_UNKNOWN ||
	    cmd->base.autoneg != AUTONEG_DISABLE ||
	    cmd->base.port != PORT_NONE)
		return -EINVAL;
	vnet_get_link_ksettings(dev, &now);
	if (cmd->base.speed == now.base.speed)
		return 0;
	return vnet_impair_rate(priv, cmd->base.speed * 1000000ULL);
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
	const struct vnet_priv *priv = netdev_priv(dev);

	ring->tx_max_pending = VNET_RING_MAX;
	ring->tx_pending = priv->tx_size;
	ring->rx_max_pending = VNET_RING_MAX;
	ring->rx_pending = priv->rx_size;
}

/**
 * vnet_set_ringparam() - `ethtool -G`
 * @dev: the device
 * @ring: what is wanted; the core has checked the maximum
 * @kernel_ring: more of it, of no use here
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL held.
 * Return: 0, -EINVAL or -ENOMEM; then nothing has changed.
 */
static int vnet_set_ringparam(struct net_device *dev,
			      struct ethtool_ringparam *ring,
			      struct kernel_ethtool_ringparam *kernel_ring,
			      struct netlink_ext_ack *extack)
{
	struct vnet_priv *priv = netdev_priv(dev);
	u32 tx = ring->tx_pending, rx = ring->rx_pending;

	if (tx < VNET_RING_MIN || rx < VNET_RING_MIN ||
	    tx > VNET_RING_MAX || rx > VNET_RING_MAX ||
	    !is_power_of_2(tx) || !is_power_of_2(rx)) {
		NL_SET_ERR_MSG(extack,
			       "A ring must have a power of two from 4 to 4096 entries");
		return -EINVAL;
	}
	if (tx == priv->tx_size && rx == priv->rx_size)
		return 0;
	return vnet_resize(priv, priv->queues, tx, rx);
}

/**
 * vnet_get_channels() - `ethtool -l`
 * @dev: the device
 * @channels: where to put it
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_channels(struct net_device *dev,
			      struct ethtool_channels *channels)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	channels->max_combined = vnet_max_queues(dev);
	channels->combined_count = priv->queues;
}

/**
 * vnet_set_channels() - `ethtool -L`
 * @dev: the device
 * @channels: what is wanted; the core has checked it against the maxima, and
 *	that no queue goes that somebody holds
 *
 * Context: Process context, RTNL held.
 * Return: 0, -EINVAL or -ENOMEM; then nothing has changed.
 */
static int vnet_set_channels(struct net_device *dev,
			     struct ethtool_channels *channels)
{
	struct vnet_priv *priv = netdev_priv(dev);

	if (!channels->combined_count)
		return -EINVAL;
	if (channels->combined_count == priv->queues)
		return 0;
	return vnet_resize(priv, channels->combined_count, priv->tx_size,
			   priv->rx_size);
}

/**
 * vnet_get_coalesce() - `ethtool -c`
 * @dev: the device
 * @coal: where to put it
 * @kernel_coal: more of it, of no use here
 * @extack: not needed, for nothing can go wrong
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_get_coalesce(struct net_device *dev,
			     struct ethtool_coalesce *coal,
			     struct kernel_ethtool_coalesce *kernel_coal,
			     struct netlink_ext_ack *extack)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	coal->rx_coalesce_usecs = priv->rx_usecs;
	coal->rx_max_coalesced_frames = priv->rx_frames;
	coal->use_adaptive_rx_coalesce = priv->adaptive_rx;
	return 0;
}

/**
 * vnet_set_coalesce() - `ethtool -C`
 * @dev: the device
 * @coal: what is wanted; the core has checked that it is of a kind we have
 * @kernel_coal: more of it, of no use here
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -EINVAL or -ERANGE; then nothing has changed.
 */
static int vnet_set_coalesce(struct net_device *dev,
			     struct ethtool_coalesce *coal,
			     struct kernel_ethtool_coalesce *kernel_coal,
			     struct netlink_ext_ack *extack)
{
	struct vnet_priv *priv = netdev_priv(dev);

	if (coal->rx_coalesce_usecs > VNET_RX_USECS_MAX) {
		NL_SET_ERR_MSG(extack, "rx-usecs must be 0 to 1000000");
		return -ERANGE;
	}
	if (coal->rx_max_coalesced_frames > VNET_RING_MAX) {
		NL_SET_ERR_MSG(extack, "rx-frames must be 0 to 4096");
		return -ERANGE;
	}
	vnet_freeze(priv);
	priv->rx_usecs = coal->rx_coalesce_usecs;
	priv->rx_frames = coal->rx_max_coalesced_frames;
	priv->adaptive_rx = coal->use_adaptive_rx_coalesce;
	vnet_moderate(priv);
	vnet_thaw(priv);
	return 0;
}

/**
 * vnet_get_pauseparam() - `ethtool -a`
 * @dev: the device
 * @pause: where to put it
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_pauseparam(struct net_device *dev,
				struct ethtool_pauseparam *pause)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	pause->rx_pause = priv->pause_rx;
	pause->tx_pause = priv->pause_tx;
}

/**
 * vnet_set_pauseparam() - `ethtool -A`
 * @dev: the device
 * @pause: what is wanted
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -EINVAL if it were to be negotiated; then nothing has changed.
 */
static int vnet_set_pauseparam(struct net_device *dev,
			       struct ethtool_pauseparam *pause)
{
	struct vnet_priv *priv = netdev_priv(dev);

	if (pause->autoneg)
		return -EINVAL;
	vnet_freeze(priv);
	priv->pause_rx = pause->rx_pause;
	priv->pause_tx = pause->tx_pause;
	vnet_thaw(priv);
	return 0;
}

/* Words of `ethtool -d` for one queue; see vnet_get_regs(). */
#define VNET_REGS_PER_QUEUE 8

/**
 * vnet_get_regs_len() - bytes of `ethtool -d`
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: their number.
 */
static int vnet_get_regs_len(struct net_device *dev)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	return priv->queues * VNET_REGS_PER_QUEUE * sizeof(u32);
}

/**
 * vnet_get_regs() - `ethtool -d`
 * @dev: the device
 * @regs: its version: of this format
 * @data: where to put them
 *
 * Eight 32-bit words for each queue: size, head, tail of the TX ring; the same
 * of the RX ring; whether the interrupt is masked; its moderation in
 * microseconds.
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_regs(struct net_device *dev, struct ethtool_regs *regs,
			  void *data)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	u32 *word = data;
	unsigned int i;

	regs->version = 1;
	memset(data, 0, vnet_get_regs_len(dev));
	for (i = 0; priv->up && i < priv->queues; i++) {
		const struct vnet_queue *q = &priv->queue[i];

		*word++ = vnet_ring_size(&q->tx);
		*word++ = READ_ONCE(q->tx.head);
		*word++ = READ_ONCE(q->tx.tail);
		*word++ = vnet_ring_size(&q->rx);
		*word++ = READ_ONCE(q->rx.head);
		*word++ = READ_ONCE(q->rx.tail);
		*word++ = READ_ONCE(q->irq_masked);
		*word++ = READ_ONCE(q->rx_usecs);
	}
}

/**
 * vnet_get_msglevel() - `ethtool vn0`, its last lines
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
 * vnet_set_msglevel() - `ethtool -s vn0 msglvl …`
 * @dev: the device
 * @level: what to log, NETIF_MSG_*
 *
 * Context: Process context, RTNL held.
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
		return vnet_counter_total(dev);
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
		vnet_get_counter_names(dev, data);
	else if (sset == ETH_SS_TEST)
		vnet_get_test_names(data);
}

const struct ethtool_ops vnet_ethtool_ops = {
	.supported_coalesce_params = ETHTOOL_COALESCE_RX_USECS |
				     ETHTOOL_COALESCE_RX_MAX_FRAMES |
				     ETHTOOL_COALESCE_USE_ADAPTIVE_RX,
	.get_drvinfo		= vnet_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= vnet_get_link_ksettings,
	.set_link_ksettings	= vnet_set_link_ksettings,
	.get_ringparam		= vnet_get_ringparam,
	.set_ringparam		= vnet_set_ringparam,
	.get_channels		= vnet_get_channels,
	.set_channels		= vnet_set_channels,
	.get_coalesce		= vnet_get_coalesce,
	.set_coalesce		= vnet_set_coalesce,
	.get_pauseparam		= vnet_get_pauseparam,
	.set_pauseparam		= vnet_set_pauseparam,
	.get_rxnfc		= vnet_get_rxnfc,
#if VNET_RX_RING_COUNT
	.get_rx_ring_count	= vnet_get_rx_ring_count,
#endif
#if VNET_RXFH_FIELDS
	.get_rxfh_fields	= vnet_get_rxfh_fields,
#endif
	.get_rxfh_indir_size	= vnet_get_rxfh_indir_size,
	.get_rxfh		= vnet_get_rxfh,
	.set_rxfh		= vnet_set_rxfh,
	.get_regs_len		= vnet_get_regs_len,
	.get_regs		= vnet_get_regs,
	.get_msglevel		= vnet_get_msglevel,
	.set_msglevel		= vnet_set_msglevel,
	.self_test		= vnet_self_test,
	.get_sset_count		= vnet_get_sset_count,
	.get_strings		= vnet_get_strings,
	.get_ethtool_stats	= vnet_get_ethtool_stats,
	.get_ts_info		= ethtool_op_get_ts_info,
};
