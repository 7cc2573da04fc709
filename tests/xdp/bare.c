// SPDX-License-Identifier: GPL-2.0
/*
 * A program without maps, for what the kernel refuses before it looks at any.
 */

#include "bpf.h"

SEC("xdp")
int pass(struct xdp_md *xdp)
{
	return XDP_PASS;
}
