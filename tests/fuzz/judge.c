// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Fuzzes settings and verdicts: any requests, and frames between them
 *
 * As change.c does in the kernel: what netlink's policy lets through comes to
 * a copy of the settings, which takes the place of the old ones if nothing is
 * wrong with it. Each verdict must be possible by the settings, and the same by
 * settings that were made in one go; and to switch one thing off must change
 * nothing else.
 *
 * An input: direction and seed, then for each step a byte, of which the lowest
 * bits say whether it is a request, frames, or delays alone.
 */

#include "fuzz.h"
#include "impair.h"
#include "model.h"
#include "quantile.h"

/* Frames that are judged in one step at most. */
#define FRAMES 31

/* So many of the inputs' steps are run; more would only take longer. */
#define STEPS 32

/**
 * struct wire - one direction
 * @impair: the settings
 * @dice: what the verdicts have left
 * @fresh: the same settings, made in one go
 * @fresh_dice: what the verdicts by them have left
 * @now: time, in ns
 */
struct wire {
	struct vnet_impair impair;
	struct vnet_dice dice;
	struct vnet_impair fresh;
	struct vnet_dice fresh_dice;
	__u64 now;
};

/**
 * value_for() - make up a value for a setting
 * @in: the input
 * @attr: VNET_IMPAIR_*
 *
 * Return: the value; anything, but more often near what may be.
 */
static __u64 value_for(struct fuzz_input *in, unsigned int attr)
{
	const struct vnet_setting *setting = &vnet_setting[attr];
	unsigned int how = fuzz_byte(in);

	switch (how % 8) {
	case 0:
		return fuzz_number(in, 8);
	case 1:
		return fuzz_byte(in);
	case 2:
		return setting->min + (__s8)fuzz_byte(in);
	case 3:
		return setting->max + (__s8)fuzz_byte(in);
	case 4:
		return setting->usual;
	case 5: /* by halves, from the most down */
		return setting->max >> (how >> 3);
	case 6:
		return fuzz_number(in, 4) % setting->max;
	default:
		return (__u64)fuzz_byte(in) << (how >> 3);
	}
}

/**
 * make_fresh() - make the settings in force from nothing, in one go
 * @wire: where
 */
static void make_fresh(struct wire *wire)
{
	struct vnet_asked asked = { .text = wire->impair.text };
	struct vnet_refusal refusal;

	for (int i = VNET_IMPAIR_SEED; i < VNET_IMPAIR_PATTERN; i++) {
		asked.given[i] = true;
		asked.value[i] = wire->impair.set[i];
	}
	memset(&wire->fresh, 0xa5, sizeof(wire->fresh));
	vnet_impair_init(&wire->fresh, wire->impair.direction, 0);
	must(!vnet_impair_apply(&wire->fresh, &asked, &refusal));
	must(!memcmp(wire->fresh.set, wire->impair.set,
		     sizeof(wire->impair.set)));
	wire->fresh.epoch = wire->impair.epoch;
}

/**
 * request() - ask for other settings
 * @wire: whose
 * @in: the input
 * @count: how many
 */
static void request(struct wire *wire, struct fuzz_input *in,
		    unsigned int count)
{
	struct vnet_asked asked = {}, nothing = {};
	struct vnet_impair before;
	char *text = NULL;

	while (count--) {
		unsigned int attr = fuzz_byte(in) % 64;

		if (attr == VNET_IMPAIR_PATTERN && !text) {
			text = fuzz_text(in, fuzz_byte(in) %
					     VNET_PATTERN_LEN);
		} else if (attr >= VNET_IMPAIR_CLEAR &&
			   attr < VNET_IMPAIR_PATTERN) {
			asked.given[attr] = true;
			asked.value[attr] = value_for(in, attr);
		}
	}
	asked.text = text;
	if (model_check(&wire->impair, &asked)) {
		/* What is settled stays as it is. */
		before = wire->impair;
		must(model_check(&wire->impair, &nothing));
		must(!memcmp(&before, &wire->impair, sizeof(before)));
		make_fresh(wire);
	}
	free(text);
}

/**
 * look_at_delay() - whether a delay is possible
 * @set: the settings
 * @verdict: the verdict
 */
