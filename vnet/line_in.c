// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Frames come to an impaired wire: stages 1 to 3
 *
 * What lies in the TX rings is taken out, judged, damaged, and handed to the
 * rate, or set on its way. Run by whoever runs the line (softirq).
 *
 * Next: serial.c.
 */

#include <linux/etherdevice.h>
#include <linux/netdevice.h>

#include "line.h"
#include "vnet.h"
#include "trace.h"

/**
 * vnet_line_admit() - a frame is let in
 * @line: the line
 * @impair: the settings
 * @skb: the frame, ours
 *
 * Context: Softirq.
 * Return: true if it was, though the rate's queue may have lost a frame for it,
 * or this one; false if there was no room for it, or no memory.
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
	if (impair->rated && !impair->pulled) {
		if (unlikely(vnet_forget(skb))) {
			vnet_line_refuse(line, skb, VNET_XSTAT_NO_MEMORY);
			return false;
		}
		VNET_CB(skb)->forgotten = true;
	}
	VNET_CB(skb)->truesize = skb->truesize;
	WRITE_ONCE(line->bytes, line->bytes + skb->truesize);
	WRITE_ONCE(line->frames, line->frames + 1);
	if (impair->rated || vnet_serial_busy(&line->serial))
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

	vnet_line_count(line, VNET_XSTAT_DUPLICATED, 1);
	if (!copy) {
		trace_vnet_drop(line->near->dev, VNET_CB(skb)->ordinal,
				VNET_XSTAT_NO_MEMORY);
		vnet_line_count(line, VNET_XSTAT_NO_MEMORY, 1);
		return NULL;
	}
	*VNET_CB(copy) = *VNET_CB(skb);
	VNET_CB(copy)->delay += impair->set[VNET_IMPAIR_COPY_DELAY];
	VNET_CB(copy)->marks = VNET_DUPLICATED;
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
 * What XDP has sent becomes an skb, whose bytes are where they were. What
 * pktgen has sent, and still holds, becomes one that is the line's alone.
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
	} else {
		skb = skb_share_check(skb, GFP_ATOMIC);
		if (!skb)
			return NULL;
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
	cb->forgotten = false;
	if (unlikely(!netif_carrier_ok(line->near->dev))) {
		vnet_line_count(line, VNET_XSTAT_NO_CARRIER, 1);
		verdict.marks |= VNET_LOST;
	}
	trace_vnet_verdict(line->near->dev, skb, &verdict);

	if (unlikely(impair->vlan) && vnet_vlan_in(line, impair, skb)) {
		vnet_line_refuse(line, skb, VNET_XSTAT_NO_MEMORY);
		return 0;
	}
	if (likely(!verdict.marks))
		return vnet_line_admit(line, impair, skb);
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
		if (!impair->pulled)
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
	vnet_complete(from, n, bytes);
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
 * vnet_line_oldest() - the TX ring whose next frame came before the others'
 * @line: the line
 * @now: time, in ns
 * @until: set to when the next frame of another ring came, in ns; VNET_NEVER if
 *	there is none
 *
 * Of rings whose frames came at the same time, each has its turn.
 *
 * Context: Softirq; the consumer of the TX rings.
 * Return: its queue; NULL if there are no frames.
 */
static struct vnet_queue *vnet_line_oldest(struct vnet_line *line, u64 now,
					   u64 *until)
{
	const struct vnet_priv *near = line->near;
	struct vnet_queue *q, *oldest = NULL;
	u64 entered, first = VNET_NEVER;
	unsigned int i;

	*until = VNET_NEVER;
	for (i = 1; i <= near->queues; i++) {
		q = &near->queue[(line->serial.turn + i) % near->queues];
		if (vnet_ring_count(&q->tx) == q->taken)
			continue;
		entered = vnet_line_entered(vnet_ring_peek(&q->tx, q->taken),
					    now);
		if (!oldest || entered < first) {
			*until = first;
			first = entered;
			oldest = q;
		} else {
			*until = min(*until, entered);
		}
	}
	if (oldest)
		line->serial.turn = oldest->index;
	return oldest;
}

/**
 * vnet_line_take() - take what lies in a TX ring; its slots are still in use
 * @line: the line
 * @impair: the settings
 * @from: the queue; there are frames in its ring
 * @now: time, in ns
 * @until: take what came before, but the first in any case, in ns
 * @most: how many at most
 *
 * Context: Softirq; the consumer of the TX ring.
 * Return: how many were taken.
 */
static unsigned int vnet_line_take(struct vnet_line *line,
				   const struct vnet_impair *impair,
				   struct vnet_queue *from, u64 now, u64 until,
				   unsigned int most)
{
	unsigned int i;
	void *frame;
	u64 entered;

	most = min(most, vnet_ring_count(&from->tx) - from->taken);
	for (i = 0; i < most; i++) {
		frame = vnet_ring_peek(&from->tx, from->taken);
		entered = vnet_line_entered(frame, now);
		if (entered >= until && i)
			break;
		from->taken++;
		from->taken_bytes += vnet_frame_len(frame);
		/* First goes what has left the queue before this came. */
		if (vnet_serial_due(&line->serial, entered))
			vnet_serial_run(line, impair, entered);
		vnet_line_enter(line, impair, from, frame, now);
	}
	return i;
}

/**
 * vnet_line_take_all() - take what lies in the TX rings
 * @line: the line
 * @impair: the settings
 * @now: time, in ns
 *
 * In the order in which the stack's frames came, whichever ring they are in:
 * the first ring would get all the room that there is; XDP's come last, because
 * nobody has noted when they came. No more than what is found at the start, so
 * that fast producers cannot hold this CPU for ever. And each ring is given its
 * slots back at once: byte queue limits learn from how many there are.
 *
 * Context: Softirq; the consumer of the TX rings.
 */
void vnet_line_take_all(struct vnet_line *line,
			const struct vnet_impair *impair, u64 now)
{
	struct vnet_priv *near = line->near;
	unsigned int i, left = 0;
	struct vnet_queue *from;
	u64 until;

	for (i = 0; i < near->queues; i++)
		left += vnet_ring_count(&near->queue[i].tx);
	while (left && (from = vnet_line_oldest(line, now, &until)))
		left -= vnet_line_take(line, impair, from, now, until, left);
	for (i = 0; i < near->queues; i++) {
		from = &near->queue[i];
		if (!from->taken)
			continue;
		vnet_line_complete(line, from, from->taken, from->taken_bytes);
		from->taken = 0;
		from->taken_bytes = 0;
	}
}
