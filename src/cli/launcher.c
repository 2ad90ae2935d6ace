/* SPDX-License-Identifier: MIT */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "line.h"
#include "ucgroupfs/marks.h"
#include "ucgroupfs/scope.h"

#define CANNOT_RUN 126
#define NOT_FOUND 127
#define BY_SIGNAL 128

struct launcher {
	const char *group;
	int tasks_fd, tracking_fd;
	int gate[2]; /* the command starts when a byte is written here */
	sigset_t signals, mask_before;
	struct sigaction child_before;
	pid_t command;
	int status; /* of the command, for exit() */
};

static void launcher_clear(struct launcher *launcher)
{
	ucg_closep(&launcher->tasks_fd);
	ucg_closep(&launcher->tracking_fd);
	ucg_closep(&launcher->gate[0]);
	ucg_closep(&launcher->gate[1]);
}

/* What is here before would be taken for the group's. */
static int check_childless(char **messagep)
{
	siginfo_t info;

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && errno == ECHILD)
		return 0;
	return ucg_complain(messagep, "option '--launch': this process has children already");
}

static int open_group(struct launcher *launcher, char **messagep)
{
	ucg_autoclose int folder = open(launcher->group, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return ucg_complain(messagep, "option '--launch': can't open '%s': %s",
				    launcher->group, strerror(errno));
	launcher->tracking_fd = openat(folder, "cgroup.tracking", O_RDONLY | O_CLOEXEC);
	if (launcher->tracking_fd < 0)
		return ucg_complain(messagep,
				    "option '--launch': '%s' is no group that can have a launcher: "
				    "cgroup.tracking: %s",
				    launcher->group, strerror(errno));
	if (faccessat(folder, "release_agent", F_OK, 0) == 0)
		return ucg_complain(
			messagep,
			"option '--launch': '%s' is the root of a tree, whose tasks are "
			"those of no group",
			launcher->group);
	launcher->tasks_fd = openat(folder, "tasks", O_WRONLY | O_CLOEXEC);
	if (launcher->tasks_fd < 0)
		return ucg_complain(messagep, "option '--launch': can't open tasks of '%s': %s",
				    launcher->group, strerror(errno));
	return 0;
}

static bool is_ignored(int number)
{
	struct sigaction action;

	/* Can't fail: the signal exists. */
	sigaction(number, NULL, &action);
	return action.sa_handler == SIG_IGN;
}

/* Those that would end this process are the command's to obey. */
static void take_signals(struct launcher *launcher)
{
	static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
	const struct sigaction standard = {.sa_handler = SIG_DFL};

	/* None of these can fail: the arguments are good. */
	sigemptyset(&launcher->signals);
	sigaddset(&launcher->signals, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		if (!is_ignored(passed_on[i]))
			sigaddset(&launcher->signals, passed_on[i]);
	sigprocmask(SIG_BLOCK, &launcher->signals, &launcher->mask_before);
	sigaction(SIGCHLD, &standard, &launcher->child_before);
}

static int run_command(const struct launcher *launcher, char *const *command)
{
	ucg_autofree char *message = NULL;
	char byte;
	int error;

	if (read(launcher->gate[0], &byte, 1) != 1)
		return UCG_LAUNCHER_FAILED; /* the launcher has said why, or was killed */
	sigaction(SIGCHLD, &launcher->child_before, NULL);
	sigprocmask(SIG_SETMASK, &launcher->mask_before, NULL);
	execvp(command[0], command);
	error = errno;
	ucg_complain(&message, "can't run '%s': %s", command[0], strerror(error));
	ucg_line_tell(message);
	return error == ENOENT ? NOT_FOUND : CANNOT_RUN;
}

static int fork_command(struct launcher *launcher, char *const *command, char **messagep)
{
	if (pipe2(launcher->gate, O_CLOEXEC))
		return ucg_complain(messagep, "pipe: %s", strerror(errno));
	launcher->command = fork();
	if (launcher->command == 0) {
		close(launcher->gate[1]);
		_exit(run_command(launcher, command));
	}
	if (launcher->command < 0)
		return ucg_complain(messagep, "fork: %s", strerror(errno));
	return 0;
}

/* To read the file makes the tree look at its members: it has seen then that this one carries no
 * marks, and says so. */
static bool is_seen_unmarked(const struct launcher *launcher)
{
	char text[4096];
	ssize_t length = read(launcher->tracking_fd, text, sizeof(text) - 1);

	if (length < 0)
		return false;
	text[length] = '\0';
	return strstr(text, "unmarked ");
}

/* The child, forked in between, carries the marks; whatever has lost them is told by its parent. */
static int enter(struct launcher *launcher, char *const *command, char **messagep)
{
	struct ucg_marks before;
	int error;

	ucg_marks_read(&before);
	if (write(launcher->tasks_fd, "0", 1) != 1)
		return ucg_complain(messagep, "option '--launch': can't enter '%s': %s",
				    launcher->group, strerror(errno));
	error = fork_command(launcher, command, messagep);
	if (error)
		return error;
	ucg_marks_shed(&before);
	if (is_seen_unmarked(launcher))
		return 0;
	return ucg_complain(messagep, "option '--launch': '%s' does not follow its launcher",
			    launcher->group);
}

/* Without its byte the command ends before it has begun. */
static void give_up(struct launcher *launcher)
{
	if (launcher->command <= 0)
		return;
	close(ucg_steal_fd(&launcher->gate[1]));
	waitpid(launcher->command, NULL, 0);
}

/* Neither a lock nor a pipe of the caller's is to stay held as long as a descendant lives. */
static void let_go(struct launcher *launcher)
{
	/* Can't fail: since 5.9, and nobody shares the descriptors. */
	close_range(STDERR_FILENO + 1, ~0u, 0);
	launcher->tasks_fd = launcher->tracking_fd = launcher->gate[0] = launcher->gate[1] = -1;
}

static void take_status(struct launcher *launcher, const siginfo_t *ended)
{
	if (ended->si_pid != launcher->command)
		return;
	launcher->command = 0;
	launcher->status =
		ended->si_code == CLD_EXITED ? ended->si_status : BY_SIGNAL + ended->si_status;
}

/* Return: whether there may be more. */
static bool reap(struct launcher *launcher)
{
	siginfo_t ended = {0};

	while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG) == 0) {
		if (!ended.si_pid)
			return true;
		take_status(launcher, &ended);
		ended.si_pid = 0;
	}
	return false; /* ECHILD */
}

