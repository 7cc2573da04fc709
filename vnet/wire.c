// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The wire: from the TX rings at one end to an RX ring at the other
 *
 * The consumer of the TX rings that feed a queue, and the producer of its RX
 * ring; run by that queue's poll (softirq, or the NAPI thread). Here a frame
 * leaves its sender for good: BQL is credited, the queue is woken, and all
 * that the sender's stack knew of it but that no wire carries is forgotten.
 *
 * This wire is clean: it takes no time and loses nothing that the RX ring has
 * room for. What it loses otherwise is counted as missed by the receiver
 * (Documentation/networking/statistics.rst), unless both ends have agreed to
 * pause (`ethtool -A`).
 *
 * Next: rx.c takes the frames out of the RX ring; reflect.c, if the far end is
 * a neighbour that is not there.
 */

#include <linux/etherdevice.h>
#include <linux/netdevice.h>

#include "line.h"
#include "vnet.h"

/**
 * vnet_frame_drop() - free a frame that was lost
 * @frame: the frame, as it lies in a ring
 *
 * Context: Any but hardirq.
 */
void vnet_frame_drop(void *frame)
{
	struct xdp_frame *xdpf = vnet_frame_xdp(frame);

	if (xdpf)
		xdp_return_frame(xdpf);
	else
		dev_kfree_skb_any(frame);
}

/**
 * vnet_forget() - leave behind what no wire carries
 * @skb: the frame
 *
 * The sender's socket gets its memory back, and the frame loses its route, its
 * connection, its mark, its times. A checksum that is still to be filled in
 * (CHECKSUM_PARTIAL) stays so, for whoever needs it; any other verdict on a
 * checksum was this end's, and the other makes its own. But not of frames that
 * GRO has joined as a list: each has been looked at, and the sum of the whole
 * would be that of none. The flow's hash stays, as if the far end had computed
 * it. What an XDP program has said about the frame lies with bytes that it may
 * share with copies, to which it stays.
 *
 * Context: The wire (softirq).
 * Return: 0, or -ENOMEM if a user's pages, or those bytes, could not be copied.
 */
int vnet_forget(struct sk_buff *skb)
{
	/* Pages lent by MSG_ZEROCOPY go back when the frame has left. */
	if (skb_orphan_frags_rx(skb, GFP_ATOMIC))
		return -ENOMEM;
	if (unlikely(skb_metadata_len(skb))) {
		if (skb_unclone(skb, GFP_ATOMIC))
			return -ENOMEM;
		skb_metadata_clear(skb);
	}
	skb_orphan(skb);
	/* As if between namespaces, wherever the far end is. */
	skb_scrub_packet(skb, true);
	skb->priority = 0;
	if (skb->ip_summed != CHECKSUM_PARTIAL && !skb_is_gso(skb))
		skb->ip_summed = CHECKSUM_NONE;
	return 0;
}

/**
 * vnet_steer() - which queue is to receive a frame, by `ethtool -X`
 * @to: the queue whose poll has it
 * @frame: the frame
 *
 * What XDP has sent has no hash, and stays where it is.
 *
 * Context: The wire (softirq).
 * Return: the queue.
 */
struct vnet_queue *vnet_steer(struct vnet_queue *to, void *frame)
{
	struct vnet_priv *priv = netdev_priv(to->dev);
	u32 hash;

	if (vnet_frame_xdp(frame))
		return to;
	hash = skb_get_hash(frame);
	return &priv->queue[priv->rss_table[hash % VNET_RSS_TABLE]];
}

/**
 * vnet_arrive() - a frame has come in over the wire: put it into the RX ring
 * @to: the queue whose poll has it
 * @rxq: the queue that is to receive it; its RX ring has room
 * @frame: the frame, ours
 *
 * Without steering only the poll of @to puts frames into its RX ring, and
 * publishes them all at once.
 *
 * Context: The wire (softirq); the RX ring's producer.
 */
static void vnet_arrive(struct vnet_queue *to, struct vnet_queue *rxq,
			void *frame)
{
	vnet_ring_put(&rxq->rx, frame);
	if (unlikely(rxq != to)) {
		vnet_ring_publish(&rxq->rx);
		vnet_irq_raise(rxq, NULL, false);
	}
}

/**
 * vnet_carry_one() - carry a frame from one end to the other
 * @from: the queue that sent
 * @to: the queue whose poll carries
 * @rxq: the queue that is to receive it
 * @frame: the frame; ours unless false is returned
 * @pause: leave the frame where it is if the RX ring is full
 *
 * Context: The wire (softirq); the RX ring's producer.
 * Return: false if the frame has to wait.
 */
static bool vnet_carry_one(struct vnet_queue *from, struct vnet_queue *to,
			   struct vnet_queue *rxq, void *frame, bool pause)
{
	const struct vnet_priv *near = netdev_priv(from->dev);
	bool full = vnet_ring_full(&rxq->rx);

	if (unlikely(full) && pause)
		return false;
	if (likely(!vnet_frame_xdp(frame)) && unlikely(vnet_forget(frame)))
		full = true;
	if (unlikely(near->wire == VNET_WIRE_REFLECT) && !near->looped &&
	    !vnet_reflect(near, &frame)) {
		vnet_count(&from->wire_stats, VNET_WIRE_IGNORED, 1);
		vnet_frame_drop(frame);
	} else if (unlikely(full)) {
		vnet_count(&to->rx_stats, VNET_RX_MISSED, 1);
		vnet_frame_drop(frame);
	} else {
		vnet_arrive(to, rxq, frame);
	}
	return true;
}

