/* SPDX-License-Identifier: MIT */
#include "strangers.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void say_begun(void)
{
	printf("begun\n");
	fflush(stdout);
}

int stranger_storm(void)
{
	signal(SIGCHLD, SIG_IGN); /* the kernel reaps */
	say_begun();
	for (;;)
		if (fork() == 0)
			_exit(0);
}

/*
 * The kernel writes the descriptor to where it can't after it has taken the pid.  All that it would
 * copy before is shared, so that a cycle of pids takes as little time as it can: there never is a
 * child that could get in the way.
 */
static void fork_failing(void)
{
	syscall(SYS_clone,
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_PIDFD | SIGCHLD, 0, 8, 0,
		0);
}

int stranger_failing(void)
{
	say_begun();
	for (;;)
		fork_failing();
}

int stranger_watch(const char *path)
{
	char text[4096];

	say_begun();
	for (;;) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return 2;
		if (read(fd, text, sizeof(text)) < 0)
			return 2;
		close(fd);
	}
}

static int read_cursor(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : -1;
}

int burn_cycle(int *beforep, int *afterp)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_RDONLY | O_CLOEXEC);
	int start, last, now;
	bool has_wrapped = false;

	if (fd < 0)
		return -1;
	start = last = now = read_cursor(fd);
	while (!has_wrapped || now < start) {
		fork_failing();
		now = read_cursor(fd);
		has_wrapped |= now < last;
		last = now;
	}
	close(fd);
	if (beforep)
		*beforep = start;
	if (afterp)
		*afterp = now;
	return 0;
}

int stranger_cycle(void)
{
	int before, after;

	say_begun();
	while (getchar() != EOF) {
		if (burn_cycle(&before, &after) != 0)
			return 2;
		printf("%d %d\n", before, after);
		fflush(stdout);
	}
	return 0;
}

/* ---- forgery ---- */

/* The soft limit that /proc shows of a process of whoever it is. */
static int read_limit(const char *pid, const char *name, rlim_t *limitp)
{
	char path[64], line[256], text[32];
	int result = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/limits", pid);
	file = fopen(path, "re");
	while (file && result != 0 && fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		if (sscanf(line + strlen(name), "%31s", text) != 1)
			break;
		*limitp = text[0] == 'u' ? RLIM_INFINITY : (rlim_t)strtoull(text, NULL, 10);
		result = 0;
	}
	if (file)
		fclose(file);
	return result;
}

static int forge_limit(const char *pid, const char *name, __rlimit_resource_t resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) != 0 || read_limit(pid, name, &limit.rlim_cur) != 0)
		return -1;
	return setrlimit(resource, &limit);
}

static int forge(const char *pid)
{
	long priority = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, atoi(pid));

	if (forge_limit(pid, "Max file locks", RLIMIT_LOCKS) != 0 ||
	    forge_limit(pid, "Max resident set", RLIMIT_RSS) != 0 ||
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority) != 0)
		return 2;
	signal(SIGCHLD, SIG_IGN);
	say_begun();
	while (getchar() != EOF) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
		}
		say_begun();
	}
	return 0;
}

int stranger_forge(const char *pid, bool adopted)
{
	pid_t child = adopted ? 0 : fork();
	int status;

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return forge(pid);
	}
	return child < 0 || waitpid(child, &status, 0) < 0 ? 2 : WEXITSTATUS(status);
}

/* ---- a tracer ---- */

int stranger_trace(const char *tid)
{
	if (ptrace(PTRACE_SEIZE, atoi(tid), 0, 0) != 0)
		return 2;
	say_begun();
	for (;;)
		pause();
}
