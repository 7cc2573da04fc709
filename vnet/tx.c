// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: From the stack into the TX ring
 *
 * The producer of the TX ring, under the TX lock: the stack's frames, which
 * come one by one with word of whether more follow, and XDP's, which come in
 * batches. The queue is stopped with the frame that fills the ring, looked at
 * again after that, and woken by the wire.
 *
 * BQL (Documentation/networking/driver.rst) is told of bytes here and of their
 * completion by the wire, so that no more waits in the ring than keeps the
 * wire busy.
 *
 * Next: wire.c takes the frames out.
 */

#include <linux/etherdevice.h>
#include <linux/netdevice.h>

#include "line.h"
#include "vnet.h"

/**
 * vnet_doorbell() - show the far end what has been put into the TX ring
 * @q: the queue that sends
 * @far: the queue that receives
 * @many: among it are frames that a wire would carry as many: an interrupt
 *	that is put off until there are many need not wait
 *
 * Context: Bottom halves off, TX lock held; the TX ring's producer.
 */
static void vnet_doorbell(struct vnet_queue *q, struct vnet_queue *far,
			  bool many)
{
	vnet_ring_publish(&q->tx);
	vnet_count(&q->tx_stats, VNET_TX_DOORBELLS, 1);
	if (unlikely(q->out))
		vnet_line_doorbell(q, far, many);
	else
		vnet_irq_raise(far, q, many);
}

/**
 * vnet_tx_maybe_stop() - stop the queue if the TX ring is full
 * @q: the queue
 *
 * Context: Bottom halves off, TX lock held; the TX ring's producer.
 */
static void vnet_tx_maybe_stop(struct vnet_queue *q)
{
	if (likely(!vnet_ring_full(&q->tx)))
		return;
	netif_tx_stop_queue(q->txq);
	/* Stop first, then look again. Pairs with vnet_tx_wake(). */
	smp_mb__after_atomic();
	if (vnet_ring_space(&q->tx))
		netif_tx_start_queue(q->txq);
	else
		vnet_count(&q->tx_stats, VNET_TX_STOP, 1);
}

/**
 * vnet_tx_wake() - wake the queue if it is stopped and there is room
 * @q: the queue
 *
 * Not before half the ring is free, or the queue would stop again at once.
 * The wire comes by again until the ring is empty, so this cannot be missed.
 *
 * Under the TX lock, because vnet_start_xmit() on another CPU may just have
 * started, filled and stopped the queue again, and because a frozen queue
 * (no far end) stays stopped.
 *
 * Context: The wire (softirq).
 */
void vnet_tx_wake(struct vnet_queue *q)
{
	/* Room first, then the look. Pairs with vnet_tx_maybe_stop(). */
	smp_mb();
	if (likely(!netif_tx_queue_stopped(q->txq)) ||
	    vnet_ring_count(&q->tx) > q->tx.mask / 2)
		return;
	__netif_tx_lock(q->txq, smp_processor_id());
	if (q->far && netif_tx_queue_stopped(q->txq)) {
		vnet_count(&q->wire_stats, VNET_WIRE_WAKE, 1);
		netif_tx_wake_queue(q->txq);
	}
	__netif_tx_unlock(q->txq);
}

/**
 * vnet_tx_pad() - lengthen a frame that is too short for a wire
 * @skb: the frame, ours
 *
 * A receiver takes a shorter frame for what a collision left. pktgen still
 * holds the frames that it sends, and nobody may lengthen what others hold.
 *
 * Context: Bottom halves off, TX lock held.
 * Return: the frame, perhaps another buffer; NULL if memory ran out.
 */
static struct sk_buff *vnet_tx_pad(struct sk_buff *skb)
{
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb || eth_skb_pad(skb))
		return NULL;
	return skb;
}

/**
 * vnet_start_xmit() - take one frame from the stack
 * @skb: the frame, from its Ethernet header on; ours from here
 * @dev: the device
 *
 * A frame that cannot be sent is the last of a batch like any other: those
 * before it still wait for their doorbell.
 *
 * Context: Bottom halves off, TX lock held; the TX ring's producer.
 * Return: NETDEV_TX_OK; NETDEV_TX_BUSY for a queue that is gone, and then
 * another is chosen, should the sender try again. For one that is full it would
 * mean that stop and wake are broken, and is there to say so.
 */
