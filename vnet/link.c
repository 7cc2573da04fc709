// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: The link kind "vnet"
 *
 * `ip link add vn0 type vnet` and its relatives: made, shown, taken away. The
 * two ends of a pair live and die together. Their pointers to each other are
 * set when both exist and cleared when the first of them has gone (netdev.c).
 *
 * Process context, RTNL held, unless a function says otherwise.
 *
 * Next: netdev.c has what is common to all devices.
 */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "vnet.h"

/*
 * The first device's address; device i has this plus i. 02 in the first byte
 * means "assigned locally, one station"; the rest spells "vnet" in ASCII.
 */
#define VNET_LAB_MAC_BASE 0x02766e657400ULL

/* The neighbour of device i: as above, but 06; still a local address. */
#define VNET_LAB_NEIGH_BASE 0x06766e657400ULL

static const struct nla_policy vnet_policy[IFLA_VNET_MAX + 1] = {
	[IFLA_VNET_PEER] = { .len = sizeof(struct ifinfomsg) },
	[IFLA_VNET_WIRE] = NLA_POLICY_MAX(NLA_U32, VNET_WIRE_REFLECT),
	[IFLA_VNET_IMPAIR] = { .type = NLA_NESTED },
	[IFLA_VNET_PEER_IMPAIR] = { .type = NLA_NESTED },
};

/**
 * vnet_validate() - whether what is asked of a device makes sense by itself
 * @tb: attributes of the link
 * @data: attributes of the kind; NULL if there are none
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL perhaps held.
 * Return: 0, or -EINVAL, -EADDRNOTAVAIL or -ERANGE.
 */
static int vnet_validate(struct nlattr *tb[], struct nlattr *data[],
			 struct netlink_ext_ack *extack)
{
	static const int counts[] = { IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES };
	unsigned int i, n;

	if (tb[IFLA_ADDRESS]) {
		if (nla_len(tb[IFLA_ADDRESS]) != ETH_ALEN) {
			NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS],
					    "The address must have 6 bytes");
			return -EINVAL;
		}
		if (!is_valid_ether_addr(nla_data(tb[IFLA_ADDRESS]))) {
			NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS],
					    "The address must be of one station, and not zero");
			return -EADDRNOTAVAIL;
		}
	}
	if (tb[IFLA_MTU]) {
		n = nla_get_u32(tb[IFLA_MTU]);
		if (n < ETH_MIN_MTU || n > ETH_MAX_MTU) {
			NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_MTU],
					    "The MTU must be 68 to 65535");
			return -EINVAL;
		}
	}
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		if (!tb[counts[i]])
			continue;
		n = nla_get_u32(tb[counts[i]]);
		if (n < 1 || n > VNET_QUEUES_MAX) {
			NL_SET_ERR_MSG_ATTR(extack, tb[counts[i]],
					    "A device has 1 to 64 queues in each direction");
			return -ERANGE;
		}
	}
	return 0;
}

/**
 * vnet_num_queues() - how many queue pairs a device may have if nobody says so
 *
 * Context: Any.
 * Return: their number.
 */
static unsigned int vnet_num_queues(void)
{
	return min_t(unsigned int, num_possible_cpus(), VNET_QUEUES_MAX);
}

/**
 * vnet_register() - show a device to the world
 * @dev: the device
 * @tb: what was asked of it
 *
 * Context: Process context, RTNL held.
 * Return: 0, or what register_netdevice() refused it with.
 */
static int vnet_register(struct net_device *dev, struct nlattr *tb[])
{
	struct vnet_priv *priv = netdev_priv(dev);
	int err;

	if (!tb || !tb[IFLA_ADDRESS])
		eth_hw_addr_random(dev);
	ether_addr_copy(priv->far_mac, dev->dev_addr);
	/* A local address that is another station's. */
	priv->far_mac[0] ^= 0x04;
	err = register_netdevice(dev);
	if (!err)
		vnet_xps(priv);
	return err;
}

