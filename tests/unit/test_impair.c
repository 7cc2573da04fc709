// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Settings, verdicts, and how late frames were
 *
 * What can be told from few draws; what needs millions is in properties.c. Of
 * delay.c the parts are tested too, so it is included and not linked.
 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delay.c"
#include "lateness.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define PERCENT 10000000ULL
#define MS 1000000ULL
#define S 1000000000ULL

/* Frames that a test looks at. */
#define FRAMES 2000

/**
 * struct ask - a request: up to eight settings, and a pattern
 * @set: the settings; those with number 0 are none
 * @set.attr: VNET_IMPAIR_*
 * @set.value: its value
 * @text: VNET_IMPAIR_PATTERN, or NULL
 */
struct ask {
	struct {
		unsigned int attr;
		__u64 value;
	} set[8];
	const char *text;
};

/**
 * apply() - change settings
 * @impair: the settings
 * @ask: the request
 * @refusal: where to say why not
 *
 * Return: 0, or -1.
 */
static int apply(struct vnet_impair *impair, const struct ask *ask,
		 struct vnet_refusal *refusal)
{
	struct vnet_asked asked = { .text = ask->text };

	for (size_t i = 0; i < ARRAY_SIZE(ask->set); i++) {
		asked.given[ask->set[i].attr] = true;
		asked.value[ask->set[i].attr] = ask->set[i].value;
	}
	asked.given[VNET_IMPAIR_UNSPEC] = false;
	return vnet_impair_apply(impair, &asked, refusal);
}

/**
 * must() - change settings, which must be right
 * @impair: the settings
 * @ask: the request
 */
static void must(struct vnet_impair *impair, struct ask ask)
{
	struct vnet_refusal refusal;

	assert_int_equal(apply(impair, &ask, &refusal), 0);
}

/* A request in one line: ASK({ VNET_IMPAIR_DELAY, 5 * MS }). */
#define ASK(...) { .set = { __VA_ARGS__ } }

/* Settings in one line: set(&impair, { VNET_IMPAIR_DELAY, 5 * MS }). */
#define set(impair, ...) must(impair, (struct ask)ASK(__VA_ARGS__))

/**
 * judge() - judge frames
 * @impair: the settings
 * @dice: where the verdicts before have left off; NULL for a new beginning
 * @verdict: where to put the verdicts
 * @count: how many frames, one each ms
 */
static void judge(const struct vnet_impair *impair, struct vnet_dice *dice,
		  struct vnet_verdict *verdict, unsigned int count)
{
	struct vnet_dice fresh = {};

	for (unsigned int i = 0; i < count; i++)
		vnet_judge(impair, dice ? dice : &fresh, i * MS, &verdict[i]);
}

/**
 * count_of() - how many frames have a mark
 * @impair: the settings
 * @mark: the mark
 *
 * Return: of the first FRAMES.
 */
static unsigned int count_of(const struct vnet_impair *impair,
			     unsigned int mark)
{
	static struct vnet_verdict verdict[FRAMES];
	unsigned int n = 0;

	judge(impair, NULL, verdict, FRAMES);
	for (unsigned int i = 0; i < FRAMES; i++)
		n += !!(verdict[i].marks & mark);
	return n;
}

/**
 * test_nothing_to_do() - settings that nobody has touched do nothing
 * @state: not used
 */
static void test_nothing_to_do(void **state)
{
	struct vnet_refusal refusal;
	struct vnet_verdict verdict;
	struct vnet_dice dice = {};
	struct vnet_impair impair;

	(void)state;
	vnet_impair_init(&impair, 1, 77);
	assert_int_equal(vnet_impair_settle(&impair, &refusal), 0);
	assert_int_equal(impair.set[VNET_IMPAIR_SEED], 77);
	assert_int_equal(impair.direction, 1);
	assert_false(impair.active || impair.timed || impair.per_frame);
	for (unsigned int i = VNET_IMPAIR_LIMIT; i < VNET_IMPAIR_PATTERN; i++)
		assert_int_equal(impair.set[i], vnet_setting[i].usual);
	vnet_judge(&impair, &dice, 5, &verdict);
	assert_int_equal(verdict.ordinal, 1);
	assert_int_equal(verdict.marks, 0);
	assert_int_equal(verdict.delay, 0);
}

/**
 * refuse_value() - set a value that must be out of range
 * @attr: VNET_IMPAIR_*
 * @value: the value
 */
static void refuse_value(unsigned int attr, __u64 value)
{
	struct vnet_refusal refusal = {};
	struct vnet_impair impair;

	vnet_impair_init(&impair, 0, 7);
	assert_int_equal(vnet_impair_set(&impair, attr, value, &refusal), -1);
	assert_int_equal(refusal.attr, attr);
	assert_string_equal(refusal.why, vnet_setting[attr].range);
	assert_true(strlen(refusal.why) > 10);
	assert_int_equal(impair.epoch, 1);
	assert_int_equal(impair.set[attr], attr == VNET_IMPAIR_SEED ? 7 :
						   vnet_setting[attr].usual);
}

/**
 * test_ranges() - each setting's least and most; one more, and one less
 * @state: not used
 */
static void test_ranges(void **state)
{
	(void)state;
	for (unsigned int i = VNET_IMPAIR_CLEAR; i < VNET_IMPAIR_PATTERN; i++) {
		const struct vnet_setting *setting = &vnet_setting[i];
		struct vnet_refusal refusal;
		struct vnet_impair impair;

		vnet_impair_init(&impair, 0, 7);
		assert_true(setting->usual >= setting->min);
		assert_true(setting->usual <= setting->max);
		assert_true(setting->group && setting->group <= i);
		assert_int_equal(vnet_impair_set(&impair, i, setting->min,
						 &refusal), 0);
		assert_int_equal(vnet_impair_set(&impair, i, setting->max,
						 &refusal), 0);
		assert_true(impair.set[i] == setting->max);
		if (setting->min)
			refuse_value(i, setting->min - 1);
		if (~setting->max) {
			refuse_value(i, setting->max + 1);
			refuse_value(i, ~0ULL);
		}
	}
}

