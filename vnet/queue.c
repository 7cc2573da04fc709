// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Queue pairs: made, given back, resized
 *
 * A device has as many queue pairs as it may ever have from the beginning, but
 * rings and polls only while it is up. Whatever changes them does it while the
 * link is frozen (freeze.c).
 *
 * Process context, RTNL held, all of it.
 *
 * Next: freeze.c.
 */

#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "vnet.h"

/**
 * vnet_moderate() - put the moderation that was set in force
 * @priv: the device
 *
 * Context: Process context, RTNL held.
 */
void vnet_moderate(struct vnet_priv *priv)
{
	unsigned int i;

	for (i = 0; i < priv->queues; i++) {
		WRITE_ONCE(priv->queue[i].rx_usecs, priv->rx_usecs);
		WRITE_ONCE(priv->queue[i].rx_frames, priv->rx_frames);
		WRITE_ONCE(priv->queue[i].irq_skip, 0);
	}
}

/**
 * vnet_xps() - give each CPU a sending queue of its own, as far as they go
 * @priv: the device
 *
 * The stack then needs no hash to choose a queue, and frames stay on the CPU
 * that made them. Only a hint: without memory for it, the stack hashes.
 *
 * Context: Process context, RTNL held; the device is registered, for the core
 * takes the hint back when it is no longer.
 */
void vnet_xps(struct vnet_priv *priv)
{
	unsigned int i, n;
	cpumask_var_t mask;
	int cpu;

	if (priv->queues == 1 || !alloc_cpumask_var(&mask, GFP_KERNEL))
		return;
	for (i = 0; i < priv->queues; i++) {
		cpumask_clear(mask);
		n = 0;
		for_each_online_cpu(cpu)
			if (n++ % priv->queues == i)
				cpumask_set_cpu(cpu, mask);
		netif_set_xps_queue(priv->dev, mask, i);
	}
	free_cpumask_var(mask);
}

/**
 * vnet_queues_alloc() - make the queue pairs that the device may ever have
 * @priv: the device
 *
 * Without rings: those are made when it goes up.
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -ENOMEM.
 */
int vnet_queues_alloc(struct vnet_priv *priv)
{
	struct net_device *dev = priv->dev;
	struct vnet_queue *q;
	unsigned int i;

	priv->queue = kvcalloc(dev->num_tx_queues, sizeof(*q),
			       GFP_KERNEL_ACCOUNT);
	if (!priv->queue)
		return -ENOMEM;
	for (i = 0; i < dev->num_tx_queues; i++) {
		q = &priv->queue[i];
		q->dev = dev;
		q->txq = netdev_get_tx_queue(dev, i);
		q->index = i;
		spin_lock_init(&q->rx_lock);
		u64_stats_init(&q->tx_stats.syncp);
		u64_stats_init(&q->wire_stats.syncp);
		u64_stats_init(&q->rx_stats.syncp);
	}
	vnet_rss_default(priv);
	return 0;
}

/**
 * vnet_queue_up() - give a queue pair its rings and its poll
 * @q: the queue
 * @tx_size: slots of the TX ring
 * @rx_size: slots of the RX ring
 *
 * Context: Process context, RTNL held.
 * Return: 0, -ENOMEM, or what XDP refused the queue with; then nothing is left.
 */
static int vnet_queue_up(struct vnet_queue *q, unsigned int tx_size,
			 unsigned int rx_size)
{
	const struct vnet_priv *priv = netdev_priv(q->dev);
	int err;

	q->slots = kvcalloc(tx_size + rx_size, sizeof(*q->slots),
			    GFP_KERNEL_ACCOUNT);
	if (!q->slots)
		return -ENOMEM;
	vnet_ring_init(&q->tx, q->slots, tx_size);
	vnet_ring_init(&q->rx, q->slots + tx_size, rx_size);

	q->irq_masked = true;
	q->irq_waiting = 0;
	q->rx_usecs = priv->rx_usecs;
	q->rx_frames = priv->rx_frames;
	hrtimer_setup(&q->irq_timer, vnet_irq_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS);
	q->irq_put_off = false;
	q->irq_skip = 0;

	/* It keeps its number, and what it has been set to. */
	netif_napi_add_config(q->dev, &q->napi, vnet_poll, q->index);
	netif_queue_set_napi(q->dev, q->index, NETDEV_QUEUE_TYPE_RX, &q->napi);
	/* What a peer is sent, the peer's poll completes. */
	if (vnet_peer(priv) == q->dev)
		netif_queue_set_napi(q->dev, q->index, NETDEV_QUEUE_TYPE_TX,
				     &q->napi);
	err = xdp_rxq_info_reg(&q->xdp_rxq, q->dev, q->index, q->napi.napi_id);
	if (err)
		goto err_del_napi;
	err = xdp_rxq_info_reg_mem_model(&q->xdp_rxq, MEM_TYPE_PAGE_SHARED,
					 NULL);
	if (err)
		goto err_unreg_rxq;
	return 0;

err_unreg_rxq:
	xdp_rxq_info_unreg(&q->xdp_rxq);
err_del_napi:
	netif_queue_set_napi(q->dev, q->index, NETDEV_QUEUE_TYPE_RX, NULL);
	netif_queue_set_napi(q->dev, q->index, NETDEV_QUEUE_TYPE_TX, NULL);
	netif_napi_del(&q->napi);
	kvfree(q->slots);
	q->slots = NULL;
	return err;
}

