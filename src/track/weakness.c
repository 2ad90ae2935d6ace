/* SPDX-License-Identifier: MIT */
#include "weakness.h"

#include "carry.h"
#include "split.h"

static void look_again(struct track *track, struct member *member)
{
	struct marker marker;

	/* Nothing proves it later; and that of a thread is all that it has. */
	if (member->split || member->state == MARK_UNPROVED ||
	    marker_read(&track->roster.scheme, member->pid, &marker) < 0)
		return;
	carry_take_state(track, member, &marker);
}

static void look_at_all(struct track *track, struct tracked_group *group)
{
	struct member *member, *next;

	/* One whose state changes may come to either end of the list: it is met twice at most. */
	cds_list_for_each_entry_safe (member, next, &group->members, of_group)
		look_again(track, member);
}

static bool nobody_tells_of_the_end(struct tracked_group *group)
{
	return group->populated && !group->held_count && group->member_count &&
	       split_is_leader(cds_list_first_entry(&group->members, struct member, of_group));
}

static void add(const struct track *track, struct tracked_group *group, size_t *count)
{
	count[UCG_NO_HINT] += group->state_count[MARK_LIMIT];
	count[UCG_NO_MARKER] += group->state_count[MARK_HINT];
	count[UCG_UNMARKED] += group->state_count[MARK_NONE];
	count[UCG_UNPROVED] += group->state_count[MARK_UNPROVED];
	count[UCG_UNSEEN_EXIT] += nobody_tells_of_the_end(group);
	count[UCG_CHOSEN_PIDS] += track->pids_are_uncounted ? group->member_count : 0;
}

void weakness_count(struct track *track, struct tracked_group *group, size_t *count)
{
	struct cds_lfht_iter iterator;

	if (group) {
		look_at_all(track, group);
		add(track, group, count);
		return;
	}
	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.groups, &iterator, group, link)
		add(track, group, count);
	urcu_memb_read_unlock();
}

void weakness_tell(struct track *track)
{
	const struct ucg_tracker_events *events = &track->config.events;
	struct roster *roster = &track->roster;

	if (!roster->is_restated)
		return;
	roster->is_restated = false;
	while (!cds_list_empty(&roster->restated)) {
		struct tracked_group *group =
			cds_list_first_entry(&roster->restated, struct tracked_group, restated);

		cds_list_del_init(&group->restated);
		events->restated(events->context, group->id);
	}
	events->restated(events->context, UCG_ROOT_ID);
}
