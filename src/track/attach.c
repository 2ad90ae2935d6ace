/* SPDX-License-Identifier: MIT */
#include "task.h"

#include <errno.h>
#include <stdlib.h>

#include "carry.h"
#include "discovery.h"
#include "mover.h"
#include "pidfd.h"
#include "split.h"
#include "ucgroupfs/scope.h"

/* A pidfd for a process that is to be a member; it must not be lost for want of one. */
static int hold_first(struct track *track, pid_t pid, int *pidfdp)
{
	struct roster *roster = &track->roster;
	struct member *member = roster_member(roster, pid);

	*pidfdp = -1;
	if (member && member->pidfd >= 0)
		return 0;
	if (roster->held_count >= roster->held_max && !roster_spare(roster))
		return -EMFILE;
	*pidfdp = pidfd_get(pid);
	if (*pidfdp >= 0)
		return 0;
	/* An id that is no process's any more, for the task that was found is gone. */
	return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
}

/*
 * The process died while it was being marked, and its pid may have been used again before: then the
 * marks went to a stranger, who gets back what he had.
 */
static void unmark_stranger(struct track *track, pid_t pid, const struct epoch *epoch)
{
	ucg_autoclose int pidfd = pidfd_get(pid);
	struct marker marker;

	if (pidfd < 0 || pidfd_is_dead(pidfd))
		return;
	if (marker_read(&track->roster.scheme, pid, &marker) == 1 && marker.epoch == epoch->value)
		carry_strip(track, pid);
}

static int enlist(struct track *track, const struct ucg_task *task, int pidfd, struct epoch *epoch)
{
	struct member *member = roster_member(&track->roster, task->tgid);

	if (!member)
		member = discovery_admit(track, task->tgid, pidfd, epoch, NULL);
	else if (pidfd >= 0)
		roster_hold(&track->roster, member, pidfd);
	if (!member)
		return -ENOMEM;
	/* A leader that has exited is not what is to be listed. */
	member->threaded |= task->threaded || task->dead;
	member->is_born = false;
	if (member->epoch != epoch)
		roster_move(&track->roster, member, epoch);
	roster_set_state(&track->roster, member, carry_state(epoch));
	return 0;
}

/* Where the threads of a process were before it was moved: epochs, of whom some mean nobody. */
struct sources {
	struct epoch **epoch;
	size_t count;
};

static void sources_clear(struct sources *sources)
{
	free(sources->epoch);
}

static int compare_pointers(const void *left, const void *right)
{
	uintptr_t a = *(const uintptr_t *)left, b = *(const uintptr_t *)right;

	return (a > b) - (a < b);
}

static void leave_each_once(struct sources *sources)
{
	size_t kept = 0;

	qsort(sources->epoch, sources->count, sizeof(struct epoch *), compare_pointers);
	for (size_t i = 0; i < sources->count; i++)
		if (!kept || sources->epoch[i] != sources->epoch[kept - 1])
			sources->epoch[kept++] = sources->epoch[i];
	sources->count = kept;
}

/* @own: what the process carries; NULL: nothing. */
static int find_sources(struct track *track, pid_t pid, struct epoch *own, struct sources *sources)
{
	struct split *split = roster_split(&track->roster, pid);
	struct member *member, *whole = split ? NULL : roster_member(&track->roster, pid);
	size_t count = 1;

	if (split)
		cds_list_for_each_entry (member, &split->threads, of_split)
			count++;
	sources->epoch = calloc(count, sizeof(struct epoch *));
	if (!sources->epoch)
		return -ENOMEM;
	sources->epoch[sources->count++] = whole ? whole->epoch : own;
	if (split)
		cds_list_for_each_entry (member, &split->threads, of_split)
			sources->epoch[sources->count++] = member->epoch;
	leave_each_once(sources);
	return 0;
}

/* The process has been moved: its sources may be empty, and forks be in flight from there. */
static void leave(struct track *track, const struct ucg_task *task, const struct sources *sources,
		  struct tracked_group *to)
{
	if (task->waits_for_us)
		mover_moves_on(track, task->tgid, to);
	for (size_t i = 0; i < sources->count; i++) {
		struct epoch *epoch = sources->epoch[i];
		/* Before the epoch follows him. */
		struct tracked_group *group = epoch ? epoch->group : NULL;

		if (!task->waits_for_us)
			mover_watch(track, task->tgid, epoch, to);
		discovery_left(track, group);
	}
}

/* It is no split one any more, nor a member. */
static void withdraw(struct track *track, pid_t pid)
{
	struct split *split = roster_split(&track->roster, pid);
	struct member *member;

	if (split)
		split_dissolve(track, split);
	member = roster_member(&track->roster, pid);
	if (member)
		roster_remove(&track->roster, member);
}

