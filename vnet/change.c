// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: Impairments asked for, changed, told
 *
 * From the attributes of a request to settings (settings.c checks them), and
 * from settings into force: all at once, for the frames that come to the line
 * from then on; those under way are not touched.
 *
 * Process context, RTNL held, all of it.
 *
 * Next: line.c.
 */

#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "line.h"
#include "vnet.h"

static const struct nla_policy vnet_impair_policy[VNET_IMPAIR_MAX + 1] = {
	[VNET_IMPAIR_CLEAR ... VNET_IMPAIR_FLAP_DOWN] = { .type = NLA_U64 },
	[VNET_IMPAIR_PATTERN] = { .type = NLA_NUL_STRING,
				  .len = VNET_PATTERN_LEN - 1 },
};

/**
 * vnet_impair_of() - the settings in force for what a device sends
 * @priv: the device
 *
 * Context: Process context, RTNL held.
 * Return: the settings; NULL if there have never been any.
 */
const struct vnet_impair *vnet_impair_of(const struct vnet_priv *priv)
{
	return priv->line ? rtnl_dereference(priv->line->impair) : NULL;
}

/**
 * vnet_impair_copy() - settings to be changed
 * @priv: the device whose they are; NULL for settings that do nothing
 * @direction: see &vnet_impair.direction
 *
 * Context: Process context, RTNL held.
 * Return: the settings, to be freed or put in force; NULL without memory.
 */
static struct vnet_impair *vnet_impair_copy(const struct vnet_priv *priv,
					    unsigned int direction)
{
	const struct vnet_impair *now = priv ? vnet_impair_of(priv) : NULL;
	struct vnet_impair *impair;

	impair = kmalloc(sizeof(*impair), GFP_KERNEL_ACCOUNT);
	if (!impair)
		return NULL;
	if (now)
		*impair = *now;
	else
		vnet_impair_init(impair, direction, get_random_u32());
	return impair;
}

/**
 * vnet_impair_ask() - read what is asked for
 * @priv: the device that it concerns; NULL if it is yet to be made
 * @direction: see &vnet_impair.direction
 * @attr: IFLA_VNET_IMPAIR or IFLA_VNET_PEER_IMPAIR
 * @extack: where to say what is wrong
 *
 * Context: Process context, RTNL held.
 * Return: the settings, to be freed or put in force; or an error pointer:
 * -EINVAL, -ENOMEM, -EPERM for a limit above the usual one by somebody who is
 * root in a user namespace only, or what is wrong with the attributes.
 */
struct vnet_impair *vnet_impair_ask(const struct vnet_priv *priv,
				    unsigned int direction,
				    const struct nlattr *attr,
				    struct netlink_ext_ack *extack)
{
	struct vnet_refusal refusal = { .attr = VNET_IMPAIR_UNSPEC };
	struct nlattr *tb[VNET_IMPAIR_MAX + 1];
	struct vnet_impair *impair;
	struct vnet_asked asked;
	unsigned int i;
	int err;

	err = nla_parse_nested(tb, VNET_IMPAIR_MAX, attr, vnet_impair_policy,
			       extack);
	if (err)
		return ERR_PTR(err);
	impair = vnet_impair_copy(priv, direction);
	if (!impair)
		return ERR_PTR(-ENOMEM);
	for (i = VNET_IMPAIR_CLEAR; i < VNET_IMPAIR_PATTERN; i++) {
		asked.given[i] = tb[i];
		asked.value[i] = tb[i] ? nla_get_u64(tb[i]) : 0;
	}
	asked.text = tb[VNET_IMPAIR_PATTERN] ?
		     nla_data(tb[VNET_IMPAIR_PATTERN]) : NULL;

	if (vnet_impair_apply(impair, &asked, &refusal)) {
		extack->_msg = refusal.why;
		extack->bad_attr = tb[refusal.attr] ?: attr;
		kfree(impair);
		return ERR_PTR(-EINVAL);
	}
	/* Frames under way are charged to no socket and to no control group. */
	if (impair->set[VNET_IMPAIR_LIMIT] >
	    vnet_setting[VNET_IMPAIR_LIMIT].usual &&
	    tb[VNET_IMPAIR_LIMIT] && !capable(CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[VNET_IMPAIR_LIMIT],
				    "A limit above the usual one is for the machine's administrator");
		kfree(impair);
		return ERR_PTR(-EPERM);
	}
	return impair;
}

/**
 * vnet_impair_per_frame() - say whether the wire tells frames apart
 * @priv: the device that sends
 * @per_frame: it does; then nothing larger than a frame may be sent
 *
 * Context: Process context, RTNL held.
 */
