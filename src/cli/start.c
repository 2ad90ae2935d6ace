/* SPDX-License-Identifier: MIT */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "privilege.h"
#include "ucgroupfs/scope.h"

/* What the caller of this program may have left in another state, and what is relied on: children
 * can be waited for; a reader of stderr who went away ends nothing. */
static void set_signals(void)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	/* Can't fail: the arguments are good. */
	sigaction(SIGCHLD, &standard, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static void close_between(int first, int last)
{
	/* Exists since 5.9, and has nothing to fail for in a process without shared descriptors. */
	if (first <= last)
		close_range((unsigned)first, (unsigned)last, 0);
}

/* A lock, or a pipe that somebody reads to its end, must not stay held as long as the mount. */
static void close_inherited(int one, int other)
{
	int low = one < other ? one : other;
	int high = one < other ? other : one;

	if (low > STDERR_FILENO)
		close_between(STDERR_FILENO + 1, low - 1);
	close_between((low > STDERR_FILENO ? low : STDERR_FILENO) + 1, high - 1);
	close_between(high + 1, ~0u >> 1);
}

static int run_daemon(const struct ucg_options *options, struct ucg_sink *sink, int report_fd)
{
	/* A session of its own: the terminal's signals are not for it.  Can't fail in a new child.
	 */
	setsid();
	close_inherited(report_fd, options->ready_fd);
	if (chdir("/"))
		ucg_log(&sink->log, LOG_WARNING, "chdir to '/': %s", strerror(errno));
	return ucg_keeper_run(options, sink, report_fd);
}

static int wait_for_report(int fd)
{
	char byte;
	ssize_t length;

	do
		length = read(fd, &byte, 1);
	while (length < 0 && errno == EINTR);
	/* Without a report there was a line on stderr. */
	return length == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The writing end must be above the standard descriptors: those become /dev/null. */
static int start_daemon(const struct ucg_options *options, struct ucg_sink *sink)
{
	ucg_autoclose int report_fd = -1;
	int report[2];
	pid_t child;

	if (pipe2(report, O_CLOEXEC)) {
		ucg_log(&sink->log, LOG_ERR, "pipe: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	report_fd = report[0];
	child = fork();
	if (child == 0)
		return run_daemon(options, sink, report[1]);
	close(report[1]);
	if (child > 0)
		return wait_for_report(report_fd);
	ucg_log(&sink->log, LOG_ERR, "fork: %s", strerror(errno));
	return EXIT_FAILURE;
}

int ucg_start(const struct ucg_options *options)
{
	ucg_cleanup(ucg_sink_deinit) struct ucg_sink sink;
	int error = ucg_privileges_shrink();

	ucg_sink_init(&sink);
	if (error) {
		ucg_log(&sink.log, LOG_ERR, "can't give up capabilities: %s", strerror(-error));
		return EXIT_FAILURE;
	}
	set_signals();
	if (options->foreground)
		return ucg_keeper_run(options, &sink, -1);
	return start_daemon(options, &sink);
}
