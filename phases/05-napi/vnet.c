// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: vnet, milestone 5: NAPI
 *
 * An interrupt a frame is fine until frames come faster than interrupts can be
 * served; then the machine does nothing else. NAPI turns the tables: the first
 * interrupt masks itself and asks the kernel to poll. The kernel polls with a
 * budget, in softirq context, when it sees fit. Only when the ring is empty is
 * the interrupt unmasked (Documentation/networking/napi.rst).
 *
 * vnet_rx_tick() is still the neighbour and now touches the RX ring as its
 * producer only; vnet_poll() is the consumer. They may run on different CPUs.
 *
 * Next: milestone 6 counts what happens, and shows it.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/etherdevice.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/stringify.h>
#include <linux/version.h>

/* A thousand devices make a test of scale; more would only cost memory. */
#define VNET_MAX_DEVICES 1000

/*
 * The first device's address; device i has this plus i. 02 in the first byte
 * means "assigned locally, one station"; the rest spells "vnet" in ASCII.
 */
#define VNET_MAC_BASE 0x02766e657400ULL

/* The neighbour of device i: as above, but 06; still a local address. */
#define VNET_NEIGH_MAC_BASE 0x06766e657400ULL

/* Frames that wait for the wire. A power of two, so that an index is a mask. */
#ifndef VNET_TX_RING_SIZE
#define VNET_TX_RING_SIZE 256
#endif
static_assert(VNET_TX_RING_SIZE >= 4 && VNET_TX_RING_SIZE <= 4096 &&
	      !(VNET_TX_RING_SIZE & (VNET_TX_RING_SIZE - 1)),
	      "VNET_TX_RING_SIZE must be a power of two from 4 to 4096");

/* Frames that wait for the stack; same rule. */
#ifndef VNET_RX_RING_SIZE
#define VNET_RX_RING_SIZE 256
#endif
static_assert(VNET_RX_RING_SIZE >= 4 && VNET_RX_RING_SIZE <= 4096 &&
	      !(VNET_RX_RING_SIZE & (VNET_RX_RING_SIZE - 1)),
	      "VNET_RX_RING_SIZE must be a power of two from 4 to 4096");

/* How often a silent neighbour looks whether rx_rate is still 0. */
#define VNET_RX_IDLE_NS (100 * NSEC_PER_MSEC)

/* hrtimer_setup() came in 6.13 and hrtimer_init() went in 6.15. */
#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
#define hrtimer_setup(_timer, _fn, _clock, _mode) do {			\
	struct hrtimer *__timer = (_timer);				\
									\
	hrtimer_init(__timer, _clock, _mode);				\
	__timer->function = (_fn);					\
} while (0)
#endif

/**
 * struct vnet_param - an unsigned module parameter that knows its range
 * @value: what it is now; written under the kernel's parameter lock, read
 *	anywhere with READ_ONCE()
 * @min: smallest value allowed
 * @max: largest value allowed
 */
struct vnet_param {
	unsigned int value;
	unsigned int min;
	unsigned int max;
};

/**
 * vnet_param_set() - take a new value for a parameter, or say what is allowed
 * @val: text that the user wrote
 * @kp: the parameter; its arg is a &struct vnet_param
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return:
 * * 0 - the value is in force
 * * -EINVAL - not a number; nothing has changed
 * * -ERANGE - a number outside the range; nothing has changed
 */
static int vnet_param_set(const char *val, const struct kernel_param *kp)
{
	struct vnet_param *param = kp->arg;
	unsigned int value;
	int err;

	err = kstrtouint(val, 0, &value);
	if (!err && (value < param->min || value > param->max))
		err = -ERANGE;
	if (err) {
		pr_err("%s must be %u to %u\n", kp->name, param->min,
		       param->max);
		return err;
	}
	WRITE_ONCE(param->value, value);
	return 0;
}

/**
 * vnet_param_get() - print a parameter for sysfs
 * @buffer: one page to print into
 * @kp: the parameter; its arg is a &struct vnet_param
 *
 * Context: Process context, under the kernel's parameter lock.
 * Return: number of bytes printed.
 */