static void look_at_delay(const __u64 *set, const struct vnet_verdict *verdict)
{
	__s64 off = verdict->delay - set[VNET_IMPAIR_DELAY];
	__u64 jitter = set[VNET_IMPAIR_JITTER];
	double most = 1, least = -1;

	if (set[VNET_IMPAIR_DISTRIBUTION] == VNET_NORMAL) {
		most = vnet_normal[VNET_OCTAVES - 1][0] / 1048576.0;
		least = -most;
	} else if (set[VNET_IMPAIR_DISTRIBUTION] == VNET_PARETO) {
		most = vnet_pareto[VNET_OCTAVES - 1][0] / 1048576.0;
		least = vnet_pareto[0][VNET_SEGMENTS] / 1048576.0;
	}
	must(verdict->delay <= 1ULL << 62);
	must(off <= jitter * most + 1);
	must(off >= jitter * least - 1);
	if (verdict->marks & VNET_CLAMPED) {
		must(set[VNET_IMPAIR_DISTRIBUTION] == VNET_NORMAL);
		must(!verdict->delay);
	}
}

/**
 * look_at_loss() - whether a loss, or none, is possible
 * @impair: the settings
 * @verdict: the verdict
 */
static void look_at_loss(const struct vnet_impair *impair,
			 const struct vnet_verdict *verdict)
{
	bool lost = verdict->marks & VNET_LOST;
	const __u64 *set = impair->set;
	struct vnet_pattern pattern;
	const char *why;

	switch (set[VNET_IMPAIR_LOSS_MODEL]) {
	case VNET_LOSS_NONE:
		must(!lost);
		break;
	case VNET_LOSS_RANDOM:
		must(!lost || set[VNET_IMPAIR_LOSS]);
		must(lost || set[VNET_IMPAIR_LOSS] < VNET_ONE);
		break;
	case VNET_LOSS_GE:
		must(!lost || set[VNET_IMPAIR_BAD] || set[VNET_IMPAIR_GOOD]);
		must(lost || set[VNET_IMPAIR_BAD] < VNET_ONE ||
		     set[VNET_IMPAIR_GOOD] < VNET_ONE);
		break;
	case VNET_LOSS_PATTERN:
		must(!vnet_pattern_parse(&pattern, impair->text, &why));
		must(lost == vnet_pattern_hits(&pattern, verdict->ordinal));
		break;
	}
}

/**
 * look() - whether a verdict is possible
 * @impair: the settings
 * @verdict: the verdict
 */
