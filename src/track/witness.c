/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>

#include "pidfd.h"
#include "ucgroupfs/scope.h"

void discovery_lost(struct track *track, struct tracked_group *group)
{
	if (!group->populated || group->held_count || tracked_group_is_suspect(group))
		return;
	group->suspect_since = track->looks;
	cds_list_add_tail(&group->suspect, &track->suspects);
}

void discovery_died(struct track *track, struct member *member)
{
	struct tracked_group *group = member->epoch->group;

	roster_remove(&track->roster, member);
	discovery_lost(track, group);
}

void discovery_drain(struct track *track)
{
	struct epoll_event events[64];
	int count;

	do {
		/* Can't fail: the descriptor is good, it does not sleep. */
		count = epoll_wait(track->epoll, events, 64, 0);
		for (int i = 0; i < count; i++) {
			void *subject = events[i].data.ptr;

			if (subject != &track->kick_fd && subject != &track->timer_fd &&
			    subject != &track->worker)
				discovery_died(track, subject);
		}
	} while (count == 64);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * A member that is not held may have died unseen.  It is held now if it lives, at the expense of a
 * group that holds more than it needs.
 * Return: 1: it lives and is held; 0: it is gone; -EMFILE: it lives, and nothing can hold it.
 */
static int hold_again(struct track *track, struct member *member)
{
	struct roster *roster = &track->roster;
	int pidfd = pidfd_get(member->pid);
	struct marker marker;

	if (pidfd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return roster_spare(roster) ? hold_again(track, member) : -EMFILE;
	if (pidfd < 0 || pidfd_is_dead(pidfd) ||
	    marker_read(&roster->scheme, member->pid, &marker) != 1 ||
	    marker.epoch != member->epoch->value) {
		ucg_closep(&pidfd);
		return 0;
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
			roster_remove(&track->roster, member);
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

	cds_list_for_each_entry_safe (group, next, &track->suspects, suspect)
		if (discovery_has_witness(track, group))
			cds_list_del_init(&group->suspect);
}

struct member *discovery_admit(struct track *track, pid_t pid, int pidfd, struct epoch *epoch)
{
	struct tracked_group *group = epoch->group;
	struct member *member;

	if (track->roster.held_count >= track->roster.held_max)
		roster_spare(&track->roster);
	member = roster_add(&track->roster, pid, pidfd, epoch);
	if (!member)
		return NULL;
	/* cgroup.kill is at it: the newcomer does not get away.  ESRCH is what it wants. */
	if (group->killing && member->pidfd >= 0)
		pidfd_kill(member->pidfd, SIGKILL);
	return member;
}