/**
 * vnet_parse_peer() - read what is asked of the peer
 * @peer_tb: where to put its attributes
 * @attr: IFLA_VNET_PEER
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL held.
 * Return: 0, or what is wrong with the attributes.
 */
static int vnet_parse_peer(struct nlattr *peer_tb[], struct nlattr *attr,
			   struct netlink_ext_ack *extack)
{
	int err = rtnl_nla_parse_ifinfomsg(peer_tb, attr, extack);

	return err < 0 ? err : vnet_validate(peer_tb, NULL, extack);
}

/**
 * vnet_peer_net() - the network namespace that the peer is to live in
 * @src_net: where the request comes from
 * @tbp: what is asked of the peer
 * @extack: where to say what is wrong
 *
 * To put a device into a namespace is to configure that namespace. Not every
 * kernel asks whether the user may, for a peer; so it is asked here.
 *
 * Context: Process context, RTNL held.
 * Return: the namespace, to be put; or an error pointer.
 */
static struct net *vnet_peer_net(struct net *src_net, struct nlattr *tbp[],
				 struct netlink_ext_ack *extack)
{
	struct net *net = rtnl_link_get_net(src_net, tbp);

	if (IS_ERR(net)) {
		NL_SET_ERR_MSG(extack,
			       "The peer's network namespace does not exist");
		return net;
	}
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG(extack,
			       "The peer's network namespace is not yours to configure");
		put_net(net);
		return ERR_PTR(-EPERM);
	}
	return net;
}

/**
 * vnet_create_peer() - make and register the other end of a pair
 * @src_net: where the request comes from
 * @dev: the one end, not yet registered
 * @tb: what is asked of it
 * @data: attributes of the kind; NULL if there are none
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL held.
 * Return: the peer, registered; or an error pointer, and nothing is left.
 */
static struct net_device *vnet_create_peer(struct net *src_net,
					   struct net_device *dev,
					   struct nlattr *tb[],
					   struct nlattr *data[],
					   struct netlink_ext_ack *extack)
{
	unsigned char assigned = NET_NAME_ENUM;
	struct nlattr *peer_tb[IFLA_MAX + 1];
	struct ifinfomsg *ifmp = NULL;
	char name[IFNAMSIZ] = "vnet%d";
	struct nlattr **tbp = tb;
	struct net_device *peer;
	struct net *net;
	int err;

	if (data && data[IFLA_VNET_PEER]) {
		err = vnet_parse_peer(peer_tb, data[IFLA_VNET_PEER], extack);
		if (err)
			return ERR_PTR(err);
		ifmp = nla_data(data[IFLA_VNET_PEER]);
		tbp = peer_tb;
	}
	if (ifmp && tbp[IFLA_IFNAME]) {
		nla_strscpy(name, tbp[IFLA_IFNAME], IFNAMSIZ);
		assigned = NET_NAME_USER;
	}

	net = vnet_peer_net(src_net, tbp, extack);
	if (IS_ERR(net))
		return ERR_CAST(net);
	peer = rtnl_create_link(net, name, assigned, &vnet_link_ops, tbp,
				extack);
	put_net(net);
	if (IS_ERR(peer))
		return peer;
	if (ifmp && dev->ifindex)
		peer->ifindex = ifmp->ifi_index;

	err = vnet_register(peer, ifmp ? tbp : NULL);
	if (err) {
		free_netdev(peer);
		return ERR_PTR(err);
	}
	err = rtnl_configure_link(peer, ifmp, 0, NULL);
	if (err) {
		unregister_netdevice(peer);
		return ERR_PTR(err);
	}
	return peer;
}

/**
 * vnet_wire_kind() - what is to be at the other end of the wire
 * @data: attributes of the kind; NULL if there are none
 *
 * Context: Any.
 * Return: an enum vnet_wire_kind.
 */
static u32 vnet_wire_kind(struct nlattr *data[])
{
	if (!data || !data[IFLA_VNET_WIRE])
		return VNET_WIRE_PEER;
	return nla_get_u32(data[IFLA_VNET_WIRE]);
}

