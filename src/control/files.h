/* SPDX-License-Identifier: MIT */
#ifndef UCG_CONTROL_FILES_H
#define UCG_CONTROL_FILES_H

#include "ucgroupfs/control.h"

/* The functions behind the rows of the table: contracts as struct ucg_control_file says.  The group
 * was not removed, and something was written; a text to store may be empty all the same, and holds
 * no NUL.
 */
typedef int ucg_show(const struct ucg_control_call *call, struct ucg_text *text);
typedef int ucg_store(const struct ucg_control_call *call, const char *text, size_t length,
		      struct ucg_change *change);

/* Membership of @group as of call->since_ns.  Return: 0; -EINPROGRESS; see tracker.h. */
int ucg_control_settle(const struct ucg_control_call *call, const struct ucg_group *group);

ucg_show ucg_show_tasks, ucg_show_procs;
ucg_store ucg_store_tasks, ucg_store_procs;

ucg_show ucg_show_notify, ucg_show_clone_children, ucg_show_releasable;
ucg_store ucg_store_notify, ucg_store_clone_children;

ucg_show ucg_show_agent, ucg_show_sane_behavior;
ucg_store ucg_store_agent;

ucg_show ucg_show_events, ucg_show_tracking;
ucg_store ucg_store_kill;

#endif