/**
 * test_gaps() - values that lie in range and yet cannot be
 * @state: not used
 */
static void test_gaps(void **state)
{
	(void)state;
	refuse_value(VNET_IMPAIR_VLAN_MATCH, 4095);
	refuse_value(VNET_IMPAIR_VLAN_TRANSLATE, 4095);
	refuse_value(VNET_IMPAIR_VLAN_PUSH, 4095);
	refuse_value(VNET_IMPAIR_VLAN_PROTO, 0x8101);
	refuse_value(VNET_IMPAIR_VLAN_PROTO, 0x8847);
}

static const struct {
	struct ask ask;
	unsigned int attr;
	const char *why;
} refusals[] = {
	{ ASK({ VNET_IMPAIR_DELAY, MS }, { VNET_IMPAIR_JITTER, MS + 1 }),
	  VNET_IMPAIR_JITTER, "The jitter must not be larger than the delay" },
	{ ASK({ VNET_IMPAIR_JITTER, 1 }),
	  VNET_IMPAIR_JITTER, "The jitter must not be larger than the delay" },
	{ ASK({ VNET_IMPAIR_DELAY, 4 * MS - 1 }, { VNET_IMPAIR_JITTER, MS },
	      { VNET_IMPAIR_DISTRIBUTION, VNET_NORMAL }),
	  VNET_IMPAIR_JITTER, "A normal jitter must not be larger than a qu" },
	{ ASK({ VNET_IMPAIR_DELAY, 100 }, { VNET_IMPAIR_JITTER, 173 },
	      { VNET_IMPAIR_DISTRIBUTION, VNET_PARETO }),
	  VNET_IMPAIR_JITTER, "A pareto jitter must not be larger than 1.72" },
	{ ASK({ VNET_IMPAIR_DELAY, MS }, { VNET_IMPAIR_HALF_LIFE, 1 }),
	  VNET_IMPAIR_HALF_LIFE, "A half-life needs a jitter" },
	{ ASK({ VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_BURST },
	      { VNET_IMPAIR_LOSS, 50 * PERCENT + 1 }),
	  VNET_IMPAIR_BURST, "So much loss needs longer bursts: n losses in" },
	{ ASK({ VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_BURST },
	      { VNET_IMPAIR_LOSS, VNET_ONE },
	      { VNET_IMPAIR_BURST, 1000000000 }),
	  VNET_IMPAIR_BURST, "So much loss needs longer bursts: n losses in" },
	{ ASK({ VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_4STATE },
	      { VNET_IMPAIR_P13, 60 * PERCENT },
	      { VNET_IMPAIR_P14, 40 * PERCENT + 1 }),
	  VNET_IMPAIR_P14, "p13 and p14 together must be at most 100 %" },
	{ ASK({ VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_4STATE },
	      { VNET_IMPAIR_P31, 60 * PERCENT },
	      { VNET_IMPAIR_P32, 40 * PERCENT + 1 }),
	  VNET_IMPAIR_P32, "p31 and p32 together must be at most 100 %" },
	{ ASK({ VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_PATTERN }),
	  VNET_IMPAIR_PATTERN, "A pattern is like 3,17-20 or 3,17-20/100" },
	{ { .set = { { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_PATTERN } },
	    .text = "5,4" },
	  VNET_IMPAIR_PATTERN, "The frames of a pattern must ascend" },
	{ ASK({ VNET_IMPAIR_OVERHEAD, 1 }),
	  VNET_IMPAIR_OVERHEAD, "Overhead, cells and a queue belong to" },
	{ ASK({ VNET_IMPAIR_RATE, VNET_RATE_NONE },
	      { VNET_IMPAIR_QUEUE, 1 }),
	  VNET_IMPAIR_QUEUE, "Overhead, cells and a queue belong to" },
	{ ASK({ VNET_IMPAIR_RATE, 1 }, { VNET_IMPAIR_HEAD_DROP, 1 }),
	  VNET_IMPAIR_HEAD_DROP, "Head drop and ECN need a queue" },
	{ ASK({ VNET_IMPAIR_RATE, 1 }, { VNET_IMPAIR_ECN, 1 }),
	  VNET_IMPAIR_ECN, "Head drop and ECN need a queue" },
	{ ASK({ VNET_IMPAIR_VLAN_TRANSLATE, 5 },
	      { VNET_IMPAIR_VLAN_PUSH, 5 }),
	  VNET_IMPAIR_VLAN_TRANSLATE, "A tag cannot be translated and" },
	{ ASK({ VNET_IMPAIR_VLAN_TRANSLATE, 5 },
	      { VNET_IMPAIR_VLAN_POP, 1 }),
	  VNET_IMPAIR_VLAN_TRANSLATE, "A tag cannot be translated and" },
	{ ASK({ VNET_IMPAIR_FLAP_UP, S }, { VNET_IMPAIR_FLAP_DOWN, 0 }),
	  VNET_IMPAIR_FLAP_DOWN, "A link that flaps must be up and down for" },
	{ ASK({ VNET_IMPAIR_FLAP_UP, MS - 1 }, { VNET_IMPAIR_FLAP_DOWN, S }),
	  VNET_IMPAIR_FLAP_DOWN, "A link that flaps must be up and down for" },
	{ ASK({ VNET_IMPAIR_DELAY, VNET_DELAY_MAX + 1 }),
	  VNET_IMPAIR_DELAY, "The delay must be at most an hour" },
};

