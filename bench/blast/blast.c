// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Sends frames in bursts
 *
 *   echo "eth0 32 100000" >/sys/module/blast/parameters/run
 *   cat /sys/module/blast/parameters/run
 *
 * sends 100000 frames of 60 bytes, 32 at a time, and tells the nanoseconds
 * that each took. With 0 instead of 32 they go one by one through the queueing
 * discipline, as a program's would. Otherwise it does what the stack does when
 * a queue has more than one frame to send: the driver is told of all but the
 * last that more will follow.
 *
 * pktgen can do so only by sending the same skb again and again, which no
 * device allows that hands skbs on (IFF_TX_SKB_SHARING). Here each frame is a
 * new one, and otherwise all is as in pktgen: the frames do not pass through a
 * qdisc, bottom halves are off during a burst, and a stopped queue is waited
 * for. So the allocation is part of what is measured; dummy, which does no
 * more than free what it gets, shows how much that is.
 *
 *   cat /sys/module/blast/parameters/busy
 *
 * tells for how many nanoseconds since boot the machine, of one CPU, was not
 * idle; to 1 us, where /proc/stat has 10 ms.
 *
 * The frames are UDP over IPv4, to an Ethernet address that nobody has. The
 * receiving stack lets go of them as soon as it looks at them.
 */

#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/sched/signal.h>
#include <linux/tick.h>
#include <linux/udp.h>
#include <net/ip.h>

/* Frames in a burst, at most. */
#define BLAST_MAX 64

/* Bytes of a frame: the fewest that Ethernet allows. */
#define BLAST_LEN ETH_ZLEN

/* The nanoseconds that a frame of the last run took. */
static u64 blast_ns;

/**
 * blast_frame() - make a frame
 * @dev: the device that will send it
 *
 * Context: Process context.
 * Return: the frame, or NULL if memory ran out.
 */
static struct sk_buff *blast_frame(struct net_device *dev)
{
	static const u8 nobody[ETH_ALEN] = { 0x02, 0x00, 0x00, 0x00, 0x00, 1 };
	unsigned int room = LL_RESERVED_SPACE(dev);
	struct sk_buff *skb;
	struct udphdr *udp;
	struct iphdr *ip;
	struct ethhdr *eth;

	skb = netdev_alloc_skb(dev, room + BLAST_LEN);
	if (!skb)
		return NULL;
	skb_reserve(skb, room);
	eth = skb_put_zero(skb, BLAST_LEN);
	ether_addr_copy(eth->h_dest, nobody);
	ether_addr_copy(eth->h_source, dev->dev_addr);
	eth->h_proto = htons(ETH_P_IP);

	ip = (struct iphdr *)(eth + 1);
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->saddr = htonl(0xc6120001); /* 198.18.0.1, RFC 2544 */
	ip->daddr = htonl(0xc6120002);
	ip->tot_len = htons(BLAST_LEN - ETH_HLEN);
	ip_send_check(ip);

	udp = (struct udphdr *)(ip + 1);
	udp->source = htons(9);
	udp->dest = htons(9);
	udp->len = htons(BLAST_LEN - ETH_HLEN - sizeof(*ip));

	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb->protocol = htons(ETH_P_IP);
	return skb;
}

/**
 * blast_burst() - send frames, as many at a time as the queue takes
 * @dev: the device
 * @frames: the frames; the driver's, as far as they were sent
 * @n: how many
 *
 * Context: Process context.
 * Return: how many were sent; fewer than @n only after a signal.
 */
static unsigned int blast_burst(struct net_device *dev, struct sk_buff **frames,
				unsigned int n)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, 0);
	unsigned int sent = 0;

	for (;;) {
		local_bh_disable();
		__netif_tx_lock(txq, smp_processor_id());
		while (sent < n && !netif_xmit_frozen_or_drv_stopped(txq) &&
		       dev_xmit_complete(netdev_start_xmit(frames[sent], dev,
							   txq, sent + 1 < n)))
			sent++;
		__netif_tx_unlock(txq);
		local_bh_enable();
		if (sent == n || signal_pending(current))
			return sent;
		cond_resched();
	}
}

