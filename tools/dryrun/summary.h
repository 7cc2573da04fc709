/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: What has come of many verdicts
 *
 * Next: summary.c.
 */

#ifndef VNET_SUMMARY_H
#define VNET_SUMMARY_H

#include <stdbool.h>

#include "impair.h"

/**
 * struct dry_summary - what has come of the verdicts so far
 * @frames: how many there were
 * @marked: how many had each mark, by its bit
 * @bursts: how often losses began
 * @losing: the last frame was lost
 * @delay: the delays of those that were not lost, in ns; to be freed
 * @delays: how many
 * @room: how many there is room for
 */
struct dry_summary {
	__u64 frames;
	__u64 marked[6];
	__u64 bursts;
	bool losing;
	__u64 *delay;
	__u64 delays;
	__u64 room;
};

int dry_note(struct dry_summary *summary, const struct vnet_verdict *verdict);
void dry_summarize(struct dry_summary *summary, bool json);

#endif /* VNET_SUMMARY_H */