/**
 * test_refusals() - what cannot be together is refused in one sentence
 * @state: not used
 */
static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct vnet_refusal refusal = {};
		struct vnet_impair impair;
		const char *why = refusals[i].why;

		vnet_impair_init(&impair, 0, 7);
		assert_int_equal(apply(&impair, &refusals[i].ask, &refusal),
				 -1);
		assert_int_equal(refusal.attr, refusals[i].attr);
		if (strncmp(refusal.why, why, strlen(why)))
			fail_msg("%zu: %s", i, refusal.why);
		/* One sentence, as the kernel hands it on: without an end. */
		assert_null(strchr(refusal.why, '\n'));
		assert_int_not_equal(refusal.why[strlen(refusal.why) - 1], '.');
	}
}

/**
 * test_just_possible() - what is next to what is refused
 * @state: not used
 */
static void test_just_possible(void **state)
{
	struct vnet_impair impair;

	(void)state;
	vnet_impair_init(&impair, 0, 7);
	set(&impair, { VNET_IMPAIR_DELAY, MS }, { VNET_IMPAIR_JITTER, MS });
	set(&impair, { VNET_IMPAIR_DELAY, 4 * MS }, { VNET_IMPAIR_JITTER, MS },
	    { VNET_IMPAIR_DISTRIBUTION, VNET_NORMAL });
	set(&impair, { VNET_IMPAIR_DELAY, 100 }, { VNET_IMPAIR_JITTER, 172 },
	    { VNET_IMPAIR_DISTRIBUTION, VNET_PARETO });
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_BURST },
	    { VNET_IMPAIR_LOSS, 50 * PERCENT });
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_BURST },
	    { VNET_IMPAIR_LOSS, 80 * PERCENT }, { VNET_IMPAIR_BURST, 4000 });
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_4STATE },
	    { VNET_IMPAIR_P13, 60 * PERCENT },
	    { VNET_IMPAIR_P14, 40 * PERCENT },
	    { VNET_IMPAIR_P31, 60 * PERCENT },
	    { VNET_IMPAIR_P32, 40 * PERCENT });
	set(&impair, { VNET_IMPAIR_RATE, 1 }, { VNET_IMPAIR_HEAD_DROP, 1 },
	    { VNET_IMPAIR_QUEUE_BYTES, 1 });
	set(&impair, { VNET_IMPAIR_VLAN_MATCH, VNET_VLAN_NONE },
	    { VNET_IMPAIR_VLAN_POP, 1 }, { VNET_IMPAIR_VLAN_PUSH, 4094 });
	set(&impair, { VNET_IMPAIR_FLAP_UP, MS },
	    { VNET_IMPAIR_FLAP_DOWN, MS });
	set(&impair, { VNET_IMPAIR_FLAP_UP, 0 }, { VNET_IMPAIR_FLAP_DOWN, 0 });
}

/**
 * unusual() - a value that a setting may have, but does not by itself
 * @attr: VNET_IMPAIR_*
 *
 * Return: the value.
 */
static __u64 unusual(unsigned int attr)
{
	const struct vnet_setting *setting = &vnet_setting[attr];

	return setting->usual == setting->max ? setting->min : setting->max;
}

/**
 * test_groups() - the first of a group sets it anew, and no other does
 * @state: not used
 */
static void test_groups(void **state)
{
	(void)state;
	for (unsigned int first = VNET_IMPAIR_LIMIT;
	     first < VNET_IMPAIR_PATTERN; first++) {
		struct vnet_asked asked = {};
		struct vnet_refusal refusal;
		struct vnet_impair impair;

		if (vnet_setting[first].group != first)
			continue;
		vnet_impair_init(&impair, 0, 7);
		for (unsigned int i = VNET_IMPAIR_LIMIT;
		     i < VNET_IMPAIR_PATTERN; i++)
			impair.set[i] = unusual(i);
		impair.text[0] = '5';
		asked.given[first] = true;
		asked.value[first] = vnet_setting[first].usual;
		/* What is left of the others may not go together. */
		vnet_impair_apply(&impair, &asked, &refusal);
		for (unsigned int i = VNET_IMPAIR_LIMIT;
		     i < VNET_IMPAIR_PATTERN; i++)
			assert_true(impair.set[i] ==
				    (vnet_setting[i].group == first ?
				     vnet_setting[i].usual : unusual(i)));
		assert_string_equal(impair.text,
				    first == VNET_IMPAIR_LOSS_MODEL ? "" : "5");
		assert_int_equal(impair.set[VNET_IMPAIR_SEED], 7);
	}
}

/**
 * test_change() - what is given changes, and the rest stays
 * @state: not used
 */
static void test_change(void **state)
{
	struct vnet_impair impair;

	(void)state;
	vnet_impair_init(&impair, 0, 7);
	set(&impair, { VNET_IMPAIR_DELAY, 5 * MS }, { VNET_IMPAIR_JITTER, MS },
	    { VNET_IMPAIR_DUPLICATE, PERCENT });
	set(&impair, { VNET_IMPAIR_JITTER, 2 * MS });
	assert_int_equal(impair.set[VNET_IMPAIR_DELAY], 5 * MS);
	assert_int_equal(impair.set[VNET_IMPAIR_JITTER], 2 * MS);
	assert_int_equal(impair.set[VNET_IMPAIR_DUPLICATE], PERCENT);
	set(&impair, { VNET_IMPAIR_DELAY, 6 * MS });
	assert_int_equal(impair.set[VNET_IMPAIR_JITTER], 0);
	assert_int_equal(impair.set[VNET_IMPAIR_DUPLICATE], PERCENT);
}

/**
 * test_clear() - all but the seed, before the rest of the request
 * @state: not used
 */
