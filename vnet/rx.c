// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: From the RX ring into the stack
 *
 * The interrupt masks itself and asks for a poll, at once or, if it is
 * moderated (`ethtool -C`), after a while; the poll plays the wire, takes what
 * its budget allows, hands it to XDP and to the stack, unmasks, and looks
 * again (Documentation/networking/napi.rst). The poll is the consumer of the
 * RX ring.
 *
 * Next: xdp.c, or queue.c, which starts and stops all of this.
 */

#include <linux/etherdevice.h>
#include <linux/filter.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <net/busy_poll.h>

#include "line.h"
#include "vnet.h"

/* Offloads of the receiving side; with all of them there is nothing to do. */
#define VNET_RX_OFFLOADS (NETIF_F_RXCSUM | NETIF_F_RXHASH | \
			  NETIF_F_HW_VLAN_CTAG_RX | NETIF_F_HW_VLAN_STAG_RX)

/*
 * An interrupt that was put off must bring so many frames to have been worth
 * it; else the next ones are not put off. Counted on a virtual machine, the
 * timer costs 3500 instructions, an interrupt and its poll 700.
 */
#define VNET_IRQ_WORTH 4
#define VNET_IRQ_SKIP 64

/* GRO that has found nothing in so many frames does not see so many others. */
#define VNET_GRO_TRY 16
#define VNET_GRO_SKIP 64

/**
 * vnet_irq_fire() - the interrupt: mask it, ask for a poll
 * @q: the queue
 *
 * Context: Any.
 */
void vnet_irq_fire(struct vnet_queue *q)
{
	if (napi_schedule_prep(&q->napi)) {
		q->irq_fresh = true;
		WRITE_ONCE(q->irq_masked, true);
		__napi_schedule(&q->napi);
	}
}

/**
 * vnet_irq_moderate() - put the interrupt off, if it can wait
 * @q: the queue that receives
 * @from: the queue that has sent; NULL if it was steered here
 *
 * It cannot wait if the frames are many, or if their sender is stopped, or if
 * there is no room for others: for more would not come.
 *
 * Context: Bottom halves off; without @from, the RX ring's producer.
 * Return: true if it was put off.
 */
static bool vnet_irq_moderate(struct vnet_queue *q,
			      const struct vnet_queue *from)
{
	unsigned int frames = READ_ONCE(q->rx_frames);

	if (frames && vnet_ring_count(from ? &from->tx : &q->rx) >= frames)
		return false;
	if (from ? netif_xmit_stopped(from->txq) : vnet_ring_full(&q->rx))
		return false;
	if (!READ_ONCE(q->irq_put_off)) {
		WRITE_ONCE(q->irq_due, ktime_add_us(ktime_get(),
						    READ_ONCE(q->rx_usecs)));
		/* Put off, then the look. Pairs with vnet_irq_timer(). */
		smp_store_mb(q->irq_put_off, true);
	}
	if (!READ_ONCE(q->irq_waiting) &&
	    !test_and_set_bit(0, &q->irq_waiting))
		hrtimer_start(&q->irq_timer, READ_ONCE(q->irq_due),
			      HRTIMER_MODE_ABS);
	return true;
}

/**
 * vnet_irq_urgent() - whether an interrupt is not to be put off
 * @q: the queue that receives
 *
 * Either there is no moderation, or putting off has not been worth its while
 * and pauses; see vnet_irq_adapt().
 *
 * Context: Bottom halves off.
 * Return: true if it is not.
 */
static bool vnet_irq_urgent(struct vnet_queue *q)
{
	unsigned int skip = READ_ONCE(q->irq_skip);

	if (!READ_ONCE(q->rx_usecs))
		return true;
	if (skip)
		WRITE_ONCE(q->irq_skip, skip - 1);
	return skip;
}

/**
 * vnet_irq_adapt() - learn from what an interrupt has brought
 * @q: the queue
 * @work: how many frames
 *
 * The timer that puts an interrupt off costs as much as the interrupts of
 * several frames. Where it gathers fewer, as with a ping or with TCP's
 * acknowledgements, and adaptive moderation is on (`ethtool -C`), the next
 * interrupts are not put off.
 *
 * Context: The poll, when it has ended.
 */
