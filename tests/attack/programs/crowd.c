/* SPDX-License-Identifier: MIT */
/* As many processes as there may be, of a pid namespace or of a user. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board.h"
#include "chain.h"
#include "jobs.h"
#include "namespaces.h"

static void limit_user(const char *tasks)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NPROC, &limit);
	limit.rlim_cur = (rlim_t)atoi(tasks);
	if (setrlimit(RLIMIT_NPROC, &limit) != 0)
		board->failures++;
}

/* Each pauses at the gate, and ends. */
static void add_one(void)
{
	pid_t child;

	board->chains++;
	child = fork();
	if (child == 0) {
		board->hops++;
		board_pause();
		_exit(0);
	}
	if (child > 0)
		return;
	board->chains--;
	if (errno == EAGAIN)
		board->refused++;
	else
		board->failures++;
	board->forking = 0;
	wait(NULL);
	board->forking = 1;
	board->chains--;
}

/* A place is taken again as soon as it is left, until the job is killed. */
_Noreturn void run_crowd(char **argv)
{
	board_pause();
	if (strcmp(argv[0], "namespace") == 0) {
		enter_namespaces(1);
		write_file("/proc/sys/kernel/pid_max", argv[1]);
	} else {
		limit_user(argv[1]);
	}
	board_reside();
	board->forking = 1;
	for (;;)
		add_one();
}
