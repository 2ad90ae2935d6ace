/* SPDX-License-Identifier: MIT */
#ifndef UCG_RELEASE_FAILURES_H
#define UCG_RELEASE_FAILURES_H

#include <stdint.h>

#include "ucgroupfs/log.h"
#include "ucgroupfs/text.h"

/* The kernel's MAX_ERRNO: no system call fails with more. */
#define UCG_ERRNO_MAX 4095

/*
 * Which failures of which agent are in the log already, so that a broken agent fills no disk.
 * All zero but @log is a valid empty one.
 */
struct ucg_failures {
	struct ucg_log *log;
	struct ucg_text agent; /* the last one that failed, with its NUL: it may be "" */
	uint64_t reported[UCG_ERRNO_MAX / 64 + 1]; /* a bit an errno, of @agent */
};

/* A line in the log, unless it is there since the agent's text changed or an exec succeeded.
 * @error: the positive errno.  Context: agent thread. */
void ucg_failures_report(struct ucg_failures *failures, const char *agent, const char *path,
			 int error);

/* An exec succeeded: the next failure is news again.  Context: agent thread. */
void ucg_failures_forget(struct ucg_failures *failures);

void ucg_failures_clear(struct ucg_failures *failures);

#endif