static void look(const struct vnet_impair *impair,
		 const struct vnet_verdict *verdict)
{
	static const struct {
		unsigned int attr, mark;
	} chances[] = {
		{ VNET_IMPAIR_DUPLICATE, VNET_DUPLICATED },
		{ VNET_IMPAIR_CORRUPT, VNET_CORRUPTED },
		{ VNET_IMPAIR_TRUNCATE, VNET_TRUNCATED },
		{ VNET_IMPAIR_REORDER, VNET_REORDERED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(chances); i++) {
		__u64 chance = impair->set[chances[i].attr];

		if (verdict->marks & chances[i].mark)
			must(chance);
		else
			must(chance < VNET_ONE);
	}
	must(verdict->marks < VNET_CLAMPED << 1);
	must(!verdict->bits || verdict->marks & VNET_CORRUPTED);
	look_at_loss(impair, verdict);
	look_at_delay(impair->set, verdict);
	/* What the path of a frame looks at before it asks for a verdict. */
	must(!verdict->marks || (impair->active && impair->per_frame));
	must(!verdict->delay || (impair->active && impair->timed));
	must(!(verdict->marks & VNET_REORDERED) || impair->timed);
}

/**
 * frames() - have frames judged
 * @wire: where they are
 * @in: the input
 * @count: how many
 */
static void frames(struct wire *wire, struct fuzz_input *in, unsigned int count)
{
	__u64 ordinal, step = (__s8)fuzz_byte(in);
	struct vnet_verdict verdict, again;

	step <<= fuzz_byte(in) % 56;
	while (count--) {
		ordinal = wire->dice.epoch == wire->impair.epoch ?
			  wire->dice.ordinal : 0;
		memset(&verdict, 0xa5, sizeof(verdict));
		memset(&again, 0x5a, sizeof(again));
		vnet_judge(&wire->impair, &wire->dice, wire->now, &verdict);
		vnet_judge(&wire->fresh, &wire->fresh_dice, wire->now, &again);
		must(verdict.ordinal == ordinal + 1);
		must(verdict.ordinal == again.ordinal);
		must(verdict.delay == again.delay);
		must(verdict.bits == again.bits);
		must(verdict.marks == again.marks);
		look(&wire->impair, &verdict);
		wire->now += step;
	}
}

/**
 * delays() - have delays drawn by numbers that chance rarely brings about
 * @wire: where
 * @in: the input
 *
 * Two of them: more that are as far out as can be, one after the other, would
 * drive what drifts to where no seed ever does.
 */
static void delays(const struct wire *wire, struct fuzz_input *in)
{
	struct vnet_verdict verdict = {};
	struct vnet_dice dice = {};
	__u64 now, draw;

	if (!wire->impair.set[VNET_IMPAIR_JITTER])
		return;
	for (int i = 0; i < 2; i++) {
		now = fuzz_number(in, 8);
		draw = fuzz_number(in, 8);
		verdict.marks = 0;
		verdict.delay = vnet_delay(&wire->impair, &dice, now, draw,
					   &verdict.marks);
		must(!(verdict.marks & ~VNET_CLAMPED));
		look_at_delay(wire->impair.set, &verdict);
	}
}

/**
 * without() - switch one thing off, and see that it changes nothing else
 * @wire: where
 * @which: which of them
 * @count: how many frames to look at
 */
static void without(const struct wire *wire, unsigned int which,
		    unsigned int count)
{
	static const struct {
		unsigned int group, marks;
	} off[] = {
		{ VNET_IMPAIR_LOSS_MODEL, VNET_LOST },
		{ VNET_IMPAIR_DUPLICATE, VNET_DUPLICATED },
		{ VNET_IMPAIR_CORRUPT, VNET_CORRUPTED },
		{ VNET_IMPAIR_TRUNCATE, VNET_TRUNCATED },
		{ VNET_IMPAIR_REORDER, VNET_REORDERED },
		{ VNET_IMPAIR_DELAY, VNET_CLAMPED },
		{ VNET_IMPAIR_RATE, 0 },
		{ VNET_IMPAIR_VLAN_MATCH, 0 },
		{ VNET_IMPAIR_FLAP_UP, 0 },
	};
	struct vnet_impair less = wire->impair;
	struct vnet_dice dice = {}, less_dice = {};
	struct vnet_verdict all, some;
	struct vnet_refusal refusal;
	__u64 now = wire->now;

	which %= ARRAY_SIZE(off);
	vnet_impair_reset(&less, off[which].group);
	must(!vnet_impair_settle(&less, &refusal));
	for (; count--; now += 1000000) {
		vnet_judge(&wire->impair, &dice, now, &all);
		vnet_judge(&less, &less_dice, now, &some);
		must(some.marks == (all.marks & ~off[which].marks));
		must(some.bits == (some.marks & VNET_CORRUPTED ? all.bits : 0));
		must(some.delay == (off[which].group == VNET_IMPAIR_DELAY ?
				    0 : all.delay));
	}
}

/**
 * LLVMFuzzerTestOneInput() - run the steps of an input
 * @data: the input
 * @size: its bytes
 *
 * Return: 0, always.
 */
int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct vnet_asked nothing = {};
	struct wire wire = {};
	unsigned int what = fuzz_byte(&in), steps = STEPS;

	vnet_impair_init(&wire.impair, what & 1, fuzz_number(&in, what & 8));
	must(model_check(&wire.impair, &nothing));
	make_fresh(&wire);
	while (in.left && steps--) {
		what = fuzz_byte(&in);
		if (what & 1)
			request(&wire, &in, what >> 1 & 15);
		else if (what & 2)
			frames(&wire, &in, what >> 3 & FRAMES);
		else if (what & 4)
			delays(&wire, &in);
		else
			without(&wire, fuzz_byte(&in), what >> 3 & FRAMES);
	}
	return 0;
}
