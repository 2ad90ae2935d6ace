/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORKS 2000
#define IDLE_MS 5000
#define IDLE_GROUPS 1000
#define MEMORY_GROUPS 10000
#define BATCH 1000
#define BATCHES 50
#define COMPARED 4
#define GROWTH_US 10e6

/* ---- forks ---- */

void fork_set_up(struct bench *bench, struct side *side)
{
	(void)bench;
	if (side->id != BASE)
		group_make(side, "fork");
}

void fork_tear_down(struct bench *bench, struct side *side)
{
	(void)bench;
	if (side->id != BASE)
		group_remove(side, "fork");
}

/* When it is told: forks children that exit, one after the other. */
static void fork_often(int hold, double *us)
{
	uint64_t start;
	char byte;

	while (read(hold, &byte, 1) < 0 && errno == EINTR)
		;
	start = now_ns();
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			_exit(1);
	}
	*us = elapsed_us(start) / FORKS;
	_exit(0);
}

static double run_forker(const struct side *side)
{
	double us, *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int hold[2], status;
	pid_t pid;

	CHECK(shared != MAP_FAILED && !pipe2(hold, O_CLOEXEC),
	      "memory or pipe of the forking task");
	pid = fork();
	CHECK(pid >= 0, "fork");
	if (!pid) {
		close(hold[1]);
		fork_often(hold[0], shared);
	}
	close(hold[0]);
	if (side->id != BASE)
		group_attach(side, "fork", pid);
	close(hold[1]);
	CHECK(waitpid(pid, &status, 0) == pid && !status, "the forking task");
	us = *shared;
	munmap(shared, sizeof(*shared));
	return us;
}

double fork_measure(struct bench *bench, struct side *side)
{
	(void)bench;
	return run_forker(side);
}

/* With the handful that the attach itself and the end of the forking task cause. */
double fork_wake_ups(struct bench *bench, struct side *side)
{
	uint64_t before = wake_ups(side);

	(void)bench;
	run_forker(side);
	return (double)(wake_ups(side) - before);
}

/* ---- doing nothing ---- */

static void name_of(const char *prefix, size_t i, char *name, size_t size)
{
	snprintf(name, size, "%s%zu", prefix, i);
}

void idle_set_up(struct bench *bench, struct side *side)
{
	char name[32];

	(void)bench;
	herd_start(&side->herd, IDLE_GROUPS);
	for (size_t i = 0; i < IDLE_GROUPS; i++) {
		name_of("idle", i, name, sizeof(name));
		group_make(side, name);
		group_attach(side, name, side->herd.pid[i]);
	}
}

double idle_measure(struct bench *bench, struct side *side)
{
	uint64_t before = wake_ups(side);

	(void)bench;
	poll(NULL, 0, IDLE_MS); /* the time itself is what is measured */
	return (double)(wake_ups(side) - before);
}

void idle_tear_down(struct bench *bench, struct side *side)
{
	char name[32];

	(void)bench;
	herd_release(&side->herd);
	herd_reap(&side->herd);
	for (size_t i = 0; i < IDLE_GROUPS; i++) {
		name_of("idle", i, name, sizeof(name));
		group_remove(side, name);
	}
}

double memory_measure(struct bench *bench, struct side *side)
{
	uint64_t before = resident_bytes(side), after;
	char name[32];

	(void)bench;
	for (size_t i = 0; i < MEMORY_GROUPS; i++) {
		name_of("m", i, name, sizeof(name));
		group_make(side, name);
	}
	after = resident_bytes(side);
	for (size_t i = 0; i < MEMORY_GROUPS; i++) {
		name_of("m", i, name, sizeof(name));
		group_remove(side, name);
	}
	return ((double)after - (double)before) / MEMORY_GROUPS;
}

static void make_batch(const struct side *side, size_t batch)
{
	char name[32];

	for (size_t i = batch * BATCH; i < (batch + 1) * BATCH; i++) {
		name_of("g", i, name, sizeof(name));
		group_make(side, name);
	}
}

static void remove_batch(const struct side *side, size_t batch)
{
	char name[32];

	for (size_t i = batch * BATCH; i < (batch + 1) * BATCH; i++) {
		name_of("g", i, name, sizeof(name));
		group_remove(side, name);
	}
}

static double fastest(const double *us, size_t count)
{
	double least = us[0];

	for (size_t i = 1; i < count; i++)
		least = us[i] < least ? us[i] : least;
	return least;
}

/* The fastest of a few batches each: what disturbs only ever makes slower. */
double growth_measure(struct bench *bench, struct side *side)
{
	uint64_t begin = now_ns();
	double us[BATCHES];
	size_t count = 0;

	(void)bench;
	while (count < BATCHES && elapsed_us(begin) < GROWTH_US) {
		uint64_t start = now_ns();

		make_batch(side, count);
		us[count++] = elapsed_us(start);
	}
	errno = 0;
	CHECK(count >= 2 * COMPARED, "mkdir: only %zu batches in time", count);
	for (size_t i = 0; i < count; i++)
		remove_batch(side, i);
	return fastest(us + count - COMPARED, COMPARED) / fastest(us, COMPARED);
}

/* ---- start ---- */

double ready_measure(struct bench *bench, struct side *side)
{
	char path[256];
	uint64_t start;
	double ms;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s/again", bench->folder, side_names[side->id]);
	start = now_ns();
	pid = server_start(bench, side->id, path, "ucg-bench-again");
	ms = elapsed_us(start) / 1000;
	server_stop(pid, path);
	return ms;
}
