/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: As much of the kernel's sk_buff as damage.c and vlan.c need
 *
 * All of a frame lies in one buffer that is as long as the frame, so that a
 * byte too far is seen; one VLAN tag may lie beside it. What the kernel's
 * functions do to tags is what these do: skb_vlan_pop() moves the next tag out
 * of the bytes, skb_vlan_push() the one before into them.
 *
 * Next: frame.c.
 */

#ifndef FUZZ_SKB_H
#define FUZZ_SKB_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "fuzz.h"
#include "impair.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define min(a, b) ((a) < (b) ? (a) : (b))
#define min_t(type, a, b) min((type)(a), (type)(b))
#define unlikely(truth) (truth)

#define VLAN_HLEN 4
#define VLAN_ETH_HLEN 18
#define VLAN_VID_MASK 0x0fff
#define VLAN_CFI_MASK 0x1000
#define VLAN_PRIO_SHIFT 13

#define CHECKSUM_PARTIAL 3
#define CSUM_MANGLED_0 ((__sum16)0xffff)

/* Room before a frame's bytes: a tag, and what aligns the IP header. */
#define SKB_ROOM (VLAN_HLEN + 2)

/**
 * struct vlan_ethhdr - the headers of a tagged frame
 * @h_dest: to whom
 * @h_source: from whom
 * @h_vlan_proto: kind of tag
 * @h_vlan_TCI: VID and priority
 */
struct vlan_ethhdr {
	u8 h_dest[ETH_ALEN];
	u8 h_source[ETH_ALEN];
	__be16 h_vlan_proto;
	__be16 h_vlan_TCI;
};

/**
 * struct sk_buff - a frame
 * @data: its bytes
 * @len: how many
 * @protocol: its EtherType
 * @ip_summed: never CHECKSUM_PARTIAL
 * @tagged: there is a tag beside the bytes
 * @vlan_proto: its kind
 * @vlan_tci: its VID and priority
 * @push: &vnet_cb.push
 */
struct sk_buff {
	u8 *data;
	unsigned int len;
	__be16 protocol;
	int ip_summed;
	bool tagged;
	__be16 vlan_proto;
	u16 vlan_tci;
	bool push;
};

struct vnet_line;

/* What a line notes on a frame: as much of it as is asked for. */
#define VNET_CB(skb) (skb)

#define skb_vlan_tag_present(skb) ((skb)->tagged)
#define skb_vlan_tag_get(skb) ((skb)->vlan_tci)
#define skb_headlen(skb) ((skb)->len)
#define skb_linearize(skb) ((void)(skb), 0)
#define skb_ensure_writable(skb, bytes) ((void)(skb), (void)(bytes), 0)
#define skb_csum_hwoffload_help(skb, features) \
	((void)(skb), (void)(features), 0)
#define skb_reset_mac_header(skb) ((void)(skb))
#define skb_trim(skb, bytes) ((skb)->len = (bytes))
#define dev_kfree_skb_any(skb) must(!(skb))
#define vnet_line_count(line, which, n) \
	((void)(line), (void)(which), (void)(n))

/**
 * eth_type_vlan() - whether an EtherType is that of a tag
 * @type: the EtherType
 *
 * Return: true if so.
 */
static inline bool eth_type_vlan(__be16 type)
{
	return type == htons(ETH_P_8021Q) || type == htons(ETH_P_8021AD);
}

/**
 * ip_is_fragment() - whether a datagram is a piece of one
 * @iph: its header
 *
 * Return: true if so.
 */
static inline bool ip_is_fragment(const struct iphdr *iph)
{
	return iph->frag_off & htons(0x3fff);
}

/**
 * csum_bytes() - add bytes up as RFC 1071 does
 * @bytes: the bytes
 * @len: how many
 * @before: what it is added to
 *
 * Return: the sum, not yet folded to less than 32 bits.
 */
static inline __wsum csum_bytes(const void *bytes, unsigned int len,
				__wsum before)
{
	const u8 *at = bytes;
	u64 all = before;
	u16 two;

	for (; len > 1; len -= 2, at += 2) {
		memcpy(&two, at, sizeof(two));
		all += two;
	}
	if (len)
		all += *at;
	all = (all & 0xffffffff) + (all >> 32);
	return (all & 0xffffffff) + (all >> 32);
}