static void vnet_irq_adapt(struct vnet_queue *q, int work)
{
	const struct vnet_priv *priv = netdev_priv(q->dev);

	if (likely(!READ_ONCE(q->irq_put_off)))
		return;
	WRITE_ONCE(q->irq_put_off, false);
	if (work < VNET_IRQ_WORTH && READ_ONCE(priv->adaptive_rx))
		WRITE_ONCE(q->irq_skip, VNET_IRQ_SKIP);
}

/**
 * vnet_irq_timer() - an interrupt may have been put off for long enough
 * @timer: &vnet_queue.irq_timer
 *
 * If the interrupt that the timer was set for came sooner, because of many
 * frames, nobody has cancelled it, which costs more than to find out here.
 *
 * Context: Hardirq.
 * Return: HRTIMER_RESTART, if it is for a later interrupt.
 */
enum hrtimer_restart vnet_irq_timer(struct hrtimer *timer)
{
	struct vnet_queue *q = container_of(timer, struct vnet_queue,
					    irq_timer);
	ktime_t due = READ_ONCE(q->irq_due);

	if (READ_ONCE(q->irq_put_off) && ktime_before(ktime_get(), due)) {
		hrtimer_set_expires(timer, due);
		return HRTIMER_RESTART;
	}
	clear_bit(0, &q->irq_waiting);
	/* No longer waiting, then the look. Pairs with vnet_irq_moderate(). */
	smp_mb__after_atomic();
	if (READ_ONCE(q->irq_put_off))
		vnet_irq_fire(q);
	return HRTIMER_NORESTART;
}

/**
 * vnet_irq_raise() - there is something for a queue
 * @q: the queue that receives
 * @from: the queue that has sent; NULL if it was steered here
 * @now: the interrupt must not be put off
 *
 * Does nothing if the interrupt is masked, which costs next to nothing.
 *
 * Context: Bottom halves off; whoever has published a frame.
 */
void vnet_irq_raise(struct vnet_queue *q, const struct vnet_queue *from,
		    bool now)
{
	/* The frame first, then the look. Pairs with vnet_irq_unmask(). */
	smp_mb();
	if (READ_ONCE(q->irq_masked))
		return;
	if (!now && !vnet_irq_urgent(q) && vnet_irq_moderate(q, from))
		return;
	vnet_irq_fire(q);
}

/**
 * vnet_irq_force() - make a queue poll, whether there is something or not
 * @q: the queue
 *
 * Context: Any but hardirq.
 */
void vnet_irq_force(struct vnet_queue *q)
{
	local_bh_disable();
	vnet_irq_fire(q);
	local_bh_enable();
}

/**
 * vnet_irq_unmask() - the poll has ended: allow the interrupt again
 * @q: the queue
 *
 * A frame that came between the last look at the rings and the unmasking
 * raised no interrupt, hence the second look. It could wait, unless one of
 * several senders is stopped, or it was steered to a ring that has room only
 * now; rather than to ask for that, it does not.
 *
 * Context: The poll, after napi_complete_done().
 */
static void vnet_irq_unmask(struct vnet_queue *q)
{
	const struct vnet_priv *priv = netdev_priv(q->dev);

	/* Unmask first, then look. Pairs with vnet_irq_raise(). */
	smp_store_mb(q->irq_masked, false);
	if (unlikely(vnet_ring_count(&q->rx)))
		vnet_irq_fire(q);
	else if (unlikely(vnet_wire_pending(q, false)))
		vnet_irq_raise(q, q->feeds, priv->steered ||
			       (q->feeds && q->feeds->feed_next));
}

/**
 * vnet_rx_plain() - do without the offloads that are off
 * @q: the queue
 * @skb: the frame, from its Ethernet header on
 *
 * Who writes to a frame must be the only one that holds it; pktgen holds on to
 * what it has sent.
 *
 * Context: The poll.
 * Return: the frame, perhaps another buffer; NULL if memory ran out.
 */
static struct sk_buff *vnet_rx_plain(struct vnet_queue *q, struct sk_buff *skb)
{
	netdev_features_t features = q->dev->features;

	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb)
		return NULL;
	if (!(features & NETIF_F_RXHASH))
		skb_clear_hash(skb);
	if (!(features & NETIF_F_RXCSUM) && !skb_is_gso(skb) &&
	    skb->ip_summed == CHECKSUM_PARTIAL &&
	    skb_csum_hwoffload_help(skb, 0)) {
		dev_kfree_skb_any(skb);
		return NULL;
	}
	if (skb_vlan_tag_present(skb) &&
	    !(features & (skb->vlan_proto == htons(ETH_P_8021Q) ?
			  NETIF_F_HW_VLAN_CTAG_RX : NETIF_F_HW_VLAN_STAG_RX)))
		skb = __vlan_hwaccel_push_inside(skb);
	return skb;
}

