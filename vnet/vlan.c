// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: VLAN tags at both ends of the wire
 *
 * The stack hands an outer tag over beside the frame or in its bytes. A wire
 * has only bytes, so vnet_start_xmit() puts it there first; here there is only
 * one case. Runs in the wire's timers (softirq).
 *
 * Next: reflect.c.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>

#include "vnet.h"

/**
 * vnet_vlan_pop() - take the outer VLAN tag off, if there is one
 * @skb: the frame, from its Ethernet header on, tags in its bytes
 *
 * Context: The wire (softirq).
 * Return: 0, or -ENOMEM; then the frame is as it was.
 */
static int vnet_vlan_pop(struct sk_buff *skb)
{
	u16 tci;

	if (!eth_type_vlan(eth_hdr(skb)->h_proto) ||
	    skb->len < VLAN_ETH_HLEN)
		return 0;
	return __skb_vlan_pop(skb, &tci);
}

/**
 * vnet_vlan_translate() - give a frame of one VLAN to another
 * @skb: the frame, from its Ethernet header on, tags in its bytes
 * @from: the VLAN of frames that are meant
 * @to: their VLAN from now on; priority and type of the tag stay
 *
 * Context: The wire (softirq).
 * Return: 0, or -ENOMEM; then the frame is as it was.
 */
static int vnet_vlan_translate(struct sk_buff *skb, u16 from, u16 to)
{
	struct vlan_ethhdr *veth;
	u16 tci;

	if (!eth_type_vlan(eth_hdr(skb)->h_proto) ||
	    !pskb_may_pull(skb, VLAN_ETH_HLEN))
		return 0;
	tci = ntohs(((struct vlan_ethhdr *)skb->data)->h_vlan_TCI);
	if ((tci & VLAN_VID_MASK) != from)
		return 0;
	if (skb_ensure_writable(skb, VLAN_ETH_HLEN))
		return -ENOMEM;
	veth = (struct vlan_ethhdr *)skb->data;
	veth->h_vlan_TCI = htons((tci & ~VLAN_VID_MASK) | to);
	return 0;
}

/**
 * vnet_vlan_leave() - what happens to tags where the wire begins
 * @skb: the frame, from its Ethernet header on
 *
 * Context: The wire (softirq).
 * Return: 0, or -ENOMEM.
 */
int vnet_vlan_leave(struct sk_buff *skb)
{
	u16 from = VNET_GET(vlan_from);
	u16 to = VNET_GET(vlan_to);
	int err = 0;

	skb_reset_mac_header(skb);
	if (VNET_GET(vlan_pop))
		err = vnet_vlan_pop(skb);
	if (!err && from && to)
		err = vnet_vlan_translate(skb, from, to);
	return err;
}

/**
 * vnet_vlan_arrive() - what happens to tags where the wire ends
 * @skb: the frame, from its Ethernet header on; freed if NULL is returned
 * @vid: VLAN of the tag to put on; 0 for none
 *
 * A frame that has lost its tag may have become too short.
 *
 * Context: The delay line's timer (softirq).
 * Return: the frame, perhaps another buffer; NULL if memory ran out.
 */
struct sk_buff *vnet_vlan_arrive(struct sk_buff *skb, u16 vid)
{
	skb_reset_mac_header(skb);
	if (vid)
		skb = vlan_insert_tag_set_proto(skb, htons(ETH_P_8021Q), vid);
	if (skb && eth_skb_pad(skb))
		return NULL;
	return skb;
}
