// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: vnet, milestone 8: the loop closes
 *
 * The neighbour that made frames up is gone. From now on what leaves the TX
 * ring travels: the wire carries it to the far end, and the far end sends it
 * back into the RX ring. What comes back is up to the parameter wire:
 *
 * - loop: the frame as it was sent;
 * - reflect: what a neighbour would send back: MAC and IPv4 addresses swapped,
 *   ARP requests answered. To ping any address that is not ours then takes a
 *   frame through this driver four times: request out, request back in from
 *   the neighbour, the kernel's reply out, reply back in.
 *
 * Pinging an address of our own would prove nothing: that never leaves `lo`.
 *
 * vnet_wire() is the TX ring's consumer and the RX ring's producer, so each
 * ring still has one of each.
 *
 * Next: milestone 9 breaks the wire on purpose.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/hrtimer.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/stringify.h>
#include <linux/u64_stats_sync.h>
#include <linux/version.h>

/* A thousand devices make a test of scale; more would only cost memory. */
#define VNET_MAX_DEVICES 1000

/*
 * The first device's address; device i has this plus i. 02 in the first byte
 * means "assigned locally, one station"; the rest spells "vnet" in ASCII.
 */
#define VNET_MAC_BASE 0x02766e657400ULL

/* The neighbour of device i: as above, but 06; still a local address. */
#define VNET_NEIGH_MAC_BASE 0x06766e657400ULL

/* Frames that wait for the wire. A power of two, so that an index is a mask. */
#ifndef VNET_TX_RING_SIZE
#define VNET_TX_RING_SIZE 256
#endif
static_assert(VNET_TX_RING_SIZE >= 4 && VNET_TX_RING_SIZE <= 4096 &&
	      !(VNET_TX_RING_SIZE & (VNET_TX_RING_SIZE - 1)),
	      "VNET_TX_RING_SIZE must be a power of two from 4 to 4096");

/* Frames that wait for the stack; same rule. */
#ifndef VNET_RX_RING_SIZE
#define VNET_RX_RING_SIZE 256
#endif
static_assert(VNET_RX_RING_SIZE >= 4 && VNET_RX_RING_SIZE <= 4096 &&
	      !(VNET_RX_RING_SIZE & (VNET_RX_RING_SIZE - 1)),
	      "VNET_RX_RING_SIZE must be a power of two from 4 to 4096");

/* How long the self-test waits for its frame, besides the time on the wire. */
#define VNET_TEST_TIMEOUT (2 * HZ)

/* hrtimer_setup() came in 6.13 and hrtimer_init() went in 6.15. */
#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
#define hrtimer_setup(_timer, _fn, _clock, _mode) do {			\
	struct hrtimer *__timer = (_timer);				\
									\
	hrtimer_init(__timer, _clock, _mode);				\
	__timer->function = (_fn);					\
} while (0)
#endif

/**
 * struct vnet_param - an unsigned module parameter that knows its range
 * @value: what it is now; written under the kernel's parameter lock, read
 *	anywhere with READ_ONCE()
 * @min: smallest value allowed
 * @max: largest value allowed
 */
struct vnet_param {
	unsigned int value;
	unsigned int min;
	unsigned int max;
};

/**
 * vnet_param_set() - take a new value for a parameter, or say what is allowed
 * @val: text that the user wrote
 * @kp: the parameter; its arg is a &struct vnet_param
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return:
 * * 0 - the value is in force
 * * -EINVAL - not a number; nothing has changed
 * * -ERANGE - a number outside the range; nothing has changed
 */
static int vnet_param_set(const char *val, const struct kernel_param *kp)
{
	struct vnet_param *param = kp->arg;
	unsigned int value;
	int err;

	err = kstrtouint(val, 0, &value);
	if (!err && (value < param->min || value > param->max))
		err = -ERANGE;
	if (err) {
		pr_err("%s must be %u to %u\n", kp->name, param->min,
		       param->max);
		return err;
	}
	WRITE_ONCE(param->value, value);
	return 0;
}

/**
 * vnet_param_get() - print a parameter for sysfs
 * @buffer: one page to print into
 * @kp: the parameter; its arg is a &struct vnet_param
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return: number of bytes printed.
 */
static int vnet_param_get(char *buffer, const struct kernel_param *kp)
{
	const struct vnet_param *param = kp->arg;

	return sysfs_emit(buffer, "%u\n", param->value);
}

static const struct kernel_param_ops vnet_param_ops = {
	.set = vnet_param_set,
	.get = vnet_param_get,
};

#define VNET_PARAM(_name, _default, _min, _max, _mode, _desc)		\
	static struct vnet_param vnet_param_##_name = {			\
		.value = (_default), .min = (_min), .max = (_max),	\
	};								\
	module_param_cb(_name, &vnet_param_ops, &vnet_param_##_name,	\
			_mode);						\
	MODULE_PARM_DESC(_name, _desc " (" __stringify(_min) " to "	\
			 __stringify(_max) ", default "			\
			 __stringify(_default) ")")

#define VNET_GET(_name) READ_ONCE(vnet_param_##_name.value)

VNET_PARAM(devices, 1, 1, VNET_MAX_DEVICES, 0444, "how many NICs to make");
VNET_PARAM(tx_usecs, 100, 1, 10000000, 0644,
	   "microseconds from the doorbell to the completion of a frame");

/**
 * enum vnet_far_end - who is at the other end of the wire
 * @VNET_LOOP: a plug that sends every frame back as it came
 * @VNET_REFLECT: a neighbour that answers to every address
 */
