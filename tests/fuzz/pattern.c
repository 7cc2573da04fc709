// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Fuzzes the patterns of losses: any text
 *
 * An input is the text. What is taken must be what it says: it is written down
 * again and must mean the same, and each end of each range must be hit.
 */

#include "fuzz.h"
#include "impair.h"

/* The largest number that a pattern may have: 2^53. */
#define LARGEST 9007199254740992ULL

/**
 * look() - check what a pattern is made of
 * @pattern: the pattern
 */
static void look(const struct vnet_pattern *pattern)
{
	__u64 last = 0;

	must(pattern->ranges >= 1);
	must(pattern->ranges <= VNET_PATTERN_RANGES);
	for (unsigned int i = 0; i < pattern->ranges; i++) {
		must(pattern->range[i].first > last);
		must(pattern->range[i].last >= pattern->range[i].first);
		last = pattern->range[i].last;
	}
	must(last <= LARGEST);
	must(!pattern->period || pattern->period >= last);
	must(pattern->period <= LARGEST);
}

/**
 * hit() - whether a pattern should hit a frame
 * @pattern: the pattern
 * @ordinal: number of the frame
 *
 * Return: true if so.
 */
static bool hit(const struct vnet_pattern *pattern, __u64 ordinal)
{
	bool hits = false;

	if (pattern->period)
		ordinal = (ordinal - 1) % pattern->period + 1;
	for (unsigned int i = 0; i < pattern->ranges; i++)
		hits |= ordinal >= pattern->range[i].first &&
			ordinal <= pattern->range[i].last;
	return hits;
}

/**
 * look_at_hits() - ask a pattern about the frames at its edges
 * @pattern: the pattern
 */
static void look_at_hits(const struct vnet_pattern *pattern)
{
	__u64 step = pattern->period;

	for (unsigned int i = 0; i < pattern->ranges; i++) {
		__u64 first = pattern->range[i].first;
		__u64 last = pattern->range[i].last;

		must(vnet_pattern_hits(pattern, first));
		must(vnet_pattern_hits(pattern, last));
		must(vnet_pattern_hits(pattern, first + step));
		must(vnet_pattern_hits(pattern, last + 1000 * step));
		must(vnet_pattern_hits(pattern, last + 1) ==
		     hit(pattern, last + 1));
		if (first > 1)
			must(vnet_pattern_hits(pattern, first - 1) ==
			     hit(pattern, first - 1));
	}
	must(vnet_pattern_hits(pattern, ~0ULL) == hit(pattern, ~0ULL));
}

/**
 * look_at_text() - write a pattern down, and have it read again
 * @pattern: the pattern
 */
static void look_at_text(const struct vnet_pattern *pattern)
{
	char text[VNET_PATTERN_RANGES * 2 * 17 + 18];
	struct vnet_pattern again;
	const char *why;
	int n = 0;

	for (unsigned int i = 0; i < pattern->ranges; i++) {
		const struct vnet_range *range = &pattern->range[i];

		n += sprintf(text + n, "%s%llu", i ? "," : "",
			     (unsigned long long)range->first);
		if (range->last != range->first)
			n += sprintf(text + n, "-%llu",
				     (unsigned long long)range->last);
	}
	if (pattern->period)
		sprintf(text + n, "/%llu",
			(unsigned long long)pattern->period);

	must(!vnet_pattern_parse(&again, text, &why));
	must(again.ranges == pattern->ranges);
	must(again.period == pattern->period);
	must(!memcmp(again.range, pattern->range,
		     pattern->ranges * sizeof(*again.range)));
}

/**
 * LLVMFuzzerTestOneInput() - have an input understood
 * @data: the input
 * @size: its bytes
 *
 * Return: 0, always.
 */
int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char *text = fuzz_text(&in, VNET_PATTERN_LEN - 1);
	struct vnet_pattern pattern;
	const char *why = NULL;

	memset(&pattern, 0xa5, sizeof(pattern));
	if (vnet_pattern_parse(&pattern, text, &why)) {
		fuzz_sentence(why);
	} else {
		must(!why);
		must(text[strspn(text, "0123456789,-/")] == '\0');
		look(&pattern);
		look_at_hits(&pattern);
		look_at_text(&pattern);
	}
	free(text);
	return 0;
}
