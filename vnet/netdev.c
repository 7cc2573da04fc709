// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The network device: made, opened, stopped, taken away
 *
 * ndo_open and ndo_stop follow the frame's path, the one backwards and the
 * other forwards: a producer stops before its consumer. Process context, RTNL
 * held.
 *
 * Next: stats.c and ethtool.c, by which it is asked.
 */

#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>

#include "compat.h"
#include "vnet.h"

/*
 * The first device's address; device i has this plus i. 02 in the first byte
 * means "assigned locally, one station"; the rest spells "vnet" in ASCII.
 */
#define VNET_MAC_BASE 0x02766e657400ULL

/* The neighbour of device i: as above, but 06; still a local address. */
#define VNET_NEIGH_MAC_BASE 0x06766e657400ULL

/* Every device of ours. Written at module load and removal only. */
static LIST_HEAD(vnet_list);

/**
 * vnet_open() - the device goes up
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -ENOMEM; then the device stays down.
 */
static int vnet_open(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);
	int err;

	err = vnet_ring_alloc(&priv->tx, VNET_TX_RING_SIZE);
	if (err)
		return err;
	err = vnet_ring_alloc(&priv->rx, VNET_RX_RING_SIZE);
	if (err)
		goto err_free_tx;

	priv->dice_key.key[0] = VNET_GET(seed);
	priv->ordinal = 0;
	napi_enable(&priv->napi);
	priv->flags = BIT(VNET_IRQ_ENABLED);
	netif_start_queue(dev);
	netif_carrier_on(dev);
	netif_info(priv, ifup, dev, "up\n");
	return 0;

err_free_tx:
	vnet_ring_free(&priv->tx);
	return err;
}

/**
 * vnet_stop() - the device goes down
 * @dev: the device
 *
 * Along the frame's path: first the producer, then the consumer, then what is
 * left in between. netif_tx_disable() takes the TX lock, so that when it
 * returns no vnet_start_xmit() is running and none will start.
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_stop(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	netif_carrier_off(dev);
	netif_tx_disable(dev);
	hrtimer_cancel(&priv->wire);
	hrtimer_cancel(&priv->line_timer);
	napi_disable(&priv->napi);

	local_bh_disable();
	vnet_count(priv, VNET_WIRE_ERRORS, vnet_line_flush(priv));
	vnet_count(priv, VNET_RX_MISSED, vnet_ring_free(&priv->rx));
	vnet_count(priv, VNET_TX_DROPPED, vnet_ring_free(&priv->tx));
	local_bh_enable();
	netif_info(priv, ifdown, dev, "down\n");
	return 0;
}

/**
 * vnet_init_dev() - the core registers the device: make its counters
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -ENOMEM; then the device is not registered.
 */
static int vnet_init_dev(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	priv->stats = netdev_alloc_pcpu_stats(struct vnet_stats);
	return priv->stats ? 0 : -ENOMEM;
}

/**
 * vnet_uninit_dev() - the device is no longer registered
 * @dev: the device
 *
 * Left to free_netdev(), a thousand devices would wait for a thousand grace
 * periods. The core waits for one after this, before it frees them.
 *
 * Context: Process context, RTNL held; the device is down, and nobody reads
 * its counters any more.
 */
static void vnet_uninit_dev(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	__netif_napi_del(&priv->napi);
	free_percpu(priv->stats);
}

static const struct net_device_ops vnet_netdev_ops = {
	.ndo_init		= vnet_init_dev,
	.ndo_uninit		= vnet_uninit_dev,
	.ndo_open		= vnet_open,
	.ndo_stop		= vnet_stop,
	.ndo_start_xmit		= vnet_start_xmit,
	.ndo_tx_timeout		= vnet_tx_timeout,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_get_stats64	= vnet_get_stats64,
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
	priv->msg_enable = netif_msg_init(-1, NETIF_MSG_DRV | NETIF_MSG_LINK |
						NETIF_MSG_TX_ERR);
	hrtimer_setup(&priv->wire, vnet_wire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	spin_lock_init(&priv->line_lock);
	priv->line = RB_ROOT_CACHED;
	hrtimer_setup(&priv->line_timer, vnet_line_tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);
	netif_napi_add(dev, &priv->napi, vnet_poll);

	strscpy(dev->name, "vnet%d", sizeof(dev->name));
	dev->netdev_ops = &vnet_netdev_ops;
	dev->ethtool_ops = &vnet_ethtool_ops;
	dev->needs_free_netdev = true;
	dev->features |= NETIF_F_HW_VLAN_CTAG_TX;
	dev->hw_features |= NETIF_F_HW_VLAN_CTAG_TX;
	dev->watchdog_timeo = 2 * HZ;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	/* The ring keeps a frame after xmit: nobody may send it twice. */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	netif_carrier_off(dev);
}

/**
 * vnet_create() - make one device and show it to the world
 * @index: which one, from 0; decides its address and its neighbour's
 *
 * Context: Process context, RTNL not held.
 * Return:
 * * 0 - it exists
 * * -ENOMEM - out of memory; nothing is left behind
 * * other - what register_netdev() refused it with; nothing is left behind
 */
int vnet_create(unsigned int index)
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
	u64_to_ether_addr(VNET_NEIGH_MAC_BASE + index, priv->neigh_addr);
	priv->dice_key.key[1] = index;

	err = register_netdev(dev);
	if (err) {
		/* The NAPI instance could be found until now. */
		synchronize_net();
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
void vnet_destroy_all(void)
{
	struct vnet_priv *priv;
	LIST_HEAD(doomed);

	rtnl_lock();
	list_for_each_entry(priv, &vnet_list, node)
		unregister_netdevice_queue(priv->dev, &doomed);
	unregister_netdevice_many(&doomed);
	rtnl_unlock();
}
