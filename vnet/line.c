// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: One direction of an impaired wire: when it is run, made, taken away
 *
 * line.h has the map. The poll of one queue runs all of it, or, while the
 * link is frozen, a process that holds RTNL; so there is one writer, and one
 * consumer of the TX rings.
 *
 * Next: line_in.c.
 */

#include <linux/ktime.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "line.h"
#include "vnet.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* A poll that comes by itself within this time need not be asked for, in ns. */
#define VNET_SOON (100 * NSEC_PER_USEC)

/* How long to wait until the far end is asked again whether it has room. */
#define VNET_PAUSE (50 * NSEC_PER_USEC)

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
void vnet_line_leave(struct vnet_line *line, const struct sk_buff *skb)
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
void vnet_line_refuse(struct vnet_line *line, struct sk_buff *skb,
		      unsigned int why)
{
	trace_vnet_drop(line->near->dev, VNET_CB(skb)->ordinal, why);
	vnet_line_count(line, why, 1);
	dev_kfree_skb_any(skb);
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
		next = min(next, VNET_CB(skb)->entered + VNET_HOLD);
	return next;
}

/**
 * vnet_line_plan() - when the line is to be run next
 * @line: the line
 * @impair: the settings
 * @now: time, in ns
 *
 * Context: Softirq.
 */
static void vnet_line_plan(struct vnet_line *line,
			   const struct vnet_impair *impair, u64 now)
{
	u64 sent = vnet_serial_end(&line->serial, vnet_line_slack(line));
	u64 next = min(sent, vnet_line_next(line, now));

	line->next = next;
	/*
	 * What comes meanwhile is not late if it is looked at then. But behind
	 * a queue of the rate's own, the sender must not wait for the rate.
	 */
	if (line->serial.sending && impair->pulled)
		WRITE_ONCE(line->soon, true);
	else
		WRITE_ONCE(line->soon, next < now + VNET_SOON &&
			   (next == sent ||
			    impair->least >= VNET_SOON));
}

/**
 * vnet_line_arm() - have the line run when it is to
 * @line: the line
 *
 * At the end of a poll, because frames that have come out need not wait for
 * it; and without fail, because nobody else would run the line.
 *
 * Context: The poll of the runner.
 */
void vnet_line_arm(struct vnet_line *line)
{
	u64 next = line->next;

	if (next == VNET_NEVER || READ_ONCE(line->armed) == next)
		return;
	WRITE_ONCE(line->armed, next);
	hrtimer_start(&line->timer, ns_to_ktime(next), HRTIMER_MODE_ABS);
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

	line->next = VNET_NEVER;
	if (READ_ONCE(line->frozen))
		return;
	/* First this, then the rings. Pairs with vnet_line_doorbell(). */
	smp_store_mb(line->soon, false);
	rcu_read_lock();
	impair = rcu_dereference(line->impair);
	now = ktime_get_ns();
	line->clock = now;
	if (line->active && !line->blocked && !impair->pulled &&
	    !READ_ONCE(line->near->stalled)) {
		/* What is being sent may lie there from when it was pulled. */
		vnet_serial_let_go(line);
		vnet_line_take_all(line, impair, now);
	}
	vnet_serial_run(line, impair, now);
	vnet_line_give_up(line, now);
	vnet_line_deliver(line, impair, to, now);
	vnet_line_plan(line, impair, now);
	rcu_read_unlock();
}

/**
 * vnet_line_due() - whether a frame is to come out now
 * @line: the line
 *
 * Context: The poll of the runner, not yet complete: another may run the line
 * from then on, and the frame be gone.
 * Return: true if there is one.
 */
bool vnet_line_due(const struct vnet_line *line)
{
	const struct sk_buff *skb;

	if (READ_ONCE(line->frozen) || line->blocked)
		return false;
	skb = vnet_flight_first(&line->flight);
	return skb && VNET_CB(skb)->due <= line->clock;
}

/**
 * vnet_line_pending() - whether a frame is to be taken in now
 * @line: the line
 *
 * Context: The poll of the runner; from anywhere else, a good guess.
 * Return: true if there is one.
 */
bool vnet_line_pending(const struct vnet_line *line)
{
	struct vnet_priv *near = line->near;
	unsigned int i;

	if (READ_ONCE(line->frozen) || READ_ONCE(line->blocked) ||
	    !READ_ONCE(line->active) || READ_ONCE(line->soon) ||
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
			vnet_irq_raise(far, q, impair->least <= patience);
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
 *
 * Context: Process context.
 * Return: the line; NULL if memory ran out.
 */
struct vnet_line *vnet_line_alloc(struct vnet_priv *near)
{
	struct vnet_line *line = kvzalloc(sizeof(*line), GFP_KERNEL_ACCOUNT);

	if (!line)
		return NULL;
	line->near = near;
	line->frozen = true;
	line->next = VNET_NEVER;
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