/**
 * vnet_rx_one() - make an RX ring's frame ready for the stack
 * @q: the queue
 * @prog: the XDP program, or NULL
 * @frame: the frame, as it lies in a ring; ours
 * @work: what XDP has left to do
 *
 * Context: The poll, under RCU.
 * Return: the frame; NULL if it goes no further.
 */
static struct sk_buff *vnet_rx_one(struct vnet_queue *q, struct bpf_prog *prog,
				   void *frame, struct vnet_xdp_work *work)
{
	struct xdp_frame *xdpf = vnet_frame_xdp(frame);
	struct sk_buff *skb = frame;

	if (unlikely(xdpf)) {
		skb = vnet_xdp_frame(q, prog, xdpf, work);
		if (!skb)
			return NULL;
	} else {
		if (unlikely(~q->dev->features & VNET_RX_OFFLOADS)) {
			skb = vnet_rx_plain(q, skb);
			if (!skb) {
				vnet_count(&q->rx_stats, VNET_RX_DROPPED, 1);
				return NULL;
			}
		}
		if (prog) {
			skb = vnet_xdp_skb(q, prog, skb, work);
			if (!skb)
				return NULL;
		}
		skb->protocol = eth_type_trans(skb, q->dev);
	}
	skb_record_rx_queue(skb, q->index);
	return skb;
}

/**
 * vnet_rx_gro() - whether frames may have others that GRO can join them to
 * @q: the queue
 *
 * A sender that need not cut its data up sends it whole, so there is nothing
 * to join, and trying to would cost more than all the rest of this path. veth
 * decides alike.
 *
 * Context: The poll.
 * Return: true if GRO is worth its while.
 */
static bool vnet_rx_gro(const struct vnet_queue *q)
{
	netdev_features_t features = q->dev->features;

	if (!(features & NETIF_F_GRO))
		return false;
	return !q->feeds || !(q->feeds->dev->features & NETIF_F_ALL_TSO) ||
	       (features & (NETIF_F_GRO_FRAGLIST | NETIF_F_GRO_UDP_FWD));
}

/**
 * vnet_rx_useless() - whether GRO has found nothing to join for a while
 * @q: the queue
 *
 * Then some frames go past it, until it is asked again; but none while it holds
 * others, or they would be overtaken.
 *
 * Context: The poll.
 * Return: true if the next frame is to go past it.
 */
static bool vnet_rx_useless(struct vnet_queue *q)
{
	if (!q->gro_skip || !vnet_gro_idle(&q->napi))
		return false;
	q->gro_skip--;
	return true;
}

/**
 * vnet_rx_join() - hand a frame to GRO
 * @q: the queue
 * @skb: the frame, behind its Ethernet header
 *
 * GRO writes to headers, and somebody may still read them in a clone: a tcpdump
 * at the sender, or another port of a bridge that floods. It also moves pieces
 * of data from one frame to another, and the list of them is shared with what
 * the sender's TCP keeps to send again, whose header is not. What pktgen still
 * holds is not even a clone.
 *
 * Context: The poll.
 */
static void vnet_rx_join(struct vnet_queue *q, struct sk_buff *skb)
{
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (unlikely(!skb || skb_unclone(skb, GFP_ATOMIC))) {
		vnet_count(&q->rx_stats, VNET_RX_DROPPED, 1);
		dev_kfree_skb_any(skb);
		return;
	}
	if (napi_gro_receive(&q->napi, skb) != GRO_NORMAL) {
		q->gro_useless = 0;
		q->gro_skip = 0;
	} else if (++q->gro_useless == VNET_GRO_TRY) {
		q->gro_useless = 0;
		q->gro_skip = VNET_GRO_SKIP;
	}
}

/**
 * vnet_rx_room() - ask for the polls whose frames wait for room in an RX ring
 * @q: the queue; it has room now
 *
 * Each time, another of them is the first, or this queue's own senders are: if
 * there is not room for all, the others would never have their turn.
 *
 * Context: The poll; the RX ring's consumer.
 * Return: true if there were any; this poll is to make way for them.
 */