static int vnet_param_get(char *buffer, const struct kernel_param *kp)
{
	const struct vnet_param *param = kp->arg;

	return sysfs_emit(buffer, "%u\n", param->value);
}

static const struct kernel_param_ops vnet_param_ops = {
	.set = vnet_param_set,
	.get = vnet_param_get,
};

#define VNET_PARAM(_name, _default, _min, _max, _mode, _desc)		\
	static struct vnet_param vnet_param_##_name = {			\
		.value = (_default), .min = (_min), .max = (_max),	\
	};								\
	module_param_cb(_name, &vnet_param_ops, &vnet_param_##_name,	\
			_mode);						\
	MODULE_PARM_DESC(_name, _desc " (" __stringify(_min) " to "	\
			 __stringify(_max) ", default "			\
			 __stringify(_default) ")")

#define VNET_GET(_name) READ_ONCE(vnet_param_##_name.value)

VNET_PARAM(devices, 1, 1, VNET_MAX_DEVICES, 0444, "how many NICs to make");
VNET_PARAM(tx_usecs, 100, 1, 10000000, 0644,
	   "microseconds from the doorbell to the completion of a frame");
VNET_PARAM(rx_rate, 1, 0, 10000, 0644, "interrupts for new frames a second");
VNET_PARAM(rx_burst, 1, 1, 1024, 0644, "new frames an interrupt");

/**
 * struct vnet_ring - frames on their way from one producer to one consumer
 * @slot: the frames; slot (index & (size - 1)) belongs to the consumer while
 *	tail <= index < head, to the producer otherwise
 * @size: number of slots, a power of two
 * @head: index of the next frame to put; written by the producer only
 * @tail: index of the next frame to take; written by the consumer only
 *
 * Both indices only grow and wrap at 2^32, so head - tail is the occupancy.
 * Each side writes one of them and lives on a cache line of its own.
 */
struct vnet_ring {
	struct sk_buff **slot;
	unsigned int size;

	unsigned int head ____cacheline_aligned_in_smp;
	unsigned int tail ____cacheline_aligned_in_smp;
};

/**
 * enum vnet_flag - bits of &vnet_priv.flags
 * @VNET_WIRE_BUSY: the wire's timer is set, or its handler has work; whoever
 *	turns this bit on must start the timer
 * @VNET_IRQ_ENABLED: the device may raise its interrupt; off while NAPI polls
 */
enum vnet_flag {
	VNET_WIRE_BUSY,
	VNET_IRQ_ENABLED,
};

/**
 * struct vnet_priv - one device
 * @dev: the kernel's half of it
 * @node: its place in vnet_list
 * @flags: bits of &enum vnet_flag, changed by atomic operations only, but for
 *	vnet_open()
 * @wire: the hardware's clock; vnet_wire() is its handler
 * @tx: from vnet_start_xmit() to vnet_wire(); exists while the device is up
 * @neigh_addr: MAC address of the station at the other end
 * @rx_timer: when the neighbour sends; vnet_rx_tick() is its handler
 * @rx_seq: number of the neighbour's next frame; the timer's
 * @rx: from vnet_receive() to vnet_poll(); exists while the device is up
 * @napi: who empties the RX ring, and whether it is about to
 */
struct vnet_priv {
	struct net_device *dev;
	struct list_head node;

	unsigned long flags;
	struct hrtimer wire;
	struct vnet_ring tx;

	u8 neigh_addr[ETH_ALEN];
	struct hrtimer rx_timer;
	unsigned int rx_seq;
	struct vnet_ring rx;
	struct napi_struct napi;
};

/* Every device of ours. Written at module load and removal only. */
static LIST_HEAD(vnet_list);

/**
 * vnet_ring_alloc() - make an empty ring
 * @ring: the ring
 * @size: number of slots, a power of two
 *
 * Context: Process context.
 * Return: 0, or -ENOMEM.
 */
