/* SPDX-License-Identifier: MIT */
#include "task.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/types.h>

#include "carry.h"
#include "discovery.h"
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
		epoch = carry_epoch(track, &marker);
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
	int error;

	/* A child of a member without marks is where it was born (births.h), or where a look puts
	 * it: if none can be made now, that remains to be seen. */
	if (track->births.connector)
		discovery_drain(track);
	discovery_look_for_strangers(track);
	error = proc_read_status(tid, &status);
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

int task_groups(struct track *track, pid_t pid, struct ucg_group_ids *groups)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids threads = {0};
	int error = proc_read_threads(pid, &threads);

	for (size_t i = 0; !error && i < threads.count; i++)
		error = ucg_group_ids_append(groups, group_of(track, pid, threads.pid[i]));
	ucg_group_ids_sort(groups);
	return error;
}
