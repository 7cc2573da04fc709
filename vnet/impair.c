// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: What the dice say about one frame
 *
 * Whether it is lost and how long it is under way: functions of the settings
 * and the state of the dice, which start where the parameter seed says when
 * the device goes up. Only the wire's timer rolls them, so they need no lock.
 *
 * Next: vlan.c.
 */

#include <linux/math64.h>
#include <linux/minmax.h>

#include "vnet.h"

/**
 * vnet_lost() - roll the dice for one frame
 * @priv: the device
 *
 * A 32-bit random number is below p * 2^32 with probability p, and always if
 * p is 1.
 *
 * Context: The wire (softirq).
 * Return: true if the frame is to be lost.
 */
bool vnet_lost(struct vnet_priv *priv)
{
	u64 ppm = VNET_GET(loss_ppm);

	return prandom_u32_state(&priv->dice) < div_u64(ppm << 32, 1000000);
}

/**
 * vnet_delay() - how long one frame is to be under way
 * @priv: the device
 *
 * Evenly between delay - jitter and delay + jitter. Nothing arrives before it
 * was sent: a jitter above the delay counts as equal to it, so that the mean
 * is delay_ns in any case.
 *
 * Context: The wire (softirq).
 * Return: nanoseconds.
 */
u64 vnet_delay(struct vnet_priv *priv)
{
	u64 delay = VNET_GET(delay_ns);
	u64 jitter = min_t(u64, VNET_GET(jitter_ns), delay);
	u64 dice = prandom_u32_state(&priv->dice);

	return delay - jitter + ((dice * (2 * jitter + 1)) >> 32);
}