static int attach_to_root(struct track *track, const struct ucg_task *task)
{
	ucg_cleanup(sources_clear) struct sources sources = {0};
	struct carried carried;
	int error = carry_read(track, task->tgid, &carried);

	if (!error)
		error = find_sources(track, task->tgid, carried.epoch, &sources);
	if (!error)
		error = discovery_exempt(track, task->tgid);
	if (!error && (carried.epoch || task->split))
		error = carry_strip(track, task->tgid);
	if (error && error != -EPERM)
		return error;
	withdraw(track, task->tgid);
	leave(track, task, &sources, NULL);
	return 0;
}

/* As it was before it was marked. */
static void put_back(struct track *track, pid_t pid, const struct carried *carried)
{
	struct epoch_key key = carried->key;
	struct epoch *epoch;

	if (carried->epoch && carried->epoch->group)
		carry_write(track, pid, carried->epoch->group, &key, true, &epoch);
	else
		carry_strip(track, pid);
}

/* L1, B1: what is found unmarked in a later look, or is born unmarked, was forked after the attach.
 * Where no look can be made now, a child of before may be taken for one. */
static void look_before_unmarked(struct track *track, const struct epoch *epoch)
{
	if (carry_state(epoch) != MARK_NONE)
		return;
	births_listen(track);
	births_read(track);
	discovery_look(track);
	if (!track->births.connector || track->births.is_behind)
		track_arm_timer(track, false);
}

/* A whole process on its way into a group. */
struct newcomer {
	int pidfd; /* -1: it is a member that is held */
	struct carried carried;
	struct sources sources;
};

static void newcomer_clear(struct newcomer *newcomer)
{
	ucg_closep(&newcomer->pidfd);
	sources_clear(&newcomer->sources);
}

/* All that can fail before it is marked. */
static int prepare(struct track *track, pid_t pid, struct newcomer *newcomer)
{
	int error = hold_first(track, pid, &newcomer->pidfd);

	if (!error)
		error = carry_read(track, pid, &newcomer->carried);
	if (!error && newcomer->carried.refusal == -EBUSY)
		error = -EBUSY;
	if (!error)
		error = find_sources(track, pid, newcomer->carried.epoch, &newcomer->sources);
	return error;
}

static bool has_died(struct track *track, pid_t pid, const struct newcomer *newcomer)
{
	struct member *member = roster_member(&track->roster, pid);

	if (newcomer->pidfd >= 0)
		return pidfd_is_dead(newcomer->pidfd);
	return member && member->pidfd >= 0 && pidfd_is_dead(member->pidfd);
}

static int mark(struct track *track, const struct ucg_task *task, struct tracked_group *group,
		struct newcomer *newcomer, struct epoch **epochp)
{
	int error;

	if (newcomer->carried.is_heir)
		carry_inherit(task->tgid);
	error = carry_write(track, task->tgid, group, &newcomer->carried.key,
			    task->threaded || task->dead, epochp);
	if (!error && has_died(track, task->tgid, newcomer))
		unmark_stranger(track, task->tgid, *epochp);
	return error;
}

/* It is a whole one from now on.  Dead or not by now: its death is an event like any other. */
static int take_in(struct track *track, const struct ucg_task *task, struct tracked_group *group,
		   struct newcomer *newcomer, struct epoch *epoch)
{
	struct split *split = roster_split(&track->roster, task->tgid);
	bool was_populated = group->populated;
	int error;

	group->populated = true;
	if (split)
		split_dissolve(track, split);
	error = enlist(track, task, ucg_steal_fd(&newcomer->pidfd), epoch);
	if (!error)
		return 0;
	group->populated = was_populated;
	put_back(track, task->tgid, &newcomer->carried);
	return error;
}

static int attach_to_group(struct track *track, const struct ucg_task *task,
			   struct tracked_group *group)
{
	ucg_cleanup(newcomer_clear) struct newcomer newcomer = {.pidfd = -1};
	struct epoch *epoch;
	int error = prepare(track, task->tgid, &newcomer);

	if (!error)
		error = mark(track, task, group, &newcomer, &epoch);
	if (error)
		return error;
	look_before_unmarked(track, epoch);
	error = take_in(track, task, group, &newcomer, epoch);
	if (error)
		return error;
	discovery_watch(track, group);
	leave(track, task, &newcomer.sources, group);
	return 0;
}

int task_attach(struct track *track, const struct ucg_task *task, struct ucg_group_id to)
{
	bool is_root = to.value == UCG_ROOT_ID.value;
	struct tracked_group *group = is_root ? NULL : roster_group_need(&track->roster, to);

	if (!is_root && !group)
		return -ENOMEM;
	if (task->alone)
		return split_move_thread(track, task, group);
	return is_root ? attach_to_root(track, task) : attach_to_group(track, task, group);
}
