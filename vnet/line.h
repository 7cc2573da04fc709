/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: One direction of an impaired wire
 *
 * A direction that does anything to frames but carry them has a line, from the
 * first time on that it does. The stages of a line, in the order in which a
 * frame meets them:
 *
 * 1. line_in.c: taken from the TX ring, VLAN tag popped or translated (vlan.c);
 * 2. line_in.c: the verdict (impair.c): lost, duplicated, truncated, corrupted
 *    (damage.c);
 * 3. serial.c: waits for the rate, is sent bit by bit; here the sender is rid
 *    of it;
 * 4. line_out.c, flight.c: under way until it is due; some are held back for
 *    others to overtake them;
 * 5. line_out.c: VLAN tag pushed, into the RX ring.
 *
 * A line is run by the poll of one queue, the far end's first, so that it needs
 * no lock and has one order: all queues of the near end feed that one, and all
 * arrives there.
 *
 * Next: line.c.
 */

#ifndef VNET_LINE_H
#define VNET_LINE_H

#include <linux/hrtimer.h>
#include <linux/skbuff.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#include "impair.h"
#include "lateness.h"

struct vnet_priv;
struct vnet_queue;

/**
 * struct vnet_line_stats - counters of a line; written by whoever runs it
 * @syncp: for readers on 32-bit machines
 * @count: the counters, by VNET_XSTAT_*
 */
struct vnet_line_stats {
	struct u64_stats_sync syncp;
	u64_stats_t count[VNET_XSTAT_LATENESS];
};

/**
 * struct vnet_cb - what a line notes on a frame
 * @entered: when it came to the line, in ns of ktime_get(); of one that is held
 *	back, when its last bit left
 * @due: when it is to come out
 * @delay: how long it takes from the last bit sent to the first one received
 * @ordinal: its number in its direction, from 1
 * @release: to be held back until so many have passed, &vnet_line.passed
 * @truesize: memory that was accounted for it, in bytes
 * @queue: which queue has sent it
 * @marks: what happens to it, enum vnet_mark
 * @push: it is to get a VLAN tag
 * @forgotten: its sender is rid of it, see vnet_forget()
 */
struct vnet_cb {
	u64 entered;
	u64 due;
	u64 delay;
	u64 ordinal;
	u64 release;
	u32 truesize;
	u16 queue;
	u8 marks;
	u8 push : 1;
	u8 forgotten : 1;
};

/* An event that never comes, in ns of ktime_get(). */
#define VNET_NEVER U64_MAX

/* A frame that waits for others to overtake it waits no longer, in ns. */
#define VNET_HOLD (100 * NSEC_PER_MSEC)

/* What a line notes on a frame; from vnet_start_xmit() to the RX ring. */
#define VNET_CB(skb) ((struct vnet_cb *)(skb)->cb)
static_assert(sizeof(struct vnet_cb) <= sizeof_field(struct sk_buff, cb));

/**
 * struct vnet_flight - frames under way
 * @row: those that were due after all others when they set out
 * @tree: the others, by when they are due
 */
struct vnet_flight {
	struct sk_buff_head row;
	struct rb_root_cached tree;
};

/**
 * struct vnet_serial - what sends one bit after the other
 * @queue: frames that wait for their turn
 * @bytes: of them all
 * @sending: the frame that is being sent, or NULL
 * @rate: the rate that this was worked out for, in bits a second
 * @end: when its last bit has left; when the last frame's had
 * @rest: what the division of bits by rate has left over, for the next frame
 * @holding: the queue in whose TX ring @sending still has its slot, or NULL
 * @held_len: bytes to be credited with that slot
 * @turn: number of the queue that was served last
 * @peak: the most that ever waited
 */
struct vnet_serial {
	struct sk_buff_head queue;
	u64 bytes;
	struct sk_buff *sending;
	u64 rate;
	u64 end;
	u64 rest;
	struct vnet_queue *holding;
	unsigned int held_len;
	unsigned int turn;
	unsigned int peak;
};

/**
 * struct vnet_line - one direction of an impaired wire
 * @near: the end that sends
 * @impair: what happens to frames; NULL until somebody has asked for
 *	something. Written under RTNL, read under RCU
 * @runner: the queue whose poll runs the line; NULL while there is no link
 * @active: frames come in; otherwise those under way only go out
 * @frozen: nothing moves; see freeze.c
 * @soon: a poll will come of itself before a doorbell would matter
 * @blocked: the far end has asked for a pause
 * @no_carrier: the link flaps, and is down
 * @timer: has the line run when the next frame is due
 * @clock: time when the line was last run, in ns of ktime_get()
 * @next: when it is to be run next, in ns of ktime_get(), or VNET_NEVER
 * @armed: for when the timer is, in ns of ktime_get(); 0 for never
 * @serial: stage 3
 * @flight: stage 4
 * @held: frames held back for others to overtake them
 * @passed: how many have set out, but for those
 * @last_due: when the last one that set out is due
 * @bytes: memory that all frames in here take
 * @frames: how many they are
 * @dice: for the verdict
 * @stats: counters
 * @lateness: how late frames were
 * @flap: takes the carrier away and gives it back
 */
