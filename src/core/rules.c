/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/rules.h"

#include <string.h>

#include "ucgroupfs/record.h"

const struct ucg_rules ucg_rules_current = {
	.name = "current",
	.inherited_flags = UCG_GROUP_NOTIFY | UCG_GROUP_CLONE_CHILDREN,
	.removal_withdraws_release = false,
	.latest_release_first = false,
	.long_path_is_called = true,
	.empty_agent_is_called = false,
	.has_newer_files = true,
	.file_mode = 0,
	.command_max = 4096,
	.flag_is_scanned = false,
	.pid_is_scanned = false,
	.agent_is_stripped = true,
	.writer_is_asked = false,
	.zero_is_allowed = false,
	.unmovable_comes_first = true,
	.dead_is_missing = false,
	.agent_option_may_be_empty = false,
	.agent_option_max = SIZE_MAX,
};

const struct ucg_rules ucg_rules_2_6_24 = {
	.name = "2.6.24",
	.inherited_flags = 0,
	.removal_withdraws_release = true,
	.latest_release_first = true,
	.long_path_is_called = false,
	.empty_agent_is_called = true,
	.has_newer_files = false,
	.file_mode = 0644,
	.command_max = 4095,
	.flag_is_scanned = true,
	.pid_is_scanned = true,
	.agent_is_stripped = false,
	.writer_is_asked = true,
	.zero_is_allowed = true,
	.unmovable_comes_first = false,
	.dead_is_missing = true,
	.agent_option_may_be_empty = true,
	.agent_option_max = 4095,
};

const struct ucg_rules *const ucg_rules_columns[] = {&ucg_rules_current, &ucg_rules_2_6_24, NULL};

const struct ucg_rules *ucg_rules_find(const char *name)
{
	for (const struct ucg_rules *const *column = ucg_rules_columns; *column; column++)
		if (strcmp((*column)->name, name) == 0)
			return *column;
	return NULL;
}
