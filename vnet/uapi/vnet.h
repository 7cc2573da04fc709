/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/**
 * DOC: What user space says to the link kind "vnet", and hears from it
 *
 * The attributes inside IFLA_INFO_DATA of RTM_NEWLINK and RTM_GETLINK. Without
 * any, a link is one end of a pair whose other end gets a name of its own.
 *
 * This file stands alone: a program that makes links needs nothing else of us.
 */

#ifndef _UAPI_VNET_H
#define _UAPI_VNET_H

/**
 * enum vnet_wire_kind - what is at the other end of the wire
 * @VNET_WIRE_PEER: another device, perhaps in another network namespace
 * @VNET_WIRE_LOOP: the device itself; every frame comes back as it was sent
 * @VNET_WIRE_REFLECT: a neighbour that answers to every address; every frame
 *	comes back with its addresses swapped, every ARP request is answered
 */
enum vnet_wire_kind {
	VNET_WIRE_PEER,
	VNET_WIRE_LOOP,
	VNET_WIRE_REFLECT,
};

/*
 * IFLA_VNET_PEER: the other end, as for veth (VETH_INFO_PEER): a struct
 *	ifinfomsg, then attributes IFLA_* of it: IFLA_IFNAME, IFLA_ADDRESS,
 *	IFLA_NET_NS_FD ... Only when a pair is made; never dumped: IFLA_LINK and
 *	IFLA_LINK_NETNSID tell where the peer is.
 * IFLA_VNET_WIRE: u32, enum vnet_wire_kind; VNET_WIRE_PEER if not given.
 *	Cannot be changed later.
 */
enum {
	IFLA_VNET_UNSPEC,
	IFLA_VNET_PEER,
	IFLA_VNET_WIRE,
	__IFLA_VNET_MAX
};

#define IFLA_VNET_MAX (__IFLA_VNET_MAX - 1)

#endif /* _UAPI_VNET_H */
