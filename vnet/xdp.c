// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: XDP, native
 *
 * A program sees a frame between the RX ring and the stack
 * (https://docs.kernel.org/networking/xdp-rx-metadata.html has the picture).
 * It works on the skb's own memory wherever that is ours alone and has the
 * room that programs may count on. A clone, as TCP sends, is copied first; and
 * what is sent elsewhere moves into memory that the other device can give back.
 *
 * The programs run in the poll, under RCU.
 *
 * Next: xdp_attach.c; and tx.c, into whose rings frames go that are sent back.
 */

#include <linux/bpf_trace.h>
#include <linux/filter.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <net/xdp.h>

#include "vnet.h"

/**
 * vnet_xdp_finish() - do what is left to do at the end of a poll
 * @q: the queue
 * @work: what is left
 *
 * Context: The poll.
 */
void vnet_xdp_finish(struct vnet_queue *q, struct vnet_xdp_work *work)
{
	unsigned int i, sent;

	if (work->count) {
		sent = vnet_tx_frames(q, work->frames, work->count);
		for (i = sent; i < work->count; i++)
			vnet_frame_drop(work->frames[i]);
		vnet_count(&q->rx_stats, VNET_RX_XDP_TX, sent);
		vnet_count(&q->rx_stats, VNET_RX_XDP_ABORTED,
			   work->count - sent);
		work->count = 0;
	}
	if (work->redirected) {
		xdp_do_flush();
		work->redirected = false;
	}
}

/**
 * vnet_xdp_send_back() - send a frame back where it came from
 * @q: the queue
 * @frame: the frame, as it lies in a ring; ours
 * @work: where frames to be sent back are gathered
 *
 * Context: The poll.
 */
static void vnet_xdp_send_back(struct vnet_queue *q, void *frame,
			       struct vnet_xdp_work *work)
{
	work->frames[work->count++] = frame;
	if (work->count == VNET_XDP_BULK)
		vnet_xdp_finish(q, work);
}

/**
 * vnet_xdp_lost() - a program's verdict means that the frame is lost
 * @q: the queue
 * @prog: the program
 * @act: the verdict
 *
 * Context: The poll.
 */
static void vnet_xdp_lost(struct vnet_queue *q, struct bpf_prog *prog, u32 act)
{
	if (act == XDP_DROP) {
		vnet_count(&q->rx_stats, VNET_RX_XDP_DROP, 1);
		return;
	}
	if (act > XDP_REDIRECT)
		bpf_warn_invalid_xdp_action(q->dev, prog, act);
	trace_xdp_exception(q->dev, prog, act);
	vnet_count(&q->rx_stats, VNET_RX_XDP_ABORTED, 1);
}

/**
 * vnet_xdp_copy() - copy a frame into buffers of its own, in pieces
 * @skb: the frame; freed if another is returned
 *
 * Context: The poll.
 * Return: the copy, with room before it; NULL if memory ran out.
 */
static struct sk_buff *vnet_xdp_copy(struct sk_buff *skb)
{
	unsigned int linear = min_t(unsigned int, skb->len, VNET_XDP_LINEAR);
	unsigned int len = skb->len, offset = linear, size;
	struct sk_buff *copy;
	int i, err;

	copy = alloc_skb_with_frags(XDP_PACKET_HEADROOM + linear, len - linear,
				    0, &err, GFP_ATOMIC | __GFP_NOWARN);
	if (!copy)
		return NULL;
	skb_reserve(copy, XDP_PACKET_HEADROOM);
	skb_copy_bits(skb, 0, skb_put(copy, linear), linear);
	for (i = 0; offset < len; i++) {
		skb_frag_t *frag = &skb_shinfo(copy)->frags[i];

		size = min_t(unsigned int, len - offset, skb_frag_size(frag));
		skb_copy_bits(skb, offset, skb_frag_address(frag), size);
		skb_frag_size_set(frag, size);
		offset += size;
	}
	copy->len = len;
	copy->data_len = len - linear;

	skb_copy_header(copy, skb);
	/* Offsets from the head: the copy has a head of its own. */
	skb_headers_offset_update(copy, (copy->data - copy->head) -
					(skb->data - skb->head));
	consume_skb(skb);
	return copy;
}

/**
 * vnet_xdp_complete() - put into a frame's bytes what lies beside them
 * @skb: the frame
 *
 * To be called while the frame is as its sender has made it: what is to be
 * summed up may begin in what becomes a piece.
 *
 * Context: The poll.
 * Return: the frame, held by nobody else; NULL if memory ran out, or the
 * checksum cannot be filled in.
 */
static struct sk_buff *vnet_xdp_complete(struct sk_buff *skb)
{
	/* pktgen holds its frames, and nobody may lengthen what others hold. */
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (likely(skb) && unlikely(skb_vlan_tag_present(skb)))
		skb = __vlan_hwaccel_push_inside(skb);
	if (likely(skb) && skb->ip_summed == CHECKSUM_PARTIAL &&
	    unlikely(skb_csum_hwoffload_help(skb, 0))) {
		dev_kfree_skb_any(skb);
		return NULL;
	}
	return skb;
}

/**
 * vnet_xdp_own() - make a frame's memory ours alone, and as programs want it
 * @skb: the frame; nobody else holds it, but its memory may be shared
 * @frags: the program takes frames in pieces
 *
 * Context: The poll.
 * Return: the frame, perhaps another buffer; NULL if memory ran out.
 */
static struct sk_buff *vnet_xdp_own(struct sk_buff *skb, bool frags)
{
	if (likely(!skb_is_nonlinear(skb) && !skb_cloned(skb) &&
		   skb_headroom(skb) >= XDP_PACKET_HEADROOM &&
		   (!frags || skb->len <= VNET_XDP_LINEAR)))
		return skb;
	if (frags && skb->len > VNET_XDP_LINEAR) {
		struct sk_buff *copy = vnet_xdp_copy(skb);

		if (!copy)
			dev_kfree_skb_any(skb);
		return copy;
	}
	if (skb_linearize(skb) || skb_cow(skb, XDP_PACKET_HEADROOM)) {
		dev_kfree_skb_any(skb);
		return NULL;
	}
	return skb;
}

/**
 * vnet_xdp_from_skb() - show a program the memory of an skb
 * @xdp: what the program gets
 * @q: the queue
 * @skb: the frame, from its Ethernet header on; its memory is ours alone
 *
 * An XDP buffer ends with what an skb's memory ends with: the pieces of the
 * one are those of the other.
 *
 * Context: The poll.
 */
static void vnet_xdp_from_skb(struct xdp_buff *xdp, struct vnet_queue *q,
			      struct sk_buff *skb)
{
	xdp_init_buff(xdp, skb_end_offset(skb) + VNET_XDP_TAIL, &q->xdp_rxq);
	xdp_prepare_buff(xdp, skb->head, skb_headroom(skb), skb_headlen(skb),
			 true);
	if (skb_is_nonlinear(skb)) {
		vnet_xdp_set_frags(skb_shinfo(skb), skb->data_len);
		xdp_buff_set_frags_flag(xdp);
	}
}

/**
 * vnet_xdp_to_skb() - take over what a program has made of a frame
 * @skb: the frame, as it was
 * @xdp: as it is
 *
 * Context: The poll.
 */
static void vnet_xdp_to_skb(struct sk_buff *skb, const struct xdp_buff *xdp)
{
	unsigned int linear = xdp->data_end - xdp->data;
	unsigned int data_len = 0;

	if (xdp_buff_has_frags((struct xdp_buff *)xdp))
		data_len = skb_shinfo(skb)->xdp_frags_size;
	skb->data = xdp->data;
	skb->len = linear + data_len;
	skb->data_len = data_len;
	skb_set_tail_pointer(skb, linear);
	skb_reset_mac_header(skb);
	if (xdp->data > xdp->data_meta)
		skb_metadata_set(skb, xdp->data - xdp->data_meta);
}

/**
 * vnet_xdp_redirect() - send a frame where the program wants it
 * @q: the queue
 * @prog: the program
 * @skb: the frame; ours
 * @xdp: as the program has left it
 *
 * The memory of an skb can only be freed as such, so the frame moves into a
 * page; its pieces, if it has any, are pages already.
 *
 * Context: The poll.
 * Return: 0, or an errno; then the frame is lost.
 */
static int vnet_xdp_redirect(struct vnet_queue *q, struct bpf_prog *prog,
			     struct sk_buff *skb, struct xdp_buff *xdp)
{
	unsigned int meta = xdp->data - xdp->data_meta;
	unsigned int linear = xdp->data_end - xdp->data;
	struct skb_shared_info *from, *to;
	unsigned int i, size;
	struct xdp_buff out;
	int err = -EMSGSIZE;
	void *page;

	size = XDP_PACKET_HEADROOM + SKB_DATA_ALIGN(linear) + VNET_XDP_TAIL;
	if (size > PAGE_SIZE)
		goto drop;
	err = -ENOMEM;
	page = napi_alloc_frag(size);
	if (!page)
		goto drop;

	xdp_init_buff(&out, size, &q->xdp_rxq);
	xdp_prepare_buff(&out, page, XDP_PACKET_HEADROOM, linear, true);
	out.data_meta = out.data - meta;
	memcpy(out.data_meta, xdp->data_meta, meta + linear);
	if (xdp_buff_has_frags(xdp)) {
		from = skb_shinfo(skb);
		to = xdp_get_shared_info_from_buff(&out);
		memset(to, 0, sizeof(*to));
		to->nr_frags = from->nr_frags;
		vnet_xdp_set_frags(to, from->xdp_frags_size);
		for (i = 0; i < from->nr_frags; i++) {
			to->frags[i] = from->frags[i];
			get_page(skb_frag_page(&to->frags[i]));
		}
		xdp_buff_set_frags_flag(&out);
	}
	err = xdp_do_redirect(q->dev, &out, prog);
	if (err)
		xdp_return_buff(&out);
	consume_skb(skb);
	return err;

drop:
	dev_kfree_skb_any(skb);
	return err;
}

/**
 * vnet_xdp_skb() - ask the program about a frame from the stack
 * @q: the queue
 * @prog: the program
 * @skb: the frame, from its Ethernet header on; ours
 * @work: what is left to do at the end of the poll
 *
 * The program sees what a wire would carry: a checksum that was left to the
 * hardware is filled in first, a VLAN tag is among the bytes.
 *
 * Context: The poll, under RCU.
 * Return: the frame, if it goes on to the stack; NULL if not.
 */
struct sk_buff *vnet_xdp_skb(struct vnet_queue *q, struct bpf_prog *prog,
			     struct sk_buff *skb, struct vnet_xdp_work *work)
{
	struct xdp_buff xdp;
	u32 act;

	/* Sent whole before the program came: it is no frame on a wire. */
	if (unlikely(skb_is_gso(skb))) {
		vnet_count(&q->rx_stats, VNET_RX_DROPPED, 1);
		dev_kfree_skb_any(skb);
		return NULL;
	}
	skb = vnet_xdp_complete(skb);
	if (likely(skb))
		skb = vnet_xdp_own(skb, prog->aux->xdp_has_frags);
	if (unlikely(!skb)) {
		vnet_count(&q->rx_stats, VNET_RX_DROPPED, 1);
		return NULL;
	}

	/* Its pages are the page allocator's, whatever the last one's were. */
	q->xdp_rxq.mem.type = MEM_TYPE_PAGE_SHARED;
	q->xdp_rxq.mem.id = 0;
	vnet_xdp_from_skb(&xdp, q, skb);
	act = bpf_prog_run_xdp(prog, &xdp);
	switch (act) {
	case XDP_PASS:
		vnet_xdp_to_skb(skb, &xdp);
		vnet_count(&q->rx_stats, VNET_RX_XDP_PASS, 1);
		return skb;
	case XDP_TX:
		vnet_xdp_to_skb(skb, &xdp);
		skb_metadata_clear(skb);
		vnet_xdp_send_back(q, skb, work);
		return NULL;
	case XDP_REDIRECT:
		if (vnet_xdp_redirect(q, prog, skb, &xdp)) {
			vnet_xdp_lost(q, prog, act);
		} else {
			vnet_count(&q->rx_stats, VNET_RX_XDP_REDIRECT, 1);
			work->redirected = true;
		}
		return NULL;
	default:
		/* Pages may have gone with the frame's tail. */
		vnet_xdp_to_skb(skb, &xdp);
		vnet_xdp_lost(q, prog, act);
		if (act == XDP_DROP)
			napi_consume_skb(skb, 1);
		else
			dev_kfree_skb_any(skb);
		return NULL;
	}
}

/**
 * vnet_xdp_frame() - ask the program, if there is one, about a frame from XDP
 * @q: the queue
 * @prog: the program, or NULL
 * @xdpf: the frame; ours
 * @work: what is left to do at the end of the poll
 *
 * Context: The poll, under RCU.
 * Return: the frame, behind its Ethernet header, if it goes on to the stack;
 * NULL if not.
 */
struct sk_buff *vnet_xdp_frame(struct vnet_queue *q, struct bpf_prog *prog,
			       struct xdp_frame *xdpf,
			       struct vnet_xdp_work *work)
{
	u32 act = XDP_PASS;
	struct xdp_buff xdp;
	struct sk_buff *skb;

	/* A program that takes no pieces would see the first one only. */
	if (prog && unlikely(xdp_frame_has_frags(xdpf)) &&
	    !prog->aux->xdp_has_frags) {
		act = XDP_ABORTED;
	} else if (prog) {
		xdp_convert_frame_to_buff(xdpf, &xdp);
		vnet_xdp_set_mem(&q->xdp_rxq, xdpf);
		xdp.rxq = &q->xdp_rxq;
		act = bpf_prog_run_xdp(prog, &xdp);
		if (act == XDP_PASS)
			vnet_count(&q->rx_stats, VNET_RX_XDP_PASS, 1);
	}
	switch (act) {
	case XDP_PASS:
		if (prog && xdp_update_frame_from_buff(&xdp, xdpf))
			break;
		skb = xdp_build_skb_from_frame(xdpf, q->dev);
		if (skb)
			return skb;
		vnet_count(&q->rx_stats, VNET_RX_DROPPED, 1);
		xdp_return_frame(xdpf);
		return NULL;
	case XDP_TX:
		if (xdp_update_frame_from_buff(&xdp, xdpf))
			break;
		vnet_xdp_send_back(q, vnet_frame_mark(xdpf), work);
		return NULL;
	case XDP_REDIRECT:
		if (xdp_do_redirect(q->dev, &xdp, prog))
			break;
		vnet_count(&q->rx_stats, VNET_RX_XDP_REDIRECT, 1);
		work->redirected = true;
		return NULL;
	}
	vnet_xdp_lost(q, prog, act);
	xdp_return_frame(xdpf);
	return NULL;
}

/**
 * vnet_xdp_xmit() - another device's XDP sends frames out of this one
 * @dev: the device
 * @n: how many
 * @frames: the frames
 * @flags: XDP_XMIT_*; the doorbell is rung in any case
 *
 * Context: Softirq.
 * Return: how many were taken, from the first on; -EINVAL for other flags;
 * -ENETDOWN.
 */
int vnet_xdp_xmit(struct net_device *dev, int n, struct xdp_frame **frames,
		  u32 flags)
{
	struct vnet_priv *priv = netdev_priv(dev);
	struct vnet_queue *q;
	void *marked[VNET_XDP_BULK];
	unsigned int batch, sent;
	int i, done = 0;

	if (unlikely(flags & ~XDP_XMIT_FLAGS_MASK))
		return -EINVAL;
	if (!netif_running(dev))
		return -ENETDOWN;
	q = &priv->queue[smp_processor_id() % READ_ONCE(priv->queues)];
	while (done < n) {
		batch = min(n - done, VNET_XDP_BULK);
		for (i = 0; i < batch; i++)
			marked[i] = vnet_frame_mark(frames[done + i]);
		sent = vnet_tx_frames(q, marked, batch);
		done += sent;
		if (sent < batch)
			break;
	}
	return done;
}