static void test_clear(void **state)
{
	struct vnet_impair impair;

	(void)state;
	vnet_impair_init(&impair, 0, 7);
	must(&impair, (struct ask){
		.set = { { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_PATTERN },
			 { VNET_IMPAIR_LIMIT, 1 << 20 },
			 { VNET_IMPAIR_DELAY, MS } },
		.text = "5",
	});
	set(&impair, { VNET_IMPAIR_CLEAR, 1 }, { VNET_IMPAIR_CORRUPT, 5 });
	for (unsigned int i = VNET_IMPAIR_LIMIT; i < VNET_IMPAIR_PATTERN; i++)
		if (i != VNET_IMPAIR_CORRUPT)
			assert_int_equal(impair.set[i], vnet_setting[i].usual);
	assert_int_equal(impair.set[VNET_IMPAIR_CORRUPT], 5);
	assert_int_equal(impair.set[VNET_IMPAIR_SEED], 7);
	assert_string_equal(impair.text, "");
	assert_int_equal(impair.epoch, 1);
}

/**
 * test_flags() - what has to be done for which settings
 * @state: not used
 */
static void test_flags(void **state)
{
	static const struct {
		struct ask ask;
		bool active, timed, per_frame;
	} cases[] = {
		{ ASK({ VNET_IMPAIR_DELAY, 1 }), true, true, false },
		{ ASK({ VNET_IMPAIR_DELAY, 1 }, { VNET_IMPAIR_JITTER, 1 }),
		  true, true, true },
		{ ASK({ VNET_IMPAIR_LOSS_MODEL, 1 }), true, false, true },
		{ ASK({ VNET_IMPAIR_LOSS_MODEL, 0 }), false, false, false },
		{ ASK({ VNET_IMPAIR_DUPLICATE, 1 }), true, false, true },
		{ ASK({ VNET_IMPAIR_DUPLICATE, 1 },
		      { VNET_IMPAIR_COPY_DELAY, 1 }), true, true, true },
		{ ASK({ VNET_IMPAIR_COPY_DELAY, 1 }), false, false, false },
		{ ASK({ VNET_IMPAIR_CORRUPT, 1 }), true, false, true },
		{ ASK({ VNET_IMPAIR_TRUNCATE, 1 }), true, false, true },
		{ ASK({ VNET_IMPAIR_REORDER, 1 }), true, true, true },
		{ ASK({ VNET_IMPAIR_RATE, 1 }), true, true, true },
		{ ASK({ VNET_IMPAIR_VLAN_POP, 1 }), true, false, false },
		{ ASK({ VNET_IMPAIR_VLAN_PUSH, 1 }), true, false, false },
		{ ASK({ VNET_IMPAIR_VLAN_MATCH, 1 }), false, false, false },
		{ ASK({ VNET_IMPAIR_FLAP_UP, S }, { VNET_IMPAIR_FLAP_DOWN, S }),
		  true, false, false },
		{ ASK({ VNET_IMPAIR_LIMIT, 65536 }), false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vnet_impair impair;

		vnet_impair_init(&impair, 0, 7);
		must(&impair, cases[i].ask);
		assert_int_equal(impair.active, cases[i].active);
		assert_int_equal(impair.timed, cases[i].timed);
		assert_int_equal(impair.per_frame, cases[i].per_frame);
	}
}

/**
 * test_good_patterns() - what they hit
 * @state: not used
 */
static void test_good_patterns(void **state)
{
	static const struct {
		const char *text;
		const char *hits; /* of the first frames: x is lost */
	} patterns[] = {
		{ "1", "x..........." },
		{ "3,5-7", "..x.xxx....." },
		{ "3-3", "..x........." },
		{ "1-12", "xxxxxxxxxxxx" },
		{ "1/1", "xxxxxxxxxxxx" },
		{ "1/2", "x.x.x.x.x.x." },
		{ "2,4-5/5", ".x.xx.x.xx.x" },
		{ "001,2/0003", "xx.xx.xx.xx." },
		{ "9007199254740992", "............" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct vnet_pattern pattern;
		const char *why;

		assert_int_equal(vnet_pattern_parse(&pattern, patterns[i].text,
						    &why), 0);
		for (unsigned int n = 1; patterns[i].hits[n - 1]; n++)
			assert_int_equal(vnet_pattern_hits(&pattern, n),
					 patterns[i].hits[n - 1] == 'x');
	}
}

/**
 * test_bad_patterns() - each gets its sentence
 * @state: not used
 */
static void test_bad_patterns(void **state)
{
	static const char form[] = "A pattern is like 3,17-20";
	static const char ascend[] = "The frames of a pattern must ascend";
	static const char fits[] = "A pattern must fit into its period";
	static const char * const bad[][2] = {
		{ "", form }, { "0", form }, { "x", form }, { "3x", form },
		{ "3,", form }, { ",3", form }, { "3-", form }, { "-3", form },
		{ "3--5", form }, { "3 ,5", form }, { " 3", form },
		{ "3,5 ", form }, { "3,0", form }, { "3-0", form },
		{ "3/5/7", form }, { "3/5,7", form }, { "+3", form },
		{ "9007199254740993", form }, { "99999999999999999999", form },
		{ "3,3", ascend }, { "3,2", ascend }, { "3-2", ascend },
		{ "3-5,5", ascend }, { "3-5,4-9", ascend },
		{ "3/", fits }, { "3/0", fits }, { "3/2", fits },
		{ "3-5/4", fits }, { "3/x", fits },
		{ "3/9007199254740993", fits },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vnet_pattern pattern;
		const char *why = NULL;

		if (!vnet_pattern_parse(&pattern, bad[i][0], &why))
			fail_msg("\"%s\"", bad[i][0]);
		assert_memory_equal(why, bad[i][1], strlen(bad[i][1]));
	}
}

/**
 * test_long_patterns() - 32 ranges, and one more
 * @state: not used
 */
static void test_long_patterns(void **state)
{
	struct vnet_pattern pattern;
	const char *why = NULL;
	char text[200] = "";
	size_t length = 0;

	(void)state;
	for (int i = 1; i <= VNET_PATTERN_RANGES; i++)
		length += snprintf(text + length, sizeof(text) - length,
				   "%s%d", i > 1 ? "," : "", 2 * i);
	assert_int_equal(vnet_pattern_parse(&pattern, text, &why), 0);
	assert_int_equal(pattern.ranges, VNET_PATTERN_RANGES);
	for (int i = 1; i <= 80; i++)
		assert_int_equal(vnet_pattern_hits(&pattern, i),
				 i % 2 == 0 && i <= 64);
	snprintf(text + length, sizeof(text) - length, ",70");
	assert_int_equal(vnet_pattern_parse(&pattern, text, &why), -1);
	assert_string_equal(why, "A pattern has at most 32 ranges");
}

/**
 * all_at_once() - settings with everything on
 * @impair: where to put them
 */
static void all_at_once(struct vnet_impair *impair)
{
	vnet_impair_init(impair, 0, 7);
	set(impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_RANDOM },
	    { VNET_IMPAIR_LOSS, 30 * PERCENT },
	    { VNET_IMPAIR_DUPLICATE, 30 * PERCENT },
	    { VNET_IMPAIR_CORRUPT, 30 * PERCENT },
	    { VNET_IMPAIR_TRUNCATE, 30 * PERCENT },
	    { VNET_IMPAIR_REORDER, 30 * PERCENT },
	    { VNET_IMPAIR_DELAY, 20 * MS }, { VNET_IMPAIR_JITTER, 5 * MS });
}

/**
 * test_purposes() - to switch one thing off changes nothing else
 * @state: not used
 */
static void test_purposes(void **state)
{
	static const struct {
		unsigned int group;
		unsigned int mark; /* 0: the delay */
	} off[] = {
		{ VNET_IMPAIR_LOSS_MODEL, VNET_LOST },
		{ VNET_IMPAIR_DUPLICATE, VNET_DUPLICATED },
		{ VNET_IMPAIR_CORRUPT, VNET_CORRUPTED },
		{ VNET_IMPAIR_TRUNCATE, VNET_TRUNCATED },
		{ VNET_IMPAIR_REORDER, VNET_REORDERED },
		{ VNET_IMPAIR_DELAY, 0 },
	};
	static struct vnet_verdict all[FRAMES], some[FRAMES];
	struct vnet_impair impair;

	(void)state;
	all_at_once(&impair);
	judge(&impair, NULL, all, FRAMES);
	for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
		all_at_once(&impair);
		assert_int_not_equal(count_of(&impair, off[i].mark), FRAMES);
		set(&impair, { off[i].group, 0 });
		judge(&impair, NULL, some, FRAMES);
		for (unsigned int j = 0; j < FRAMES; j++) {
			assert_int_equal(some[j].marks,
					 all[j].marks & ~off[i].mark);
			assert_int_equal(some[j].delay, off[i].mark ?
					 all[j].delay : 0);
			if (off[i].mark != VNET_CORRUPTED)
				assert_true(some[j].bits == all[j].bits);
		}
	}
}

