// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: What the dice say about one frame
 *
 * Whether it is lost and how long it is under way: functions of the settings
 * and of the dice, which are a function of the seed, the device, the purpose
 * and the frame's ordinal. Only the wire's timer rolls them.
 *
 * Next: vlan.c.
 */

#include <linux/math64.h>
#include <linux/minmax.h>

#include "vnet.h"

/**
 * enum vnet_dice - what the dice are rolled for; each has its own
 * @VNET_DICE_LOSS: whether a frame is lost
 * @VNET_DICE_DELAY: how long it is under way
 */
enum vnet_dice {
	VNET_DICE_LOSS,
	VNET_DICE_DELAY,
};

/**
 * vnet_roll() - roll the dice for the frame that is leaving
 * @priv: the device
 * @what: what for
 *
 * A number is a function of seed, device, purpose and ordinal, of nothing
 * else: the same frames have the same luck each time, whatever else is set.
 *
 * Context: The wire (softirq).
 * Return: anything from 0 to 2^32 - 1, evenly.
 */
static u32 vnet_roll(const struct vnet_priv *priv, enum vnet_dice what)
{
	return siphash_2u64(priv->ordinal, what, &priv->dice_key);
}

/**
 * vnet_lost() - whether the frame that is leaving is to be lost
 * @priv: the device
 *
 * A 32-bit random number is below p * 2^32 with probability p, and always if
 * p is 1.
 *
 * Context: The wire (softirq).
 * Return: true if it is.
 */
bool vnet_lost(const struct vnet_priv *priv)
{
	u64 ppm = VNET_GET(loss_ppm);

	return vnet_roll(priv, VNET_DICE_LOSS) < div_u64(ppm << 32, 1000000);
}

/**
 * vnet_delay() - how long the frame that is leaving is to be under way
 * @priv: the device
 *
 * Evenly between delay - jitter and delay + jitter. Nothing arrives before it
 * was sent: a jitter above the delay counts as equal to it, so that the mean
 * is delay_ns in any case.
 *
 * Context: The wire (softirq).
 * Return: nanoseconds.
 */
u64 vnet_delay(const struct vnet_priv *priv)
{
	u64 delay = VNET_GET(delay_ns);
	u64 jitter = min_t(u64, VNET_GET(jitter_ns), delay);
	u64 dice = vnet_roll(priv, VNET_DICE_DELAY);

	return delay - jitter + ((dice * (2 * jitter + 1)) >> 32);
}
