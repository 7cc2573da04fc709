// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The neighbour that answers to every address
 *
 * Turns a frame into what a station at the far end would send back. It looks
 * behind VLAN tags, and writes only to what is ours alone. Runs in the wire's
 * timer (softirq).
 *
 * Next: rx.c, where what comes back arrives.
 */

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>

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
bool vnet_reflect(struct vnet_priv *priv, struct sk_buff *skb)
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
