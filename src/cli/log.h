/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_LOG_H
#define UCGROUPFS_CLI_LOG_H

#include <pthread.h>
#include <stdbool.h>

#include "ucgroupfs/log.h"

/*
 * Where the log goes: to stderr, and from ucg_sink_leave_terminal() on to syslog.  Nothing ever
 * waits for a reader: a line that can't be written at once is dropped and counted, and the count is
 * told before the next line that gets through.
 *
 * syslog(3) is not used because it waits for a syslog daemon that doesn't read.
 */
struct ucg_sink {
	struct ucg_log log;	 /* what the other modules get; immutable */
	const char *syslog_path; /* immutable */
	pthread_mutex_t mutex;
	int stream;	       /* mutex: stderr; -1: syslog */
	int socket;	       /* mutex: to syslog; -1: none */
	unsigned long dropped; /* mutex */
};

/* @stream: borrowed, where lines go first.  End it with ucg_sink_deinit(). */
void ucg_sink_init_on(struct ucg_sink *sink, int stream, const char *syslog_path);
void ucg_sink_deinit(struct ucg_sink *sink);

/* The same with stderr and /dev/log. */
void ucg_sink_init(struct ucg_sink *sink);

/* From here on to syslog.  Context: any thread. */
void ucg_sink_use_syslog(struct ucg_sink *sink);

/* The same, and stdin, stdout and stderr become /dev/null.  Context: any thread. */
void ucg_sink_leave_terminal(struct ucg_sink *sink);

#endif
