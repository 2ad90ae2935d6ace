/* SPDX-License-Identifier: MIT */
/* Finding a row, and what reads and writes of all rows have in common. */
#include "files.h"

#include <errno.h>
#include <string.h>

bool ucg_control_is_present(const struct ucg_control_file *file,
			    const struct ucg_hierarchy *hierarchy, const struct ucg_group *group)
{
	if (!file->is_original && !ucg_hierarchy_rules(hierarchy)->has_newer_files)
		return false;
	return file->presence & (ucg_group_is_root(group) ? UCG_IN_ROOT : UCG_IN_CHILD);
}

mode_t ucg_control_mode(const struct ucg_control_file *file, const struct ucg_hierarchy *hierarchy)
{
	mode_t mode = ucg_hierarchy_rules(hierarchy)->file_mode;

	return mode ? mode : file->mode;
}

int ucg_control_lookup(const struct ucg_hierarchy *hierarchy, const struct ucg_group *group,
		       const char *name, size_t length)
{
	for (size_t row = 0; row < ucg_control_file_count; row++) {
		const struct ucg_control_file *file = &ucg_control_files[row];

		if (ucg_control_is_present(file, hierarchy, group) &&
		    strlen(file->name) == length && !memcmp(file->name, name, length))
			return (int)row;
	}
	return -ENOENT;
}

int ucg_control_settle(const struct ucg_control_call *call, const struct ucg_group *group)
{
	return ucg_tracker_settle(call->tracker, ucg_group_id_of(group), call->since_ns);
}

int ucg_control_read(const struct ucg_control_file *file, const struct ucg_control_call *call,
		     struct ucg_text *text)
{
	if (ucg_group_is_removed(call->group))
		return -ENODEV;
	if (!file->show)
		return -EINVAL;
	return file->show(call, text);
}

/* Up to the first NUL.  Where the agent's text is not stripped, a newline goes that ends the write,
 * which may be behind a NUL; to all other files it makes no difference there. */
static size_t text_length(const struct ucg_rules *rules, const char *bytes, size_t length)
{
	if (!rules->agent_is_stripped && bytes[length - 1] == '\n')
		length--;
	return strnlen(bytes, length);
}

int ucg_control_write(const struct ucg_control_file *file, const struct ucg_control_call *call,
		      const char *bytes, size_t length, struct ucg_change *change)
{
	const struct ucg_rules *rules = ucg_hierarchy_rules(call->hierarchy);

	if (length > file->max_write || length > rules->command_max)
		return -E2BIG;
	if (ucg_group_is_removed(call->group))
		return -ENODEV;
	if (!length)
		return 0;
	if (!file->store)
		return -EINVAL;
	return file->store(call, bytes, text_length(rules, bytes, length), change);
}
