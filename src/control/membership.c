/* SPDX-License-Identifier: MIT */
/* tasks, cgroup.procs, cgroup.events, cgroup.tracking, cgroup.kill: who is in a group. */
#include "files.h"

#include <errno.h>

#include "ucgroupfs/number.h"
#include "ucgroupfs/scope.h"

/* ---- tasks, cgroup.procs ---- */

static int append_ids(const struct ucg_pids *pids, struct ucg_text *text)
{
	for (size_t i = 0; i < pids->count; i++) {
		int error = ucg_text_append_id(text, (uint64_t)pids->pid[i]);

		if (error)
			return error;
	}
	return 0;
}

static int show_list(const struct ucg_control_call *call, enum ucg_list_what what,
		     struct ucg_text *text)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids pids = {0};
	int error = call->tracker->ops->list(call->tracker, ucg_group_id_of(call->group), what,
					     call->since_ns, &pids);

	if (!error)
		error = call->tracker->ops->express(call->tracker, call->caller, &pids);
	return error ? error : append_ids(&pids, text);
}

int ucg_show_tasks(const struct ucg_control_call *call, struct ucg_text *text)
{
	return show_list(call, UCG_LIST_TASKS, text);
}

int ucg_show_procs(const struct ucg_control_call *call, struct ucg_text *text)
{
	return show_list(call, UCG_LIST_PROCESSES, text);
}

static int parse_pid(const struct ucg_control_call *call, const char *text, size_t length,
		     pid_t *pidp)
{
	return ucg_hierarchy_rules(call->hierarchy)->pid_is_scanned
		       ? ucg_scan_pid(text, length, pidp)
		       : ucg_parse_pid(text, length, pidp);
}

static struct ucg_opener who_is_asked(const struct ucg_control_call *call)
{
	return ucg_hierarchy_rules(call->hierarchy)->writer_is_asked ? call->writer : call->opener;
}

static int store_pid(const struct ucg_control_call *call, bool whole_process, const char *text,
		     size_t length, struct ucg_change *change)
{
	struct ucg_attach_request request = {
		.to = call->group,
		.writer = call->caller,
		.whole_process = whole_process,
		.opener = who_is_asked(call),
		.since_ns = call->since_ns,
	};
	int error = parse_pid(call, text, length, &request.pid);

	if (!error && request.pid)
		error = call->tracker->ops->understand(call->tracker, call->caller, request.pid,
						       &request.pid);
	if (error)
		return error;
	return ucg_attach(call->hierarchy, call->tracker, call->log, &request, change);
}

int ucg_store_tasks(const struct ucg_control_call *call, const char *text, size_t length,
		    struct ucg_change *change)
{
	return store_pid(call, false, text, length, change);
}

int ucg_store_procs(const struct ucg_control_call *call, const char *text, size_t length,
		    struct ucg_change *change)
{
	return store_pid(call, true, text, length, change);
}

/* ---- cgroup.events ---- */

/* The first group of the tree that has a task after settling decides; else all must be looked at.
 * Settling removes no group, so the walk stays valid. */
static int settle_populated(const struct ucg_control_call *call, bool *populatedp)
{
	struct ucg_group *group = call->group;

	for (; group; group = ucg_group_next(call->group, group)) {
		int error = ucg_control_settle(call, group);

		if (error)
			return error;
		if (ucg_group_has_tasks(group))
			break;
	}
	*populatedp = group;
	return 0;
}

int ucg_show_events(const struct ucg_control_call *call, struct ucg_text *text)
{
	bool populated;
	int error = settle_populated(call, &populated);

	return error ? error : ucg_text_printf(text, "populated %d\n", populated);
}

/* ---- cgroup.tracking ---- */

int ucg_show_tracking(const struct ucg_control_call *call, struct ucg_text *text)
{
	size_t count[UCG_WEAKNESSES] = {0};
	int error = call->tracker->ops->tracking(call->tracker, ucg_group_id_of(call->group),
						 call->since_ns, count);

	for (enum ucg_weakness why = 0; why < UCG_WEAKNESSES && !error; why++)
		if (count[why])
			error = ucg_text_printf(text, "%s %zu\n", ucg_weakness_names[why],
						count[why]);
	if (error || text->length)
		return error;
	return ucg_text_printf(text, "exact\n");
}

/* ---- cgroup.kill ---- */

static int kill_tree(const struct ucg_control_call *call)
{
	struct ucg_tracker *tracker = call->tracker;
	struct ucg_group *group = call->group;
	int first_error = 0;

	for (; group; group = ucg_group_next(call->group, group)) {
		int error = tracker->ops->kill(tracker, ucg_group_id_of(group));

		if (error && !first_error)
			first_error = error;
	}
	return first_error;
}

/* As the kernel's cgroup_kill_write(): any number but 1 is out of range. */
int ucg_store_kill(const struct ucg_control_call *call, const char *text, size_t length,
		   struct ucg_change *change)
{
	int value;
	int error = ucg_parse_int(text, length, &value);

	(void)change;
	if (error)
		return error;
	return value == 1 ? kill_tree(call) : -ERANGE;
}
