// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Both ends of a link brought to a standstill, and set going again
 *
 * Whatever changes queues, rings or what is joined to what does it between
 * vnet_freeze() and vnet_thaw(): freezing stops the producers of both ends,
 * lets the polls empty every ring, and then disables the polls. So nothing
 * that the stack has given is lost by a change, and nothing runs while it is
 * made. What a program wants to send back meanwhile (XDP_TX) finds no link.
 *
 * Process context, RTNL held, all of it.
 *
 * Next: queue.c, ethtool.c and selftest.c, which freeze and thaw.
 */

#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "line.h"
#include "vnet.h"

/*
 * How long a freeze waits for the polls to empty the rings. They need
 * microseconds; threaded polls may have to wait for their CPU.
 */
#define VNET_DRAIN_TIMEOUT (5 * HZ)

/**
 * vnet_other_end() - the other device that a freeze concerns
 * @priv: the device
 *
 * Context: Process context, RTNL held.
 * Return: the peer; NULL if there is none, if it is the device itself, or if
 * it is down and has nothing that could be frozen.
 */
static struct vnet_priv *vnet_other_end(const struct vnet_priv *priv)
{
	struct net_device *peer = rtnl_dereference(priv->peer);
	struct vnet_priv *other = peer ? netdev_priv(peer) : NULL;

	return other && other != priv && other->up ? other : NULL;
}

/**
 * vnet_producers_stop() - let nothing more into the TX rings of one end
 * @priv: the device
 *
 * Queues that are not in use as well: they may be when the link is thawed, and
 * the stack may choose them as soon as they are counted.
 *
 * Context: Process context, RTNL held.
 */
static void vnet_producers_stop(struct vnet_priv *priv)
{
	unsigned int i;

	for (i = 0; i < priv->dev->num_tx_queues; i++) {
		struct vnet_queue *q = &priv->queue[i];

		/* Waits for a vnet_start_xmit() that runs. */
		__netif_tx_lock_bh(q->txq);
		/* In one step, or vnet_tx_wake() would wake it again. */
		q->far = NULL;
		q->out = NULL;
		netif_tx_stop_queue(q->txq);
		/* The watchdog has no reason to bark. */
		txq_trans_cond_update(q->txq);
		__netif_tx_unlock_bh(q->txq);
	}
	WRITE_ONCE(priv->stalled, false);
}

/**
 * vnet_line_stop() - let nothing move on an impaired wire
 * @priv: the end that sends
 *
 * Context: Process context, RTNL held.
 * Return: whether there is one; a poll that runs may not have seen it.
 */
static bool vnet_line_stop(struct vnet_priv *priv)
{
	struct vnet_line *line = priv->line;

	if (!line || !line->runner)
		return false;
	WRITE_ONCE(line->frozen, true);
	return true;
}

/**
 * vnet_line_part() - take an impaired wire from the queue whose poll has run it
 * @priv: the end that sends
 *
 * What is left in the TX rings goes to the line; what is under way stays there.
 *
 * Context: Process context, RTNL held; all polls are stopped.
 */
static void vnet_line_part(struct vnet_priv *priv)
{
	struct vnet_line *line = priv->line;
	bool active;

	if (!line || !line->runner)
		return;
	hrtimer_cancel(&line->timer);
	active = line->active;
	line->active = false;
	if (active)
		vnet_line_spill(line);
	line->runner->line = NULL;
	line->runner = NULL;
	line->next = VNET_NEVER;
	line->armed = 0;
	line->soon = false;
}

/**
 * vnet_drain() - have the polls of one end empty the rings
 * @priv: the device
 *
 * Context: Process context, RTNL held; the producers of both ends are stopped.
 */
static void vnet_drain(struct vnet_priv *priv)
{
	unsigned long end = jiffies + VNET_DRAIN_TIMEOUT;
	unsigned int i;
	bool busy;

	do {
		busy = false;
		/* First what is to be carried: it may be steered anywhere. */
		for (i = 0; i < priv->queues; i++)
			busy |= vnet_wire_pending(&priv->queue[i], true);
		for (i = 0; i < priv->queues; i++)
			busy |= !!vnet_ring_count(&priv->queue[i].rx);
		if (!busy)
			return;
		for (i = 0; i < priv->queues; i++)
			vnet_irq_force(&priv->queue[i]);
		usleep_range(20, 50);
	} while (time_before(jiffies, end));
	netdev_warn(priv->dev, "the rings do not drain\n");
}

