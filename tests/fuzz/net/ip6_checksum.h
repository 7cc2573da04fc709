/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's is stood in for by skb.h. */
