// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: A link that loses its carrier, and gets it back, on a schedule
 *
 * A link has one carrier: both ends lose it. What an impaired wire is given
 * meanwhile is lost, and a clean one is given nothing: neither by XDP nor, as
 * soon as it has heard of it, by the stack. What is under way arrives.
 *
 * Next: line_in.c, which loses frames; freeze.c, which decides on the carrier
 * whenever an end goes up or down.
 */

#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "line.h"
#include "vnet.h"

/**
 * vnet_flap_set() - take the carrier away, or give it back
 * @line: the line
 * @down: take it away
 *
 * Context: Process context, RTNL held.
 */
static void vnet_flap_set(struct vnet_line *line, bool down)
{
	WRITE_ONCE(line->no_carrier, down);
	vnet_carrier(line->near);
}

/**
 * vnet_flap_after() - change again after some time
 * @line: the line
 * @ns: the time; no less than a tick, for that is how work is scheduled
 *
 * Context: Process context, RTNL held.
 */
static void vnet_flap_after(struct vnet_line *line, u64 ns)
{
	schedule_delayed_work(&line->flap, max(nsecs_to_jiffies(ns), 1UL));
}

/**
 * vnet_flap_work() - the link has been up, or down, for long enough
 * @work: &vnet_line.flap
 *
 * Context: A workqueue.
 */
static void vnet_flap_work(struct work_struct *work)
{
	struct vnet_line *line = container_of(to_delayed_work(work),
					      struct vnet_line, flap);
	const struct vnet_impair *impair;
	u64 next;

	/* Whoever stops this holds RTNL and waits: never wait for RTNL. */
	if (!rtnl_trylock()) {
		schedule_delayed_work(&line->flap, 1);
		return;
	}
	impair = rtnl_dereference(line->impair);
	if (impair->set[VNET_IMPAIR_FLAP_DOWN]) {
		vnet_flap_set(line, !line->no_carrier);
		next = impair->set[line->no_carrier ? VNET_IMPAIR_FLAP_DOWN :
						      VNET_IMPAIR_FLAP_UP];
		vnet_flap_after(line, next);
	}
	rtnl_unlock();
}

/**
 * vnet_flap_init() - prepare
 * @line: the line
 *
 * Context: Process context.
 */
void vnet_flap_init(struct vnet_line *line)
{
	INIT_DELAYED_WORK(&line->flap, vnet_flap_work);
}

/**
 * vnet_flap_start() - begin with the schedule that is set, if one is
 * @line: the line; it does not flap
 *
 * Context: Process context, RTNL held.
 */
void vnet_flap_start(struct vnet_line *line)
{
	const struct vnet_impair *impair = rtnl_dereference(line->impair);
	u64 up = impair->set[VNET_IMPAIR_FLAP_UP];

	if (up)
		vnet_flap_after(line, up);
}

/**
 * vnet_flap_stop() - end the schedule; the carrier is there
 * @line: the line
 *
 * Context: Process context, RTNL held.
 */
void vnet_flap_stop(struct vnet_line *line)
{
	cancel_delayed_work_sync(&line->flap);
	if (line->no_carrier)
		vnet_flap_set(line, false);
}
