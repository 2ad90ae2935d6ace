/* SPDX-License-Identifier: MIT */
#include "figures.h"

#define EMPTY "empty FUSE"

#define ON_OURS (1u << OURS)
#define ON_BOTH (ON_OURS | 1u << KERNEL)
#define ON_ALL (ON_BOTH | 1u << BASE)
#define NOT_ON_KERNEL (ON_OURS | 1u << BASE)

/* Every aim of design.md §7 that can be measured on this version of the program. */
const struct figure figures[] = {
	{"read: open, read, close", "us", EMPTY, ON_ALL, 7, requests_set_up, requests_read,
	 requests_tear_down},
	{"read of an open file", "us", EMPTY, ON_ALL, 7, requests_set_up, requests_pread,
	 requests_tear_down},
	{"write of notify_on_release", "us", EMPTY, ON_ALL, 7, requests_set_up, requests_write,
	 requests_tear_down},
	{"stat, cached", "us", EMPTY, ON_ALL, 7, requests_set_up, requests_stat,
	 requests_tear_down},
	{"server's wake-ups by 10,000 stats", "wake-ups", NULL, ON_OURS, 3, requests_set_up,
	 requests_stat_wake_ups, requests_tear_down},
	{"attach", "us", NULL, ON_BOTH, 7, attach_set_up, attach_measure, attach_tear_down},
	{"tasks of 1,000", "us a task", NULL, ON_BOTH, 7, list_set_up, list_measure,
	 list_tear_down},
	{"last exit to agent's main", "us", NULL, ON_BOTH, 7, exit_set_up, exit_measure,
	 exit_tear_down},
	{"1,000 groups emptied at once", "ms", NULL, ON_BOTH, 5, NULL, burst_measure, NULL},
	{"fork, exit, wait", "us", "task in no group", ON_ALL, 7, fork_set_up, fork_measure,
	 fork_tear_down},
	{"server's wake-ups by 2,000 forks", "wake-ups", NULL, ON_OURS, 3, fork_set_up,
	 fork_wake_ups, fork_tear_down},
	{"idle 5 s, 1,000 groups, 1,000 tasks", "wake-ups", NULL, ON_OURS, 1, idle_set_up,
	 idle_measure, idle_tear_down},
	{"memory of a group, of 10,000", "bytes", NULL, ON_OURS, 1, NULL, memory_measure, NULL},
	{"start until ready", "ms", EMPTY, NOT_ON_KERNEL, 7, NULL, ready_measure, NULL},
};
const size_t figure_count = sizeof(figures) / sizeof(*figures);
