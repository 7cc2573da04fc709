// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: From the stack into the TX ring, and back: completion
 *
 * The producer of the TX ring. The queue is stopped before the ring is full,
 * looked at again after that, and woken by completion.
 *
 * vnet_start_xmit() runs with bottom halves off under the TX queue's lock,
 * completion and wake in the wire's timer (softirq).
 *
 * Next: wire.c takes the frames out.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>

#include "vnet.h"

/**
 * vnet_complete() - the last bit of a frame has left
 * @priv: the device
 * @skb: the frame; from here on the wire's
 *
 * The sender's socket gets its memory back, and everything that the stack
 * knew of the frame but that no wire carries is forgotten: its route, its
 * connection, its mark, its timestamp, its hash, that its checksum was once
 * verified.
 *
 * Context: The wire (softirq).
 */
void vnet_complete(struct vnet_priv *priv, struct sk_buff *skb)
{
	vnet_count(priv, VNET_TX_PACKETS, 1);
	vnet_count(priv, VNET_TX_BYTES, skb->len);
	vnet_count_protocol(priv, VNET_TX_ARP, skb);

	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_clear_delivery_time(skb);
	skb_clear_hash(skb);
	skb->priority = 0;
	skb->ip_summed = CHECKSUM_NONE;
}

/**
 * vnet_tx_wake() - wake the queue if it is stopped and there is room
 * @priv: the device
 *
 * Under the TX lock, because vnet_start_xmit() on another CPU may just have
 * started, filled and stopped the queue again; and only while the device is
 * up, because vnet_stop() has stopped the queue for good.
 *
 * Context: The wire (softirq).
 */
void vnet_tx_wake(struct vnet_priv *priv)
{
	struct netdev_queue *txq = netdev_get_tx_queue(priv->dev, 0);

	/*
	 * Room first, then the look at the queue's state.
	 * vnet_tx_maybe_stop() stops first, then looks for room. One must see
	 * the other.
	 */
	smp_mb();
	if (likely(!netif_tx_queue_stopped(txq)))
		return;

	__netif_tx_lock(txq, smp_processor_id());
	if (netif_running(priv->dev) &&
	    vnet_ring_count(&priv->tx) < priv->tx.size) {
		vnet_count(priv, VNET_TX_WAKE, 1);
		netif_tx_wake_queue(txq);
	}
	__netif_tx_unlock(txq);
}

/**
 * vnet_tx_maybe_stop() - stop the queue if the ring is full
 * @priv: the device
 *
 * Context: Bottom halves off, TX queue lock held; the TX ring's producer.
 */
static void vnet_tx_maybe_stop(struct vnet_priv *priv)
{
	if (vnet_ring_space(&priv->tx))
		return;
	netif_stop_queue(priv->dev);
	/* Stop first, then look again. Pairs with vnet_tx_wake(). */
	smp_mb__after_atomic();
	if (vnet_ring_space(&priv->tx))
		netif_start_queue(priv->dev);
	else
		vnet_count(priv, VNET_TX_STOP, 1);
}

/**
 * vnet_start_xmit() - take one frame from the stack
 * @skb: the frame, from its Ethernet header on; ours from here
 * @dev: the device
 *
 * The queue is stopped while there is still nothing wrong: with the frame that
 * fills the ring, not with the first that does not fit.
 *
 * Context: Bottom halves off, TX queue lock held; the TX ring's producer.
 * Return: NETDEV_TX_OK; NETDEV_TX_BUSY would mean that stop and wake are
 * broken, and is there to say so.
 */
netdev_tx_t vnet_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	if (unlikely(!vnet_ring_space(&priv->tx))) {
		netdev_err_once(dev, "TX ring full, but the queue is awake\n");
		vnet_tx_maybe_stop(priv);
		vnet_wire_start(priv);
		return NETDEV_TX_BUSY;
	}

	/* A wire has only bytes: a tag that comes beside the frame goes in. */
	if (skb_vlan_tag_present(skb))
		skb = __vlan_hwaccel_push_inside(skb);
	/* A receiver takes a shorter frame for what a collision left. */
	if (!skb || eth_skb_pad(skb)) {
		vnet_count(priv, VNET_TX_DROPPED, 1);
	} else {
		skb_tx_timestamp(skb);
		vnet_ring_push(&priv->tx, skb);
		/* From here on the frame may be gone: leave skb alone. */
		vnet_tx_maybe_stop(priv);
	}

	/* More frames follow at once: one doorbell will do for all. */
	if (!netdev_xmit_more() || netif_queue_stopped(dev))
		vnet_wire_start(priv);
	return NETDEV_TX_OK;
}

/**
 * vnet_tx_timeout() - the queue has been stopped for too long
 * @dev: the device
 * @txqueue: which queue; there is only one
 *
 * A real driver would suspect a lost interrupt first, look for completions,
 * and reset the hardware if there are none. This hardware is only slow: make
 * it finish now. The core counts the event (queues/tx-0/tx_timeout in sysfs).
 *
 * Context: Softirq, all TX queues frozen; must not sleep.
 */
void vnet_tx_timeout(struct net_device *dev, unsigned int txqueue)
{
	struct vnet_priv *priv = netdev_priv(dev);

	netif_warn(priv, tx_err, dev, "TX queue %u timed out, completing now\n",
		   txqueue);
	set_bit(VNET_WIRE_BUSY, &priv->flags);
	hrtimer_start(&priv->wire, 0, HRTIMER_MODE_REL_SOFT);
}