/**
 * csum_fold() - make a checksum of a sum
 * @all: the sum
 *
 * Return: the checksum.
 */
static inline __sum16 csum_fold(__wsum all)
{
	all = (all & 0xffff) + (all >> 16);
	return ~((all & 0xffff) + (all >> 16));
}

/* The kernel's names for sums of several things. */
#define skb_checksum(skb, at, bytes, before) \
	csum_bytes((skb)->data + (at), bytes, before)
#define ip_fast_csum(iph, words) csum_fold(csum_bytes(iph, (words) * 4, 0))

/**
 * csum_tcpudp_magic() - the checksum of TCP or UDP over IPv4
 * @saddr: from whom
 * @daddr: to whom
 * @len: bytes of header and payload
 * @protocol: which of the two
 * @all: their sum
 *
 * Return: the checksum.
 */
static inline __sum16 csum_tcpudp_magic(__be32 saddr, __be32 daddr, u32 len,
					u8 protocol, __wsum all)
{
	const __be32 pseudo[] = { saddr, daddr, htonl(protocol), htonl(len) };

	return csum_fold(csum_bytes(pseudo, sizeof(pseudo), all));
}

/**
 * csum_ipv6_magic() - the checksum of TCP or UDP over IPv6
 * @saddr: from whom
 * @daddr: to whom
 * @len: bytes of header and payload
 * @protocol: which of the two
 * @all: their sum
 *
 * Return: the checksum.
 */
static inline __sum16 csum_ipv6_magic(const struct in6_addr *saddr,
				      const struct in6_addr *daddr, u32 len,
				      u8 protocol, __wsum all)
{
	all = csum_bytes(saddr, sizeof(*saddr), all);
	all = csum_bytes(daddr, sizeof(*daddr), all);
	return csum_tcpudp_magic(0, 0, len, protocol, all);
}

/**
 * skb_untag() - take a tag out of a frame's bytes
 * @skb: the frame
 *
 * Return: 0, or -ENOMEM if it is too short to have one.
 */
static inline int skb_untag(struct sk_buff *skb)
{
	if (skb->len < VLAN_ETH_HLEN)
		return -ENOMEM;
	memmove(skb->data + VLAN_HLEN, skb->data, 2 * ETH_ALEN);
	skb->data += VLAN_HLEN;
	skb->len -= VLAN_HLEN;
	skb->protocol = ((struct ethhdr *)skb->data)->h_proto;
	return 0;
}

/**
 * skb_vlan_pop() - take a frame's outer tag off
 * @skb: the frame
 *
 * Return: 0 or -ENOMEM.
 */
static inline int skb_vlan_pop(struct sk_buff *skb)
{
	struct vlan_ethhdr *veth;

	if (!skb->tagged && eth_type_vlan(skb->protocol) && skb_untag(skb))
		return -ENOMEM;
	skb->tagged = false;
	if (!eth_type_vlan(skb->protocol))
		return 0;
	veth = (void *)skb->data;
	if (skb->len >= VLAN_ETH_HLEN) {
		skb->vlan_proto = veth->h_vlan_proto;
		skb->vlan_tci = ntohs(veth->h_vlan_TCI);
		skb->tagged = true;
	}
	return skb_untag(skb);
}

/**
 * skb_vlan_push() - put a tag on a frame
 * @skb: the frame
 * @proto: kind of tag
 * @tci: VID and priority
 *
 * Return: 0, always.
 */
static inline int skb_vlan_push(struct sk_buff *skb, __be16 proto, u16 tci)
{
	struct vlan_ethhdr *veth;

	if (skb->tagged) {
		skb->data -= VLAN_HLEN;
		skb->len += VLAN_HLEN;
		memmove(skb->data, skb->data + VLAN_HLEN, 2 * ETH_ALEN);
		veth = (void *)skb->data;
		veth->h_vlan_proto = skb->vlan_proto;
		veth->h_vlan_TCI = htons(skb->vlan_tci);
		skb->protocol = skb->vlan_proto;
	}
	skb->vlan_proto = proto;
	skb->vlan_tci = tci;
	skb->tagged = true;
	return 0;
}

#endif /* FUZZ_SKB_H */
