// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The network device: its operations and its features
 *
 * Process context, RTNL held, unless a function says otherwise.
 *
 * Next: queue.c does the work of ndo_open and ndo_stop; stats.c and ethtool.c,
 * by which the device is asked.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "line.h"
#include "vnet.h"

/* What the wire carries without the stack's help; see tx.c and rx.c. */
#define VNET_FEATURES (NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA |  \
		       NETIF_F_HW_CSUM | NETIF_F_SCTP_CRC |		  \
		       VNET_GSO_FEATURES)

/* What lets the stack send more at once than a wire carries in a frame. */
#define VNET_GSO_FEATURES (NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ENCAP_ALL)

/* What frames carry beside their bytes, if both ends agree. */
#define VNET_TAG_FEATURES (NETIF_F_HW_VLAN_CTAG_TX |			  \
			   NETIF_F_HW_VLAN_STAG_TX |			  \
			   NETIF_F_HW_VLAN_CTAG_RX |			  \
			   NETIF_F_HW_VLAN_STAG_RX)

/*
 * Bytes before a frame that a device above may ask for; a bound, for they cost
 * every frame that is sent.
 */
#define VNET_HEADROOM_MAX 1024

/**
 * vnet_peer() - the other end
 * @priv: the device
 *
 * Context: RTNL held.
 * Return: the other end; the device itself, if its wire comes back; NULL if
 * there is none yet or none any more.
 */
struct net_device *vnet_peer(const struct vnet_priv *priv)
{
	return rtnl_dereference(priv->peer);
}

/**
 * vnet_open() - the device goes up
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -ENOMEM or what XDP refused a queue with; then the device stays
 * down.
 */
static int vnet_open(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);
	int err = vnet_up(priv);

	if (!err)
		netif_info(priv, ifup, dev, "up\n");
	return err;
}

/**
 * vnet_stop() - the device goes down
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_stop(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	vnet_down(priv);
	netif_info(priv, ifdown, dev, "down\n");
	return 0;
}

/**
 * vnet_init_dev() - the core registers the device: make its queues
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -ENOMEM; then the device is not registered.
 */
static int vnet_init_dev(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);
	int err;

	priv->queues = min(num_online_cpus(), vnet_max_queues(dev));
	err = netif_set_real_num_queues(dev, priv->queues, priv->queues);
	if (!err)
		err = vnet_queues_alloc(priv);
	return err;
}

/**
 * vnet_uninit_dev() - the device is no longer registered: part it from its peer
 * @dev: the device
 *
 * This end is down by now, and the core waits for RCU before it frees either.
 *
 * Context: Process context, RTNL held.
 */
static void vnet_uninit_dev(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);
	struct net_device *peer = vnet_peer(priv);
	struct vnet_priv *far;

	if (priv->line)
		vnet_flap_stop(priv->line);
	if (!peer)
		return;
	far = netdev_priv(peer);
	RCU_INIT_POINTER(far->peer, NULL);
	RCU_INIT_POINTER(priv->peer, NULL);
}

/**
 * vnet_free() - the last reference to the device has gone
 * @dev: the device; the core frees it after this
 *
 * Context: Process context; RTNL held or not.
 */
static void vnet_free(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	vnet_line_free(priv->line);
	kvfree(priv->queue);
}

/**
 * vnet_fix_features() - what the device can do only if the far end lets it
 * @dev: the device
 * @features: what is wanted
 *
 * XDP at the far end sees frames as a wire would carry them, none larger than
 * the MTU. A far end that is to verify checksums itself cannot do so for a
 * frame that is yet to be cut up.
 *
 * Context: Process context, RTNL held.
 * Return: what is possible.
 */
static netdev_features_t vnet_fix_features(struct net_device *dev,
					   netdev_features_t features)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	struct net_device *peer = vnet_peer(priv);
	const struct vnet_priv *far;

	if (priv->per_frame)
		features &= ~VNET_GSO_FEATURES;
	if (!peer)
		return features;
	far = netdev_priv(peer);
	if (rcu_access_pointer(far->xdp_prog) ||
	    !((peer == dev ? features : peer->features) & NETIF_F_RXCSUM))
		features &= ~VNET_GSO_FEATURES;
	return features;
}

/**
 * vnet_set_features() - features have changed: tell the far end
 * @dev: the device
 * @features: as they will be
 *
 * Context: Process context, RTNL held.
 * Return: 0, or 1 if it has put them in force itself.
 */
static int vnet_set_features(struct net_device *dev,
			     netdev_features_t features)
{
	struct net_device *peer = vnet_peer(netdev_priv(dev));
	netdev_features_t changed = dev->features ^ features;

	if (!(changed & NETIF_F_RXCSUM) || !peer || peer == dev)
		return 0;
	dev->features = features;
	netdev_update_features(peer);
	return 1;
}

