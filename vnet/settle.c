// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The settings of one direction: what they may be together, and mean
 *
 * Works out what the verdict needs, or says why it cannot. Pure; runs in user
 * space too.
 *
 * Next: impair.c gives the verdict.
 */

#include <linux/kernel.h>
#include <linux/math64.h>

#include "impair.h"

#define NS_PER_S 1000000000ULL

/**
 * vnet_chance() - a probability as the draws want it
 * @n: what it is a part of, times VNET_ONE; at most @d times VNET_ONE
 * @d: the whole; at most VNET_ONE
 *
 * Context: Any.
 * Return: parts of 2^64, less one; 0 for never.
 */
static __u64 vnet_chance(__u64 n, __u64 d)
{
	const __u64 unit = ~0ULL / VNET_ONE;
	__u64 whole, rest;

	whole = div64_u64_rem(n, d, &rest);
	if (whole >= VNET_ONE)
		return ~0ULL;
	return whole * unit + div64_u64(rest * unit, d);
}

/**
 * vnet_settle_burst() - from mean loss and mean burst to two states
 * @impair: the settings
 * @refusal: where to say why not
 *
 * All is lost in the bad state and nothing in the good one. The bad state ends
 * with probability 1/burst; it begins so often that it takes the share of time
 * that is to be lost.
 *
 * Context: Any.
 * Return: 0, or -1.
 */
static int vnet_settle_burst(struct vnet_impair *impair,
			     struct vnet_refusal *refusal)
{
	__u64 loss = impair->set[VNET_IMPAIR_LOSS];
	__u64 end = div64_u64(VNET_ONE * 1000, impair->set[VNET_IMPAIR_BURST]);
	__u64 kept = VNET_ONE - loss;

	if (!kept || div64_u64(end * loss, kept) > VNET_ONE)
		return vnet_refuse(refusal, VNET_IMPAIR_BURST,
			"So much loss needs longer bursts: n losses in a row are at most n of n + 1 frames");
	impair->loss = ~0ULL;
	impair->loss_good = 0;
	impair->to_good = vnet_chance(end, 1);
	impair->to_bad = vnet_chance(end * loss, kept);
	impair->start_bad = vnet_chance(loss, 1);
	return 0;
}

/**
 * vnet_settle_ge() - two states, their changes and losses as given
 * @impair: the settings
 *
 * Context: Any.
 */
static void vnet_settle_ge(struct vnet_impair *impair)
{
	__u64 p = impair->set[VNET_IMPAIR_P], r = impair->set[VNET_IMPAIR_R];

	impair->loss = vnet_chance(impair->set[VNET_IMPAIR_BAD], 1);
	impair->loss_good = vnet_chance(impair->set[VNET_IMPAIR_GOOD], 1);
	impair->to_bad = vnet_chance(p, 1);
	impair->to_good = vnet_chance(r, 1);
	impair->start_bad = p ? vnet_chance(div64_u64(p * VNET_ONE, p + r), 1) :
				0;
}

/**
 * vnet_settle_4state() - four states, their changes as given
 * @impair: the settings
 * @refusal: where to say why not
 *
 * Context: Any.
 * Return: 0, or -1.
 */
static int vnet_settle_4state(struct vnet_impair *impair,
			      struct vnet_refusal *refusal)
{
	const __u64 *set = impair->set;

	if (set[VNET_IMPAIR_P13] + set[VNET_IMPAIR_P14] > VNET_ONE)
		return vnet_refuse(refusal, VNET_IMPAIR_P14,
			"p13 and p14 together must be at most 100 %");
	if (set[VNET_IMPAIR_P31] + set[VNET_IMPAIR_P32] > VNET_ONE)
		return vnet_refuse(refusal, VNET_IMPAIR_P32,
			"p31 and p32 together must be at most 100 %");
	impair->step.to_4 = vnet_chance(set[VNET_IMPAIR_P14], 1);
	impair->step.to_3_or_4 = vnet_chance(set[VNET_IMPAIR_P14] +
					     set[VNET_IMPAIR_P13], 1);
	impair->step.back_to_3 = vnet_chance(set[VNET_IMPAIR_P23], 1);
	impair->step.to_1 = vnet_chance(set[VNET_IMPAIR_P31], 1);
	impair->step.to_1_or_2 = vnet_chance(set[VNET_IMPAIR_P31] +
					     set[VNET_IMPAIR_P32], 1);
	return 0;
}

