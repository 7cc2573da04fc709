/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/**
 * DOC: What user space says to the link kind "vnet", and hears from it
 *
 * The attributes inside IFLA_INFO_DATA of RTM_NEWLINK and RTM_GETLINK. Without
 * any, a link is one end of a pair whose other end gets a name of its own.
 *
 * This file stands alone: a program that makes links needs nothing else of us.
 */

#ifndef _UAPI_VNET_H
#define _UAPI_VNET_H

/**
 * enum vnet_wire_kind - what is at the other end of the wire
 * @VNET_WIRE_PEER: another device, perhaps in another network namespace
 * @VNET_WIRE_LOOP: the device itself; every frame comes back as it was sent
 * @VNET_WIRE_REFLECT: a neighbour that answers to every address; every frame
 *	comes back with its addresses swapped, every ARP request is answered
 */
enum vnet_wire_kind {
	VNET_WIRE_PEER,
	VNET_WIRE_LOOP,
	VNET_WIRE_REFLECT,
};

/*
 * IFLA_VNET_PEER: the other end, as for veth (VETH_INFO_PEER): a struct
 *	ifinfomsg, then attributes IFLA_* of it: IFLA_IFNAME, IFLA_ADDRESS,
 *	IFLA_NET_NS_FD ... Only when a pair is made; never dumped: IFLA_LINK and
 *	IFLA_LINK_NETNSID tell where the peer is.
 * IFLA_VNET_WIRE: u32, enum vnet_wire_kind; VNET_WIRE_PEER if not given.
 *	Cannot be changed later.
 * IFLA_VNET_IMPAIR: nest of VNET_IMPAIR_*: what the wire does to the frames
 *	that this end sends.
 * IFLA_VNET_PEER_IMPAIR: the same for the frames that the other end sends.
 *	Never dumped.
 */
enum {
	IFLA_VNET_UNSPEC,
	IFLA_VNET_PEER,
	IFLA_VNET_WIRE,
	IFLA_VNET_IMPAIR,
	IFLA_VNET_PEER_IMPAIR,
	__IFLA_VNET_MAX
};

#define IFLA_VNET_MAX (__IFLA_VNET_MAX - 1)

/**
 * enum vnet_distribution - how delays are spread about their mean
 * @VNET_UNIFORM: evenly, VNET_IMPAIR_JITTER to either side
 * @VNET_NORMAL: normally, VNET_IMPAIR_JITTER being the standard deviation
 * @VNET_PARETO: with a long tail (Pareto's, of shape 3), VNET_IMPAIR_JITTER
 *	being the standard deviation
 */
enum vnet_distribution {
	VNET_UNIFORM,
	VNET_NORMAL,
	VNET_PARETO,
};

/**
 * enum vnet_loss_model - which frames are lost
 * @VNET_LOSS_NONE: none
 * @VNET_LOSS_RANDOM: VNET_IMPAIR_LOSS of them, each by itself
 * @VNET_LOSS_BURST: VNET_IMPAIR_LOSS of them, VNET_IMPAIR_BURST in a row on
 *	average
 * @VNET_LOSS_GE: Gilbert's and Elliott's two states; VNET_IMPAIR_P to
 *	VNET_IMPAIR_GOOD
 * @VNET_LOSS_4STATE: Salsano's four states; VNET_IMPAIR_P13 to VNET_IMPAIR_P14
 * @VNET_LOSS_PATTERN: those of VNET_IMPAIR_PATTERN
 */
enum vnet_loss_model {
	VNET_LOSS_NONE,
	VNET_LOSS_RANDOM,
	VNET_LOSS_BURST,
	VNET_LOSS_GE,
	VNET_LOSS_4STATE,
	VNET_LOSS_PATTERN,
};

/**
 * enum vnet_corrupt_where - which bytes of a frame are corrupted
 * @VNET_CORRUPT_WHOLE: any
 * @VNET_CORRUPT_HEADER: those of the headers, to the end of TCP's or UDP's
 * @VNET_CORRUPT_PAYLOAD: those behind the headers
 */
