// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Counting, adding up, showing
 *
 * What every device has goes to `ip -s link`, what only this one has to
 * `ethtool -S`, and nothing to both (Documentation/networking/statistics.rst).
 *
 * Next: ethtool.c.
 */

#include <linux/ethtool.h>
#include <linux/etherdevice.h>
#include <linux/percpu.h>

#include "vnet.h"

/* As `ethtool -S` prints them, from VNET_ETHTOOL_FIRST on. */
static const char vnet_counter_names[][ETH_GSTRING_LEN] = {
	"tx_arp", "tx_ipv4", "tx_ipv6", "tx_other",
	"rx_arp", "rx_ipv4", "rx_ipv6", "rx_other",
	"tx_ring_stop", "tx_ring_wake", "wire_ignored", "wire_lost",
	"wire_overflow", "wire_errors", "wire_delay_ns", "tx_completions",
	"rx_interrupts", "napi_polls", "napi_budget_full",
};

static_assert(ARRAY_SIZE(vnet_counter_names) ==
	      VNET_COUNTERS - VNET_ETHTOOL_FIRST);

/**
 * vnet_count() - add to a counter
 * @priv: the device
 * @which: the counter
 * @n: how many
 *
 * Where a 64-bit counter takes two steps, interrupts are off in between:
 * netpoll sends from wherever it is.
 *
 * Context: Bottom halves off, or in an interrupt.
 */
void vnet_count(struct vnet_priv *priv, enum vnet_counter which, u64 n)
{
	struct vnet_stats *stats = this_cpu_ptr(priv->stats);
	unsigned long flags;

	flags = u64_stats_update_begin_irqsave(&stats->syncp);
	u64_stats_add(&stats->count[which], n);
	u64_stats_update_end_irqrestore(&stats->syncp, flags);
}

/**
 * vnet_count_protocol() - add one to the counter of a frame's protocol
 * @priv: the device
 * @arp: the ARP counter of the direction; IPv4, IPv6 and other follow it
 * @skb: the frame, from its Ethernet header on
 *
 * Context: Bottom halves off.
 */
void vnet_count_protocol(struct vnet_priv *priv, enum vnet_counter arp,
			 const struct sk_buff *skb)
{
	enum vnet_counter which;

	switch (ntohs(((struct ethhdr *)skb->data)->h_proto)) {
	case ETH_P_ARP:
		which = arp;
		break;
	case ETH_P_IP:
		which = arp + 1;
		break;
	case ETH_P_IPV6:
		which = arp + 2;
		break;
	default:
		which = arp + 3;
	}
	vnet_count(priv, which, 1);
}

/**
 * vnet_sum() - one counter, all CPUs together
 * @priv: the device
 * @which: the counter
 *
 * Context: Any.
 * Return: the sum; not a snapshot, for the CPUs go on counting.
 */
static u64 vnet_sum(const struct vnet_priv *priv, enum vnet_counter which)
{
	const struct vnet_stats *stats;
	unsigned int start;
	u64 count, sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		stats = per_cpu_ptr(priv->stats, cpu);
		do {
			start = u64_stats_fetch_begin(&stats->syncp);
			count = u64_stats_read(&stats->count[which]);
		} while (u64_stats_fetch_retry(&stats->syncp, start));
		sum += count;
	}
	return sum;
}

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

	stats->tx_packets = vnet_sum(priv, VNET_TX_PACKETS);
	stats->tx_bytes = vnet_sum(priv, VNET_TX_BYTES);
	stats->tx_dropped = vnet_sum(priv, VNET_TX_DROPPED);
	stats->rx_packets = vnet_sum(priv, VNET_RX_PACKETS);
	stats->rx_bytes = vnet_sum(priv, VNET_RX_BYTES);
	stats->rx_missed_errors = vnet_sum(priv, VNET_RX_MISSED);
}

/**
 * vnet_counter_total() - how many counters `ethtool -S` prints
 *
 * Context: Any.
 * Return: their number.
 */
unsigned int vnet_counter_total(void)
{
	return ARRAY_SIZE(vnet_counter_names);
}

/**
 * vnet_get_counter_names() - the names of the counters of `ethtool -S`
 * @data: where to put them
 *
 * Context: Any.
 */
void vnet_get_counter_names(u8 *data)
{
	memcpy(data, vnet_counter_names, sizeof(vnet_counter_names));
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

	for (i = VNET_ETHTOOL_FIRST; i < VNET_COUNTERS; i++)
		*data++ = vnet_sum(priv, i);
}
