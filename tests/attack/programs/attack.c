/* SPDX-License-Identifier: MIT */
/*
 * The processes of the attacks on discovery; tests/attack/test_*.py directs them through the board.
 *
 *   attack chains BOARD SHAPE CHAINS HOPS SEED   a job of chains
 *   attack mover BOARD MIB                       a process of that size, which forks once
 *   attack resume BOARD SHAPE LEFT RANDOM        (a chain, after exec)
 *   attack storm | failing | cycle               strangers
 *
 * A job's first process waits at the gate, so that it can be put into a group first.  It is the
 * child of a container outside of the group: a subreaper that reaps whatever is left to it, until
 * its standard input ends.
 */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board.h"
#include "hops.h"
#include "strangers.h"

#define NAMESPACES_DEEP 3

/* ---- a job ---- */

/* The first process of a pid namespace, which the others need alive. */
static void live_until_alone(void)
{
	unsigned slot = board_reside();

	while (wait(NULL) > 0)
		;
	board_leave(slot);
	_exit(0);
}

/* Returns in a process of new user and pid namespaces, or of as many levels as are allowed. */
static void enter_namespaces(unsigned deep)
{
	for (unsigned level = 0; level < deep; level++) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
			board->failures++;
			return;
		}
		/* The forker is outside of the new namespace. */
		if (fork() != 0)
			_exit(0);
		if (fork() != 0)
			live_until_alone();
	}
}

static _Noreturn void start_chain(struct chain *chain)
{
	if (strcmp(chain->shape, "namespaces") == 0)
		enter_namespaces(1 + chain_random(chain) % NAMESPACES_DEEP);
	chain_run(chain);
}

static _Noreturn void run_job(char **argv)
{
	struct chain chain = {.shape = argv[0], .left = (uint32_t)atoi(argv[2])};
	unsigned chains = (unsigned)atoi(argv[1]);
	uint64_t seed = strtoull(argv[3], NULL, 10);

	board_pause();
	board->chains = chains;
	for (unsigned i = 0; i < chains; i++) {
		chain.random = seed + i;
		for (int j = 0; j < 8; j++)
			chain_random(&chain);
		pid_t child = fork();

		if (child == 0)
			start_chain(&chain);
		if (child < 0) {
			board->chains--;
			board->failures++;
		}
	}
	_exit(0);
}

/* ---- the mover ---- */

static void touch(size_t bytes)
{
	char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		exit(3);
	/* Small pages: each has an entry for fork to copy. */
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < bytes; i += 4096)
		memory[i] = 1;
}

static _Noreturn void run_mover(char **argv)
{
	uint32_t pid, tid;
	pid_t child;

	touch((size_t)atoi(argv[0]) << 20);
	board_pause();
	board->forking = 1;
	child = fork();
	if (child < 0)
		board->failures++;
	if (child == 0) {
		board_own_ids(&pid, &tid);
		board->child = pid;
	} else {
		board->forked = 1;
	}
	for (;;)
		pause();
}

/* ---- the container ---- */

static int contain(void (*run)(char **argv), char **argv)
{
	struct pollfd end = {.fd = STDIN_FILENO, .events = POLLIN};
	pid_t child;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_IGN); /* the kernel reaps for us, orphans too */
	child = fork();
	if (child < 0)
		return 3;
	if (child == 0) {
		signal(SIGCHLD, SIG_DFL);
		setpgid(0, 0);
		close(STDIN_FILENO);
		run(argv);
	}
	printf("%d\n", child);
	fflush(stdout);
	while (poll(&end, 1, -1) < 0)
		;
	return 0;
}

static _Noreturn void resume(char **argv)
{
	struct chain chain = {.shape = argv[0],
			      .left = (uint32_t)strtoul(argv[1], NULL, 10),
			      .random = strtoull(argv[2], NULL, 10)};

	chain_run(&chain);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 2 && strcmp(what, "storm") == 0)
		return stranger_storm();
	if (argc == 2 && strcmp(what, "failing") == 0)
		return stranger_failing();
	if (argc == 2 && strcmp(what, "cycle") == 0)
		return stranger_cycle();
	if (argc > 2)
		board_open(argv[2]);
	if (argc == 4 && strcmp(what, "mover") == 0)
		return contain(run_mover, argv + 3);
	if (argc == 7 && strcmp(what, "chains") == 0 && chain_shape_exists(argv[3]))
		return contain(run_job, argv + 3);
	if (argc == 6 && strcmp(what, "resume") == 0 && chain_shape_exists(argv[3]))
		resume(argv + 3);
	fprintf(stderr, "attack: see the head of attack.c\n");
	return 2;
}
