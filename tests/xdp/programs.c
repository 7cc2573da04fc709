// SPDX-License-Identifier: GPL-2.0
/*
 * XDP programs for the tests, each attached by its name:
 *
 *	ip link set vn0 xdp obj build/xdp/programs.o program drop
 *
 * A test tells a program what to do through the map `args`, and learns what it
 * has seen from the map `seen`.
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include "bpf.h"

/* What `look` and its like keep of a frame. */
#define SEEN 128

/* args[0] to args[3]: what each means is said at the program. */
MAP(args, BPF_MAP_TYPE_ARRAY, __u32, 4);

/* seen[0]: the frame's length, and its first bytes, or those looked for. */
struct seen {
	__u32 count;
	__u32 len;
	__u8 bytes[SEEN];
};

MAP(seen, BPF_MAP_TYPE_ARRAY, struct seen, 1);

MAP(devices, BPF_MAP_TYPE_DEVMAP, __u32, 2);
MAP(cpus, BPF_MAP_TYPE_CPUMAP, __u32, 2);
MAP(sockets, BPF_MAP_TYPE_XSKMAP, __u32, 64);

static __u32 arg(__u32 index)
{
	__u32 *value = bpf_map_lookup_elem(&args, &index);

	return value ? *value : 0;
}

/* Notes the frame's length, and its bytes from an offset on. */
static void note(struct xdp_md *xdp, __u32 offset)
{
	__u32 zero = 0, len = bpf_xdp_get_buff_len(xdp);
	struct seen *entry = bpf_map_lookup_elem(&seen, &zero);

	if (!entry)
		return;
	entry->count++;
	entry->len = len;
	/* All of them, or those that the shortest frame has. */
	if (bpf_xdp_load_bytes(xdp, offset, entry->bytes, SEEN))
		bpf_xdp_load_bytes(xdp, offset, entry->bytes, 60);
}

/* Lets everything through, and notes it. */
SEC("xdp")
int look(struct xdp_md *xdp)
{
	note(xdp, 0);
	return XDP_PASS;
}

