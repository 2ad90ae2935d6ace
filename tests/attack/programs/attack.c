/* SPDX-License-Identifier: MIT */
/*
 * The processes of the attacks on discovery; tests/attack/test_*.py directs them through the board.
 *
 *   attack chains BOARD SHAPE CHAINS HOPS SEED   a job of chains
 *   attack contained BOARD HOW SHAPE CHAINS HOPS SEED   one within bwrap or unshare
 *   attack thread BOARD SHAPE CHAINS HOPS SEED END      one that a single thread makes; END: exit,
 *                                                or exec of one chain more
 *   attack zombie BOARD                          a process of two threads, which end
 *   attack crowd BOARD HOW TASKS                 so many as there may be; HOW: namespace or user
 *   attack mover BOARD MIB                       a process of that size, which forks once
 *   attack resume BOARD SHAPE LEFT RANDOM        (a chain, after exec)
 *   attack inside BOARD SHAPE CHAINS HOPS SEED   (what is contained)
 *   attack storm | failing | cycle               strangers
 *   attack watch FILE | forge PID | forge-adopted PID | trace TID    strangers
 *
 * A job's first process waits at the gate, so that it can be put into a group first.  It is the
 * child of a container outside of the group: a subreaper that reaps whatever is left to it, and
 * kills all that lives when its standard input ends.
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board.h"
#include "chain.h"
#include "jobs.h"
#include "strangers.h"

/* ---- a job ---- */

static _Noreturn void run_job(char **argv)
{
	board_pause();
	chains_start(argv[0], (unsigned)atoi(argv[1]), (uint32_t)atoi(argv[2]),
		     strtoull(argv[3], NULL, 10));
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

/* The first of our children; 0: there is none. */
static pid_t first_child(void)
{
	FILE *file = fopen("/proc/thread-self/children", "re");
	pid_t child = 0;

	if (file && fscanf(file, "%d", &child) != 1)
		child = 0;
	if (file)
		fclose(file);
	return child;
}

/* Chains at the gate make no more processes; orphans of the killed become our children.  Those of
 * other users are left to the test. */
static void kill_all(void)
{
	pid_t child;

	signal(SIGCHLD, SIG_DFL);
	board->gate |= 1;
	while ((child = first_child()) > 0 && kill(child, SIGKILL) == 0)
		waitpid(child, NULL, 0);
}

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
	kill_all();
	return 0;
}

static _Noreturn void resume(char **argv)
{
	struct chain chain = {.shape = argv[0],
			      .left = (uint32_t)strtoul(argv[1], NULL, 10),
			      .random = strtoull(argv[2], NULL, 10)};

	chain_run(&chain);
}

/* Strangers end with the test. */
static int run_stranger(const char *what, const char *word)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!word && strcmp(what, "storm") == 0)
		return stranger_storm();
	if (!word && strcmp(what, "failing") == 0)
		return stranger_failing();
	if (!word && strcmp(what, "cycle") == 0)
		return stranger_cycle();
	if (word && strcmp(what, "watch") == 0)
		return stranger_watch(word);
	if (word && strcmp(what, "forge") == 0)
		return stranger_forge(word, false);
	if (word && strcmp(what, "forge-adopted") == 0)
		return stranger_forge(word, true);
	if (word && strcmp(what, "trace") == 0)
		return stranger_trace(word);
	return -1;
}

/* The words after the path of the board. */
static const struct job {
	const char *name;
	int words;
	int shape; /* which of them is one; -1: none */
	void (*run)(char **argv);
	bool is_contained;
} jobs[] = {
	{"chains", 4, 0, run_job, true},    {"contained", 5, 1, run_contained, true},
	{"thread", 5, 0, run_thread, true}, {"zombie", 0, -1, run_zombie, true},
	{"crowd", 2, -1, run_crowd, true},  {"mover", 1, -1, run_mover, true},
	{"resume", 3, 0, resume, false},    {"inside", 4, 0, run_inside, false},
};

static const struct job *find_job(const char *name, int words, char **argv)
{
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		const struct job *job = &jobs[i];

		if (strcmp(job->name, name) == 0 && job->words == words &&
		    (job->shape < 0 || chain_shape_exists(argv[job->shape])))
			return job;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct job *job = argc > 2 ? find_job(argv[1], argc - 3, argv + 3) : NULL;
	int status = -1;

	if (job) {
		board_open(argv[2]);
		if (job->is_contained)
			return contain(job->run, argv + 3);
		job->run(argv + 3);
	}
	if (argc == 2 || argc == 3)
		status = run_stranger(argv[1], argv[2]);
	if (status >= 0)
		return status;
	fprintf(stderr, "attack: see the head of attack.c\n");
	return 2;
}