/**
 * test_two_decisions() - no two decisions go together
 * @state: not used
 *
 * Of 2000 frames 30 % have each mark, so 9 % have two: 180, give or take 13.
 */
static void test_two_decisions(void **state)
{
	static struct vnet_verdict all[FRAMES];
	struct vnet_impair impair;

	(void)state;
	all_at_once(&impair);
	judge(&impair, NULL, all, FRAMES);
	for (unsigned int a = VNET_LOST; a <= VNET_REORDERED; a <<= 1) {
		for (unsigned int b = a << 1; b <= VNET_REORDERED; b <<= 1) {
			unsigned int both = 0;

			for (unsigned int i = 0; i < FRAMES; i++)
				both += (all[i].marks & (a | b)) == (a | b);
			assert_in_range(both, 180 - 60, 180 + 60);
		}
	}
}

/**
 * test_seeds_and_directions() - each gives verdicts of its own, always the same
 * @state: not used
 */
static void test_seeds_and_directions(void **state)
{
	static struct vnet_verdict verdict[5][FRAMES];
	static const struct {
		unsigned int direction;
		__u64 seed;
	} of[5] = { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 }, { 0, ~0ULL } };
	struct vnet_impair impair;

	(void)state;
	for (int i = 0; i < 5; i++) {
		unsigned int same = 0;

		vnet_impair_init(&impair, of[i].direction, of[i].seed);
		set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_RANDOM },
		    { VNET_IMPAIR_LOSS, 50 * PERCENT });
		judge(&impair, NULL, verdict[i], FRAMES);
		assert_int_equal(count_of(&impair, ~0), count_of(&impair, ~0));
		for (int j = 0; j < i; j++, same = 0) {
			for (unsigned int k = 0; k < FRAMES; k++)
				same += verdict[i][k].marks ==
					verdict[j][k].marks;
			/* Half of them; give or take 22. */
			assert_in_range(same, 1000 - 110, 1000 + 110);
		}
	}
}

/**
 * test_epoch() - frames are counted from 1 when a seed is given, not otherwise
 * @state: not used
 */