enum vnet_far_end {
	VNET_LOOP,
	VNET_REFLECT,
};

/* Their names, in the order of &enum vnet_far_end. */
static const char * const vnet_far_end_names[] = { "loop", "reflect" };

static unsigned int vnet_far_end = VNET_REFLECT;

/**
 * vnet_far_end_set() - plug in another far end
 * @val: its name
 * @kp: the parameter; its arg holds an &enum vnet_far_end
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return: 0, or -EINVAL for an unknown name; then nothing has changed.
 */
static int vnet_far_end_set(const char *val, const struct kernel_param *kp)
{
	int which = sysfs_match_string(vnet_far_end_names, val);

	if (which < 0) {
		pr_err("%s must be loop or reflect\n", kp->name);
		return which;
	}
	WRITE_ONCE(*(unsigned int *)kp->arg, which);
	return 0;
}

/**
 * vnet_far_end_get() - print the far end's name for sysfs
 * @buffer: one page to print into
 * @kp: the parameter; its arg holds an &enum vnet_far_end
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return: number of bytes printed.
 */
static int vnet_far_end_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n",
			  vnet_far_end_names[*(unsigned int *)kp->arg]);
}

static const struct kernel_param_ops vnet_far_end_ops = {
	.set = vnet_far_end_set,
	.get = vnet_far_end_get,
};

module_param_cb(wire, &vnet_far_end_ops, &vnet_far_end, 0644);
MODULE_PARM_DESC(wire, "the far end: loop or reflect (default reflect)");

/**
 * struct vnet_ring - frames on their way from one producer to one consumer
 * @slot: the frames; slot (index & (size - 1)) belongs to the consumer while
 *	tail <= index < head, to the producer otherwise
 * @size: number of slots, a power of two
 * @head: index of the next frame to put; written by the producer only
 * @tail: index of the next frame to take; written by the consumer only
 *
 * Both indices only grow and wrap at 2^32, so head - tail is the occupancy.
 * Each side writes one of them and lives on a cache line of its own.
 */
struct vnet_ring {
	struct sk_buff **slot;
	unsigned int size;

	unsigned int head ____cacheline_aligned_in_smp;
	unsigned int tail ____cacheline_aligned_in_smp;
};

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
	VNET_TX_COMPLETIONS,
	VNET_RX_INTERRUPTS,
	VNET_NAPI_POLLS,
	VNET_NAPI_BUDGET_FULL,
	VNET_COUNTERS
};

/* As `ethtool -S` prints them, from VNET_ETHTOOL_FIRST on. */
static const char vnet_counter_names[][ETH_GSTRING_LEN] = {
	"tx_arp", "tx_ipv4", "tx_ipv6", "tx_other",
	"rx_arp", "rx_ipv4", "rx_ipv6", "rx_other",
	"tx_ring_stop", "tx_ring_wake", "wire_ignored", "tx_completions",
	"rx_interrupts", "napi_polls", "napi_budget_full",
};

static_assert(ARRAY_SIZE(vnet_counter_names) ==
	      VNET_COUNTERS - VNET_ETHTOOL_FIRST);

/**
 * struct vnet_stats - one CPU's counters
 * @count: by &enum vnet_counter
 * @syncp: lets a 32-bit reader see that a 64-bit counter was just changing
 */
struct vnet_stats {
	u64_stats_t count[VNET_COUNTERS];
	struct u64_stats_sync syncp;
};

/**
 * enum vnet_flag - bits of &vnet_priv.flags
 * @VNET_WIRE_BUSY: the wire's timer is set, or its handler has work; whoever
 *	turns this bit on must start the timer
 * @VNET_IRQ_ENABLED: the device may raise its interrupt; off while NAPI polls
 */
enum vnet_flag {
	VNET_WIRE_BUSY,
	VNET_IRQ_ENABLED,
};

/**
 * struct vnet_priv - one device
 * @dev: the kernel's half of it
 * @node: its place in vnet_list
 * @stats: the counters; see vnet_count()
 * @msg_enable: what to log, NETIF_MSG_*; `ethtool -s … msglvl` sets it
 * @flags: bits of &enum vnet_flag, changed by atomic operations only, but for
 *	vnet_open()
 * @wire: the hardware's clock; vnet_wire() is its handler
 * @tx: from vnet_start_xmit() to vnet_wire(); exists while the device is up
 * @neigh_addr: MAC address with which the far end answers ARP
 * @rx: from vnet_wire() to vnet_poll(); exists while the device is up
 * @napi: who empties the RX ring, and whether it is about to
 */
struct vnet_priv {
	struct net_device *dev;
	struct list_head node;
	struct vnet_stats __percpu *stats;
	u32 msg_enable;

	unsigned long flags;
	struct hrtimer wire;
	struct vnet_ring tx;

	u8 neigh_addr[ETH_ALEN];
	struct vnet_ring rx;
	struct napi_struct napi;
};

/**
 * struct vnet_arp - an ARP packet for IPv4 over Ethernet (RFC 826)
 * @hdr: kinds and lengths of the addresses, and the operation
 * @sender_mac: who says it
 * @sender_ip: who says it
 * @target_mac: of whom; unknown in a request
 * @target_ip: of whom
 */
struct vnet_arp {
	struct arphdr hdr;
	u8 sender_mac[ETH_ALEN];
	__be32 sender_ip;
	u8 target_mac[ETH_ALEN];
	__be32 target_ip;
} __packed;

