/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fuse_lowlevel.h>

#include "line.h"
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
	struct ucg_sink *sink;
	struct fuse_session *session;
	dev_t device; /* of the mount */
	int fuse_fd;  /* the server's; closed here once it runs */
	int signal_fd;
	int ready_fd; /* the server writes here when it answers; -1: it has */
	int server;   /* pidfd */
	int report_fd;
};

static void say(struct keeper *keeper, char *message)
{
	ucg_log(&keeper->sink->log, LOG_ERR, "%s", message ? message : "out of memory");
	free(message);
}

/* Two that started at the same moment both see the other's mount: the younger one gives way. */
static int check_name_again(struct keeper *keeper)
{
	const struct ucg_options *options = keeper->options;
	ucg_cleanup(ucg_mounts_clear) struct ucg_mounts mounts = {0};
	const struct ucg_mount_entry *own, *oldest;
	int error = ucg_mounts_read(&mounts);

	if (error) {
		ucg_log(&keeper->sink->log, LOG_ERR, "/proc/self/mountinfo: %s", strerror(-error));
		return error;
	}
	own = ucg_mounts_at(&mounts, options->mountpoint);
	if (!own)
		return 0; /* unmounted meanwhile: the server will see */
	keeper->device = own->device;
	/* by device: one mount may stand there twice, where it is propagated to */
	oldest = ucg_mounts_named(&mounts, options->name, geteuid());
	if (!oldest || oldest->device == own->device)
		return 0;
	ucg_log(&keeper->sink->log, LOG_ERR, "name '%s': mounted by you already, on '%s'",
		options->name, oldest->mountpoint);
	return -EEXIST;
}

static int make_mount(struct keeper *keeper)
{
	char *message = NULL;

	if (ucg_mount_make(keeper->options, &keeper->session, &message)) {
		say(keeper, message);
		return -EINVAL;
	}
	keeper->fuse_fd = fcntl(fuse_session_fd(keeper->session), F_DUPFD_CLOEXEC, 3);
	if (keeper->fuse_fd < 0) {
		ucg_log(&keeper->sink->log, LOG_ERR, "/dev/fuse: %s", strerror(errno));
		return -EMFILE;
	}
	return check_name_again(keeper);
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

/* The server's process: it must hold nothing of the keeper's but what it is given. */
_Noreturn static void be_server(const struct keeper *keeper, int ready_fd, int keeper_pidfd)
{
	const struct ucg_server_start start = {
		.options = keeper->options,
		.sink = keeper->sink,
		.fuse_fd = keeper->fuse_fd,
		.ready_fd = ready_fd,
		.keeper_pidfd = keeper_pidfd,
		.device = keeper->device,
	};

	close(fuse_session_fd(keeper->session));
	close(keeper->signal_fd);
	if (keeper->report_fd >= 0)
		close(keeper->report_fd);
	if (keeper->options->ready_fd >= 0)
		close(keeper->options->ready_fd);
	_exit(ucg_server_run(&start));
}

static int start_server(struct keeper *keeper)
{
	ucg_autoclose int own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int ready[2];
	pid_t child;

	if (own < 0 || pipe2(ready, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child == 0) {
		close(ready[0]);
		be_server(keeper, ready[1], own);
	}
	close(ready[1]);
	keeper->ready_fd = ready[0];
	if (child < 0)
		return -errno;
	keeper->server = (int)syscall(SYS_pidfd_open, child, 0);
	if (keeper->server < 0)
		return -errno;
	close(keeper->fuse_fd);
	keeper->fuse_fd = -1;
	return 0;
}

/* A reader who went away does not matter. */
static void tell(int fd, const char *text)
{
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		errno = 0;
	if (fd >= 0)
		close(fd);
}

static void server_is_ready(struct keeper *keeper)
{
	char byte;
	ssize_t length = read(keeper->ready_fd, &byte, 1);

	close(keeper->ready_fd);
	keeper->ready_fd = -1;
	if (length != 1)
		return; /* it is ending: its pidfd tells why */
	tell(keeper->options->ready_fd, "ready\n");
	if (!keeper->options->foreground)
		ucg_sink_leave_terminal(keeper->sink);
	tell(keeper->report_fd, "r");
	keeper->report_fd = -1;
}

static void pass_signal(struct keeper *keeper)
{
	struct signalfd_siginfo info;

	if (read(keeper->signal_fd, &info, sizeof(info)) == sizeof(info))
		/* ESRCH: it is ending anyway. */
		syscall(SYS_pidfd_send_signal, keeper->server, SIGTERM, NULL, 0);
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

static int bury_server(struct keeper *keeper)
{
	siginfo_t info = {0};

	while (waitid(P_PIDFD, (id_t)keeper->server, &info, WEXITED) && errno == EINTR)
		;
	if (info.si_code == CLD_EXITED && info.si_status == 0)
		return 0;
	if (info.si_code == CLD_EXITED)
		ucg_log(&keeper->sink->log, LOG_ERR,
			"the server ended with status %d; unmounting '%s'", info.si_status,
			keeper->options->mountpoint);
	else
		ucg_log(&keeper->sink->log, LOG_ERR,
			"the server died of signal %d (%s); unmounting '%s'", info.si_status,
			strsignal(info.si_status), keeper->options->mountpoint);
	return 1;
}

static int keep(struct keeper *keeper)
{
	int error = take_signals(keeper);

	if (!error)
		error = start_server(keeper);
	if (error) {
		ucg_log(&keeper->sink->log, LOG_ERR, "can't start the server: %s",
			strerror(-error));
		return 1;
	}
	wait_for_server(keeper);
	return bury_server(keeper);
}

int ucg_keeper_run(const struct ucg_options *options, struct ucg_sink *sink, int report_fd)
{
	struct keeper keeper = {
		.options = options,
		.sink = sink,
		.fuse_fd = -1,
		.signal_fd = -1,
		.ready_fd = -1,
		.server = -1,
		.report_fd = report_fd,
	};
	int status = make_mount(&keeper) ? 1 : keep(&keeper);

	ucg_closep(&keeper.fuse_fd);
	ucg_closep(&keeper.signal_fd);
	ucg_closep(&keeper.ready_fd);
	ucg_closep(&keeper.server);
	if (keeper.session)
		ucg_mount_end(keeper.session);
	return status;
}
