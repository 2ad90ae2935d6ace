/* SPDX-License-Identifier: MIT */
#ifndef ATTACK_STRANGERS_H
#define ATTACK_STRANGERS_H

#include <stdbool.h>

/* Processes of no group that keep the machine, and its cursor of pids, moving; killed by the test.
 * Each writes a line when it has begun. */

/* Children that end at once, without end. */
int stranger_storm(void);

/* Forks that take a pid and fail, without end. */
int stranger_failing(void);

/* Reads the file @path from its beginning, without end. */
int stranger_watch(const char *path);

/* For each byte read a whole cycle of pids by failing forks, until the cursor is where it was; then
 * a line with what it was and is. */
int stranger_cycle(void);

/* Such a cycle, and the cursor before and after; -1: the cursor can't be read. */
int burn_cycle(int *beforep, int *afterp);

/* Puts on itself whatever marks the process @pid, of whoever; then a child, which lives as long,
 * and a line for each byte read.  A child of this process, as at a shell; @adopted: this one. */
int stranger_forge(const char *pid, bool adopted);

/* The tracer of a thread, which never asks what became of it. */
int stranger_trace(const char *tid);

#endif
