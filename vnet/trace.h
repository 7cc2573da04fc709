/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: Tracepoints: what happened to which frame
 *
 * For /sys/kernel/tracing/events/vnet: vnet_verdict when a frame comes to an
 * impaired wire, vnet_drop if it goes no further and the verdict had not said
 * so, vnet_deliver when it comes out. tools/vnet-pcapng makes a capture of
 * them. They cost nothing while nobody listens.
 *
 * Next: line.c.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM vnet

#if !defined(VNET_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VNET_TRACE_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/tracepoint.h>

#include "line.h"

/* Bytes of a frame that a trace keeps; all, at the usual MTU. */
#define VNET_TRACE_BYTES 1522U

/* Names of the marks, for print formats. */
#define VNET_MARK_NAMES				\
	{ VNET_LOST, "lost" },			\
	{ VNET_DUPLICATED, "duplicated" },	\
	{ VNET_CORRUPTED, "corrupted" },	\
	{ VNET_TRUNCATED, "truncated" },	\
	{ VNET_REORDERED, "reordered" },	\
	{ VNET_CLAMPED, "clamped" }

/* Names of what a frame can be lost by, for print formats. */
#define VNET_DROP_NAMES						\
	{ VNET_XSTAT_QUEUE_DROPS, "the queue is full" },	\
	{ VNET_XSTAT_LIMIT_DROPS, "too much is under way" },	\
	{ VNET_XSTAT_NO_MEMORY, "there is no memory" },		\
	{ VNET_XSTAT_CUT, "the link went down" }

/**
 * vnet_verdict() - a frame has come to an impaired wire
 * @dev: the device that has sent it
 * @skb: the frame, as it was sent
 * @verdict: what is to happen to it
 *
 * Context: Softirq.
 */
TRACE_EVENT(vnet_verdict,

	TP_PROTO(const struct net_device *dev, const struct sk_buff *skb,
		 const struct vnet_verdict *verdict),

	TP_ARGS(dev, skb, verdict),

	TP_STRUCT__entry(
		__string(name, dev->name)
		__field(u64, ordinal)
		__field(u64, entered)
		__field(u64, delay)
		__field(unsigned int, marks)
		__field(unsigned int, len)
		__dynamic_array(u8, bytes, min(skb->len, VNET_TRACE_BYTES))
	),

	TP_fast_assign(
		vnet_assign_name(name);
		__entry->ordinal = verdict->ordinal;
		__entry->entered = VNET_CB(skb)->entered;
		__entry->delay = verdict->delay;
		__entry->marks = verdict->marks;
		__entry->len = skb->len;
		skb_copy_bits(skb, 0, __get_dynamic_array(bytes),
			      min(skb->len, VNET_TRACE_BYTES));
	),

	TP_printk("dev=%s ordinal=%llu entered=%llu delay=%llu marks=%s len=%u bytes=%s",
		  __get_str(name), __entry->ordinal, __entry->entered,
		  __entry->delay,
		  __print_flags(__entry->marks, "|", VNET_MARK_NAMES),
		  __entry->len,
		  __print_hex_str(__get_dynamic_array(bytes),
				  __get_dynamic_array_len(bytes)))
);

/**
 * vnet_drop() - a frame goes no further, and the verdict had not said so
 * @dev: the device that has sent it
 * @ordinal: its number
 * @why: VNET_XSTAT_*
 *
 * Context: Softirq.
 */
TRACE_EVENT(vnet_drop,

	TP_PROTO(const struct net_device *dev, u64 ordinal, unsigned int why),

	TP_ARGS(dev, ordinal, why),

	TP_STRUCT__entry(
		__string(name, dev->name)
		__field(u64, ordinal)
		__field(unsigned int, why)
	),

	TP_fast_assign(
		vnet_assign_name(name);
		__entry->ordinal = ordinal;
		__entry->why = why;
	),

	TP_printk("dev=%s ordinal=%llu why=%s", __get_str(name),
		  __entry->ordinal,
		  __print_symbolic(__entry->why, VNET_DROP_NAMES))
);

/**
 * vnet_deliver() - a frame comes out of an impaired wire
 * @dev: the device that has sent it
 * @ordinal: its number
 * @late: by how much later than it was due, in ns
 *
 * Context: Softirq.
 */
TRACE_EVENT(vnet_deliver,

	TP_PROTO(const struct net_device *dev, u64 ordinal, u64 late),

	TP_ARGS(dev, ordinal, late),

	TP_STRUCT__entry(
		__string(name, dev->name)
		__field(u64, ordinal)
		__field(u64, late)
	),

	TP_fast_assign(
		vnet_assign_name(name);
		__entry->ordinal = ordinal;
		__entry->late = late;
	),

	TP_printk("dev=%s ordinal=%llu late=%llu", __get_str(name),
		  __entry->ordinal, __entry->late)
);

#endif /* VNET_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
