/* SPDX-License-Identifier: MIT */
#include "task.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/types.h>

#include "carry.h"
#include "discovery.h"
#include "mover.h"
#include "pidfd.h"
#include "proc.h"
#include "split.h"
#include "ucgroupfs/scope.h"

/* include/linux/sched.h: userland may not set the CPUs of this kernel thread. */
#define PF_NO_SETAFFINITY 0x04000000u
#define KTHREADD 2

/* Unmovable are kthreadd and the kernel threads that are bound to their CPUs. */
static bool is_unmovable(pid_t tid, const struct proc_status *status)
{
	struct proc_stat stat;

	if (status->has_memory || proc_state_is_dead(status->state) || status->uid.real != 0)
		return false;
	if (tid == KTHREADD && status->ppid == 0)
		return true;
	return proc_read_stat(tid, tid, &stat) == 0 && stat.flags & PF_NO_SETAFFINITY;
}

/* Where a thread is; that of a whole process is where the process is. */
static struct ucg_group_id group_of(struct track *track, pid_t tgid, pid_t tid)
{
	struct split *split = roster_split(&track->roster, tgid);
	struct member *member = roster_member(&track->roster, split ? tid : tgid);
	struct epoch *epoch = NULL;
	struct marker marker;

	/* Held and alive, it is the very one: also if it has lost its marks. */
	if (member && member->split == split && member->pidfd >= 0 && !pidfd_is_dead(member->pidfd))
		epoch = member->epoch;
	if (!epoch && marker_read(&track->roster.scheme, split ? tid : tgid, &marker) == 1)
		epoch = roster_epoch(&track->roster, marker.epoch);
	return epoch && epoch->group ? epoch->group->id : UCG_ROOT_ID;
}

/* A process that /proc hides from us is there, and not ours. */
static int find_hidden(pid_t tid, struct ucg_task *task)
{
	struct rlimit limit;

	if (prlimit(tid, RLIMIT_LOCKS, NULL, &limit) && errno == ESRCH)
		return -ESRCH;
	*task = (struct ucg_task){.tid = tid,
				  .tgid = tid,
				  .uid = (uid_t)-1,
				  .saved_uid = (uid_t)-1,
				  .alive_threads = true,
				  .group = UCG_ROOT_ID};
	return 0;
}

int task_find(struct track *track, pid_t tid, bool whole_process, struct ucg_task *task)
{
	struct proc_status status;
	bool dead;
	int error = proc_read_status(tid, &status);

	if (error == -ESRCH)
		return find_hidden(tid, task);
	/* The kernel asks for the leader then: its ids decide. */
	if (!error && whole_process && status.tgid != tid) {
		tid = status.tgid;
		error = proc_read_status(tid, &status);
	}
	if (error)
		return error;
	dead = proc_state_is_dead(status.state);
	*task = (struct ucg_task){
		.tid = tid,
		.tgid = status.tgid,
		.uid = status.uid.real,
		.saved_uid = status.uid.saved,
		.dead = dead,
		.alive_threads = !dead || status.threads > 1,
		.threaded = status.threads > (dead && tid == status.tgid ? 2u : 1u),
		.split = roster_split(&track->roster, status.tgid),
		.unmovable = is_unmovable(tid, &status),
		.group = group_of(track, status.tgid, tid),
	};
	return 0;
}

bool task_is_capable(pid_t tid, int capability)
{
	struct proc_status status;

	if (!tid || proc_read_status(tid, &status))
		return false;
	return status.effective & UINT64_C(1) << capability && proc_is_in_initial_user_ns(tid);
}

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
	for (size_t i = 0; i < sources->count; i++) {
		struct epoch *epoch = sources->epoch[i];

		if (!task->waits_for_us)
			mover_watch(track, task->tgid, epoch, to);
		discovery_left(track, epoch ? epoch->group : NULL);
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
	/* Known before it is stripped, it is not taken for a child that lacks its marks. */
	if (!error && track->roster.unmarked_count)
		discovery_look(track);
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

/* L1: what is found unmarked from here on was forked after the attach.  Where no look can be made,
 * a child of before may be taken for one. */
static void follow_unmarked(struct track *track, pid_t pid)
{
	struct member *member = roster_member(&track->roster, pid);

	if (!member || member->state != MARK_NONE)
		return;
	discovery_look(track);
	track_arm_timer(track, false);
}

static int attach_to_group(struct track *track, const struct ucg_task *task,
			   struct tracked_group *group)
{
	ucg_cleanup(sources_clear) struct sources sources = {0};
	ucg_autoclose int pidfd = -1;
	struct carried carried;
	struct split *split;
	struct epoch *epoch;
	bool was_populated = group->populated;
	int error = hold_first(track, task->tgid, &pidfd);

	if (!error)
		error = carry_read(track, task->tgid, &carried);
	if (!error && carried.refusal == -EBUSY)
		error = -EBUSY;
	if (!error)
		error = find_sources(track, task->tgid, carried.epoch, &sources);
	if (!error && carried.is_heir)
		carry_inherit(task->tgid);
	if (!error)
		error = carry_write(track, task->tgid, group, &carried.key,
				    task->threaded || task->dead, &epoch);
	if (error)
		return error;
	if (pidfd >= 0 && pidfd_is_dead(pidfd))
		unmark_stranger(track, task->tgid, epoch);
	/* Dead or not by now: it is a member, and its death an event like any other. */
	group->populated = true;
	split = roster_split(&track->roster, task->tgid);
	if (split)
		split_dissolve(track, split);
	error = enlist(track, task, ucg_steal_fd(&pidfd), epoch);
	if (error) {
		group->populated = was_populated;
		put_back(track, task->tgid, &carried);
		return error;
	}
	discovery_watch(track, group);
	leave(track, task, &sources, group);
	follow_unmarked(track, task->tgid);
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

int task_groups(struct track *track, pid_t pid, struct ucg_group_ids *groups)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids threads = {0};
	int error = proc_read_threads(pid, &threads);

	for (size_t i = 0; !error && i < threads.count; i++)
		error = ucg_group_ids_append(groups, group_of(track, pid, threads.pid[i]));
	ucg_group_ids_sort(groups);
	return error;
}
