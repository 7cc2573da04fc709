// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The wire: from the TX ring to the RX ring
 *
 * Two timers, both in softirq. vnet_wire() is the consumer of the TX ring and
 * puts what leaves into the delay line; vnet_line_tick() takes out what is due
 * and is the producer of the RX ring. Everything passes through the delay
 * line, even with no delay, so that each ring keeps one of each. The line has
 * a lock.
 *
 * On the way, in this order: VLAN pop and translate (vlan.c), loss (impair.c),
 * the far end (reflect.c), delay and jitter (impair.c), VLAN push (vlan.c).
 *
 * Next: impair.c rolls the dice.
 */

#include <linux/etherdevice.h>
#include <linux/ktime.h>

#include "vnet.h"

/*
 * Frames under way at most, so that a long delay cannot eat all memory. At
 * 1 s, the longest mean delay, 16384 frames of 1514 bytes make 198 Mbit/s.
 */
#define VNET_LINE_LIMIT 16384

/*
 * Frames that arrive before the poll gets its turn. If the timer was late,
 * more are due than the RX ring holds.
 */
#define VNET_LINE_BATCH (VNET_RX_RING_SIZE / 2)

/**
 * struct vnet_cb - what the delay line notes on a frame, in its skb->cb
 * @sent: when it left the TX ring
 * @due: when it is to arrive
 * @vid: VLAN to be pushed when it arrives, as set when it left; 0 for none
 */
struct vnet_cb {
	ktime_t sent;
	ktime_t due;
	u16 vid;
};

/**
 * vnet_cb() - the delay line's note on a frame
 * @skb: the frame
 *
 * Context: The delay line.
 * Return: the note.
 */
static struct vnet_cb *vnet_cb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct vnet_cb) > sizeof(skb->cb));
	return (struct vnet_cb *)skb->cb;
}

/**
 * vnet_line_less() - whether one frame is due before another
 * @a: the one, by its rbnode
 * @b: the other
 *
 * Context: Line lock held.
 * Return: true if it is; of two due at once the first in stays first.
 */
static bool vnet_line_less(struct rb_node *a, const struct rb_node *b)
{
	return ktime_before(vnet_cb(rb_to_skb(a))->due,
			    vnet_cb(rb_to_skb(b))->due);
}

/**
 * vnet_line_put() - put a frame into the delay line
 * @priv: the device
 * @skb: the frame, ours
 *
 * Context: The wire (softirq).
 */
static void vnet_line_put(struct vnet_priv *priv, struct sk_buff *skb)
{
	struct vnet_cb *cb = vnet_cb(skb);

	cb->sent = ktime_get();
	cb->due = ktime_add_ns(cb->sent, vnet_delay(priv));
	cb->vid = VNET_GET(vlan_push);

	spin_lock(&priv->line_lock);
	if (priv->line_len == VNET_LINE_LIMIT) {
		spin_unlock(&priv->line_lock);
		vnet_count(priv, VNET_WIRE_OVERFLOW, 1);
		dev_kfree_skb_any(skb);
		return;
	}
	priv->line_len++;
	if (rb_add_cached(&skb->rbnode, &priv->line, vnet_line_less))
		hrtimer_start(&priv->line_timer, cb->due,
			      HRTIMER_MODE_ABS_SOFT);
	spin_unlock(&priv->line_lock);
}

/**
 * vnet_line_arm() - set the timer for the first frame in the delay line
 * @priv: the device
 *
 * All timer settings but that of vnet_line_put() are made here, and all under
 * the lock, so that the last one made is for the frame that is first.
 *
 * Context: Line lock held.
 */
static void vnet_line_arm(struct vnet_priv *priv)
{
	struct sk_buff *first = rb_to_skb(rb_first_cached(&priv->line));

	if (first)
		hrtimer_start(&priv->line_timer, vnet_cb(first)->due,
			      HRTIMER_MODE_ABS_SOFT);
}

/**
 * vnet_line_take() - take the first frame out of the delay line, if it is due
 * @priv: the device
 * @now: what is due by then
 *
 * If it is not, the timer is set for it.
 *
 * Context: Bottom halves off: the delay line's timer, and vnet_line_flush().
 * Return: the frame, or NULL if none is due.
 */
static struct sk_buff *vnet_line_take(struct vnet_priv *priv, ktime_t now)
{
	struct sk_buff *skb;

	spin_lock(&priv->line_lock);
	skb = rb_to_skb(rb_first_cached(&priv->line));
	if (!skb || ktime_after(vnet_cb(skb)->due, now)) {
		vnet_line_arm(priv);
		spin_unlock(&priv->line_lock);
		return NULL;
	}
	rb_erase_cached(&skb->rbnode, &priv->line);
	priv->line_len--;
	spin_unlock(&priv->line_lock);

	/* The node shared its memory with these. */
	skb->next = NULL;
	skb->prev = NULL;
	skb->dev = priv->dev;
	return skb;
}

/**
 * vnet_arrive() - a frame has come to the end of the delay line
 * @priv: the device
 * @skb: the frame, ours
 * @now: when that was
 *
 * Context: The delay line's timer (softirq); the RX ring's producer.
 */
