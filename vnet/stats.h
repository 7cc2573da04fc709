/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: Counters, three sets for each queue pair
 *
 * A set has one writer at a time, so that counting is an addition and no
 * atomic operation: whoever holds the TX lock, the wire, and the poll. They
 * belong to the device, not to one going up.
 *
 * Next: stats.c adds them up.
 */

#ifndef VNET_STATS_H
#define VNET_STATS_H

#include <linux/types.h>
#include <linux/u64_stats_sync.h>

struct ethtool_stats;
struct net_device;
struct rtnl_link_stats64;

/**
 * enum vnet_tx_counter - what the stack's side of the TX ring counts
 * @VNET_TX_DROPPED: frames not accepted: no link, no memory for the padding, or
 *	larger than an impaired wire carries as one
 * @VNET_TX_STOP: times the queue was stopped because the TX ring was full
 * @VNET_TX_DOORBELLS: times the far end was told that there are frames
 * @VNET_TX_XDP: frames accepted from XDP, of this device or another
 * @VNET_TX_XDP_FULL: frames refused to XDP: no link, or the TX ring was full
 * @VNET_TX_TIMEOUTS: times the watchdog found the queue stopped for too long
 * @VNET_TX_COUNTERS: how many there are
 */
enum vnet_tx_counter {
	VNET_TX_DROPPED,
	VNET_TX_STOP,
	VNET_TX_DOORBELLS,
	VNET_TX_XDP,
	VNET_TX_XDP_FULL,
	VNET_TX_TIMEOUTS,
	VNET_TX_COUNTERS,
};

/**
 * enum vnet_wire_counter - what the wire counts, at the queue that sent
 * @VNET_WIRE_PACKETS: frames whose last bit has left
 * @VNET_WIRE_BYTES: their bytes, Ethernet header included
 * @VNET_WIRE_COMPLETIONS: times frames were found in the TX ring
 * @VNET_WIRE_WAKE: times the queue was woken because there was room again
 * @VNET_WIRE_PAUSED: times frames had to wait because the far RX ring was full
 * @VNET_WIRE_IGNORED: frames to which the neighbour has no answer, or no memory
 *	to write it
 * @VNET_WIRE_COUNTERS: how many there are
 */
enum vnet_wire_counter {
	VNET_WIRE_PACKETS,
	VNET_WIRE_BYTES,
	VNET_WIRE_COMPLETIONS,
	VNET_WIRE_WAKE,
	VNET_WIRE_PAUSED,
	VNET_WIRE_IGNORED,
	VNET_WIRE_COUNTERS,
};

/**
 * enum vnet_rx_counter - what the poll counts
 * @VNET_RX_PACKETS: frames taken out of the RX ring
 * @VNET_RX_BYTES: their bytes, Ethernet header included
 * @VNET_RX_MISSED: frames that came over the wire and found the RX ring full,
 *	or no memory for pages that a program has only lent
 * @VNET_RX_DROPPED: frames lost on their way to the stack: for want of memory,
 *	or sent whole before the XDP program came that cannot take them so
 * @VNET_RX_INTERRUPTS: polls that an interrupt asked for
 * @VNET_RX_POLLS: calls of the poll function
 * @VNET_RX_BUDGET_FULL: of these, how many used up their budget
 * @VNET_RX_XDP_PASS: frames that the XDP program let through
 * @VNET_RX_XDP_DROP: frames that it dropped
 * @VNET_RX_XDP_TX: frames that it sent back
 * @VNET_RX_XDP_REDIRECT: frames that it sent elsewhere
 * @VNET_RX_XDP_ABORTED: frames lost because the program failed, said nonsense,
 *	or sent them where they could not go
 * @VNET_RX_COUNTERS: how many there are
 */
enum vnet_rx_counter {
	VNET_RX_PACKETS,
	VNET_RX_BYTES,
	VNET_RX_MISSED,
	VNET_RX_DROPPED,
	VNET_RX_INTERRUPTS,
	VNET_RX_POLLS,
	VNET_RX_BUDGET_FULL,
	VNET_RX_XDP_PASS,
	VNET_RX_XDP_DROP,
	VNET_RX_XDP_TX,
	VNET_RX_XDP_REDIRECT,
	VNET_RX_XDP_ABORTED,
	VNET_RX_COUNTERS,
};

/* Defines a set of counters, with what a reader on a 32-bit machine needs. */
#define VNET_STATS(_name, _counters)					\
	struct _name {							\
		struct u64_stats_sync syncp;				\
		u64_stats_t count[_counters];				\
	}

/* Written under the TX lock. */
VNET_STATS(vnet_tx_stats, VNET_TX_COUNTERS);
/* Written by the wire. */
VNET_STATS(vnet_wire_stats, VNET_WIRE_COUNTERS);
/* Written by the poll. */
VNET_STATS(vnet_rx_stats, VNET_RX_COUNTERS);

/* Adds to one counter of a set; the caller is the set's writer. */
#define vnet_count(_set, _which, _n) do {				\
	u64_stats_update_begin(&(_set)->syncp);				\
	u64_stats_add(&(_set)->count[_which], _n);			\
	u64_stats_update_end(&(_set)->syncp);				\
} while (0)

/* Reads one counter of a set as a whole, on a 32-bit machine too. */
#define vnet_read(_set, _which) ({					\
	unsigned int __start;						\
	u64 __value;							\
									\
	do {								\
		__start = u64_stats_fetch_begin(&(_set)->syncp);	\
		__value = u64_stats_read(&(_set)->count[_which]);	\
	} while (u64_stats_fetch_retry(&(_set)->syncp, __start));	\
	__value;							\
})

void vnet_get_stats64(struct net_device *dev,
		      struct rtnl_link_stats64 *stats);
unsigned int vnet_counter_total(const struct net_device *dev);
void vnet_get_counter_names(const struct net_device *dev, u8 *data);
void vnet_get_ethtool_stats(struct net_device *dev,
			    struct ethtool_stats *stats, u64 *data);
void vnet_stats_setup(struct net_device *dev);

#endif /* VNET_STATS_H */