static void test_epoch(void **state)
{
	static struct vnet_verdict first[100], second[100], third[100];
	struct vnet_impair impair;
	struct vnet_dice dice = {};

	(void)state;
	vnet_impair_init(&impair, 0, 7);
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_BURST },
	    { VNET_IMPAIR_LOSS, 30 * PERCENT }, { VNET_IMPAIR_BURST, 3000 },
	    { VNET_IMPAIR_DELAY, 9 * MS }, { VNET_IMPAIR_JITTER, MS },
	    { VNET_IMPAIR_HALF_LIFE, 5 * MS });
	judge(&impair, &dice, first, 100);
	set(&impair, { VNET_IMPAIR_DUPLICATE, PERCENT });
	judge(&impair, &dice, second, 100);
	assert_int_equal(second[0].ordinal, 101);
	set(&impair, { VNET_IMPAIR_SEED, 7 }, { VNET_IMPAIR_DUPLICATE, 0 });
	judge(&impair, &dice, third, 100);
	assert_memory_equal(first, third, sizeof(first));
}

/**
 * test_certain() - what must happen does, and what must not does not
 * @state: not used
 */
static void test_certain(void **state)
{
	static const unsigned int attrs[] = {
		VNET_IMPAIR_DUPLICATE, VNET_IMPAIR_CORRUPT,
		VNET_IMPAIR_TRUNCATE, VNET_IMPAIR_REORDER,
	};
	struct vnet_impair impair;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		vnet_impair_init(&impair, 0, i);
		set(&impair, { attrs[i], VNET_ONE });
		assert_int_equal(count_of(&impair, VNET_DUPLICATED << i),
				 FRAMES);
		assert_int_equal(count_of(&impair, ~(VNET_DUPLICATED << i)), 0);
	}
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_RANDOM },
	    { VNET_IMPAIR_LOSS, VNET_ONE });
	assert_int_equal(count_of(&impair, VNET_LOST), FRAMES);
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_GE },
	    { VNET_IMPAIR_GOOD, VNET_ONE }, { VNET_IMPAIR_BAD, 0 });
	assert_int_equal(count_of(&impair, VNET_LOST), FRAMES);
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_GE },
	    { VNET_IMPAIR_P, VNET_ONE });
	assert_int_equal(count_of(&impair, VNET_LOST), FRAMES);
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_4STATE },
	    { VNET_IMPAIR_P13, VNET_ONE });
	assert_int_equal(count_of(&impair, VNET_LOST), FRAMES);
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_4STATE },
	    { VNET_IMPAIR_P31, VNET_ONE });
	assert_int_equal(count_of(&impair, VNET_LOST), 0);
}

/**
 * test_states() - one state follows the other as it must
 * @state: not used
 */
static void test_states(void **state)
{
	static struct vnet_verdict verdict[FRAMES];
	struct vnet_impair impair;

	(void)state;
	/* Half of the frames in bursts of one: every other frame. */
	vnet_impair_init(&impair, 0, 7);
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_BURST },
	    { VNET_IMPAIR_LOSS, 50 * PERCENT });
	judge(&impair, NULL, verdict, FRAMES);
	for (int i = 1; i < FRAMES; i++)
		assert_int_not_equal(verdict[i].marks, verdict[i - 1].marks);
	/* A burst of one on average is never two. */
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_BURST },
	    { VNET_IMPAIR_LOSS, 20 * PERCENT });
	judge(&impair, NULL, verdict, FRAMES);
	for (int i = 1; i < FRAMES; i++)
		assert_false(verdict[i].marks & verdict[i - 1].marks);
	/* State 4, a single loss, always leads to state 1. */
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_4STATE },
	    { VNET_IMPAIR_P14, VNET_ONE });
	judge(&impair, NULL, verdict, FRAMES);
	for (int i = 0; i < FRAMES; i++)
		assert_int_equal(verdict[i].marks, i % 2 ? 0 : VNET_LOST);
	/* 1, 3, 2, 3, 2 ... */
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_4STATE },
	    { VNET_IMPAIR_P13, VNET_ONE }, { VNET_IMPAIR_P32, VNET_ONE },
	    { VNET_IMPAIR_P23, VNET_ONE });
	judge(&impair, NULL, verdict, FRAMES);
	for (int i = 0; i < FRAMES; i++)
		assert_int_equal(verdict[i].marks, i % 2 ? 0 : VNET_LOST);
}

/**
 * test_another_model() - a model of loss begins where it begins
 * @state: not used
 *
 * The bad state of two would be the second of four, and from there no way
 * leads back if p23 is 0.
 */
static void test_another_model(void **state)
{
	static struct vnet_verdict verdict[FRAMES];
	struct vnet_impair impair;
	struct vnet_dice dice = {};
	unsigned int lost = 0;

	(void)state;
	vnet_impair_init(&impair, 0, 7);
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_GE },
	    { VNET_IMPAIR_P, VNET_ONE });
	judge(&impair, &dice, verdict, 10);
	assert_int_equal(verdict[9].marks, VNET_LOST);
	set(&impair, { VNET_IMPAIR_LOSS_MODEL, VNET_LOSS_4STATE },
	    { VNET_IMPAIR_P13, 30 * PERCENT }, { VNET_IMPAIR_P31, VNET_ONE });
	judge(&impair, &dice, verdict, FRAMES);
	assert_int_equal(verdict[0].ordinal, 11);
	for (unsigned int i = 0; i < FRAMES; i++)
		lost += verdict[i].marks;
	assert_in_range(lost, FRAMES / 6, FRAMES / 3);
}

/**
 * test_uniform() - to either side as far as the jitter, and no further
 * @state: not used
 */
