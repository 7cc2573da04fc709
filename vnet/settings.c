// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The settings of one direction: what they may be, and what they mean
 *
 * A table says of each setting what it is if nobody says anything, and what it
 * may be by itself; vnet_impair_settle() says what they may be together, and
 * works out what the verdict needs. Pure; runs in user space too.
 *
 * Next: impair.c gives the verdict.
 */

#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "impair.h"

#define NS_PER_S 1000000000ULL

/* A petabit a second: a frame's bits in ns are no longer a sensible number. */
#define VNET_RATE_MAX 1000000000000000ULL

#define CHANCE(_group, _name) \
	{ _group, 0, 0, VNET_ONE, _name " must be 0 to 100 %" }
#define FLAG(_group, _name) \
	{ _group, 0, 0, 1, _name " must be 0 or 1" }

const struct vnet_setting vnet_setting[VNET_IMPAIR_MAX + 1] = {
	[VNET_IMPAIR_CLEAR] = FLAG(VNET_IMPAIR_CLEAR, "Clear"),
	[VNET_IMPAIR_SEED] = { VNET_IMPAIR_SEED, 0, 0, ~0ULL, "" },
	[VNET_IMPAIR_LIMIT] = { VNET_IMPAIR_LIMIT, 256 << 20, 65536, 1ULL << 40,
		"The limit of bytes under way must be 64 KiB to 1 TiB",
	},

	[VNET_IMPAIR_DELAY] = { VNET_IMPAIR_DELAY, 0, 0, VNET_DELAY_MAX,
		"The delay must be at most an hour" },
	[VNET_IMPAIR_JITTER] = { VNET_IMPAIR_DELAY, 0, 0, VNET_DELAY_MAX,
		"The jitter must be at most an hour" },
	[VNET_IMPAIR_DISTRIBUTION] = { VNET_IMPAIR_DELAY, VNET_UNIFORM, 0,
		VNET_PARETO,
		"The distribution must be uniform, normal or pareto",
	},
	[VNET_IMPAIR_HALF_LIFE] = { VNET_IMPAIR_DELAY, 0, 0, VNET_DELAY_MAX,
		"The half-life must be at most an hour" },
	[VNET_IMPAIR_KEEP_ORDER] = FLAG(VNET_IMPAIR_DELAY, "Keep-order"),

	[VNET_IMPAIR_REORDER] = CHANCE(VNET_IMPAIR_REORDER,
		"The probability of reordering"),
	[VNET_IMPAIR_DISTANCE] = { VNET_IMPAIR_REORDER, 1, 1, 1000,
		"The distance of reordering must be 1 to 1000" },

	[VNET_IMPAIR_LOSS_MODEL] = { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_NONE, 0,
		VNET_LOSS_PATTERN, "There is no such model of loss" },
	[VNET_IMPAIR_LOSS] = CHANCE(VNET_IMPAIR_LOSS_MODEL, "The loss"),
	[VNET_IMPAIR_BURST] = { VNET_IMPAIR_LOSS_MODEL, 1000, 1000, 1000000000,
		"The mean burst must be 1 to 1000000 losses" },
	[VNET_IMPAIR_P] = CHANCE(VNET_IMPAIR_LOSS_MODEL,
		"The probability of going bad"),
	[VNET_IMPAIR_R] = CHANCE(VNET_IMPAIR_LOSS_MODEL,
		"The probability of going good"),
	[VNET_IMPAIR_BAD] = { VNET_IMPAIR_LOSS_MODEL, VNET_ONE, 0, VNET_ONE,
		"The loss in the bad state must be 0 to 100 %" },
	[VNET_IMPAIR_GOOD] = CHANCE(VNET_IMPAIR_LOSS_MODEL,
		"The loss in the good state"),
	[VNET_IMPAIR_P13] = CHANCE(VNET_IMPAIR_LOSS_MODEL, "p13"),
	[VNET_IMPAIR_P31] = CHANCE(VNET_IMPAIR_LOSS_MODEL, "p31"),
	[VNET_IMPAIR_P32] = CHANCE(VNET_IMPAIR_LOSS_MODEL, "p32"),
	[VNET_IMPAIR_P23] = CHANCE(VNET_IMPAIR_LOSS_MODEL, "p23"),
	[VNET_IMPAIR_P14] = CHANCE(VNET_IMPAIR_LOSS_MODEL, "p14"),

	[VNET_IMPAIR_DUPLICATE] = CHANCE(VNET_IMPAIR_DUPLICATE,
		"The probability of duplication"),
	[VNET_IMPAIR_COPY_DELAY] = { VNET_IMPAIR_DUPLICATE, 0, 0,
		VNET_DELAY_MAX, "The delay of copies must be at most an hour" },

	[VNET_IMPAIR_CORRUPT] = CHANCE(VNET_IMPAIR_CORRUPT,
		"The probability of corruption"),
	[VNET_IMPAIR_BITS] = { VNET_IMPAIR_CORRUPT, 1, 1, 64,
		"The number of flipped bits must be 1 to 64" },
	[VNET_IMPAIR_WHERE] = { VNET_IMPAIR_CORRUPT, VNET_CORRUPT_WHOLE, 0,
		VNET_CORRUPT_PAYLOAD,
		"What is corrupted must be the header, the payload or the whole",
	},
	[VNET_IMPAIR_REPAIR] = FLAG(VNET_IMPAIR_CORRUPT, "Repair"),

	[VNET_IMPAIR_TRUNCATE] = CHANCE(VNET_IMPAIR_TRUNCATE,
		"The probability of truncation"),
	[VNET_IMPAIR_LENGTH] = { VNET_IMPAIR_TRUNCATE, 14, 14, 65535,
		"The length that is left must be 14 to 65535 bytes" },

	[VNET_IMPAIR_RATE] = { VNET_IMPAIR_RATE, VNET_RATE_NONE, 1, ~0ULL,
		"The rate must be 1 bit/s to 1 Pbit/s" },
	[VNET_IMPAIR_OVERHEAD] = { VNET_IMPAIR_RATE, 0, 0, 1000,
		"The overhead must be at most 1000 bytes" },
	[VNET_IMPAIR_CELL] = { VNET_IMPAIR_RATE, 0, 0, 65535,
		"A cell must have at most 65535 bytes" },
	[VNET_IMPAIR_CELL_OVERHEAD] = { VNET_IMPAIR_RATE, 0, 0, 1000,
		"The overhead of a cell must be at most 1000 bytes" },
	[VNET_IMPAIR_QUEUE] = { VNET_IMPAIR_RATE, 0, 0, 100000000,
		"The queue must be at most 100000000 packets" },
	[VNET_IMPAIR_QUEUE_BYTES] = { VNET_IMPAIR_RATE, 0, 0, 1ULL << 40,
		"The queue must be at most 1 TiB" },
	[VNET_IMPAIR_HEAD_DROP] = FLAG(VNET_IMPAIR_RATE, "Head-drop"),
	[VNET_IMPAIR_ECN] = { VNET_IMPAIR_RATE, 0, 0, 100000000,
		"The threshold of ECN must be at most 100000000 packets",
	},

	[VNET_IMPAIR_VLAN_MATCH] = { VNET_IMPAIR_VLAN_MATCH, VNET_VLAN_NONE, 0,
		VNET_VLAN_NONE, "The VID to be matched must be 0 to 4094" },
	[VNET_IMPAIR_VLAN_POP] = FLAG(VNET_IMPAIR_VLAN_MATCH, "VLAN pop"),
	[VNET_IMPAIR_VLAN_TRANSLATE] = { VNET_IMPAIR_VLAN_MATCH, VNET_VLAN_NONE,
		0, VNET_VLAN_NONE, "The new VID must be 0 to 4094" },
	[VNET_IMPAIR_VLAN_PUSH] = { VNET_IMPAIR_VLAN_MATCH, VNET_VLAN_NONE, 0,
		VNET_VLAN_NONE, "The VID to be pushed must be 0 to 4094" },
	[VNET_IMPAIR_VLAN_PCP] = { VNET_IMPAIR_VLAN_MATCH, VNET_PCP_KEEP, 0,
		VNET_PCP_KEEP, "The priority must be 0 to 7" },
	[VNET_IMPAIR_VLAN_PROTO] = { VNET_IMPAIR_VLAN_MATCH, 0x8100, 0x8100,
		0x88a8, "The tag must be 802.1Q or 802.1ad" },

	[VNET_IMPAIR_FLAP_UP] = { VNET_IMPAIR_FLAP_UP, 0, 0, 86400 * NS_PER_S,
		"The link can be up for at most a day" },
	[VNET_IMPAIR_FLAP_DOWN] = { VNET_IMPAIR_FLAP_UP, 0, 0,
		86400 * NS_PER_S, "The link can be down for at most a day" },
};