/**
 * struct vnet_probe - the self-test's frame on its way
 * @handler: takes frames of our type out of the RX path
 * @seen: it has come back unharmed
 * @payload: what is in it, behind the Ethernet header; random, so that no
 *	other frame is taken for it
 */
struct vnet_probe {
	struct packet_type handler;
	struct completion seen;
	u8 payload[ETH_ZLEN - ETH_HLEN];
};

/* Every device of ours. Written at module load and removal only. */
static LIST_HEAD(vnet_list);

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
static void vnet_count(struct vnet_priv *priv, enum vnet_counter which, u64 n)
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
static void vnet_count_protocol(struct vnet_priv *priv, enum vnet_counter arp,
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
 * vnet_ring_alloc() - make an empty ring
 * @ring: the ring
 * @size: number of slots, a power of two
 *
 * Context: Process context.
 * Return: 0, or -ENOMEM.
 */
static int vnet_ring_alloc(struct vnet_ring *ring, unsigned int size)
{
	ring->slot = kvcalloc(size, sizeof(*ring->slot), GFP_KERNEL);
	if (!ring->slot)
		return -ENOMEM;
	ring->size = size;
	ring->head = 0;
	ring->tail = 0;
	return 0;
}

/**
 * vnet_ring_space() - how many frames the producer may still put
 * @ring: the ring
 *
 * Context: The producer.
 * Return: free slots; the consumer can only make it more.
 */
static unsigned int vnet_ring_space(const struct vnet_ring *ring)
{
	/* Pairs with vnet_ring_pop(): what is free here has been read there. */
	return ring->size - (ring->head - smp_load_acquire(&ring->tail));
}

/**
 * vnet_ring_count() - how many frames the consumer may take
 * @ring: the ring
 *
 * Context: The consumer.
 * Return: filled slots; the producer can only make it more.
 */
static unsigned int vnet_ring_count(const struct vnet_ring *ring)
{
	/* Pairs with vnet_ring_push(): what counts here has been written. */
	return smp_load_acquire(&ring->head) - READ_ONCE(ring->tail);
}

/**
 * vnet_ring_push() - put a frame at the head
 * @ring: the ring
 * @skb: the frame; the consumer's from here on, if true is returned
 *
 * Context: The producer.
 * Return: false if the ring is full.
 */
static bool vnet_ring_push(struct vnet_ring *ring, struct sk_buff *skb)
{
	if (!vnet_ring_space(ring))
		return false;
	ring->slot[ring->head & (ring->size - 1)] = skb;
	/* Pairs with vnet_ring_count(): the slot before the index. */
	smp_store_release(&ring->head, ring->head + 1);
	return true;
}

/**
 * vnet_ring_pop() - take the frame at the tail
 * @ring: the ring
 *
 * Context: The consumer.
 * Return: the frame, or NULL if the ring is empty.
 */
static struct sk_buff *vnet_ring_pop(struct vnet_ring *ring)
{
	struct sk_buff *skb;

	if (!vnet_ring_count(ring))
		return NULL;
	skb = ring->slot[ring->tail & (ring->size - 1)];
	/* Pairs with vnet_ring_space(): the slot before the index. */
	smp_store_release(&ring->tail, ring->tail + 1);
	return skb;
}

/**
 * vnet_ring_free() - drop what is left and give the memory back
 * @ring: the ring
 *
 * Context: Process context; producer and consumer have stopped.
 * Return: number of frames that had to be dropped.
 */
static unsigned int vnet_ring_free(struct vnet_ring *ring)
{
	unsigned int dropped = vnet_ring_count(ring);
	struct sk_buff *skb;

	while ((skb = vnet_ring_pop(ring)))
		kfree_skb(skb);
	kvfree(ring->slot);
	return dropped;
}

/**
 * vnet_receive() - a frame has come in over the wire: put it into the RX ring
 * @priv: the device
 * @skb: the frame, ours
 *
 * This is the hardware's half. If the host has not emptied the ring in time,
 * the frame has missed it.
 *
 * Context: The wire (softirq); the RX ring's producer.
 */
static void vnet_receive(struct vnet_priv *priv, struct sk_buff *skb)
{
	if (!vnet_ring_push(&priv->rx, skb)) {
		vnet_count(priv, VNET_RX_MISSED, 1);
		dev_kfree_skb_any(skb);
	}
}

/**
 * vnet_interrupt() - there is something in the RX ring
 * @priv: the device
 *
 * Raised by the hardware, unless masked. It does nothing but mask itself and
 * ask for a poll, so it can come at any time and costs next to nothing.
 *
 * Context: Softirq; whoever put a frame into the RX ring, and vnet_poll().
 */
static void vnet_interrupt(struct vnet_priv *priv)
{
	if (test_and_clear_bit(VNET_IRQ_ENABLED, &priv->flags)) {
		vnet_count(priv, VNET_RX_INTERRUPTS, 1);
		napi_schedule(&priv->napi);
	}
}

/**
 * vnet_poll() - empty the RX ring into the stack
 * @napi: &vnet_priv.napi
 * @budget: how many frames at most; 0 when netpoll only wants TX served
 *
 * Having used the whole budget means that there may be more: say so by
 * returning it, stay masked, and be called again. Otherwise unmask. A frame
 * that came between the last look at the ring and the unmasking raised no
 * interrupt, hence the second look.
 *
 * Bytes are counted before eth_type_trans() takes the header off, so that
 * both directions count the same frame alike.
 *
 * Context: Softirq (or the NAPI thread); the RX ring's consumer.
 * Return: number of frames handed to the stack.
 */
static int vnet_poll(struct napi_struct *napi, int budget)
{
	struct vnet_priv *priv = container_of(napi, struct vnet_priv, napi);
	struct net_device *dev = priv->dev;
	struct sk_buff *skb;
	int work = 0;

	while (work < budget && (skb = vnet_ring_pop(&priv->rx))) {
		vnet_count(priv, VNET_RX_PACKETS, 1);
		vnet_count(priv, VNET_RX_BYTES, skb->len);
		vnet_count_protocol(priv, VNET_RX_ARP, skb);
		skb->protocol = eth_type_trans(skb, dev);
		napi_gro_receive(napi, skb);
		work++;
	}
	vnet_count(priv, VNET_NAPI_POLLS, 1);
	if (budget && work == budget)
		vnet_count(priv, VNET_NAPI_BUDGET_FULL, 1);
	netif_dbg(priv, rx_status, dev, "poll: %d of %d\n", work, budget);

	if (work < budget && napi_complete_done(napi, work)) {
		set_bit(VNET_IRQ_ENABLED, &priv->flags);
		/* Pairs with test_and_clear_bit() in vnet_interrupt(). */
		smp_mb__after_atomic();
		if (vnet_ring_count(&priv->rx))
			vnet_interrupt(priv);
	}
	return work;
}

/**
 * vnet_protocol() - what a frame carries, behind any VLAN tags in its bytes
 * @skb: the frame, from its Ethernet header on
 * @offset: where to put the offset, in bytes, at which it begins
 *
 * May move the frame's head: read pointers into it anew.
 *
 * Context: Any.
 * Return: the EtherType; 0 if the frame ends before it.
 */
static __be16 vnet_protocol(struct sk_buff *skb, unsigned int *offset)
{
	__be16 proto = ((struct ethhdr *)skb->data)->h_proto;

	*offset = ETH_HLEN;
	while (eth_type_vlan(proto)) {
		if (!pskb_may_pull(skb, *offset + VLAN_HLEN))
			return 0;
		proto = *(__be16 *)(skb->data + *offset + 2);
		*offset += VLAN_HLEN;
	}
	return proto;
}

/**
 * vnet_reflect_arp() - turn an ARP request into its answer
 * @priv: the device
 * @arp: the request; writable
 *
 * Whatever address is asked for is the neighbour's. Two questions want no
 * answer: "is my own address taken?" (a probe, sender 0) and "this address is
 * mine" (an announcement, sender = target).
 *
 * Context: The wire (softirq).
 * Return: false if there is nothing to answer.
 */
static bool vnet_reflect_arp(struct vnet_priv *priv, struct vnet_arp *arp)
{
	if (arp->hdr.ar_hrd != htons(ARPHRD_ETHER) ||
	    arp->hdr.ar_pro != htons(ETH_P_IP) ||
	    arp->hdr.ar_hln != ETH_ALEN || arp->hdr.ar_pln != 4 ||
	    arp->hdr.ar_op != htons(ARPOP_REQUEST) ||
	    !arp->sender_ip || arp->sender_ip == arp->target_ip)
		return false;

	arp->hdr.ar_op = htons(ARPOP_REPLY);
	ether_addr_copy(arp->target_mac, arp->sender_mac);
	ether_addr_copy(arp->sender_mac, priv->neigh_addr);
	swap(arp->sender_ip, arp->target_ip);
	return true;
}

/**
 * vnet_reflect() - turn a frame into what a neighbour would send back
 * @priv: the device
 * @skb: the frame, from its Ethernet header on; not a clone
 *
 * Swapping two addresses changes no checksum. A group of stations does not
 * answer, except to ARP.
 *
 * Context: The wire (softirq).
 * Return: false if no neighbour would send anything.
 */
static bool vnet_reflect(struct vnet_priv *priv, struct sk_buff *skb)
{
	unsigned int offset, len;
	u8 sender[ETH_ALEN];
	struct ethhdr *eth;
	struct iphdr *iph;
	__be16 proto;

	proto = vnet_protocol(skb, &offset);
	len = offset;
	if (proto == htons(ETH_P_ARP))
		len += sizeof(struct vnet_arp);
	else if (proto == htons(ETH_P_IP))
		len += sizeof(struct iphdr);
	if (!proto || !pskb_may_pull(skb, len))
		return false;

	eth = (struct ethhdr *)skb->data;
	if (proto == htons(ETH_P_ARP)) {
		if (!vnet_reflect_arp(priv, (void *)(skb->data + offset)))
			return false;
		ether_addr_copy(eth->h_dest, priv->neigh_addr);
	} else if (is_multicast_ether_addr(eth->h_dest)) {
		return false;
	} else if (proto == htons(ETH_P_IP)) {
		iph = (struct iphdr *)(skb->data + offset);
		swap(iph->saddr, iph->daddr);
	}
	ether_addr_copy(sender, eth->h_source);
	ether_addr_copy(eth->h_source, eth->h_dest);
	ether_addr_copy(eth->h_dest, sender);
	return true;
}

/**
 * vnet_far_side() - a frame has arrived at the other end of the wire
 * @priv: the device
 * @skb: the frame, ours
 *
 * Somebody may still hold a clone of it (a running tcpdump does, and a bridge
 * that floods). Reflect and GRO write, so the bytes must be ours alone.
 *
 * Context: The wire (softirq).
 */
static void vnet_far_side(struct vnet_priv *priv, struct sk_buff *skb)
{
	if (skb_unclone(skb, GFP_ATOMIC) ||
	    (READ_ONCE(vnet_far_end) == VNET_REFLECT &&
	     !vnet_reflect(priv, skb))) {
		vnet_count(priv, VNET_WIRE_IGNORED, 1);
		dev_consume_skb_any(skb);
		return;
	}
	vnet_receive(priv, skb);
}

/**
 * vnet_complete() - the last bit of a frame has left
 * @priv: the device
 * @skb: the frame; from here on the wire's
 *
 * The sender's socket gets its memory back, and everything that the stack
 * knew of the frame but that no wire carries is forgotten: its route, its
 * connection, its mark, its timestamp, its hash, that its checksum was once
 * verified.
 *
 * Context: The wire (softirq).
 */
static void vnet_complete(struct vnet_priv *priv, struct sk_buff *skb)
{
	vnet_count(priv, VNET_TX_PACKETS, 1);
	vnet_count(priv, VNET_TX_BYTES, skb->len);
	vnet_count_protocol(priv, VNET_TX_ARP, skb);

	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_clear_delivery_time(skb);
	skb_clear_hash(skb);
	skb->priority = 0;
	skb->ip_summed = CHECKSUM_NONE;
}

/**
 * vnet_tx_wake() - wake the queue if it is stopped and there is room
 * @priv: the device
 *
 * Under the TX lock, because vnet_start_xmit() on another CPU may just have
 * started, filled and stopped the queue again; and only while the device is
 * up, because vnet_stop() has stopped the queue for good.
 *
 * Context: The wire (softirq).
 */
static void vnet_tx_wake(struct vnet_priv *priv)
{
	struct netdev_queue *txq = netdev_get_tx_queue(priv->dev, 0);

	/*
	 * Room first, then the look at the queue's state.
	 * vnet_tx_maybe_stop() stops first, then looks for room. One must see
	 * the other.
	 */
	smp_mb();
	if (likely(!netif_tx_queue_stopped(txq)))
		return;

	__netif_tx_lock(txq, smp_processor_id());
	if (netif_running(priv->dev) &&
	    vnet_ring_count(&priv->tx) < priv->tx.size) {
		vnet_count(priv, VNET_TX_WAKE, 1);
		netif_tx_wake_queue(txq);
	}
	__netif_tx_unlock(txq);
}

/**
 * vnet_wire_start() - set the wire's timer, unless it is set
 * @priv: the device
 *
 * With nothing in the ring it fires in vain, which does no harm.
 *
 * Context: Any; after a frame was put into the ring.
 */
static void vnet_wire_start(struct vnet_priv *priv)
{
	u64 delay = VNET_GET(tx_usecs) * (u64)NSEC_PER_USEC;

	if (!test_and_set_bit(VNET_WIRE_BUSY, &priv->flags))
		hrtimer_start(&priv->wire, ns_to_ktime(delay),
			      HRTIMER_MODE_REL_SOFT);
}

/**
 * vnet_wire() - the hardware: carry what was in the TX ring to the far end
 * @timer: &vnet_priv.wire
 *
 * Takes no more than what it found at the start, so that a fast producer on
 * another CPU cannot hold this one for ever.
 *
 * Context: Softirq (HRTIMER_MODE_SOFT); the TX ring's consumer and the RX
 * ring's producer.
 * Return: HRTIMER_NORESTART; vnet_wire_start() sets the timer again.
 */
static enum hrtimer_restart vnet_wire(struct hrtimer *timer)
{
	struct vnet_priv *priv = container_of(timer, struct vnet_priv, wire);
	unsigned int i, found = vnet_ring_count(&priv->tx);
	struct sk_buff *skb;

	for (i = 0; i < found; i++) {
		skb = vnet_ring_pop(&priv->tx);
		vnet_complete(priv, skb);
		vnet_far_side(priv, skb);
	}
	if (found) {
		vnet_interrupt(priv);
		vnet_count(priv, VNET_TX_COMPLETIONS, 1);
		netif_dbg(priv, tx_done, priv->dev, "wire: %u frames left\n",
			  found);
	}

	vnet_tx_wake(priv);

	/*
	 * First no longer busy, then the look at the ring. Pairs with
	 * test_and_set_bit() in vnet_wire_start(), a full barrier between the
	 * push and the look at the bit: one of the two must see the other.
	 */
	clear_bit(VNET_WIRE_BUSY, &priv->flags);
	smp_mb__after_atomic(); /* see above */
	if (vnet_ring_count(&priv->tx))
		vnet_wire_start(priv);
	return HRTIMER_NORESTART;
}

/**
 * vnet_tx_maybe_stop() - stop the queue if the ring is full
 * @priv: the device
 *
 * Context: Bottom halves off, TX queue lock held; the TX ring's producer.
 */
static void vnet_tx_maybe_stop(struct vnet_priv *priv)
{
	if (vnet_ring_space(&priv->tx))
		return;
	netif_stop_queue(priv->dev);
	/* Stop first, then look again. Pairs with vnet_tx_wake(). */
	smp_mb__after_atomic();
	if (vnet_ring_space(&priv->tx))
		netif_start_queue(priv->dev);
	else
		vnet_count(priv, VNET_TX_STOP, 1);
}

/**
 * vnet_start_xmit() - take one frame from the stack
 * @skb: the frame, from its Ethernet header on; ours from here
 * @dev: the device
 *
 * The queue is stopped while there is still nothing wrong: with the frame that
 * fills the ring, not with the first that does not fit.
 *
 * Context: Bottom halves off, TX queue lock held; the TX ring's producer.
 * Return: NETDEV_TX_OK; NETDEV_TX_BUSY would mean that stop and wake are
 * broken, and is there to say so.
 */
static netdev_tx_t vnet_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	if (unlikely(!vnet_ring_space(&priv->tx))) {
		netdev_err_once(dev, "TX ring full, but the queue is awake\n");
		vnet_tx_maybe_stop(priv);
		vnet_wire_start(priv);
		return NETDEV_TX_BUSY;
	}

	/* A receiver takes a shorter frame for what a collision left. */
	if (eth_skb_pad(skb)) {
		vnet_count(priv, VNET_TX_DROPPED, 1);
	} else {
		skb_tx_timestamp(skb);
		vnet_ring_push(&priv->tx, skb);
		/* From here on the frame may be gone: leave skb alone. */
		vnet_tx_maybe_stop(priv);
	}

	/* More frames follow at once: one doorbell will do for all. */
	if (!netdev_xmit_more() || netif_queue_stopped(dev))
		vnet_wire_start(priv);
	return NETDEV_TX_OK;
}