static int vnet_ring_alloc(struct vnet_ring *ring, unsigned int size)
{
	ring->slot = kvcalloc(size, sizeof(*ring->slot), GFP_KERNEL);
	if (!ring->slot)
		return -ENOMEM;
	ring->size = size;
	ring->head = 0;
	ring->tail = 0;
	return 0;
}

/**
 * vnet_ring_space() - how many frames the producer may still put
 * @ring: the ring
 *
 * Context: The producer.
 * Return: free slots; the consumer can only make it more.
 */
static unsigned int vnet_ring_space(const struct vnet_ring *ring)
{
	/* Pairs with vnet_ring_pop(): what is free here has been read there. */
	return ring->size - (ring->head - smp_load_acquire(&ring->tail));
}

/**
 * vnet_ring_count() - how many frames the consumer may take
 * @ring: the ring
 *
 * Context: The consumer.
 * Return: filled slots; the producer can only make it more.
 */
static unsigned int vnet_ring_count(const struct vnet_ring *ring)
{
	/* Pairs with vnet_ring_push(): what counts here has been written. */
	return smp_load_acquire(&ring->head) - READ_ONCE(ring->tail);
}

/**
 * vnet_ring_push() - put a frame at the head
 * @ring: the ring
 * @skb: the frame; the consumer's from here on, if true is returned
 *
 * Context: The producer.
 * Return: false if the ring is full.
 */
static bool vnet_ring_push(struct vnet_ring *ring, struct sk_buff *skb)
{
	if (!vnet_ring_space(ring))
		return false;
	ring->slot[ring->head & (ring->size - 1)] = skb;
	/* Pairs with vnet_ring_count(): the slot before the index. */
	smp_store_release(&ring->head, ring->head + 1);
	return true;
}

/**
 * vnet_ring_pop() - take the frame at the tail
 * @ring: the ring
 *
 * Context: The consumer.
 * Return: the frame, or NULL if the ring is empty.
 */
static struct sk_buff *vnet_ring_pop(struct vnet_ring *ring)
{
	struct sk_buff *skb;

	if (!vnet_ring_count(ring))
		return NULL;
	skb = ring->slot[ring->tail & (ring->size - 1)];
	/* Pairs with vnet_ring_space(): the slot before the index. */
	smp_store_release(&ring->tail, ring->tail + 1);
	return skb;
}

/**
 * vnet_ring_free() - drop what is left and give the memory back
 * @ring: the ring
 *
 * Context: Process context; producer and consumer have stopped.
 * Return: number of frames that had to be dropped.
 */
static unsigned int vnet_ring_free(struct vnet_ring *ring)
{
	unsigned int dropped = vnet_ring_count(ring);
	struct sk_buff *skb;

	while ((skb = vnet_ring_pop(ring)))
		kfree_skb(skb);
	kvfree(ring->slot);
	return dropped;
}

/**
 * vnet_hello() - make the neighbour's next frame
 * @priv: the device
 *
 * A whole Ethernet frame of the shortest length allowed (60 bytes and the
 * checksum that hardware takes off), of the type that is set aside for local
 * experiments: no protocol will mistake it for its own.
 *
 * Context: The RX timer (softirq).
 * Return: the frame, or NULL if there is no memory for it.
 */
static struct sk_buff *vnet_hello(struct vnet_priv *priv)
{
	struct sk_buff *skb;
	struct ethhdr *eth;

	skb = netdev_alloc_skb_ip_align(priv->dev, ETH_ZLEN);
	if (!skb)
		return NULL;
	eth = skb_put_zero(skb, ETH_ZLEN);
	ether_addr_copy(eth->h_dest, priv->dev->dev_addr);
	ether_addr_copy(eth->h_source, priv->neigh_addr);
	eth->h_proto = htons(ETH_P_802_EX1);
	snprintf((char *)(eth + 1), ETH_ZLEN - ETH_HLEN,
		 "Hello from vnet RX %u", priv->rx_seq++);
	return skb;
}

