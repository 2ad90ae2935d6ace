/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_LOG_H
#define UCGROUPFS_CLI_LOG_H

#include <pthread.h>
#include <stdbool.h>

#include "ucgroupfs/log.h"

/*
 * Where the log goes.  In the foreground: stderr.  In the background: first the report, a pipe to
 * the process that was started by the user and prints what it reads; once the mount answers
 * requests: syslog.  Nothing ever waits for a reader: a line that can't be written at once is
 * dropped and counted, and the count is told with the next line that gets through.
 *
 * syslog(3) is not used because it waits for a syslog daemon that doesn't read.
 */
struct ucg_sink {
	struct ucg_log log; /* what the other modules get */
	pthread_mutex_t mutex;
	bool reporting; /* all below: mutex */
	int fd;		/* stderr or the report; -1: syslog */
	int socket;	/* to syslog, -1: none */
	unsigned long dropped;
};

/**
 * ucg_sink_init() - a log to a descriptor
 * @sink:      caller's; end it with ucg_sink_deinit()
 * @fd:        stderr, borrowed; or the report's writing end, the sink's from here on
 * @reporting: @fd is the report
 */
void ucg_sink_init(struct ucg_sink *sink, int fd, bool reporting);
void ucg_sink_deinit(struct ucg_sink *sink);

/* The mount answers requests: closes the report and goes on with syslog at @path, usually
 * UCG_SYSLOG_PATH.  Without a report it does nothing.  Context: any thread. */
void ucg_sink_settle(struct ucg_sink *sink, const char *path);

#define UCG_SYSLOG_PATH "/dev/log"

/**
 * ucg_sink_report_ready() - tell the process that waits that the mount answers requests
 * Without a report it does nothing.
 * Return: 0; -EPIPE: nobody waits any more.
 */
int ucg_sink_report_ready(struct ucg_sink *sink);

/* The other end: copies the lines of the report to stderr until it is ready.
 * Return: exit status: 0: ready; 1: the report ended before. */
int ucg_report_await(int fd);

#endif