static void test_uniform(void **state)
{
	unsigned int seen[3] = {}, marks = 0;
	struct vnet_dice dice = {};
	struct vnet_impair impair;

	(void)state;
	vnet_impair_init(&impair, 0, 7);
	set(&impair, { VNET_IMPAIR_DELAY, 1 }, { VNET_IMPAIR_JITTER, 1 });
	for (unsigned int i = 0; i < 3000; i++)
		seen[vnet_delay(&impair, &dice, 0, i * (~0ULL / 3000),
				&marks)]++;
	for (int i = 0; i < 3; i++)
		assert_in_range(seen[i], 999, 1001);
	set(&impair, { VNET_IMPAIR_DELAY, VNET_DELAY_MAX },
	    { VNET_IMPAIR_JITTER, VNET_DELAY_MAX });
	assert_int_equal(vnet_delay(&impair, &dice, 0, 0, &marks),
			 2 * VNET_DELAY_MAX);
	/* A draw has 32 bits here: the least is an hour / 2^31 above 0. */
	assert_true(vnet_delay(&impair, &dice, 0, ~0ULL, &marks) <
		    VNET_DELAY_MAX >> 30);
	assert_int_equal(marks, 0);
}

/**
 * test_least() - no delay is below what none is said to be, but few are near it
 * @state: not used
 */
static void test_least(void **state)
{
	static const unsigned int spread[] = {
		VNET_UNIFORM, VNET_NORMAL, VNET_PARETO
	};
	const unsigned int draws = 100000;
	struct vnet_impair impair;

	(void)state;
	vnet_impair_init(&impair, 0, 7);
	for (size_t i = 0; i < ARRAY_SIZE(spread); i++) {
		__u64 delay, least = ~0ULL;
		struct vnet_dice dice = {};
		unsigned int below = 0;

		set(&impair, { VNET_IMPAIR_DELAY, 10 * MS },
		    { VNET_IMPAIR_JITTER, 2 * MS },
		    { VNET_IMPAIR_DISTRIBUTION, spread[i] });
		for (unsigned int j = 0; j < draws; j++) {
			unsigned int marks = 0;

			delay = vnet_delay(&impair, &dice, 0,
					   j * (~0ULL / draws), &marks);
			below += delay < impair.least;
			least = delay < least ? delay : least;
		}
		/* Beyond 4 standard deviations are 32 of a million. */
		assert_in_range(below, 0, i == 1 ? draws / 25000 : 0);
		assert_in_range(least, impair.least - (i == 1 ? MS : 0),
				impair.least + MS / 20);
	}
	set(&impair, { VNET_IMPAIR_DELAY, 10 * MS });
	assert_int_equal(impair.least, 10 * MS);
}

/**
 * test_clamped() - a normal delay that would be negative is 0, and says so
 * @state: not used
 */
static void test_clamped(void **state)
{
	struct vnet_dice dice = {};
	struct vnet_impair impair;
	unsigned int marks = 0;

	(void)state;
	vnet_impair_init(&impair, 0, 7);
	set(&impair, { VNET_IMPAIR_DELAY, 4 * MS }, { VNET_IMPAIR_JITTER, MS },
	    { VNET_IMPAIR_DISTRIBUTION, VNET_NORMAL });
	assert_true(vnet_delay(&impair, &dice, 0, 0, &marks) > 10 * MS);
	assert_true(vnet_delay(&impair, &dice, 0, 0, &marks) < 11 * MS);
	assert_int_equal(marks, 0);
	assert_int_equal(vnet_delay(&impair, &dice, 0, ~0ULL, &marks), 0);
	assert_int_equal(marks, VNET_CLAMPED);
	/* The other distributions have an end, which is not behind 0. */
	set(&impair, { VNET_IMPAIR_DELAY, 100 * MS },
	    { VNET_IMPAIR_JITTER, 172 * MS },
	    { VNET_IMPAIR_DISTRIBUTION, VNET_PARETO });
	marks = 0;
	assert_true(vnet_delay(&impair, &dice, 0, ~0ULL, &marks) < MS);
	assert_true(vnet_delay(&impair, &dice, 0, 0, &marks) < 3600 * S);
	assert_int_equal(marks, 0);
}

/**
 * test_quantiles() - they fall, are what mathematics says, and can be undone
 * @state: not used
 */
static void test_quantiles(void **state)
{
	__s64 normal = INT64_MAX, pareto = INT64_MAX, z;
	__u64 v = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		double p, share;

		/* Evenly in the tail's logarithm, then evenly. */
		v = i < 50000 ? v + v / 1400 + 1 : v + 3e14;
		p = v / 18446744073709551616.0;
		z = vnet_normal_quantile(v);
		assert_true(z <= normal);
		assert_int_equal(z, -vnet_normal_quantile(~v));
		share = erfc(ldexp(z, -VNET_SIGMA_SHIFT) / sqrt(2)) / 2;
		if (p > 0.000000001 && fabs(share / p - 1) > 0.005)
			fail_msg("%g is exceeded by %g", share, p);
		share = ldexp(vnet_normal_probability(z), -64);
		if (p > 0.000000001 && fabs(share / p - 1) > 0.0005)
			fail_msg("%g comes back as %g", p, share);
		normal = z;
		z = vnet_quantile(vnet_pareto, v);
		assert_true(z <= pareto);
		pareto = z;
	}
}

/**
 * test_remains() - half of it after a half-life
 * @state: not used
 */