/**
 * vnet_receive() - a frame has come in over the wire: put it into the RX ring
 * @priv: the device
 * @skb: the frame, ours; NULL if there was no memory for it
 *
 * This is the hardware's half. If the host has not emptied the ring in time,
 * the frame has missed it.
 *
 * Context: The RX timer (softirq); the RX ring's producer.
 */
static void vnet_receive(struct vnet_priv *priv, struct sk_buff *skb)
{
	if (!skb) {
		priv->dev->stats.rx_dropped++;
	} else if (!vnet_ring_push(&priv->rx, skb)) {
		priv->dev->stats.rx_missed_errors++;
		dev_kfree_skb_any(skb);
	}
}

/**
 * vnet_interrupt() - there is something in the RX ring
 * @priv: the device
 *
 * Raised by the hardware, unless masked. It does nothing but mask itself and
 * ask for a poll, so it can come at any time and costs next to nothing.
 *
 * Context: Softirq; whoever put a frame into the RX ring, and vnet_poll().
 */
static void vnet_interrupt(struct vnet_priv *priv)
{
	if (test_and_clear_bit(VNET_IRQ_ENABLED, &priv->flags))
		napi_schedule(&priv->napi);
}

/**
 * vnet_poll() - empty the RX ring into the stack
 * @napi: &vnet_priv.napi
 * @budget: how many frames at most; 0 when netpoll only wants TX served
 *
 * Having used the whole budget means that there may be more: say so by
 * returning it, stay masked, and be called again. Otherwise unmask. A frame
 * that came between the last look at the ring and the unmasking raised no
 * interrupt, hence the second look.
 *
 * Bytes are counted before eth_type_trans() takes the header off, so that
 * both directions count the same frame alike.
 *
 * Context: Softirq (or the NAPI thread); the RX ring's consumer.
 * Return: number of frames handed to the stack.
 */
static int vnet_poll(struct napi_struct *napi, int budget)
{
	struct vnet_priv *priv = container_of(napi, struct vnet_priv, napi);
	struct net_device *dev = priv->dev;
	struct sk_buff *skb;
	int work = 0;

	while (work < budget && (skb = vnet_ring_pop(&priv->rx))) {
		dev->stats.rx_packets++;
		dev->stats.rx_bytes += skb->len;
		skb->protocol = eth_type_trans(skb, dev);
		napi_gro_receive(napi, skb);
		work++;
	}
	netdev_dbg(dev, "poll: %d of %d\n", work, budget);

	if (work < budget && napi_complete_done(napi, work)) {
		set_bit(VNET_IRQ_ENABLED, &priv->flags);
		/* Pairs with test_and_clear_bit() in vnet_interrupt(). */
		smp_mb__after_atomic();
		if (vnet_ring_count(&priv->rx))
			vnet_interrupt(priv);
	}
	return work;
}

/**
 * vnet_rx_tick() - the neighbour sends, the interrupt fires
 * @timer: &vnet_priv.rx_timer
 *
 * Context: Softirq (HRTIMER_MODE_SOFT).
 * Return: HRTIMER_RESTART, always; vnet_stop() cancels the timer.
 */
static enum hrtimer_restart vnet_rx_tick(struct hrtimer *timer)
{
	struct vnet_priv *priv = container_of(timer, struct vnet_priv,
					      rx_timer);
	unsigned int burst = VNET_GET(rx_burst);
	unsigned int rate = VNET_GET(rx_rate);
	unsigned int i;

	for (i = 0; rate && i < burst; i++)
		vnet_receive(priv, vnet_hello(priv));
	if (rate)
		vnet_interrupt(priv);

	hrtimer_forward_now(timer, rate ? NSEC_PER_SEC / rate :
				   VNET_RX_IDLE_NS);
	return HRTIMER_RESTART;
}

/**
 * vnet_complete() - the last bit of a frame has left
 * @priv: the device
 * @skb: the frame; gone on return
 *
 * Consumed, not dropped: tools that watch for lost packets (the skb:kfree_skb
 * tracepoint) must stay silent about a frame that was sent.
 *
 * Context: The wire (softirq).
 */
