// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: How long a frame takes
 *
 * A delay is a mean and a spread times a quantile, drawn from one of three
 * distributions, without floating point. All have the mean and the spread that
 * were asked for, also when a delay is not forgotten at once: then it is not
 * the delay that drifts, but a normal number behind it whose distribution stays
 * what it is; the delay is the one that is exceeded with the same probability.
 *
 * Pure; runs in user space too.
 *
 * Next: impair.c.
 */

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "impair.h"
#include "quantile.h"

/* Standard deviations are parts of 2^20, as in the tables. */
#define VNET_SIGMA_SHIFT 20

/* Those of the number that drifts are parts of 2^28, and at most 8. */
#define VNET_DRIFT_SHIFT 28
#define VNET_DRIFT_MAX ((8LL << VNET_DRIFT_SHIFT) - 1)

/* It moves on in steps of its half-life / 2^16; none is larger than 0.005. */
#define VNET_DRIFT_STEP_SHIFT 16

/* The natural logarithm of 2, in parts of 2^32. */
#define VNET_LN2 2977044472U

/**
 * vnet_quantile() - the quantile of a probability
 * @table: of the distribution
 * @v: the probability to exceed it, in parts of 2^64
 *
 * Context: Any.
 * Return: standard deviations, in parts of 2^20.
 */
static __s64 vnet_quantile(const __s32 (*table)[VNET_SEGMENTS + 1], __u64 v)
{
	unsigned int octave = 64 - fls64(v), segment;
	__s64 low, high;
	__u32 within;

	if (octave >= VNET_OCTAVES)
		return table[VNET_OCTAVES - 1][0];
	/* Behind the leading bit: 5 bits for the segment, 32 within it. */
	v = v << octave << 1;
	segment = v >> 59;
	within = v >> 27;
	low = table[octave][segment];
	high = table[octave][segment + 1];
	return low + (((high - low) * within) >> 32);
}

/**
 * vnet_normal_quantile() - the normal quantile of a probability
 * @v: the probability to exceed it, in parts of 2^64
 *
 * The table is the upper half.
 *
 * Context: Any.
 * Return: standard deviations, in parts of 2^20.
 */
static __s64 vnet_normal_quantile(__u64 v)
{
	if (v >> 63)
		return -vnet_quantile(vnet_normal, ~v << 1);
	return vnet_quantile(vnet_normal, v << 1);
}

/**
 * vnet_normal_probability() - the probability of a normal quantile
 * @z: standard deviations, in parts of 2^20
 *
 * The inverse of vnet_normal_quantile().
 *
 * Context: Any.
 * Return: the probability to exceed it, in parts of 2^64.
 */
static __u64 vnet_normal_probability(__s64 z)
{
	unsigned int i = 0, j = VNET_SEGMENTS - 1;
	__s64 size = z < 0 ? -z : z, low, high;
	__u64 unit, within = 0, tail;

	/* Within a row z falls; from row to row it grows. */
	while (i < VNET_OCTAVES - 1 && vnet_normal[i][0] < size)
		i++;
	while (j && vnet_normal[i][j] < size)
		j--;
	low = vnet_normal[i][j];
	high = vnet_normal[i][j + 1];
	unit = 1ULL << (58 - i);
	if (size < low)
		within = div64_u64((unit >> 20) * (__u64)(low - size),
				   low - high) << 20;
	/* Of both sides together, less one because 2^64 is no number. */
	tail = (VNET_SEGMENTS + j) * unit + within - 1;
	return z < 0 ? ~(tail >> 1) : tail >> 1;
}

/**
 * vnet_scale() - a spread times standard deviations
 * @spread: in ns
 * @z: standard deviations, in parts of 2^20; no more than 31 bits
 *
 * Context: Any.
 * Return: ns.
 */
static __s64 vnet_scale(__u64 spread, __s64 z)
{
	__s64 whole = spread >> VNET_SIGMA_SHIFT;
	__s64 rest = spread & ((1U << VNET_SIGMA_SHIFT) - 1);

	return whole * z + ((rest * z) >> VNET_SIGMA_SHIFT);
}

/**
 * vnet_spread() - how far a delay is from its mean
 * @impair: the settings
 * @v: the probability that it is exceeded, in parts of 2^64
 *
 * Context: Any.
 * Return: ns.
 */
