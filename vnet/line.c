// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: One direction of an impaired wire: the stages in their order
 *
 * line.h has the map. The poll of one queue runs all of this, or, while the
 * link is frozen, a process that holds RTNL; so there is one writer, and one
 * consumer of the TX rings.
 *
 * Next: serial.c.
 */

#include <linux/etherdevice.h>
#include <linux/ktime.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "line.h"
#include "vnet.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* A frame that waits for others to overtake it waits no longer, in ns. */
#define VNET_HOLD (100 * NSEC_PER_MSEC)

/* A frame that comes so much after it was due is counted as late, in ns. */
#define VNET_LATE NSEC_PER_MSEC

/* A poll that comes by itself within this time need not be asked for, in ns. */
#define VNET_SOON (100 * NSEC_PER_USEC)

/* How long to wait until the far end is asked again whether it has room. */
#define VNET_PAUSE (50 * NSEC_PER_USEC)

/* How many frames come out at once; as many as a poll hands on. */
#define VNET_LINE_BUDGET NAPI_POLL_WEIGHT

/**
 * vnet_line_count() - count something
 * @line: the line
 * @which: what, VNET_XSTAT_*
 * @n: how many
 *
 * Context: Softirq, or bottom halves off while frozen; the line's one writer.
 */
void vnet_line_count(struct vnet_line *line, unsigned int which, u64 n)
{
	vnet_count(&line->stats, which, n);
}

/**
 * vnet_line_leave() - a frame is no longer in the line
 * @line: the line
 * @skb: the frame
 *
 * Context: Softirq.
 */
static void vnet_line_leave(struct vnet_line *line, const struct sk_buff *skb)
{
	WRITE_ONCE(line->bytes, line->bytes - VNET_CB(skb)->truesize);
	WRITE_ONCE(line->frames, line->frames - 1);
}

/**
 * vnet_line_lose() - a frame that was let in goes no further
 * @line: the line
 * @skb: the frame, ours
 * @why: VNET_XSTAT_*
 *
 * Context: Softirq.
 */
void vnet_line_lose(struct vnet_line *line, struct sk_buff *skb,
		    unsigned int why)
{
	trace_vnet_drop(line->near->dev, VNET_CB(skb)->ordinal, why);
	vnet_line_count(line, why, 1);
	vnet_line_leave(line, skb);
	dev_kfree_skb_any(skb);
}

/**
 * vnet_line_refuse() - a frame that comes to the line is not let in
 * @line: the line
 * @skb: the frame, ours
 * @why: VNET_XSTAT_*
 *
 * Context: Softirq.
 */
static void vnet_line_refuse(struct vnet_line *line, struct sk_buff *skb,
			     unsigned int why)
{
	trace_vnet_drop(line->near->dev, VNET_CB(skb)->ordinal, why);
	vnet_line_count(line, why, 1);
	dev_kfree_skb_any(skb);
}

/**
 * vnet_line_set_out() - a frame is under way from here on
 * @line: the line
 * @skb: the frame, when it is due noted on it
 *
 * Context: Softirq.
 */