enum vnet_corrupt_where {
	VNET_CORRUPT_WHOLE,
	VNET_CORRUPT_HEADER,
	VNET_CORRUPT_PAYLOAD,
};

/* VNET_IMPAIR_RATE: as fast as can be. */
#define VNET_RATE_NONE (~0ULL)

/*
 * What the wire does to the frames that one end sends: attributes inside
 * IFLA_VNET_IMPAIR. All are u64, but VNET_IMPAIR_PATTERN. Probabilities are
 * parts of 1 000 000 000, times nanoseconds.
 *
 * The first of each group sets the whole group anew: what is not given with it
 * gets its default. Without it, what is given changes and the rest stays.
 *
 * VNET_IMPAIR_CLEAR: forget all but the seed, before the others are read.
 * VNET_IMPAIR_SEED: of all chance; frames are counted from 1 again. Random if
 *	never given; always dumped.
 * VNET_IMPAIR_LIMIT: bytes of memory that frames under way may take; above the
 *	256 MiB that are usual, only for CAP_NET_ADMIN in the machine's own user
 *	namespace.
 *
 * VNET_IMPAIR_DELAY: mean delay.
 * VNET_IMPAIR_JITTER: its spread; see enum vnet_distribution.
 * VNET_IMPAIR_DISTRIBUTION: enum vnet_distribution.
 * VNET_IMPAIR_HALF_LIFE: time in which a delay is forgotten by half; 0 if each
 *	frame has a delay of its own.
 * VNET_IMPAIR_KEEP_ORDER: 1 if no frame overtakes another.
 *
 * VNET_IMPAIR_REORDER: probability that a frame is overtaken.
 * VNET_IMPAIR_DISTANCE: by how many others.
 *
 * VNET_IMPAIR_LOSS_MODEL: enum vnet_loss_model.
 * VNET_IMPAIR_LOSS: probability of a loss.
 * VNET_IMPAIR_BURST: losses in a row on average, in thousandths.
 * VNET_IMPAIR_P: from the good state to the bad one.
 * VNET_IMPAIR_R: from the bad state to the good one.
 * VNET_IMPAIR_BAD: loss in the bad state.
 * VNET_IMPAIR_GOOD: loss in the good state.
 * VNET_IMPAIR_P13 ...: from state 1 (good) to state 3 (a burst of losses), and
 *	so on; state 2 is good within a burst, state 4 a single loss.
 *
 * VNET_IMPAIR_DUPLICATE: probability that a frame comes twice.
 * VNET_IMPAIR_COPY_DELAY: how much later the copy comes.
 *
 * VNET_IMPAIR_CORRUPT: probability that bits of a frame are flipped.
 * VNET_IMPAIR_BITS: how many.
 * VNET_IMPAIR_WHERE: enum vnet_corrupt_where.
 * VNET_IMPAIR_REPAIR: 1 if the checksums are made right again.
 *
 * VNET_IMPAIR_TRUNCATE: probability that a frame is cut off.
 * VNET_IMPAIR_LENGTH: bytes that are left of it.
 *
 * VNET_IMPAIR_RATE: bits a second, or VNET_RATE_NONE.
 * VNET_IMPAIR_OVERHEAD: bytes that each frame is longer on the wire.
 * VNET_IMPAIR_CELL: frames fill cells of so many bytes; 0 for no cells.
 * VNET_IMPAIR_CELL_OVERHEAD: bytes that each cell is longer on the wire.
 * VNET_IMPAIR_QUEUE: packets that may wait behind the device for the rate; 0
 *	if they wait in the device and above.
 * VNET_IMPAIR_QUEUE_BYTES: the same in bytes.
 * VNET_IMPAIR_HEAD_DROP: 1 if it is the first of the queue that goes when there
 *	is no room, not the last.
 * VNET_IMPAIR_ECN: packets that may wait until new ones are marked; 0 for any.
 *
 * VNET_IMPAIR_VLAN_MATCH: VID of the frames that the following concerns; 4096
 *	for all.
 * VNET_IMPAIR_VLAN_POP: 1 to take the outer tag off.
 * VNET_IMPAIR_VLAN_TRANSLATE: VID that replaces that of the outer tag, or 4096.
 * VNET_IMPAIR_VLAN_PUSH: VID of a tag to put on, or 4096.
 * VNET_IMPAIR_VLAN_PCP: priority in the tag translated or put on; 8 to leave
 *	it, or 0.
 * VNET_IMPAIR_VLAN_PROTO: EtherType of the tag put on.
 *
 * VNET_IMPAIR_FLAP_UP: how long the link has a carrier.
 * VNET_IMPAIR_FLAP_DOWN: how long it then has none; 0 for never.
 *
 * VNET_IMPAIR_PATTERN: text; which frames are lost, counted from 1: "3,17-20";
 *	"3,17-20/100" for the same of each hundred.
 */