static void vnet_complete(struct vnet_priv *priv, struct sk_buff *skb)
{
	priv->dev->stats.tx_packets++;
	priv->dev->stats.tx_bytes += skb->len;
	dev_consume_skb_any(skb);
}

/**
 * vnet_tx_wake() - wake the queue if it is stopped and there is room
 * @priv: the device
 *
 * Under the TX lock, because vnet_start_xmit() on another CPU may just have
 * started, filled and stopped the queue again; and only while the device is
 * up, because vnet_stop() has stopped the queue for good.
 *
 * Context: The wire (softirq).
 */
static void vnet_tx_wake(struct vnet_priv *priv)
{
	struct netdev_queue *txq = netdev_get_tx_queue(priv->dev, 0);

	/*
	 * Room first, then the look at the queue's state.
	 * vnet_tx_maybe_stop() stops first, then looks for room. One must see
	 * the other.
	 */
	smp_mb();
	if (likely(!netif_tx_queue_stopped(txq)))
		return;

	__netif_tx_lock(txq, smp_processor_id());
	if (netif_running(priv->dev) &&
	    vnet_ring_count(&priv->tx) < priv->tx.size)
		netif_tx_wake_queue(txq);
	__netif_tx_unlock(txq);
}

/**
 * vnet_wire_start() - set the wire's timer, unless it is set
 * @priv: the device
 *
 * With nothing in the ring it fires in vain, which does no harm.
 *
 * Context: Any; after a frame was put into the ring.
 */
static void vnet_wire_start(struct vnet_priv *priv)
{
	u64 delay = VNET_GET(tx_usecs) * (u64)NSEC_PER_USEC;

	if (!test_and_set_bit(VNET_WIRE_BUSY, &priv->flags))
		hrtimer_start(&priv->wire, ns_to_ktime(delay),
			      HRTIMER_MODE_REL_SOFT);
}

/**
 * vnet_wire() - the hardware: send what was in the ring, complete it
 * @timer: &vnet_priv.wire
 *
 * Takes no more than what it found at the start, so that a fast producer on
 * another CPU cannot hold this one for ever.
 *
 * Context: Softirq (HRTIMER_MODE_SOFT); the TX ring's consumer.
 * Return: HRTIMER_NORESTART; vnet_wire_start() sets the timer again.
 */
static enum hrtimer_restart vnet_wire(struct hrtimer *timer)
{
	struct vnet_priv *priv = container_of(timer, struct vnet_priv, wire);
	unsigned int i, found = vnet_ring_count(&priv->tx);

	for (i = 0; i < found; i++)
		vnet_complete(priv, vnet_ring_pop(&priv->tx));
	if (found)
		netdev_dbg(priv->dev, "wire: %u frames left\n", found);

	vnet_tx_wake(priv);

	/*
	 * First no longer busy, then the look at the ring. Pairs with
	 * test_and_set_bit() in vnet_wire_start(), a full barrier between the
	 * push and the look at the bit: one of the two must see the other.
	 */
	clear_bit(VNET_WIRE_BUSY, &priv->flags);
	smp_mb__after_atomic(); /* see above */
	if (vnet_ring_count(&priv->tx))
		vnet_wire_start(priv);
	return HRTIMER_NORESTART;
}

/**
 * vnet_tx_maybe_stop() - stop the queue if the ring is full
 * @priv: the device
 *
 * Context: Bottom halves off, TX queue lock held; the TX ring's producer.
 */
static void vnet_tx_maybe_stop(struct vnet_priv *priv)
{
	if (vnet_ring_space(&priv->tx))
		return;
	netif_stop_queue(priv->dev);
	/* Stop first, then look again. Pairs with vnet_tx_wake(). */
	smp_mb__after_atomic();
	if (vnet_ring_space(&priv->tx))
		netif_start_queue(priv->dev);
}