/**
 * vnet_tx_timeout() - the queue has been stopped for too long
 * @dev: the device
 * @txqueue: which queue; there is only one
 *
 * A real driver would suspect a lost interrupt first, look for completions,
 * and reset the hardware if there are none. This hardware is only slow: make
 * it finish now. The core counts the event (queues/tx-0/tx_timeout in sysfs).
 *
 * Context: Softirq, all TX queues frozen; must not sleep.
 */
static void vnet_tx_timeout(struct net_device *dev, unsigned int txqueue)
{
	struct vnet_priv *priv = netdev_priv(dev);

	netif_warn(priv, tx_err, dev, "TX queue %u timed out, completing now\n",
		   txqueue);
	set_bit(VNET_WIRE_BUSY, &priv->flags);
	hrtimer_start(&priv->wire, 0, HRTIMER_MODE_REL_SOFT);
}

/**
 * vnet_open() - the device goes up
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -ENOMEM; then the device stays down.
 */
static int vnet_open(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);
	int err;

	err = vnet_ring_alloc(&priv->tx, VNET_TX_RING_SIZE);
	if (err)
		return err;
	err = vnet_ring_alloc(&priv->rx, VNET_RX_RING_SIZE);
	if (err)
		goto err_free_tx;

	napi_enable(&priv->napi);
	priv->flags = BIT(VNET_IRQ_ENABLED);
	netif_start_queue(dev);
	netif_carrier_on(dev);
	netif_info(priv, ifup, dev, "up\n");
	return 0;