/**
 * vnet_ring_flush() - drop what is still in a ring
 * @ring: the ring
 *
 * Context: Process context; neither producer nor consumer runs.
 * Return: number of frames dropped.
 */
static unsigned int vnet_ring_flush(struct vnet_ring *ring)
{
	unsigned int i, left = vnet_ring_count(ring);

	for (i = 0; i < left; i++)
		vnet_frame_drop(vnet_ring_peek(ring, i));
	vnet_ring_consume(ring, left);
	return left;
}

/**
 * vnet_queue_flush() - drop what is still in the rings of a queue pair
 * @q: the queue
 *
 * They are empty, unless the polls did not get their turn in time.
 *
 * Context: Process context, RTNL held; the link is frozen.
 */
static void vnet_queue_flush(struct vnet_queue *q)
{
	unsigned int left;

	/* XDP may count that it was refused, at the same time. */
	__netif_tx_lock_bh(q->txq);
	left = vnet_ring_flush(&q->tx);
	vnet_count(&q->tx_stats, VNET_TX_DROPPED, left);
	if (left)
		netdev_tx_reset_queue(q->txq);
	__netif_tx_unlock_bh(q->txq);

	local_bh_disable();
	vnet_count(&q->rx_stats, VNET_RX_MISSED, vnet_ring_flush(&q->rx));
	local_bh_enable();
}

/**
 * vnet_queues_down() - take the rings and polls of some queue pairs away
 * @priv: the device
 * @first: the first queue
 * @end: behind the last queue
 *
 * Context: Process context, RTNL held; the link is frozen.
 */
static void vnet_queues_down(struct vnet_priv *priv, unsigned int first,
			     unsigned int end)
{
	struct vnet_queue *q;
	unsigned int i;

	for (i = first; i < end; i++) {
		q = &priv->queue[i];
		netif_queue_set_napi(q->dev, i, NETDEV_QUEUE_TYPE_RX, NULL);
		netif_queue_set_napi(q->dev, i, NETDEV_QUEUE_TYPE_TX, NULL);
		__netif_napi_del(&q->napi);
	}
	/* Busy polling may still look at them. */
	if (first < end)
		synchronize_net();
	for (i = first; i < end; i++) {
		q = &priv->queue[i];
		/* The last frame may have had another kind of memory. */
		q->xdp_rxq.mem.type = MEM_TYPE_PAGE_SHARED;
		q->xdp_rxq.mem.id = 0;
		xdp_rxq_info_unreg(&q->xdp_rxq);
		vnet_queue_flush(q);
		kvfree(q->slots);
		q->slots = NULL;
	}
}

/**
 * vnet_queues_up() - give some queue pairs rings and polls
 * @priv: the device
 * @first: the first queue
 * @end: behind the last queue
 * @tx_size: slots of a TX ring
 * @rx_size: slots of an RX ring
 *
 * Context: Process context, RTNL held; the link is frozen.
 * Return: 0, or what vnet_queue_up() returned; then none has any.
 */
static int vnet_queues_up(struct vnet_priv *priv, unsigned int first,
			  unsigned int end, unsigned int tx_size,
			  unsigned int rx_size)
{
	unsigned int i;
	int err;

	for (i = first; i < end; i++) {
		err = vnet_queue_up(&priv->queue[i], tx_size, rx_size);
		if (err) {
			vnet_queues_down(priv, first, i);
			return err;
		}
	}
	return 0;
}

/**
 * vnet_up() - give the device rings and polls, and the link if it can have it
 * @priv: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, or what vnet_queue_up() returned; then it is as it was.
 */
int vnet_up(struct vnet_priv *priv)
{
	int err;

	vnet_freeze(priv);
	err = vnet_queues_up(priv, 0, priv->queues, priv->tx_size,
			     priv->rx_size);
	priv->up = !err;
	vnet_thaw(priv);
	return err;
}

