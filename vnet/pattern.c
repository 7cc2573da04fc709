// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: An exact pattern of losses: "3,17-20" or "3,17-20/100"
 *
 * Pure; runs in user space too.
 *
 * Next: settings.c, which has patterns parsed; impair.c, which asks them.
 */

#include <linux/math64.h>

#include "impair.h"

/* What a pattern is like, for who has given none. */
static const char vnet_pattern_like[] =
	"A pattern is like 3,17-20 or 3,17-20/100, frames counted from 1";

/**
 * vnet_pattern_number() - read a number
 * @text: where it is; moved behind it
 * @number: where to put it
 *
 * Context: Any.
 * Return: false if there is none from 1 to 2^53.
 */
static bool vnet_pattern_number(const char **text, __u64 *number)
{
	const char *at = *text;
	__u64 value = 0;

	while (*at >= '0' && *at <= '9') {
		value = value * 10 + (*at++ - '0');
		if (value > 1ULL << 53)
			return false;
	}
	*text = at;
	*number = value;
	return value;
}

/**
 * vnet_pattern_range() - read a range: "3" or "17-20"
 * @text: where it is; moved behind it
 * @range: where to put it
 *
 * Context: Any.
 * Return: false if there is none.
 */
static bool vnet_pattern_range(const char **text, struct vnet_range *range)
{
	if (!vnet_pattern_number(text, &range->first))
		return false;
	range->last = range->first;
	if (**text != '-')
		return true;
	(*text)++;
	return vnet_pattern_number(text, &range->last);
}

/**
 * vnet_pattern_parse() - understand a pattern
 * @pattern: where to put it
 * @text: the pattern
 * @why: where to say, in one sentence, why it is none
 *
 * Context: Any.
 * Return: 0, or -1; then @pattern is of no use.
 */
int vnet_pattern_parse(struct vnet_pattern *pattern, const char *text,
		       const char **why)
{
	__u64 last = 0;

	pattern->ranges = 0;
	pattern->period = 0;
	do {
		struct vnet_range *range = &pattern->range[pattern->ranges];

		if (pattern->ranges == VNET_PATTERN_RANGES) {
			*why = "A pattern has at most 32 ranges";
			return -1;
		}
		if (!vnet_pattern_range(&text, range)) {
			*why = vnet_pattern_like;
			return -1;
		}
		if (range->first <= last || range->last < range->first) {
			*why = "The frames of a pattern must ascend";
			return -1;
		}
		last = range->last;
		pattern->ranges++;
	} while (*text == ',' && text++);

	if (*text == '/') {
		text++;
		if (!vnet_pattern_number(&text, &pattern->period) ||
		    pattern->period < last) {
			*why = "A pattern must fit into its period";
			return -1;
		}
	}
	if (*text) {
		*why = vnet_pattern_like;
		return -1;
	}
	return 0;
}

/**
 * vnet_pattern_hits() - whether a frame is in a pattern
 * @pattern: the pattern
 * @ordinal: number of the frame, from 1
 *
 * Context: Any.
 * Return: true if it is.
 */
bool vnet_pattern_hits(const struct vnet_pattern *pattern, __u64 ordinal)
{
	unsigned int i;
	__u64 rest;

	if (pattern->period) {
		div64_u64_rem(ordinal - 1, pattern->period, &rest);
		ordinal = rest + 1;
	}
	for (i = 0; i < pattern->ranges; i++) {
		if (ordinal <= pattern->range[i].last)
			return ordinal >= pattern->range[i].first;
	}
	return false;
}
