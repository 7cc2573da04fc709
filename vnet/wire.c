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
 * 1 s, the longest delay, 16384 frames of 1514 bytes make 198 Mbit/s.
 */
#define VNET_LINE_LIMIT 16384

/**
 * struct vnet_cb - what the delay line notes on a frame, in its skb->cb
 * @sent: when it left the TX ring
 * @due: when it is to arrive
 */
struct vnet_cb {
	ktime_t sent;
	ktime_t due;
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
 * vnet_line_take() - take the first frame out of the delay line, if it is due
 * @priv: the device
 * @now: what is due by then
 *
 * If it is not, the timer is set for it. All timer settings are made under the
 * lock, so that the last one made is for the frame that is first.
 *
 * Context: The delay line's timer (softirq).
 * Return: the frame, or NULL if none is due.
 */
static struct sk_buff *vnet_line_take(struct vnet_priv *priv, ktime_t now)
{
	struct sk_buff *skb;

	spin_lock(&priv->line_lock);
	skb = rb_to_skb(rb_first_cached(&priv->line));
	if (skb && ktime_after(vnet_cb(skb)->due, now)) {
		hrtimer_start(&priv->line_timer, vnet_cb(skb)->due,
			      HRTIMER_MODE_ABS_SOFT);
		skb = NULL;
	}
	if (skb) {
		rb_erase_cached(&skb->rbnode, &priv->line);
		priv->line_len--;
	}
	spin_unlock(&priv->line_lock);
	if (!skb)
		return NULL;

	/* The node shared its memory with these. */
	skb->next = NULL;
	skb->prev = NULL;
	skb->dev = priv->dev;
	return skb;
}

/**
 * vnet_line_tick() - the first frame in the delay line is due
 * @timer: &vnet_priv.line_timer
 *
 * Context: Softirq (HRTIMER_MODE_SOFT); the RX ring's producer.
 * Return: HRTIMER_NORESTART; vnet_line_take() has set the timer again.
 */
enum hrtimer_restart vnet_line_tick(struct hrtimer *timer)
{
	struct vnet_priv *priv = container_of(timer, struct vnet_priv,
					      line_timer);
	ktime_t now = ktime_get();
	bool received = false;
	struct sk_buff *skb;

	while ((skb = vnet_line_take(priv, now))) {
		vnet_count(priv, VNET_WIRE_DELAY_NS,
			   ktime_to_ns(ktime_sub(now, vnet_cb(skb)->sent)));
		skb = vnet_vlan_arrive(skb);
		if (skb) {
			vnet_receive(priv, skb);
			received = true;
		} else {
			vnet_count(priv, VNET_WIRE_ERRORS, 1);
		}
	}
	if (received)
		vnet_interrupt(priv);
	return HRTIMER_NORESTART;
}

/**
 * vnet_line_flush() - drop what is under way
 * @priv: the device
 *
 * Context: Process context; both timers have ended.
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
 * Context: The wire (softirq).
 */
static void vnet_carry(struct vnet_priv *priv, struct sk_buff *skb)
{
	if (vnet_vlan_leave(skb)) {
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
 * Context: Any; the caller has put a frame into the ring before.
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
