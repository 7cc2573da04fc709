/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: The device
 *
 * What the files of this driver share: the device, its queue pairs, and the
 * functions by which the files call each other, in the order of a frame's
 * path.
 *
 * Queue i of one end feeds queue i of the other. What the sender's queue holds
 * is read by the receiver's poll: it plays the wire (from the sender's TX ring
 * into its own RX ring), then the host (from the RX ring into the stack).
 *
 * What changes rings or queues is done under RTNL while the link is frozen
 * (freeze.c), so that the path of a frame needs no lock but the stack's own TX
 * lock; steered frames (rss.c) need one more.
 *
 * Next: main.c, or follow a frame: tx.c, wire.c, rx.c.
 */

#ifndef VNET_H
#define VNET_H

#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/hrtimer.h>
#include <linux/if_ether.h>
#include <linux/netdevice.h>
#include <linux/spinlock.h>
#include <net/xdp.h>

#include "compat.h"
#include "impair.h"
#include "ring.h"
#include "stats.h"
#include "uapi/vnet.h"

/* Queue pairs of a device at most. */
#define VNET_QUEUES_MAX 64

/* Ring sizes that `ethtool -G` takes; powers of two, so an index is a mask. */
#define VNET_RING_MIN 4
#define VNET_RING_MAX 4096
#define VNET_RING_DEFAULT 256

/* Entries of the table of `ethtool -x`; enough for two per queue. */
#define VNET_RSS_TABLE 128
static_assert(VNET_RSS_TABLE >= 2 * VNET_QUEUES_MAX);

/* An interrupt may be put off by a second; longer looks like a dead link. */
#define VNET_RX_USECS_MAX 1000000

/* A queue that is stopped for longer than this hangs; in jiffies. */
#define VNET_WATCHDOG (5 * HZ)

/* By default, 5000 interrupts a second, or one for each 16 frames. */
#define VNET_RX_USECS 200
#define VNET_RX_FRAMES 16

/**
 * struct vnet_queue - one queue pair
 * @dev: the device it belongs to
 * @txq: the stack's half of the sending queue
 * @index: which queue pair of the device
 * @far: the queue pair at the other end that gets what this one sends; NULL
 *	while there is no link or it is frozen. Written under the TX lock, which
 *	also keeps whoever found it non-NULL from being overtaken by a freeze.
 * @out: the impaired wire over which that goes; NULL for a clean one; written
 *	with @far
 * @line: the impaired wire that this queue's poll runs, or NULL; written while
 *	the link is frozen
 * @feeds: first of the queue pairs at the other end that send to this one;
 *	written while the link is frozen
 * @feed_next: next queue pair that sends to the same one
 * @feed_turn: which of those that send to this one is to be the first next
 *	time; NULL for @feeds; written by the poll, and while the link is frozen
 * @slots: memory of both rings
 * @tx: from vnet_start_xmit() and XDP, under the TX lock, to vnet_wire() in the
 *	poll of @far
 * @tx_stats: counters of the side that puts frames into @tx
 * @wire_stats: counters of the side that takes them out
 * @taken: how many frames an impaired wire has taken out of @tx in this run,
 *	whose slots it has not given back yet
 * @taken_bytes: of them all
 * @waits: the first frame in @tx is steered to a queue whose RX ring is full,
 *	and that queue's poll asks for the one that carries it
 * @rx: from vnet_wire() to vnet_poll(), both in this queue's poll; when frames
 *	are steered (`ethtool -X`), from any poll of the device that holds
 *	@rx_lock
 * @rx_lock: keeps the polls apart that steer frames to this queue
 * @rx_wanted: bit 0: some of them have frames that wait for room in @rx
 * @rx_turn: index of the queue whose senders are to be the first of these next
 *	time; of as many as there are
 * @rx_stats: counters of the poll
 * @napi: the poll
 * @gro_useless: frames that GRO could not join to others, one after the other
 * @gro_skip: how many frames are to go past it therefore
 * @irq_masked: the interrupt will not be raised: a poll that it asked for is to
 *	come or at work
 * @irq_fresh: the poll that comes next was asked for by an interrupt, and not
 *	by one who polls because he is busy; whose the poll is
 * @irq_waiting: the interrupt is put off until @irq_timer fires
 * @rx_usecs: by how many microseconds an interrupt is put off; 0 for not at all
 * @rx_frames: unless there are so many frames; 0 for any number
 * @irq_timer: puts off the interrupt
 * @irq_due: until when, at the latest
 * @irq_put_off: the interrupt that comes next has been put off
 * @irq_skip: how many interrupts are not to be put off, because it would not
 *	be worth its while
 * @xdp_rxq: what XDP wants to know of this queue
 */
