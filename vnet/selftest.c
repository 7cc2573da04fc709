// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: `ethtool -t`
 *
 * Sends a frame through the whole path, as any frame goes, and waits for it
 * to come back. Process context, RTNL held; sleeps.
 */

#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/jiffies.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "vnet.h"

/* How long the self-test waits for its frame, besides the time on the wire. */
#define VNET_TEST_TIMEOUT (2 * HZ)

/**
 * struct vnet_probe - the self-test's frame on its way
 * @handler: takes frames of our type out of the RX path
 * @seen: it has come back unharmed
 * @payload: what is in it, behind the Ethernet header; random, so that no
 *	other frame is taken for it
 */
struct vnet_probe {
	struct packet_type handler;
	struct completion seen;
	u8 payload[ETH_ZLEN - ETH_HLEN];
};

/**
 * vnet_probe_seen() - a frame of our type has been received
 * @skb: the frame, behind its Ethernet header; ours to free
 * @dev: where it came in
 * @handler: our half of the registration
 * @orig_dev: where it came in before any bond or VLAN
 *
 * Context: Softirq, in the stack's receive path.
 * Return: NET_RX_SUCCESS, always.
 */
static int vnet_probe_seen(struct sk_buff *skb, struct net_device *dev,
			   struct packet_type *handler,
			   struct net_device *orig_dev)
{
	struct vnet_probe *probe = container_of(handler, struct vnet_probe,
						handler);
	u8 payload[sizeof(probe->payload)];

	if (!skb_copy_bits(skb, 0, payload, sizeof(payload)) &&
	    !memcmp(payload, probe->payload, sizeof(payload)))
		complete(&probe->seen);
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

/**
 * vnet_probe_send() - send the self-test's frame to the neighbour
 * @priv: the device
 * @probe: what to send
 *
 * Context: Process context.
 * Return: 0, -ENOMEM, or what the stack refused the frame with.
 */
static int vnet_probe_send(struct vnet_priv *priv, struct vnet_probe *probe)
{
	struct net_device *dev = priv->dev;
	struct sk_buff *skb;
	int ret;

	skb = alloc_skb(LL_RESERVED_SPACE(dev) + ETH_ZLEN, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, LL_RESERVED_SPACE(dev));
	skb_put_data(skb, probe->payload, sizeof(probe->payload));
	skb->dev = dev;
	skb->protocol = htons(ETH_P_802_EX1);
	skb_reset_network_header(skb);
	dev_hard_header(skb, dev, ETH_P_802_EX1, priv->neigh_addr,
			dev->dev_addr, skb->len);
	ret = dev_queue_xmit(skb);
	return ret > 0 ? net_xmit_errno(ret) : ret;
}

/**
 * vnet_loopback_test() - send a frame, see whether it comes back unharmed
 * @priv: the device
 *
 * Through the whole path, as any frame: qdisc, TX ring, wire, RX ring, NAPI,
 * stack. Below a bridge or a bond it fails: those take the frame first.
 * A wire that loses frames or pushes a tag may fail it.
 *
 * Context: Process context, RTNL held.
 * Return: 0, -ENOMEM, -ETIMEDOUT, -ERESTARTSYS if killed, or what the stack
 * refused the frame with.
 */
static int vnet_loopback_test(struct vnet_priv *priv)
{
	long left = VNET_TEST_TIMEOUT +
		    usecs_to_jiffies(2 * VNET_GET(tx_usecs)) +
		    nsecs_to_jiffies(2ULL * VNET_GET(delay_ns));
	struct vnet_probe *probe;
	int err;

	probe = kzalloc(sizeof(*probe), GFP_KERNEL);
	if (!probe)
		return -ENOMEM;
	init_completion(&probe->seen);
	get_random_bytes(probe->payload, sizeof(probe->payload));
	probe->handler.type = htons(ETH_P_802_EX1);
	probe->handler.dev = priv->dev;
	probe->handler.func = vnet_probe_seen;

	dev_add_pack(&probe->handler);
	err = vnet_probe_send(priv, probe);
	if (!err) {
		left = wait_for_completion_killable_timeout(&probe->seen, left);
		err = left > 0 ? 0 : left ?: -ETIMEDOUT;
	}
	dev_remove_pack(&probe->handler);
	kfree(probe);
	return err;
}

/* As `ethtool -t` prints them. */
static const char vnet_test_names[][ETH_GSTRING_LEN] = {
	"Device is up", "Loopback frame",
};

/**
 * vnet_test_total() - how many tests `ethtool -t` makes
 *
 * Context: Any.
 * Return: their number.
 */
unsigned int vnet_test_total(void)
{
	return ARRAY_SIZE(vnet_test_names);
}

/**
 * vnet_get_test_names() - the names of the tests of `ethtool -t`
 * @data: where to put them
 *
 * Context: Any.
 */
void vnet_get_test_names(u8 *data)
{
	memcpy(data, vnet_test_names, sizeof(vnet_test_names));
}

/**
 * vnet_self_test() - `ethtool -t`
 * @dev: the device
 * @test: what was asked for, and whether it failed
 * @data: a result for each test: 0, or a negative errno
 *
 * Context: Process context, RTNL held; sleeps.
 */
void vnet_self_test(struct net_device *dev, struct ethtool_test *test,
		    u64 *data)
{
	data[0] = netif_running(dev) ? 0 : -ENETDOWN;
	data[1] = data[0] ?: vnet_loopback_test(netdev_priv(dev));
	if (data[0] || data[1])
		test->flags |= ETH_TEST_FL_FAILED;
}