static void test_remains(void **state)
{
	static const __u64 half_lives[] = {
		1, 2, 3, 1000, MS, 3 * S, (1ULL << 32) - 1, 1ULL << 32,
		(1ULL << 32) + 1, VNET_DELAY_MAX,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(half_lives); i++) {
		__u64 life = half_lives[i], last = 1ULL << 32, left;

		assert_int_equal(vnet_remains(0, life), 1ULL << 32);
		assert_int_equal(vnet_remains(life, life), 1ULL << 31);
		assert_int_equal(vnet_remains(3 * life, life), 1ULL << 29);
		assert_int_equal(vnet_remains(40 * life, life), 0);
		for (unsigned int j = 0; j < 4000; j++) {
			__u64 time = life * 33 / 4000 * j + j;
			double exact = ldexp(exp2(-(double)time / life), 32);

			left = vnet_remains(time, life);
			assert_true(left <= last);
			if (fabs(left - exact) > 20 + exact * 0.0000001)
				fail_msg("%g instead of %g", (double)left,
					 exact);
			last = left;
		}
	}
	assert_int_equal(vnet_remains(~0ULL, 1), 0);
	assert_int_equal(vnet_remains(~0ULL, VNET_DELAY_MAX), 0);
}

/**
 * test_drift() - it moves with time, and only with time
 * @state: not used
 */
static void test_drift(void **state)
{
	const __u64 life = 100 * MS, up = 1ULL << 58, down = ~0ULL - up;
	__u64 first, last, now = 5 * S;
	struct vnet_dice dice = {};

	(void)state;
	/* The first is as drawn. */
	first = vnet_drift(&dice, life, now, up);
	assert_true(fabs(first / (double)up - 1) < 0.001);
	/* Nothing changes at once, before, or too soon after. */
	assert_int_equal(vnet_drift(&dice, life, now, down), first);
	assert_int_equal(vnet_drift(&dice, life, now - S, down), first);
	assert_int_equal(vnet_drift(&dice, life, now + (life >> 16) - 1, down),
			 first);
	assert_int_equal(dice.drift_time, now);
	/* A little time changes a little, and more changes more. */
	last = first;
	for (int i = 0; i < 7; i++) {
		struct vnet_dice copy = dice;

		first = vnet_drift(&copy, life, now + (life >> (16 - 2 * i)),
				   down);
		assert_true(first > last);
		last = first;
	}
	/* After a long time nothing is left, and the draw is all. */
	last = vnet_drift(&dice, life, now + 100 * life, down);
	assert_true(fabs(ldexp(last, -64) / ldexp(down, -64) - 1) < 0.001);
}

/**
 * test_lateness_columns() - each time has its place, an eighth wide at most
 * @state: not used
 */
static void test_lateness_columns(void **state)
{
	__u64 begin = 0;

	(void)state;
	for (unsigned int i = 0; i < VNET_LATENESS_COLUMNS; i++) {
		__u64 end = vnet_lateness_end(i);

		assert_true(end >= begin);
		assert_true(end - begin <= begin / 8);
		assert_int_equal(vnet_lateness_column(begin), i);
		assert_int_equal(vnet_lateness_column(end), i);
		begin = end + 1;
	}
	assert_int_equal(begin, 0); /* behind 2^64 - 1 */
}

/**
 * test_lateness_quantiles() - no less than it was, and at most an eighth more
 * @state: not used
 */
static void test_lateness_quantiles(void **state)
{
	struct vnet_lateness *lateness = calloc(1, sizeof(*lateness));

	(void)state;
	assert_non_null(lateness);
	assert_int_equal(vnet_lateness_quantile(lateness, 50), 0);
	vnet_lateness_note(lateness, 1001);
	for (unsigned int percent = 1; percent <= 100; percent++)
		assert_int_equal(vnet_lateness_quantile(lateness, percent),
				 1001);
	for (unsigned int i = 1; i < 1000; i++)
		vnet_lateness_note(lateness, 1001 * (i + 1));
	assert_int_equal(lateness->max, 1001000);
	for (unsigned int percent = 1; percent <= 100; percent++) {
		__u64 exact = 10010 * percent;

		assert_in_range(vnet_lateness_quantile(lateness, percent),
				exact, exact + exact / 8);
	}
	assert_int_equal(vnet_lateness_quantile(lateness, 100), 1001000);
	vnet_lateness_note(lateness, ~0ULL);
	assert_int_equal(vnet_lateness_quantile(lateness, 100), ~0ULL);
	free(lateness);
}

/**
 * test_lateness_octaves() - the columns together, each once
 * @state: not used
 */
static void test_lateness_octaves(void **state)
{
	struct vnet_lateness *lateness = calloc(1, sizeof(*lateness));
	__u64 bound = 7;

	(void)state;
	assert_non_null(lateness);
	assert_int_equal(vnet_lateness_octaves(lateness), 1);
	assert_int_equal(vnet_lateness_octave(lateness, 0), 0);
	for (unsigned int i = 0; i < VNET_LATENESS_OCTAVES; i++) {
		/* As many as its number, at the longest it is for. */
		for (unsigned int n = 0; n <= i; n++)
			vnet_lateness_note(lateness, bound);
		assert_int_equal(vnet_lateness_octaves(lateness), i + 1);
		/* And one at the shortest. */
		vnet_lateness_note(lateness, bound > 7 ? bound / 2 + 1 : 0);
		bound = 2 * bound + 1;
	}
	for (unsigned int i = 0; i < VNET_LATENESS_OCTAVES; i++)
		assert_int_equal(vnet_lateness_octave(lateness, i), i + 2);
	free(lateness);
}

/**
 * main() - run the tests
 *
 * Return: number of failed tests.
 */
int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_just_possible),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_good_patterns),
		cmocka_unit_test(test_bad_patterns),
		cmocka_unit_test(test_long_patterns),
		cmocka_unit_test(test_purposes),
		cmocka_unit_test(test_two_decisions),
		cmocka_unit_test(test_seeds_and_directions),
		cmocka_unit_test(test_epoch),
		cmocka_unit_test(test_certain),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_another_model),
		cmocka_unit_test(test_uniform),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_clamped),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_remains),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_lateness_columns),
		cmocka_unit_test(test_lateness_quantiles),
		cmocka_unit_test(test_lateness_octaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
