/* SPDX-License-Identifier: MIT */
#include "list.h"

#include <errno.h>
#include <stdlib.h>

#include "discovery.h"
#include "proc.h"

/* A look after @since_ns, or full passes where the group needs them. */
static int look_for_list(struct track *track, struct tracked_group *group, uint64_t since_ns)
{
	int error;

	if (track->passes_ns >= since_ns)
		return 0;
	error = track->looked_ns >= since_ns ? 0 : discovery_look(track);
	/* Pids that their forkers chose lie in no range (G5). */
	if (!error && group->exact && !track->by_counter)
		return 0;
	if (error && error != -EAGAIN)
		return error;
	discovery_start_passes(track, !track->by_counter);
	return -EINPROGRESS;
}

static bool is_dead_thread(pid_t pid, pid_t tid)
{
	/* A zombie has no hint, so one that has need not be looked at. */
	return hint_get(tid) <= 0 && proc_check_alive(pid, tid) == -ESRCH;
}

/* A thread that has ended stays in /proc as long as somebody traces it. */
static int list_live_threads(pid_t pid, struct ucg_pids *pids)
{
	size_t kept = pids->count;
	int error = proc_read_threads(pid, pids);

	for (size_t i = kept; i < pids->count; i++)
		if (!is_dead_thread(pid, pids->pid[i]))
			pids->pid[kept++] = pids->pid[i];
	pids->count = kept;
	return error;
}

/* Those that were listed may have ended by the time that they were looked at, while the process
 * lives in another one (proc_is_all_dead()). */
static int list_threads(pid_t pid, struct ucg_pids *pids)
{
	size_t before = pids->count;
	int error;

	do
		error = list_live_threads(pid, pids);
	while (!error && pids->count == before && !proc_is_all_dead(pid));
	return error;
}

static int list_member(struct member *member, enum ucg_list_what what, struct ucg_pids *pids)
{
	if (what == UCG_LIST_TASKS && member->threaded && !member->split)
		return list_threads(member->pid, pids);
	if (what == UCG_LIST_PROCESSES && member->split)
		return ucg_pids_append(pids, member->split->pid);
	return ucg_pids_append(pids, member->pid);
}

static int list_members(struct tracked_group *group, enum ucg_list_what what, struct ucg_pids *pids)
{
	struct member *member;

	cds_list_for_each_entry (member, &group->members, of_group) {
		int error = list_member(member, what, pids);

		if (error && error != -ESRCH)
			return error;
	}
	/* A process is listed once, however many of its threads are members. */
	ucg_pids_sort(pids);
	return 0;
}

static int name_root_epochs(struct track *track, struct pass_job *job)
{
	struct epoch *epoch;
	size_t count = 0;

	cds_list_for_each_entry (epoch, &track->roster.root_epochs, of_group)
		count++;
	if (!count)
		return 0;
	job->root_epochs = calloc(count, sizeof(*job->root_epochs));
	if (!job->root_epochs)
		return -ENOMEM;
	cds_list_for_each_entry (epoch, &track->roster.root_epochs, of_group)
		job->root_epochs[job->root_epoch_count++] = epoch->value;
	return 0;
}

int list_root(struct track *track, enum ucg_list_what what, uint64_t since_ns,
	      struct ucg_pids *pids)
{
	const struct ucg_pids *list = &track->root_list[what];
	struct pass_job *job;
	int error = track->root_error[what];

	if (track->root_listed_ns[what] >= since_ns) {
		for (size_t i = 0; i < list->count && !error; i++)
			error = ucg_pids_append(pids, list->pid[i]);
		return error;
	}
	if (track->root_listing_ns[what] >= since_ns)
		return -EINPROGRESS;
	/* Stragglers of moves to the root are to be seen as what they are.  Where no look can be
	 * made now, they come with a later list. */
	if (!cds_list_empty(&track->movers))
		discovery_look(track);
	job = pass_job_new(PASS_ROOT, &track->roster.scheme);
	if (!job)
		return -ENOMEM;
	job->what = what;
	job->started_ns = monotonic_ns();
	error = name_root_epochs(track, job);
	if (!error)
		error = pass_start(&track->worker, job);
	if (error) {
		pass_job_free(job);
		return error;
	}
	track->root_listing_ns[what] = job->started_ns;
	return -EINPROGRESS;
}

int list_find_members(struct track *track, struct ucg_group_id id, uint64_t since_ns,
		      struct tracked_group **groupp)
{
	struct tracked_group *group;
	int error = discovery_settle(track, id);

	*groupp = NULL;
	group = roster_group(&track->roster, id);
	if (error || !group || !group->populated)
		return error;
	error = look_for_list(track, group, since_ns);
	if (error)
		return error;
	discovery_drop_dead(track, group);
	discovery_drop_zombies(track, group, true);
	/* Members that the look found may have emptied or filled it, and deaths are as of now. */
	error = discovery_settle(track, id);
	*groupp = error ? NULL : group;
	return error;
}

int list_group(struct track *track, struct ucg_group_id id, enum ucg_list_what what,
	       uint64_t since_ns, struct ucg_pids *pids)
{
	struct tracked_group *group;
	int error = list_find_members(track, id, since_ns, &group);

	return error || !group ? error : list_members(group, what, pids);
}