/**
 * vnet_carry_steered() - carry a frame to whichever queue its hash says
 * @from: the queue that sent
 * @to: the queue whose poll carries
 * @frame: the frame; ours unless false is returned
 * @pause: leave the frame where it is if the RX ring is full
 *
 * If that is the ring of another poll, to look again and again would only keep
 * the CPU from that poll, which will ask for this one instead.
 *
 * Context: The wire (softirq); takes the lock of the queue that receives.
 * Return: false if the frame has to wait.
 */
static bool vnet_carry_steered(struct vnet_queue *from, struct vnet_queue *to,
			       void *frame, bool pause)
{
	struct vnet_queue *rxq = vnet_steer(to, frame);
	bool taken, waits = false;

	spin_lock(&rxq->rx_lock);
	taken = vnet_carry_one(from, to, rxq, frame, pause);
	vnet_ring_publish(&rxq->rx);
	if (unlikely(!taken) && rxq != to) {
		/*
		 * The look at the TX ring, then the question, then the look at
		 * the RX ring; a full barrier on both sides. Pairs with
		 * vnet_rx_room().
		 */
		test_and_set_bit(0, &rxq->rx_wanted);
		waits = vnet_ring_full(&rxq->rx);
	}
	spin_unlock(&rxq->rx_lock);
	WRITE_ONCE(from->waits, waits);
	return taken;
}

/**
 * vnet_carry() - carry what one queue has sent
 * @from: the queue that sent
 * @to: the queue that receives
 *
 * Takes no more than what it found at the start, so that a fast producer on
 * another CPU cannot hold this one for ever.
 *
 * Context: The wire (softirq); the consumer of @from's TX ring.
 * Return: whether there was something that did not have to wait.
 */
static bool vnet_carry(struct vnet_queue *from, struct vnet_queue *to)
{
	const struct vnet_priv *near = netdev_priv(from->dev);
	const struct vnet_priv *priv = netdev_priv(to->dev);
	unsigned int i, len, found = vnet_ring_count(&from->tx);
	bool pause = priv->pause_tx && near->pause_rx;
	unsigned int bytes = 0;
	bool taken;
	void *frame;

	if (!found || unlikely(READ_ONCE(near->stalled)))
		return false;
	for (i = 0; i < found; i++) {
		frame = vnet_ring_peek(&from->tx, i);
		len = vnet_frame_len(frame);
		if (unlikely(priv->steered))
			taken = vnet_carry_steered(from, to, frame, pause);
		else
			taken = vnet_carry_one(from, to, to, frame, pause);
		if (unlikely(!taken)) {
			vnet_count(&from->wire_stats, VNET_WIRE_PAUSED, 1);
			break;
		}
		bytes += len;
	}
	if (!i)
		return false;
	/* In one ring before it is gone from the other; see vnet_drain(). */
	if (likely(!priv->steered))
		vnet_ring_publish(&to->rx);
	vnet_complete(from, i, bytes);
	return true;
}

/**
 * vnet_wire() - carry to a queue all that was sent to it
 * @to: the queue that receives
 *
 * Each time, another of several that send is the first: if there is not room
 * for all, the others would never have their turn.
 *
 * Context: The poll of @to (softirq).
 */
void vnet_wire(struct vnet_queue *to)
{
	struct vnet_queue *first, *from, *served = NULL;

	if (unlikely(to->line)) {
		vnet_line_run(to);
		if (to->line->active)
			return;
	}
	if (!to->feeds)
		return;
	first = to->feed_turn ?: to->feeds;
	from = first;
	do {
		if (vnet_carry(from, to) && !served)
			served = from;
		from = from->feed_next ?: to->feeds;
	} while (from != first);
	if (served)
		to->feed_turn = served->feed_next;
}

/**
 * vnet_wire_due() - whether something under way to a queue has come
 * @to: the queue that receives
 *
 * Context: The poll of @to, not yet complete.
 * Return: true if there is.
 */
bool vnet_wire_due(const struct vnet_queue *to)
{
	return unlikely(to->line) && vnet_line_due(to->line);
}

/**
 * vnet_wire_pending() - whether something is waiting to be carried to a queue
 * @to: the queue that receives
 * @waiting: even if it waits for room that another poll will make
 *
 * Context: The poll of @to. From anywhere else, a good guess, unless a full
 * barrier is between what the caller must see and the look: vnet_rx_room().
 * Return: true if there is.
 */
bool vnet_wire_pending(const struct vnet_queue *to, bool waiting)
{
	const struct vnet_queue *from;
	const struct vnet_priv *near;

	if (unlikely(to->line)) {
		bool pending = vnet_line_pending(to->line);

		if (pending || to->line->active)
			return pending;
	}
	for (from = to->feeds; from; from = from->feed_next) {
		near = netdev_priv(from->dev);
		if (vnet_ring_count(&from->tx) && !READ_ONCE(near->stalled) &&
		    (waiting || !READ_ONCE(from->waits)))
			return true;
	}
	return false;
}
