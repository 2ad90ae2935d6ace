/* SPDX-License-Identifier: MIT */
#ifndef UCG_TEST_FAMILY_H
#define UCG_TEST_FAMILY_H

#include "processes.h"

#include <stdio.h>

/*
 * A process whose threads do what the test tells each of them.  They are made without the C
 * library's knowledge (see processes.h), so they get along with system calls.
 *
 * Number 0 is the leader; the others are numbered as they are made.
 */
#define FAMILY_MAX 8

enum family_command {
	FAMILY_FORK = 'f',   /* a child that stays; it tells of itself */
	FAMILY_THREAD = 't', /* one more thread, which tells of itself */
	FAMILY_EXEC = 'x',   /* go on as sleep(1) */
	FAMILY_EXIT = 'e',   /* this thread alone */
};

struct family_place {
	struct family *family;
	int command;
};

struct family {
	struct nursery *nursery;
	int command[FAMILY_MAX][2];
	struct family_place place[FAMILY_MAX];
	int count;
};

#define FAMILY_RAW __attribute__((no_sanitize("address", "thread", "undefined"))) static inline

FAMILY_RAW void family_tell(const struct family *family, long pid)
{
	struct report report = {.pid = (pid_t)pid};

	syscall(SYS_write, family->nursery->report[1], &report, sizeof(report));
}

FAMILY_RAW int family_obey(void *place_pointer);

FAMILY_RAW void family_add(struct family *family)
{
	long stack = syscall(SYS_mmap, NULL, 65536, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ucg_clone(family_obey, (char *)stack + 65536,
		  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		  &family->place[++family->count]);
}

FAMILY_RAW void family_do(struct family *family, char command)
{
	static const char *const words[] = {"sleep", "1000", NULL};

	if (command == FAMILY_THREAD)
		family_add(family);
	if (command == FAMILY_EXEC)
		syscall(SYS_execve, "/bin/sleep", words, words + 2);
	if (command == FAMILY_EXIT)
		syscall(SYS_exit, 0);
	if (command == FAMILY_FORK && syscall(SYS_fork) == 0) {
		family_tell(family, syscall(SYS_getpid));
		for (;;)
			syscall(SYS_pause);
	}
}

FAMILY_RAW int family_obey(void *place_pointer)
{
	struct family_place *place = place_pointer;
	char command;

	family_tell(place->family, syscall(SYS_gettid));
	for (;;)
		if (syscall(SYS_read, place->command, &command, 1) == 1)
			family_do(place->family, command);
	return 0;
}

/* ---- the test's side ---- */

static inline void family_init(struct family *family, struct nursery *nursery)
{
	*family = (struct family){.nursery = nursery};
	for (int i = 0; i < FAMILY_MAX; i++) {
		assert_int_equal(pipe2(family->command[i], O_CLOEXEC), 0);
		family->place[i] = (struct family_place){family, family->command[i][0]};
	}
}

static inline void family_deinit(struct family *family)
{
	for (int i = 0; i < FAMILY_MAX; i++) {
		close(family->command[i][0]);
		close(family->command[i][1]);
	}
}

static inline void family_body(struct nursery *nursery, int argument)
{
	/* The pointer is in the memory that all share. */
	struct family *family = *(struct family **)((char *)nursery->shared + 2048);

	(void)argument;
	family_obey(&family->place[0]);
}

static inline void family_command(struct family *family, int number, enum family_command command)
{
	char byte = (char)command;

	assert_int_equal(write(family->command[number][1], &byte, 1), 1);
}

/* Return: who reports then. */
static inline pid_t family_tells(struct family *family, int number, enum family_command command)
{
	family_command(family, number, command);
	return await_report(family->nursery).pid;
}

/* A process with one thread. */
static inline pid_t family_spawn(struct family *family)
{
	pid_t pid;

	memcpy((char *)family->nursery->shared + 2048, &family, sizeof(family));
	pid = nursery_spawn(family->nursery, family_body, 0);
	assert_int_equal(await_report(family->nursery).pid, pid);
	return pid;
}

static inline void await_thread_gone(pid_t pid, pid_t tid)
{
	int64_t deadline = now_ms() + DEADLINE_MS;

	while (task_state(pid, tid) != '-') {
		if (now_ms() > deadline)
			fail_msg("thread %d of %d has not ended for %d ms", tid, pid, DEADLINE_MS);
		sched_yield();
	}
}

/* The process has executed this program. */
static inline void await_program(pid_t pid, const char *program)
{
	int64_t deadline = now_ms() + DEADLINE_MS;
	char path[32], wanted[32], got[32] = "";

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	snprintf(wanted, sizeof(wanted), "%s\n", program);
	while (proc_read_file(path, got, sizeof(got)) < 0 || strcmp(got, wanted) != 0) {
		if (now_ms() > deadline)
			fail_msg("process %d: expected %s, got %s", pid, program, got);
		sched_yield();
	}
}

#endif
