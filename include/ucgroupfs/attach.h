/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_ATTACH_H
#define UCGROUPFS_ATTACH_H

#include "ucgroupfs/hierarchy.h"
#include "ucgroupfs/tracker.h"

struct ucg_log;

struct ucg_attach_request {
	struct ucg_group *to;	  /* borrowed */
	pid_t pid;		  /* as written, in the daemon's pid namespace; 0: the writer */
	pid_t writer;		  /* thread that wrote; 0: not of our pid namespace */
	bool whole_process;	  /* cgroup.procs rather than tasks */
	struct ucg_opener opener; /* who is asked for permission */
	uint64_t since_ns;	  /* see tracker.h */
};

/**
 * ucg_attach() - move a task, or a whole process, into a group
 * @change: out: what the move changed of source and target
 * First, ours: -EACCES for a writer who names himself by 0 and whom our pid namespace does not
 * know.  Then the order of checks is the kernel's: -ESRCH; -EINVAL for an unmovable kernel thread;
 * -EACCES by ucg_attach_is_allowed(); a dead task is success and changes nothing; a task that is in
 * @to already is success.  By the rules of 2.6.24: -ESRCH, for a dead task as well; -EACCES, but
 * nobody who writes 0 is asked; -EINVAL.  One thread of several through `tasks`: -EOPNOTSUPP and
 * one log line.
 *
 * The tracker may deliver events, in which other changes are committed, before @change is filled.
 * Context: serving thread.
 * Return: 0; the above; -ENODEV: @to was removed; -ENOMEM; -EINPROGRESS: see tracker.h; what the
 *         tracker's attach returns.  On an error nothing was moved.
 * Source: kernel behaviour §2.3, §3, §9.
 */
int ucg_attach(struct ucg_hierarchy *hierarchy, struct ucg_tracker *tracker, struct ucg_log *log,
	       const struct ucg_attach_request *request, struct ucg_change *change);

/* The kernel's rule: @opener is 0, or equals the task's real or saved uid. */
bool ucg_attach_is_allowed(const struct ucg_opener *opener, const struct ucg_task *task);

#endif