static __s64 vnet_spread(const struct vnet_impair *impair, __u64 v)
{
	__u64 jitter = impair->set[VNET_IMPAIR_JITTER];

	switch (impair->set[VNET_IMPAIR_DISTRIBUTION]) {
	case VNET_NORMAL:
		return vnet_scale(jitter, vnet_normal_quantile(v));
	case VNET_PARETO:
		return vnet_scale(jitter, vnet_quantile(vnet_pareto, v));
	default:
		return (__s64)jitter -
		       (__s64)mul_u64_u32_shr(2 * jitter + 1, v >> 32, 32);
	}
}

/**
 * vnet_remains() - what is left after some time of what is forgotten by half
 * @time: in ns
 * @half_life: in ns, not 0
 *
 * Context: Any.
 * Return: 2^(-time / half_life), in parts of 2^32.
 */
static __u64 vnet_remains(__u64 time, __u64 half_life)
{
	__u64 rest, whole = div64_u64_rem(time, half_life, &rest);
	__u64 x, term = 1ULL << 32, sum = term;
	unsigned int i;

	if (whole >= 32)
		return 0;
	while (half_life >> 32) {
		rest >>= 1;
		half_life >>= 1;
	}
	x = div64_u64(rest << 32, half_life);
	if (x >> 32) /* by rounding */
		x--;
	/* e^-x, as a series. */
	x = mul_u64_u32_shr(x, VNET_LN2, 32);
	for (i = 1; term; i++) {
		term = div64_u64((term * x) >> 32, i);
		sum = i & 1 ? sum - term : sum + term;
	}
	return sum >> whole;
}

/**
 * vnet_drift() - move on the number behind a delay that lasts
 * @dice: where it was, and when
 * @half_life: of the number, in ns
 * @now: time, in ns
 * @draw: what was drawn for it, even, in parts of 2^64
 *
 * An Ornstein-Uhlenbeck process: what is left of the old number, and so much of
 * a new one that the variance stays 1.
 *
 * Context: Any; one at a time for one direction.
 * Return: the probability that the number is exceeded, in parts of 2^64.
 */
static __u64 vnet_drift(struct vnet_dice *dice, __u64 half_life, __u64 now,
			__u64 draw)
{
	__u64 left = 0, added = 1ULL << 32;

	if (dice->drifts && (now <= dice->drift_time ||
			     now - dice->drift_time <
			     half_life >> VNET_DRIFT_STEP_SHIFT))
		goto out;
	if (dice->drifts)
		left = vnet_remains(now - dice->drift_time, half_life);
	/* sqrt(1 - left^2) */
	if (left)
		added = int_sqrt64(((1ULL << 32) - left) *
				   ((1ULL << 32) + left));
	dice->drift = (dice->drift * (__s64)left) >> 32;
	dice->drift += (vnet_normal_quantile(draw) * (__s64)added) >>
		       (32 + VNET_SIGMA_SHIFT - VNET_DRIFT_SHIFT);
	dice->drift = clamp(dice->drift, -VNET_DRIFT_MAX, VNET_DRIFT_MAX);
	dice->drift_time = now;
	dice->drifts = true;
out:
	return vnet_normal_probability(dice->drift >> (VNET_DRIFT_SHIFT -
						       VNET_SIGMA_SHIFT));
}

/**
 * vnet_delay() - the delay of a frame
 * @impair: the settings, with a jitter
 * @dice: where the delay drifts
 * @now: time, in ns
 * @draw: what was drawn for it, even, in parts of 2^64
 * @marks: gets VNET_CLAMPED if it would have been negative
 *
 * Context: Any; one at a time for one direction.
 * Return: ns.
 */
__u64 vnet_delay(const struct vnet_impair *impair, struct vnet_dice *dice,
		 __u64 now, __u64 draw, unsigned int *marks)
{
	__u64 half_life = impair->set[VNET_IMPAIR_HALF_LIFE];
	__s64 delay = impair->set[VNET_IMPAIR_DELAY];

	if (half_life)
		draw = vnet_drift(dice, half_life, now, draw);
	delay += vnet_spread(impair, draw);
	if (delay < 0) {
		*marks |= VNET_CLAMPED;
		return 0;
	}
	return delay;
}
