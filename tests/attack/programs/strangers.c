/* SPDX-License-Identifier: MIT */
#include "strangers.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
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

/* The kernel writes the descriptor to where it can't after it has taken the pid. */
static void fork_failing(void)
{
	if (syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, 8, 0, 0) == 0)
		_exit(0);
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

int stranger_cycle(void)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 2;
	say_begun();
	while (getchar() != EOF) {
		int start = read_cursor(fd), last = start, now = start;
		int wrapped = 0;

		while (!wrapped || now < start) {
			fork_failing();
			now = read_cursor(fd);
			wrapped |= now < last;
			last = now;
		}
		printf("%d %d\n", start, now);
		fflush(stdout);
	}
	return 0;
}
