// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Fuzzes the ring: any order of what its two sides may do
 *
 * Beside it runs a model that only counts. Frames are numbered, so what comes
 * out must be the next number.
 *
 * An input: the ring's size, where its indices begin, and a byte for each
 * operation, of which the upper five bits say how many.
 */

#include "fuzz.h"
#include "ring.h"

/**
 * struct model - what must be in the ring
 * @size: its slots
 * @put: frames ever put
 * @shown: of these, so many ever published
 * @eaten: of these, so many ever given back
 */
struct model {
	__u64 size;
	__u64 put;
	__u64 shown;
	__u64 eaten;
};

/**
 * frame() - a frame that is known by its number
 * @number: the number
 *
 * Return: what cannot be looked into.
 */
static void *frame(__u64 number)
{
	return (void *)(uintptr_t)(number << 4 | 1);
}

/**
 * look() - compare the ring with its model
 * @ring: the ring
 * @model: the model
 */
static void look(struct vnet_ring *ring, const struct model *model)
{
	__u64 count = model->shown - model->eaten;

	must(vnet_ring_size(ring) == model->size);
	must(vnet_ring_count(ring) == count);
	must(count <= model->size);
	for (__u64 i = 0; i < count; i++)
		must(vnet_ring_peek(ring, i) == frame(model->eaten + i));
}

/**
 * operate() - do what a byte says, as far as it is allowed
 * @ring: the ring
 * @model: its model
 * @what: the operation
 * @times: how often
 */
static void operate(struct vnet_ring *ring, struct model *model,
		    unsigned int what, unsigned int times)
{
	__u64 count = model->shown - model->eaten;

	switch (what) {
	case 0:
	case 1:
		while (times-- && !vnet_ring_full(ring))
			vnet_ring_put(ring, frame(model->put++));
		must(model->put - model->eaten <= model->size);
		break;
	case 2:
		vnet_ring_publish(ring);
		model->shown = model->put;
		break;
	case 3:
	case 4:
		count = times < count ? times : count;
		vnet_ring_consume(ring, count);
		model->eaten += count;
		break;
	case 5:
		must(vnet_ring_full(ring) ==
		     (model->put - model->eaten == model->size));
		break;
	case 6:
		must(vnet_ring_space(ring) ==
		     model->size - (model->put - model->eaten));
		break;
	}
}

/**
 * LLVMFuzzerTestOneInput() - run the operations of an input
 * @data: the input
 * @size: its bytes
 *
 * Return: 0, always.
 */
int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned int slots = 1u << fuzz_byte(&in) % 7;
	unsigned int start = fuzz_number(&in, 4), what;
	struct model model = { .size = slots };
	struct vnet_ring ring;
	void **slot = malloc(slots * sizeof(*slot));

	must(slot);
	vnet_ring_init(&ring, slot, slots);
	ring.head = start;
	ring.put = start;
	ring.tail_seen = start;
	ring.tail = start;
	while (in.left) {
		what = fuzz_byte(&in);
		operate(&ring, &model, what % 8, what >> 3);
		look(&ring, &model);
	}
	free(slot);
	return 0;
}
