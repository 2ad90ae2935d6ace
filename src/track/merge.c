/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include <errno.h>

#include "carry.h"
#include "kill.h"
#include "lineage.h"
#include "mover.h"
#include "pidfd.h"
#include "split.h"
#include "ucgroupfs/scope.h"

/* Is the pid one that we know already?  Then what was found of it is no news. */
static bool is_old_news(struct track *track, const struct scan_found *found,
			const struct epoch *epoch)
{
	struct member *member = roster_member(&track->roster, found->pid);

	if (!member)
		return false;
	/* A thread of a whole process is where that is, whatever hint it has given itself. */
	if (found->tid != found->pid) {
		carry_write_thread(track, found->tid, member->epoch);
		member->threaded = true;
		return true;
	}
	if (member->pidfd >= 0 ? pidfd_is_dead(member->pidfd) : member->epoch != epoch) {
		discovery_died(track, member);
		return false;
	}
	member->threaded |= found->threaded;
	return true;
}

static int merge_live(struct track *track, struct scan_found *found, struct epoch *epoch)
{
	struct split *split = roster_split(&track->roster, found->pid);
	struct member *member;

	if (split) {
		split_admit(track, split, found->tid, epoch);
		return 0;
	}
	if (mover_claims(track, found->pid, epoch) || is_old_news(track, found, epoch))
		return 0;
	member = discovery_admit(track, found->pid, ucg_steal_fd(&found->pidfd), epoch, NULL);
	if (!member)
		return -ENOMEM;
	member->threaded = found->threaded;
	member->is_born = !found->unproved;
	carry_take_state(track, member, &found->marker);
	if (found->unproved)
		roster_set_state(&track->roster, member, MARK_UNPROVED);
	kill_admitted(track, member);
	return 0;
}

static void sift(struct track *track, struct scan_found *found)
{
	enum lineage lineage;

	/* Root takes in tasks of all users, whoever their parents are. */
	if (track->is_of_root || found->dead || !found->marker.is_foreign ||
	    roster_member(&track->roster, found->pid))
		return;
	lineage = lineage_of(track, found->pid);
	found->forged = lineage == LINEAGE_FORGED;
	found->unproved = lineage == LINEAGE_POSSIBLE;
}

void discovery_count(struct track *track, struct scan *scan)
{
	for (size_t i = 0; i < scan->found_count; i++) {
		struct scan_found *found = &scan->found[i];
		struct epoch *epoch;

		sift(track, found);
		epoch = found->dead || found->known || found->forged
				? NULL
				: carry_epoch(track, &found->marker);
		if (!epoch)
			continue;
		epoch->found++;
		if (epoch->group)
			epoch->group->found++;
	}
}

static int merge_found(struct track *track, struct scan_found *found)
{
	struct epoch *epoch = carry_epoch(track, &found->marker);
	struct member *member;

	if (!epoch || found->forged)
		return 0;
	if (found->known) {
		member = roster_member(&track->roster, found->pid);
		if (member)
			member->threaded = true;
		return 0;
	}
	/* The root's tasks carry nothing, but for threads of split processes: a straggler of a move
	 * to the root, or the child of such a thread. */
	if (!epoch->group) {
		if (!found->dead && !roster_split(&track->roster, found->pid))
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