/**
 * vnet_ask() - read what is to happen to the frames of one direction
 * @priv: the device that sends; NULL if it is yet to be made
 * @direction: 0, or 1 for the peer's
 * @data: attributes of the kind; NULL if there are none
 * @type: IFLA_VNET_IMPAIR or IFLA_VNET_PEER_IMPAIR
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL held.
 * Return: the settings; NULL if nothing was asked for; or an error pointer.
 */
static struct vnet_impair *vnet_ask(const struct vnet_priv *priv,
				    unsigned int direction,
				    struct nlattr *data[], int type,
				    struct netlink_ext_ack *extack)
{
	if (!data || !data[type])
		return NULL;
	return vnet_impair_ask(priv, direction, data[type], extack);
}

/**
 * vnet_force() - put settings of both directions in force
 * @dev: the device
 * @near: for what it sends; NULL for no change
 * @peer: the other end
 * @far: for what that sends; NULL for no change
 *
 * Context: Process context, RTNL held.
 * Return: 0 or -ENOMEM; then nothing has changed, and the settings are freed.
 */
static int vnet_force(struct net_device *dev, struct vnet_impair *near,
		      struct net_device *peer, struct vnet_impair *far)
{
	if ((near && vnet_impair_prepare(netdev_priv(dev))) ||
	    (far && vnet_impair_prepare(netdev_priv(peer)))) {
		kfree(near);
		kfree(far);
		return -ENOMEM;
	}
	if (near)
		vnet_impair_force(netdev_priv(dev), near);
	if (far)
		vnet_impair_force(netdev_priv(peer), far);
	return 0;
}

/**
 * vnet_dellink() - take a link away, both ends
 * @dev: one end
 * @head: where the core collects what is to go
 *
 * Context: Process context, RTNL held.
 */
static void vnet_dellink(struct net_device *dev, struct list_head *head)
{
	struct vnet_priv *priv = netdev_priv(dev);
	struct net_device *peer = vnet_peer(priv);

	unregister_netdevice_queue(dev, head);
	if (!peer || peer == dev)
		return;
	unregister_netdevice_queue(peer, head);
}

/**
 * vnet_newlink() - make a link
 * @src_net: where the peer goes if nothing says otherwise
 * @dev: the device, not yet registered
 * @tb: what is asked of it
 * @data: attributes of the kind; NULL if there are none
 * @extack: where to say what is wrong
 *
 * The peer comes first, so that an error of the device itself, whose name
 * the user has chosen, is found while only the peer has to go again.
 *
 * Context: Process context, RTNL held.
 * Return: 0, or an errno; then nothing is left, and the core frees @dev.
 */
static int vnet_newlink(struct net *src_net, struct net_device *dev,
			struct nlattr *tb[], struct nlattr *data[],
			struct netlink_ext_ack *extack)
{
	struct vnet_priv *priv = netdev_priv(dev);
	struct net_device *peer = dev;
	struct vnet_impair *near, *far;
	int err;

	priv->wire = vnet_wire_kind(data);
	if (priv->wire != VNET_WIRE_PEER && data[IFLA_VNET_PEER]) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_VNET_PEER],
				    "A wire that comes back has no peer");
		return -EINVAL;
	}
	if (priv->wire != VNET_WIRE_PEER && data[IFLA_VNET_PEER_IMPAIR]) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_VNET_PEER_IMPAIR],
				    "A wire that comes back has no peer");
		return -EINVAL;
	}
	near = vnet_ask(NULL, 0, data, IFLA_VNET_IMPAIR, extack);
	if (IS_ERR(near))
		return PTR_ERR(near);
	far = vnet_ask(NULL, 1, data, IFLA_VNET_PEER_IMPAIR, extack);
	if (IS_ERR(far)) {
		err = PTR_ERR(far);
		goto err_free_near;
	}
	if (priv->wire == VNET_WIRE_PEER) {
		peer = vnet_create_peer(src_net, dev, tb, data, extack);
		if (IS_ERR(peer)) {
			err = PTR_ERR(peer);
			goto err_free_far;
		}
		netif_inherit_tso_max(peer, dev);
	}

	err = vnet_register(dev, tb);
	if (err)
		goto err_unregister_peer;
	rcu_assign_pointer(priv->peer, peer);
	if (peer != dev) {
		priv = netdev_priv(peer);
		priv->direction = 1;
		rcu_assign_pointer(priv->peer, dev);
	}
	err = vnet_force(dev, near, peer, far);
	if (err) {
		vnet_dellink(dev, NULL);
		return err;
	}
	return 0;

