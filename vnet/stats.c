// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Adding up, showing
 *
 * What every device has goes to `ip -s link`, what every queue has to the
 * kernel's per-queue statistics, what only this driver has to `ethtool -S`,
 * and nothing to two of them (Documentation/networking/statistics.rst). A
 * kernel that knows no per-queue statistics gets them in `ethtool -S`.
 *
 * Next: ethtool.c.
 */

#include <linux/ethtool.h>
#include <linux/netdevice.h>

#include "line.h"
#include "vnet.h"

#if VNET_STAT_OPS
#include <net/netdev_queues.h>
#endif

/* Adds one counter up over all queues that the device has ever had. */
#define vnet_sum(_priv, _set, _which) ({				\
	u64 __sum = 0;							\
	unsigned int __i;						\
									\
	for (__i = 0; __i < (_priv)->dev->num_tx_queues; __i++)		\
		__sum += vnet_read(&(_priv)->queue[__i]._set, _which);	\
	__sum;								\
})

/**
 * vnet_get_stats64() - what `ip -s link` shows
 * @dev: the device
 * @stats: where to put it; zeroed by the caller
 *
 * Context: Any; also while the device is down.
 */
void vnet_get_stats64(struct net_device *dev,
		      struct rtnl_link_stats64 *stats)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	stats->tx_packets = vnet_sum(priv, wire_stats, VNET_WIRE_PACKETS);
	stats->tx_bytes = vnet_sum(priv, wire_stats, VNET_WIRE_BYTES);
	stats->tx_dropped = vnet_sum(priv, tx_stats, VNET_TX_DROPPED);
	stats->rx_packets = vnet_sum(priv, rx_stats, VNET_RX_PACKETS);
	stats->rx_bytes = vnet_sum(priv, rx_stats, VNET_RX_BYTES);
	stats->rx_dropped = vnet_sum(priv, rx_stats, VNET_RX_DROPPED);
	stats->rx_missed_errors = vnet_sum(priv, rx_stats, VNET_RX_MISSED);
}

/**
 * vnet_line_read() - read what a line has counted
 * @line: the line
 * @which: what, VNET_XSTAT_*, but not VNET_XSTAT_LATENESS
 *
 * Context: Any; a good guess while frames move.
 * Return: the number.
 */
u64 vnet_line_read(const struct vnet_line *line, unsigned int which)
{
	switch (which) {
	case VNET_XSTAT_IN_FLIGHT:
		return READ_ONCE(line->frames);
	case VNET_XSTAT_IN_FLIGHT_BYTES:
		return READ_ONCE(line->bytes);
	case VNET_XSTAT_QUEUE_PEAK:
		return READ_ONCE(line->serial.peak);
	case VNET_XSTAT_LATE_P50:
		return vnet_lateness_quantile(&line->lateness, 50);
	case VNET_XSTAT_LATE_P99:
		return vnet_lateness_quantile(&line->lateness, 99);
	case VNET_XSTAT_LATE_MAX:
		return READ_ONCE(line->lateness.max);
	}
	return vnet_read(&line->stats, which);
}

/* As `ethtool -S` prints them, in the order of vnet_get_ethtool_stats(). */
static const char vnet_counter_names[][ETH_GSTRING_LEN] = {
	"tx_doorbells", "tx_xdp", "tx_xdp_full", "tx_timeouts",
	"wire_completions", "wire_paused", "wire_ignored",
	"rx_interrupts", "napi_polls", "napi_budget_full",
	"rx_xdp_pass", "rx_xdp_drop", "rx_xdp_tx", "rx_xdp_redirect",
	"rx_xdp_aborted",
};

/* What happens on an impaired wire, in the order of VNET_XSTAT_*. */
static const char vnet_line_names[][ETH_GSTRING_LEN] = {
	"line_frames", "line_lost", "line_duplicated", "line_corrupted",
	"line_truncated", "line_reordered", "line_reordered_late",
	"line_queue_drops", "line_ecn_marked", "line_limit_drops",
	"line_no_memory", "line_cut", "line_no_carrier", "line_vlan_popped",
	"line_vlan_translated", "line_vlan_pushed", "line_clamped",
	"line_delivered", "line_late", "line_in_flight",
	"line_in_flight_bytes", "line_queue_peak", "line_late_p50_ns",
	"line_late_p99_ns", "line_late_max_ns",
};

static_assert(ARRAY_SIZE(vnet_line_names) ==
	      VNET_XSTAT_LATENESS - VNET_XSTAT_FRAMES);