struct vnet_queue {
	/* Written under RTNL while the link is frozen. */
	struct net_device *dev;
	struct netdev_queue *txq;
	unsigned int index;
	struct vnet_queue *far;
	struct vnet_line *out;
	struct vnet_line *line;
	struct vnet_queue *feeds;
	struct vnet_queue *feed_next;
	void **slots;

	/* The producer's line and the consumer's are in the ring. */
	struct vnet_ring tx;
	struct vnet_tx_stats tx_stats;

	/* Written by the wire. */
	struct vnet_wire_stats wire_stats ____cacheline_aligned_in_smp;
	unsigned int taken;
	unsigned int taken_bytes;
	bool waits;

	/* Written by the poll. */
	struct vnet_ring rx;
	spinlock_t rx_lock; /* makes the RX ring's producers one */
	unsigned long rx_wanted;
	struct vnet_rx_stats rx_stats;
	struct napi_struct napi;
	struct vnet_queue *feed_turn;
	unsigned int rx_turn;
	unsigned int gro_useless;
	unsigned int gro_skip;
	bool irq_fresh;

	/* Written by whoever raises the interrupt, and by the poll. */
	bool irq_masked ____cacheline_aligned_in_smp;
	unsigned long irq_waiting;
	ktime_t irq_due;
	bool irq_put_off;
	unsigned int irq_skip;
	struct hrtimer irq_timer;

	/* Written under RTNL. */
	unsigned int rx_usecs;
	unsigned int rx_frames;
	struct xdp_rxq_info xdp_rxq;
};

/**
 * struct vnet_priv - one device
 * @dev: the kernel's half of it
 * @peer: the other end of a pair, or the device itself; NULL before the one
 *	exists. Written under RTNL, read there or under RCU
 * @queue: its queue pairs, as many as the device may ever have
 * @line: what happens to frames that it sends, if anything ever has
 * @xdp_prog: the XDP program; written under RTNL, read under RCU
 * @far_mac: address of the neighbour, if the wire is a VNET_WIRE_REFLECT
 * @wire: what is at the other end, an enum vnet_wire_kind
 * @up: it has rings and polls
 * @looped: the self-test has taken it off the wire and put in a plug
 * @stalled: the hardware has hung and carries nothing (a fault from debugfs);
 *	written anywhere
 * @steered: `ethtool -X` has been used, and @rss_table acts
 * @pause_rx: it stops sending when the far end asks it to
 * @pause_tx: it asks the far end to stop sending when its RX ring is full
 * @per_frame: the wire tells frames apart: nothing larger may be sent
 * @direction: see &vnet_impair.direction
 * @adaptive_rx: interrupts are put off only while that is worth it
 * @queues: how many queue pairs are in use
 * @tx_size: slots of a TX ring
 * @rx_size: slots of an RX ring
 * @rx_usecs: see &vnet_queue.rx_usecs, as it was set
 * @rx_frames: see &vnet_queue.rx_frames, as it was set
 * @msg_enable: what to log, NETIF_MSG_*
 * @headroom: bytes that whoever sits above the device wants before a frame
 * @id: number of the device in this module, for debugfs
 * @rss_table: queue for the frames whose hash is i modulo VNET_RSS_TABLE
 *
 * All of it is written under RTNL; what the path of a frame reads of it is
 * written while the link is frozen, or with WRITE_ONCE().
 */
struct vnet_priv {
	struct net_device *dev;
	struct net_device __rcu *peer;
	struct vnet_queue *queue;
	struct vnet_line *line;
	struct bpf_prog __rcu *xdp_prog;
	u8 far_mac[ETH_ALEN];
	u8 wire;
	bool up;
	bool looped;
	bool stalled;
	bool steered;
	bool pause_rx;
	bool pause_tx;
	bool adaptive_rx;
	bool per_frame;
	u8 direction;
	unsigned int queues;
	unsigned int tx_size;
	unsigned int rx_size;
	unsigned int rx_usecs;
	unsigned int rx_frames;
	u32 msg_enable;
	u16 headroom;
	unsigned int id;
	u8 rss_table[VNET_RSS_TABLE];
};

