// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: What has come of many verdicts, in one look
 *
 * Next: impair.c, which gives them.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "summary.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/**
 * dry_note() - note a verdict
 * @summary: where
 * @verdict: the verdict
 *
 * Return: 0, or negative if there is no memory.
 */
int dry_note(struct dry_summary *summary, const struct vnet_verdict *verdict)
{
	bool lost = verdict->marks & VNET_LOST;
	__u64 *delay;

	summary->frames++;
	for (size_t i = 0; i < ARRAY_SIZE(summary->marked); i++)
		summary->marked[i] += verdict->marks >> i & 1;
	summary->bursts += lost && !summary->losing;
	summary->losing = lost;
	if (lost)
		return 0;
	if (summary->delays == summary->room) {
		summary->room = summary->room ? 2 * summary->room : 1024;
		delay = reallocarray(summary->delay, summary->room,
				     sizeof(*delay));
		if (!delay)
			return -1;
		summary->delay = delay;
	}
	summary->delay[summary->delays++] = verdict->delay;
	return 0;
}

/**
 * dry_compare() - compare two delays
 * @a: the one
 * @b: the other
 *
 * Return: negative, 0 or positive.
 */
static int dry_compare(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/**
 * dry_quantile() - the delay that so many do not exceed
 * @summary: with the delays in ascending order
 * @percent: so many of 100
 *
 * Return: ns.
 */
static unsigned long long dry_quantile(const struct dry_summary *summary,
				       unsigned int percent)
{
	__u64 rank = (summary->delays * percent + 99) / 100;

	return summary->delays ? summary->delay[rank - 1] : 0;
}

/**
 * dry_moments() - mean and standard deviation of the delays
 * @summary: with the delays
 * @mean: where to put it, in ns
 * @deviation: where to put it, in ns
 */
static void dry_moments(const struct dry_summary *summary, double *mean,
			double *deviation)
{
	double away, square = 0;

	*mean = 0;
	for (__u64 i = 0; i < summary->delays; i++) {
		away = summary->delay[i] - *mean;
		*mean += away / (i + 1);
		square += away * (summary->delay[i] - *mean);
	}
	*deviation = summary->delays ? sqrt(square / summary->delays) : 0;
}

/**
 * dry_summarize() - print what has come of it all
 * @summary: it
 * @json: in JSON
 *
 * In words, each line begins so that it is none about a frame.
 */
void dry_summarize(struct dry_summary *summary, bool json)
{
	static const char * const names[] = {
		"lost", "duplicated", "corrupted", "truncated", "reordered",
		"clamped",
	};
	unsigned long long frames = summary->frames, n;
	double mean, deviation, burst;

	qsort(summary->delay, summary->delays, sizeof(*summary->delay),
	      dry_compare);
	dry_moments(summary, &mean, &deviation);
	burst = summary->bursts ? (double)summary->marked[0] / summary->bursts :
				  0;

	printf(json ? ",\n\"summary\": {\"frames\": %llu" : "# %llu frames\n",
	       frames);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		n = summary->marked[i];
		if (json)
			printf(", \"%s\": %llu", names[i], n);
		else
			printf("# %s %llu, %.7f %%\n", names[i], n,
			       frames ? 100.0 * n / frames : 0.0);
	}
	printf(json ? ", \"burst\": %.3f" : "# losses in a row %.3f\n", burst);
	printf(json ? ", \"mean\": %.0f, \"deviation\": %.0f" :
		      "# delay: mean %.0f ns, standard deviation %.0f ns,",
	       mean, deviation);
	printf(json ? ", \"p50\": %llu, \"p99\": %llu}" :
		      " p50 %llu ns, p99 %llu ns\n",
	       dry_quantile(summary, 50), dry_quantile(summary, 99));
}
