// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The neighbour that answers to every address
 *
 * Turns a frame into what a station at the far end would send back. It looks
 * behind VLAN tags, and writes only to what is ours alone. Runs in the wire
 * (softirq).
 *
 * Next: rx.c, where what comes back arrives.
 */

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "vnet.h"

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

/* Bytes that are looked at, at most: Ethernet, two tags, the longest header. */
#define VNET_REFLECT_LEN (ETH_HLEN + 2 * VLAN_HLEN + sizeof(struct ipv6hdr))
static_assert(sizeof(struct ipv6hdr) >= sizeof(struct vnet_arp));

/**
 * vnet_protocol() - what a frame carries, behind any VLAN tags in its bytes
 * @data: the frame, from its Ethernet header on
 * @len: how many bytes of it may be read, at least ETH_HLEN
 * @offset: where to put the offset, in bytes, at which it begins
 *
 * Context: Any.
 * Return: the EtherType; 0 if the frame ends before it.
 */
static __be16 vnet_protocol(const u8 *data, unsigned int len,
			    unsigned int *offset)
{
	__be16 proto = ((const struct ethhdr *)data)->h_proto;

	*offset = ETH_HLEN;
	while (eth_type_vlan(proto)) {
		if (len < *offset + VLAN_HLEN)
			return 0;
		proto = *(const __be16 *)(data + *offset + 2);
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
static bool vnet_reflect_arp(const struct vnet_priv *priv,
			     struct vnet_arp *arp)
{
	if (arp->hdr.ar_hrd != htons(ARPHRD_ETHER) ||
	    arp->hdr.ar_pro != htons(ETH_P_IP) ||
	    arp->hdr.ar_hln != ETH_ALEN || arp->hdr.ar_pln != 4 ||
	    arp->hdr.ar_op != htons(ARPOP_REQUEST) ||
	    !arp->sender_ip || arp->sender_ip == arp->target_ip)
		return false;

	arp->hdr.ar_op = htons(ARPOP_REPLY);
	ether_addr_copy(arp->target_mac, arp->sender_mac);
	ether_addr_copy(arp->sender_mac, priv->far_mac);
	swap(arp->sender_ip, arp->target_ip);
	return true;
}

/**
 * vnet_reflect_bytes() - turn bytes into what a neighbour would send back
 * @priv: the device
 * @data: the frame, from its Ethernet header on; writable
 * @len: how many bytes of it may be read and written, at least ETH_HLEN
 *
 * Swapping two addresses changes no checksum. A group of stations does not
 * answer, except to ARP.
 *
 * Context: The wire (softirq).
 * Return: false if no neighbour would send anything.
 */
static bool vnet_reflect_bytes(const struct vnet_priv *priv, u8 *data,
			       unsigned int len)
{
	struct ethhdr *eth = (struct ethhdr *)data;
	struct ipv6hdr *ip6h;
	unsigned int offset;
	u8 sender[ETH_ALEN];
	struct iphdr *iph;
	__be16 proto;

	proto = vnet_protocol(data, len, &offset);
	if (proto == htons(ETH_P_ARP)) {
		if (len < offset + sizeof(struct vnet_arp) ||
		    !vnet_reflect_arp(priv, (void *)(data + offset)))
			return false;
		ether_addr_copy(eth->h_dest, priv->far_mac);
	} else if (!proto || is_multicast_ether_addr(eth->h_dest)) {
		return false;
	} else if (proto == htons(ETH_P_IP)) {
		if (len < offset + sizeof(struct iphdr))
			return false;
		iph = (struct iphdr *)(data + offset);
		swap(iph->saddr, iph->daddr);
	} else if (proto == htons(ETH_P_IPV6)) {
		if (len < offset + sizeof(struct ipv6hdr))
			return false;
		ip6h = (struct ipv6hdr *)(data + offset);
		swap(ip6h->saddr, ip6h->daddr);
	}
	ether_addr_copy(sender, eth->h_source);
	ether_addr_copy(eth->h_source, eth->h_dest);
	ether_addr_copy(eth->h_dest, sender);
	return true;
}

/**
 * vnet_reflect() - turn a frame into what a neighbour would send back
 * @priv: the device
 * @frame: the frame, as it lies in a ring; another if need be
 *
 * Somebody may still hold a clone of it (a running tcpdump does), or the frame
 * itself (pktgen does): its headers must be ours alone before they are written.
 *
 * Context: The wire (softirq).
 * Return: false if no neighbour would send anything, or for want of memory.
 */
bool vnet_reflect(const struct vnet_priv *priv, void **frame)
{
	struct xdp_frame *xdpf = vnet_frame_xdp(*frame);
	struct sk_buff *skb = *frame;
	unsigned int len;

	if (xdpf)
		return vnet_reflect_bytes(priv, xdpf->data, xdpf->len);
	if (skb_shared(skb)) {
		skb = skb_clone(skb, GFP_ATOMIC);
		if (!skb)
			return false;
		consume_skb(*frame);
		*frame = skb;
	}
	len = min_t(unsigned int, skb->len, VNET_REFLECT_LEN);
	if (skb_ensure_writable(skb, len))
		return false;
	return vnet_reflect_bytes(priv, skb->data, len);
}
