// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Frames cut off, and bits flipped
 *
 * What is damaged must be ours alone, and whole: a checksum that was left to
 * the hardware is filled in first, or nobody could tell the damage.
 *
 * Run by whoever runs the line (softirq).
 *
 * Next: line_in.c.
 */

#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/math64.h>
#include <linux/netdevice.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip6_checksum.h>

#include "line.h"

/**
 * struct vnet_layout - where a frame's headers are
 * @network: offset of the IP header, in bytes
 * @transport: offset of TCP's or UDP's header; 0 if there is none
 * @payload: offset of what follows the headers that are known
 * @check: offset of TCP's or UDP's checksum; 0 if there is none
 * @protocol: what is carried, IPPROTO_*
 * @version: of IP; 0 if it is not IP
 */
struct vnet_layout {
	unsigned int network;
	unsigned int transport;
	unsigned int payload;
	unsigned int check;
	u8 protocol;
	u8 version;
};

/**
 * vnet_layout_transport() - find TCP's or UDP's header
 * @skb: the frame, all of it in its first buffer
 * @layout: as far as it is known
 *
 * Context: Softirq.
 */
static void vnet_layout_transport(const struct sk_buff *skb,
				  struct vnet_layout *layout)
{
	unsigned int at = layout->payload;
	const struct tcphdr *tcp = (void *)(skb->data + at);

	if (layout->protocol == IPPROTO_TCP && skb->len >= at + sizeof(*tcp) &&
	    tcp->doff >= 5) {
		layout->check = at + offsetof(struct tcphdr, check);
		layout->payload = min(skb->len, at + tcp->doff * 4);
	} else if (layout->protocol == IPPROTO_UDP &&
		   skb->len >= at + sizeof(struct udphdr)) {
		/* A UDP without a checksum (RFC 768) stays so. */
		if (((struct udphdr *)tcp)->check)
			layout->check = at + offsetof(struct udphdr, check);
		layout->payload = at + sizeof(struct udphdr);
	} else {
		return;
	}
	layout->transport = at;
}

/**
 * vnet_layout() - find a frame's headers
 * @skb: the frame, from its Ethernet header on, all of it in its first buffer
 * @layout: where to put it
 *
 * Context: Softirq.
 */
static void vnet_layout(const struct sk_buff *skb, struct vnet_layout *layout)
{
	__be16 proto = ((struct ethhdr *)skb->data)->h_proto;
	unsigned int at = ETH_HLEN;
	const struct ipv6hdr *ip6h;
	const struct iphdr *iph;

	memset(layout, 0, sizeof(*layout));
	while (eth_type_vlan(proto) && skb->len >= at + VLAN_HLEN) {
		proto = *(__be16 *)(skb->data + at + 2);
		at += VLAN_HLEN;
	}
	layout->network = at;
	layout->payload = at;
	iph = (void *)(skb->data + at);
	ip6h = (void *)iph;
	if (proto == htons(ETH_P_IP) && skb->len >= at + sizeof(*iph) &&
	    iph->ihl >= 5 && skb->len >= at + iph->ihl * 4) {
		layout->version = 4;
		layout->protocol = iph->protocol;
		layout->payload = at + iph->ihl * 4;
		/* Of a datagram in pieces, no piece has all of the checksum. */
		if (!ip_is_fragment(iph))
			vnet_layout_transport(skb, layout);
	} else if (proto == htons(ETH_P_IPV6) &&
		   skb->len >= at + sizeof(*ip6h)) {
		layout->version = 6;
		layout->protocol = ip6h->nexthdr;
		layout->payload = at + sizeof(*ip6h);
		vnet_layout_transport(skb, layout);
	}
}

/**
 * vnet_sum_transport() - a checksum of TCP or UDP that is right
 * @skb: the frame
 * @layout: where its headers are
 *
 * Context: Softirq.
 */
