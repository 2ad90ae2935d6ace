/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/attach.h"

#include <errno.h>

#include "model.h"
#include "ucgroupfs/log.h"
#include "ucgroupfs/scope.h"

bool ucg_attach_is_allowed(const struct ucg_opener *opener, const struct ucg_task *task)
{
	return opener->uid == 0 || opener->uid == task->uid || opener->uid == task->saved_uid;
}

/* What the checks say: an errno, or one of these. */
enum { NOTHING_TO_DO, TO_MOVE };

static bool is_allowed(const struct ucg_rules *rules, const struct ucg_attach_request *request,
		       const struct ucg_task *task)
{
	if (!request->pid && rules->zero_is_allowed)
		return true;
	return ucg_attach_is_allowed(&request->opener, task);
}

static int check(const struct ucg_rules *rules, const struct ucg_attach_request *request,
		 const struct ucg_task *task)
{
	bool lives = !task->dead || (request->whole_process && task->alive_threads);

	if (!lives && rules->dead_is_missing)
		return -ESRCH;
	if (task->unmovable && rules->unmovable_comes_first)
		return -EINVAL;
	if (!is_allowed(rules, request, task))
		return -EACCES;
	if (task->unmovable)
		return -EINVAL;
	return lives ? TO_MOVE : NOTHING_TO_DO;
}

/* The groups that the move takes tasks out of. */
static int find_sources(struct ucg_tracker *tracker, const struct ucg_attach_request *request,
			const struct ucg_task *task, struct ucg_group_ids *sources)
{
	struct ucg_group_id to = request->to->record.id;
	size_t kept = 0;
	int error;

	sources->count = 0;
	if (request->whole_process && task->split)
		error = tracker->ops->groups(tracker, task, sources);
	else
		error = ucg_group_ids_append(sources, task->group);
	for (size_t i = 0; i < sources->count; i++)
		if (sources->id[i].value != to.value)
			sources->id[kept++] = sources->id[i];
	sources->count = kept;
	return error;
}

static int settle_all(struct ucg_tracker *tracker, const struct ucg_group_ids *groups,
		      uint64_t since_ns)
{
	int error = 0;

	for (size_t i = 0; i < groups->count && !error; i++)
		error = ucg_tracker_settle(tracker, groups->id[i], since_ns);
	return error;
}

/* Both ascending.  Nothing about the root depends on who is in it: it is always settled. */
static bool are_settled(const struct ucg_group_ids *groups, const struct ucg_group_ids *settled)
{
	size_t at = 0;

	for (size_t i = 0; i < groups->count; i++) {
		uint64_t id = groups->id[i].value;

		while (at < settled->count && settled->id[at].value < id)
			at++;
		if (id != UCG_ROOT_ID.value &&
		    (at == settled->count || settled->id[at].value != id))
			return false;
	}
	return true;
}

static void swap(struct ucg_group_ids *left, struct ucg_group_ids *right)
{
	struct ucg_group_ids ids = *left;

	*left = *right;
	*right = ids;
}

/*
 * Settles the target, finds and checks the task, and again after each settling of its sources,
 * which may find it dead or in another group (a straggler of a move).  It ends with the first look
 * at which all sources are settled: only another move takes a task elsewhere, and this thread makes
 * them.
 */
static int find_settled(const struct ucg_rules *rules, struct ucg_tracker *tracker,
			const struct ucg_attach_request *request, pid_t pid, struct ucg_task *task,
			struct ucg_group_ids *sources)
{
	ucg_cleanup(ucg_group_ids_clear) struct ucg_group_ids settled = {0};
	int result = ucg_tracker_settle(tracker, request->to->record.id, request->since_ns);

	while (!result) {
		result = tracker->ops->find(tracker, pid, request->whole_process, task);
		if (!result)
			result = check(rules, request, task);
		if (result != TO_MOVE)
			return result;
		result = find_sources(tracker, request, task, sources);
		if (result)
			return result;
		if (!sources->count)
			return NOTHING_TO_DO;
		if (are_settled(sources, &settled))
			return TO_MOVE;
		result = settle_all(tracker, sources, request->since_ns);
		swap(sources, &settled);
	}
	return result;
}

static size_t depth_of(const struct ucg_group *group)
{
	size_t depth = 0;

	for (; group->parent; group = group->parent)
		depth++;
	return depth;
}

/* What the move does to sources and target. */
static int fill_change(struct ucg_hierarchy *hierarchy, const struct ucg_group_ids *sources,
		       struct ucg_group *to, struct ucg_change *change)
{
	int error = 0;

	for (size_t i = 0; i < sources->count && !error; i++) {
		struct ucg_group *source = ucg_group_find(hierarchy, sources->id[i]);

		if (source && !ucg_group_is_removed(source))
			error = ucg_group_task_left(hierarchy, source, change);
	}
	return error ? error : ucg_group_entered(hierarchy, to, change);
}

/* The tracker's events are other changes, committed from within its calls: so records are read into
 * @change after the last of these, and memory is taken before it, when failing is still free. */
static int move(struct ucg_hierarchy *hierarchy, struct ucg_tracker *tracker,
		const struct ucg_attach_request *request, const struct ucg_task *task,
		const struct ucg_group_ids *sources, struct ucg_change *change)
{
	int error = ucg_change_reserve(change, sources->count + 1, depth_of(request->to));

	if (!error)
		error = tracker->ops->attach(tracker, task, request->to->record.id);
	return error ? error : fill_change(hierarchy, sources, request->to, change);
}

static void tell_why(struct ucg_log *log, const struct ucg_task *task, int error)
{
	if (error == -EOPNOTSUPP)
		ucg_log(log, LOG_WARNING,
			"can't move task %d alone, one of several threads of process %d: that "
			"takes I/O priority hints (Linux 6.5), pidfds of threads (6.9) and a hint "
			"that is not in use",
			(int)task->tid, (int)task->tgid);
	if (error == -EBUSY)
		ucg_log(log, LOG_WARNING,
			"can't move process %d: it is marked by two other hierarchies already",
			(int)task->tgid);
}

int ucg_attach(struct ucg_hierarchy *hierarchy, struct ucg_tracker *tracker, struct ucg_log *log,
	       const struct ucg_attach_request *request, struct ucg_change *change)
{
	pid_t pid = request->pid ? request->pid : request->writer;
	ucg_cleanup(ucg_group_ids_clear) struct ucg_group_ids sources = {0};
	struct ucg_task task;
	int result;

	if (ucg_group_is_removed(request->to))
		return -ENODEV;
	if (!pid)
		return -EACCES;
	result = find_settled(hierarchy->rules, tracker, request, pid, &task, &sources);
	if (result != TO_MOVE)
		return result;
	task.waits_for_us = task.tid == request->writer && !task.threaded;
	task.alone = task.threaded && !request->whole_process;
	result = move(hierarchy, tracker, request, &task, &sources, change);
	tell_why(log, &task, result);
	return result;
}