err_unregister_peer:
	if (peer != dev)
		unregister_netdevice(peer);
err_free_far:
	kfree(far);
err_free_near:
	kfree(near);
	return err;
}

/**
 * vnet_may_change_peer() - whether whoever asks may configure the other end
 * @dev: the device
 * @attr: IFLA_VNET_PEER_IMPAIR
 * @extack: where to say why not
 *
 * Context: Process context, RTNL held.
 * Return: 0, -EINVAL if there is none, or -EPERM.
 */
static int vnet_may_change_peer(const struct net_device *dev,
				const struct nlattr *attr,
				struct netlink_ext_ack *extack)
{
	const struct net_device *peer = vnet_peer(netdev_priv(dev));

	if (!peer || peer == dev) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "This link has no peer");
		return -EINVAL;
	}
	if (!ns_capable(dev_net(peer)->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "The peer's network namespace is not yours to configure");
		return -EPERM;
	}
	return 0;
}

/**
 * vnet_change_impair() - change what happens to frames
 * @dev: the device
 * @data: attributes of the kind
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL held.
 * Return: 0, or an errno; then nothing has changed.
 */
static int vnet_change_impair(struct net_device *dev, struct nlattr *data[],
			      struct netlink_ext_ack *extack)
{
	struct net_device *peer = vnet_peer(netdev_priv(dev));
	struct vnet_impair *near, *far = NULL;
	struct vnet_priv *other;

	near = vnet_ask(netdev_priv(dev),
			((struct vnet_priv *)netdev_priv(dev))->direction,
			data, IFLA_VNET_IMPAIR, extack);
	if (IS_ERR(near))
		return PTR_ERR(near);
	if (data[IFLA_VNET_PEER_IMPAIR]) {
		other = netdev_priv(peer);
		far = vnet_ask(other, other->direction, data,
			       IFLA_VNET_PEER_IMPAIR, extack);
		if (IS_ERR(far)) {
			kfree(near);
			return PTR_ERR(far);
		}
	}
	return vnet_force(dev, near, peer, far);
}

/**
 * vnet_changelink() - a request to change a link
 * @dev: the device
 * @tb: attributes of the link; the core's business
 * @data: attributes of the kind
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL held.
 * Return: 0, or an errno; then nothing has changed.
 */
static int vnet_changelink(struct net_device *dev, struct nlattr *tb[],
			   struct nlattr *data[],
			   struct netlink_ext_ack *extack)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	int err;

	if (data && data[IFLA_VNET_PEER]) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_VNET_PEER],
				    "A link's peer cannot be changed");
		return -EOPNOTSUPP;
	}
	if (data && data[IFLA_VNET_WIRE] &&
	    nla_get_u32(data[IFLA_VNET_WIRE]) != priv->wire) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_VNET_WIRE],
				    "A link's kind of wire cannot be changed");
		return -EOPNOTSUPP;
	}
	if (!data)
		return 0;
	if (data[IFLA_VNET_PEER_IMPAIR]) {
		err = vnet_may_change_peer(dev, data[IFLA_VNET_PEER_IMPAIR],
					   extack);
		if (err)
			return err;
	}
	return vnet_change_impair(dev, data, extack);
}

/**
 * vnet_get_size() - room that vnet_fill_info() needs
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: bytes.
 */
static size_t vnet_get_size(const struct net_device *dev)
{
	return nla_total_size(sizeof(u32)) + vnet_impair_size();
}

/**
 * vnet_fill_info() - tell user space of the link
 * @skb: the answer
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -EMSGSIZE.
 */
