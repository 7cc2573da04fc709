/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: What settings may be, said once more
 *
 * By what uapi/vnet.h says and a user is told, not by how settings.c and
 * settle.c go about it. What is worked out with divisions there has a margin
 * here, in which either answer is right.
 *
 * Next: judge.c, words.c.
 */

#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "fuzz.h"
#include "impair.h"

/**
 * enum model_answer - whether settings may be
 * @MODEL_NO: they may not
 * @MODEL_YES: they may
 * @MODEL_EITHER: so near the edge that rounding decides
 */
enum model_answer {
	MODEL_NO,
	MODEL_YES,
	MODEL_EITHER,
};

/**
 * struct model - settings as they should be
 * @set: by VNET_IMPAIR_*
 * @text: VNET_IMPAIR_PATTERN
 */
struct model {
	__u64 set[VNET_IMPAIR_MAX + 1];
	char text[VNET_PATTERN_LEN];
};

/**
 * model_value() - whether a setting may have a value
 * @attr: VNET_IMPAIR_*
 * @value: the value
 *
 * Return: true if so.
 */
static inline bool model_value(unsigned int attr, __u64 value)
{
	switch (attr) {
	case VNET_IMPAIR_VLAN_MATCH:
	case VNET_IMPAIR_VLAN_TRANSLATE:
	case VNET_IMPAIR_VLAN_PUSH:
		return value <= 4094 || value == VNET_VLAN_NONE;
	case VNET_IMPAIR_VLAN_PROTO:
		return value == 0x8100 || value == 0x88a8;
	case VNET_IMPAIR_RATE:
		return value == VNET_RATE_NONE ||
		       (value && value <= 1000000000000000);
	}
	return value >= vnet_setting[attr].min &&
	       value <= vnet_setting[attr].max;
}

/**
 * model_delay() - whether delays can be so
 * @set: the settings
 *
 * Return: true if so.
 */
static inline bool model_delay(const __u64 *set)
{
	static const double most[] = {
		[VNET_UNIFORM] = 1, [VNET_NORMAL] = 0.25,
		[VNET_PARETO] = 1 / 0.58,
	};
	/* Exact: an hour has 42 bits, and a fraction adds no more than 7. */
	double times = most[set[VNET_IMPAIR_DISTRIBUTION]];
	double jitter = set[VNET_IMPAIR_JITTER];

	if (set[VNET_IMPAIR_HALF_LIFE] && !set[VNET_IMPAIR_JITTER])
		return false;
	if (set[VNET_IMPAIR_DISTRIBUTION] == VNET_PARETO)
		return jitter * 58 <= set[VNET_IMPAIR_DELAY] * 100.0;
	return jitter <= set[VNET_IMPAIR_DELAY] * times;
}

/**
 * model_loss() - whether losses can be so
 * @model: the settings
 *
 * Return: whether so.
 */
static inline enum model_answer model_loss(const struct model *model)
{
	const __u64 *set = model->set;
	double bursts, share;
	struct vnet_pattern pattern;
	const char *why;

	switch (set[VNET_IMPAIR_LOSS_MODEL]) {
	case VNET_LOSS_BURST:
		/* So many losses in a row for each frame between them. */
		share = set[VNET_IMPAIR_LOSS];
		bursts = set[VNET_IMPAIR_BURST] / 1000.0;
		if (share <= bursts * (VNET_ONE - share))
			return share < VNET_ONE ? MODEL_YES : MODEL_NO;
		return share * 0.998 <= bursts * (VNET_ONE - share) ?
		       MODEL_EITHER : MODEL_NO;
	case VNET_LOSS_4STATE:
		return set[VNET_IMPAIR_P13] + set[VNET_IMPAIR_P14] <=
		       VNET_ONE &&
		       set[VNET_IMPAIR_P31] + set[VNET_IMPAIR_P32] <= VNET_ONE;
	case VNET_LOSS_PATTERN:
		return !vnet_pattern_parse(&pattern, model->text, &why);
	}
	return MODEL_YES;
}

/**
 * model_rate() - whether what waits for the rate can be so
 * @set: the settings
 *
 * Return: true if so.
 */
