/* SPDX-License-Identifier: MIT */
#include "kill.h"

#include <errno.h>
#include <string.h>

#include "discovery.h"

static void kill_epoch(struct track *track, struct epoch *epoch)
{
	epoch->is_killed = true;
	if (cds_list_empty(&epoch->killed))
		cds_list_add_tail(&epoch->killed, &track->killed);
}

static void kill_member(struct track *track, const struct member *member)
{
	int error = discovery_kill_member(track, member);

	if (error && error != -ESRCH)
		ucg_log(track->config.log, LOG_WARNING, "process %d can't be killed: %s",
			member->pid, strerror(-error));
}

void kill_group(struct track *track, struct tracked_group *group)
{
	struct member *member, *next;
	struct epoch *epoch;

	/* The last moment at which the parents of children without marks tell. */
	discovery_look_for_strangers(track);
	cds_list_for_each_entry (epoch, &group->epochs, of_group)
		kill_epoch(track, epoch);
	cds_list_for_each_entry_safe (member, next, &group->members, of_group)
		kill_member(track, member);
	kill_pursue(track);
	track_arm_timer(track, true);
}

static bool order_says_nothing(struct track *track)
{
	struct epoch *epoch;

	if (track->by_counter)
		return true;
	cds_list_for_each_entry (epoch, &track->killed, killed)
		if (!epoch->group->exact)
			return true;
	return false;
}

void kill_declare_quiet(struct track *track)
{
	struct epoch *epoch, *next;

	cds_list_for_each_entry_safe (epoch, next, &track->killed, killed)
		if (!epoch->member_count && !epoch->found)
			cds_list_del_init(&epoch->killed);
}

/* Return: was a look made, before which and after which nothing was left of some? */
static bool look_for_them(struct track *track, struct cds_list_head *dead)
{
	struct epoch *epoch, *next;
	int error;

	cds_list_for_each_entry_safe (epoch, next, &track->killed, killed) {
		epoch->found = 0;
		if (!epoch->member_count)
			cds_list_move(&epoch->killed, dead);
	}
	error = discovery_look(track);
	if (error == -EAGAIN)
		discovery_start_passes(track, false);
	if (error)
		return false;
	discovery_drain(track);
	return cursor_stands_still(&track->cursor, &track->reading) == 1;
}

void kill_pursue(struct track *track)
{
	struct cds_list_head dead;
	struct epoch *epoch, *next;
	bool is_proof;

	CDS_INIT_LIST_HEAD(&dead);
	discovery_drain(track);
	if (order_says_nothing(track)) {
		discovery_start_passes(track, !track->by_counter);
		return;
	}
	is_proof = look_for_them(track, &dead);
	cds_list_for_each_entry_safe (epoch, next, &dead, killed) {
		cds_list_del_init(&epoch->killed);
		if (!is_proof || epoch->found || epoch->member_count)
			cds_list_add_tail(&epoch->killed, &track->killed);
	}
}