/**
 * vnet_settle_loss() - which frames are lost
 * @impair: the settings
 * @refusal: where to say why not
 *
 * Context: Any.
 * Return: 0, or -1.
 */
static int vnet_settle_loss(struct vnet_impair *impair,
			    struct vnet_refusal *refusal)
{
	switch (impair->set[VNET_IMPAIR_LOSS_MODEL]) {
	case VNET_LOSS_RANDOM:
		impair->loss = vnet_chance(impair->set[VNET_IMPAIR_LOSS], 1);
		return 0;
	case VNET_LOSS_BURST:
		return vnet_settle_burst(impair, refusal);
	case VNET_LOSS_GE:
		vnet_settle_ge(impair);
		return 0;
	case VNET_LOSS_4STATE:
		return vnet_settle_4state(impair, refusal);
	case VNET_LOSS_PATTERN:
		refusal->attr = VNET_IMPAIR_PATTERN;
		return vnet_pattern_parse(&impair->pattern, impair->text,
					  &refusal->why);
	}
	return 0;
}

/**
 * vnet_settle_delay() - whether delays can be spread so far
 * @impair: the settings
 * @refusal: where to say why not
 *
 * Mean and spread are kept, or refused: no frame can come before it was sent.
 * The normal distribution has no end; of its frames, one in 30 000 would come
 * too early if the mean were 4 standard deviations, and then comes at once.
 *
 * Context: Any.
 * Return: 0, or -1.
 */
static int vnet_settle_delay(struct vnet_impair *impair,
			     struct vnet_refusal *refusal)
{
	static const struct {
		unsigned int times; /* the mean must be, in hundredths */
		const char *why;
	} least[] = {
		[VNET_UNIFORM] = { 100,
			"The jitter must not be larger than the delay, or frames would come before they are sent",
		},
		[VNET_NORMAL] = { 400,
			"A normal jitter must not be larger than a quarter of the delay, or frames would come before they are sent",
		},
		[VNET_PARETO] = { 58,
			"A pareto jitter must not be larger than 1.72 times the delay, or frames would come before they are sent",
		},
	};
	const __u64 *set = impair->set;
	unsigned int spread = set[VNET_IMPAIR_DISTRIBUTION];
	__u64 before = set[VNET_IMPAIR_JITTER] * least[spread].times;

	if (set[VNET_IMPAIR_DELAY] * 100 < before)
		return vnet_refuse(refusal, VNET_IMPAIR_JITTER,
				   least[spread].why);
	impair->least = set[VNET_IMPAIR_DELAY] - div64_u64(before, 100);
	if (set[VNET_IMPAIR_HALF_LIFE] && !set[VNET_IMPAIR_JITTER])
		return vnet_refuse(refusal, VNET_IMPAIR_HALF_LIFE,
			"A half-life needs a jitter");
	return 0;
}

/**
 * vnet_settle_together() - what settings cannot be without others
 * @impair: the settings
 * @refusal: where to say why not
 *
 * Context: Any.
 * Return: 0, or -1.
 */