/**
 * vnet_change_mtu() - change the MTU
 * @dev: the device
 * @mtu: in bytes; the core has checked it
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_change_mtu(struct net_device *dev, int mtu)
{
	WRITE_ONCE(dev->mtu, mtu);
	vnet_impair_patience(netdev_priv(dev));
	return 0;
}

/**
 * vnet_get_iflink() - which device is below this one, or at its other end
 * @dev: the device
 *
 * Context: RCU, or RTNL held.
 * Return: index of the peer, in its own network namespace; 0 if it has gone.
 */
static int vnet_get_iflink(const struct net_device *dev)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	struct net_device *peer;
	int index;

	rcu_read_lock();
	peer = rcu_dereference(priv->peer);
	index = peer ? READ_ONCE(peer->ifindex) : 0;
	rcu_read_unlock();
	return index;
}

/**
 * vnet_set_rx_headroom() - how much room who sits above wants before a frame
 * @dev: the device
 * @headroom: bytes; negative for no wish
 *
 * What this end receives, the other end's stack has made: so it is told.
 *
 * Context: Process context, RTNL held.
 */
static void vnet_set_rx_headroom(struct net_device *dev, int headroom)
{
	struct vnet_priv *priv = netdev_priv(dev);
	struct net_device *peer = vnet_peer(priv);

	priv->headroom = clamp(headroom, 0, VNET_HEADROOM_MAX);
	if (rcu_access_pointer(priv->xdp_prog))
		headroom = max(headroom, XDP_PACKET_HEADROOM);
	if (peer)
		peer->needed_headroom = clamp(headroom, 0, VNET_HEADROOM_MAX);
}

/**
 * vnet_set_rx_mode() - which addresses the device is to listen to has changed
 * @dev: the device
 *
 * It hears everything that the far end sends, and the stack chooses.
 *
 * Context: Process context, the device's address lock held, bottom halves off.
 */
static void vnet_set_rx_mode(struct net_device *dev)
{
}

static const struct net_device_ops vnet_netdev_ops = {
	.ndo_init		= vnet_init_dev,
	.ndo_uninit		= vnet_uninit_dev,
	.ndo_open		= vnet_open,
	.ndo_stop		= vnet_stop,
	.ndo_start_xmit		= vnet_start_xmit,
	.ndo_features_check	= passthru_features_check,
	.ndo_tx_timeout		= vnet_tx_timeout,
	.ndo_set_rx_mode	= vnet_set_rx_mode,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_get_stats64	= vnet_get_stats64,
	.ndo_fix_features	= vnet_fix_features,
	.ndo_change_mtu		= vnet_change_mtu,
	.ndo_set_features	= vnet_set_features,
	.ndo_get_iflink		= vnet_get_iflink,
	.ndo_set_rx_headroom	= vnet_set_rx_headroom,
	.ndo_bpf		= vnet_bpf,
	.ndo_xdp_xmit		= vnet_xdp_xmit,
};

/**
 * vnet_setup() - what every device has in common
 * @dev: the device, not yet registered
 *
 * Context: Process context.
 */
void vnet_setup(struct net_device *dev)
{
	static atomic_t ids;
	struct vnet_priv *priv = netdev_priv(dev);

	ether_setup(dev);
	priv->dev = dev;
	priv->id = atomic_inc_return(&ids);
	priv->tx_size = VNET_RING_DEFAULT;
	priv->rx_size = VNET_RING_DEFAULT;
	priv->pause_rx = true;
	priv->pause_tx = true;
	priv->adaptive_rx = true;
	priv->rx_usecs = VNET_RX_USECS;
	priv->rx_frames = VNET_RX_FRAMES;
	priv->msg_enable = netif_msg_init(-1, NETIF_MSG_DRV | NETIF_MSG_LINK |
						NETIF_MSG_TX_ERR);

	dev->netdev_ops = &vnet_netdev_ops;
	dev->ethtool_ops = &vnet_ethtool_ops;
	dev->needs_free_netdev = true;
	dev->priv_destructor = vnet_free;
	dev->watchdog_timeo = VNET_WATCHDOG;
	dev->max_mtu = ETH_MAX_MTU;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE | IFF_PHONY_HEADROOM;
	/* The ring keeps a frame after xmit: nobody may send it twice. */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;

	dev->hw_features = VNET_FEATURES | VNET_TAG_FEATURES |
			   NETIF_F_RXCSUM | NETIF_F_RXHASH;
	dev->features |= dev->hw_features;
	dev->vlan_features = VNET_FEATURES;
	dev->hw_enc_features = VNET_FEATURES;
	dev->mpls_features = NETIF_F_SG | NETIF_F_HW_CSUM |
			     NETIF_F_GSO_SOFTWARE;
	netif_set_tso_max_size(dev, GSO_MAX_SIZE);
	vnet_xdp_setup(dev);
	vnet_stats_setup(dev);
	netif_carrier_off(dev);
}
