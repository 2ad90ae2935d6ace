/* SPDX-License-Identifier: MIT */
#include "hops.h"

#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "board.h"

#define SELF "/proc/self/exe"
#define STACK_BYTES (64 << 10)
#define SET_TID_TRIES 1000

extern char **environ;

void hop_fork(struct chain *chain)
{
	(void)chain;
	chain_become(fork());
}

/* Two children, one of which ends at once. */
void hop_twins(struct chain *chain)
{
	bool first_ends = chain_random(chain) & 1;
	pid_t first = fork();

	if (first < 0)
		chain_end(true);
	if (first == 0) {
		if (first_ends)
			_exit(0);
		return;
	}
	if (!first_ends && fork() != 0)
		_exit(0);
	if (!first_ends)
		_exit(0);
	chain_become(fork());
}

/* The child is the forker's sibling. */
void hop_sibling(struct chain *chain)
{
	(void)chain;
	chain_become((pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
}

void hop_session(struct chain *chain)
{
	(void)chain;
	chain_become(fork());
	/* A new child leads no group. */
	setsid();
}

/* Forks twice, with a session of its own in between. */
void hop_daemon(struct chain *chain)
{
	(void)chain;
	chain_become(fork());
	setsid();
	chain_become(fork());
}

void hop_spawn(struct chain *chain)
{
	struct chain_words words;
	pid_t child;

	if (posix_spawn(&child, SELF, NULL, NULL, chain_words(chain, &words), environ) != 0)
		chain_end(true);
	_exit(0);
}

void hop_vfork(struct chain *chain)
{
	struct chain_words words;
	char **argv = chain_words(chain, &words);
	pid_t child = vfork();

	if (child == 0) {
		execv(SELF, argv);
		_exit(127);
	}
	if (child < 0)
		chain_end(true);
	_exit(0);
}

static void start_thread(void *(*run)(void *), struct chain *chain)
{
	pthread_attr_t attributes;
	pthread_t thread;

	/* Only lack of memory lets these fail, and then the last does. */
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, run, chain) != 0)
		chain_end(true);
	pthread_attr_destroy(&attributes);
}

static void *fork_without_leader(void *argument)
{
	board_pause();
	chain_become(fork());
	chain_run(argument);
}

/* The leader ends, and the thread that is left forks. */
void hop_leader(struct chain *chain)
{
	start_thread(fork_without_leader, chain);
	for (;;)
		syscall(SYS_exit, 0);
}

static void *exec_from_thread(void *argument)
{
	chain_exec(argument, SELF);
	chain_end(true);
}

/* A thread that is not the leader executes a program, and becomes the leader. */
void hop_thread_exec(struct chain *chain)
{
	chain_become(fork());
	start_thread(exec_from_thread, chain);
	for (;;)
		pause();
}

/* Any pid, rather than the next one; for root. */
void hop_set_tid(struct chain *chain)
{
	pid_t tid;
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&tid,
		.set_tid_size = 1,
	};
	pid_t child = -1;

	for (int i = 0; child < 0 && i < SET_TID_TRIES; i++) {
		tid = (pid_t)(301 + chain_random(chain) % 32000);
		child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (child < 0 && errno != EEXIST)
			break;
	}
	chain_become(child);
}
