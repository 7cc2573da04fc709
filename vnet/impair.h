/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: What the wire does to frames: the settings and the verdict
 *
 * A direction's settings are numbers under the names of uapi/vnet.h, as they
 * came. settings.c and settle.c check them and work out what the verdict needs;
 * vnet_judge() says what happens to the next frame. Neither knows what a frame
 * or a clock is, so both run in user space too: there `vnet-dryrun` prints the
 * verdicts that the kernel will give.
 *
 * All chance is drawn from counters: the draw for one purpose and one frame is
 * a function of seed, direction, purpose, and the frame's number. So the same
 * seed gives the same verdicts, whatever else is on and whoever asks.
 *
 * Next: settings.c, impair.c; then line.c, which carries verdicts out.
 */

#ifndef VNET_IMPAIR_H
#define VNET_IMPAIR_H

#include <linux/types.h>

#include "uapi/vnet.h"

/* Probabilities are parts of so many. */
#define VNET_ONE 1000000000ULL

/* Ranges that a pattern of losses may have. */
#define VNET_PATTERN_RANGES 32

/* The longest delay, in ns: an hour. */
#define VNET_DELAY_MAX (3600ULL * 1000000000)

/**
 * enum vnet_purpose - what chance is drawn for
 * @VNET_DRAW_STATE: a change of state of a model of loss
 * @VNET_DRAW_LOSS: a loss, in the state
 * @VNET_DRAW_DUPLICATE: a copy
 * @VNET_DRAW_CORRUPT: flipped bits
 * @VNET_DRAW_BITS: which bits
 * @VNET_DRAW_TRUNCATE: a cut
 * @VNET_DRAW_REORDER: being overtaken
 * @VNET_DRAW_DELAY: the delay
 * @VNET_DRAWS: how many there are
 */
enum vnet_purpose {
	VNET_DRAW_STATE,
	VNET_DRAW_LOSS,
	VNET_DRAW_DUPLICATE,
	VNET_DRAW_CORRUPT,
	VNET_DRAW_BITS,
	VNET_DRAW_TRUNCATE,
	VNET_DRAW_REORDER,
	VNET_DRAW_DELAY,
	VNET_DRAWS,
};

/**
 * enum vnet_mark - what happens to a frame, beside its delay
 * @VNET_LOST: it is lost
 * @VNET_DUPLICATED: it comes twice
 * @VNET_CORRUPTED: bits of it are flipped
 * @VNET_TRUNCATED: it is cut off
 * @VNET_REORDERED: others overtake it
 * @VNET_CLAMPED: its delay would have been negative, and is 0
 */
enum vnet_mark {
	VNET_LOST = 1 << 0,
	VNET_DUPLICATED = 1 << 1,
	VNET_CORRUPTED = 1 << 2,
	VNET_TRUNCATED = 1 << 3,
	VNET_REORDERED = 1 << 4,
	VNET_CLAMPED = 1 << 5,
};

/**
 * struct vnet_range - some frames of a pattern
 * @first: number of the first, from 1
 * @last: number of the last
 */
struct vnet_range {
	__u64 first;
	__u64 last;
};

/**
 * struct vnet_pattern - an exact pattern of losses
 * @range: the frames that are lost, in ascending order
 * @ranges: how many of them there are
 * @period: after so many frames it begins anew; 0 if it does not
 */
struct vnet_pattern {
	struct vnet_range range[VNET_PATTERN_RANGES];
	unsigned int ranges;
	__u64 period;
};

/**
 * struct vnet_impair - what the wire does to the frames of one direction
 * @set: the settings as they were asked for, by VNET_IMPAIR_*
 * @text: VNET_IMPAIR_PATTERN
 * @direction: 0 for the end that was asked for, 1 for its peer
 * @epoch: differs from the last one's if frames are to be counted from 1 again
 * @active: there is anything to be done at all
 * @timed: frames take time
 * @per_frame: frames are to be told apart: nothing larger than a wire carries
 * @rated: frames are sent bit by bit
 * @pulled: and wait for that in the TX ring, not in a queue behind it
 * @vlan: VLAN tags are changed
 * @chance: something is drawn for
 * @least: what no frame's delay is below, in ns; but for one in 30 000 of a
 *	normal distribution
 * @key: what the draws for each purpose depend on
 * @pattern: VNET_IMPAIR_PATTERN, understood
 * @loss: chance of a loss; in the bad state, if there are states
 * @loss_good: chance of a loss in the good state
 * @to_bad: chance of a change from the good state to the bad one
 * @to_good: chance of a change from the bad state to the good one
 * @start_bad: chance that the first state is the bad one
 * @step: chances of a change between four states; sums where one draw decides
 * @duplicate: chance of a copy
 * @corrupt: chance of flipped bits
 * @truncate: chance of a cut
 * @reorder: chance of being overtaken
 *
 * From @active on it is all worked out by vnet_impair_settle(). A chance is in
 * parts of 2^64, less one; 0 for never.
 */
