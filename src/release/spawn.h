/* SPDX-License-Identifier: MIT */
#ifndef UCG_RELEASE_SPAWN_H
#define UCG_RELEASE_SPAWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "ucgroupfs/record.h"
#include "ucgroupfs/text.h"

/* Execs under way at once: more gain nothing on any machine that was tried (design.md §7). */
#define UCG_SPAWN_SLOTS 4

/*
 * One exec under way: a child that shares our memory until its exec is through, and what it needs
 * until then.  The agent thread owns all of it and touches @argument, @record and @stack only while
 * the child is not running.
 */

/* The same for all children; immutable while any of them runs. */
struct ucg_spawn_setup {
	struct rlimit64 nofile;
	uint64_t caught; /* signals (bit number - 1) whose disposition is not the default */
};

struct ucg_spawn {
	const struct ucg_spawn_setup *setup;
	struct ucg_release_record *record; /* claimed by the child; NULL: none is under way */
	char *argument[3];		   /* agent, path, NULL */
	void *stack_top;
	_Atomic uint32_t running; /* not 0: the kernel clears it, and wakes it as a futex (not a
				     private one), when the child has left our memory */
	int error;		  /* the child's, read when it no longer runs; 0 or -errno */
};

enum ucg_spawn_result {
	UCG_SPAWN_RUNS,	   /* the exec succeeded */
	UCG_SPAWN_FAILED,  /* ucg_spawn.error says why */
	UCG_SPAWN_CLAIMED, /* somebody else has started this agent: nothing was done */
	UCG_SPAWN_KILLED,  /* the child was killed before it claimed the record: still due */
};

/**
 * ucg_spawn_setup_init() - take down what every child must undo
 * @nofile: RLIMIT_NOFILE for the agents
 * Context: dispositions of signals stay as they are from now on.
 */
void ucg_spawn_setup_init(struct ucg_spawn_setup *setup, const struct rlimit *nofile);

/**
 * ucg_spawn_start() - start the child that claims the record and becomes the agent
 * @spawn: all fields but @running and @error filled in; not running
 * Context: agent thread, all signals blocked.  Does not wait for the exec.
 * Return: 0; -EAGAIN, -ENOMEM, -ENOSPC: no process to be had now.
 */
int ucg_spawn_start(struct ucg_spawn *spawn);

static inline bool ucg_spawn_is_running(const struct ucg_spawn *spawn)
{
	return atomic_load_explicit(&spawn->running, memory_order_acquire) != 0;
}

/* Context: agent thread; @spawn was started and no longer runs. */
enum ucg_spawn_result ucg_spawn_result(const struct ucg_spawn *spawn);

#endif
