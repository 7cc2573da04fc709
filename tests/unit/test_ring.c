// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: What the ring promises to one who uses it right
 *
 * By one thread; threads.c has two.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* From the smallest that makes sense to the largest that can be set. */
static const unsigned int sizes[] = { 1, 2, 4, 64, 4096 };

/* Where the indices begin: so that they wrap soon, soon after, and never. */
static const unsigned int starts[] = {
	0, 5, -1u, -3u, -64u, -4097u, 1u << 31, (1u << 31) - 2,
};

/**
 * make_ring() - make a ring whose indices are somewhere
 * @ring: the ring
 * @size: number of slots
 * @start: the indices
 */
static void make_ring(struct vnet_ring *ring, unsigned int size,
		      unsigned int start)
{
	void **slot = calloc(size, sizeof(*slot));

	assert_non_null(slot);
	vnet_ring_init(ring, slot, size);
	ring->head = start;
	ring->put = start;
	ring->tail_seen = start;
	ring->tail = start;
}

/**
 * frame() - a frame that is known by its number
 * @number: the number
 *
 * Return: what cannot be looked into.
 */
static void *frame(uintptr_t number)
{
	return (void *)(number << 4 | 1);
}

/**
 * try_rings() - run a check on rings of all sizes, with all indices
 * @check: the check, on an empty ring
 */
static void try_rings(void (*check)(struct vnet_ring *ring))
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(starts); j++) {
			struct vnet_ring ring;

			make_ring(&ring, sizes[i], starts[j]);
			check(&ring);
			free(ring.slot);
		}
	}
}

/**
 * test_new_ring_is_empty() - a new ring has all of its slots free
 * @state: not used
 */
static void test_new_ring_is_empty(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *slot[4096];
		struct vnet_ring ring;

		memset(&ring, 0xa5, sizeof(ring));
		vnet_ring_init(&ring, slot, sizes[i]);
		assert_int_equal(vnet_ring_size(&ring), sizes[i]);
		assert_int_equal(vnet_ring_count(&ring), 0);
		assert_int_equal(vnet_ring_space(&ring), sizes[i]);
		assert_false(vnet_ring_full(&ring));
	}
}

/**
 * check_filled() - each slot can be used, and then the ring is full
 * @ring: an empty ring
 */
static void check_filled(struct vnet_ring *ring)
{
	unsigned int size = vnet_ring_size(ring);

	for (unsigned int i = 0; i < size; i++) {
		assert_int_equal(vnet_ring_space(ring), size - i);
		assert_false(vnet_ring_full(ring));
		vnet_ring_put(ring, frame(i));
		vnet_ring_publish(ring);
		assert_int_equal(vnet_ring_count(ring), i + 1);
	}
	assert_int_equal(vnet_ring_space(ring), 0);
	assert_true(vnet_ring_full(ring));
	for (unsigned int i = 0; i < size; i++)
		assert_ptr_equal(vnet_ring_peek(ring, i), frame(i));

	vnet_ring_consume(ring, size);
	assert_int_equal(vnet_ring_count(ring), 0);
	assert_false(vnet_ring_full(ring));
	assert_int_equal(vnet_ring_space(ring), size);
}

/**
 * test_every_slot_is_used() - a ring of n slots holds n frames
 * @state: not used
 */
static void test_every_slot_is_used(void **state)
{
	(void)state;
	try_rings(check_filled);
}

/**
 * check_unpublished() - what is put takes room, and is not there before it is
 * published
 * @ring: an empty ring
 */
static void check_unpublished(struct vnet_ring *ring)
{
	unsigned int size = vnet_ring_size(ring);

	for (unsigned int i = 0; i < size; i++) {
		vnet_ring_put(ring, frame(i));
		assert_int_equal(vnet_ring_count(ring), 0);
		assert_int_equal(vnet_ring_space(ring), size - i - 1);
	}
	assert_true(vnet_ring_full(ring));
	vnet_ring_publish(ring);
	assert_int_equal(vnet_ring_count(ring), size);
	vnet_ring_publish(ring);
	assert_int_equal(vnet_ring_count(ring), size);
}

/**
 * test_nothing_is_seen_before_it_is_published() - frames wait for the doorbell
 * @state: not used
 */
static void test_nothing_is_seen_before_it_is_published(void **state)
{
	(void)state;
	try_rings(check_unpublished);
}

/**
 * check_consumed() - what is read stays until it is given back, which may be
 * done in parts
 * @ring: an empty ring
 */
