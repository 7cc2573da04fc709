// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: VLAN tags taken off, changed, put on
 *
 * A tag may be among the bytes of a frame or beside them; the kernel's helpers
 * know both. What is put on lies beside them: if the far end cannot have it
 * there, rx.c puts it among the bytes.
 *
 * Run by whoever runs the line (softirq).
 *
 * Next: line.c.
 */

#include <linux/if_vlan.h>
#include <linux/netdevice.h>

#include "line.h"

/**
 * vnet_vlan_tag() - a frame's outer tag
 * @skb: the frame, from its Ethernet header on
 * @tci: where to put its VID and priority
 *
 * Context: Softirq.
 * Return: false if it has none.
 */
static bool vnet_vlan_tag(const struct sk_buff *skb, u16 *tci)
{
	const struct vlan_ethhdr *veth = (void *)skb->data;

	if (skb_vlan_tag_present(skb)) {
		*tci = skb_vlan_tag_get(skb);
		return true;
	}
	if (!eth_type_vlan(skb->protocol) || skb_headlen(skb) < VLAN_ETH_HLEN)
		return false;
	*tci = ntohs(veth->h_vlan_TCI);
	return true;
}

/**
 * vnet_vlan_meant() - whether the settings concern a frame
 * @impair: the settings
 * @skb: the frame
 *
 * Context: Softirq.
 * Return: true if they do.
 */
static bool vnet_vlan_meant(const struct vnet_impair *impair,
			    const struct sk_buff *skb)
{
	u64 vid = impair->set[VNET_IMPAIR_VLAN_MATCH];
	u16 tci;

	return vid == VNET_VLAN_NONE ||
	       (vnet_vlan_tag(skb, &tci) && (tci & VLAN_VID_MASK) == vid);
}

/**
 * vnet_vlan_tci() - VID and priority as they are to be
 * @impair: the settings
 * @vid: the VID
 * @old: the tag that is replaced, or 0
 *
 * Context: Any.
 * Return: both.
 */
static u16 vnet_vlan_tci(const struct vnet_impair *impair, u16 vid, u16 old)
{
	u64 pcp = impair->set[VNET_IMPAIR_VLAN_PCP];

	if (pcp == VNET_PCP_KEEP)
		return (old & ~VLAN_VID_MASK) | vid;
	return (old & VLAN_CFI_MASK) | pcp << VLAN_PRIO_SHIFT | vid;
}

/**
 * vnet_vlan_in() - a frame comes to the line: take its tag off, or change it
 * @line: the line
 * @impair: the settings
 * @skb: the frame, from its Ethernet header on
 *
 * Context: Softirq.
 * Return: 0 or -ENOMEM.
 */
int vnet_vlan_in(struct vnet_line *line, const struct vnet_impair *impair,
		 struct sk_buff *skb)
{
	u64 vid = impair->set[VNET_IMPAIR_VLAN_TRANSLATE];
	__be16 proto;
	u16 tci;

	VNET_CB(skb)->push = impair->set[VNET_IMPAIR_VLAN_PUSH] !=
			     VNET_VLAN_NONE && vnet_vlan_meant(impair, skb);
	if ((vid == VNET_VLAN_NONE && !impair->set[VNET_IMPAIR_VLAN_POP]) ||
	    !vnet_vlan_tag(skb, &tci) || !vnet_vlan_meant(impair, skb))
		return 0;
	proto = skb_vlan_tag_present(skb) ? skb->vlan_proto : skb->protocol;
	skb_reset_mac_header(skb);
	if (skb_vlan_pop(skb))
		return -ENOMEM;
	if (vid == VNET_VLAN_NONE) {
		vnet_line_count(line, VNET_XSTAT_VLAN_POPPED, 1);
		return 0;
	}
	if (skb_vlan_push(skb, proto, vnet_vlan_tci(impair, vid, tci)))
		return -ENOMEM;
	vnet_line_count(line, VNET_XSTAT_VLAN_TRANSLATED, 1);
	return 0;
}

/**
 * vnet_vlan_out() - a frame leaves the line: put a tag on
 * @line: the line
 * @impair: the settings
 * @skb: the frame, from its Ethernet header on
 *
 * Context: Softirq.
 * Return: 0, or -ENOMEM; then the frame has gone.
 */
int vnet_vlan_out(struct vnet_line *line, const struct vnet_impair *impair,
		  struct sk_buff *skb)
{
	u64 vid = impair->set[VNET_IMPAIR_VLAN_PUSH];

	if (!VNET_CB(skb)->push || vid == VNET_VLAN_NONE)
		return 0;
	skb_reset_mac_header(skb);
	if (skb_vlan_push(skb, htons(impair->set[VNET_IMPAIR_VLAN_PROTO]),
			  vnet_vlan_tci(impair, vid, 0))) {
		dev_kfree_skb_any(skb);
		return -ENOMEM;
	}
	vnet_line_count(line, VNET_XSTAT_VLAN_PUSHED, 1);
	return 0;
}
