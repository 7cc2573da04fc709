// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Frames under way, and out of an impaired wire: stages 4 and 5
 *
 * A frame sets out when its last bit has left, perhaps after others that are to
 * overtake it, and is put into an RX ring when it is due. Run by whoever runs
 * the line (softirq).
 *
 * Next: flight.c; then rx.c.
 */

#include <linux/netdevice.h>

#include "line.h"
#include "vnet.h"
#include "trace.h"

/* A frame that comes so much after it was due is counted as late, in ns. */
#define VNET_LATE NSEC_PER_MSEC

/* How many frames come out at once; as many as a poll hands on. */
#define VNET_LINE_BUDGET NAPI_POLL_WEIGHT

/**
 * vnet_line_set_out() - a frame is under way from here on
 * @line: the line
 * @skb: the frame, when it is due noted on it
 *
 * Its hash is needed when it comes out, if at all, but asks for the frame's
 * device, whose place flight.c may take.
 *
 * Context: Softirq.
 */
static void vnet_line_set_out(struct vnet_line *line, struct sk_buff *skb)
{
	const struct vnet_priv *far = netdev_priv(line->runner->dev);
	struct vnet_cb *cb = VNET_CB(skb);

	if (unlikely(far->steered))
		skb_get_hash(skb);
	line->last_due = max(line->last_due, cb->due);
	vnet_flight_add(&line->flight, skb);
}

/**
 * vnet_line_overtake() - a frame has set out: whom does it overtake?
 * @line: the line
 * @due: when it is due
 *
 * Those who have waited for it set out after it.
 *
 * Context: Softirq.
 */
static void vnet_line_overtake(struct vnet_line *line, u64 due)
{
	struct sk_buff *skb;
	struct vnet_cb *cb;

	line->passed++;
	while ((skb = skb_peek(&line->held))) {
		cb = VNET_CB(skb);
		if (cb->release > line->passed)
			return;
		__skb_unlink(skb, &line->held);
		cb->due = max(cb->due, due);
		vnet_line_set_out(line, skb);
	}
}

/**
 * vnet_line_give_up() - let those set out that have waited for long enough
 * @line: the line
 * @now: time, in ns
 *
 * Context: Softirq.
 */
void vnet_line_give_up(struct vnet_line *line, u64 now)
{
	struct sk_buff *skb;
	struct vnet_cb *cb;

	while ((skb = skb_peek(&line->held))) {
		cb = VNET_CB(skb);
		if (cb->entered + VNET_HOLD > now)
			return;
		__skb_unlink(skb, &line->held);
		vnet_line_count(line, VNET_XSTAT_REORDERED_LATE, 1);
		cb->due = max(cb->due, cb->entered + VNET_HOLD);
		vnet_line_set_out(line, skb);
	}
}

/**
 * vnet_line_launch() - a frame's last bit has left
 * @line: the line
 * @impair: the settings
 * @skb: the frame, ours
 * @left: when that was, in ns
 *
 * Context: Softirq.
 */
void vnet_line_launch(struct vnet_line *line, const struct vnet_impair *impair,
		      struct sk_buff *skb, u64 left)
{
	struct vnet_cb *cb = VNET_CB(skb);

	if (!cb->forgotten && unlikely(vnet_forget(skb))) {
		vnet_line_lose(line, skb, VNET_XSTAT_NO_MEMORY);
		return;
	}
	cb->due = left + cb->delay;
	if (impair->set[VNET_IMPAIR_KEEP_ORDER])
		cb->due = max(cb->due, line->last_due);
	if (unlikely(cb->marks & VNET_REORDERED)) {
		cb->entered = left;
		cb->release = line->passed +
			      impair->set[VNET_IMPAIR_DISTANCE];
		__skb_queue_tail(&line->held, skb);
		vnet_line_count(line, VNET_XSTAT_REORDERED, 1);
		return;
	}
	vnet_line_set_out(line, skb);
	vnet_line_overtake(line, cb->due);
}

/**
 * vnet_line_arrive() - a frame has come out: stage 5
 * @line: the line
 * @impair: the settings
 * @rxq: the queue that receives it, whose RX ring may be full
 * @skb: the frame, no longer under way
 * @now: time, in ns
 *
 * Context: Softirq; the producer of the RX ring.
 */