static inline bool model_rate(const __u64 *set)
{
	bool queue = set[VNET_IMPAIR_QUEUE] || set[VNET_IMPAIR_QUEUE_BYTES];
	bool drops = set[VNET_IMPAIR_HEAD_DROP] || set[VNET_IMPAIR_ECN];
	bool longer = set[VNET_IMPAIR_OVERHEAD] || set[VNET_IMPAIR_CELL] ||
		      set[VNET_IMPAIR_CELL_OVERHEAD];

	if (set[VNET_IMPAIR_RATE] == VNET_RATE_NONE)
		return !queue && !drops && !longer;
	return queue || !drops;
}

/**
 * model_may() - whether settings may be together
 * @model: the settings, each of which may be by itself
 *
 * Return: whether so.
 */
static inline enum model_answer model_may(const struct model *model)
{
	const __u64 *set = model->set;
	__u64 up = set[VNET_IMPAIR_FLAP_UP], down = set[VNET_IMPAIR_FLAP_DOWN];

	if (!model_delay(set) || !model_rate(set))
		return MODEL_NO;
	if (set[VNET_IMPAIR_VLAN_TRANSLATE] != VNET_VLAN_NONE &&
	    (set[VNET_IMPAIR_VLAN_PUSH] != VNET_VLAN_NONE ||
	     set[VNET_IMPAIR_VLAN_POP]))
		return MODEL_NO;
	if ((up || down) && (up < 1000000 || down < 1000000))
		return MODEL_NO;
	return model_loss(model);
}

/**
 * model_apply() - what should come of a request
 * @model: the settings; changed
 * @asked: the request
 *
 * Return: whether it should be taken; the settings matter only if it is.
 */
static inline enum model_answer model_apply(struct model *model,
					    const struct vnet_asked *asked)
{
	bool clear = asked->given[VNET_IMPAIR_CLEAR] &&
		     asked->value[VNET_IMPAIR_CLEAR];

	if (clear || asked->given[VNET_IMPAIR_LOSS_MODEL])
		model->text[0] = '\0';
	if (asked->text)
		snprintf(model->text, sizeof(model->text), "%s", asked->text);
	for (unsigned int i = VNET_IMPAIR_CLEAR; i < VNET_IMPAIR_PATTERN; i++) {
		const struct vnet_setting *setting = &vnet_setting[i];

		if (i >= VNET_IMPAIR_LIMIT &&
		    (clear || asked->given[setting->group]))
			model->set[i] = setting->usual;
		if (!asked->given[i])
			continue;
		if (!model_value(i, asked->value[i]))
			return MODEL_NO;
		model->set[i] = asked->value[i];
	}
	model->set[VNET_IMPAIR_CLEAR] = 0;
	return model_may(model);
}

/**
 * model_of() - note settings as they are
 * @model: where
 * @impair: the settings
 */
static inline void model_of(struct model *model,
			    const struct vnet_impair *impair)
{
	memcpy(model->set, impair->set, sizeof(model->set));
	memcpy(model->text, impair->text, sizeof(model->text));
}

/**
 * model_check() - apply a request, and compare
 * @impair: the settings; changed only if the request is taken
 * @asked: the request
 *
 * Return: true if it was taken; if not, the reason was one.
 */
static inline bool model_check(struct vnet_impair *impair,
			       const struct vnet_asked *asked)
{
	struct vnet_refusal refusal = { .attr = VNET_IMPAIR_UNSPEC };
	struct vnet_impair next = *impair;
	enum model_answer answer;
	struct model model;

	model_of(&model, impair);
	answer = model_apply(&model, asked);
	if (vnet_impair_apply(&next, asked, &refusal)) {
		must(answer != MODEL_YES);
		must(refusal.attr >= VNET_IMPAIR_CLEAR);
		must(refusal.attr <= VNET_IMPAIR_MAX);
		fuzz_sentence(refusal.why);
		return false;
	}
	must(answer != MODEL_NO);
	must(!memcmp(model.set, next.set, sizeof(model.set)));
	must(!strcmp(model.text, next.text));
	must(next.direction == impair->direction);
	must(next.epoch == impair->epoch + asked->given[VNET_IMPAIR_SEED]);
	*impair = next;
	return true;
}

#endif /* FUZZ_MODEL_H */
