// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The settings of one direction: what each may be
 *
 * A table says of each setting what it is if nobody says anything, and what it
 * may be by itself. Pure; runs in user space too.
 *
 * Next: settle.c says what they may be together.
 */

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
int vnet_refuse(struct vnet_refusal *refusal, unsigned int attr,
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
