/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include <errno.h>

#include "kill.h"
#include "mover.h"

/* Rounds of declaring in one go while strangers keep the cursor moving; then the loop has a turn.
 */
#define ROUNDS_MAX 64

void discovery_retire_epochs(struct track *track, struct tracked_group *group)
{
	struct epoch *epoch, *next;
	struct cds_list_head epochs;

	/* Apart from the group's list, for one may come back to it: with a mover who has. */
	CDS_INIT_LIST_HEAD(&epochs);
	cds_list_splice(&group->epochs, &epochs);
	CDS_INIT_LIST_HEAD(&group->epochs);
	cds_list_for_each_entry_safe (epoch, next, &epochs, of_group) {
		if (epoch->mover_count)
			mover_forward(track, epoch);
		else if (epoch->split_count)
			roster_epoch_forward(&track->roster, epoch, NULL);
		else
			roster_epoch_drop(&track->roster, epoch);
	}
}

void discovery_unneeded(struct track *track, struct epoch *epoch)
{
	if (epoch->is_forwarded && !epoch->member_count && !epoch->mover_count &&
	    !epoch->split_count)
		roster_epoch_drop(&track->roster, epoch);
}

static void declare_empty(struct track *track, struct tracked_group *group)
{
	cds_list_del_init(&group->suspect);
	group->populated = false;
	group->exact = true; /* nobody is left to be missed */
	discovery_retire_epochs(track, group);
	track->config.events.emptied(track->config.events.context, group->id);
}

/* Those of whom nothing was found by a look that began after they were suspect. */
static void declare_unseen(struct track *track, uint64_t looks)
{
	struct tracked_group *group, *next;

	cds_list_for_each_entry_safe (group, next, &track->suspects, suspect)
		if (group->suspect_since < looks && !group->found && group->exact)
			declare_empty(track, group);
}

void discovery_declare_quiet(struct track *track, uint64_t looks)
{
	struct tracked_group *group, *next;

	kill_declare_quiet(track);
	cds_list_for_each_entry_safe (group, next, &track->suspects, suspect)
		if (group->suspect_since < looks && !group->found)
			declare_empty(track, group);
}

static bool some_need_passes(struct track *track)
{
	struct tracked_group *group;

	if (track->by_counter)
		return true;
	cds_list_for_each_entry (group, &track->suspects, suspect)
		if (!group->exact)
			return true;
	return false;
}

static void forget_finds(struct track *track)
{
	struct tracked_group *group;

	cds_list_for_each_entry (group, &track->suspects, suspect)
		group->found = 0;
}

/* One round of declaring.  Return: 0: go on; else as discovery_resolve(). */
static int resolve_round(struct track *track)
{
	uint64_t looks;
	int error;

	forget_finds(track);
	error = discovery_look(track);
	looks = track->looks;
	if (error == -EAGAIN || (!error && some_need_passes(track))) {
		discovery_start_passes(track, false);
		return -EINPROGRESS;
	}
	if (error && error != -EINPROGRESS)
		discovery_try_later(track, error);
	if (error)
		return -EINPROGRESS;
	discovery_drain(track);
	discovery_acquit(track);
	if (cursor_stands_still(&track->cursor, &track->reading) == 1)
		declare_unseen(track, looks);
	return 0;
}

int discovery_resolve(struct track *track)
{
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		int error;

		discovery_drain(track);
		discovery_acquit(track);
		if (cds_list_empty(&track->suspects))
			return 0;
		error = resolve_round(track);
		if (error)
			return error;
	}
	track_kick(track);
	return -EINPROGRESS;
}

int discovery_settle(struct track *track, struct ucg_group_id id)
{
	struct tracked_group *group = roster_group(&track->roster, id);

	/* No event tells of the end of one that nothing could hold, or that is traced. */
	if (group) {
		discovery_drop_zombies(track, group, false);
		discovery_lost(track, group);
	}
	if (!discovery_resolve(track))
		return 0;
	group = roster_group(&track->roster, id);
	return group && tracked_group_is_suspect(group) ? -EINPROGRESS : 0;
}
