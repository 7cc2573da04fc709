/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: The device
 *
 * What the files of this driver share: the device itself, and the functions by
 * which they call each other, in the order of a frame's path.
 *
 * Next: main.c, or follow a frame: tx.c, wire.c, rx.c.
 */

#ifndef VNET_H
#define VNET_H

#include <linux/ethtool.h>
#include <linux/hrtimer.h>
#include <linux/if_ether.h>
#include <linux/netdevice.h>
#include <linux/rbtree.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>

#include "param.h"
#include "ring.h"
#include "stats.h"

/* A thousand devices make a test of scale; more would only cost memory. */
#define VNET_MAX_DEVICES 1000

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
 * @node: its place in the list of all devices
 * @stats: the counters; see vnet_count()
 * @msg_enable: what to log, NETIF_MSG_*; `ethtool -s … msglvl` sets it
 * @flags: bits of &enum vnet_flag, changed by atomic operations only, but for
 *	vnet_open()
 * @wire: the hardware's clock; vnet_wire() is its handler
 * @tx: from vnet_start_xmit() to vnet_wire(); exists while the device is up
 * @neigh_addr: MAC address with which the far end answers ARP
 * @dice_key: the seed when the device went up, and which device it is
 * @ordinal: number of the frame that is leaving, from 0; the wire's
 * @line_lock: guards the delay line; taken in softirq, and by vnet_stop() after
 *	the timers have ended
 * @line: frames under way, by the time they are due
 * @line_len: how many
 * @line_timer: set for the first of them; vnet_line_tick() is its handler
 * @rx: from vnet_line_tick() to vnet_poll(); exists while the device is up
 * @napi: who empties the RX ring, and whether it is about to
 */
struct vnet_priv {
	struct net_device *dev;
	struct list_head node;
	struct vnet_stats __percpu *stats;
	u32 msg_enable;

	unsigned long flags;
	struct hrtimer wire;
	struct vnet_ring tx;

	u8 neigh_addr[ETH_ALEN];
	siphash_key_t dice_key;
	u64 ordinal;
	/* guards the delay line */
	spinlock_t line_lock;
	struct rb_root_cached line;
	unsigned int line_len;
	struct hrtimer line_timer;
	struct vnet_ring rx;
	struct napi_struct napi;
};

/* tx.c */
void vnet_complete(struct vnet_priv *priv, struct sk_buff *skb);
void vnet_tx_wake(struct vnet_priv *priv);
netdev_tx_t vnet_start_xmit(struct sk_buff *skb, struct net_device *dev);
void vnet_tx_timeout(struct net_device *dev, unsigned int txqueue);

/* wire.c */
void vnet_wire_start(struct vnet_priv *priv);
enum hrtimer_restart vnet_wire(struct hrtimer *timer);
enum hrtimer_restart vnet_line_tick(struct hrtimer *timer);
unsigned int vnet_line_flush(struct vnet_priv *priv);

/* impair.c */
bool vnet_lost(const struct vnet_priv *priv);
u64 vnet_delay(const struct vnet_priv *priv);

/* vlan.c */
int vnet_vlan_leave(struct sk_buff *skb);
struct sk_buff *vnet_vlan_arrive(struct sk_buff *skb, u16 vid);

/* reflect.c */
bool vnet_reflect(struct vnet_priv *priv, struct sk_buff *skb);

/* rx.c */
void vnet_receive(struct vnet_priv *priv, struct sk_buff *skb);
void vnet_interrupt(struct vnet_priv *priv);
int vnet_poll(struct napi_struct *napi, int budget);

/* netdev.c */
int vnet_create(unsigned int index);
void vnet_destroy_all(void);

/* selftest.c */
void vnet_self_test(struct net_device *dev, struct ethtool_test *test,
		    u64 *data);
unsigned int vnet_test_total(void);
void vnet_get_test_names(u8 *data);

extern const struct ethtool_ops vnet_ethtool_ops;

#endif /* VNET_H */