/* What struct skb_shared_info takes at the end of a buffer. */
#define VNET_XDP_TAIL SKB_DATA_ALIGN(sizeof(struct skb_shared_info))

/* Bytes of a frame that fit into one page, as an XDP program finds it. */
#define VNET_XDP_LINEAR (PAGE_SIZE - XDP_PACKET_HEADROOM - VNET_XDP_TAIL)

/* How many frames XDP sends back at once, under one lock; as devmap does. */
#define VNET_XDP_BULK 16

/**
 * struct vnet_xdp_work - what XDP has left to do at the end of a poll
 * @frames: to be sent back
 * @count: how many
 * @redirected: some were sent elsewhere, and have to be flushed
 */
struct vnet_xdp_work {
	void *frames[VNET_XDP_BULK];
	unsigned int count;
	bool redirected;
};

struct vnet_line;

/* A ring holds pointers to struct sk_buff, and, marked so, to xdp_frame. */
#define VNET_FRAME_XDP 1UL

/**
 * vnet_frame_xdp() - what XDP has sent, if the frame is such a one
 * @frame: as it lies in a ring
 *
 * Context: Any.
 * Return: the XDP frame, or NULL if it is an skb.
 */
static inline struct xdp_frame *vnet_frame_xdp(void *frame)
{
	if (!((unsigned long)frame & VNET_FRAME_XDP))
		return NULL;
	return (void *)((unsigned long)frame & ~VNET_FRAME_XDP);
}

/**
 * vnet_frame_mark() - make a frame that XDP has sent fit for a ring
 * @xdpf: the XDP frame
 *
 * What a program has said about it (bpf_xdp_adjust_meta()) no wire carries.
 *
 * Context: Any.
 * Return: what to put into the ring.
 */
static inline void *vnet_frame_mark(struct xdp_frame *xdpf)
{
	xdpf->metasize = 0;
	return (void *)((unsigned long)xdpf | VNET_FRAME_XDP);
}

/**
 * vnet_frame_len() - length of a frame
 * @frame: the frame, as it lies in a ring
 *
 * Context: Any.
 * Return: bytes, from the Ethernet header on.
 */
static inline unsigned int vnet_frame_len(void *frame)
{
	struct xdp_frame *xdpf = vnet_frame_xdp(frame);

	if (unlikely(xdpf))
		return xdp_get_frame_len(xdpf);
	return ((struct sk_buff *)frame)->len;
}

/**
 * vnet_max_queues() - how many queue pairs a device may have
 * @dev: the device
 *
 * Context: Any.
 * Return: their number; it was settled when the device was made.
 */
static inline unsigned int vnet_max_queues(const struct net_device *dev)
{
	return min(dev->num_tx_queues, dev->num_rx_queues);
}

/* queue.c */
void vnet_xps(struct vnet_priv *priv);
int vnet_queues_alloc(struct vnet_priv *priv);
int vnet_up(struct vnet_priv *priv);
void vnet_down(struct vnet_priv *priv);
int vnet_resize(struct vnet_priv *priv, unsigned int queues,
		unsigned int tx_size, unsigned int rx_size);
void vnet_moderate(struct vnet_priv *priv);

/* freeze.c */
void vnet_freeze(struct vnet_priv *priv);
void vnet_thaw(struct vnet_priv *priv);
void vnet_carrier(struct vnet_priv *priv);
void vnet_cut(struct vnet_priv *priv);

/* rss.c */
void vnet_rss_default(struct vnet_priv *priv);
int vnet_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info,
		   u32 *rules);
u32 vnet_get_rx_ring_count(struct net_device *dev);
u32 vnet_get_rxfh_indir_size(struct net_device *dev);
#if VNET_RXFH_FIELDS
int vnet_get_rxfh_fields(struct net_device *dev,
			 struct ethtool_rxfh_fields *fields);
#endif
#if VNET_RXFH_PARAM
int vnet_get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh);
int vnet_set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh,
		  struct netlink_ext_ack *extack);
#else
int vnet_get_rxfh(struct net_device *dev, u32 *indir, u8 *key, u8 *hfunc);
int vnet_set_rxfh(struct net_device *dev, const u32 *indir, const u8 *key,
		  const u8 hfunc);
#endif