static void check_consumed(struct vnet_ring *ring)
{
	unsigned int size = vnet_ring_size(ring);

	for (unsigned int i = 0; i < size; i++)
		vnet_ring_put(ring, frame(i));
	vnet_ring_publish(ring);
	for (unsigned int gone = 0; gone < size; gone++) {
		assert_int_equal(vnet_ring_count(ring), size - gone);
		assert_ptr_equal(vnet_ring_peek(ring, 0), frame(gone));
		assert_ptr_equal(vnet_ring_peek(ring, size - gone - 1),
				 frame(size - 1));
		vnet_ring_consume(ring, 0);
		assert_int_equal(vnet_ring_space(ring), gone);
		vnet_ring_consume(ring, 1);
	}
	assert_int_equal(vnet_ring_count(ring), 0);
}

/**
 * test_peek_leaves_the_frame() - only to consume a frame frees its slot
 * @state: not used
 */
static void test_peek_leaves_the_frame(void **state)
{
	(void)state;
	try_rings(check_consumed);
}

/**
 * check_doubt() - the producer looks at the consumer's index only if the ring
 * seems full
 * @ring: an empty ring
 */
static void check_doubt(struct vnet_ring *ring)
{
	unsigned int size = vnet_ring_size(ring), start = ring->tail;

	vnet_ring_put(ring, frame(0));
	vnet_ring_publish(ring);
	vnet_ring_consume(ring, 1);
	for (unsigned int i = 1; i < size; i++) {
		assert_false(vnet_ring_full(ring));
		assert_int_equal(ring->tail_seen, start);
		vnet_ring_put(ring, frame(i));
	}
	assert_false(vnet_ring_full(ring));
	assert_int_equal(ring->tail_seen, start + 1);
	vnet_ring_put(ring, frame(size));
	assert_true(vnet_ring_full(ring));
}

/**
 * test_full_looks_only_in_doubt() - a cache line of the other CPU is dear
 * @state: not used
 */
static void test_full_looks_only_in_doubt(void **state)
{
	(void)state;
	try_rings(check_doubt);
}

/**
 * check_walk() - the ring is a queue, whatever is done to it in what order
 * @ring: an empty ring
 */
static void check_walk(struct vnet_ring *ring)
{
	unsigned int size = vnet_ring_size(ring);
	uintptr_t put = 0, seen = 0, gone = 0;
	unsigned int dice = 1;

	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int number;

		dice = dice * 1664525 + 1013904223;
		number = (dice >> 8) % (2 * size);
		switch (dice >> 30) {
		case 0:
			while (number-- && !vnet_ring_full(ring))
				vnet_ring_put(ring, frame(put++));
			break;
		case 1:
			vnet_ring_publish(ring);
			seen = put;
			break;
		default:
			if (number > vnet_ring_count(ring))
				number = vnet_ring_count(ring);
			for (unsigned int i = 0; i < number; i++)
				assert_ptr_equal(vnet_ring_peek(ring, i),
						 frame(gone + i));
			vnet_ring_consume(ring, number);
			gone += number;
		}
		assert_int_equal(vnet_ring_count(ring), seen - gone);
		if (!(step % 7))
			assert_int_equal(vnet_ring_space(ring),
					 size - (put - gone));
	}
	assert_true(gone > 100);
}

/**
 * test_first_in_first_out() - 20000 steps of a drunkard on each ring
 * @state: not used
 */
static void test_first_in_first_out(void **state)
{
	(void)state;
	try_rings(check_walk);
}

/**
 * test_each_side_has_a_cache_line() - neither side writes where the other does,
 * nor where both only read
 * @state: not used
 */
static void test_each_side_has_a_cache_line(void **state)
{
#define LINE(member) (offsetof(struct vnet_ring, member) / SMP_CACHE_BYTES)
	(void)state;
	assert_int_equal(LINE(slot), LINE(mask));
	assert_int_equal(LINE(head), LINE(put));
	assert_int_equal(LINE(head), LINE(tail_seen));
	assert_int_not_equal(LINE(mask), LINE(head));
	assert_int_not_equal(LINE(head), LINE(tail));
	assert_int_not_equal(LINE(mask), LINE(tail));
	assert_int_equal(sizeof(struct vnet_ring) % SMP_CACHE_BYTES, 0);
#undef LINE
}

/**
 * main() - run the tests
 *
 * Return: number of failed tests.
 */
int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_ring_is_empty),
		cmocka_unit_test(test_every_slot_is_used),
		cmocka_unit_test(test_nothing_is_seen_before_it_is_published),
		cmocka_unit_test(test_peek_leaves_the_frame),
		cmocka_unit_test(test_full_looks_only_in_doubt),
		cmocka_unit_test(test_first_in_first_out),
		cmocka_unit_test(test_each_side_has_a_cache_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
