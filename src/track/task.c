/* SPDX-License-Identifier: MIT */
#include "task.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/types.h>

#include "discovery.h"
#include "mover.h"
#include "pidfd.h"
#include "proc.h"
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

static struct ucg_group_id group_of(struct track *track, pid_t tgid)
{
	struct member *member = roster_member(&track->roster, tgid);
	struct epoch *epoch = NULL;
	struct marker marker;

	/* Held and alive, it is the very one: also if it has lost its marker. */
	if (member && member->pidfd >= 0 && !pidfd_is_dead(member->pidfd))
		epoch = member->epoch;

	if (!epoch && marker_read(&track->roster.scheme, tgid, &marker) == 1)
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

int task_find(struct track *track, pid_t tid, struct ucg_task *task)
{
	struct proc_status status;
	bool dead;
	int error = proc_read_status(tid, &status);

	if (error == -ESRCH)
		return find_hidden(tid, task);
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
		.unmovable = is_unmovable(tid, &status),
		.group = group_of(track, status.tgid),
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

/* What a process carries now, and what its limit was before. */
struct carried {
	struct epoch *epoch; /* ours, NULL: none */
	enum marker_carrier carrier;
	uint64_t prior;
};

static int read_carried(struct track *track, pid_t pid, struct carried *carried)
{
	struct roster *roster = &track->roster;
	struct marker marker;
	int answer = marker_read(&roster->scheme, pid, &marker);

	*carried = (struct carried){0};
	if (answer < 0)
		return answer;
	carried->epoch = answer ? roster_epoch(roster, marker.epoch) : NULL;
	if (carried->epoch) {
		carried->carrier = carried->epoch->carrier;
		carried->prior = carried->epoch->prior;
		return 0;
	}
	/* The highest value that a marker can have: so it fits, whatever the epoch. */
	return marker_choose(pid, marker_value(roster->scheme.hierarchy, UINT32_MAX),
			     &carried->carrier, &carried->prior);
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
 * marker went to a stranger, who gets his limit back.
 */
static void unmark_stranger(struct track *track, pid_t pid, const struct epoch *epoch,
			    uint64_t previous)
{
	ucg_autoclose int pidfd = pidfd_get(pid);
	struct marker marker;

	if (pidfd < 0 || pidfd_is_dead(pidfd))
		return;
	if (marker_read(&track->roster.scheme, pid, &marker) == 1 && marker.epoch == epoch->value)
		marker_write(pid, epoch->carrier, previous, NULL);
}

static int enlist(struct track *track, const struct ucg_task *task, int pidfd, struct epoch *epoch)
{
	struct member *member = roster_member(&track->roster, task->tgid);

	if (!member)
		member = discovery_admit(track, task->tgid, pidfd, epoch);
	else if (pidfd >= 0)
		roster_hold(&track->roster, member, pidfd);
	if (!member)
		return -ENOMEM;
	/* A leader that has exited is not what is to be listed. */
	member->threaded |= task->threaded || task->dead;
	if (member->epoch != epoch)
		roster_move(&track->roster, member, epoch);
	return 0;
}

/* The group that a process left may have become empty; its events come with the next dispatch. */
static void left(struct track *track, struct tracked_group *group)
{
	if (!group)
		return;
	discovery_lost(track, group);
	if (tracked_group_is_suspect(group))
		track_kick(track);
}

static int attach_to_root(struct track *track, const struct ucg_task *task)
{
	struct member *member;
	struct tracked_group *source;
	struct carried carried;
	int error = read_carried(track, task->tgid, &carried);

	if (error || !carried.epoch)
		return error == -EPERM || error == -EBUSY ? 0 : error; /* it is there */
	error = marker_write(task->tgid, carried.carrier, carried.prior, NULL);
	if (error)
		return error;
	source = carried.epoch->group;
	if (!task->waits_for_us)
		mover_watch(track, task->tgid, carried.epoch, NULL);
	member = roster_member(&track->roster, task->tgid);
	if (member)
		roster_remove(&track->roster, member);
	left(track, source);
	return 0;
}

/* @pidfd: -1: it is a member that is held. */
static int mark(struct track *track, const struct ucg_task *task, int pidfd, struct epoch *epoch)
{
	uint64_t value = marker_value(track->roster.scheme.hierarchy, epoch->value), previous;
	int error = marker_write(task->tgid, epoch->carrier, value, &previous);

	if (error)
		return error;
	if (epoch->carrier != MARKER_LOCKS)
		track->roster.scheme.second_used = true;
	if (pidfd_is_dead(pidfd >= 0 ? pidfd : roster_member(&track->roster, task->tgid)->pidfd))
		unmark_stranger(track, task->tgid, epoch, previous);
	return 0;
}

/* As it was before mark(). */
static void unmark(struct track *track, const struct ucg_task *task, const struct carried *carried)
{
	uint16_t hierarchy = track->roster.scheme.hierarchy;

	marker_write(task->tgid, carried->carrier,
		     carried->epoch ? marker_value(hierarchy, carried->epoch->value)
				    : carried->prior,
		     NULL);
}

static int attach_to_group(struct track *track, const struct ucg_task *task,
			   struct tracked_group *group)
{
	ucg_autoclose int pidfd = -1;
	struct tracked_group *source;
	struct carried carried;
	struct epoch *epoch;
	bool was_populated;
	int error = hold_first(track, task->tgid, &pidfd);

	if (!error)
		error = read_carried(track, task->tgid, &carried);
	if (error)
		return error;
	source = carried.epoch ? carried.epoch->group : NULL;
	epoch = roster_epoch_need(&track->roster, group, carried.carrier, carried.prior);
	if (!epoch)
		return -ENOMEM;
	error = mark(track, task, pidfd, epoch);
	if (error)
		return error;
	/* Dead or not by now: it is a member, and its death an event like any other. */
	was_populated = group->populated;
	group->populated = true;
	error = enlist(track, task, ucg_steal_fd(&pidfd), epoch);
	if (error) {
		group->populated = was_populated;
		unmark(track, task, &carried);
		return error;
	}
	discovery_watch(track, group);
	if (!task->waits_for_us)
		mover_watch(track, task->tgid, carried.epoch, group);
	left(track, source);
	return 0;
}

int task_attach(struct track *track, const struct ucg_task *task, struct ucg_group_id to)
{
	struct tracked_group *group;

	if (to.value == UCG_ROOT_ID.value)
		return attach_to_root(track, task);
	group = roster_group_need(&track->roster, to);
	return group ? attach_to_group(track, task, group) : -ENOMEM;
}