/**
 * vnet_down() - take the link, the polls and the rings away
 * @priv: the device
 *
 * Context: Process context, RTNL held.
 */
void vnet_down(struct vnet_priv *priv)
{
	vnet_freeze(priv);
	vnet_queues_down(priv, 0, priv->queues);
	priv->up = false;
	netif_carrier_off(priv->dev);
	vnet_cut(priv);
	vnet_thaw(priv);
}

/**
 * vnet_rings_alloc() - memory for the rings of some queue pairs
 * @slots: where to put it, one for each
 * @n: how many
 * @size: slots of both rings of a pair together
 *
 * Context: Process context.
 * Return: 0, or -ENOMEM; then there is none.
 */
static int vnet_rings_alloc(void ***slots, unsigned int n, unsigned int size)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		slots[i] = kvcalloc(size, sizeof(**slots), GFP_KERNEL_ACCOUNT);
		if (!slots[i])
			goto err_free;
	}
	return 0;

err_free:
	while (i--)
		kvfree(slots[i]);
	return -ENOMEM;
}

/**
 * vnet_rings_swap() - put new rings in the place of the old
 * @priv: the device
 * @slots: memory for the new ones; the device's from here on
 * @n: how many queue pairs
 * @tx_size: slots of a TX ring
 * @rx_size: slots of an RX ring
 *
 * Context: Process context, RTNL held; the link is frozen.
 */
static void vnet_rings_swap(struct vnet_priv *priv, void ***slots,
			    unsigned int n, unsigned int tx_size,
			    unsigned int rx_size)
{
	struct vnet_queue *q;
	unsigned int i;

	for (i = 0; i < n; i++) {
		q = &priv->queue[i];
		vnet_queue_flush(q);
		kvfree(q->slots);
		q->slots = slots[i];
		vnet_ring_init(&q->tx, q->slots, tx_size);
		vnet_ring_init(&q->rx, q->slots + tx_size, rx_size);
	}
}

/**
 * vnet_resize_up() - change number and size of the rings of a device in use
 * @priv: the device
 * @queues: how many queue pairs
 * @tx_size: slots of a TX ring
 * @rx_size: slots of an RX ring
 *
 * All that can fail comes first.
 *
 * Context: Process context, RTNL held; the link is frozen.
 * Return: 0, or -ENOMEM or whatever else was refused; then it is as it was.
 */
static int vnet_resize_up(struct vnet_priv *priv, unsigned int queues,
			  unsigned int tx_size, unsigned int rx_size)
{
	unsigned int keep = min(queues, priv->queues);
	bool same = tx_size == priv->tx_size && rx_size == priv->rx_size;
	void ***slots = NULL;
	int err;

	if (!same) {
		slots = kcalloc(keep, sizeof(*slots), GFP_KERNEL);
		if (!slots)
			return -ENOMEM;
		err = vnet_rings_alloc(slots, keep, tx_size + rx_size);
		if (err)
			goto err_free_slots;
	}
	err = vnet_queues_up(priv, priv->queues, queues, tx_size, rx_size);
	if (err)
		goto err_free_rings;
	err = netif_set_real_num_queues(priv->dev, queues, queues);
	if (err)
		goto err_queues_down;

	vnet_queues_down(priv, queues, priv->queues);
	if (!same)
		vnet_rings_swap(priv, slots, keep, tx_size, rx_size);
	kfree(slots);
	return 0;

err_queues_down:
	vnet_queues_down(priv, priv->queues, queues);
err_free_rings:
	while (slots && keep--)
		kvfree(slots[keep]);
err_free_slots:
	kfree(slots);
	return err;
}

/**
 * vnet_resize() - change number and size of a device's rings
 * @priv: the device
 * @queues: how many queue pairs
 * @tx_size: slots of a TX ring
 * @rx_size: slots of an RX ring
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -ENOMEM or whatever else was refused; then it is as it was.
 */
int vnet_resize(struct vnet_priv *priv, unsigned int queues,
		unsigned int tx_size, unsigned int rx_size)
{
	unsigned int before = priv->queues;
	int err;

	vnet_freeze(priv);
	if (priv->up)
		err = vnet_resize_up(priv, queues, tx_size, rx_size);
	else
		err = netif_set_real_num_queues(priv->dev, queues, queues);
	if (!err) {
		WRITE_ONCE(priv->queues, queues);
		priv->tx_size = tx_size;
		priv->rx_size = rx_size;
	}
	vnet_thaw(priv);
	if (!err && queues != before) {
		if (!priv->steered)
			vnet_rss_default(priv);
		vnet_xps(priv);
	}
	return err;
}
