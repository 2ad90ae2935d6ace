/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/attach.h"

#include <errno.h>

#include "model.h"
#include "ucgroupfs/log.h"

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
	if (!lives || task->group.value == request->to->record.id.value)
		return NOTHING_TO_DO;
	if (task->threaded && !request->whole_process)
		return -EOPNOTSUPP;
	return TO_MOVE;
}

static int settle(struct ucg_tracker *tracker, struct ucg_group_id group, uint64_t since_ns)
{
	if (group.value == UCG_ROOT_ID.value)
		return 0;
	return tracker->ops->settle(tracker, group, since_ns);
}

/* Nothing about the root depends on who is in it: it is always settled. */
static bool is_settled(struct ucg_group_id group, struct ucg_group_id settled)
{
	return group.value == UCG_ROOT_ID.value || group.value == settled.value;
}

/*
 * Settles the target, finds and checks the task, and again after each settling of its source, which
 * may find it dead or in another group (a straggler of a move).  It ends with the first look at
 * which the task is in a settled group: only another move takes it elsewhere, and this thread makes
 * them.
 */
static int find_settled(const struct ucg_rules *rules, struct ucg_tracker *tracker,
			const struct ucg_attach_request *request, pid_t pid, struct ucg_task *task)
{
	struct ucg_group_id settled = UCG_ROOT_ID;
	int result = settle(tracker, request->to->record.id, request->since_ns);

	while (!result) {
		result = tracker->ops->find(tracker, pid, task);
		if (!result)
			result = check(rules, request, task);
		if (result != TO_MOVE || is_settled(task->group, settled))
			return result;
		settled = task->group;
		result = settle(tracker, settled, request->since_ns);
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

/* What the move does to source and target. */
static int fill_change(struct ucg_hierarchy *hierarchy, struct ucg_group_id from,
		       struct ucg_group *to, struct ucg_change *change)
{
	struct ucg_group *source = ucg_group_find(hierarchy, from);
	int error = 0;

	if (source && !ucg_group_is_removed(source))
		error = ucg_group_task_left(hierarchy, source, change);
	if (error)
		return error;
	return ucg_group_entered(hierarchy, to, change);
}

/* The tracker's events are other changes, committed from within its calls: so records are read into
 * @change after the last of these, and memory is taken before it, when failing is still free. */
static int move(struct ucg_hierarchy *hierarchy, struct ucg_tracker *tracker,
		const struct ucg_attach_request *request, const struct ucg_task *task,
		struct ucg_change *change)
{
	struct ucg_group_id to = request->to->record.id;
	int error = ucg_change_reserve(change, 2, depth_of(request->to));

	if (error)
		return error;
	error = tracker->ops->attach(tracker, task, to);
	if (error)
		return error;
	return fill_change(hierarchy, task->group, request->to, change);
}

int ucg_attach(struct ucg_hierarchy *hierarchy, struct ucg_tracker *tracker, struct ucg_log *log,
	       const struct ucg_attach_request *request, struct ucg_change *change)
{
	pid_t pid = request->pid ? request->pid : request->writer;
	struct ucg_task task;
	int result;

	if (ucg_group_is_removed(request->to))
		return -ENODEV;
	if (!pid)
		return -EACCES;
	result = find_settled(hierarchy->rules, tracker, request, pid, &task);
	if (result == -EOPNOTSUPP)
		ucg_log(log, LOG_WARNING,
			"can't move task %d alone: it is one of several threads of process %d; "
			"single threads can't be moved, only whole processes by cgroup.procs",
			(int)task.tid, (int)task.tgid);
	if (result != TO_MOVE)
		return result;
	task.waits_for_us = task.tid == request->writer && !task.threaded;
	return move(hierarchy, tracker, request, &task, change);
}
