// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Fuzzes what is done to a frame's bytes: any frame, any settings
 *
 * damage.c finds headers in whatever somebody has sent, and vlan.c tags. Here
 * they have stand-ins for what they take from the kernel (skb.h), and a frame
 * that ends where its buffer ends.
 *
 * An input: what is to be done, and how; then the frame.
 */

#include "skb.h"

/* Behind this there would be more of the kernel than they need. */
#define VNET_LINE_H
#include "../../vnet/damage.c"
#include "../../vnet/vlan.c"

/* Bytes of a frame at most, with a tag that may be put on. */
#define LONGEST 2048

/**
 * bits_between() - count bits that differ
 * @a: some bytes
 * @b: others
 * @len: how many
 *
 * Return: number of bits.
 */
static unsigned int bits_between(const u8 *a, const u8 *b, unsigned int len)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < len; i++)
		n += __builtin_popcount(a[i] ^ b[i]);
	return n;
}

/**
 * look_at_layout() - whether headers lie within a frame, in order
 * @skb: the frame
 * @layout: where they are
 */
static void look_at_layout(const struct sk_buff *skb,
			   const struct vnet_layout *layout)
{
	must(layout->network >= ETH_HLEN);
	must(layout->payload >= layout->network);
	must(layout->payload <= skb->len);
	must(!layout->transport || layout->transport > layout->network);
	must(!layout->transport || layout->payload >= layout->transport + 8);
	must(!layout->check || layout->check > layout->transport);
	must(!layout->check || layout->check + 2 <= layout->payload);
	must(!layout->check || layout->transport);
}

/**
 * look_at_repair() - whether a receiver finds the checksums of a frame right
 * @skb: the frame, which has been repaired
 * @layout: where its headers were
 */
static void look_at_repair(struct sk_buff *skb,
			   const struct vnet_layout *layout)
{
	const struct iphdr *iph = (void *)(skb->data + layout->network);
	const struct ipv6hdr *ip6h = (void *)iph;
	unsigned int len = skb->len - layout->transport, header, says;
	__wsum all;

	header = (layout->transport ?: layout->payload) - layout->network;
	if (layout->version == 4)
		must(!csum_fold(csum_bytes(iph, header, 0)));
	if (!layout->check)
		return;
	says = layout->version == 4 ? ntohs(iph->tot_len) - header :
				      ntohs(ip6h->payload_len);
	len = min(len, says);
	/* If it says that it ends before its checksum, there is none. */
	if (layout->transport + len < layout->check + 2)
		return;
	all = csum_bytes(skb->data + layout->transport, len, 0);
	if (layout->version == 4)
		must(!csum_tcpudp_magic(iph->saddr, iph->daddr, len,
					layout->protocol, all));
	else
		must(!csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr, len,
				      layout->protocol, all));
}

/**
 * fuzz_corrupt() - flip bits, and count them
 * @in: the input
 * @skb: the frame
 */
static void fuzz_corrupt(struct fuzz_input *in, struct sk_buff *skb)
{
	struct vnet_impair impair = {};
	u64 *set = impair.set, draw;
	unsigned int first = 0, end = skb->len, want, bits;
	struct vnet_layout layout;
	u8 *before;

	set[VNET_IMPAIR_BITS] = 1 + fuzz_byte(in) % 64;
	set[VNET_IMPAIR_WHERE] = fuzz_byte(in) % 3;
	set[VNET_IMPAIR_REPAIR] = fuzz_byte(in) & 1;
	draw = fuzz_number(in, 2);
	vnet_layout(skb, &layout);
	look_at_layout(skb, &layout);
	before = malloc(skb->len);
	must(before);
	memcpy(before, skb->data, skb->len);

	must(!vnet_corrupt(skb, &impair, draw));
	must(skb->len == end);
	if (set[VNET_IMPAIR_WHERE] == VNET_CORRUPT_HEADER)
		end = layout.payload;
	else if (set[VNET_IMPAIR_WHERE] == VNET_CORRUPT_PAYLOAD)
		first = layout.payload;
	bits = bits_between(before, skb->data, skb->len);
	want = min(set[VNET_IMPAIR_BITS], 8 * (end - first));
	if (set[VNET_IMPAIR_REPAIR]) {
		look_at_repair(skb, &layout);
		/* Beside the bits, two checksums have changed at most. */
		must(bits <= want + 32);
	} else {
		must(bits == want);
		must(bits_between(before + first, skb->data + first,
				  end - first) == want);
	}
	free(before);
}

/**
 * fuzz_truncate() - cut a frame off
 * @in: the input
 * @skb: the frame
 */
static void fuzz_truncate(struct fuzz_input *in, struct sk_buff *skb)
{
	unsigned int length = 14 + fuzz_number(in, 2) % (65535 - 14 + 1);
	unsigned int before = skb->len;

	must(!vnet_truncate(skb, length));
	must(skb->len == min(before, length));
}

/**
 * flatten() - write a frame down as it would be on a wire
 * @skb: the frame
 * @flat: where; there is room for a tag more
 *
 * Return: its bytes.
 */
static unsigned int flatten(const struct sk_buff *skb, u8 *flat)
{
	__be16 tag[] = { skb->vlan_proto, htons(skb->vlan_tci) };
	unsigned int at = 2 * ETH_ALEN;

	memcpy(flat, skb->data, at);
	if (skb->tagged) {
		memcpy(flat + at, tag, sizeof(tag));
		at += sizeof(tag);
	}
	memcpy(flat + at, skb->data + 2 * ETH_ALEN, skb->len - 2 * ETH_ALEN);
	return at + skb->len - 2 * ETH_ALEN;
}