err_free_tx:
	vnet_ring_free(&priv->tx);
	return err;
}

/**
 * vnet_stop() - the device goes down
 * @dev: the device
 *
 * Along the frame's path: first the producer, then the consumer, then what is
 * left in between. netif_tx_disable() takes the TX lock, so that when it
 * returns no vnet_start_xmit() is running and none will start.
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_stop(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	netif_carrier_off(dev);
	netif_tx_disable(dev);
	hrtimer_cancel(&priv->wire);
	napi_disable(&priv->napi);

	local_bh_disable();
	vnet_count(priv, VNET_RX_MISSED, vnet_ring_free(&priv->rx));
	vnet_count(priv, VNET_TX_DROPPED, vnet_ring_free(&priv->tx));
	local_bh_enable();
	netif_info(priv, ifdown, dev, "down\n");
	return 0;
}

/**
 * vnet_get_stats64() - what `ip -s link` shows
 * @dev: the device
 * @stats: where to put it; zeroed by the caller
 *
 * Context: Any; also while the device is down.
 */
static void vnet_get_stats64(struct net_device *dev,
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
 * vnet_init_dev() - the core registers the device: make its counters
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -ENOMEM; then the device is not registered.
 */
static int vnet_init_dev(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	priv->stats = netdev_alloc_pcpu_stats(struct vnet_stats);
	return priv->stats ? 0 : -ENOMEM;
}

/**
 * vnet_uninit_dev() - the device is no longer registered
 * @dev: the device
 *
 * Left to free_netdev(), a thousand devices would wait for a thousand grace
 * periods. The core waits for one after this, before it frees them.
 *
 * Context: Process context, RTNL held; the device is down, and nobody reads
 * its counters any more.
 */
static void vnet_uninit_dev(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	__netif_napi_del(&priv->napi);
	free_percpu(priv->stats);
}

static const struct net_device_ops vnet_netdev_ops = {
	.ndo_init		= vnet_init_dev,
	.ndo_uninit		= vnet_uninit_dev,
	.ndo_open		= vnet_open,
	.ndo_stop		= vnet_stop,
	.ndo_start_xmit		= vnet_start_xmit,
	.ndo_tx_timeout		= vnet_tx_timeout,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_get_stats64	= vnet_get_stats64,
};

/**
 * vnet_get_drvinfo() - `ethtool -i`
 * @dev: the device
 * @info: where to put it
 *
 * Context: Process context, RTNL held, as all of ethtool.
 */
static void vnet_get_drvinfo(struct net_device *dev,
			     struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->bus_info, "virtual", sizeof(info->bus_info));
}