/**
 * vnet_refuse() - say why settings cannot be
 * @refusal: where
 * @attr: which of them, VNET_IMPAIR_*
 * @why: in one sentence
 *
 * Context: Any.
 * Return: -1, always.
 */
static int vnet_refuse(struct vnet_refusal *refusal, unsigned int attr,
		       const char *why)
{
	refusal->attr = attr;
	refusal->why = why;
	return -1;
}

/**
 * vnet_impair_reset() - forget the settings of a group
 * @impair: the settings
 * @group: its first, VNET_IMPAIR_*; VNET_IMPAIR_CLEAR for all but the seed
 *
 * Context: Any.
 */
void vnet_impair_reset(struct vnet_impair *impair, unsigned int group)
{
	unsigned int i;

	for (i = VNET_IMPAIR_LIMIT; i < VNET_IMPAIR_PATTERN; i++) {
		if (group == VNET_IMPAIR_CLEAR ||
		    vnet_setting[i].group == group)
			impair->set[i] = vnet_setting[i].usual;
	}
	if (group == VNET_IMPAIR_CLEAR || group == VNET_IMPAIR_LOSS_MODEL)
		impair->text[0] = '\0';
}

/**
 * vnet_impair_init() - settings that do nothing
 * @impair: where to put them
 * @direction: 0 for the end that was asked for, 1 for its peer
 * @seed: of all chance
 *
 * Context: Any.
 */