static void vnet_line_set_out(struct vnet_line *line, struct sk_buff *skb)
{
	struct vnet_cb *cb = VNET_CB(skb);

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
static void vnet_line_give_up(struct vnet_line *line, u64 now)
{
	struct sk_buff *skb;
	struct vnet_cb *cb;

	while ((skb = skb_peek(&line->held))) {
		cb = VNET_CB(skb);
		if (cb->due + VNET_HOLD > now)
			return;
		__skb_unlink(skb, &line->held);
		vnet_line_count(line, VNET_XSTAT_REORDERED_LATE, 1);
		cb->due += VNET_HOLD;
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

	if (unlikely(vnet_forget(skb))) {
		vnet_line_lose(line, skb, VNET_XSTAT_NO_MEMORY);
		return;
	}
	cb->due = left + cb->delay;
	if (impair->set[VNET_IMPAIR_KEEP_ORDER])
		cb->due = max(cb->due, line->last_due);
	if (unlikely(cb->marks & VNET_REORDERED)) {
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
 * vnet_line_admit() - a frame is let in
 * @line: the line
 * @impair: the settings
 * @skb: the frame, ours
 *
 * Context: Softirq.
 * Return: true if it was; false if there was no room for it.
 */
static bool vnet_line_admit(struct vnet_line *line,
			    const struct vnet_impair *impair,
			    struct sk_buff *skb)
{
	if (line->bytes + skb->truesize > impair->set[VNET_IMPAIR_LIMIT]) {
		vnet_line_refuse(line, skb, VNET_XSTAT_LIMIT_DROPS);
		return false;
	}
	/* What is to wait behind the device, its sender is rid of. */
	if (impair->set[VNET_IMPAIR_RATE] != VNET_RATE_NONE &&
	    !vnet_serial_pulls(impair) && unlikely(vnet_forget(skb))) {
		vnet_line_refuse(line, skb, VNET_XSTAT_NO_MEMORY);
		return false;
	}
	VNET_CB(skb)->truesize = skb->truesize;
	WRITE_ONCE(line->bytes, line->bytes + skb->truesize);
	WRITE_ONCE(line->frames, line->frames + 1);
	if (impair->set[VNET_IMPAIR_RATE] != VNET_RATE_NONE ||
	    vnet_serial_length(&line->serial))
		vnet_serial_add(line, impair, skb);
	else
		vnet_line_launch(line, impair, skb, VNET_CB(skb)->entered);
	return true;
}

/**
 * vnet_line_copy() - make the copy of a frame that comes twice
 * @line: the line
 * @impair: the settings
 * @skb: the frame
 *
 * The copy is of the frame as it was sent: what befalls the one, the other does
 * not share.
 *
 * Context: Softirq.
 * Return: the copy; NULL if memory ran out.
 */
static struct sk_buff *vnet_line_copy(struct vnet_line *line,
				      const struct vnet_impair *impair,
				      struct sk_buff *skb)
{
	struct sk_buff *copy = skb_clone(skb, GFP_ATOMIC);

	if (!copy)
		return NULL;
	*VNET_CB(copy) = *VNET_CB(skb);
	VNET_CB(copy)->delay += impair->set[VNET_IMPAIR_COPY_DELAY];
	VNET_CB(copy)->marks = VNET_DUPLICATED;
	vnet_line_count(line, VNET_XSTAT_DUPLICATED, 1);
	return copy;
}

/**
 * vnet_line_damage() - do to a frame's bytes what the verdict says
 * @line: the line
 * @impair: the settings
 * @skb: the frame
 * @verdict: the verdict
 *
 * Context: Softirq.
 * Return: 0 or -ENOMEM.
 */
static int vnet_line_damage(struct vnet_line *line,
			    const struct vnet_impair *impair,
			    struct sk_buff *skb,
			    const struct vnet_verdict *verdict)
{
	if (verdict->marks & VNET_TRUNCATED) {
		if (vnet_truncate(skb, impair->set[VNET_IMPAIR_LENGTH]))
			return -ENOMEM;
		vnet_line_count(line, VNET_XSTAT_TRUNCATED, 1);
	}
	if (verdict->marks & VNET_CORRUPTED) {
		if (vnet_corrupt(skb, impair, verdict->bits))
			return -ENOMEM;
		vnet_line_count(line, VNET_XSTAT_CORRUPTED, 1);
	}
	return 0;
}

/**
 * vnet_line_skb() - a frame as the line wants it
 * @line: the line
 * @frame: the frame, as it lies in a ring, ours
 * @now: time, in ns
 *
 * What XDP has sent becomes an skb, whose bytes are where they were.
 *
 * Context: Softirq.
 * Return: the frame, from its Ethernet header on; NULL if memory ran out.
 */
static struct sk_buff *vnet_line_skb(struct vnet_line *line, void *frame,
				     u64 now)
{
	struct xdp_frame *xdpf = vnet_frame_xdp(frame);
	struct sk_buff *skb = frame;

	if (unlikely(xdpf)) {
		skb = xdp_build_skb_from_frame(xdpf, line->near->dev);
		if (!skb) {
			xdp_return_frame(xdpf);
			return NULL;
		}
		__skb_push(skb, ETH_HLEN);
		skb_set_network_header(skb, ETH_HLEN);
		VNET_CB(skb)->entered = now;
	}
	skb->protocol = ((struct ethhdr *)skb->data)->h_proto;
	return skb;
}

/**
 * vnet_line_enter() - a frame comes to the line: stages 1 to 3
 * @line: the line
 * @impair: the settings
 * @from: the queue that has sent it
 * @frame: the frame, as it lies in a ring; ours from here on
 * @now: time, in ns
 *
 * Context: Softirq; the consumer of the TX ring.
 * Return: how many frames have become of it: 0 if it goes no further, 2 with a
 * copy.
 */
unsigned int vnet_line_enter(struct vnet_line *line,
			     const struct vnet_impair *impair,
			     struct vnet_queue *from, void *frame, u64 now)
{
	struct sk_buff *skb = vnet_line_skb(line, frame, now), *copy = NULL;
	struct vnet_verdict verdict;
	unsigned int done;
	struct vnet_cb *cb;

	if (unlikely(!skb)) {
		vnet_line_count(line, VNET_XSTAT_NO_MEMORY, 1);
		return 0;
	}
	cb = VNET_CB(skb);
	vnet_judge(impair, &line->dice, cb->entered, &verdict);
	cb->queue = from->index;
	cb->delay = verdict.delay;
	cb->ordinal = verdict.ordinal;
	cb->marks = verdict.marks;
	cb->push = false;
	if (unlikely(!netif_carrier_ok(line->near->dev))) {
		vnet_line_count(line, VNET_XSTAT_NO_CARRIER, 1);
		verdict.marks |= VNET_LOST;
	}
	trace_vnet_verdict(line->near->dev, skb, &verdict);

	if (unlikely(impair->vlan) && vnet_vlan_in(line, impair, skb)) {
		vnet_line_refuse(line, skb, VNET_XSTAT_NO_MEMORY);
		return 0;
	}
	if (verdict.marks & VNET_LOST) {
		vnet_line_count(line, VNET_XSTAT_LOST, 1);
		dev_consume_skb_any(skb);
		return 0;
	}
	if (verdict.marks & VNET_CLAMPED)
		vnet_line_count(line, VNET_XSTAT_CLAMPED, 1);
	if (verdict.marks & VNET_DUPLICATED)
		copy = vnet_line_copy(line, impair, skb);
	if (unlikely(vnet_line_damage(line, impair, skb, &verdict))) {
		vnet_line_refuse(line, skb, VNET_XSTAT_NO_MEMORY);
		done = 0;
	} else {
		done = vnet_line_admit(line, impair, skb);
	}
	if (copy) {
		/* If nothing is being sent, the first does not wait. */
		if (!vnet_serial_pulls(impair))
			vnet_serial_run(line, impair, VNET_CB(copy)->entered);
		done += vnet_line_admit(line, impair, copy);
	}
	return done;
}

/**
 * vnet_line_complete() - frames have left their sender for good
 * @line: the line
 * @from: the queue that has sent them
 * @n: how many
 * @bytes: of all together
 *
 * Context: Softirq; the consumer of the TX ring.
 */
void vnet_line_complete(struct vnet_line *line, struct vnet_queue *from,
			unsigned int n, unsigned int bytes)
{
	vnet_line_count(line, VNET_XSTAT_FRAMES, n);
	vnet_ring_consume(&from->tx, n);
	vnet_count(&from->wire_stats, VNET_WIRE_COMPLETIONS, 1);
	vnet_count(&from->wire_stats, VNET_WIRE_PACKETS, n);
	vnet_count(&from->wire_stats, VNET_WIRE_BYTES, bytes);
	netdev_tx_completed_queue(from->txq, n, bytes);
	vnet_tx_wake(from);
}

/**
 * vnet_line_entered() - when a frame came to the line
 * @frame: the frame, as it lies in a ring
 * @now: time, in ns
 *
 * Context: Softirq.
 * Return: ns; what XDP has sent comes when it is looked at.
 */
static u64 vnet_line_entered(void *frame, u64 now)
{
	struct sk_buff *skb = frame;

	return vnet_frame_xdp(frame) ? now : VNET_CB(skb)->entered;
}

/**
 * vnet_line_take() - take what lies in a TX ring
 * @line: the line
 * @impair: the settings
 * @from: the queue
 * @now: time, in ns
 *
 * Context: Softirq; the consumer of the TX ring.
 */
static void vnet_line_take(struct vnet_line *line,
			   const struct vnet_impair *impair,
			   struct vnet_queue *from, u64 now)
{
	unsigned int i, bytes = 0, found = vnet_ring_count(&from->tx);
	void *frame;

	for (i = 0; i < found; i++) {
		frame = vnet_ring_peek(&from->tx, i);
		bytes += vnet_frame_len(frame);
		/* First goes what has left the queue before this came. */
		if (vnet_serial_length(&line->serial))
			vnet_serial_run(line, impair,
					vnet_line_entered(frame, now));
		vnet_line_enter(line, impair, from, frame, now);
	}
	if (found)
		vnet_line_complete(line, from, found, bytes);
}

/**
 * vnet_line_take_all() - take what lies in the TX rings
 * @line: the line
 * @impair: the settings
 * @now: time, in ns
 *
 * Context: Softirq; the consumer of the TX rings.
 */
static void vnet_line_take_all(struct vnet_line *line,
			       const struct vnet_impair *impair, u64 now)
{
	struct vnet_priv *near = line->near;
	unsigned int i;

	for (i = 0; i < near->queues; i++)
		vnet_line_take(line, impair, &near->queue[i], now);
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
	    !vnet_reflect(near, skb)) {
		/* Once the wire is clean, the others have another writer. */
		vnet_count(&near->queue[line->active ? cb->queue :
						       0].wire_stats,
			   VNET_WIRE_IGNORED, 1);
		dev_consume_skb_any(skb);
	} else if (unlikely(vnet_ring_full(&rxq->rx))) {
		/* A counter of the poll's, which is us: see struct vnet_line */
		vnet_count(&line->runner->rx_stats, VNET_RX_MISSED, 1);
		dev_kfree_skb_any(skb);
	} else {
		vnet_ring_put(&rxq->rx, skb);
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
static void vnet_line_deliver(struct vnet_line *line,
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

/**
 * vnet_line_slack() - by how much a frame may be late for company's sake
 * @line: the line
 *
 * A timer costs as much as several frames. Frames that are due so shortly one
 * after the other come out together; an eighth of what an interrupt may be put
 * off by, so `ethtool -C vn1 rx-usecs 0` makes it nothing.
 *
 * Context: Softirq.
 * Return: ns.
 */
static u64 vnet_line_slack(const struct vnet_line *line)
{
	return READ_ONCE(line->runner->rx_usecs) * (NSEC_PER_USEC / 8);
}

/**
 * vnet_line_next() - when a frame is to come out, or to wait no longer
 * @line: the line
 * @now: time, in ns
 *
 * Context: Softirq.
 * Return: ns; VNET_NEVER if there is none.
 */
static u64 vnet_line_next(const struct vnet_line *line, u64 now)
{
	u64 next = vnet_flight_next(&line->flight, vnet_line_slack(line));
	const struct sk_buff *skb = skb_peek(&line->held);

	if (line->blocked)
		next = now + VNET_PAUSE;
	if (skb)
		next = min(next, VNET_CB(skb)->due + VNET_HOLD);
	return next;
}

/**
 * vnet_line_arm() - have the line run when something happens next
 * @line: the line
 * @impair: the settings
 * @now: time, in ns
 *
 * Context: Softirq.
 */
static void vnet_line_arm(struct vnet_line *line,
			  const struct vnet_impair *impair, u64 now)
{
	u64 sent = vnet_serial_end(&line->serial, vnet_line_slack(line));
	u64 next = min(sent, vnet_line_next(line, now));

	if (next == VNET_NEVER)
		return;
	if (READ_ONCE(line->armed) != next) {
		WRITE_ONCE(line->armed, next);
		hrtimer_start(&line->timer, ns_to_ktime(next),
			      HRTIMER_MODE_ABS);
	}
	/*
	 * What comes meanwhile is not late if it is looked at then. But behind
	 * a queue of the rate's own, the sender must not wait for the rate.
	 */
	if (line->serial.sending && vnet_serial_pulls(impair))
		WRITE_ONCE(line->soon, true);
	else
		WRITE_ONCE(line->soon, next < now + VNET_SOON &&
			   (next == sent ||
			    impair->set[VNET_IMPAIR_DELAY] >= VNET_SOON));
}

/**
 * vnet_line_timer() - the next frame is due
 * @timer: &vnet_line.timer
 *
 * Context: Hardirq.
 * Return: HRTIMER_NORESTART, always.
 */
static enum hrtimer_restart vnet_line_timer(struct hrtimer *timer)
{
	struct vnet_line *line = container_of(timer, struct vnet_line, timer);

	WRITE_ONCE(line->armed, 0);
	vnet_irq_fire(line->runner);
	return HRTIMER_NORESTART;
}

/**
 * vnet_line_run() - everything that is to be done by now
 * @to: the queue whose poll runs the line
 *
 * Context: The poll of @to (softirq).
 */
void vnet_line_run(struct vnet_queue *to)
{
	struct vnet_line *line = to->line;
	const struct vnet_impair *impair;
	u64 now;

	if (READ_ONCE(line->frozen))
		return;
	/* First this, then the rings. Pairs with vnet_line_doorbell(). */
	smp_store_mb(line->soon, false);
	rcu_read_lock();
	impair = rcu_dereference(line->impair);
	now = ktime_get_ns();
	line->clock = now;
	if (line->active && !line->blocked && !vnet_serial_pulls(impair) &&
	    !READ_ONCE(line->near->stalled)) {
		/* What is being sent may lie there from when it was pulled. */
		vnet_serial_let_go(line);
		vnet_line_take_all(line, impair, now);
	}
	vnet_serial_run(line, impair, now);
	vnet_line_give_up(line, now);
	vnet_line_deliver(line, impair, to, now);
	vnet_line_arm(line, impair, now);
	rcu_read_unlock();
}

/**
 * vnet_line_pending() - whether there is something to be done now
 * @line: the line
 *
 * Context: The poll of the runner; from anywhere else, a good guess.
 * Return: true if there is.
 */
bool vnet_line_pending(const struct vnet_line *line)
{
	const struct sk_buff *skb;
	struct vnet_priv *near = line->near;
	unsigned int i;

	if (READ_ONCE(line->frozen) || line->blocked)
		return false;
	skb = vnet_flight_first(&line->flight);
	if (skb && VNET_CB(skb)->due <= line->clock)
		return true;
	if (!line->active || READ_ONCE(line->soon) ||
	    READ_ONCE(near->stalled))
		return false;
	for (i = 0; i < near->queues; i++)
		if (vnet_ring_count(&near->queue[i].tx))
			return true;
	return false;
}

/**
 * vnet_line_stamp() - note when a frame comes to the line
 * @skb: the frame
 *
 * Context: Bottom halves off, TX lock held.
 */
void vnet_line_stamp(struct sk_buff *skb)
{
	VNET_CB(skb)->entered = ktime_get_ns();
}

/**
 * vnet_line_doorbell() - there are frames for the line
 * @q: the queue that sends
 * @far: the queue whose poll runs the line
 * @many: see vnet_irq_raise()
 *
 * A frame that is to take its time anyway is looked at when a poll comes, or
 * when the interrupt does that was put off.
 *
 * Context: Bottom halves off, TX lock held; frames have been published.
 */
void vnet_line_doorbell(struct vnet_queue *q, struct vnet_queue *far,
			bool many)
{
	struct vnet_line *line = q->out;
	const struct vnet_impair *impair;
	u64 patience;

	rcu_read_lock();
	impair = rcu_dereference(line->impair);
	patience = 2ULL * READ_ONCE(far->rx_usecs) * NSEC_PER_USEC;
	if (!impair->timed) {
		vnet_irq_raise(far, q, many);
	} else {
		/* Frames first, then the look. Pairs with vnet_line_run(). */
		smp_mb();
		if (!READ_ONCE(line->soon))
			vnet_irq_raise(far, q, impair->set[VNET_IMPAIR_DELAY] <
					       patience);
	}
	rcu_read_unlock();
}

/**
 * vnet_line_spill() - take what lies in the TX rings, rate or no rate
 * @line: the line
 *
 * So nothing that was accepted is lost when rings are changed; what waits for
 * the rate goes on to wait in the line.
 *
 * Context: Process context, RTNL held; the link is frozen.
 */
void vnet_line_spill(struct vnet_line *line)
{
	local_bh_disable();
	vnet_serial_let_go(line);
	vnet_line_take_all(line, rtnl_dereference(line->impair),
			   ktime_get_ns());
	local_bh_enable();
}

/**
 * vnet_line_cut() - a frame was under way when the link went down
 * @line: the line
 * @skb: the frame, or NULL
 *
 * Context: Process context, RTNL held; the link is frozen.
 */
static void vnet_line_cut(struct vnet_line *line, struct sk_buff *skb)
{
	if (!skb)
		return;
	local_bh_disable();
	vnet_line_lose(line, skb, VNET_XSTAT_CUT);
	local_bh_enable();
	cond_resched();
}

/**
 * vnet_line_flush() - lose all that is under way: the link goes down
 * @line: the line
 *
 * Context: Process context, RTNL held; the link is frozen.
 */
void vnet_line_flush(struct vnet_line *line)
{
	struct vnet_serial *serial = &line->serial;
	struct sk_buff *skb = serial->sending;

	serial->sending = NULL;
	vnet_line_cut(line, skb);
	serial->end = 0;
	serial->bytes = 0;
	while ((skb = __skb_dequeue(&serial->queue)))
		vnet_line_cut(line, skb);
	while ((skb = __skb_dequeue(&line->held)))
		vnet_line_cut(line, skb);
	while ((skb = vnet_flight_first(&line->flight))) {
		vnet_flight_pop(&line->flight, skb);
		vnet_line_cut(line, skb);
	}
	line->last_due = 0;
	line->blocked = false;
}

/**
 * vnet_line_alloc() - make a line
 * @near: the end that sends
 * @impair: the settings; the line's from here on
 *
 * Context: Process context.
 * Return: the line; NULL if memory ran out, and then the settings remain.
 */
struct vnet_line *vnet_line_alloc(struct vnet_priv *near,
				  struct vnet_impair *impair)
{
	struct vnet_line *line = kvzalloc(sizeof(*line), GFP_KERNEL_ACCOUNT);

	if (!line)
		return NULL;
	line->near = near;
	line->frozen = true;
	RCU_INIT_POINTER(line->impair, impair);
	u64_stats_init(&line->stats.syncp);
	vnet_serial_init(&line->serial);
	vnet_flight_init(&line->flight);
	__skb_queue_head_init(&line->held);
	hrtimer_setup(&line->timer, vnet_line_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS);
	vnet_flap_init(line);
	return line;
}

/**
 * vnet_line_free() - take a line away; nothing is under way
 * @line: the line, or NULL
 *
 * Context: Process context.
 */
void vnet_line_free(struct vnet_line *line)
{
	if (!line)
		return;
	kfree(rcu_dereference_protected(line->impair, true));
	kvfree(line);
}