static void vnet_arrive(struct vnet_priv *priv, struct sk_buff *skb,
			ktime_t now)
{
	vnet_count(priv, VNET_WIRE_DELAY_NS,
		   ktime_to_ns(ktime_sub(now, vnet_cb(skb)->sent)));
	skb = vnet_vlan_arrive(skb, vnet_cb(skb)->vid);
	if (skb)
		vnet_receive(priv, skb);
	else
		vnet_count(priv, VNET_WIRE_ERRORS, 1);
}

/**
 * vnet_line_tick() - the first frame in the delay line is due
 * @timer: &vnet_priv.line_timer
 *
 * Context: Softirq (HRTIMER_MODE_SOFT); the RX ring's producer.
 * Return: HRTIMER_NORESTART; vnet_line_arm() sets the timer again.
 */
enum hrtimer_restart vnet_line_tick(struct hrtimer *timer)
{
	struct vnet_priv *priv = container_of(timer, struct vnet_priv,
					      line_timer);
	ktime_t now = ktime_get();
	struct sk_buff *skb;
	unsigned int i;

	for (i = 0; i < VNET_LINE_BATCH; i++) {
		skb = vnet_line_take(priv, now);
		if (!skb)
			break;
		vnet_arrive(priv, skb, now);
	}
	if (i)
		vnet_interrupt(priv);

	/* More may be due, but the poll comes first. */
	if (i == VNET_LINE_BATCH) {
		spin_lock(&priv->line_lock);
		vnet_line_arm(priv);
		spin_unlock(&priv->line_lock);
	}
	return HRTIMER_NORESTART;
}

/**
 * vnet_line_flush() - drop what is under way
 * @priv: the device
 *
 * Context: Process context, bottom halves off; both timers have ended.
 * Return: number of frames dropped.
 */
unsigned int vnet_line_flush(struct vnet_priv *priv)
{
	unsigned int dropped = 0;
	struct sk_buff *skb;

	while ((skb = vnet_line_take(priv, KTIME_MAX))) {
		kfree_skb(skb);
		dropped++;
	}
	return dropped;
}

/**
 * vnet_carry() - what the wire does to a frame that has left
 * @priv: the device
 * @skb: the frame, ours
 *
 * Somebody may still hold a clone of it (a running tcpdump does, and a bridge
 * that floods). The wire and GRO write, so the bytes must be ours alone.
 *
 * Context: The wire (softirq).
 */
static void vnet_carry(struct vnet_priv *priv, struct sk_buff *skb)
{
	if (skb_unclone(skb, GFP_ATOMIC) || vnet_vlan_leave(skb)) {
		vnet_count(priv, VNET_WIRE_ERRORS, 1);
		dev_kfree_skb_any(skb);
		return;
	}
	if (vnet_lost(priv)) {
		vnet_count(priv, VNET_WIRE_LOST, 1);
		dev_kfree_skb_any(skb);
		return;
	}
	if (READ_ONCE(vnet_far_end) == VNET_REFLECT &&
	    !vnet_reflect(priv, skb)) {
		vnet_count(priv, VNET_WIRE_IGNORED, 1);
		dev_consume_skb_any(skb);
		return;
	}
	vnet_line_put(priv, skb);
}

/**
 * vnet_wire_start() - set the wire's timer, unless it is set
 * @priv: the device
 *
 * With nothing in the ring it fires in vain, which does no harm.
 *
 * Context: Any; after a frame was put into the ring.
 */
void vnet_wire_start(struct vnet_priv *priv)
{
	u64 delay = VNET_GET(tx_usecs) * (u64)NSEC_PER_USEC;

	if (!test_and_set_bit(VNET_WIRE_BUSY, &priv->flags))
		hrtimer_start(&priv->wire, ns_to_ktime(delay),
			      HRTIMER_MODE_REL_SOFT);
}

/**
 * vnet_wire() - the hardware: take what was in the TX ring onto the wire
 * @timer: &vnet_priv.wire
 *
 * Takes no more than what it found at the start, so that a fast producer on
 * another CPU cannot hold this one for ever.
 *
 * Context: Softirq (HRTIMER_MODE_SOFT); the TX ring's consumer.
 * Return: HRTIMER_NORESTART; vnet_wire_start() sets the timer again.
 */
enum hrtimer_restart vnet_wire(struct hrtimer *timer)
{
	struct vnet_priv *priv = container_of(timer, struct vnet_priv, wire);
	unsigned int i, found = vnet_ring_count(&priv->tx);
	struct sk_buff *skb;

	for (i = 0; i < found; i++) {
		skb = vnet_ring_pop(&priv->tx);
		vnet_complete(priv, skb);
		vnet_carry(priv, skb);
		priv->ordinal++;
	}
	if (found) {
		vnet_count(priv, VNET_TX_COMPLETIONS, 1);
		netif_dbg(priv, tx_done, priv->dev, "wire: %u frames left\n",
			  found);
	}

	vnet_tx_wake(priv);

	/*
	 * First no longer busy, then the look at the ring. Pairs with
	 * test_and_set_bit() in vnet_wire_start(), a full barrier between the
	 * push and the look at the bit: one of the two must see the other.
	 */
	clear_bit(VNET_WIRE_BUSY, &priv->flags);
	smp_mb__after_atomic(); /* see above */
	if (vnet_ring_count(&priv->tx))
		vnet_wire_start(priv);
	return HRTIMER_NORESTART;
}
