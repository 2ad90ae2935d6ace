/* SPDX-License-Identifier: MIT */
#include "files.h"

/* Bytes of one command, as in the kernel: a page, and a path without its NUL. */
#define COMMAND_MAX 4096
#define AGENT_MAX 4095

/* clang-format off */
const struct ucg_control_file ucg_control_files[] = {
	{
		.name = "cgroup.procs",
		.mode = 0644,
		.presence = UCG_EVERYWHERE,
		.max_write = COMMAND_MAX,
		.is_list = true,
		.show = ucg_show_procs,
		.store = ucg_store_procs,
	},
	{
		.name = "cgroup.clone_children",
		.mode = 0644,
		.presence = UCG_EVERYWHERE,
		.max_write = COMMAND_MAX,
		.show = ucg_show_clone_children,
		.store = ucg_store_clone_children,
	},
	{
		.name = "cgroup.sane_behavior",
		.mode = 0444,
		.presence = UCG_IN_ROOT,
		.max_write = COMMAND_MAX,
		.show = ucg_show_sane_behavior,
	},
	{
		.name = "tasks",
		.mode = 0644,
		.presence = UCG_EVERYWHERE,
		.is_original = true,
		.max_write = COMMAND_MAX,
		.is_list = true,
		.show = ucg_show_tasks,
		.store = ucg_store_tasks,
	},
	{
		.name = "notify_on_release",
		.mode = 0644,
		.presence = UCG_EVERYWHERE,
		.is_original = true,
		.max_write = COMMAND_MAX,
		.show = ucg_show_notify,
		.store = ucg_store_notify,
	},
	{
		.name = "release_agent",
		.mode = 0644,
		.presence = UCG_IN_ROOT,
		.is_original = true,
		.max_write = AGENT_MAX,
		.show = ucg_show_agent,
		.store = ucg_store_agent,
	},
	{
		.name = "releasable",
		.mode = 0444,
		.presence = UCG_EVERYWHERE,
		.is_original = true,
		.max_write = COMMAND_MAX,
		.show = ucg_show_releasable,
	},
	{
		.name = "cgroup.events",
		.mode = 0444,
		.presence = UCG_IN_CHILD,
		.max_write = COMMAND_MAX,
		.news = UCG_NEWS_POPULATED,
		.show = ucg_show_events,
	},
	{
		.name = "cgroup.kill",
		.mode = 0200,
		.presence = UCG_IN_CHILD,
		.max_write = COMMAND_MAX,
		.store = ucg_store_kill,
	},
	{
		.name = "cgroup.tracking",
		.mode = 0444,
		.presence = UCG_EVERYWHERE,
		.max_write = COMMAND_MAX,
		.news = UCG_NEWS_TRACKING,
		.show = ucg_show_tracking,
	},
};
/* clang-format on */

const size_t ucg_control_file_count = sizeof(ucg_control_files) / sizeof(ucg_control_files[0]);

/* A node id says the row in UCG_FILE_BITS bits. */
_Static_assert(UCG_FILE_CONTROL(sizeof(ucg_control_files) / sizeof(ucg_control_files[0])) <=
		       1u << UCG_FILE_BITS,
	       "too many control files for a node id");