static int vnet_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct vnet_priv *priv = netdev_priv(dev);

	if (nla_put_u32(skb, IFLA_VNET_WIRE, priv->wire))
		return -EMSGSIZE;
	return vnet_impair_fill(skb, priv);
}

/**
 * vnet_get_link_net() - the network namespace of the other end
 * @dev: the device
 *
 * Context: RTNL held.
 * Return: the namespace.
 */
static struct net *vnet_get_link_net(const struct net_device *dev)
{
	struct net_device *peer = vnet_peer(netdev_priv(dev));

	return dev_net(peer ?: dev);
}

#if VNET_NEWLINK_PARAMS
/**
 * vnet_newlink_params() - make a link, as newer kernels ask for it
 * @dev: the device, not yet registered
 * @params: all else
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL held.
 * Return: as vnet_newlink().
 */
static int vnet_newlink_params(struct net_device *dev,
			       struct rtnl_newlink_params *params,
			       struct netlink_ext_ack *extack)
{
	return vnet_newlink(rtnl_newlink_peer_net(params), dev, params->tb,
			    params->data, extack);
}
#endif

struct rtnl_link_ops vnet_link_ops = {
	.kind			= "vnet",
	.priv_size		= sizeof(struct vnet_priv),
	.maxtype		= IFLA_VNET_MAX,
	.policy			= vnet_policy,
	.setup			= vnet_setup,
	.validate		= vnet_validate,
#if VNET_NEWLINK_PARAMS
	.peer_type		= IFLA_VNET_PEER,
	.newlink		= vnet_newlink_params,
#else
	.newlink		= vnet_newlink,
#endif
	.changelink		= vnet_changelink,
	.dellink		= vnet_dellink,
	.get_size		= vnet_get_size,
	.fill_info		= vnet_fill_info,
	.get_xstats_size	= vnet_xstats_size,
	.fill_xstats		= vnet_xstats_fill,
	.get_link_net		= vnet_get_link_net,
	.get_num_tx_queues	= vnet_num_queues,
	.get_num_rx_queues	= vnet_num_queues,
};

/**
 * vnet_create_lab() - make a device as the course's drivers do
 * @index: which one, from 0; decides its name, its address, its neighbour's
 *
 * Context: Process context, RTNL not held.
 * Return: 0, or an errno; then nothing is left of it.
 */
int vnet_create_lab(unsigned int index)
{
	struct nlattr *tb[IFLA_MAX + 1] = {};
	struct net_device *dev;
	struct vnet_priv *priv;
	u8 addr[ETH_ALEN];
	int err;

	rtnl_lock();
	dev = rtnl_create_link(&init_net, "vnet%d", NET_NAME_ENUM,
			       &vnet_link_ops, tb, NULL);
	if (IS_ERR(dev)) {
		err = PTR_ERR(dev);
		goto out;
	}
	priv = netdev_priv(dev);
	priv->wire = VNET_WIRE_REFLECT;
	u64_to_ether_addr(VNET_LAB_MAC_BASE + index, addr);
	eth_hw_addr_set(dev, addr);
	u64_to_ether_addr(VNET_LAB_NEIGH_BASE + index, priv->far_mac);
	err = register_netdevice(dev);
	if (err) {
		free_netdev(dev);
		goto out;
	}
	vnet_xps(priv);
	rcu_assign_pointer(priv->peer, dev);
	err = rtnl_configure_link(dev, NULL, 0, NULL);
	if (err)
		unregister_netdevice(dev);
out:
	rtnl_unlock();
	return err;
}

/**
 * vnet_link_register() - make the link kind known
 *
 * Context: Process context, RTNL not held.
 * Return: 0, or an errno.
 */
int vnet_link_register(void)
{
	return rtnl_link_register(&vnet_link_ops);
}

/**
 * vnet_link_unregister() - take away the link kind, and every device of it
 *
 * Context: Process context, RTNL not held.
 */
void vnet_link_unregister(void)
{
	rtnl_link_unregister(&vnet_link_ops);
}
