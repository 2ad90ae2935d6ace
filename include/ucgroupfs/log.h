/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_LOG_H
#define UCGROUPFS_LOG_H

#include <stdarg.h>
#include <syslog.h>

/*
 * The log as every module sees it: one object, passed down, filled in by cli.  Start, stop and
 * what a person must act on; nothing on the regular path.  @vprint never blocks for long and may
 * be called from any thread.
 */
struct ucg_log {
	void (*vprint)(struct ucg_log *log, int priority, const char *format, va_list args);
};

/**
 * ucg_log() - write one line to the log
 * @log:      borrowed; NULL discards the line (unit tests)
 * @priority: LOG_ERR: something was lost or refused that should not be; LOG_WARNING: a guarantee is
 *            weaker than usual; LOG_INFO: start and stop
 * @format:   without the newline
 * Context: any thread.
 */
__attribute__((format(printf, 3, 4))) static inline void ucg_log(struct ucg_log *log, int priority,
								 const char *format, ...)
{
	va_list args;

	if (!log)
		return;
	va_start(args, format);
	log->vprint(log, priority, format, args);
	va_end(args);
}

#endif
