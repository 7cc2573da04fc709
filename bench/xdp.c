// SPDX-License-Identifier: GPL-2.0
/*
 * The programs that the XDP cases of the comparison attach: as little as there
 * can be, because what is measured is the driver's share.
 *
 *   ip link set dev eth0 xdp obj xdp.o sec xdp/drop
 */
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))

/* The index of the device that frames are sent on to; bench/guest gives it. */
#define TARGET 1000

static long (*const bpf_redirect)(__u32 ifindex, __u64 flags) =
	(void *)BPF_FUNC_redirect;

SEC("xdp/drop") int drop(void *context)
{
	return XDP_DROP;
}

SEC("xdp/pass") int pass(void *context)
{
	return XDP_PASS;
}

/* Sends a frame back as it came. Nobody has the address, so it ends there. */
SEC("xdp/tx") int tx(void *context)
{
	return XDP_TX;
}

SEC("xdp/redirect") int redirect(void *context)
{
	return bpf_redirect(TARGET, 0);
}

char _license[] SEC("license") = "GPL";