static void vnet_impair_per_frame(struct vnet_priv *priv, bool per_frame)
{
	WRITE_ONCE(priv->per_frame, per_frame);
	if (priv->dev->reg_state == NETREG_REGISTERED)
		netdev_update_features(priv->dev);
}

/**
 * vnet_watchdog_wait() - set how long the watchdog waits for a queue
 * @dev: the device
 * @ticks: for so long, in jiffies
 *
 * It may be asleep for what it had to wait for before, so it is woken sooner;
 * never later, or who changes settings all the time would keep it asleep. Its
 * lock, because it sets its timer by what it has read before.
 *
 * Context: Process context, RTNL held.
 */
static void vnet_watchdog_wait(struct net_device *dev, int ticks)
{
	unsigned long soon = round_jiffies(jiffies + VNET_WATCHDOG);

	spin_lock_bh(&dev->tx_global_lock);
	WRITE_ONCE(dev->watchdog_timeo, ticks);
	if (time_before(soon, READ_ONCE(dev->watchdog_timer.expires)))
		mod_timer_pending(&dev->watchdog_timer, soon);
	spin_unlock_bh(&dev->tx_global_lock);
}

/**
 * vnet_impair_patience() - have the watchdog wait for a slow rate
 * @priv: the device that sends
 *
 * A queue whose ring was filled past BQL is stopped for BQL until all of it has
 * been sent, and each frame waits for one of each other queue, for its copy,
 * and for what has come to wait in the line while settings were other ones or
 * the link was frozen. To be called whenever the settings or the MTU have
 * changed, and whenever the link is thawed.
 *
 * Context: Process context, RTNL held.
 */
void vnet_impair_patience(struct vnet_priv *priv)
{
	const struct vnet_impair *impair = vnet_impair_of(priv);
	unsigned int len = max(priv->dev->mtu, 1500U) + VLAN_ETH_HLEN;
	u64 frames = priv->queues * (priv->tx_size + 1);
	u64 ticks = 0;

	if (impair && impair->pulled) {
		frames += skb_queue_len_lockless(&priv->line->serial.queue);
		frames <<= !!impair->duplicate;
		ticks = div64_u64(frames * vnet_serial_bytes(impair, len) *
				  BITS_PER_BYTE * HZ,
				  impair->set[VNET_IMPAIR_RATE]);
	}
	vnet_watchdog_wait(priv->dev,
			   VNET_WATCHDOG + (int)min_t(u64, ticks, 86400 * HZ));
}

/**
 * vnet_impair_prepare() - make sure that settings can be put in force
 * @priv: the device that sends
 *
 * Makes the line, which does nothing yet.
 *
 * Context: Process context, RTNL held.
 * Return: 0 or -ENOMEM.
 */
int vnet_impair_prepare(struct vnet_priv *priv)
{
	if (!priv->line)
		priv->line = vnet_line_alloc(priv);
	return priv->line ? 0 : -ENOMEM;
}

/**
 * vnet_impair_force() - put settings in force
 * @priv: the device that sends; vnet_impair_prepare() has said yes
 * @next: the settings
 *
 * Before the wire tells frames apart, the stack must know, and what it had
 * already cut to another measure must have passed; the other way round, it
 * learns last.
 *
 * Context: Process context, RTNL held.
 */
void vnet_impair_force(struct vnet_priv *priv, struct vnet_impair *next)
{
	const struct vnet_impair *old = vnet_impair_of(priv);
	bool was_active = old && old->active;
	bool freeze;

	freeze = was_active != next->active ||
		 (next->per_frame && !priv->per_frame);
	vnet_flap_stop(priv->line);
	if (next->per_frame)
		vnet_impair_per_frame(priv, true);
	if (freeze && priv->up) {
		synchronize_net();
		vnet_freeze(priv);
	}
	rcu_assign_pointer(priv->line->impair, next);
	vnet_impair_patience(priv);
	if (freeze && priv->up)
		vnet_thaw(priv);
	if (old) {
		/* The last poll by the old settings must be over. */
		synchronize_net();
		kfree(old);
	}
	if (!next->per_frame && priv->per_frame)
		vnet_impair_per_frame(priv, false);
	/* It may have been going to sleep for longer. */
	if (priv->line->runner)
		vnet_irq_force(priv->line->runner);
	vnet_flap_start(priv->line);
}

/**
 * vnet_impair_rate() - set the rate alone, as `ethtool -s vn0 speed` does
 * @priv: the device that sends
 * @rate: in bits a second
 *
 * Context: Process context, RTNL held.
 * Return: 0, -ENOMEM, or -EINVAL for more than a rate can be; then nothing has
 * changed.
 */