netdev_tx_t vnet_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);
	struct vnet_queue *q = &priv->queue[skb_get_queue_mapping(skb)];
	struct vnet_queue *far = q->far;
	bool more = netdev_xmit_more();
	bool many = false;

	if (unlikely(!far)) {
		unsigned int real = READ_ONCE(dev->real_num_tx_queues);
		u16 mapping = skb_get_queue_mapping(skb);

		/* A packet socket may have chosen it before it was gone. */
		if (mapping >= real) {
			skb_set_queue_mapping(skb, mapping % real);
			return NETDEV_TX_BUSY;
		}
		/* The link went down behind the stack's back. */
		dev_kfree_skb_any(skb);
		vnet_count(&q->tx_stats, VNET_TX_DROPPED, 1);
		return NETDEV_TX_OK;
	}
	if (unlikely(vnet_ring_full(&q->tx))) {
		netdev_err_once(dev, "TX ring full, but the queue is awake\n");
		vnet_tx_maybe_stop(q);
		vnet_doorbell(q, far, true);
		return NETDEV_TX_BUSY;
	}

	if (unlikely(skb->len < ETH_ZLEN))
		skb = vnet_tx_pad(skb);
	if (likely(skb) &&
	    (unlikely(!pskb_may_pull(skb, ETH_HLEN)) ||
	     /* Cut to another measure before the wire had this one. */
	     (unlikely(q->out) && skb_is_gso(skb) &&
	      READ_ONCE(priv->per_frame)))) {
		dev_kfree_skb_any(skb);
		skb = NULL;
	}
	if (likely(skb)) {
		skb_tx_timestamp(skb);
		many = skb_is_gso(skb);
		if (unlikely(q->out))
			vnet_line_stamp(skb);
		more = !__netdev_tx_sent_queue(q->txq, skb->len, more);
		vnet_ring_put(&q->tx, skb);
		vnet_tx_maybe_stop(q);
	} else {
		vnet_count(&q->tx_stats, VNET_TX_DROPPED, 1);
	}

	if (!more || netif_xmit_stopped(q->txq))
		vnet_doorbell(q, far, many);
	return NETDEV_TX_OK;
}

/**
 * vnet_tx_frames() - take a batch of frames from XDP
 * @q: the queue
 * @frames: the frames, as they lie in a ring; each an XDP frame or an skb
 * @n: how many
 *
 * Context: Bottom halves off; takes the TX lock.
 * Return: how many were taken, from the first on; the others are the caller's.
 */
unsigned int vnet_tx_frames(struct vnet_queue *q, void **frames,
			    unsigned int n)
{
	unsigned int i, taken = 0, bytes = 0;

	__netif_tx_lock(q->txq, smp_processor_id());
	/* The stack's frames are kept back by the stack. */
	if (likely(q->far && netif_carrier_ok(q->dev)))
		taken = min(n, vnet_ring_space(&q->tx));
	for (i = 0; i < taken; i++) {
		bytes += vnet_frame_len(frames[i]);
		/* What has come as an skb goes back as one. */
		if (unlikely(q->out) && !vnet_frame_xdp(frames[i]))
			vnet_line_stamp(frames[i]);
		vnet_ring_put(&q->tx, frames[i]);
	}
	if (likely(taken)) {
		vnet_count(&q->tx_stats, VNET_TX_XDP, taken);
		__netdev_tx_sent_queue(q->txq, bytes, false);
		vnet_tx_maybe_stop(q);
		vnet_doorbell(q, q->far, false);
		txq_trans_cond_update(q->txq);
	}
	if (unlikely(taken < n))
		vnet_count(&q->tx_stats, VNET_TX_XDP_FULL, n - taken);
	__netif_tx_unlock(q->txq);
	return taken;
}

/**
 * vnet_tx_timeout() - a queue has been stopped for too long
 * @dev: the device
 * @txqueue: which queue
 *
 * The hardware hangs (fault.c can make it). What brings real hardware back is
 * a reset; so it is here, and nothing that was in a ring is lost by it.
 *
 * Context: Softirq, all TX queues frozen; must not sleep.
 */
void vnet_tx_timeout(struct net_device *dev, unsigned int txqueue)
{
	struct vnet_priv *priv = netdev_priv(dev);
	struct vnet_queue *q = &priv->queue[txqueue];
	unsigned int i;

	netif_warn(priv, tx_err, dev, "TX queue %u timed out, resetting\n",
		   txqueue);
	WRITE_ONCE(priv->stalled, false);
	__netif_tx_lock(q->txq, smp_processor_id());
	vnet_count(&q->tx_stats, VNET_TX_TIMEOUTS, 1);
	__netif_tx_unlock(q->txq);
	/* Doorbells of other queues may have rung in vain as well. */
	for (i = 0; i < READ_ONCE(priv->queues); i++) {
		q = &priv->queue[i];
		__netif_tx_lock(q->txq, smp_processor_id());
		if (q->far)
			vnet_irq_force(q->far);
		__netif_tx_unlock(q->txq);
	}
}
