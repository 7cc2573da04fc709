// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The rate: one bit after the other
 *
 * Two ways to wait for it. Without a queue of its own (`rate 20mbit`), a frame
 * stays in the TX ring until its last bit has left, and is completed then: BQL,
 * and with it the queueing discipline and TCP above, feel a slow NIC. With one
 * (`rate 20mbit queue 100`), frames leave the device at once and wait behind
 * it, as in a modem or a switch; what finds no room there is lost, and nobody
 * is told, unless by a mark (ECN, RFC 3168).
 *
 * When a bit leaves is a matter of arithmetic, not of when this code runs: it
 * catches up with the clock, and is never off by more than the last run.
 *
 * Run by whoever runs the line (softirq).
 *
 * Next: line_out.c.
 */

#include <linux/if_vlan.h>
#include <linux/ipv6.h>
#include <linux/math64.h>
#include <linux/netdevice.h>
#include <net/inet_ecn.h>

#include "line.h"
#include "vnet.h"

/* How many frames may be lost in a row before others have their turn. */
#define VNET_SERIAL_BUDGET 256

/* Bits in a byte, ns in a second: what a byte takes at a rate of 1. */
#define VNET_BYTE (8ULL * NSEC_PER_SEC)

/**
 * vnet_serial_init() - nothing is being sent
 * @serial: where
 *
 * Context: Any.
 */
void vnet_serial_init(struct vnet_serial *serial)
{
	__skb_queue_head_init(&serial->queue);
}

/**
 * vnet_serial_bytes() - what a frame is on the wire
 * @impair: the settings
 * @len: of the frame, in bytes
 *
 * Context: Any.
 * Return: bytes.
 */
u64 vnet_serial_bytes(const struct vnet_impair *impair, unsigned int len)
{
	const u64 *set = impair->set;
	u64 bytes = len + set[VNET_IMPAIR_OVERHEAD];
	u32 cells;

	if (!set[VNET_IMPAIR_CELL])
		return bytes;
	cells = DIV_ROUND_UP((u32)bytes, (u32)set[VNET_IMPAIR_CELL]);
	return cells * (set[VNET_IMPAIR_CELL] + set[VNET_IMPAIR_CELL_OVERHEAD]);
}

/**
 * vnet_serial_time() - how long it takes to send a frame
 * @serial: keeps what the division leaves over
 * @impair: the settings
 * @len: of the frame, in bytes
 *
 * Context: Softirq.
 * Return: ns.
 */
static u64 vnet_serial_time(struct vnet_serial *serial,
			    const struct vnet_impair *impair, unsigned int len)
{
	u64 rate = impair->set[VNET_IMPAIR_RATE];

	if (rate == VNET_RATE_NONE)
		return 0;
	return div64_u64_rem(vnet_serial_bytes(impair, len) * VNET_BYTE +
			     serial->rest, rate, &serial->rest);
}

/**
 * vnet_serial_fits() - whether there is room for a frame in the queue
 * @serial: where
 * @impair: the settings
 * @len: of the frame, in bytes
 *
 * What waits in the TX ring has been let in already.
 *
 * Context: Softirq.
 * Return: true if there is.
 */
static bool vnet_serial_fits(const struct vnet_serial *serial,
			     const struct vnet_impair *impair,
			     unsigned int len)
{
	u64 packets = impair->set[VNET_IMPAIR_QUEUE];
	u64 bytes = impair->set[VNET_IMPAIR_QUEUE_BYTES];

	return (!packets || skb_queue_len(&serial->queue) < packets) &&
	       (!bytes || serial->bytes + len <= bytes);
}

/**
 * vnet_serial_mark() - tell the receiver of a frame that the queue is long
 * @line: the line
 * @skb: the frame
 *
 * A frame whose sender does not understand that is let in as it is. The IP
 * header may lie behind any number of VLAN tags. A function by itself, or each
 * frame would pay for its stack.
 *
 * Context: Softirq.
 */
static noinline void vnet_serial_mark(struct vnet_line *line,
				      struct sk_buff *skb)
{
	__be16 proto = skb->protocol, buffer, *inner;
	unsigned int len, at = ETH_HLEN;

	while (eth_type_vlan(proto)) {
		inner = skb_header_pointer(skb, at + 2, sizeof(buffer),
					   &buffer);
		if (!inner)
			return;
		proto = *inner;
		at += VLAN_HLEN;
	}
	if (proto != htons(ETH_P_IP) && proto != htons(ETH_P_IPV6))
		return;
	skb_set_network_header(skb, at);
	len = min_t(unsigned int, skb->len, skb_network_offset(skb) +
					    sizeof(struct ipv6hdr));
	if (!skb_ensure_writable(skb, len) && INET_ECN_set_ce(skb))
		vnet_line_count(line, VNET_XSTAT_ECN_MARKED, 1);
}

/**
 * vnet_serial_add() - a frame comes to the queue
 * @line: the line
 * @impair: the settings
 * @skb: the frame, ours
 *
 * Context: Softirq.
 */
void vnet_serial_add(struct vnet_line *line, const struct vnet_impair *impair,
		     struct sk_buff *skb)
{
	struct vnet_serial *serial = &line->serial;
	u64 bytes = impair->set[VNET_IMPAIR_QUEUE_BYTES];
	u64 ecn = impair->set[VNET_IMPAIR_ECN];
	struct sk_buff *first;

