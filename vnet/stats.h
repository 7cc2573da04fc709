/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: Counters, one set for each CPU
 *
 * The frame's path counts on several CPUs at once, so each has counters of its
 * own; see vnet_count(). They belong to the device, not to one going up.
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
struct sk_buff;
struct vnet_priv;

/**
 * enum vnet_counter - everything that is counted, per CPU
 * @VNET_TX_PACKETS: frames whose last bit has left
 * @VNET_TX_BYTES: their bytes, Ethernet header included
 * @VNET_TX_DROPPED: frames lost for want of memory, or in the TX ring when the
 *	device went down
 * @VNET_RX_PACKETS: frames handed to the stack
 * @VNET_RX_BYTES: their bytes, Ethernet header included
 * @VNET_RX_MISSED: frames that found the RX ring full, or were still in it when
 *	the device went down
 * @VNET_ETHTOOL_FIRST: up to here `ip -s link` shows them, from here on
 *	`ethtool -S`
 * @VNET_TX_ARP: frames sent that were ARP
 * @VNET_TX_IPV4: … IPv4
 * @VNET_TX_IPV6: … IPv6
 * @VNET_TX_OTHER: … anything else
 * @VNET_RX_ARP: frames received that were ARP
 * @VNET_RX_IPV4: … IPv4
 * @VNET_RX_IPV6: … IPv6
 * @VNET_RX_OTHER: … anything else
 * @VNET_TX_STOP: times the queue was stopped because the TX ring was full
 * @VNET_TX_WAKE: times it was woken because there was room again
 * @VNET_WIRE_IGNORED: frames that the far end took and had no answer to, or no
 *	memory for one
 * @VNET_WIRE_LOST: frames lost because loss_ppm said so
 * @VNET_WIRE_OVERFLOW: frames that found the delay line full
 * @VNET_WIRE_ERRORS: frames lost for want of memory for a VLAN tag, or in the
 *	delay line when the device went down
 * @VNET_WIRE_DELAY_NS: nanoseconds that frames were under way, all together
 * @VNET_TX_COMPLETIONS: times the wire found frames to send
 * @VNET_RX_INTERRUPTS: interrupts that were not masked
 * @VNET_NAPI_POLLS: calls of the poll function
 * @VNET_NAPI_BUDGET_FULL: of these, how many used up their budget
 * @VNET_COUNTERS: how many counters there are
 */
enum vnet_counter {
	VNET_TX_PACKETS,
	VNET_TX_BYTES,
	VNET_TX_DROPPED,
	VNET_RX_PACKETS,
	VNET_RX_BYTES,
	VNET_RX_MISSED,
	VNET_ETHTOOL_FIRST,
	VNET_TX_ARP = VNET_ETHTOOL_FIRST,
	VNET_TX_IPV4,
	VNET_TX_IPV6,
	VNET_TX_OTHER,
	VNET_RX_ARP,
	VNET_RX_IPV4,
	VNET_RX_IPV6,
	VNET_RX_OTHER,
	VNET_TX_STOP,
	VNET_TX_WAKE,
	VNET_WIRE_IGNORED,
	VNET_WIRE_LOST,
	VNET_WIRE_OVERFLOW,
	VNET_WIRE_ERRORS,
	VNET_WIRE_DELAY_NS,
	VNET_TX_COMPLETIONS,
	VNET_RX_INTERRUPTS,
	VNET_NAPI_POLLS,
	VNET_NAPI_BUDGET_FULL,
	VNET_COUNTERS
};

/**
 * struct vnet_stats - one CPU's counters
 * @count: by &enum vnet_counter
 * @syncp: lets a 32-bit reader see that a 64-bit counter was just changing
 */
struct vnet_stats {
	u64_stats_t count[VNET_COUNTERS];
	struct u64_stats_sync syncp;
};

void vnet_count(struct vnet_priv *priv, enum vnet_counter which, u64 n);
void vnet_count_protocol(struct vnet_priv *priv, enum vnet_counter arp,
			 const struct sk_buff *skb);
unsigned int vnet_counter_total(void);
void vnet_get_ethtool_stats(struct net_device *dev,
			    struct ethtool_stats *stats, u64 *data);
void vnet_get_stats64(struct net_device *dev,
		      struct rtnl_link_stats64 *stats);
void vnet_get_counter_names(u8 *data);

#endif /* VNET_STATS_H */