/* tx.c */
netdev_tx_t vnet_start_xmit(struct sk_buff *skb, struct net_device *dev);
unsigned int vnet_tx_frames(struct vnet_queue *q, void **frames,
			    unsigned int n);
void vnet_tx_wake(struct vnet_queue *q);
void vnet_tx_timeout(struct net_device *dev, unsigned int txqueue);

/* wire.c */
void vnet_wire(struct vnet_queue *to);
bool vnet_wire_due(const struct vnet_queue *to);
bool vnet_wire_pending(const struct vnet_queue *to, bool waiting);
void vnet_frame_drop(void *frame);
int vnet_forget(struct sk_buff *skb);
struct vnet_queue *vnet_steer(struct vnet_queue *to, void *frame);

/**
 * vnet_complete() - frames have left their sender for good
 * @from: the queue that has sent them
 * @n: how many
 * @bytes: of all together
 *
 * Here, so that a wire that is clean does not pay for a call.
 *
 * Context: The wire (softirq); the consumer of the TX ring.
 */
static inline void vnet_complete(struct vnet_queue *from, unsigned int n,
				 unsigned int bytes)
{
	vnet_ring_consume(&from->tx, n);
	vnet_count(&from->wire_stats, VNET_WIRE_COMPLETIONS, 1);
	vnet_count(&from->wire_stats, VNET_WIRE_PACKETS, n);
	vnet_count(&from->wire_stats, VNET_WIRE_BYTES, bytes);
	netdev_tx_completed_queue(from->txq, n, bytes);
	vnet_tx_wake(from);
}

/* change.c */
const struct vnet_impair *vnet_impair_of(const struct vnet_priv *priv);
struct vnet_impair *vnet_impair_ask(const struct vnet_priv *priv,
				    unsigned int direction,
				    const struct nlattr *attr,
				    struct netlink_ext_ack *extack);
void vnet_impair_patience(struct vnet_priv *priv);
int vnet_impair_prepare(struct vnet_priv *priv);
void vnet_impair_force(struct vnet_priv *priv, struct vnet_impair *next);
int vnet_impair_rate(struct vnet_priv *priv, u64 rate);
size_t vnet_impair_size(void);
int vnet_impair_fill(struct sk_buff *skb, const struct vnet_priv *priv);
size_t vnet_xstats_size(const struct net_device *dev);
int vnet_xstats_fill(struct sk_buff *skb, const struct net_device *dev);

/* reflect.c */
bool vnet_reflect(const struct vnet_priv *priv, void **frame);

/* rx.c */
void vnet_irq_raise(struct vnet_queue *q, const struct vnet_queue *from,
		    bool now);
enum hrtimer_restart vnet_irq_timer(struct hrtimer *timer);
void vnet_irq_fire(struct vnet_queue *q);
void vnet_irq_force(struct vnet_queue *q);
int vnet_poll(struct napi_struct *napi, int budget);

/* xdp.c */
struct sk_buff *vnet_xdp_skb(struct vnet_queue *q, struct bpf_prog *prog,
			     struct sk_buff *skb, struct vnet_xdp_work *work);
struct sk_buff *vnet_xdp_frame(struct vnet_queue *q, struct bpf_prog *prog,
			       struct xdp_frame *xdpf,
			       struct vnet_xdp_work *work);
void vnet_xdp_finish(struct vnet_queue *q, struct vnet_xdp_work *work);
int vnet_xdp_xmit(struct net_device *dev, int n, struct xdp_frame **frames,
		  u32 flags);

/* xdp_attach.c */
int vnet_bpf(struct net_device *dev, struct netdev_bpf *bpf);
void vnet_xdp_setup(struct net_device *dev);

/* netdev.c */
void vnet_setup(struct net_device *dev);
struct net_device *vnet_peer(const struct vnet_priv *priv);

/* link.c */
int vnet_create_lab(unsigned int index);
int vnet_link_register(void);
void vnet_link_unregister(void);

/* selftest.c */
void vnet_self_test(struct net_device *dev, struct ethtool_test *test,
		    u64 *data);
unsigned int vnet_test_total(void);
void vnet_get_test_names(u8 *data);

/* fault.c */
void vnet_fault_init(void);
void vnet_fault_exit(void);

extern struct rtnl_link_ops vnet_link_ops;
extern const struct ethtool_ops vnet_ethtool_ops;

#endif /* VNET_H */
