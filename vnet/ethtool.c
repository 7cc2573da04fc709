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

#include "compat.h"
#include "vnet.h"

/**
 * vnet_max_queues() - how many queue pairs a device may have
 * @dev: the device
 *
 * Context: Any.
 * Return: their number; it was settled when the device was made.
 */
static unsigned int vnet_max_queues(const struct net_device *dev)
{
	return min(dev->num_tx_queues, dev->num_rx_queues);
}

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
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_get_link_ksettings(struct net_device *dev,
				   struct ethtool_link_ksettings *cmd)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	cmd->base.speed = priv->speed;
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.port = PORT_NONE;
	cmd->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

/**
 * vnet_set_link_ksettings() - `ethtool -s vn0 speed …`
 * @dev: the device
 * @cmd: what is wanted
 *
 * Context: Process context, RTNL held.
 * Return: 0; -EINVAL for what no such wire can be: half duplex, a speed of 0,
 * one that is negotiated. Then nothing has changed.
 */
static int
vnet_set_link_ksettings(struct net_device *dev,
			const struct ethtool_link_ksettings *cmd)
{
	struct vnet_priv *priv = netdev_priv(dev);

	if (cmd->base.duplex != DUPLEX_FULL || !cmd->base.speed ||
	    cmd->base.autoneg != AUTONEG_DISABLE ||
	    cmd->base.port != PORT_NONE)
		return -EINVAL;
	priv->speed = cmd->base.speed;
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

	if (ring->rx_mini_pending || ring->rx_jumbo_pending) {
		NL_SET_ERR_MSG(extack, "There are no mini or jumbo rings");
		return -EINVAL;
	}
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
	priv->rx_usecs = coal->rx_coalesce_usecs;
	priv->rx_frames = coal->rx_max_coalesced_frames;
	WRITE_ONCE(priv->adaptive_rx, coal->use_adaptive_rx_coalesce);
	vnet_moderate(priv);
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

/**
 * vnet_hash_fields() - what of a frame goes into its flow's hash
 * @flow_type: kind of frame, *_FLOW
 *
 * The hash is the kernel's own (skb_get_hash()).
 *
 * Context: Any.
 * Return: RXH_*; 0 for a kind whose frames are told apart by their addresses
 * on the wire alone, or not at all.
 */
static u64 vnet_hash_fields(u32 flow_type)
{
	switch (flow_type) {
	case TCP_V4_FLOW:
	case TCP_V6_FLOW:
	case UDP_V4_FLOW:
	case UDP_V6_FLOW:
	case SCTP_V4_FLOW:
	case SCTP_V6_FLOW:
		return RXH_IP_SRC | RXH_IP_DST | RXH_L4_B_0_1 | RXH_L4_B_2_3;
	case IPV4_FLOW:
	case IPV6_FLOW:
	case AH_ESP_V4_FLOW:
	case AH_ESP_V6_FLOW:
		return RXH_IP_SRC | RXH_IP_DST;
	default:
		return 0;
	}
}

/**
 * vnet_get_rxnfc() - `ethtool -n`, and how many queues `ethtool -x` may name
 * @dev: the device
 * @info: what is asked, and where to put the answer
 * @rules: there are none
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -EOPNOTSUPP.
 */
static int vnet_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info,
			  u32 *rules)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	switch (info->cmd) {
	case ETHTOOL_GRXRINGS:
		info->data = priv->queues;
		return 0;
	case ETHTOOL_GRXFH:
		info->data = vnet_hash_fields(info->flow_type);
		return 0;
	case ETHTOOL_GRXCLSRLCNT:
	case ETHTOOL_GRXCLSRLALL:
		info->rule_cnt = 0;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

#if VNET_RX_RING_COUNT
/**
 * vnet_get_rx_ring_count() - how many queues `ethtool -x` may name
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: their number.
 */
static u32 vnet_get_rx_ring_count(struct net_device *dev)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	return priv->queues;
}
#endif