/**
 * vnet_start_xmit() - take one frame from the stack
 * @skb: the frame, from its Ethernet header on; ours from here
 * @dev: the device
 *
 * The queue is stopped while there is still nothing wrong: with the frame that
 * fills the ring, not with the first that does not fit.
 *
 * Context: Bottom halves off, TX queue lock held; the TX ring's producer.
 * Return: NETDEV_TX_OK; NETDEV_TX_BUSY would mean that stop and wake are
 * broken, and is there to say so.
 */
static netdev_tx_t vnet_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	if (unlikely(!vnet_ring_space(&priv->tx))) {
		netdev_err_once(dev, "TX ring full, but the queue is awake\n");
		vnet_tx_maybe_stop(priv);
		vnet_wire_start(priv);
		return NETDEV_TX_BUSY;
	}

	skb_tx_timestamp(skb);
	vnet_ring_push(&priv->tx, skb);
	/* From here on the frame may be gone: do not touch skb again. */
	vnet_tx_maybe_stop(priv);

	/* More frames follow at once: one doorbell will do for all. */
	if (!netdev_xmit_more() || netif_queue_stopped(dev))
		vnet_wire_start(priv);
	return NETDEV_TX_OK;
}

/**
 * vnet_tx_timeout() - the queue has been stopped for too long
 * @dev: the device
 * @txqueue: which queue; there is only one
 *
 * A real driver would suspect a lost interrupt first, look for completions,
 * and reset the hardware if there are none. This hardware is only slow: make
 * it finish now. The core counts the event (queues/tx-0/tx_timeout in sysfs).
 *
 * Context: Softirq, all TX queues frozen; must not sleep.
 */
static void vnet_tx_timeout(struct net_device *dev, unsigned int txqueue)
{
	struct vnet_priv *priv = netdev_priv(dev);

	netdev_warn(dev, "TX queue %u timed out, completing now\n", txqueue);
	set_bit(VNET_WIRE_BUSY, &priv->flags);
	hrtimer_start(&priv->wire, 0, HRTIMER_MODE_REL_SOFT);
}

/**
 * vnet_open() - the device goes up
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -ENOMEM; then the device stays down.
 */
static int vnet_open(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);
	int err;

	err = vnet_ring_alloc(&priv->tx, VNET_TX_RING_SIZE);
	if (err)
		return err;
	err = vnet_ring_alloc(&priv->rx, VNET_RX_RING_SIZE);
	if (err)
		goto err_free_tx;

	napi_enable(&priv->napi);
	priv->flags = BIT(VNET_IRQ_ENABLED);
	hrtimer_start(&priv->rx_timer, 0, HRTIMER_MODE_REL_SOFT);
	netif_start_queue(dev);
	netif_carrier_on(dev);
	netdev_dbg(dev, "up\n");
	return 0;

err_free_tx:
	vnet_ring_free(&priv->tx);
	return err;
}

/**
 * vnet_stop() - the device goes down
 * @dev: the device
 *
 * Along the frame's path: first the producer, then the consumer, then what is
 * left in between. netif_tx_disable() takes the TX lock, so that when it
 * returns no vnet_start_xmit() is running and none will start.
 *
 * Context: Process context, RTNL held.
 * Return: 0, always.
 */
static int vnet_stop(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	netif_carrier_off(dev);
	netif_tx_disable(dev);
	hrtimer_cancel(&priv->wire);
	hrtimer_cancel(&priv->rx_timer);
	napi_disable(&priv->napi);
	dev->stats.rx_missed_errors += vnet_ring_free(&priv->rx);
	dev->stats.tx_dropped += vnet_ring_free(&priv->tx);
	netdev_dbg(dev, "down\n");
	return 0;
}

/**
 * vnet_uninit_dev() - the device is no longer registered
 * @dev: the device
 *
 * Left to free_netdev(), a thousand devices would wait for a thousand grace
 * periods. The core waits for one after this, before it frees them.
 *
 * Context: Process context, RTNL held; the device is down.
 */
