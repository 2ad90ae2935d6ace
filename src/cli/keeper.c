/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fuse_lowlevel.h>

#include "log.h"
#include "mount.h"
#include "mountinfo.h"
#include "ucgroupfs/scope.h"
#include "ucgroupfs/server.h"

/* linux/wait.h, where the C library has no word for it. */
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/*
 * The keeper holds the mount and nothing else: so it is small, and what it knows can't be lost.  It
 * starts the server, passes signals on to it, and unmounts when it is gone.
 */
struct keeper {
	const struct ucg_options *options;
	struct ucg_log *log;
	struct ucg_sink *sink;
	struct ucg_mount mount;
	int fuse_fd; /* the server's; closed here once it runs */
	int signal_fd;
	int ready_fd; /* the server writes here when it answers; -1: it has, or never will */
	int server;   /* pidfd */
	int report_fd;
	bool is_ready;
	bool gave_up; /* the mount was not wanted; the log says why, if there is a reader */
};

static int make_mount(struct keeper *keeper)
{
	ucg_autofree char *message = NULL;

	if (ucg_mount_make(keeper->options, &keeper->mount, &message)) {
		ucg_log(keeper->log, LOG_ERR, "%s", message ? message : "out of memory");
		return -EINVAL;
	}
	keeper->fuse_fd = fcntl(fuse_session_fd(keeper->mount.session), F_DUPFD_CLOEXEC, 3);
	if (keeper->fuse_fd >= 0)
		return 0;
	ucg_log(keeper->log, LOG_ERR, "/dev/fuse: %s", strerror(errno));
	return -EMFILE;
}

static int take_signals(struct keeper *keeper)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGHUP);
	/* Can't fail: the arguments are good. */
	sigprocmask(SIG_BLOCK, &ending, NULL);
	keeper->signal_fd = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
	return keeper->signal_fd < 0 ? -errno : 0;
}

/* The server's process: it must hold nothing of the keeper's but what it is given.  It ends by
 * exit(), so that a sanitizer can look for leaks. */
_Noreturn static void be_server(const struct keeper *keeper, int ready_fd, int keeper_pidfd)
{
	const struct ucg_server_start start = {
		.options = keeper->options,
		.sink = keeper->sink,
		.fuse_fd = keeper->fuse_fd,
		.ready_fd = ready_fd,
		.keeper_pidfd = keeper_pidfd,
		.device = keeper->mount.device,
	};

	close(fuse_session_fd(keeper->mount.session));
	close(keeper->signal_fd);
	if (keeper->report_fd >= 0)
		close(keeper->report_fd);
	if (keeper->options->ready_fd >= 0)
		close(keeper->options->ready_fd);
	exit(ucg_server_run(&start));
}

static int start_server(struct keeper *keeper)
{
	ucg_autoclose int own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int ready[2];
	pid_t child;

	if (own < 0 || pipe2(ready, O_CLOEXEC))
		return -errno;
	keeper->ready_fd = ready[0];
	child = fork();
	if (child == 0) {
		close(ready[0]);
		be_server(keeper, ready[1], own);
	}
	close(ready[1]);
	if (child < 0)
		return -errno;
	keeper->server = (int)syscall(SYS_pidfd_open, child, 0);
	if (keeper->server < 0) {
		/* It can't be watched; without the writing end of its pipe it is not missed. */
		int error = -errno;

		kill(child, SIGKILL);
		return error;
	}
	close(keeper->fuse_fd);
	keeper->fuse_fd = -1;
	return 0;
}

static void end_server(struct keeper *keeper)
{
	/* ESRCH: it is ending anyway. */
	syscall(SYS_pidfd_send_signal, keeper->server, SIGTERM, NULL, 0);
}

/*
 * Two keepers that started at the same moment may both have found the name free.  Each looks again
 * when its mount is long in the table, and the one whose mount is not the first there gives way.
 * Mounts are told apart by device: where it is propagated to, one stands there twice.
 */
static bool has_the_name(const struct keeper *keeper)
{
	const struct ucg_options *options = keeper->options;
	ucg_cleanup(ucg_mounts_clear) struct ucg_mounts mounts = {0};
	const struct ucg_mount_entry *oldest;
	int error = ucg_mounts_read(&mounts);

	if (error) {
		ucg_log(keeper->log, LOG_ERR, "/proc/self/mountinfo: %s", strerror(-error));
		return false;
	}
	oldest = ucg_mounts_named(&mounts, options->name, geteuid());
	if (!oldest || oldest->device == keeper->mount.device)
		return true;
	ucg_log(keeper->log, LOG_ERR, "name '%s': mounted by you already, on '%s'", options->name,
		oldest->mountpoint);
	return false;
}

