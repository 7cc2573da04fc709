// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The verdict on a frame
 *
 * A function of the settings, of the frame's number, and of what the verdict
 * on the frame before has left. Each decision has a draw of its own, whether
 * it matters or not: so it does not depend on what else is on.
 *
 * Pure; runs in user space too.
 *
 * Next: delay.c; then line_in.c, which carries verdicts out.
 */

#include <linux/string.h>

#include "impair.h"

/* What one draw of a sequence is away from the next: 2^64 / golden ratio. */
#define VNET_GAMMA 0x9e3779b97f4a7c15ULL

/* States of the models of loss. */
enum {
	VNET_START,	/* before the first frame */
	VNET_GOOD,
	VNET_BAD,

	VNET_STATE_1 = VNET_GOOD,
	VNET_STATE_2,
	VNET_STATE_3,
	VNET_STATE_4,
};

/**
 * vnet_mix() - turn a number into one that looks like chance
 * @x: the number
 *
 * The finalizer of SplitMix64 (Steele, Lea and Flood, "Fast Splittable
 * Pseudorandom Number Generators", 2014): invertible, and each bit of @x
 * changes each bit of the result with probability 1/2.
 *
 * Context: Any.
 * Return: the other number.
 */
__u64 vnet_mix(__u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/**
 * vnet_draw_next() - draw another number from one that was drawn
 * @state: the number; changed
 *
 * Context: Any.
 * Return: 0 to 2^64 - 1.
 */
__u64 vnet_draw_next(__u64 *state)
{
	*state += VNET_GAMMA;
	return vnet_mix(*state);
}

/**
 * vnet_draw() - draw a number for one purpose and one frame
 * @impair: the settings
 * @purpose: the purpose
 * @ordinal: number of the frame; 0 for what comes before the first
 *
 * Context: Any.
 * Return: 0 to 2^64 - 1.
 */
static __u64 vnet_draw(const struct vnet_impair *impair,
		       enum vnet_purpose purpose, __u64 ordinal)
{
	return vnet_mix(impair->key[purpose] + ordinal * VNET_GAMMA);
}

/**
 * vnet_happens() - whether something happens
 * @chance: its chance, in parts of 2^64, less one; 0 for never
 * @draw: what was drawn for it
 *
 * Context: Any.
 * Return: true if it does.
 */
static bool vnet_happens(__u64 chance, __u64 draw)
{
	return chance && draw <= chance;
}

/**
 * vnet_lose_2state() - whether a frame is lost, by two states
 * @impair: the settings
 * @dice: the state
 * @ordinal: number of the frame
 *
 * Context: Any.
 * Return: true if it is.
 */
static bool vnet_lose_2state(const struct vnet_impair *impair,
			     struct vnet_dice *dice, __u64 ordinal)
{
	__u64 draw = vnet_draw(impair, VNET_DRAW_STATE, ordinal);
	__u64 loss;

	if (dice->state == VNET_START)
		dice->state = vnet_happens(impair->start_bad, draw) ?
			      VNET_BAD : VNET_GOOD;
	else if (dice->state == VNET_GOOD)
		dice->state = vnet_happens(impair->to_bad, draw) ?
			      VNET_BAD : VNET_GOOD;
	else
		dice->state = vnet_happens(impair->to_good, draw) ?
			      VNET_GOOD : VNET_BAD;
	loss = dice->state == VNET_BAD ? impair->loss : impair->loss_good;
	return vnet_happens(loss, vnet_draw(impair, VNET_DRAW_LOSS, ordinal));
}

/**
 * vnet_lose_4state() - whether a frame is lost, by four states
 * @impair: the settings
 * @dice: the state
 * @ordinal: number of the frame
 *
 * Salsano, Ludovici, Ordine and Giannuzzi, "Definition of a general and
 * intuitive loss model for packet networks", 2012: 1 good, 2 good within a
 * burst, 3 a burst of losses, 4 a single loss.
 *
 * Context: Any.
 * Return: true if it is.
 */
static bool vnet_lose_4state(const struct vnet_impair *impair,
			     struct vnet_dice *dice, __u64 ordinal)
{
	__u64 draw = vnet_draw(impair, VNET_DRAW_STATE, ordinal);

	switch (dice->state) {
	case VNET_STATE_2:
		if (vnet_happens(impair->step.back_to_3, draw))
			dice->state = VNET_STATE_3;
		break;
	case VNET_STATE_3:
		if (vnet_happens(impair->step.to_1, draw))
			dice->state = VNET_STATE_1;
		else if (vnet_happens(impair->step.to_1_or_2, draw))
			dice->state = VNET_STATE_2;
		break;
	case VNET_STATE_4:
		dice->state = VNET_STATE_1;
		break;
	default:
		dice->state = VNET_STATE_1;
		if (vnet_happens(impair->step.to_4, draw))
			dice->state = VNET_STATE_4;
		else if (vnet_happens(impair->step.to_3_or_4, draw))
			dice->state = VNET_STATE_3;
	}
	return dice->state >= VNET_STATE_3;
}

/**
 * vnet_lose() - whether a frame is lost
 * @impair: the settings
 * @dice: the state
 * @ordinal: number of the frame
 *
 * Context: Any.
 * Return: true if it is.
 */
static bool vnet_lose(const struct vnet_impair *impair,
		      struct vnet_dice *dice, __u64 ordinal)
{
	if (dice->model != impair->set[VNET_IMPAIR_LOSS_MODEL]) {
		dice->model = impair->set[VNET_IMPAIR_LOSS_MODEL];
		dice->state = VNET_START;
	}
	switch (dice->model) {
	case VNET_LOSS_RANDOM:
		return vnet_happens(impair->loss,
				    vnet_draw(impair, VNET_DRAW_LOSS, ordinal));
	case VNET_LOSS_BURST:
	case VNET_LOSS_GE:
		return vnet_lose_2state(impair, dice, ordinal);
	case VNET_LOSS_4STATE:
		return vnet_lose_4state(impair, dice, ordinal);
	case VNET_LOSS_PATTERN:
		return vnet_pattern_hits(&impair->pattern, ordinal);
	}
	return false;
}

/**
 * vnet_mark() - a mark on a frame that chance decides on
 * @impair: the settings
 * @chance: its chance
 * @purpose: what is drawn for
 * @ordinal: number of the frame
 * @mark: the mark
 *
 * Context: Any.
 * Return: @mark, or 0.
 */
static unsigned int vnet_mark(const struct vnet_impair *impair, __u64 chance,
			      enum vnet_purpose purpose, __u64 ordinal,
			      enum vnet_mark mark)
{
	if (!chance || !vnet_happens(chance, vnet_draw(impair, purpose,
						       ordinal)))
		return 0;
	return mark;
}

/**
 * vnet_judge() - what happens to the next frame
 * @impair: the settings
 * @dice: what the verdict on the last frame has left
 * @now: time, in ns; matters only for delays that are not forgotten at once
 * @verdict: where to put it
 *
 * Context: Any; one at a time for one direction.
 */
void vnet_judge(const struct vnet_impair *impair, struct vnet_dice *dice,
		__u64 now, struct vnet_verdict *verdict)
{
	__u64 n;

	if (dice->epoch != impair->epoch) {
		memset(dice, 0, sizeof(*dice));
		dice->epoch = impair->epoch;
	}
	n = ++dice->ordinal;
	verdict->ordinal = n;
	verdict->marks = 0;
	verdict->bits = 0;
	verdict->delay = impair->set[VNET_IMPAIR_DELAY];
	if (!impair->chance)
		return;
	if (vnet_lose(impair, dice, n))
		verdict->marks |= VNET_LOST;
	verdict->marks |= vnet_mark(impair, impair->duplicate,
				    VNET_DRAW_DUPLICATE, n, VNET_DUPLICATED);
	verdict->marks |= vnet_mark(impair, impair->corrupt,
				    VNET_DRAW_CORRUPT, n, VNET_CORRUPTED);
	verdict->marks |= vnet_mark(impair, impair->truncate,
				    VNET_DRAW_TRUNCATE, n, VNET_TRUNCATED);
	verdict->marks |= vnet_mark(impair, impair->reorder,
				    VNET_DRAW_REORDER, n, VNET_REORDERED);
	if (verdict->marks & VNET_CORRUPTED)
		verdict->bits = vnet_draw(impair, VNET_DRAW_BITS, n);
	if (impair->set[VNET_IMPAIR_JITTER])
		verdict->delay = vnet_delay(impair, dice, now,
					    vnet_draw(impair, VNET_DRAW_DELAY,
						      n),
					    &verdict->marks);
}