/**
 * vnet_polls_stop() - disable the polls of one end
 * @priv: the device
 *
 * Context: Process context, RTNL held; all rings are empty.
 */
static void vnet_polls_stop(struct vnet_priv *priv)
{
	unsigned int i;

	for (i = 0; i < priv->queues; i++)
		napi_disable(&priv->queue[i].napi);
}

/**
 * vnet_part() - part the queues of one end from the other
 * @priv: the device
 *
 * Context: Process context, RTNL held; nothing polls.
 */
static void vnet_part(struct vnet_priv *priv)
{
	unsigned int i;

	for (i = 0; i < priv->queues; i++) {
		hrtimer_cancel(&priv->queue[i].irq_timer);
		priv->queue[i].feeds = NULL;
		priv->queue[i].feed_turn = NULL;
		priv->queue[i].waits = false;
	}
}

/**
 * vnet_freeze() - bring both ends of a link to a standstill
 * @priv: one end
 *
 * What was accepted has been delivered when this returns. An end that is down
 * has nothing to be frozen. Paired with vnet_thaw().
 *
 * Context: Process context, RTNL held; sleeps.
 */
void vnet_freeze(struct vnet_priv *priv)
{
	struct vnet_priv *other = vnet_other_end(priv);
	bool lines;

	if (priv->up)
		vnet_producers_stop(priv);
	if (other)
		vnet_producers_stop(other);
	lines = vnet_line_stop(priv);
	if (other)
		lines |= vnet_line_stop(other);
	/*
	 * Polls run with bottom halves off. Not napi_synchronize(): whoever
	 * polls busily, in a thread or from a socket, may never let go.
	 */
	if (lines)
		synchronize_net();
	if (priv->up)
		vnet_drain(priv);
	if (other)
		vnet_drain(other);
	if (priv->up)
		vnet_polls_stop(priv);
	if (other)
		vnet_polls_stop(other);
	/*
	 * A poll that has said that it is complete may still look whether it
	 * must come again, and set a timer for that.
	 */
	if (priv->up || other)
		synchronize_net();
	if (priv->up)
		vnet_part(priv);
	if (other)
		vnet_part(other);
	vnet_line_part(priv);
	if (other)
		vnet_line_part(other);
}

/**
 * vnet_line_join() - have a queue's poll run an impaired wire
 * @from: the end that sends
 * @to: the queue
 *
 * A wire that is clean, but has not always been, may have frames under way.
 *
 * Context: Process context, RTNL held; the link is frozen.
 */
static void vnet_line_join(struct vnet_priv *from, struct vnet_queue *to)
{
	const struct vnet_impair *impair = vnet_impair_of(from);
	struct vnet_line *line = from->line;

	if (!impair || from->looped)
		return;
	line->runner = to;
	line->active = impair->active;
	line->frozen = false;
	to->line = line;
}

/**
 * vnet_far() - the queue at the other end that gets what a queue sends
 * @from: the end that sends
 * @to: the end that receives
 * @index: the queue
 *
 * Queue i feeds queue i; if the receiver has fewer, they share. An impaired
 * wire is fed by all and run by one.
 *
 * Context: Process context, RTNL held.
 * Return: the queue.
 */
static struct vnet_queue *vnet_far(const struct vnet_priv *from,
				   const struct vnet_priv *to,
				   unsigned int index)
{
	bool impaired = from->line && from->line->active;

	return &to->queue[impaired ? 0 : index % to->queues];
}

/**
 * vnet_join() - let the queues of one end feed those of the other
 * @from: the end that sends
 * @to: the end that receives
 *
 * Context: Process context, RTNL held; the link is frozen.
 */
static void vnet_join(struct vnet_priv *from, struct vnet_priv *to)
{
	struct vnet_queue *q, *far;
	unsigned int i;

	vnet_line_join(from, &to->queue[0]);
	for (i = from->queues; i-- > 0; ) {
		q = &from->queue[i];
		far = vnet_far(from, to, i);
		q->feed_next = far->feeds;
		far->feeds = q;
	}
}

/**
 * vnet_polls_start() - enable the polls of one end
 * @priv: the device
 *
 * Each is asked for once: what it finds, it delivers, and then it unmasks its
 * interrupt.
 *
 * Context: Process context, RTNL held.
 */