static void vnet_sum_transport(struct sk_buff *skb,
			       const struct vnet_layout *layout)
{
	__sum16 *check = (__sum16 *)(skb->data + layout->check);
	const struct ipv6hdr *ip6h = (void *)(skb->data + layout->network);
	const struct iphdr *iph = (void *)ip6h;
	unsigned int len = skb->len - layout->transport;
	__wsum sum;

	/* Ethernet may have padded it. */
	if (layout->version == 4)
		len = min_t(unsigned int, len, ntohs(iph->tot_len) -
				(layout->transport - layout->network));
	else
		len = min_t(unsigned int, len, ntohs(ip6h->payload_len));
	*check = 0;
	sum = skb_checksum(skb, layout->transport, len, 0);
	if (layout->version == 4)
		*check = csum_tcpudp_magic(iph->saddr, iph->daddr, len,
					   layout->protocol, sum);
	else
		*check = csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr, len,
					 layout->protocol, sum);
	if (!*check && layout->protocol == IPPROTO_UDP)
		*check = CSUM_MANGLED_0;
}

/**
 * vnet_repair() - make the checksums of a frame right again
 * @skb: the frame
 * @layout: where its headers were before the damage
 *
 * Context: Softirq.
 */
static void vnet_repair(struct sk_buff *skb, const struct vnet_layout *layout)
{
	struct iphdr *iph = (void *)(skb->data + layout->network);

	if (layout->check)
		vnet_sum_transport(skb, layout);
	if (layout->version == 4) {
		iph->check = 0;
		iph->check = ip_fast_csum(iph, (layout->transport ?:
						layout->payload) / 4 -
					       layout->network / 4);
	}
}

/**
 * vnet_whole() - make a frame whole and ours alone
 * @skb: the frame
 *
 * Context: Softirq.
 * Return: 0, or -ENOMEM.
 */
static int vnet_whole(struct sk_buff *skb)
{
	if (skb->ip_summed == CHECKSUM_PARTIAL &&
	    skb_csum_hwoffload_help(skb, 0))
		return -ENOMEM;
	if (skb_linearize(skb) || skb_ensure_writable(skb, skb->len))
		return -ENOMEM;
	return 0;
}

/**
 * vnet_truncate() - cut a frame off
 * @skb: the frame, from its Ethernet header on
 * @length: bytes that are left of it
 *
 * Context: Softirq.
 * Return: 0 or -ENOMEM; then it is as it was.
 */
int vnet_truncate(struct sk_buff *skb, unsigned int length)
{
	if (vnet_whole(skb))
		return -ENOMEM;
	skb_trim(skb, min(skb->len, length));
	return 0;
}

/**
 * vnet_corrupt() - flip bits of a frame
 * @skb: the frame, from its Ethernet header on
 * @impair: where, how many, and whether the checksums are to tell
 * @bits: what was drawn for it
 *
 * No bit is flipped twice. Where there are fewer bits than are to be flipped,
 * all are; where there is no such part, none is.
 *
 * Context: Softirq.
 * Return: 0 or -ENOMEM; then it is as it was.
 */
int vnet_corrupt(struct sk_buff *skb, const struct vnet_impair *impair,
		 u64 bits)
{
	unsigned int i, first = 0, end, n, bit, todo;
	u64 done[64], where;
	struct vnet_layout layout;

	if (vnet_whole(skb))
		return -ENOMEM;
	vnet_layout(skb, &layout);
	end = skb->len;
	where = impair->set[VNET_IMPAIR_WHERE];
	if (where == VNET_CORRUPT_HEADER)
		end = layout.payload;
	else if (where == VNET_CORRUPT_PAYLOAD)
		first = layout.payload;
	todo = min_t(u64, impair->set[VNET_IMPAIR_BITS],
		     (u64)(end - first) * 8);
	for (n = 0; n < todo; ) {
		bit = first * 8 + mul_u64_u32_shr((end - first) * 8ULL,
						  vnet_draw_next(&bits) >> 32,
						  32);
		for (i = 0; i < n && done[i] != bit; i++)
			;
		if (i < n)
			continue;
		done[n++] = bit;
		skb->data[bit / 8] ^= 1 << (bit % 8);
	}
	if (impair->set[VNET_IMPAIR_REPAIR])
		vnet_repair(skb, &layout);
	return 0;
}
