/* SPDX-License-Identifier: MIT */
/* notify_on_release, cgroup.clone_children, releasable, cgroup.sane_behavior, release_agent. */
#include "files.h"

#include <errno.h>

#include <urcu/urcu-memb.h>

#include "ucgroupfs/number.h"

static int show_flag(const struct ucg_control_call *call, enum ucg_group_flag flag,
		     struct ucg_text *text)
{
	return ucg_text_append(text, ucg_group_record(call->group)->flags & flag ? "1\n" : "0\n",
			       2);
}

int ucg_show_notify(const struct ucg_control_call *call, struct ucg_text *text)
{
	return show_flag(call, UCG_GROUP_NOTIFY, text);
}

int ucg_show_clone_children(const struct ucg_control_call *call, struct ucg_text *text)
{
	return show_flag(call, UCG_GROUP_CLONE_CHILDREN, text);
}

int ucg_show_releasable(const struct ucg_control_call *call, struct ucg_text *text)
{
	int error = ucg_control_settle(call, call->group);

	return error ? error : show_flag(call, UCG_GROUP_RELEASABLE, text);
}

static int parse_notify(const struct ucg_control_call *call, const char *text, size_t length,
			bool *valuep)
{
	if (!ucg_hierarchy_rules(call->hierarchy)->flag_is_scanned)
		return ucg_parse_flag(text, length, valuep);
	*valuep = ucg_scan_flag(text, length);
	return 0;
}

/* An exit before the write is judged by the flag of before the write. */
int ucg_store_notify(const struct ucg_control_call *call, const char *text, size_t length,
		     struct ucg_change *change)
{
	bool value;
	int error = parse_notify(call, text, length, &value);

	if (error)
		return error;
	error = ucg_control_settle(call, call->group);
	if (error)
		return error;
	return ucg_group_set_flag(call->hierarchy, call->group, UCG_GROUP_NOTIFY, value, change);
}

int ucg_store_clone_children(const struct ucg_control_call *call, const char *text, size_t length,
			     struct ucg_change *change)
{
	bool value;
	int error = ucg_parse_flag(text, length, &value);

	if (error)
		return error;
	return ucg_group_set_flag(call->hierarchy, call->group, UCG_GROUP_CLONE_CHILDREN, value,
				  change);
}

int ucg_show_sane_behavior(const struct ucg_control_call *call, struct ucg_text *text)
{
	(void)call;
	return ucg_text_append(text, "0\n", 2);
}

int ucg_show_agent(const struct ucg_control_call *call, struct ucg_text *text)
{
	size_t before = text->length;
	int error;

	urcu_memb_read_lock();
	error = ucg_hierarchy_agent(call->hierarchy, text);
	urcu_memb_read_unlock();
	if (!error)
		error = ucg_text_append(text, "\n", 1);
	if (error)
		text->length = before;
	return error;
}

int ucg_store_agent(const struct ucg_control_call *call, const char *text, size_t length,
		    struct ucg_change *change)
{
	if (ucg_hierarchy_rules(call->hierarchy)->agent_is_stripped)
		ucg_strip(&text, &length);
	return ucg_hierarchy_set_agent(call->hierarchy, &call->opener, text, length, change);
}