void vnet_impair_init(struct vnet_impair *impair, unsigned int direction,
		      __u64 seed)
{
	memset(impair, 0, sizeof(*impair));
	impair->direction = direction;
	impair->epoch = 1;
	vnet_impair_reset(impair, VNET_IMPAIR_CLEAR);
	impair->set[VNET_IMPAIR_SEED] = seed;
}

/**
 * vnet_gap() - whether a value lies in range and yet cannot be
 * @attr: which setting, VNET_IMPAIR_*
 * @value: its value
 *
 * VID 4095 is reserved (IEEE 802.1Q, 9.6); of rates above a petabit a second,
 * only "none" is one.
 *
 * Context: Any.
 * Return: true if it cannot.
 */
static bool vnet_gap(unsigned int attr, __u64 value)
{
	switch (attr) {
	case VNET_IMPAIR_VLAN_MATCH:
	case VNET_IMPAIR_VLAN_TRANSLATE:
	case VNET_IMPAIR_VLAN_PUSH:
		return value == 4095;
	case VNET_IMPAIR_VLAN_PROTO:
		return value != 0x8100 && value != 0x88a8;
	case VNET_IMPAIR_RATE:
		return value > VNET_RATE_MAX && value != VNET_RATE_NONE;
	}
	return false;
}

/**
 * vnet_impair_set() - change one setting
 * @impair: the settings
 * @attr: which, VNET_IMPAIR_*
 * @value: its new value
 * @refusal: where to say why not
 *
 * Context: Any.
 * Return: 0, or -1.
 */
int vnet_impair_set(struct vnet_impair *impair, unsigned int attr,
		    __u64 value, struct vnet_refusal *refusal)
{
	const struct vnet_setting *setting = &vnet_setting[attr];

	if (value < setting->min || value > setting->max ||
	    vnet_gap(attr, value))
		return vnet_refuse(refusal, attr, setting->range);
	if (attr == VNET_IMPAIR_SEED)
		impair->epoch++;
	impair->set[attr] = value;
	return 0;
}

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

	if (set[VNET_IMPAIR_DELAY] * 100 <
	    set[VNET_IMPAIR_JITTER] * least[spread].times)
		return vnet_refuse(refusal, VNET_IMPAIR_JITTER,
				   least[spread].why);
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
				"What waits for the rate needs a rate");
		if (set[rated[i]] && rated[i] >= VNET_IMPAIR_HEAD_DROP &&
		    !set[VNET_IMPAIR_QUEUE] && !set[VNET_IMPAIR_QUEUE_BYTES])
			return vnet_refuse(refusal, rated[i],
				"What is dropped or marked needs a queue that has an end");
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
	bool rate = set[VNET_IMPAIR_RATE] != VNET_RATE_NONE;

	impair->vlan = set[VNET_IMPAIR_VLAN_POP] ||
	       set[VNET_IMPAIR_VLAN_TRANSLATE] != VNET_VLAN_NONE ||
	       set[VNET_IMPAIR_VLAN_PUSH] != VNET_VLAN_NONE;
	impair->chance = set[VNET_IMPAIR_LOSS_MODEL] || impair->duplicate ||
			 impair->corrupt || impair->truncate ||
			 impair->reorder || set[VNET_IMPAIR_JITTER];
	impair->per_frame = impair->chance || rate;
	impair->timed = set[VNET_IMPAIR_DELAY] || rate || impair->reorder ||
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

/**
 * vnet_impair_apply() - change settings as a request asks for
 * @impair: the settings; of no use if this fails
 * @asked: the request
 * @refusal: where to say why not
 *
 * Context: Any.
 * Return: 0, or -1.
 */
int vnet_impair_apply(struct vnet_impair *impair,
		      const struct vnet_asked *asked,
		      struct vnet_refusal *refusal)
{
	unsigned int i;

	for (i = VNET_IMPAIR_CLEAR; i < VNET_IMPAIR_PATTERN; i++) {
		if (asked->given[i] && vnet_setting[i].group == i &&
		    i != VNET_IMPAIR_SEED &&
		    (i != VNET_IMPAIR_CLEAR || asked->value[i]))
			vnet_impair_reset(impair, i);
	}
	for (i = VNET_IMPAIR_CLEAR; i < VNET_IMPAIR_PATTERN; i++) {
		if (asked->given[i] &&
		    vnet_impair_set(impair, i, asked->value[i], refusal))
			return -1;
	}
	impair->set[VNET_IMPAIR_CLEAR] = 0;
	if (asked->text)
		memcpy(impair->text, asked->text, strlen(asked->text) + 1);
	return vnet_impair_settle(impair, refusal);
}
