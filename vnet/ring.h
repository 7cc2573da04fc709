/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: The ring
 *
 * Frames on their way from one producer to one consumer, without a lock. Who
 * is the one and who the other stands at each ring of &struct vnet_priv.
 *
 * The producer fills a slot, then publishes the head; the consumer empties a
 * slot, then publishes the tail. Each store-release has its load-acquire on
 * the other side, named in the comments.
 *
 * Next: tx.c and rx.c, who use it.
 */

#ifndef VNET_RING_H
#define VNET_RING_H

#include <linux/cache.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

/**
 * struct vnet_ring - frames on their way from one producer to one consumer
 * @slot: the frames; slot (index & (size - 1)) belongs to the consumer while
 *	tail <= index < head, to the producer otherwise
 * @size: number of slots, a power of two
 * @head: index of the next frame to put; written by the producer only
 * @tail: index of the next frame to take; written by the consumer only
 *
 * Both indices only grow and wrap at 2^32, so head - tail is the occupancy.
 * Each side writes one of them and lives on a cache line of its own.
 */
struct vnet_ring {
	struct sk_buff **slot;
	unsigned int size;

	unsigned int head ____cacheline_aligned_in_smp;
	unsigned int tail ____cacheline_aligned_in_smp;
};

/**
 * vnet_ring_alloc() - make an empty ring
 * @ring: the ring
 * @size: number of slots, a power of two
 *
 * Context: Process context.
 * Return: 0, or -ENOMEM.
 */
static inline int vnet_ring_alloc(struct vnet_ring *ring, unsigned int size)
{
	ring->slot = kvcalloc(size, sizeof(*ring->slot), GFP_KERNEL);
	if (!ring->slot)
		return -ENOMEM;
	ring->size = size;
	ring->head = 0;
	ring->tail = 0;
	return 0;
}

/**
 * vnet_ring_space() - how many frames the producer may still put
 * @ring: the ring
 *
 * Context: The producer.
 * Return: free slots; the consumer can only make it more.
 */
static inline unsigned int vnet_ring_space(const struct vnet_ring *ring)
{
	/* Pairs with vnet_ring_pop(): what is free here has been read there. */
	return ring->size - (ring->head - smp_load_acquire(&ring->tail));
}

/**
 * vnet_ring_count() - how many frames the consumer may take
 * @ring: the ring
 *
 * Context: The consumer.
 * Return: filled slots; the producer can only make it more.
 */
static inline unsigned int vnet_ring_count(const struct vnet_ring *ring)
{
	/* Pairs with vnet_ring_push(): what counts here has been written. */
	return smp_load_acquire(&ring->head) - READ_ONCE(ring->tail);
}

/**
 * vnet_ring_push() - put a frame at the head
 * @ring: the ring
 * @skb: the frame; the consumer's from here on, if true is returned
 *
 * Context: The producer.
 * Return: false if the ring is full.
 */
static inline bool vnet_ring_push(struct vnet_ring *ring, struct sk_buff *skb)
{
	if (!vnet_ring_space(ring))
		return false;
	ring->slot[ring->head & (ring->size - 1)] = skb;
	/* Pairs with vnet_ring_count(): the slot before the index. */
	smp_store_release(&ring->head, ring->head + 1);
	return true;
}

/**
 * vnet_ring_pop() - take the frame at the tail
 * @ring: the ring
 *
 * Context: The consumer.
 * Return: the frame, or NULL if the ring is empty.
 */
static inline struct sk_buff *vnet_ring_pop(struct vnet_ring *ring)
{
	struct sk_buff *skb;

	if (!vnet_ring_count(ring))
		return NULL;
	skb = ring->slot[ring->tail & (ring->size - 1)];
	/* Pairs with vnet_ring_space(): the slot before the index. */
	smp_store_release(&ring->tail, ring->tail + 1);
	return skb;
}

/**
 * vnet_ring_free() - drop what is left and give the memory back
 * @ring: the ring
 *
 * Context: Process context; producer and consumer have stopped.
 * Return: number of frames that had to be dropped.
 */
static inline unsigned int vnet_ring_free(struct vnet_ring *ring)
{
	unsigned int dropped = vnet_ring_count(ring);
	struct sk_buff *skb;

	while ((skb = vnet_ring_pop(ring)))
		kfree_skb(skb);
	kvfree(ring->slot);
	return dropped;
}

#endif /* VNET_RING_H */