/**
 * retag() - do to a frame's tags what settings say
 * @set: the settings
 * @flat: the frame as it would be on a wire
 * @len: its bytes
 *
 * Return: its new length.
 */
static unsigned int retag(const u64 *set, u8 *flat, unsigned int len)
{
	const u64 pcp = set[VNET_IMPAIR_VLAN_PCP];
	u8 *tag = flat + 2 * ETH_ALEN;
	bool tagged = tag[0] == (tag[1] == 0xa8 ? 0x88 : 0x81) &&
		      (tag[1] == 0 || tag[1] == 0xa8) && len >= VLAN_ETH_HLEN;
	u64 match = set[VNET_IMPAIR_VLAN_MATCH];
	bool meant = match == VNET_VLAN_NONE ||
		     (tagged && match == ((tag[2] & 15u) << 8 | tag[3]));
	u64 vid = set[VNET_IMPAIR_VLAN_TRANSLATE];

	if (tagged && meant && set[VNET_IMPAIR_VLAN_POP]) {
		memmove(tag, tag + VLAN_HLEN, len - 2 * ETH_ALEN - VLAN_HLEN);
		len -= VLAN_HLEN;
	} else if (tagged && meant && vid != VNET_VLAN_NONE) {
		tag[2] = (tag[2] & 0xf0) | vid >> 8;
		tag[3] = vid;
		if (pcp != VNET_PCP_KEEP)
			tag[2] = (tag[2] & 0x1f) | pcp << 5;
	}
	vid = set[VNET_IMPAIR_VLAN_PUSH];
	if (meant && vid != VNET_VLAN_NONE) {
		memmove(tag + VLAN_HLEN, tag, len - 2 * ETH_ALEN);
		len += VLAN_HLEN;
		tag[0] = set[VNET_IMPAIR_VLAN_PROTO] >> 8;
		tag[1] = set[VNET_IMPAIR_VLAN_PROTO];
		tag[2] = (pcp == VNET_PCP_KEEP ? 0 : pcp << 5) | vid >> 8;
		tag[3] = vid;
	}
	return len;
}

/**
 * fuzz_vlan() - change tags, and compare
 * @in: the input
 * @skb: the frame
 */
static void fuzz_vlan(struct fuzz_input *in, struct sk_buff *skb)
{
	u8 before[LONGEST], after[LONGEST];
	unsigned int what = fuzz_byte(in), len;
	struct vnet_impair impair = {};
	u64 *set = impair.set;

	set[VNET_IMPAIR_VLAN_MATCH] = what & 1 ? fuzz_byte(in) : VNET_VLAN_NONE;
	set[VNET_IMPAIR_VLAN_PUSH] = VNET_VLAN_NONE;
	set[VNET_IMPAIR_VLAN_TRANSLATE] = VNET_VLAN_NONE;
	if (what & 2) {
		set[VNET_IMPAIR_VLAN_TRANSLATE] = fuzz_number(in, 2) % 4095;
	} else {
		set[VNET_IMPAIR_VLAN_POP] = what >> 2 & 1;
		if (what & 8)
			set[VNET_IMPAIR_VLAN_PUSH] = fuzz_number(in, 2) % 4095;
	}
	set[VNET_IMPAIR_VLAN_PCP] = what & 16 ? what >> 5 : VNET_PCP_KEEP;
	set[VNET_IMPAIR_VLAN_PROTO] = fuzz_byte(in) & 1 ? 0x8100 : 0x88a8;

	len = retag(set, before, flatten(skb, before));
	/* A frame that is too short for the next tag goes no further. */
	if (vnet_vlan_in(NULL, &impair, skb))
		return;
	must(!vnet_vlan_out(NULL, &impair, skb));
	must(flatten(skb, after) == len);
	must(!memcmp(before, after, len));
}

/**
 * LLVMFuzzerTestOneInput() - make a frame, and do something to it
 * @data: the input
 * @size: its bytes
 *
 * No frame is shorter than its Ethernet header: the kernel sees to that.
 *
 * Return: 0, always.
 */
int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned int what = fuzz_byte(&in);
	struct fuzz_input how = in;
	struct sk_buff skb = {};
	u8 *buffer;

	/* How it is done is said in the first 8 bytes. */
	fuzz_number(&in, 8);
	skb.len = min(in.left, LONGEST - 2 * VLAN_HLEN);
	if (skb.len < ETH_HLEN)
		return 0;
	buffer = malloc(SKB_ROOM + skb.len);
	must(buffer);
	skb.data = buffer + SKB_ROOM;
	memcpy(skb.data, in.at, skb.len);
	skb.protocol = ((struct ethhdr *)skb.data)->h_proto;
	if (what & 4) {
		skb.tagged = true;
		skb.vlan_proto = htons(what & 8 ? ETH_P_8021AD : ETH_P_8021Q);
		skb.vlan_tci = (what >> 4) * 0x1101;
	}
	switch (what & 3) {
	case 0:
		fuzz_truncate(&how, &skb);
		break;
	case 1:
		fuzz_vlan(&how, &skb);
		break;
	default:
		fuzz_corrupt(&how, &skb);
	}
	free(buffer);
	return 0;
}