#if VNET_RXFH_FIELDS
/**
 * vnet_get_rxfh_fields() - `ethtool -n vn0 rx-flow-hash …`
 * @dev: the device
 * @fields: what is asked, and where to put the answer
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_get_rxfh_fields(struct net_device *dev,
				struct ethtool_rxfh_fields *fields)
{
	fields->data = vnet_hash_fields(fields->flow_type);
	return 0;
}
#endif

/**
 * vnet_get_rxfh_indir_size() - entries of the table of `ethtool -x`
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: their number.
 */
static u32 vnet_get_rxfh_indir_size(struct net_device *dev)
{
	return VNET_RSS_TABLE;
}

/**
 * vnet_get_indir() - the table of `ethtool -x`
 * @priv: the device
 * @indir: where to put it; NULL if it is not wanted
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_indir(const struct vnet_priv *priv, u32 *indir)
{
	unsigned int i;

	for (i = 0; indir && i < VNET_RSS_TABLE; i++)
		indir[i] = priv->rss_table[i];
}

/**
 * vnet_set_indir() - put a table of `ethtool -X` in force
 * @dev: the device
 * @indir: the table; NULL to leave it as it is. The core has checked it.
 *
 * From here on frames are steered by their hash, and no longer stay on the
 * queue on which they were sent. `ethtool -X vn0 default` ends that.
 *
 * Context: Process context, RTNL held.
 */
static void vnet_set_indir(struct net_device *dev, const u32 *indir)
{
	struct vnet_priv *priv = netdev_priv(dev);
	unsigned int i;

	if (!indir)
		return;
	vnet_freeze(priv);
	for (i = 0; i < VNET_RSS_TABLE; i++)
		priv->rss_table[i] = indir[i];
	/* The core marks a table that the user made only after this. */
	for (i = 0; i < VNET_RSS_TABLE; i++)
		if (indir[i] != ethtool_rxfh_indir_default(i, priv->queues))
			break;
	priv->steered = i < VNET_RSS_TABLE;
	vnet_thaw(priv);
}

#if VNET_RXFH_PARAM
/**
 * vnet_get_rxfh() - `ethtool -x`
 * @dev: the device
 * @rxfh: where to put it
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_get_rxfh(struct net_device *dev,
			 struct ethtool_rxfh_param *rxfh)
{
	vnet_get_indir(netdev_priv(dev), rxfh->indir);
	return 0;
}

/**
 * vnet_set_rxfh() - `ethtool -X`
 * @dev: the device
 * @rxfh: what is wanted
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -EOPNOTSUPP for another hash; then nothing has changed.
 */
static int vnet_set_rxfh(struct net_device *dev,
			 struct ethtool_rxfh_param *rxfh,
			 struct netlink_ext_ack *extack)
{
	if (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE || rxfh->key) {
		NL_SET_ERR_MSG(extack,
			       "The flow hash is the kernel's, and has no other function or key");
		return -EOPNOTSUPP;
	}
	vnet_set_indir(dev, rxfh->indir);
	return 0;
}
#else
/**
 * vnet_get_rxfh() - `ethtool -x`
 * @dev: the device
 * @indir: where to put the table
 * @key: there is none
 * @hfunc: where to put the hash function; it is none that ethtool knows
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_get_rxfh(struct net_device *dev, u32 *indir, u8 *key,
			 u8 *hfunc)
{
	vnet_get_indir(netdev_priv(dev), indir);
	if (hfunc)
		*hfunc = ETH_RSS_HASH_UNKNOWN;
	return 0;
}

/**
 * vnet_set_rxfh() - `ethtool -X`
 * @dev: the device
 * @indir: the table that is wanted
 * @key: there is none
 * @hfunc: the hash function that is wanted
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -EOPNOTSUPP for another hash; then nothing has changed.
 */
static int vnet_set_rxfh(struct net_device *dev, const u32 *indir,
			 const u8 *key, const u8 hfunc)
{
	if (hfunc != ETH_RSS_HASH_NO_CHANGE || key)
		return -EOPNOTSUPP;
	vnet_set_indir(dev, indir);
	return 0;
}
#endif

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
