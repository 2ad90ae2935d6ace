/* SPDX-License-Identifier: MIT */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "log.h"
#include "ucgroupfs/scope.h"

/*
 * Privileges.  An agent runs with the rights of the mounter, so the permitted and the bounding set
 * stay as they are, and taking something out of the effective set alone protects from nothing: the
 * code that could be made to misuse it could put it back.  What must not leak is what an exec would
 * hand on unasked: the ambient set.
 */
static void drop_ambient(void)
{
	/* Fails only on kernels without ambient capabilities, where there is nothing to drop. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int run_daemon(const struct ucg_options *options, struct ucg_sink *sink, int report_fd)
{
	/* A session of its own: the terminal's signals are not for it.  Can't fail in a new child.
	 */
	setsid();
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
	return length == 1 ? 0 : 1;
}

static int launch_daemon(const struct ucg_options *options, struct ucg_sink *sink)
{
	int report[2];
	pid_t child;

	if (pipe2(report, O_CLOEXEC)) {
		ucg_log(&sink->log, LOG_ERR, "pipe: %s", strerror(errno));
		return 1;
	}
	child = fork();
	if (child == 0) {
		close(report[0]);
		return run_daemon(options, sink, report[1]);
	}
	close(report[1]);
	if (child < 0)
		ucg_log(&sink->log, LOG_ERR, "fork: %s", strerror(errno));
	return wait_for_report(report[0]);
}

int ucg_launch(const struct ucg_options *options)
{
	struct ucg_sink sink;

	ucg_sink_init(&sink);
	drop_ambient();
	if (options->foreground)
		return ucg_keeper_run(options, &sink, -1);
	return launch_daemon(options, &sink);
}