/**
 * vnet_get_link_ksettings() - `ethtool vnet0`
 * @dev: the device
 * @cmd: where to put it
 *
 * The speed is unknown, and says so: this wire takes tx_usecs for any number
 * of frames, which no figure in Mbit/s would describe.
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_get_link_ksettings(struct net_device *dev,
				   struct ethtool_link_ksettings *cmd)
{
	cmd->base.speed = SPEED_UNKNOWN;
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.port = PORT_NONE;
	cmd->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

/**
 * vnet_get_ringparam() - `ethtool -g`
 * @dev: the device
 * @ring: where to put it
 * @kernel_ring: more of it, of no use here
 * @extack: not needed, for nothing can go wrong
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_ringparam(struct net_device *dev,
			       struct ethtool_ringparam *ring,
			       struct kernel_ethtool_ringparam *kernel_ring,
			       struct netlink_ext_ack *extack)
{
	ring->tx_max_pending = VNET_TX_RING_SIZE;
	ring->tx_pending = VNET_TX_RING_SIZE;
	ring->rx_max_pending = VNET_RX_RING_SIZE;
	ring->rx_pending = VNET_RX_RING_SIZE;
}

/**
 * vnet_get_msglevel() - `ethtool vnet0`, its last lines
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: what is logged, NETIF_MSG_*.
 */
