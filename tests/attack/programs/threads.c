/* SPDX-License-Identifier: MIT */
/* Threads that are on their own. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "board.h"
#include "chain.h"
#include "jobs.h"

/* Not pthread_exit(), with which the process ends when the leader has gone before. */
static _Noreturn void exit_thread(void)
{
	for (;;)
		syscall(SYS_exit, 0);
}

static void start(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, argument) != 0)
		board->failures++;
}

static void say_thread(void)
{
	uint32_t pid, tid;

	board_own_ids(&pid, &tid);
	board->thread = tid;
}

/* ---- a thread that makes chains, and ends or executes a program, which ends the leader ---- */

static void *make_chains(void *argument)
{
	char **argv = argument;
	struct chain last = {.shape = argv[0], .left = (uint32_t)atoi(argv[2])};

	say_thread();
	board_pause();
	if (strcmp(argv[4], "exec") == 0)
		board->chains++;
	chains_start(argv[0], (unsigned)atoi(argv[1]), (uint32_t)atoi(argv[2]),
		     strtoull(argv[3], NULL, 10));
	if (strcmp(argv[4], "exec") == 0) {
		chain_exec(&last, "/proc/self/exe");
		chain_end(true);
	}
	exit_thread();
}

_Noreturn void run_thread(char **argv)
{
	start(make_chains, argv);
	for (;;)
		pause();
}

/* ---- a thread that ends while somebody traces it ---- */

static void *end_traced(void *argument)
{
	(void)argument;
	say_thread();
	board_pause();
	exit_thread();
}

_Noreturn void run_zombie(char **argv)
{
	unsigned slot = board_reside();

	start(end_traced, argv);
	board_wait();
	board_leave(slot);
	exit_thread();
}
