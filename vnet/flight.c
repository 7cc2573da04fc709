// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Frames under way, by when they are due
 *
 * Most frames are due after all that set out before them, and wait in a row,
 * which costs the same however many they are. Those that overtake wait in a
 * tree, whose cost grows with the logarithm of their number.
 *
 * Run by whoever runs the line (softirq).
 *
 * Next: line_out.c.
 */

#include <linux/rbtree.h>
#include <linux/skbuff.h>

#include "line.h"

/**
 * vnet_flight_init() - nothing is under way
 * @flight: where
 *
 * Context: Any.
 */
void vnet_flight_init(struct vnet_flight *flight)
{
	__skb_queue_head_init(&flight->row);
	flight->tree = RB_ROOT_CACHED;
}

/**
 * vnet_flight_sooner() - whether one frame is due before another
 * @a: the one
 * @b: the other
 *
 * Context: Softirq.
 * Return: true if it is.
 */
static bool vnet_flight_sooner(struct rb_node *a, const struct rb_node *b)
{
	return VNET_CB(rb_to_skb(a))->due < VNET_CB(rb_to_skb(b))->due;
}

/**
 * vnet_flight_add() - a frame sets out
 * @flight: where
 * @skb: the frame, its time noted on it
 *
 * Context: Softirq.
 */
void vnet_flight_add(struct vnet_flight *flight, struct sk_buff *skb)
{
	const struct sk_buff *last = skb_peek_tail(&flight->row);

	if (likely(!last || VNET_CB(last)->due <= VNET_CB(skb)->due))
		__skb_queue_tail(&flight->row, skb);
	else
		rb_add_cached(&skb->rbnode, &flight->tree, vnet_flight_sooner);
}

/**
 * vnet_flight_first() - the frame that is due first
 * @flight: where
 *
 * Context: Softirq.
 * Return: the frame, still under way; NULL if there is none.
 */
struct sk_buff *vnet_flight_first(const struct vnet_flight *flight)
{
	struct sk_buff *row = skb_peek(&flight->row);
	struct rb_node *first = rb_first_cached(&flight->tree);
	struct sk_buff *tree = first ? rb_to_skb(first) : NULL;

	if (!tree || (row && VNET_CB(row)->due <= VNET_CB(tree)->due))
		return row;
	return tree;
}

/**
 * vnet_flight_next() - when to look for frames that are due
 * @flight: where
 * @slack: by how much a frame may be late if another is due by then, in ns
 *
 * Context: Softirq.
 * Return: ns; VNET_NEVER if there is no frame.
 */
u64 vnet_flight_next(const struct vnet_flight *flight, u64 slack)
{
	struct sk_buff *first = vnet_flight_first(flight);
	struct sk_buff *row = skb_peek(&flight->row);
	struct sk_buff *second;
	u64 due;

	if (!first)
		return VNET_NEVER;
	due = VNET_CB(first)->due;
	if (first == row) {
		second = skb_peek_next(row, &flight->row);
	} else {
		second = skb_rb_next(first);
		/* The row's first is as good. */
		if (row && VNET_CB(row)->due <= due + slack)
			return due + slack;
	}
	if (second && VNET_CB(second)->due <= due + slack)
		return due + slack;
	return due;
}

/**
 * vnet_flight_pop() - take out the frame that is due first
 * @flight: where
 * @skb: what vnet_flight_first() has returned
 *
 * Context: Softirq.
 */
void vnet_flight_pop(struct vnet_flight *flight, struct sk_buff *skb)
{
	if (likely(skb == skb_peek(&flight->row))) {
		__skb_unlink(skb, &flight->row);
		return;
	}
	rb_erase_cached(&skb->rbnode, &flight->tree);
	/* The node's place in the frame is its list's, and its device's. */
	skb->next = NULL;
	skb->prev = NULL;
	skb->dev = NULL;
}