	while (!vnet_serial_fits(serial, impair, skb->len)) {
		first = skb_peek(&serial->queue);
		/* Others need not go for one that no queue could hold. */
		if (!first || !impair->set[VNET_IMPAIR_HEAD_DROP] ||
		    (bytes && skb->len > bytes)) {
			vnet_line_lose(line, skb, VNET_XSTAT_QUEUE_DROPS);
			return;
		}
		__skb_unlink(first, &serial->queue);
		serial->bytes -= first->len;
		vnet_line_lose(line, first, VNET_XSTAT_QUEUE_DROPS);
	}
	if (ecn && skb_queue_len(&serial->queue) >= ecn)
		vnet_serial_mark(line, skb);
	__skb_queue_tail(&serial->queue, skb);
	serial->bytes += skb->len;
	serial->peak = max(serial->peak, skb_queue_len(&serial->queue));
}

/**
 * vnet_serial_end() - when to see what has been sent
 * @serial: where
 * @slack: how long that can wait if other frames follow, in ns
 *
 * Context: Softirq.
 * Return: ns; VNET_NEVER if nothing is being sent.
 */
u64 vnet_serial_end(const struct vnet_serial *serial, u64 slack)
{
	if (!serial->sending)
		return VNET_NEVER;
	if (!skb_queue_empty(&serial->queue) ||
	    (serial->holding && vnet_ring_count(&serial->holding->tx) > 1))
		return serial->end + slack;
	return serial->end;
}

/**
 * vnet_serial_let_go() - give the slot of the frame that is sent back
 * @line: the line
 *
 * Context: Softirq; the consumer of the TX ring.
 */
void vnet_serial_let_go(struct vnet_line *line)
{
	struct vnet_queue *from = line->serial.holding;

	if (!from)
		return;
	line->serial.holding = NULL;
	vnet_line_complete(line, from, 1, line->serial.held_len);
}

/**
 * vnet_serial_pull() - take a frame out of a TX ring, each in its turn
 * @line: the line
 * @impair: the settings
 * @now: time, in ns
 *
 * The slot stays the frame's until it is sent; what is lost gives its own back
 * at once.
 *
 * Context: Softirq; the consumer of the TX rings.
 * Return: false if there was none.
 */
static bool vnet_serial_pull(struct vnet_line *line,
			     const struct vnet_impair *impair, u64 now)
{
	struct vnet_serial *serial = &line->serial;
	struct vnet_priv *near = line->near;
	struct vnet_queue *from;
	unsigned int i, n, len;
	void *frame;

	if (READ_ONCE(near->stalled) || line->blocked)
		return false;
	for (i = 1; i <= near->queues; i++) {
		n = (serial->turn + i) % near->queues;
		from = &near->queue[n];
		if (!vnet_ring_count(&from->tx))
			continue;
		serial->turn = n;
		frame = vnet_ring_peek(&from->tx, 0);
		len = vnet_frame_len(frame);
		if (vnet_line_enter(line, impair, from, frame, now)) {
			serial->holding = from;
			serial->held_len = len;
		} else {
			vnet_line_complete(line, from, 1, len);
		}
		return true;
	}
	return false;
}

/**
 * vnet_serial_next() - the next frame to be sent
 * @line: the line
 * @impair: the settings
 * @now: time, in ns
 *
 * Context: Softirq.
 * Return: the frame, out of the queue; NULL if there is none.
 */
static struct sk_buff *vnet_serial_next(struct vnet_line *line,
					const struct vnet_impair *impair,
					u64 now)
{
	struct vnet_serial *serial = &line->serial;
	unsigned int budget = VNET_SERIAL_BUDGET;
	struct sk_buff *skb;

	while (skb_queue_empty(&serial->queue)) {
		if (!line->active || !impair->pulled ||
		    !budget-- || !vnet_serial_pull(line, impair, now))
			return NULL;
	}
	skb = __skb_dequeue(&serial->queue);
	serial->bytes -= skb->len;
	return skb;
}

/**
 * vnet_serial_adapt() - the rate may have changed
 * @serial: where
 * @impair: the settings
 * @now: time, in ns
 *
 * What the old rate has left over means nothing for the new one; and what is
 * being sent goes on at the new one, if that is faster.
 *
 * Context: Softirq.
 */
static void vnet_serial_adapt(struct vnet_serial *serial,
			      const struct vnet_impair *impair, u64 now)
{
	if (likely(serial->rate == impair->set[VNET_IMPAIR_RATE]))
		return;
	serial->rate = impair->set[VNET_IMPAIR_RATE];
	serial->rest = 0;
	if (serial->sending)
		serial->end = min(serial->end, now +
				  vnet_serial_time(serial, impair,
						   serial->sending->len));
}

/**
 * vnet_serial_run() - send what could have been sent by now
 * @line: the line
 * @impair: the settings
 * @now: time, in ns
 *
 * Context: Softirq.
 */
void vnet_serial_run(struct vnet_line *line, const struct vnet_impair *impair,
		     u64 now)
{
	struct vnet_serial *serial = &line->serial;
	struct sk_buff *skb;

	vnet_serial_adapt(serial, impair, now);
	for (;;) {
		if (serial->sending) {
			if (serial->end > now)
				return;
			skb = serial->sending;
			serial->sending = NULL;
			vnet_line_launch(line, impair, skb, serial->end);
			vnet_serial_let_go(line);
		}
		skb = vnet_serial_next(line, impair, now);
		if (!skb)
			return;
		serial->sending = skb;
		serial->end = max(serial->end, VNET_CB(skb)->entered) +
			      vnet_serial_time(serial, impair, skb->len);
	}
}