/**
 * struct vnet_late - a counter of frames that were so late
 * @name: what `ethtool -S` calls it
 * @end: the first octave that belongs to the next one
 *
 * By powers of four, where netlink has those of two.
 */
struct vnet_late {
	char name[ETH_GSTRING_LEN];
	unsigned int end;
};

static const struct vnet_late vnet_late[] = {
	{ "line_late_0_to_1023ns", 8 },
	{ "line_late_1024_to_4095ns", 10 },
	{ "line_late_4096_to_16383ns", 12 },
	{ "line_late_16384_to_65535ns", 14 },
	{ "line_late_65536_to_262143ns", 16 },
	{ "line_late_262144_to_1048575ns", 18 },
	{ "line_late_from_1048576ns", VNET_LATENESS_OCTAVES },
};

/* The same for one queue, on kernels that have no other place for it. */
static const char * const vnet_queue_names[] = {
	"tx%u_packets", "tx%u_bytes", "tx%u_stop", "tx%u_wake",
	"rx%u_packets", "rx%u_bytes", "rx%u_missed",
};

/**
 * vnet_counter_total() - how many counters `ethtool -S` prints
 * @dev: the device
 *
 * Context: Any.
 * Return: their number.
 */
unsigned int vnet_counter_total(const struct net_device *dev)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	unsigned int total = ARRAY_SIZE(vnet_counter_names) +
			     ARRAY_SIZE(vnet_line_names) +
			     ARRAY_SIZE(vnet_late);

	if (!VNET_STAT_OPS)
		total += ARRAY_SIZE(vnet_queue_names) * priv->queues;
	return total;
}

/**
 * vnet_get_counter_names() - the names of the counters of `ethtool -S`
 * @dev: the device
 * @data: where to put them
 *
 * Context: Any.
 */
void vnet_get_counter_names(const struct net_device *dev, u8 *data)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	unsigned int i, j;

	memcpy(data, vnet_counter_names, sizeof(vnet_counter_names));
	data += sizeof(vnet_counter_names);
	memcpy(data, vnet_line_names, sizeof(vnet_line_names));
	data += sizeof(vnet_line_names);
	for (i = 0; i < ARRAY_SIZE(vnet_late); i++) {
		memcpy(data, vnet_late[i].name, ETH_GSTRING_LEN);
		data += ETH_GSTRING_LEN;
	}
	if (VNET_STAT_OPS)
		return;
	for (i = 0; i < priv->queues; i++) {
		for (j = 0; j < ARRAY_SIZE(vnet_queue_names); j++) {
			snprintf(data, ETH_GSTRING_LEN, vnet_queue_names[j], i);
			data += ETH_GSTRING_LEN;
		}
	}
}

/**
 * vnet_get_lateness() - how late frames were, as `ethtool -S` prints it
 * @line: the line; NULL if there has never been one
 * @data: where to put it, by vnet_late
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_lateness(const struct vnet_line *line, u64 *data)
{
	unsigned int i, octave = 0;

	for (i = 0; i < ARRAY_SIZE(vnet_late); i++) {
		data[i] = 0;
		for (; line && octave < vnet_late[i].end; octave++)
			data[i] += vnet_lateness_octave(&line->lateness,
							octave);
	}
}

/**
 * vnet_get_ethtool_stats() - the counters' values
 * @dev: the device
 * @stats: unused
 * @data: where to put them
 *
 * Context: Process context, RTNL held.
 */
void vnet_get_ethtool_stats(struct net_device *dev,
			    struct ethtool_stats *stats, u64 *data)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	unsigned int i;

	for (i = VNET_TX_DOORBELLS; i < VNET_TX_COUNTERS; i++)
		*data++ = vnet_sum(priv, tx_stats, i);
	*data++ = vnet_sum(priv, wire_stats, VNET_WIRE_COMPLETIONS);
	*data++ = vnet_sum(priv, wire_stats, VNET_WIRE_PAUSED);
	*data++ = vnet_sum(priv, wire_stats, VNET_WIRE_IGNORED);
	for (i = VNET_RX_INTERRUPTS; i < VNET_RX_COUNTERS; i++)
		*data++ = vnet_sum(priv, rx_stats, i);
	for (i = VNET_XSTAT_FRAMES; i < VNET_XSTAT_LATENESS; i++)
		*data++ = priv->line ? vnet_line_read(priv->line, i) : 0;
	vnet_get_lateness(priv->line, data);
	data += ARRAY_SIZE(vnet_late);
	if (VNET_STAT_OPS)
		return;

	for (i = 0; i < priv->queues; i++) {
		const struct vnet_queue *q = &priv->queue[i];

		*data++ = vnet_read(&q->wire_stats, VNET_WIRE_PACKETS);
		*data++ = vnet_read(&q->wire_stats, VNET_WIRE_BYTES);
		*data++ = vnet_read(&q->tx_stats, VNET_TX_STOP);
		*data++ = vnet_read(&q->wire_stats, VNET_WIRE_WAKE);
		*data++ = vnet_read(&q->rx_stats, VNET_RX_PACKETS);
		*data++ = vnet_read(&q->rx_stats, VNET_RX_BYTES);
		*data++ = vnet_read(&q->rx_stats, VNET_RX_MISSED);
	}
}