SEC("xdp")
int pass(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("xdp")
int drop(struct xdp_md *xdp)
{
	return XDP_DROP;
}

/* Returns args[0], whatever it is. */
SEC("xdp")
int verdict(struct xdp_md *xdp)
{
	return arg(0);
}

/* Swaps the addresses; false if the frame is too short. */
static int swap(struct xdp_md *xdp)
{
	__u16 *mac = (void *)(long)xdp->data;
	__u16 word;
	int i;

	if ((void *)(mac + ETH_ALEN) > (void *)(long)xdp->data_end)
		return 0;
#pragma unroll
	for (i = 0; i < 3; i++) {
		word = mac[i];
		mac[i] = mac[i + 3];
		mac[i + 3] = word;
	}
	return 1;
}

/* Sends everything back, to its sender. */
SEC("xdp")
int tx(struct xdp_md *xdp)
{
	return swap(xdp) ? XDP_TX : XDP_ABORTED;
}

/* Sends everything out of the device whose index is args[0]. */
SEC("xdp")
int redirect(struct xdp_md *xdp)
{
	return bpf_redirect(arg(0), 0);
}

/* Sends everything out of devices[0]. */
SEC("xdp")
int redirect_map(struct xdp_md *xdp)
{
	return bpf_redirect_map(&devices, 0, 0);
}

/* Has CPU args[0] hand everything to the stack. */
SEC("xdp")
int redirect_cpu(struct xdp_md *xdp)
{
	return bpf_redirect_map(&cpus, arg(0), 0);
}

/* Hands everything to the AF_XDP socket of its queue; to the stack without. */
SEC("xdp")
int redirect_socket(struct xdp_md *xdp)
{
	return bpf_redirect_map(&sockets, xdp->rx_queue_index, XDP_PASS);
}

/* Puts the VLAN tag args[0] between the addresses and the type. */
SEC("xdp")
int push(struct xdp_md *xdp)
{
	__u8 mac[2 * ETH_ALEN];
	__u16 tag[2] = { __builtin_bswap16(ETH_P_8021Q),
			 __builtin_bswap16(arg(0)) };

	if (bpf_xdp_load_bytes(xdp, 0, mac, sizeof(mac)) ||
	    bpf_xdp_adjust_head(xdp, -(int)sizeof(tag)) ||
	    bpf_xdp_store_bytes(xdp, 0, mac, sizeof(mac)) ||
	    bpf_xdp_store_bytes(xdp, sizeof(mac), tag, sizeof(tag)))
		return XDP_ABORTED;
	return XDP_PASS;
}

/* Takes a VLAN tag away from there. */
SEC("xdp")
int pop(struct xdp_md *xdp)
{
	__u8 mac[2 * ETH_ALEN];

	if (bpf_xdp_load_bytes(xdp, 0, mac, sizeof(mac)) ||
	    bpf_xdp_adjust_head(xdp, 4) ||
	    bpf_xdp_store_bytes(xdp, 0, mac, sizeof(mac)))
		return XDP_ABORTED;
	return XDP_PASS;
}

/* Makes room before the frame as far as it goes: args[0] bytes in all. */
SEC("xdp")
int headroom(struct xdp_md *xdp)
{
	if (bpf_xdp_adjust_head(xdp, -(int)arg(0)))
		return XDP_ABORTED;
	return XDP_DROP;
}

/* Moves the frame's end by args[0] bytes. */
SEC("xdp")
int tail(struct xdp_md *xdp)
{
	if (bpf_xdp_adjust_tail(xdp, arg(0)))
		return XDP_ABORTED;
	return XDP_PASS;
}

/* Writes 0xEE over the bytes from 100 on. */
SEC("xdp")
int scribble(struct xdp_md *xdp)
{
	__u8 bytes[16];

	__builtin_memset(bytes, 0xee, sizeof(bytes));
	bpf_xdp_store_bytes(xdp, 100, bytes, sizeof(bytes));
	return XDP_PASS;
}

/* Hands args[0] on with the frame, to the stack or to the device args[1]. */
SEC("xdp")
int meta(struct xdp_md *xdp)
{
	__u32 *data;

	if (bpf_xdp_adjust_meta(xdp, -(int)sizeof(*data)))
		return XDP_ABORTED;
	data = (void *)(long)xdp->data_meta;
	if ((void *)(data + 1) > (void *)(long)xdp->data)
		return XDP_ABORTED;
	*data = arg(0);
	return arg(1) ? bpf_redirect(arg(1), 0) : XDP_PASS;
}

/* Behind `meta`, at the ingress: makes it the frame's mark. */
SEC("tc")
int mark_from_meta(struct __sk_buff *skb)
{
	__u32 *data = (void *)(long)skb->data_meta;

	if ((void *)(data + 1) <= (void *)(long)skb->data)
		skb->mark = *data;
	return TC_ACT_OK;
}

/*
 * The same for frames in pieces. Bytes beyond the first page can be reached
 * only by the helper functions.
 */

SEC("xdp.frags")
int frags_pass(struct xdp_md *xdp)
{
	return XDP_PASS;
}

/* Notes the bytes from args[0] on. */
SEC("xdp.frags")
int frags_look(struct xdp_md *xdp)
{
	note(xdp, arg(0));
	return XDP_PASS;
}

/* Writes 0xEE over the bytes from args[0] on. */
SEC("xdp.frags")
int frags_scribble(struct xdp_md *xdp)
{
	__u8 bytes[16];

	__builtin_memset(bytes, 0xee, sizeof(bytes));
	if (bpf_xdp_store_bytes(xdp, arg(0), bytes, sizeof(bytes)))
		return XDP_ABORTED;
	return XDP_PASS;
}

/* Moves the frame's end by args[0] bytes; then does what args[1] says. */
SEC("xdp.frags")
int frags_tail(struct xdp_md *xdp)
{
	if (bpf_xdp_adjust_tail(xdp, arg(0)))
		return XDP_ABORTED;
	if (arg(1) == XDP_TX && !swap(xdp))
		return XDP_ABORTED;
	return arg(1);
}

SEC("xdp.frags")
int frags_tx(struct xdp_md *xdp)
{
	return swap(xdp) ? XDP_TX : XDP_ABORTED;
}

SEC("xdp.frags")
int frags_redirect(struct xdp_md *xdp)
{
	return bpf_redirect(arg(0), 0);
}

/* The helper functions that move data are for GPL programs only. */
char gpl[] SEC("license") = "GPL";