/**
 * blast_queued() - send frames one by one, through the queueing discipline
 * @dev: the device
 * @count: frames in all
 *
 * pktgen can do so too, but then waits, and not idly, until the last one has
 * been freed; which for a link that takes its time is most of what it does.
 *
 * Context: Process context.
 * Return: 0, or -ENOMEM, or -EINTR after a signal.
 */
static int blast_queued(struct net_device *dev, unsigned int count)
{
	struct sk_buff *skb;

	for (; count; count--) {
		skb = blast_frame(dev);
		if (!skb)
			return -ENOMEM;
		dev_queue_xmit(skb);
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/**
 * blast() - send frames in bursts
 * @dev: the device
 * @burst: frames in a burst
 * @count: frames in all
 *
 * Context: Process context.
 * Return: 0, or -ENOMEM, or -EINTR after a signal.
 */
static int blast(struct net_device *dev, unsigned int burst, unsigned int count)
{
	struct sk_buff *frames[BLAST_MAX];
	unsigned int made, sent, left;
	u64 begin = ktime_get_ns();

	for (left = count; left; left -= sent) {
		for (made = 0; made < min(burst, left); made++) {
			frames[made] = blast_frame(dev);
			if (!frames[made])
				break;
		}
		sent = blast_burst(dev, frames, made);
		while (made > sent)
			kfree_skb(frames[--made]);
		if (signal_pending(current))
			return -EINTR;
		if (!sent)
			return -ENOMEM;
		cond_resched();
	}
	blast_ns = div_u64(ktime_get_ns() - begin, count);
	return 0;
}

/**
 * blast_set() - run, because the parameter was written to
 * @text: "DEVICE BURST COUNT"
 * @kp: the parameter
 *
 * Context: Process context; parameter lock held.
 * Return: 0; -EINVAL if the text is not of this form, -ERANGE if a number is
 * not possible, -ENODEV if there is no such device in this network namespace,
 * -ENETDOWN if it is down, or the errors of blast().
 */
static int blast_set(const char *text, const struct kernel_param *kp)
{
	unsigned int burst, count;
	struct net_device *dev;
	char name[IFNAMSIZ];
	int err;

	if (sscanf(text, "%15s %u %u", name, &burst, &count) != 3)
		return -EINVAL;
	if (burst > BLAST_MAX || !count)
		return -ERANGE;
	dev = dev_get_by_name(current->nsproxy->net_ns, name);
	if (!dev)
		return -ENODEV;
	if (!netif_running(dev) || !netif_carrier_ok(dev))
		err = -ENETDOWN;
	else if (burst)
		err = blast(dev, burst, count);
	else
		err = blast_queued(dev, count);
	dev_put(dev);
	return err;
}

/**
 * blast_get() - tell how long a frame took
 * @buffer: where to
 * @kp: the parameter
 *
 * Context: Process context; parameter lock held.
 * Return: the number of bytes told.
 */
static int blast_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%llu\n", blast_ns);
}

/**
 * busy_get() - tell for how long the CPU was not idle
 * @buffer: where to
 * @kp: the parameter
 *
 * Context: Process context; parameter lock held.
 * Return: the number of bytes told.
 */
static int busy_get(char *buffer, const struct kernel_param *kp)
{
	u64 idle = get_cpu_idle_time_us(0, NULL) +
		   get_cpu_iowait_time_us(0, NULL);

	return sysfs_emit(buffer, "%llu\n",
			  ktime_get_ns() - idle * NSEC_PER_USEC);
}

static const struct kernel_param_ops busy_ops = {
	.get = busy_get,
};

module_param_cb(busy, &busy_ops, NULL, 0400);
MODULE_PARM_DESC(busy, "nanoseconds since boot that the CPU was not idle");

static const struct kernel_param_ops blast_ops = {
	.set = blast_set,
	.get = blast_get,
};

module_param_cb(run, &blast_ops, NULL, 0600);
MODULE_PARM_DESC(run, "write DEVICE BURST COUNT to send; read the nanoseconds a frame");

MODULE_DESCRIPTION("Sends frames in bursts");
MODULE_LICENSE("GPL");
