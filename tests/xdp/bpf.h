/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a program for the kernel's BPF machine needs beside the kernel's own
 * header: how a map is declared, and the helper functions that are used here.
 */

#ifndef VNET_TEST_BPF_H
#define VNET_TEST_BPF_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define SEC(_name) __attribute__((section(_name), used))

/*
 * A map named _name, found by user space under that name. Numbers are written
 * as the bounds of arrays, types as what is pointed to.
 */
#define MAP(_name, _type, _value, _entries)				\
	struct {							\
		int (*type)[_type];					\
		__u32 *key;						\
		typeof(_value) *value;					\
		int (*max_entries)[_entries];				\
	} _name SEC(".maps")

/* The kernel's helper functions are called by their numbers. */
static void *(*bpf_map_lookup_elem)(void *map, const void *key) =
	(void *)BPF_FUNC_map_lookup_elem;
static long (*bpf_redirect)(__u32 ifindex, __u64 flags) =
	(void *)BPF_FUNC_redirect;
static long (*bpf_redirect_map)(void *map, __u64 key, __u64 flags) =
	(void *)BPF_FUNC_redirect_map;
static long (*bpf_xdp_adjust_head)(struct xdp_md *xdp, int delta) =
	(void *)BPF_FUNC_xdp_adjust_head;
static long (*bpf_xdp_adjust_tail)(struct xdp_md *xdp, int delta) =
	(void *)BPF_FUNC_xdp_adjust_tail;
static long (*bpf_xdp_adjust_meta)(struct xdp_md *xdp, int delta) =
	(void *)BPF_FUNC_xdp_adjust_meta;
static __u64 (*bpf_xdp_get_buff_len)(struct xdp_md *xdp) =
	(void *)BPF_FUNC_xdp_get_buff_len;
static long (*bpf_xdp_load_bytes)(struct xdp_md *xdp, __u32 offset, void *to,
				  __u32 len) =
	(void *)BPF_FUNC_xdp_load_bytes;
static long (*bpf_xdp_store_bytes)(struct xdp_md *xdp, __u32 offset,
				   void *from, __u32 len) =
	(void *)BPF_FUNC_xdp_store_bytes;

#endif /* VNET_TEST_BPF_H */
