/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/capability.h>

#include "connector.h"
#include "cursor.h"
#include "hint.h"
#include "pidfd.h"
#include "pidns.h"
#include "proc.h"
#include "ucgroupfs/scope.h"

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

static bool has_pidfs_clock(void)
{
	int64_t first = clock_read();

	return first > 0 && clock_read() > first;
}

static bool has_pidfd_info(void)
{
	ucg_autoclose int pidfd = pidfd_get(getpid());
	pid_t parent;

	return pidfd >= 0 && pidfd_parent(pidfd, &parent) == 0 && parent == getppid();
}

static bool has_thread_pidfd(void)
{
	ucg_autoclose int pidfd = pidfd_get_thread(getpid());

	return pidfd >= 0;
}

/*
 * Nothing is hidden from whoever may trace everybody.  In a pid namespace of our user namespace
 * all tasks are of that or of one below, but for those that a more powerful one brought in from
 * above: and of these the undumpable alone are not seen.
 */
static bool sees_what_is_hidden(void)
{
	struct proc_status status;

	return proc_read_status(getpid(), &status) == 0 &&
	       status.effective & 1ull << CAP_SYS_PTRACE && pidns_is_of_our_users();
}

/* The last mount on /proc is the one that is seen. */
static bool has_whole_proc(void)
{
	ucg_cleanup(ucg_fclosep) FILE *mounts = fopen("/proc/self/mountinfo", "re");
	ucg_autofree char *line = NULL;
	size_t size = 0;
	int answer = -ENOENT;

	if (!mounts)
		return false;
	while (getline(&line, &size, mounts) >= 0) {
		int one = proc_parse_mount(line);

		if (one != -ENOENT)
			answer = one;
	}
	return answer == 0 || (answer == 1 && sees_what_is_hidden());
}

/* A row a feature in both. */
const char *const ucg_probe_names[UCG_PROBES] = {
	[UCG_PROBE_PIDFS_CLOCK] = "pidfs-clock", [UCG_PROBE_PIDFD_INFO] = "pidfd-info",
	[UCG_PROBE_PROC_WHOLE] = "whole-proc",	 [UCG_PROBE_PIDNS] = "pidns-numbers",
	[UCG_PROBE_HINTS] = "io-hints",		 [UCG_PROBE_THREAD_PIDFD] = "thread-pidfd",
	[UCG_PROBE_FORK_EVENTS] = "fork-events",
};

static bool (*const probes[UCG_PROBES])(void) = {
	[UCG_PROBE_PIDFS_CLOCK] = has_pidfs_clock,
	[UCG_PROBE_PIDFD_INFO] = has_pidfd_info,
	[UCG_PROBE_PROC_WHOLE] = has_whole_proc,
	[UCG_PROBE_PIDNS] = pidns_can_translate,
	[UCG_PROBE_HINTS] = hint_is_kept,
	[UCG_PROBE_THREAD_PIDFD] = has_thread_pidfd,
	[UCG_PROBE_FORK_EVENTS] = connector_is_open,
};

bool probe_kernel(enum ucg_probe probe)
{
	return probes[probe]();
}

bool probe_pids_are_chosen(void)
{
	struct proc_status status;

	if (proc_read_status(getpid(), &status))
		return true;
	return status.permitted & (1ull << CAP_SYS_ADMIN | 1ull << CAP_CHECKPOINT_RESTORE);
}