struct vnet_line {
	/* Written under RTNL while the link is frozen. */
	struct vnet_priv *near;
	struct vnet_impair __rcu *impair;
	struct vnet_queue *runner;
	bool active;
	bool frozen;

	/* Written by the poll of the runner, or under RTNL while frozen. */
	bool soon;
	bool blocked;
	bool no_carrier;
	struct hrtimer timer;
	u64 clock;
	u64 next;
	u64 armed;
	struct vnet_serial serial;
	struct vnet_flight flight;
	struct sk_buff_head held;
	u64 passed;
	u64 last_due;
	u64 bytes;
	u64 frames;
	struct vnet_dice dice;
	struct vnet_line_stats stats;
	struct vnet_lateness lateness;

	/* Runs by itself. */
	struct delayed_work flap;
};

/**
 * vnet_serial_busy() - whether a frame waits, or is being sent
 * @serial: where
 *
 * Context: Softirq.
 * Return: true if one is.
 */
static inline bool vnet_serial_busy(const struct vnet_serial *serial)
{
	return serial->sending || !skb_queue_empty(&serial->queue);
}

/**
 * vnet_serial_due() - whether there is anything for vnet_serial_run() to do
 * @serial: where
 * @now: time, in ns
 *
 * Context: Softirq.
 * Return: true if there is.
 */
static inline bool vnet_serial_due(const struct vnet_serial *serial, u64 now)
{
	if (serial->sending)
		return serial->end <= now;
	return !skb_queue_empty(&serial->queue);
}

/* line.c */
struct vnet_line *vnet_line_alloc(struct vnet_priv *near);
void vnet_line_free(struct vnet_line *line);
void vnet_line_flush(struct vnet_line *line);
void vnet_line_spill(struct vnet_line *line);
void vnet_line_run(struct vnet_queue *to);
void vnet_line_arm(struct vnet_line *line);
bool vnet_line_due(const struct vnet_line *line);
bool vnet_line_pending(const struct vnet_line *line);
void vnet_line_stamp(struct sk_buff *skb);
void vnet_line_doorbell(struct vnet_queue *q, struct vnet_queue *far,
			bool many);
void vnet_line_count(struct vnet_line *line, unsigned int which, u64 n);
u64 vnet_line_read(const struct vnet_line *line, unsigned int which);
void vnet_line_leave(struct vnet_line *line, const struct sk_buff *skb);
void vnet_line_lose(struct vnet_line *line, struct sk_buff *skb,
		    unsigned int why);
void vnet_line_refuse(struct vnet_line *line, struct sk_buff *skb,
		      unsigned int why);

/* line_in.c */
unsigned int vnet_line_enter(struct vnet_line *line,
			     const struct vnet_impair *impair,
			     struct vnet_queue *from, void *frame, u64 now);
void vnet_line_complete(struct vnet_line *line, struct vnet_queue *from,
			unsigned int n, unsigned int bytes);
void vnet_line_take_all(struct vnet_line *line,
			const struct vnet_impair *impair, u64 now);

/* line_out.c */
void vnet_line_launch(struct vnet_line *line, const struct vnet_impair *impair,
		      struct sk_buff *skb, u64 left);
void vnet_line_give_up(struct vnet_line *line, u64 now);
void vnet_line_deliver(struct vnet_line *line,
		       const struct vnet_impair *impair,
		       struct vnet_queue *to, u64 now);

/* serial.c */
void vnet_serial_init(struct vnet_serial *serial);
u64 vnet_serial_bytes(const struct vnet_impair *impair, unsigned int len);
void vnet_serial_add(struct vnet_line *line, const struct vnet_impair *impair,
		     struct sk_buff *skb);
void vnet_serial_run(struct vnet_line *line, const struct vnet_impair *impair,
		     u64 now);
void vnet_serial_let_go(struct vnet_line *line);
u64 vnet_serial_end(const struct vnet_serial *serial, u64 slack);

/* flight.c */
void vnet_flight_init(struct vnet_flight *flight);
void vnet_flight_add(struct vnet_flight *flight, struct sk_buff *skb);
struct sk_buff *vnet_flight_first(const struct vnet_flight *flight);
u64 vnet_flight_next(const struct vnet_flight *flight, u64 slack);
void vnet_flight_pop(struct vnet_flight *flight, struct sk_buff *skb);

/* damage.c */
int vnet_truncate(struct sk_buff *skb, unsigned int length);
int vnet_corrupt(struct sk_buff *skb, const struct vnet_impair *impair,
		 u64 bits);

/* vlan.c */
int vnet_vlan_in(struct vnet_line *line, const struct vnet_impair *impair,
		 struct sk_buff *skb);
int vnet_vlan_out(struct vnet_line *line, const struct vnet_impair *impair,
		  struct sk_buff *skb);

/* flap.c */
void vnet_flap_init(struct vnet_line *line);
void vnet_flap_start(struct vnet_line *line);
void vnet_flap_stop(struct vnet_line *line);

#endif /* VNET_LINE_H */