enum {
	VNET_IMPAIR_UNSPEC,
	VNET_IMPAIR_PAD,
	VNET_IMPAIR_CLEAR,
	VNET_IMPAIR_SEED,
	VNET_IMPAIR_LIMIT,

	VNET_IMPAIR_DELAY,
	VNET_IMPAIR_JITTER,
	VNET_IMPAIR_DISTRIBUTION,
	VNET_IMPAIR_HALF_LIFE,
	VNET_IMPAIR_KEEP_ORDER,

	VNET_IMPAIR_REORDER,
	VNET_IMPAIR_DISTANCE,

	VNET_IMPAIR_LOSS_MODEL,
	VNET_IMPAIR_LOSS,
	VNET_IMPAIR_BURST,
	VNET_IMPAIR_P,
	VNET_IMPAIR_R,
	VNET_IMPAIR_BAD,
	VNET_IMPAIR_GOOD,
	VNET_IMPAIR_P13,
	VNET_IMPAIR_P31,
	VNET_IMPAIR_P32,
	VNET_IMPAIR_P23,
	VNET_IMPAIR_P14,

	VNET_IMPAIR_DUPLICATE,
	VNET_IMPAIR_COPY_DELAY,

	VNET_IMPAIR_CORRUPT,
	VNET_IMPAIR_BITS,
	VNET_IMPAIR_WHERE,
	VNET_IMPAIR_REPAIR,

	VNET_IMPAIR_TRUNCATE,
	VNET_IMPAIR_LENGTH,

	VNET_IMPAIR_RATE,
	VNET_IMPAIR_OVERHEAD,
	VNET_IMPAIR_CELL,
	VNET_IMPAIR_CELL_OVERHEAD,
	VNET_IMPAIR_QUEUE,
	VNET_IMPAIR_QUEUE_BYTES,
	VNET_IMPAIR_HEAD_DROP,
	VNET_IMPAIR_ECN,

	VNET_IMPAIR_VLAN_MATCH,
	VNET_IMPAIR_VLAN_POP,
	VNET_IMPAIR_VLAN_TRANSLATE,
	VNET_IMPAIR_VLAN_PUSH,
	VNET_IMPAIR_VLAN_PCP,
	VNET_IMPAIR_VLAN_PROTO,

	VNET_IMPAIR_FLAP_UP,
	VNET_IMPAIR_FLAP_DOWN,

	VNET_IMPAIR_PATTERN,
	__VNET_IMPAIR_MAX
};

#define VNET_IMPAIR_MAX (__VNET_IMPAIR_MAX - 1)

/* VNET_IMPAIR_VLAN_*: no VID, all VIDs. */
#define VNET_VLAN_NONE 4096

/* VNET_IMPAIR_VLAN_PCP: none is given. */
#define VNET_PCP_KEEP 8

/* Characters of VNET_IMPAIR_PATTERN, with the 0 behind them. */
#define VNET_PATTERN_LEN 256