#if VNET_STAT_OPS
/**
 * vnet_get_queue_stats_rx() - what one queue has received
 * @dev: the device
 * @index: the queue
 * @stats: where to put it
 *
 * Context: Process context, RTNL or the device's lock held.
 */
static void vnet_get_queue_stats_rx(struct net_device *dev, int index,
				    struct netdev_queue_stats_rx *stats)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	const struct vnet_queue *q = &priv->queue[index];

	stats->packets = vnet_read(&q->rx_stats, VNET_RX_PACKETS);
	stats->bytes = vnet_read(&q->rx_stats, VNET_RX_BYTES);
	stats->alloc_fail = vnet_read(&q->rx_stats, VNET_RX_DROPPED);
	stats->hw_drops = vnet_read(&q->rx_stats, VNET_RX_MISSED);
	stats->hw_drop_overruns = stats->hw_drops;
}

/**
 * vnet_get_queue_stats_tx() - what one queue has sent
 * @dev: the device
 * @index: the queue
 * @stats: where to put it
 *
 * Context: Process context, RTNL or the device's lock held.
 */
static void vnet_get_queue_stats_tx(struct net_device *dev, int index,
				    struct netdev_queue_stats_tx *stats)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	const struct vnet_queue *q = &priv->queue[index];

	stats->packets = vnet_read(&q->wire_stats, VNET_WIRE_PACKETS);
	stats->bytes = vnet_read(&q->wire_stats, VNET_WIRE_BYTES);
	stats->stop = vnet_read(&q->tx_stats, VNET_TX_STOP);
	stats->wake = vnet_read(&q->wire_stats, VNET_WIRE_WAKE);
}

/**
 * vnet_get_base_stats() - what queues have done that are no longer in use
 * @dev: the device
 * @rx: where to put what they have received
 * @tx: where to put what they have sent
 *
 * Context: Process context, RTNL or the device's lock held.
 */
static void vnet_get_base_stats(struct net_device *dev,
				struct netdev_queue_stats_rx *rx,
				struct netdev_queue_stats_tx *tx)
{
	struct netdev_queue_stats_rx queue_rx;
	struct netdev_queue_stats_tx queue_tx;
	unsigned int i;

	rx->packets = 0;
	rx->bytes = 0;
	rx->alloc_fail = 0;
	rx->hw_drops = 0;
	rx->hw_drop_overruns = 0;
	tx->packets = 0;
	tx->bytes = 0;
	tx->stop = 0;
	tx->wake = 0;
	for (i = dev->real_num_tx_queues; i < dev->num_tx_queues; i++) {
		vnet_get_queue_stats_rx(dev, i, &queue_rx);
		vnet_get_queue_stats_tx(dev, i, &queue_tx);
		rx->packets += queue_rx.packets;
		rx->bytes += queue_rx.bytes;
		rx->alloc_fail += queue_rx.alloc_fail;
		rx->hw_drops += queue_rx.hw_drops;
		rx->hw_drop_overruns += queue_rx.hw_drop_overruns;
		tx->packets += queue_tx.packets;
		tx->bytes += queue_tx.bytes;
		tx->stop += queue_tx.stop;
		tx->wake += queue_tx.wake;
	}
}

static const struct netdev_stat_ops vnet_stat_ops = {
	.get_queue_stats_rx	= vnet_get_queue_stats_rx,
	.get_queue_stats_tx	= vnet_get_queue_stats_tx,
	.get_base_stats		= vnet_get_base_stats,
};
#endif

/**
 * vnet_stats_setup() - offer per-queue statistics, where the kernel has them
 * @dev: the device, not yet registered
 *
 * Context: Process context.
 */
void vnet_stats_setup(struct net_device *dev)
{
#if VNET_STAT_OPS
	dev->stat_ops = &vnet_stat_ops;
#endif
}
