/* SPDX-License-Identifier: MIT */
#include "hops.h"

#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board.h"

#define SELF "/proc/self/exe"
#define STACK_BYTES (64 << 10)
#define SET_TID_TRIES 1000

extern char **environ;

uint32_t chain_random(struct chain *chain)
{
	chain->random = chain->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(chain->random >> 33);
}

static _Noreturn void end_chain(bool is_failure)
{
	if (is_failure)
		board->failures++;
	board->chains--;
	_exit(0);
}

/* The caller goes on in the child alone. */
static void become(pid_t child)
{
	if (child < 0)
		end_chain(true);
	if (child > 0)
		_exit(0);
}

/* ---- what a chain needs after exec ---- */

struct words {
	char left[16], random[24];
	char *argv[8];
};

static char **words_of(const struct chain *chain, struct words *words)
{
	char **argv = words->argv;

	snprintf(words->left, sizeof(words->left), "%u", chain->left);
	snprintf(words->random, sizeof(words->random), "%llu", (unsigned long long)chain->random);
	*argv++ = (char *)"attack";
	*argv++ = (char *)"resume";
	*argv++ = (char *)board_path;
	*argv++ = (char *)chain->shape;
	*argv++ = words->left;
	*argv++ = words->random;
	*argv = NULL;
	return words->argv;
}

/* ---- hops: each returns in the next process, and ends the one that called it ---- */

static void hop_fork(struct chain *chain)
{
	(void)chain;
	become(fork());
}

/* Two children, one of which ends at once. */
static void hop_twins(struct chain *chain)
{
	bool first_ends = chain_random(chain) & 1;
	pid_t first = fork();

	if (first < 0)
		end_chain(true);
	if (first == 0) {
		if (first_ends)
			_exit(0);
		return;
	}
	if (!first_ends && fork() != 0)
		_exit(0);
	if (!first_ends)
		_exit(0);
	become(fork());
}

/* The child is the forker's sibling. */
static void hop_sibling(struct chain *chain)
{
	(void)chain;
	become((pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
}

static void hop_session(struct chain *chain)
{
	(void)chain;
	become(fork());
	/* A new child leads no group. */
	setsid();
}

static void hop_spawn(struct chain *chain)
{
	struct words words;
	pid_t child;

	if (posix_spawn(&child, SELF, NULL, NULL, words_of(chain, &words), environ) != 0)
		end_chain(true);
	_exit(0);
}

static void hop_vfork(struct chain *chain)
{
	struct words words;
	char **argv = words_of(chain, &words);
	pid_t child = vfork();

	if (child == 0) {
		execv(SELF, argv);
		_exit(127);
	}
	if (child < 0)
		end_chain(true);
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
		end_chain(true);
	pthread_attr_destroy(&attributes);
}

static void *fork_without_leader(void *argument)
{
	board_pause();
	become(fork());
	chain_run(argument);
}

/* The leader ends, and the thread that is left forks. */
static void hop_leader(struct chain *chain)
{
	start_thread(fork_without_leader, chain);
	for (;;)
		syscall(SYS_exit, 0);
}

static void *exec_from_thread(void *argument)
{
	struct words words;

	execv(SELF, words_of(argument, &words));
	end_chain(true);
}

/* A thread that is not the leader executes a program, and becomes the leader. */
static void hop_thread_exec(struct chain *chain)
{
	become(fork());
	start_thread(exec_from_thread, chain);
	for (;;)
		pause();
}

/* Any pid, rather than the next one; for root. */
static void hop_set_tid(struct chain *chain)
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
	become(child);
}

static void hop_mixed(struct chain *chain);

static const struct shape {
	const char *name;
	void (*hop)(struct chain *chain);
	bool in_mixed;
} shapes[] = {
	{"fork", hop_fork, true},	 {"twins", hop_twins, true},
	{"sibling", hop_sibling, true},	 {"session", hop_session, true},
	{"spawn", hop_spawn, true},	 {"vfork", hop_vfork, true},
	{"leader", hop_leader, true},	 {"thread-exec", hop_thread_exec, true},
	{"set-tid", hop_set_tid, false}, {"namespaces", hop_fork, false},
	{"mixed", hop_mixed, false},
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void hop_mixed(struct chain *chain)
{
	const struct shape *shape;

	do
		shape = &shapes[chain_random(chain) % SHAPES];
	while (!shape->in_mixed);
	shape->hop(chain);
}

static const struct shape *find_shape(const char *name)
{
	for (size_t i = 0; i < SHAPES; i++)
		if (strcmp(shapes[i].name, name) == 0)
			return &shapes[i];
	return NULL;
}

int chain_shape_exists(const char *name)
{
	return find_shape(name) != NULL;
}

_Noreturn void chain_run(struct chain *chain)
{
	void (*hop)(struct chain *) = find_shape(chain->shape)->hop;

	for (;;) {
		board_pause();
		if (chain->left == 0)
			end_chain(false);
		chain->left--;
		board->hops++;
		hop(chain);
	}
}
