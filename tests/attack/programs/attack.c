/* SPDX-License-Identifier: MIT */
/*
 * The processes of the attacks on discovery; tests/attack/test_*.py directs them through the board.
 *
 *   attack chains BOARD SHAPE CHAINS HOPS SEED   a job of chains
 *   attack mover BOARD MIB                       a process of that size, which forks once
 *   attack resume BOARD SHAPE LEFT RANDOM        (a chain, after exec)
 *   attack storm | failing | cycle               strangers
 *   attack watch FILE                            a stranger, too
 *
 * A job's first process waits at the gate, so that it can be put into a group first.  It is the
 * child of a container outside of the group: a subreaper that reaps whatever is left to it, and
 * kills all that lives when its standard input ends.
 */
#include <fcntl.h>
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

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		board->failures++;
	if (fd >= 0)
		close(fd);
}

/* Without a mapping of its own a process may not make the next level. */
static void map_own_ids(uid_t uid, gid_t gid)
{
	char text[32];

	snprintf(text, sizeof(text), "0 %u 1", uid);
	write_file("/proc/self/uid_map", text);
	write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", gid);
	write_file("/proc/self/gid_map", text);
}

/* Returns in the second process of new user and pid namespaces, so many levels down. */
static void enter_namespaces(unsigned deep)
{
	for (unsigned level = 0; level < deep; level++) {
		uid_t uid = geteuid();
		gid_t gid = getegid();

		if (unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
			board->failures++;
			return;
		}
		map_own_ids(uid, gid);
		/* The forker is outside of the new pid namespace. */
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

/* Chains at the gate make no more processes; orphans of the killed become our children. */
static void kill_all(void)
{
	pid_t child;

	signal(SIGCHLD, SIG_DFL);
	board->gate |= 1;
	while ((child = first_child()) > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
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

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	/* Strangers end with the test. */
	if (argc == 2 || strcmp(what, "watch") == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc == 2 && strcmp(what, "storm") == 0)
		return stranger_storm();
	if (argc == 2 && strcmp(what, "failing") == 0)
		return stranger_failing();
	if (argc == 2 && strcmp(what, "cycle") == 0)
		return stranger_cycle();
	if (argc == 3 && strcmp(what, "watch") == 0)
		return stranger_watch(argv[2]);
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
