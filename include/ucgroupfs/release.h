/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_RELEASE_H
#define UCGROUPFS_RELEASE_H

#include "ucgroupfs/hierarchy.h"
#include "ucgroupfs/log.h"

#include <sys/resource.h>

/*
 * The agent thread: takes releases off the list, in the order of the rules, and runs the agent for
 * each; waits for the exec alone, never for the agent's end (design.md §2.2, serving.md §4).
 */
struct ucg_agent_thread;

struct ucg_agent_config {
	struct ucg_hierarchy *hierarchy; /* borrowed for life */
	struct ucg_log *log;		 /* borrowed for life */
	struct rlimit nofile; /* RLIMIT_NOFILE as it was before we raised it: the agent's */
};

/**
 * ucg_agent_start() - start the agent thread and connect it to the hierarchy's release list
 * @threadp: out, caller's; end it with ucg_agent_stop()
 * Context: all signals are blocked in the calling thread, SIGCHLD has SA_NOCLDWAIT, and no
 * disposition of a signal changes until the thread has ended.
 * Return: 0; -ENOMEM, -EAGAIN.
 */
int ucg_agent_start(const struct ucg_agent_config *config, struct ucg_agent_thread **threadp);

/* Asks the thread to run what is due, and then to end.  Not to be called off.
 * Return: an eventfd, the thread's, that becomes readable at its end.
 * An agent whose path leads into our own mount needs answers for its exec: serve until then. */
int ucg_agent_end(struct ucg_agent_thread *thread);

/* Runs what is due, then ends the thread and frees it; returns NULL.  Blocks until the last exec.
 * While no process is to be had at all, what is due is given up, with a line in the log.
 * Context: serving thread, when nothing puts releases on the list any more. */
struct ucg_agent_thread *ucg_agent_stop(struct ucg_agent_thread *thread);

#endif