struct vnet_impair {
	__u64 set[VNET_IMPAIR_MAX + 1];
	char text[VNET_PATTERN_LEN];
	unsigned int direction;
	unsigned int epoch;

	bool active;
	bool timed;
	bool per_frame;
	bool rated;
	bool pulled;
	bool vlan;
	bool chance;
	__u64 least;
	__u64 key[VNET_DRAWS];
	struct vnet_pattern pattern;
	__u64 loss;
	__u64 loss_good;
	__u64 to_bad;
	__u64 to_good;
	__u64 start_bad;
	struct {
		__u64 to_4;
		__u64 to_3_or_4;
		__u64 back_to_3;
		__u64 to_1;
		__u64 to_1_or_2;
	} step;
	__u64 duplicate;
	__u64 corrupt;
	__u64 truncate;
	__u64 reorder;
};

/**
 * struct vnet_dice - what the verdict on one frame leaves for the next
 * @ordinal: number of the last frame, from 1
 * @epoch: see &vnet_impair.epoch
 * @model: the model of loss, &enum vnet_loss_model
 * @state: of @model; another model's would mean another thing
 * @drift: of a delay that is not forgotten at once; see delay.c
 * @drift_time: when it was there, in ns
 * @drifts: it was anywhere
 */
struct vnet_dice {
	__u64 ordinal;
	unsigned int epoch;
	unsigned int model;
	unsigned int state;
	__s64 drift;
	__u64 drift_time;
	bool drifts;
};

/**
 * struct vnet_verdict - what happens to one frame
 * @ordinal: its number in its direction, from 1
 * @delay: its delay, in ns
 * @bits: draw for the bits that are flipped
 * @marks: all else, enum vnet_mark; where they contradict each other, what
 *	comes first on the wire counts
 */
struct vnet_verdict {
	__u64 ordinal;
	__u64 delay;
	__u64 bits;
	unsigned int marks;
};

/**
 * struct vnet_asked - a request for other settings
 * @given: which are asked for, by VNET_IMPAIR_*
 * @value: their values
 * @text: VNET_IMPAIR_PATTERN, shorter than VNET_PATTERN_LEN; or NULL
 */
struct vnet_asked {
	bool given[VNET_IMPAIR_PATTERN];
	__u64 value[VNET_IMPAIR_PATTERN];
	const char *text;
};

/**
 * struct vnet_refusal - why settings cannot be
 * @attr: which of them, VNET_IMPAIR_*
 * @why: in one sentence
 */
struct vnet_refusal {
	unsigned int attr;
	const char *why;
};

/**
 * struct vnet_setting - what may be asked for under one name
 * @group: the first setting of its group
 * @usual: its value if it is not given
 * @min: the least
 * @max: the most
 * @range: the two in a sentence
 */
struct vnet_setting {
	unsigned int group;
	__u64 usual;
	__u64 min;
	__u64 max;
	const char *range;
};

extern const struct vnet_setting vnet_setting[VNET_IMPAIR_MAX + 1];

/* settings.c */
void vnet_impair_init(struct vnet_impair *impair, unsigned int direction,
		      __u64 seed);
void vnet_impair_reset(struct vnet_impair *impair, unsigned int group);
int vnet_impair_set(struct vnet_impair *impair, unsigned int attr,
		    __u64 value, struct vnet_refusal *refusal);
int vnet_refuse(struct vnet_refusal *refusal, unsigned int attr,
		const char *why);
int vnet_impair_apply(struct vnet_impair *impair,
		      const struct vnet_asked *asked,
		      struct vnet_refusal *refusal);

/* settle.c */
int vnet_impair_settle(struct vnet_impair *impair,
		       struct vnet_refusal *refusal);

/* impair.c */
__u64 vnet_mix(__u64 x);
__u64 vnet_draw_next(__u64 *state);
void vnet_judge(const struct vnet_impair *impair, struct vnet_dice *dice,
		__u64 now, struct vnet_verdict *verdict);

/* pattern.c */
int vnet_pattern_parse(struct vnet_pattern *pattern, const char *text,
		       const char **why);
bool vnet_pattern_hits(const struct vnet_pattern *pattern, __u64 ordinal);

/* delay.c */
__u64 vnet_delay(const struct vnet_impair *impair, struct vnet_dice *dice,
		 __u64 now, __u64 draw, unsigned int *marks);

#endif /* VNET_IMPAIR_H */