static u32 vnet_get_msglevel(struct net_device *dev)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	return priv->msg_enable;
}

/**
 * vnet_set_msglevel() - `ethtool -s vnet0 msglvl …`
 * @dev: the device
 * @level: what to log, NETIF_MSG_*
 *
 * Context: Process context, RTNL held; the frame's path reads it as it goes.
 */
static void vnet_set_msglevel(struct net_device *dev, u32 level)
{
	struct vnet_priv *priv = netdev_priv(dev);

	WRITE_ONCE(priv->msg_enable, level);
}

/**
 * vnet_probe_seen() - a frame of our type has been received
 * @skb: the frame, behind its Ethernet header; ours to free
 * @dev: where it came in
 * @handler: our half of the registration
 * @orig_dev: where it came in before any bond or VLAN
 *
 * Context: Softirq, in the stack's receive path.
 * Return: NET_RX_SUCCESS, always.
 */
static int vnet_probe_seen(struct sk_buff *skb, struct net_device *dev,
			   struct packet_type *handler,
			   struct net_device *orig_dev)
{
	struct vnet_probe *probe = container_of(handler, struct vnet_probe,
						handler);
	u8 payload[sizeof(probe->payload)];

	if (!skb_copy_bits(skb, 0, payload, sizeof(payload)) &&
	    !memcmp(payload, probe->payload, sizeof(payload)))
		complete(&probe->seen);
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

/**
 * vnet_probe_send() - send the self-test's frame to the neighbour
 * @priv: the device
 * @probe: what to send
 *
 * Context: Process context.
 * Return: 0, -ENOMEM, or what the stack refused the frame with.
 */
static int vnet_probe_send(struct vnet_priv *priv, struct vnet_probe *probe)
{
	struct net_device *dev = priv->dev;
	struct sk_buff *skb;
	int ret;

	skb = alloc_skb(LL_RESERVED_SPACE(dev) + ETH_ZLEN, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, LL_RESERVED_SPACE(dev));
	skb_put_data(skb, probe->payload, sizeof(probe->payload));
	skb->dev = dev;
	skb->protocol = htons(ETH_P_802_EX1);
	skb_reset_network_header(skb);
	dev_hard_header(skb, dev, ETH_P_802_EX1, priv->neigh_addr,
			dev->dev_addr, skb->len);
	ret = dev_queue_xmit(skb);
	return ret > 0 ? net_xmit_errno(ret) : ret;
}

/**
 * vnet_loopback_test() - send a frame, see whether it comes back unharmed
 * @priv: the device
 *
 * Through the whole path, as any frame: qdisc, TX ring, wire, RX ring, NAPI,
 * stack. Below a bridge or a bond it fails: those take the frame first.
 *
 * Context: Process context, RTNL held.
 * Return: 0, -ENOMEM, -ETIMEDOUT, -ERESTARTSYS if killed, or what the stack
 * refused the frame with.
 */
static int vnet_loopback_test(struct vnet_priv *priv)
{
	long left = VNET_TEST_TIMEOUT +
		    usecs_to_jiffies(2 * VNET_GET(tx_usecs));
	struct vnet_probe *probe;
	int err;

	probe = kzalloc(sizeof(*probe), GFP_KERNEL);
	if (!probe)
		return -ENOMEM;
	init_completion(&probe->seen);
	get_random_bytes(probe->payload, sizeof(probe->payload));
	probe->handler.type = htons(ETH_P_802_EX1);
	probe->handler.dev = priv->dev;
	probe->handler.func = vnet_probe_seen;

	dev_add_pack(&probe->handler);
	err = vnet_probe_send(priv, probe);
	if (!err) {
		left = wait_for_completion_killable_timeout(&probe->seen, left);
		err = left > 0 ? 0 : left ?: -ETIMEDOUT;
	}
	dev_remove_pack(&probe->handler);
	kfree(probe);
	return err;
}

/* As `ethtool -t` prints them. */
static const char vnet_test_names[][ETH_GSTRING_LEN] = {
	"Device is up", "Loopback frame",
};

/**
 * vnet_self_test() - `ethtool -t`
 * @dev: the device
 * @test: what was asked for, and whether it failed
 * @data: a result for each test: 0, or a negative errno
 *
 * Context: Process context, RTNL held; sleeps.
 */
static void vnet_self_test(struct net_device *dev, struct ethtool_test *test,
			   u64 *data)
{
	data[0] = netif_running(dev) ? 0 : -ENETDOWN;
	data[1] = data[0] ?: vnet_loopback_test(netdev_priv(dev));
	if (data[0] || data[1])
		test->flags |= ETH_TEST_FL_FAILED;
}

/**
 * vnet_get_sset_count() - how many lines `ethtool -S` or `-t` will print
 * @dev: the device
 * @sset: which set of strings
 *
 * Context: Process context, RTNL held.
 * Return: their number, or -EOPNOTSUPP for a set that we do not have.
 */
static int vnet_get_sset_count(struct net_device *dev, int sset)
{
	switch (sset) {
	case ETH_SS_STATS:
		return ARRAY_SIZE(vnet_counter_names);
	case ETH_SS_TEST:
		return ARRAY_SIZE(vnet_test_names);
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * vnet_get_strings() - the counters' or the tests' names
 * @dev: the device
 * @sset: which set of strings
 * @data: where to put them
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	if (sset == ETH_SS_STATS)
		memcpy(data, vnet_counter_names, sizeof(vnet_counter_names));
	else if (sset == ETH_SS_TEST)
		memcpy(data, vnet_test_names, sizeof(vnet_test_names));
}

/**
 * vnet_get_ethtool_stats() - the counters' values
 * @dev: the device
 * @stats: unused
 * @data: where to put them
 *
 * Context: Process context, RTNL held.
 */
static void vnet_get_ethtool_stats(struct net_device *dev,
				   struct ethtool_stats *stats, u64 *data)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	unsigned int i;

	for (i = VNET_ETHTOOL_FIRST; i < VNET_COUNTERS; i++)
		*data++ = vnet_sum(priv, i);
}

static const struct ethtool_ops vnet_ethtool_ops = {
	.get_drvinfo		= vnet_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= vnet_get_link_ksettings,
	.get_ringparam		= vnet_get_ringparam,
	.get_msglevel		= vnet_get_msglevel,
	.set_msglevel		= vnet_set_msglevel,
	.self_test		= vnet_self_test,
	.get_sset_count		= vnet_get_sset_count,
	.get_strings		= vnet_get_strings,
	.get_ethtool_stats	= vnet_get_ethtool_stats,
	.get_ts_info		= ethtool_op_get_ts_info,
};

/**
 * vnet_setup() - what every device has in common
 * @dev: the device, not yet registered
 *
 * Context: Process context.
 */
static void vnet_setup(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	priv->dev = dev;
	priv->msg_enable = netif_msg_init(-1, NETIF_MSG_DRV | NETIF_MSG_LINK |
						NETIF_MSG_TX_ERR);
	hrtimer_setup(&priv->wire, vnet_wire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	netif_napi_add(dev, &priv->napi, vnet_poll);

	strscpy(dev->name, "vnet%d", sizeof(dev->name));
	dev->netdev_ops = &vnet_netdev_ops;
	dev->ethtool_ops = &vnet_ethtool_ops;
	dev->needs_free_netdev = true;
	dev->watchdog_timeo = 2 * HZ;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	/* The ring keeps a frame after xmit: nobody may send it twice. */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	netif_carrier_off(dev);
}

/**
 * vnet_create() - make one device and show it to the world
 * @index: which one, from 0; decides its address and its neighbour's
 *
 * Context: Process context, RTNL not held.
 * Return:
 * * 0 - it exists
 * * -ENOMEM - out of memory; nothing is left behind
 * * other - what register_netdev() refused it with; nothing is left behind
 */
static int __init vnet_create(unsigned int index)
{
	struct net_device *dev;
	struct vnet_priv *priv;
	u8 addr[ETH_ALEN];
	int err;

	dev = alloc_etherdev(sizeof(*priv));
	if (!dev)
		return -ENOMEM;
	priv = netdev_priv(dev);

	vnet_setup(dev);
	u64_to_ether_addr(VNET_MAC_BASE + index, addr);
	eth_hw_addr_set(dev, addr);
	u64_to_ether_addr(VNET_NEIGH_MAC_BASE + index, priv->neigh_addr);

	err = register_netdev(dev);
	if (err) {
		/* The NAPI instance could be found until now. */
		synchronize_net();
		free_netdev(dev);
		return err;
	}
	list_add_tail(&priv->node, &vnet_list);
	return 0;
}

/**
 * vnet_destroy_all() - take every device away
 *
 * One batch, because each unregistration on its own waits for a grace period.
 * The core frees the devices (needs_free_netdev) once nobody holds them.
 *
 * Context: Process context, RTNL not held.
 */
static void vnet_destroy_all(void)
{
	struct vnet_priv *priv;
	LIST_HEAD(doomed);

	rtnl_lock();
	list_for_each_entry(priv, &vnet_list, node)
		unregister_netdevice_queue(priv->dev, &doomed);
	unregister_netdevice_many(&doomed);
	rtnl_unlock();
}

/**
 * vnet_init() - the module has been loaded: make the devices
 *
 * Context: Process context.
 * Return: 0, or the error of the device that could not be made; then none is
 * left.
 */
static int __init vnet_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < VNET_GET(devices); i++) {
		err = vnet_create(i);
		if (err) {
			pr_err("device %u could not be made (%d)\n", i, err);
			vnet_destroy_all();
			return err;
		}
	}
	pr_debug("loaded, devices=%u\n", VNET_GET(devices));
	return 0;
}

/**
 * vnet_exit() - the module is about to go
 *
 * Context: Process context; nobody uses the module any more.
 */
static void __exit vnet_exit(void)
{
	vnet_destroy_all();
	pr_debug("unloaded\n");
}

module_init(vnet_init);
module_exit(vnet_exit);

MODULE_DESCRIPTION("vnet: a network driver in nine steps");
MODULE_AUTHOR("The vnet maintainers");
MODULE_LICENSE("GPL");
