// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The ring between two threads
 *
 * A producer and a consumer, as fast as they can, for ThreadSanitizer to
 * watch: it knows of every pair of accesses that nothing orders, also if they
 * have gone well on this machine. The frames are written just before they are
 * put and again as soon as their slot is free, so that whatever the ring lets
 * through too early is such a pair.
 *
 * A third thread looks on, which anyone may.
 */

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ring.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Frames through each ring. */
#define FRAMES 500000u

/**
 * struct frame - what goes through the ring
 * @ordinal: how many went before
 */
struct frame {
	unsigned int ordinal;
};

/**
 * struct run - a ring and those at its ends
 * @ring: the ring
 * @frames: as many as it has slots; used again and again
 * @start: where the indices began
 * @done: the consumer has them all
 */
struct run {
	struct vnet_ring ring;
	struct frame *frames;
	unsigned int start;
	int done;
};

/**
 * roll() - roll dice that are quick and the same each time
 * @dice: their state
 * @sides: how many
 *
 * Return: a number from 1 to @sides.
 */
static unsigned int roll(unsigned int *dice, unsigned int sides)
{
	*dice = *dice * 1664525 + 1013904223;
	return (*dice >> 8) % sides + 1;
}

/**
 * fail() - end at once
 * @run: where it went wrong
 * @ordinal: of the frame that was the next
 * @what: what was seen instead
 * @number: of that
 */
static void fail(const struct run *run, unsigned int ordinal, const char *what,
		 unsigned int number)
{
	fprintf(stderr, "ring of %u from %u: after %u frames: %s %u\n",
		vnet_ring_size(&run->ring), run->start, ordinal, what, number);
	exit(1);
}

/**
 * produce() - put all frames, and publish them in batches
 * @arg: the struct run
 *
 * Return: NULL.
 */
static void *produce(void *arg)
{
	struct run *run = arg;
	struct vnet_ring *ring = &run->ring;
	unsigned int size = vnet_ring_size(ring), dice = 1, batch = 1;

	for (unsigned int i = 0; i < FRAMES; i++) {
		struct frame *frame = &run->frames[i % size];

		while (vnet_ring_full(ring)) {
			/* Or the consumer would wait for what is put. */
			vnet_ring_publish(ring);
			sched_yield();
		}
		frame->ordinal = i;
		vnet_ring_put(ring, frame);
		if (!--batch) {
			vnet_ring_publish(ring);
			batch = roll(&dice, size);
		}
	}
	vnet_ring_publish(ring);
	return NULL;
}

/**
 * consume() - read all frames, some at a time, and give their slots back
 * @arg: the struct run
 *
 * Return: NULL.
 */
static void *consume(void *arg)
{
	struct run *run = arg;
	struct vnet_ring *ring = &run->ring;
	unsigned int size = vnet_ring_size(ring), dice = 2, next = 0;

	while (next < FRAMES) {
		unsigned int count = vnet_ring_count(ring);
		unsigned int n = roll(&dice, size);

		if (count > size)
			fail(run, next, "count", count);
		if (!count)
			sched_yield();
		if (n > count)
			n = count;
		for (unsigned int i = 0; i < n; i++) {
			const struct frame *frame = vnet_ring_peek(ring, i);

			if (frame != &run->frames[(next + i) % size])
				fail(run, next + i, "frame of slot",
				     frame - run->frames);
			if (frame->ordinal != next + i)
				fail(run, next + i, "frame", frame->ordinal);
		}
		vnet_ring_consume(ring, n);
		next += n;
	}
	__atomic_store_n(&run->done, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* What the one who looks on has seen; else the compiler lets it not look. */
static unsigned int guess;

/**
 * run_ring() - send all frames through a ring
 * @size: number of slots
 * @start: where the indices begin
 */
static void run_ring(unsigned int size, unsigned int start)
{
	struct run run = {
		.frames = calloc(size, sizeof(*run.frames)),
		.start = start,
	};
	void **slot = calloc(size, sizeof(*slot));
	pthread_t producer, consumer;

	if (!slot || !run.frames)
		exit(1);
	vnet_ring_init(&run.ring, slot, size);
	run.ring.head = start;
	run.ring.put = start;
	run.ring.tail_seen = start;
	run.ring.tail = start;

	if (pthread_create(&producer, NULL, produce, &run) ||
	    pthread_create(&consumer, NULL, consume, &run))
		exit(1);
	while (!__atomic_load_n(&run.done, __ATOMIC_RELAXED)) {
		__atomic_store_n(&guess, vnet_ring_count(&run.ring),
				 __ATOMIC_RELAXED);
		usleep(100);
	}
	pthread_join(producer, NULL);
	pthread_join(consumer, NULL);

	if (vnet_ring_count(&run.ring) || run.ring.tail != start + FRAMES)
		fail(&run, FRAMES, "at the end, count",
		     vnet_ring_count(&run.ring));
	free(slot);
	free(run.frames);
}

/**
 * main() - run rings of all sizes, each across 2^32
 *
 * Return: 0; whatever goes wrong has ended it before.
 */
int main(void)
{
	static const unsigned int sizes[] = {
		1, 2, 4, 16, 64, 256, 1024, 4096,
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		run_ring(sizes[i], 0 - FRAMES / 2);
	printf("%u frames through each of %zu rings\n", FRAMES,
	       ARRAY_SIZE(sizes));
	return 0;
}