/*
 * What a direction has counted, in IFLA_INFO_XSTATS: the frames that this end
 * has sent. All are u64, but VNET_XSTAT_LATENESS.
 *
 * At rest: FRAMES + DUPLICATED = LOST + QUEUE_DROPS + LIMIT_DROPS + NO_MEMORY +
 * CUT + DELIVERED + IN_FLIGHT.
 *
 * VNET_XSTAT_FRAMES: that came onto the wire.
 * VNET_XSTAT_LOST: lost on purpose.
 * VNET_XSTAT_DUPLICATED: to be copied; without memory for that, the copy counts
 * as NO_MEMORY.
 * VNET_XSTAT_CORRUPTED: of which bits were flipped.
 * VNET_XSTAT_TRUNCATED: that were cut off.
 * VNET_XSTAT_REORDERED: held back for others to overtake them.
 * VNET_XSTAT_REORDERED_LATE: of these, so many for which no others came.
 * VNET_XSTAT_QUEUE_DROPS: for which there was no room before the rate.
 * VNET_XSTAT_ECN_MARKED: marked, because the queue before the rate was long.
 * VNET_XSTAT_LIMIT_DROPS: for which VNET_IMPAIR_LIMIT left no room.
 * VNET_XSTAT_NO_MEMORY: lost, because the machine had no memory left.
 * VNET_XSTAT_CUT: under way when the link went down.
 * VNET_XSTAT_NO_CARRIER: of those lost, so many during a flap.
 * VNET_XSTAT_VLAN_POPPED, _TRANSLATED, _PUSHED: whose tags were changed.
 * VNET_XSTAT_CLAMPED: whose delay would have been negative.
 * VNET_XSTAT_DELIVERED: put into an RX ring, or found none with room.
 * VNET_XSTAT_LATE: of these, so many more than 1 ms after they were due.
 * VNET_XSTAT_IN_FLIGHT: that are under way now.
 * VNET_XSTAT_IN_FLIGHT_BYTES: the memory that they take.
 * VNET_XSTAT_QUEUE_PEAK: the most that ever waited before the rate.
 * VNET_XSTAT_LATE_P50, _P99, _MAX: by how many ns frames came after they were
 *	due: half of them by no more, 99 of 100 by no more, none by more.
 * VNET_XSTAT_LATENESS: an array of u64: how many frames came so late. Entry 0
 *	is for up to 7 ns, entry n for 2^(n + 2) to 2^(n + 3) - 1 ns; what comes
 *	behind the last would be 0. Together as many as DELIVERED, if frames
 *	have taken time on this wire from the first on.
 */
enum {
	VNET_XSTAT_UNSPEC,
	VNET_XSTAT_PAD,
	VNET_XSTAT_FRAMES,
	VNET_XSTAT_LOST,
	VNET_XSTAT_DUPLICATED,
	VNET_XSTAT_CORRUPTED,
	VNET_XSTAT_TRUNCATED,
	VNET_XSTAT_REORDERED,
	VNET_XSTAT_REORDERED_LATE,
	VNET_XSTAT_QUEUE_DROPS,
	VNET_XSTAT_ECN_MARKED,
	VNET_XSTAT_LIMIT_DROPS,
	VNET_XSTAT_NO_MEMORY,
	VNET_XSTAT_CUT,
	VNET_XSTAT_NO_CARRIER,
	VNET_XSTAT_VLAN_POPPED,
	VNET_XSTAT_VLAN_TRANSLATED,
	VNET_XSTAT_VLAN_PUSHED,
	VNET_XSTAT_CLAMPED,
	VNET_XSTAT_DELIVERED,
	VNET_XSTAT_LATE,
	VNET_XSTAT_IN_FLIGHT,
	VNET_XSTAT_IN_FLIGHT_BYTES,
	VNET_XSTAT_QUEUE_PEAK,
	VNET_XSTAT_LATE_P50,
	VNET_XSTAT_LATE_P99,
	VNET_XSTAT_LATE_MAX,

	VNET_XSTAT_LATENESS,
	__VNET_XSTAT_MAX
};

#define VNET_XSTAT_MAX (__VNET_XSTAT_MAX - 1)

#endif /* _UAPI_VNET_H */
