// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: XDP programs attached and detached
 *
 * A program decides what the other end may send: no frame larger than the MTU,
 * none in pieces if it does not take those, each with room before it.
 *
 * Process context, RTNL held.
 *
 * Next: xdp.c runs the programs.
 */

#include <linux/filter.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/xdp.h>

#include "vnet.h"

/* The MTU of frames that fit into one page, with two VLAN tags. */
#define VNET_XDP_MTU (VNET_XDP_LINEAR - ETH_HLEN - 2 * VLAN_HLEN)

/**
 * vnet_xdp_check() - whether a program can be attached
 * @dev: the device
 * @prog: the program
 * @extack: where to say why not
 *
 * Context: Process context, RTNL held.
 * Return: 0, -ENOTCONN or -ERANGE.
 */
static int vnet_xdp_check(struct net_device *dev, struct bpf_prog *prog,
			  struct netlink_ext_ack *extack)
{
	struct net_device *peer = vnet_peer(netdev_priv(dev));

	if (!peer) {
		NL_SET_ERR_MSG(extack, "The other end of the link has gone");
		return -ENOTCONN;
	}
	if (!prog->aux->xdp_has_frags && peer->mtu > VNET_XDP_MTU) {
		NL_SET_ERR_MSG(extack,
			       "The other end's MTU is too large for a program that does not take frames in pieces");
		return -ERANGE;
	}
	return 0;
}

/**
 * vnet_xdp_adapt() - have the other end send what the program can take
 * @dev: the device
 * @prog: the program; NULL if there is none any more
 *
 * Context: Process context, RTNL held.
 */
static void vnet_xdp_adapt(struct net_device *dev, struct bpf_prog *prog)
{
	struct vnet_priv *priv = netdev_priv(dev);
	struct net_device *peer = vnet_peer(priv);

	if (!peer)
		return;
	peer->max_mtu = prog && !prog->aux->xdp_has_frags ? VNET_XDP_MTU :
							    ETH_MAX_MTU;
	peer->needed_headroom = prog ? max_t(u16, priv->headroom,
					     XDP_PACKET_HEADROOM) :
				       priv->headroom;
	netdev_update_features(peer);
}

/**
 * vnet_xdp_set() - attach a program, or detach it
 * @dev: the device
 * @prog: the program; NULL to detach
 * @extack: where to say why not
 *
 * Frames that are already on their way meet whichever program is attached
 * when they arrive.
 *
 * Context: Process context, RTNL held.
 * Return: 0, or what vnet_xdp_check() returned; then nothing has changed.
 */
static int vnet_xdp_set(struct net_device *dev, struct bpf_prog *prog,
			struct netlink_ext_ack *extack)
{
	struct vnet_priv *priv = netdev_priv(dev);
	struct bpf_prog *old;
	int err;

	if (prog) {
		err = vnet_xdp_check(dev, prog, extack);
		if (err)
			return err;
	}
	old = rtnl_dereference(priv->xdp_prog);
	rcu_assign_pointer(priv->xdp_prog, prog);
	vnet_xdp_adapt(dev, prog);
	if (old)
		bpf_prog_put(old);
	return 0;
}

/**
 * vnet_bpf() - requests of the BPF system
 * @dev: the device
 * @bpf: the request
 *
 * Context: Process context, RTNL held.
 * Return: 0, or an errno.
 */
int vnet_bpf(struct net_device *dev, struct netdev_bpf *bpf)
{
	switch (bpf->command) {
	case XDP_SETUP_PROG:
		return vnet_xdp_set(dev, bpf->prog, bpf->extack);
	default:
		return -EINVAL;
	}
}

/**
 * vnet_xdp_setup() - say what XDP can do on a device
 * @dev: the device, not yet registered
 *
 * Context: Process context.
 */
void vnet_xdp_setup(struct net_device *dev)
{
#if VNET_XDP_FEATURES
	dev->xdp_features = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT |
			    NETDEV_XDP_ACT_NDO_XMIT | NETDEV_XDP_ACT_RX_SG |
			    NETDEV_XDP_ACT_NDO_XMIT_SG;
#endif
}