static void vnet_polls_start(struct vnet_priv *priv)
{
	unsigned int i;

	for (i = 0; i < priv->queues; i++) {
		WRITE_ONCE(priv->queue[i].irq_waiting, 0);
		WRITE_ONCE(priv->queue[i].irq_put_off, false);
	}
	for (i = 0; i < priv->queues; i++) {
		napi_enable(&priv->queue[i].napi);
		vnet_irq_force(&priv->queue[i]);
	}
}

/**
 * vnet_flaps() - whether an end's wire has taken the carrier away
 * @priv: the end
 *
 * Context: Process context, RTNL held.
 * Return: true if it has.
 */
static bool vnet_flaps(const struct vnet_priv *priv)
{
	return priv->line && priv->line->no_carrier;
}

/**
 * vnet_carrier_one() - say whether one end has a link
 * @priv: the device, up
 *
 * It has if it has a far end, and neither end's wire flaps (flap.c); or the
 * plug of the self-test.
 *
 * Context: Process context, RTNL held.
 */
static void vnet_carrier_one(struct vnet_priv *priv)
{
	struct vnet_queue *far = priv->queue[0].far;
	const struct vnet_priv *to;

	to = far ? netdev_priv(far->dev) : NULL;
	if (to && (priv->looped || (!vnet_flaps(priv) && !vnet_flaps(to))))
		netif_carrier_on(priv->dev);
	else
		netif_carrier_off(priv->dev);
}

/**
 * vnet_carrier() - say whether the ends of a link have one
 * @priv: one end
 *
 * Context: Process context, RTNL held.
 */
void vnet_carrier(struct vnet_priv *priv)
{
	struct vnet_priv *other = vnet_other_end(priv);

	if (priv->up)
		vnet_carrier_one(priv);
	if (other)
		vnet_carrier_one(other);
}

/**
 * vnet_cut() - lose what is under way from an end, and to it
 * @priv: the end
 *
 * Context: Process context, RTNL held; the link is frozen.
 */
void vnet_cut(struct vnet_priv *priv)
{
	struct net_device *peer = rtnl_dereference(priv->peer);
	struct vnet_priv *other = peer ? netdev_priv(peer) : priv;

	if (priv->line)
		vnet_line_flush(priv->line);
	if (other != priv && other->line)
		vnet_line_flush(other->line);
}

/**
 * vnet_producers_start() - let frames into the TX rings of one end
 * @priv: the device
 * @to: the end that receives; NULL if there is no link
 *
 * Without a link the queues run too: what they are given is dropped, as by a
 * NIC whose cable is out.
 *
 * Context: Process context, RTNL held.
 */
static void vnet_producers_start(struct vnet_priv *priv, struct vnet_priv *to)
{
	unsigned int i;

	for (i = 0; i < priv->queues; i++) {
		struct vnet_queue *q = &priv->queue[i];

		__netif_tx_lock_bh(q->txq);
		q->far = to ? vnet_far(priv, to, i) : NULL;
		q->out = to && priv->line && priv->line->active ? priv->line :
								  NULL;
		__netif_tx_unlock_bh(q->txq);
	}
	/* First this: an impaired wire loses what comes without a carrier. */
	vnet_carrier_one(priv);
	vnet_impair_patience(priv);
	for (i = 0; i < priv->dev->num_tx_queues; i++) {
		struct vnet_queue *q = &priv->queue[i];

		__netif_tx_lock_bh(q->txq);
		/* XDP may have filled it and stopped it again. */
		if (!vnet_ring_full(&q->tx))
			netif_tx_wake_queue(q->txq);
		__netif_tx_unlock_bh(q->txq);
	}
}

/**
 * vnet_thaw() - set both ends of a link going again
 * @priv: one end
 *
 * There is a link if both ends are up. During its self-test a device is its
 * own far end, and its peer has none.
 *
 * Context: Process context, RTNL held.
 */
void vnet_thaw(struct vnet_priv *priv)
{
	struct vnet_priv *other = vnet_other_end(priv);
	struct net_device *peer = rtnl_dereference(priv->peer);
	struct vnet_priv *far = NULL;

	if (priv->up && (priv->looped || peer == priv->dev))
		far = priv;
	else if (priv->up)
		far = other;

	if (far)
		vnet_join(priv, far);
	if (far && far == other)
		vnet_join(other, priv);
	if (priv->up)
		vnet_polls_start(priv);
	if (other)
		vnet_polls_start(other);
	if (priv->up)
		vnet_producers_start(priv, far);
	if (other)
		vnet_producers_start(other, far == other ? priv : NULL);
}