static bool vnet_rx_room(struct vnet_queue *q)
{
	struct vnet_priv *priv = netdev_priv(q->dev);
	struct vnet_queue *asked, *first = NULL;
	unsigned int i, turn = q->rx_turn;
	bool others = false;

	/* Room first, then the look. Pairs with vnet_carry_steered(). */
	smp_mb();
	if (likely(!READ_ONCE(q->rx_wanted)) ||
	    !test_and_clear_bit(0, &q->rx_wanted))
		return false;
	for (i = 0; i < priv->queues; i++) {
		asked = &priv->queue[(turn + i) % priv->queues];
		if (!vnet_wire_pending(asked, true))
			continue;
		if (!first)
			first = asked;
		if (asked == q)
			continue;
		vnet_irq_fire(asked);
		others = true;
	}
	if (first)
		q->rx_turn = first->index + 1;
	if (first == q)
		vnet_wire(q);
	return others;
}

/**
 * vnet_rx() - hand frames from the RX ring to the stack
 * @q: the queue
 * @budget: how many at most
 *
 * Those that GRO does not want go one by one: the stack has a call for lists,
 * but kernels that check each change of a list spend more on that than they
 * save. Bytes are counted before the Ethernet header is taken off, so that both
 * directions count the same frame alike.
 *
 * Context: The poll; the RX ring's consumer.
 * Return: number of frames taken out of the ring.
 */
static int vnet_rx(struct vnet_queue *q, int budget)
{
	const struct vnet_priv *priv = netdev_priv(q->dev);
	int i, count = min_t(int, vnet_ring_count(&q->rx), budget);
	bool gro = vnet_rx_gro(q);
	struct vnet_xdp_work work;
	struct bpf_prog *prog;
	struct sk_buff *skb;
	unsigned int bytes = 0;

	if (!count)
		return 0;
	work.count = 0;
	work.redirected = false;
	rcu_read_lock();
	prog = rcu_dereference(priv->xdp_prog);
	/* Pages may be of a pool whose owner runs on another CPU. */
	if (prog)
		xdp_set_return_frame_no_direct();
	for (i = 0; i < count; i++) {
		void *frame = vnet_ring_peek(&q->rx, i);

		bytes += vnet_frame_len(frame);
		skb = vnet_rx_one(q, prog, frame, &work);
		if (!skb)
			continue;
		if (gro && !vnet_rx_useless(q)) {
			vnet_rx_join(q, skb);
		} else {
			skb_mark_napi_id(skb, &q->napi);
			netif_receive_skb(skb);
		}
	}
	vnet_ring_consume(&q->rx, count);
	if (prog) {
		vnet_xdp_finish(q, &work);
		xdp_clear_return_frame_no_direct();
	}
	rcu_read_unlock();

	vnet_count(&q->rx_stats, VNET_RX_PACKETS, count);
	vnet_count(&q->rx_stats, VNET_RX_BYTES, bytes);
	return count;
}

/**
 * vnet_poll() - empty the rings into the stack
 * @napi: &vnet_queue.napi
 * @budget: how many frames at most; 0 when netpoll only wants TX served, which
 *	is not this end's business
 *
 * Having used the whole budget means that there may be more: say so by
 * returning it, stay masked, and be called again. Otherwise unmask.
 *
 * Context: Softirq (or the NAPI thread); the RX ring's consumer.
 * Return: number of frames handed on.
 */
int vnet_poll(struct napi_struct *napi, int budget)
{
	struct vnet_queue *q = container_of(napi, struct vnet_queue, napi);
	const struct vnet_priv *priv = netdev_priv(q->dev);
	int done, work = 0;

	if (!budget)
		return 0;
	vnet_count(&q->rx_stats, VNET_RX_POLLS, 1);
	if (q->irq_fresh)
		vnet_count(&q->rx_stats, VNET_RX_INTERRUPTS, 1);
	q->irq_fresh = false;

	do {
		vnet_wire(q);
		done = vnet_rx(q, budget - work);
		work += done;
		if (unlikely(priv->steered) && done && vnet_rx_room(q))
			break;
	} while (done && work < budget &&
		 (vnet_wire_due(q) || vnet_wire_pending(q, false)));
	if (unlikely(q->line))
		vnet_line_arm(q->line);

	if (work == budget) {
		vnet_count(&q->rx_stats, VNET_RX_BUDGET_FULL, 1);
		return budget;
	}
	if (napi_complete_done(napi, work)) {
		vnet_irq_adapt(q, work);
		vnet_irq_unmask(q);
	}
	return work;
}