/* Return: false: nobody reads. */
static bool tell(int fd, const char *text)
{
	bool told = fd < 0 || write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return told;
}

/* Whoever waits for the report and is killed sees no mount come; whoever asked for a line on a
 * descriptor of his own may have lost interest in it. */
static void announce(struct keeper *keeper)
{
	tell(keeper->options->ready_fd, "ready\n");
	if (!keeper->options->foreground)
		ucg_sink_leave_terminal(keeper->sink);
	keeper->gave_up = !tell(keeper->report_fd, "r");
	keeper->report_fd = -1;
}

static void server_is_ready(struct keeper *keeper)
{
	char byte;
	ssize_t length = read(keeper->ready_fd, &byte, 1);

	close(keeper->ready_fd);
	keeper->ready_fd = -1;
	if (length != 1)
		return; /* it is ending: its pidfd tells why */
	keeper->is_ready = true;
	keeper->gave_up = !has_the_name(keeper);
	if (!keeper->gave_up)
		announce(keeper);
	if (keeper->gave_up)
		end_server(keeper);
}

static void pass_signal(struct keeper *keeper)
{
	struct signalfd_siginfo info;

	if (read(keeper->signal_fd, &info, sizeof(info)) == sizeof(info))
		end_server(keeper);
}

static void wait_for_server(struct keeper *keeper)
{
	struct pollfd events[] = {
		{.fd = keeper->server, .events = POLLIN},
		{.fd = keeper->signal_fd, .events = POLLIN},
		{.fd = keeper->ready_fd, .events = POLLIN},
	};

	do {
		if (poll(events, 3, -1) < 0)
			continue; /* EINTR or ENOMEM: again */
		if (events[2].revents) {
			server_is_ready(keeper);
			events[2].fd = -1;
		}
		if (events[1].revents)
			pass_signal(keeper);
	} while (!events[0].revents);
}

/* What a server that ends by itself has to say it has said. */
static int judge(const struct keeper *keeper, const siginfo_t *info)
{
	const char *mountpoint = keeper->options->mountpoint;

	if (info->si_code != CLD_EXITED) {
		ucg_log(keeper->log, LOG_ERR, "the server died of signal %d (%s); unmounting '%s'",
			info->si_status, strsignal(info->si_status), mountpoint);
		return EXIT_FAILURE;
	}
	if (info->si_status == 0 && !keeper->is_ready)
		ucg_log(keeper->log, LOG_ERR, "'%s' was unmounted before it was ready", mountpoint);
	else if (info->si_status != 0 && keeper->is_ready)
		ucg_log(keeper->log, LOG_ERR, "the server ended with status %d; unmounting '%s'",
			info->si_status, mountpoint);
	return info->si_status == 0 && keeper->is_ready && !keeper->gave_up ? EXIT_SUCCESS
									    : EXIT_FAILURE;
}

static int bury_server(const struct keeper *keeper)
{
	siginfo_t info = {0};

	while (waitid(P_PIDFD, (id_t)keeper->server, &info, WEXITED) && errno == EINTR)
		;
	return judge(keeper, &info);
}

static int keep(struct keeper *keeper)
{
	int error = take_signals(keeper);

	if (!error)
		error = start_server(keeper);
	if (error) {
		ucg_log(keeper->log, LOG_ERR, "can't start the server: %s", strerror(-error));
		return EXIT_FAILURE;
	}
	wait_for_server(keeper);
	return bury_server(keeper);
}

static int end_mount(struct keeper *keeper)
{
	const char *mountpoint = keeper->options->mountpoint;
	int error = ucg_mount_end(&keeper->mount);

	if (error)
		ucg_log(keeper->log, LOG_ERR, "can't unmount '%s': %s; try fusermount3 -u -z",
			mountpoint, strerror(-error));
	return error;
}

int ucg_keeper_run(const struct ucg_options *options, struct ucg_sink *sink, int report_fd)
{
	struct keeper keeper = {
		.options = options,
		.log = &sink->log,
		.sink = sink,
		.fuse_fd = -1,
		.signal_fd = -1,
		.ready_fd = -1,
		.server = -1,
		.report_fd = report_fd,
	};
	int status = make_mount(&keeper) ? EXIT_FAILURE : keep(&keeper);

	if (end_mount(&keeper))
		status = EXIT_FAILURE;
	ucg_closep(&keeper.fuse_fd);
	ucg_closep(&keeper.signal_fd);
	ucg_closep(&keeper.ready_fd);
	ucg_closep(&keeper.server);
	ucg_closep(&keeper.report_fd);
	return status;
}
