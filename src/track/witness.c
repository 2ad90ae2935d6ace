/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <urcu/arch.h>

#include "pidfd.h"
#include "proc.h"
#include "split.h"
#include "ucgroupfs/scope.h"

void discovery_lost(struct track *track, struct tracked_group *group)
{
	if (!group->populated || group->held_count || tracked_group_is_suspect(group))
		return;
	group->suspect_since = track->looks;
	cds_list_add_tail(&group->suspect, &track->suspects);
}

void discovery_left(struct track *track, struct tracked_group *group)
{
	if (!group)
		return;
	discovery_lost(track, group);
	if (tracked_group_is_suspect(group))
		track_kick(track);
}

/* The roster forgets a dead member. */
static void bury(struct track *track, struct member *member)
{
	if (member->split)
		split_changed(track, member->split);
	/* Its children are told by their parent (births.h, B2). */
	if (member_has_unmarked_children(member))
		births_read(track);
	roster_remove(&track->roster, member);
}

void discovery_died(struct track *track, struct member *member)
{
	struct tracked_group *group = member->epoch->group;

	bury(track, member);
	discovery_lost(track, group);
}

void discovery_drain(struct track *track)
{
	struct epoll_event events[64];
	int count;

	births_read(track);
	do {
		/* Can't fail: the descriptor is good, it does not sleep. */
		count = epoll_wait(track->epoll, events, 64, 0);
		for (int i = 0; i < count; i++) {
			void *subject = events[i].data.ptr;

			if (subject != &track->kick_fd && subject != &track->timer_fd &&
			    subject != &track->worker && !births_take_event(track, subject))
				discovery_died(track, subject);
		}
	} while (count == 64);
	births_conclude(track);
	split_mend_all(track);
	cmm_smp_mb();
}

/* A pidfd of a member that is not held: its pid may be another's by now.
 * Return: descriptor; -ESRCH: it is dead; -EMFILE and the like. */
static int open_member(struct track *track, const struct member *member)
{
	ucg_autoclose int pidfd =
		member->split ? pidfd_get_thread(member->pid) : pidfd_get(member->pid);
	struct marker marker;

	if (pidfd < 0)
		return pidfd_lacks_means(errno) ? -errno : -ESRCH;
	if (pidfd_is_dead(pidfd) || marker_read(&track->roster.scheme, member->pid, &marker) != 1 ||
	    marker.epoch != member->epoch->value)
		return -ESRCH;
	if (split_is_leader(member) && proc_check_alive(member->pid, member->pid))
		return -ESRCH;
	return ucg_steal_fd(&pidfd);
}

int discovery_signal(struct track *track, const struct member *member, int number)
{
	ucg_autoclose int pidfd = -1;

	if (member->pidfd >= 0)
		return pidfd_kill(member->pidfd, number);
	pidfd = open_member(track, member);
	return pidfd < 0 ? pidfd : pidfd_kill(pidfd, number);
}

/*
 * A thread that has ended is a zombie as long as somebody traces it, and then nothing tells that
 * its process has no live one left.  A dead leader has no hint: all others need not be looked at.
 */
static bool has_only_zombies(const struct member *member)
{
	if (!member->threaded || member->split || hint_get(member->pid) > 0)
		return false;
	return proc_is_all_dead(member->pid);
}

void discovery_drop_zombies(struct track *track, struct tracked_group *group, bool all)
{
	struct member *member, *next;

	cds_list_for_each_entry_safe (member, next, &group->members, of_group) {
		if (has_only_zombies(member))
			discovery_died(track, member);
		else if (!all)
			return;
	}
}

void discovery_drop_dead(struct track *track, struct tracked_group *group)
{
	struct member *member, *next;

	cds_list_for_each_entry_safe (member, next, &group->members, of_group) {
		int pidfd;

		if (member->pidfd >= 0)
			continue; /* events tell */
		pidfd = open_member(track, member);
		if (pidfd == -ESRCH)
			discovery_died(track, member);
		ucg_closep(&pidfd);
	}
	split_mend_all(track);
}

/*
 * A member that is not held may have died unseen.  It is held now if it lives, at the expense of a
 * group that holds more than it needs.
 * Return: 1: it lives and is held; 0: it is gone; -EMFILE: it may live, and nothing can hold it.
 */
static int hold_again(struct track *track, struct member *member)
{
	struct roster *roster = &track->roster;
	int pidfd = open_member(track, member);

	while (pidfd < 0 && pidfd_lacks_means(-pidfd) && roster_spare(roster))
		pidfd = open_member(track, member);
	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : -EMFILE;
	if (member->epoch->is_killed)
		pidfd_kill(pidfd, SIGKILL);
	/* Nothing tells of its end (split.h). */
	if (split_is_leader(member)) {
		close(pidfd);
		return -EMFILE;
	}
	if (roster->held_count >= roster->held_max)
		roster_spare(roster);
	return roster_hold(roster, member, pidfd) ? -EMFILE : 1;
}

bool discovery_has_witness(struct track *track, struct tracked_group *group)
{
	while (!group->held_count && group->member_count) {
		struct member *member =
			cds_list_first_entry(&group->members, struct member, of_group);
		int answer = hold_again(track, member);

		if (answer == 0) {
			bury(track, member);
			continue;
		}
		/* Nothing will tell of its death: then we have to come back and look. */
		if (answer < 0) {
			track->retry = true;
			track_arm_timer(track, false);
		}
		return true;
	}
	return group->held_count != 0;
}

void discovery_acquit(struct track *track)
{
	struct tracked_group *group, *next;

	do {
		split_mend_all(track);
		cds_list_for_each_entry_safe (group, next, &track->suspects, suspect)
			if (discovery_has_witness(track, group))
				cds_list_del_init(&group->suspect);
	} while (!cds_list_empty(&track->changed));
}

struct member *discovery_admit(struct track *track, pid_t pid, int pidfd, struct epoch *epoch,
			       struct split *split)
{
	struct tracked_group *group = epoch->group;
	struct member *member;

	if (track->roster.held_count >= track->roster.held_max)
		roster_spare(&track->roster);
	member = roster_add(&track->roster, pid, pidfd, epoch, split);
	if (!member)
		return NULL;
	if (!group->populated) {
		group->populated = true;
		track->config.events.entered(track->config.events.context, group->id);
	}
	discovery_watch(track, group);
	return member;
}

void discovery_watch(struct track *track, struct tracked_group *group)
{
	if (group->held_count) {
		cds_list_del_init(&group->suspect);
		return;
	}
	/* No descriptor was to be had, so no event will tell of its end. */
	discovery_lost(track, group);
	track_kick(track);
}