int vnet_impair_rate(struct vnet_priv *priv, u64 rate)
{
	struct vnet_impair *impair = vnet_impair_copy(priv, priv->direction);
	struct vnet_asked asked = {};
	struct vnet_refusal refusal;
	int err = -ENOMEM;

	if (!impair || vnet_impair_prepare(priv))
		goto err_free;
	err = -EINVAL;
	if (vnet_impair_set(impair, VNET_IMPAIR_RATE, rate, &refusal))
		goto err_free;
	if (vnet_impair_apply(impair, &asked, &refusal))
		goto err_free;
	vnet_impair_force(priv, impair);
	return 0;

err_free:
	kfree(impair);
	return err;
}

/**
 * vnet_impair_size() - room that vnet_impair_fill() needs
 *
 * Context: Any.
 * Return: bytes.
 */
size_t vnet_impair_size(void)
{
	return nla_total_size(0) + nla_total_size(VNET_PATTERN_LEN) +
	       VNET_IMPAIR_MAX * nla_total_size_64bit(sizeof(u64));
}

/**
 * vnet_impair_fill() - tell user space of the settings
 * @skb: the answer
 * @priv: the device
 *
 * What is as usual is not told, but for the seed.
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -EMSGSIZE.
 */
int vnet_impair_fill(struct sk_buff *skb, const struct vnet_priv *priv)
{
	const struct vnet_impair *impair = vnet_impair_of(priv);
	struct nlattr *nest;
	unsigned int i;

	if (!impair)
		return 0;
	nest = nla_nest_start(skb, IFLA_VNET_IMPAIR);
	if (!nest)
		return -EMSGSIZE;
	for (i = VNET_IMPAIR_SEED; i < VNET_IMPAIR_PATTERN; i++) {
		if (i != VNET_IMPAIR_SEED &&
		    impair->set[i] == vnet_setting[i].usual)
			continue;
		if (nla_put_u64_64bit(skb, i, impair->set[i], VNET_IMPAIR_PAD))
			goto err_cancel;
	}
	if (impair->text[0] &&
	    nla_put_string(skb, VNET_IMPAIR_PATTERN, impair->text))
		goto err_cancel;
	nla_nest_end(skb, nest);
	return 0;

err_cancel:
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}

/**
 * vnet_xstats_size() - room that vnet_xstats_fill() needs
 * @dev: the device
 *
 * Context: Process context, RTNL held.
 * Return: bytes.
 */
size_t vnet_xstats_size(const struct net_device *dev)
{
	return VNET_XSTAT_MAX * nla_total_size_64bit(sizeof(u64)) +
	       nla_total_size_64bit(VNET_LATENESS_OCTAVES * sizeof(u64));
}

/**
 * vnet_lateness_fill() - tell user space how late frames were
 * @skb: the answer
 * @lateness: where it was noted
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -EMSGSIZE.
 */
static int vnet_lateness_fill(struct sk_buff *skb,
			      const struct vnet_lateness *lateness)
{
	unsigned int i, octaves = vnet_lateness_octaves(lateness);
	struct nlattr *attr;
	u64 *frames;

	attr = nla_reserve_64bit(skb, VNET_XSTAT_LATENESS,
				 octaves * sizeof(*frames), VNET_XSTAT_PAD);
	if (!attr)
		return -EMSGSIZE;
	frames = nla_data(attr);
	for (i = 0; i < octaves; i++)
		frames[i] = vnet_lateness_octave(lateness, i);
	return 0;
}

/**
 * vnet_xstats_fill() - tell user space what a direction has counted
 * @skb: the answer
 * @dev: the device that sends
 *
 * Context: Process context, RTNL held.
 * Return: 0, or -EMSGSIZE.
 */
int vnet_xstats_fill(struct sk_buff *skb, const struct net_device *dev)
{
	const struct vnet_priv *priv = netdev_priv(dev);
	struct nlattr *nest;
	unsigned int i;

	if (!priv->line)
		return 0;
	nest = nla_nest_start_noflag(skb, IFLA_INFO_XSTATS);
	if (!nest)
		return -EMSGSIZE;
	for (i = VNET_XSTAT_FRAMES; i < VNET_XSTAT_LATENESS; i++) {
		if (nla_put_u64_64bit(skb, i, vnet_line_read(priv->line, i),
				      VNET_XSTAT_PAD))
			goto err_cancel;
	}
	if (vnet_lateness_fill(skb, &priv->line->lateness))
		goto err_cancel;
	nla_nest_end(skb, nest);
	return 0;

err_cancel:
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}
