// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Which queue receives a frame: `ethtool -n`, `-x` and `-X`
 *
 * A frame is received by the queue of the number on which it was sent, unless
 * a table of `ethtool -X` says otherwise; then wire.c looks its hash up there.
 * The hash is the kernel's own. Process context, RTNL held, all of it.
 *
 * Next: wire.c, vnet_carry_steered().
 */

#include <linux/ethtool.h>
#include <linux/netdevice.h>

#include "vnet.h"

/**
 * vnet_rss_default() - spread the hashes evenly over the queues in use
 * @priv: the device
 *
 * Context: Process context, RTNL held.
 */
void vnet_rss_default(struct vnet_priv *priv)
{
	unsigned int i;

	for (i = 0; i < VNET_RSS_TABLE; i++)
		priv->rss_table[i] = ethtool_rxfh_indir_default(i,
								priv->queues);
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
 * vnet_get_rx_ring_count() - how many queues `ethtool -x` may name
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: their number.
 */
u32 vnet_get_rx_ring_count(struct net_device *dev)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	return priv->queues;
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
int vnet_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info,
		   u32 *rules)
{
	switch (info->cmd) {
	case ETHTOOL_GRXRINGS:
		info->data = vnet_get_rx_ring_count(dev);
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

#if VNET_RXFH_FIELDS
/**
 * vnet_get_rxfh_fields() - `ethtool -n vn0 rx-flow-hash …`
 * @dev: the device
 * @fields: what is asked, and where to put the answer
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
int vnet_get_rxfh_fields(struct net_device *dev,
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
u32 vnet_get_rxfh_indir_size(struct net_device *dev)
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
 * queue on which they were sent. `ethtool -X vn0 default` ends that, and so
 * does any table that is the same.
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
int vnet_get_rxfh(struct net_device *dev,
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
int vnet_set_rxfh(struct net_device *dev,
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
int vnet_get_rxfh(struct net_device *dev, u32 *indir, u8 *key,
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
int vnet_set_rxfh(struct net_device *dev, const u32 *indir,
		  const u8 *key, const u8 hfunc)
{
	if (hfunc != ETH_RSS_HASH_NO_CHANGE || key)
		return -EOPNOTSUPP;
	vnet_set_indir(dev, indir);
	return 0;
}
#endif
