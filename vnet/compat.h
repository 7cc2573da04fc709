/* SPDX-License-Identifier: GPL-2.0 */
/**
 * DOC: The only place that looks at the kernel version
 *
 * ======== ============================ ==================================
 * since    what changed                 here
 * ======== ============================ ==================================
 * 6.3      xdp_features come            VNET_XDP_FEATURES
 * 6.8      get_rxfh, set_rxfh take one  VNET_RXFH_PARAM
 *          struct
 * 6.8      netif_queue_set_napi() comes a stand-in that does nothing
 * 6.9      netdev_stat_ops come, with   VNET_STAT_OPS
 *          all that we use by 6.12
 * 6.10     __assign_str() finds its     vnet_assign_name()
 *          source itself
 * 6.13     hrtimer_setup() comes,       hrtimer_setup() made from
 *          hrtimer_init() goes in 6.15  hrtimer_init()
 * 6.13     netif_napi_add_config()      a stand-in that has nothing to keep
 *          comes
 * 6.14     an XDP buffer knows how much vnet_xdp_set_frags()
 *          memory its pieces take
 *          an XDP frame knows only     vnet_xdp_set_mem()
 *          what kind its memory is
 * 6.15     newlink takes one struct;    VNET_NEWLINK_PARAMS
 *          peer_type names the peer's
 *          attribute
 * 6.15     GRO's state has a struct of  vnet_gro_idle()
 *          its own
 * 6.17     get_rxfh_fields() comes      VNET_RXFH_FIELDS
 * 7.0      get_rx_ring_count() comes    VNET_RX_RING_COUNT
 * ======== ============================ ==================================
 */

#ifndef VNET_COMPAT_H
#define VNET_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/version.h>
#include <net/rtnetlink.h>
#include <net/xdp.h>

#if KERNEL_VERSION(6, 10, 0) > LINUX_VERSION_CODE
/* Notes the name of dev in the field of a trace. */
#define vnet_assign_name(_field) __assign_str(_field, dev->name)
#else
#define vnet_assign_name(_field) __assign_str(_field)
#endif

#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
/* Sets a timer up with its handler, in one step. */
#define hrtimer_setup(_timer, _fn, _clock, _mode) do {			\
	struct hrtimer *__timer = (_timer);				\
									\
	hrtimer_init(__timer, _clock, _mode);				\
	__timer->function = (_fn);					\
} while (0)

/**
 * netif_napi_add_config() - add a poll
 * @dev: the device
 * @napi: what is to be added
 * @poll: the function
 * @index: which of the device's it is; older kernels keep nothing for one
 *
 * Context: Process context.
 */
static inline void netif_napi_add_config(struct net_device *dev,
					 struct napi_struct *napi,
					 int (*poll)(struct napi_struct *napi,
						     int budget),
					 int index)
{
	netif_napi_add(dev, napi, poll);
}
#endif

#if KERNEL_VERSION(6, 8, 0) > LINUX_VERSION_CODE
enum netdev_queue_type {
	NETDEV_QUEUE_TYPE_RX,
	NETDEV_QUEUE_TYPE_TX,
};

/**
 * netif_queue_set_napi() - tell user space which poll serves a queue
 * @dev: the device
 * @queue_index: the queue
 * @type: whether it sends or receives
 * @napi: its poll, or NULL
 *
 * Here nobody can ask.
 *
 * Context: Any.
 */
static inline void netif_queue_set_napi(struct net_device *dev,
					unsigned int queue_index,
					enum netdev_queue_type type,
					struct napi_struct *napi)
{
}
#endif

/* Whether get_rxfh and set_rxfh take one struct. */
#define VNET_RXFH_PARAM (KERNEL_VERSION(6, 8, 0) <= LINUX_VERSION_CODE)

/* Whether a queue's counters can be asked for by netlink. */
#define VNET_STAT_OPS (KERNEL_VERSION(6, 12, 0) <= LINUX_VERSION_CODE)

/* Whether a device says what XDP can do on it. */
#define VNET_XDP_FEATURES (KERNEL_VERSION(6, 3, 0) <= LINUX_VERSION_CODE)

/* Whether the fields of the flow hash are asked for by a call of their own. */
#define VNET_RXFH_FIELDS (KERNEL_VERSION(6, 17, 0) <= LINUX_VERSION_CODE)

/* Whether the number of receiving queues is. */
#define VNET_RX_RING_COUNT (KERNEL_VERSION(7, 0, 0) <= LINUX_VERSION_CODE)

/**
 * vnet_xdp_set_frags() - note how long the pieces of an XDP buffer are
 * @info: its end, with the pieces
 * @size: bytes of all together
 *
 * Context: Any.
 */
static inline void vnet_xdp_set_frags(struct skb_shared_info *info,
				      unsigned int size)
{
	info->xdp_frags_size = size;
#if KERNEL_VERSION(6, 14, 0) <= LINUX_VERSION_CODE
	info->xdp_frags_truesize = info->nr_frags * PAGE_SIZE;
#endif
}

/**
 * vnet_xdp_set_mem() - tell who gives an XDP frame's memory back whose it is
 * @rxq: what XDP knows of the queue
 * @xdpf: the frame
 *
 * Context: The poll.
 */
static inline void vnet_xdp_set_mem(struct xdp_rxq_info *rxq,
				    const struct xdp_frame *xdpf)
{
#if KERNEL_VERSION(6, 14, 0) <= LINUX_VERSION_CODE
	rxq->mem.type = xdpf->mem_type;
#else
	rxq->mem = xdpf->mem;
#endif
}

/**
 * vnet_gro_idle() - whether GRO holds no frame of a poll
 * @napi: the poll
 *
 * Context: The poll.
 * Return: true if it does not.
 */
static inline bool vnet_gro_idle(const struct napi_struct *napi)
{
#if KERNEL_VERSION(6, 15, 0) <= LINUX_VERSION_CODE
	return !napi->gro.bitmask && !napi->gro.rx_count;
#else
	return !napi->gro_bitmask && !napi->rx_count;
#endif
}

/* Whether newlink takes one struct, with the peer's namespace found. */
#define VNET_NEWLINK_PARAMS (KERNEL_VERSION(6, 15, 0) <= LINUX_VERSION_CODE)

#endif /* VNET_COMPAT_H */
