/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: The ring
 *
 * Frames on their way from one producer to one consumer, without a lock. Who
 * is the one and who the other stands at each ring of &struct vnet_queue.
 *
 * The producer fills slots with vnet_ring_put() and shows them all at once with
 * vnet_ring_publish(): between the two lies the doorbell that
 * netdev_xmit_more() saves. The consumer reads with vnet_ring_peek() and gives
 * the slots back with vnet_ring_consume(). Each store-release has its
 * load-acquire on the other side, named in the comments.
 *
 * Nothing in here needs a kernel: the unit tests run it in user space, under
 * sanitizers, with the few macros that it uses made from C11 atomics.
 *
 * Next: tx.c and wire.c, which fill rings; wire.c and rx.c, which empty them.
 */

#ifndef VNET_RING_H
#define VNET_RING_H

#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/barrier.h>

/**
 * struct vnet_ring - frames on their way from one producer to one consumer
 * @slot: the frames; slot (index & mask) belongs to the consumer while
 *	tail <= index < head, to the producer otherwise
 * @mask: number of slots, a power of two, less one
 * @head: index behind the last frame published; the producer's
 * @put: index behind the last frame put; the producer's own, at or ahead of
 *	@head
 * @tail_seen: what @tail was when the producer last looked; the producer's own
 * @tail: index of the first frame not yet given back; the consumer's
 *
 * All indices only grow and wrap at 2^32, so that a difference is a number of
 * frames. Each side writes a cache line of its own, and the producer looks at
 * the other one only when its ring seems full.
 */
struct vnet_ring {
	void **slot;
	unsigned int mask;

	unsigned int head ____cacheline_aligned_in_smp;
	unsigned int put;
	unsigned int tail_seen;

	unsigned int tail ____cacheline_aligned_in_smp;
};

/**
 * vnet_ring_init() - make an empty ring of some slots
 * @ring: the ring
 * @slot: its memory
 * @size: number of slots, a power of two
 *
 * Context: Neither producer nor consumer runs.
 */
static inline void vnet_ring_init(struct vnet_ring *ring, void **slot,
				  unsigned int size)
{
	ring->slot = slot;
	ring->mask = size - 1;
	ring->head = 0;
	ring->put = 0;
	ring->tail_seen = 0;
	ring->tail = 0;
}

/**
 * vnet_ring_size() - how many frames the ring holds at most
 * @ring: the ring
 *
 * Context: Any.
 * Return: number of slots.
 */
static inline unsigned int vnet_ring_size(const struct vnet_ring *ring)
{
	return ring->mask + 1;
}

/**
 * vnet_ring_space() - how many frames the producer may still put
 * @ring: the ring
 *
 * Context: The producer.
 * Return: free slots; the consumer can only make it more.
 */
static inline unsigned int vnet_ring_space(struct vnet_ring *ring)
{
	/* Pairs with vnet_ring_consume(): what is free has been read. */
	ring->tail_seen = smp_load_acquire(&ring->tail);
	return vnet_ring_size(ring) - (ring->put - ring->tail_seen);
}

/**
 * vnet_ring_full() - whether there is no room for another frame
 * @ring: the ring
 *
 * Looks at the consumer's index only if the last look leaves a doubt.
 *
 * Context: The producer.
 * Return: true if there is none.
 */
static inline bool vnet_ring_full(struct vnet_ring *ring)
{
	return ring->put - ring->tail_seen > ring->mask &&
	       !vnet_ring_space(ring);
}

/**
 * vnet_ring_put() - put a frame behind the others; there must be room
 * @ring: the ring
 * @frame: the frame; still the producer's until vnet_ring_publish()
 *
 * Context: The producer; vnet_ring_full() has said no.
 */
static inline void vnet_ring_put(struct vnet_ring *ring, void *frame)
{
	ring->slot[ring->put++ & ring->mask] = frame;
}

/**
 * vnet_ring_publish() - show the consumer all that was put
 * @ring: the ring
 *
 * Context: The producer; from here on the frames are the consumer's.
 */
static inline void vnet_ring_publish(struct vnet_ring *ring)
{
	/* Pairs with vnet_ring_count(): the slots before the index. */
	smp_store_release(&ring->head, ring->put);
}

/**
 * vnet_ring_count() - how many frames the consumer may read
 * @ring: the ring
 *
 * Context: The consumer. From anywhere else, a good guess.
 * Return: published frames; the producer can only make it more.
 */
static inline unsigned int vnet_ring_count(const struct vnet_ring *ring)
{
	/* Before the head: whoever looks from outside sees no less than 0. */
	unsigned int tail = smp_load_acquire(&ring->tail);

	/* Pairs with vnet_ring_publish(): what counts has been written. */
	return smp_load_acquire(&ring->head) - tail;
}

/**
 * vnet_ring_peek() - read a frame and leave it where it is
 * @ring: the ring
 * @i: which one, from 0, below vnet_ring_count()
 *
 * Context: The consumer.
 * Return: the frame.
 */
static inline void *vnet_ring_peek(const struct vnet_ring *ring,
				   unsigned int i)
{
	return ring->slot[(ring->tail + i) & ring->mask];
}

/**
 * vnet_ring_consume() - give the first slots back to the producer
 * @ring: the ring
 * @n: how many, at most vnet_ring_count()
 *
 * Context: The consumer; it has read them.
 */
static inline void vnet_ring_consume(struct vnet_ring *ring, unsigned int n)
{
	/* Pairs with vnet_ring_space(): the reads before the index. */
	smp_store_release(&ring->tail, ring->tail + n);
}

#endif /* VNET_RING_H */