static int vnet_settle_together(const struct vnet_impair *impair,
				struct vnet_refusal *refusal)
{
	static const unsigned int rated[] = {
		VNET_IMPAIR_OVERHEAD, VNET_IMPAIR_CELL,
		VNET_IMPAIR_CELL_OVERHEAD, VNET_IMPAIR_QUEUE,
		VNET_IMPAIR_QUEUE_BYTES, VNET_IMPAIR_HEAD_DROP,
		VNET_IMPAIR_ECN,
	};
	const __u64 *set = impair->set;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rated); i++) {
		if (set[rated[i]] && set[VNET_IMPAIR_RATE] == VNET_RATE_NONE)
			return vnet_refuse(refusal, rated[i],
				"Overhead, cells and a queue belong to a rate, and there is none");
		if (set[rated[i]] && rated[i] >= VNET_IMPAIR_HEAD_DROP &&
		    !set[VNET_IMPAIR_QUEUE] && !set[VNET_IMPAIR_QUEUE_BYTES])
			return vnet_refuse(refusal, rated[i],
				"Head drop and ECN need a queue: give it a length in packets or bytes");
	}
	if (set[VNET_IMPAIR_VLAN_TRANSLATE] != VNET_VLAN_NONE &&
	    (set[VNET_IMPAIR_VLAN_PUSH] != VNET_VLAN_NONE ||
	     set[VNET_IMPAIR_VLAN_POP]))
		return vnet_refuse(refusal, VNET_IMPAIR_VLAN_TRANSLATE,
			"A tag cannot be translated and another pushed or popped at once");
	if ((set[VNET_IMPAIR_FLAP_UP] || set[VNET_IMPAIR_FLAP_DOWN]) &&
	    (set[VNET_IMPAIR_FLAP_UP] < NS_PER_S / 1000 ||
	     set[VNET_IMPAIR_FLAP_DOWN] < NS_PER_S / 1000))
		return vnet_refuse(refusal, VNET_IMPAIR_FLAP_DOWN,
			"A link that flaps must be up and down for at least a millisecond each");
	return 0;
}

/**
 * vnet_settle_flags() - what the path of a frame wants to know at a glance
 * @impair: the settings
 *
 * Context: Any.
 */
static void vnet_settle_flags(struct vnet_impair *impair)
{
	const __u64 *set = impair->set;

	impair->rated = set[VNET_IMPAIR_RATE] != VNET_RATE_NONE;
	impair->pulled = impair->rated && !set[VNET_IMPAIR_QUEUE] &&
			 !set[VNET_IMPAIR_QUEUE_BYTES];
	impair->vlan = set[VNET_IMPAIR_VLAN_POP] ||
	       set[VNET_IMPAIR_VLAN_TRANSLATE] != VNET_VLAN_NONE ||
	       set[VNET_IMPAIR_VLAN_PUSH] != VNET_VLAN_NONE;
	impair->chance = set[VNET_IMPAIR_LOSS_MODEL] || impair->duplicate ||
			 impair->corrupt || impair->truncate ||
			 impair->reorder || set[VNET_IMPAIR_JITTER];
	impair->per_frame = impair->chance || impair->rated;
	impair->timed = set[VNET_IMPAIR_DELAY] || impair->rated ||
			impair->reorder ||
			(impair->duplicate && set[VNET_IMPAIR_COPY_DELAY]);
	impair->active = impair->per_frame || impair->timed || impair->vlan ||
			 set[VNET_IMPAIR_FLAP_DOWN];
}

/**
 * vnet_impair_settle() - check settings, and work out what the verdict needs
 * @impair: the settings
 * @refusal: where to say why not
 *
 * Context: Any.
 * Return: 0, or -1.
 */
int vnet_impair_settle(struct vnet_impair *impair,
		       struct vnet_refusal *refusal)
{
	const __u64 *set = impair->set;
	unsigned int i;

	if (vnet_settle_delay(impair, refusal) ||
	    vnet_settle_loss(impair, refusal) ||
	    vnet_settle_together(impair, refusal))
		return -1;
	for (i = 0; i < VNET_DRAWS; i++)
		impair->key[i] = vnet_mix(vnet_mix(set[VNET_IMPAIR_SEED]) +
					  impair->direction * VNET_DRAWS + i);
	impair->duplicate = vnet_chance(set[VNET_IMPAIR_DUPLICATE], 1);
	impair->corrupt = vnet_chance(set[VNET_IMPAIR_CORRUPT], 1);
	impair->truncate = vnet_chance(set[VNET_IMPAIR_TRUNCATE], 1);
	impair->reorder = vnet_chance(set[VNET_IMPAIR_REORDER], 1);
	vnet_settle_flags(impair);
	return 0;
}