static void vnet_line_arrive(struct vnet_line *line,
			     const struct vnet_impair *impair,
			     struct vnet_queue *rxq, struct sk_buff *skb,
			     u64 now)
{
	const struct vnet_priv *near = line->near;
	struct vnet_cb *cb = VNET_CB(skb);
	u64 late = now - cb->due;
	u16 queue = cb->queue;
	void *frame = skb;

	vnet_line_leave(line, skb);
	skb->dev = rxq->dev;
	trace_vnet_deliver(near->dev, cb->ordinal, late);
	if (unlikely(vnet_vlan_out(line, impair, skb))) {
		vnet_line_count(line, VNET_XSTAT_NO_MEMORY, 1);
		return;
	}
	vnet_line_count(line, VNET_XSTAT_DELIVERED, 1);
	if (impair->timed) {
		vnet_lateness_note(&line->lateness, late);
		if (late > VNET_LATE)
			vnet_line_count(line, VNET_XSTAT_LATE, 1);
	}
	if (unlikely(near->wire == VNET_WIRE_REFLECT) &&
	    !vnet_reflect(near, &frame)) {
		/* Once the wire is clean, the others have another writer. */
		vnet_count(&near->queue[line->active ? queue : 0].wire_stats,
			   VNET_WIRE_IGNORED, 1);
		dev_consume_skb_any(frame);
	} else if (unlikely(vnet_ring_full(&rxq->rx))) {
		/* A counter of the poll's, which is us: see struct vnet_line */
		vnet_count(&line->runner->rx_stats, VNET_RX_MISSED, 1);
		dev_kfree_skb_any(frame);
	} else {
		vnet_ring_put(&rxq->rx, frame);
	}
}

/**
 * vnet_line_deliver_one() - let out a frame that is due
 * @line: the line
 * @impair: the settings
 * @rxq: the queue that receives it
 * @skb: the frame, under way
 * @wait: leave the frame where it is if the RX ring is full
 * @now: time, in ns
 *
 * Context: Softirq; the producer of the RX ring.
 * Return: false if the frame has to wait.
 */
static bool vnet_line_deliver_one(struct vnet_line *line,
				  const struct vnet_impair *impair,
				  struct vnet_queue *rxq, struct sk_buff *skb,
				  bool wait, u64 now)
{
	if (unlikely(vnet_ring_full(&rxq->rx)) && wait)
		return false;
	vnet_flight_pop(&line->flight, skb);
	vnet_line_arrive(line, impair, rxq, skb, now);
	vnet_ring_publish(&rxq->rx);
	return true;
}

/**
 * vnet_line_deliver() - let out what is due
 * @line: the line
 * @impair: the settings
 * @to: the queue whose poll runs the line
 * @now: time, in ns
 *
 * All comes to @to, whichever queue has sent it: between two queues, frames
 * would overtake each other as no wire has them. Only `ethtool -X` asks for
 * that. The ring of @to is emptied by the same poll, so that what does not fit
 * need not wait for anybody; another is emptied some time.
 *
 * Context: Softirq; the producer of the RX rings.
 */
void vnet_line_deliver(struct vnet_line *line,
		       const struct vnet_impair *impair,
		       struct vnet_queue *to, u64 now)
{
	const struct vnet_priv *far = netdev_priv(to->dev);
	bool pause = far->pause_tx && line->near->pause_rx;
	unsigned int budget = VNET_LINE_BUDGET;
	struct vnet_queue *rxq;
	struct sk_buff *skb;
	bool out = true;

	line->blocked = false;
	while (out && budget-- && (skb = vnet_flight_first(&line->flight)) &&
	       VNET_CB(skb)->due <= now) {
		rxq = to;
		if (unlikely(far->steered)) {
			/* What set out before `ethtool -X` has no hash. */
			if (skb->l4_hash || skb->sw_hash)
				rxq = vnet_steer(to, skb);
			spin_lock(&rxq->rx_lock);
			out = vnet_line_deliver_one(line, impair, rxq, skb,
						    rxq == to || pause, now);
			spin_unlock(&rxq->rx_lock);
		} else {
			out = vnet_line_deliver_one(line, impair, rxq, skb,
						    rxq == to || pause, now);
		}
		line->blocked = !out && rxq != to;
		if (rxq != to)
			vnet_irq_raise(rxq, NULL, true);
	}
	if (line->blocked)
		vnet_count(&line->near->queue[0].wire_stats,
			   VNET_WIRE_PAUSED, 1);
}
