/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include <errno.h>

#include "mover.h"
#include "pidfd.h"
#include "ucgroupfs/scope.h"

/* Is the pid one that we know already?  Then what was found of it is no news. */
static bool is_old_news(struct track *track, const struct scan_found *found,
			const struct epoch *epoch)
{
	struct member *member = roster_member(&track->roster, found->pid);

	if (!member)
		return false;
	if (member->pidfd >= 0 ? pidfd_is_dead(member->pidfd) : member->epoch != epoch) {
		discovery_died(track, member);
		return false;
	}
	member->threaded |= found->threaded;
	return true;
}

static int merge_live(struct track *track, struct scan_found *found, struct epoch *epoch)
{
	struct member *member;

	if (mover_claims(track, found->pid, epoch) || is_old_news(track, found, epoch))
		return 0;
	member = discovery_admit(track, found->pid, ucg_steal_fd(&found->pidfd), epoch);
	if (!member)
		return -ENOMEM;
	member->threaded = found->threaded;
	return 0;
}

/* The epoch that a marker means.  NULL: written by somebody else, or of a group that was declared
 * empty: nobody's. */
static struct epoch *epoch_of(struct track *track, const struct scan_found *found)
{
	struct epoch *epoch = roster_epoch(&track->roster, found->marker.epoch);

	return epoch && epoch->carrier == found->marker.carrier ? epoch : NULL;
}

void discovery_count(struct track *track, const struct scan *scan, unsigned passes)
{
	for (size_t i = 0; i < scan->found_count; i++) {
		const struct scan_found *found = &scan->found[i];
		struct epoch *epoch = found->known ? NULL : epoch_of(track, found);

		if (!epoch || !epoch->group)
			continue;
		epoch->group->found_live += !found->dead;
		/* Zombies count by the last two passes alone (G4). */
		if (found->fresh && (!found->dead || found->pass + 2 >= passes))
			epoch->group->found++;
	}
}

static int merge_found(struct track *track, struct scan_found *found)
{
	struct epoch *epoch = epoch_of(track, found);
	struct member *member;

	if (!epoch)
		return 0;
	if (found->known) {
		member = roster_member(&track->roster, found->pid);
		if (member)
			member->threaded = true;
		return 0;
	}
	/* A straggler of a move to the root: the root's tasks carry nothing. */
	if (!epoch->group) {
		if (!found->dead)
			mover_release(track, found->pid, epoch);
		return 0;
	}
	return found->dead ? 0 : merge_live(track, found, epoch);
}

int discovery_merge(struct track *track, struct scan *scan)
{
	int error = scan->error;

	for (size_t i = 0; i < scan->found_count; i++) {
		int merged = merge_found(track, &scan->found[i]);

		if (!error)
			error = merged;
	}
	return error;
}