/* Return: whether the launcher goes on. */
static bool pass_on(const struct launcher *launcher, const siginfo_t *info)
{
	if (info->si_signo == SIGCHLD)
		return true;
	/* What the terminal sends has reached the command too.  It is not reaped yet, so the pid
	 * is nobody else's. */
	if (launcher->command && info->si_code != SI_KERNEL)
		kill(launcher->command, info->si_signo);
	return launcher->command;
}

static int attend(struct launcher *launcher)
{
	siginfo_t info;

	/* The end of the command may be pending behind a signal that is not the command's then. */
	while (reap(launcher))
		if (sigwaitinfo(&launcher->signals, &info) >= 0 && reap(launcher) &&
		    !pass_on(launcher, &info))
			return BY_SIGNAL + info.si_signo;
	return launcher->status;
}

static int start(struct launcher *launcher, char *const *command, char **messagep)
{
	int error = check_childless(messagep);

	if (!error)
		error = open_group(launcher, messagep);
	if (error)
		return error;
	take_signals(launcher);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return ucg_complain(messagep, "prctl: %s", strerror(errno));
	error = enter(launcher, command, messagep);
	/* Both ends are open here, whatever has become of the command. */
	if (!error && write(launcher->gate[1], "", 1) != 1)
		return ucg_complain(messagep, "pipe: %s", strerror(errno));
	return error;
}

int ucg_launcher_run(const char *group, char *const *command)
{
	ucg_cleanup(launcher_clear) struct launcher launcher = {
		.group = group, .tasks_fd = -1, .tracking_fd = -1, .gate = {-1, -1}};
	ucg_autofree char *message = NULL;

	if (start(&launcher, command, &message)) {
		ucg_line_tell(message);
		give_up(&launcher);
		return UCG_LAUNCHER_FAILED;
	}
	let_go(&launcher);
	return attend(&launcher);
}