static void vnet_uninit_dev(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	__netif_napi_del(&priv->napi);
}

static const struct net_device_ops vnet_netdev_ops = {
	.ndo_uninit		= vnet_uninit_dev,
	.ndo_open		= vnet_open,
	.ndo_stop		= vnet_stop,
	.ndo_start_xmit		= vnet_start_xmit,
	.ndo_tx_timeout		= vnet_tx_timeout,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_set_mac_address	= eth_mac_addr,
};

/**
 * vnet_setup() - what every device has in common
 * @dev: the device, not yet registered
 *
 * Context: Process context.
 */
static void vnet_setup(struct net_device *dev)
{
	struct vnet_priv *priv = netdev_priv(dev);

	priv->dev = dev;
	hrtimer_setup(&priv->wire, vnet_wire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	hrtimer_setup(&priv->rx_timer, vnet_rx_tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	netif_napi_add(dev, &priv->napi, vnet_poll);

	strscpy(dev->name, "vnet%d", sizeof(dev->name));
	dev->netdev_ops = &vnet_netdev_ops;
	dev->needs_free_netdev = true;
	dev->watchdog_timeo = 2 * HZ;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	/* The ring keeps a frame after xmit: nobody may send it twice. */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	netif_carrier_off(dev);
}

/**
 * vnet_create() - make one device and show it to the world
 * @index: which one, from 0; decides its address and its neighbour's
 *
 * Context: Process context, RTNL not held.
 * Return:
 * * 0 - it exists
 * * -ENOMEM - out of memory; nothing is left behind
 * * other - what register_netdev() refused it with; nothing is left behind
 */
static int __init vnet_create(unsigned int index)
{
	struct net_device *dev;
	struct vnet_priv *priv;
	u8 addr[ETH_ALEN];
	int err;

	dev = alloc_etherdev(sizeof(*priv));
	if (!dev)
		return -ENOMEM;
	priv = netdev_priv(dev);

	vnet_setup(dev);
	u64_to_ether_addr(VNET_MAC_BASE + index, addr);
	eth_hw_addr_set(dev, addr);
	u64_to_ether_addr(VNET_NEIGH_MAC_BASE + index, priv->neigh_addr);

	err = register_netdev(dev);
	if (err) {
		/* The NAPI instance could be found until now. */
		synchronize_net();
		free_netdev(dev);
		return err;
	}
	list_add_tail(&priv->node, &vnet_list);
	return 0;
}

/**
 * vnet_destroy_all() - take every device away
 *
 * One batch, because each unregistration on its own waits for a grace period.
 * The core frees the devices (needs_free_netdev) once nobody holds them.
 *
 * Context: Process context, RTNL not held.
 */
static void vnet_destroy_all(void)
{
	struct vnet_priv *priv;
	LIST_HEAD(doomed);

	rtnl_lock();
	list_for_each_entry(priv, &vnet_list, node)
		unregister_netdevice_queue(priv->dev, &doomed);
	unregister_netdevice_many(&doomed);
	rtnl_unlock();
}

/**
 * vnet_init() - the module has been loaded: make the devices
 *
 * Context: Process context.
 * Return: 0, or the error of the device that could not be made; then none is
 * left.
 */
static int __init vnet_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < VNET_GET(devices); i++) {
		err = vnet_create(i);
		if (err) {
			pr_err("device %u could not be made (%d)\n", i, err);
			vnet_destroy_all();
			return err;
		}
	}
	pr_debug("loaded, devices=%u\n", VNET_GET(devices));
	return 0;
}

/**
 * vnet_exit() - the module is about to go
 *
 * Context: Process context; nobody uses the module any more.
 */
static void __exit vnet_exit(void)
{
	vnet_destroy_all();
	pr_debug("unloaded\n");
}

module_init(vnet_init);
module_exit(vnet_exit);

MODULE_DESCRIPTION("vnet: a network driver in nine steps");
MODULE_AUTHOR("The vnet maintainers");
MODULE_LICENSE("GPL");
