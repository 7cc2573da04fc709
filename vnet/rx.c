// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: From the RX ring into the stack
 *
 * The interrupt masks itself and asks for a poll; the poll takes what its
 * budget allows, hands it to GRO, unmasks, and looks again
 * (Documentation/networking/napi.rst). vnet_poll() is the consumer of the RX
 * ring, the delay line's timer its producer.
 *
 * Next: netdev.c, which starts and stops all of this.
 */

#include <linux/etherdevice.h>

#include "vnet.h"

/**
 * vnet_receive() - a frame has come in over the wire: put it into the RX ring
 * @priv: the device
 * @skb: the frame, ours
 *
 * This is the hardware's half. If the host has not emptied the ring in time,
 * the frame has missed it.
 *
 * Context: The delay line's timer (softirq); the RX ring's producer.
 */
void vnet_receive(struct vnet_priv *priv, struct sk_buff *skb)
{
	if (!vnet_ring_push(&priv->rx, skb)) {
		vnet_count(priv, VNET_RX_MISSED, 1);
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
void vnet_interrupt(struct vnet_priv *priv)
{
	if (test_and_clear_bit(VNET_IRQ_ENABLED, &priv->flags)) {
		vnet_count(priv, VNET_RX_INTERRUPTS, 1);
		napi_schedule(&priv->napi);
	}
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
int vnet_poll(struct napi_struct *napi, int budget)
{
	struct vnet_priv *priv = container_of(napi, struct vnet_priv, napi);
	struct net_device *dev = priv->dev;
	struct sk_buff *skb;
	int work = 0;

	while (work < budget && (skb = vnet_ring_pop(&priv->rx))) {
		vnet_count(priv, VNET_RX_PACKETS, 1);
		vnet_count(priv, VNET_RX_BYTES, skb->len);
		vnet_count_protocol(priv, VNET_RX_ARP, skb);
		skb->protocol = eth_type_trans(skb, dev);
		napi_gro_receive(napi, skb);
		work++;
	}
	vnet_count(priv, VNET_NAPI_POLLS, 1);
	if (budget && work == budget)
		vnet_count(priv, VNET_NAPI_BUDGET_FULL, 1);
	netif_dbg(priv, rx_status, dev, "poll: %d of %d\n", work, budget);

	if (work < budget && napi_complete_done(napi, work)) {
		set_bit(VNET_IRQ_ENABLED, &priv->flags);
		/* Pairs with test_and_clear_bit() in vnet_interrupt(). */
		smp_mb__after_atomic();
		if (vnet_ring_count(&priv->rx))
			vnet_interrupt(priv);
	}
	return work;
}
