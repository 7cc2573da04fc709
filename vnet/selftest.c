// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: `ethtool -t`
 *
 * Online, every queue's interrupt is raised and its poll waited for. Offline,
 * the device is taken off the wire too: its rings are filled to the brim and
 * emptied, and a frame goes the whole way through a plug that sends it back.
 * Process context, RTNL held; sleeps.
 */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "vnet.h"

/* How long a test waits for what should take microseconds. */
#define VNET_TEST_TIMEOUT (2 * HZ)

/**
 * enum vnet_test - the tests, in the order of their names
 * @VNET_TEST_UP: whether there is anything to be tested
 * @VNET_TEST_RINGS: whether the rings hold what they are given
 * @VNET_TEST_IRQ: whether an interrupt leads to a poll
 * @VNET_TEST_LOOP: whether a frame comes back
 * @VNET_TESTS: how many there are
 */
enum vnet_test {
	VNET_TEST_UP,
	VNET_TEST_RINGS,
	VNET_TEST_IRQ,
	VNET_TEST_LOOP,
	VNET_TESTS,
};

/* As `ethtool -t` prints them. */
static const char vnet_test_names[VNET_TESTS][ETH_GSTRING_LEN] = {
	"Device is up    (online)",
	"Rings           (offline)",
	"Interrupts      (online)",
	"Loopback frame  (offline)",
};

/**
 * vnet_ring_test() - fill a ring, see that it is full, and empty it again
 * @ring: the ring, empty; nobody uses it
 *
 * Context: Process context, RTNL held; the link is frozen.
 * Return: 0, or -EIO.
 */
static int vnet_ring_test(struct vnet_ring *ring)
{
	unsigned int i, size = vnet_ring_size(ring);
	int err = 0;

	if (vnet_ring_count(ring) || vnet_ring_space(ring) != size)
		return -EIO;
	for (i = 0; i < size; i++)
		vnet_ring_put(ring, (void *)(unsigned long)(i + 1));
	if (!vnet_ring_full(ring) || vnet_ring_count(ring))
		err = -EIO;
	vnet_ring_publish(ring);
	if (vnet_ring_count(ring) != size)
		err = -EIO;
	for (i = 0; i < size; i++)
		if ((unsigned long)vnet_ring_peek(ring, i) != i + 1)
			err = -EIO;
	vnet_ring_consume(ring, size);
	if (vnet_ring_count(ring) || vnet_ring_space(ring) != size)
		err = -EIO;
	return err;
}

/**
 * vnet_rings_test() - test all rings of a device
 * @priv: the device
 *
 * Context: Process context, RTNL held; the link is frozen.
 * Return: 0, or -EIO.
 */
static int vnet_rings_test(struct vnet_priv *priv)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < priv->queues; i++) {
		err = vnet_ring_test(&priv->queue[i].tx);
		if (!err)
			err = vnet_ring_test(&priv->queue[i].rx);
	}
	return err;
}

/**
 * vnet_irq_test() - raise every queue's interrupt, wait for its poll
 * @priv: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -ETIMEDOUT.
 */
static int vnet_irq_test(struct vnet_priv *priv)
{
	unsigned long end = jiffies + VNET_TEST_TIMEOUT;
	unsigned int i;
	u64 before;

	for (i = 0; i < priv->queues; i++) {
		struct vnet_queue *q = &priv->queue[i];
		u64_stats_t *polls = &q->rx_stats.count[VNET_RX_POLLS];

		before = u64_stats_read(polls);
		vnet_irq_force(q);
		while (u64_stats_read(polls) == before) {
			if (time_after(jiffies, end))
				return -ETIMEDOUT;
			usleep_range(20, 50);
		}
	}
	return 0;
}

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
 * vnet_probe_send() - send the self-test's frame to ourselves
 * @priv: the device
 * @probe: what to send
 *
 * Past the qdisc: a device that had no link until now still has the one that
 * drops everything.
 *
 * Context: Process context.
 * Return: 0, -ENOMEM, or -EIO if the queue did not take it.
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
	dev_hard_header(skb, dev, ETH_P_802_EX1, dev->dev_addr, dev->dev_addr,
			skb->len);
	ret = dev_direct_xmit(skb, 0);
	return ret ? -EIO : 0;
}

/**
 * vnet_loop_test() - send a frame, see whether it comes back unharmed
 * @priv: the device; it is its own far end
 *
 * Through the whole path, as any frame: TX ring, wire, RX ring, NAPI, stack.
 * Below a bridge or a bond it fails: those take the frame first. So it does
 * with an XDP program that takes it.
 *
 * Context: Process context, RTNL held.
 * Return: 0, -ENOMEM, -EIO, -ETIMEDOUT, or -ERESTARTSYS if killed.
 */
static int vnet_loop_test(struct vnet_priv *priv)
{
	struct vnet_probe *probe;
	long left;
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
		left = wait_for_completion_killable_timeout(&probe->seen,
							    VNET_TEST_TIMEOUT);
		err = left > 0 ? 0 : left ?: -ETIMEDOUT;
	}
	dev_remove_pack(&probe->handler);
	kfree(probe);
	return err;
}

/**
 * vnet_test_total() - how many tests `ethtool -t` makes
 *
 * Context: Any.
 * Return: their number.
 */
unsigned int vnet_test_total(void)
{
	return VNET_TESTS;
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
 * vnet_test_offline() - the tests for which the device leaves the wire
 * @priv: the device, up
 * @data: a result for each test
 *
 * Context: Process context, RTNL held; sleeps.
 */
static void vnet_test_offline(struct vnet_priv *priv, u64 *data)
{
	vnet_freeze(priv);
	data[VNET_TEST_RINGS] = vnet_rings_test(priv);
	priv->looped = true;
	vnet_thaw(priv);

	data[VNET_TEST_LOOP] = vnet_loop_test(priv);

	vnet_freeze(priv);
	priv->looped = false;
	vnet_thaw(priv);
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
	struct vnet_priv *priv = netdev_priv(dev);
	unsigned int i;

	memset(data, 0, VNET_TESTS * sizeof(*data));
	if (!priv->up) {
		data[VNET_TEST_UP] = -ENETDOWN;
	} else {
		data[VNET_TEST_IRQ] = vnet_irq_test(priv);
		if (test->flags & ETH_TEST_FL_OFFLINE)
			vnet_test_offline(priv, data);
	}
	for (i = 0; i < VNET_TESTS; i++)
		if (data[i])
			test->flags |= ETH_TEST_FL_FAILED;
}
