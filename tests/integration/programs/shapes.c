/* SPDX-License-Identifier: MIT */
/*
 * Processes in shapes that a scripting language can't make, or makes slowly.  Usage: shapes SHAPE;
 * each writes its pid, waits for a byte on its standard input, makes the shape, writes one line of
 * ids, and waits to be killed.  `shapes sleep [RUID EUID SUID GID]` takes these ids, writes a
 * line, and exits when its standard input ends.
 */
#include <grp.h>
#include <linux/ioprio.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void say_pid(void)
{
	printf("%d\n", getpid());
	fflush(stdout);
}

static void wait_for_byte(void)
{
	char byte;

	if (read(STDIN_FILENO, &byte, 1) != 1)
		_exit(2);
}

/* A child that shares its parent's memory, with the parent suspended: "PARENT CHILD". */
static int shape_vfork(void)
{
	pid_t parent = getpid();
	char line[64];

	if (vfork() == 0) {
		int length = snprintf(line, sizeof(line), "%d %d\n", parent, getpid());

		if (write(STDOUT_FILENO, line, (size_t)length) != length)
			_exit(2);
		for (;;)
			pause();
	}
	return 1;
}

/* Many children: "CHILD CHILD ...". */
static int shape_children(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0)
			return 1;
		while (child == 0)
			pause();
		printf("%d ", child);
	}
	printf("\n");
	fflush(stdout);
	for (;;)
		pause();
}

/* Children that end at once, one after the other: "COUNT". */
static int shape_forks(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return 1;
	}
	printf("%d\n", count);
	fflush(stdout);
	for (;;)
		pause();
}

/* A child that shares the I/O context of the calling thread: "CHILD". */
static int shape_clone_io(void)
{
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_IO | SIGCHLD, NULL, NULL, NULL, NULL);

	if (child < 0)
		return 1;
	while (child == 0)
		pause();
	printf("%d\n", child);
	fflush(stdout);
	for (;;)
		pause();
}

/* Nothing of what was set on it from outside is left. */
static void wipe(void)
{
	const __rlimit_resource_t limits[] = {RLIMIT_LOCKS, RLIMIT_RSS};

	for (int i = 0; i < 2; i++) {
		struct rlimit limit;

		getrlimit(limits[i], &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(limits[i], &limit);
	}
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0);
}

/* Says its pid, and ends when standard input does. */
static _Noreturn void be_orphan(void)
{
	char byte;

	printf("%d\n", getpid());
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	_exit(0);
}

/* Without marks, a daemon: "DAEMON". */
static int shape_wiped_daemon(void)
{
	pid_t child;

	wipe();
	child = fork();
	if (child == 0) {
		setsid();
		if (fork() == 0)
			be_orphan();
		_exit(0);
	}
	if (child < 0 || waitpid(child, NULL, 0) != child)
		return 1;
	for (;;)
		pause();
}

/* A child, and one of it without marks: "CHILD GRANDCHILD". */
static int shape_wiped_grandchild(void)
{
	pid_t child = fork();

	if (child == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			wipe();
			printf("%d ", parent);
			be_orphan();
		}
	}
	for (;;)
		pause();
}

static void *wait_and_make(void *shape)
{
	printf("%d\n", gettid());
	fflush(stdout);
	wait_for_byte();
	(*(int (**)(void))shape)();
	return NULL;
}

static void *hand_over(void *unused)
{
	pthread_attr_t detached;
	pthread_t next;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	while (pthread_create(&next, &detached, hand_over, unused))
		sched_yield();
	return unused;
}

/* Threads that take turns: the leader ends, and then each that has made the next one: "PID". */
static _Noreturn void shape_relay(void)
{
	say_pid();
	hand_over(NULL);
	for (;;)
		syscall(SYS_exit, 0);
}

/* A thread: "THREAD"; told to go once more, it takes the shape. */
static int shape_in_thread(int (*shape)(void))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_and_make, &shape))
		return 1;
	for (;;)
		pause();
}

static void *exec_wait(void *argument)
{
	char *path = argument;
	char *argv[] = {path, "wait", NULL};

	execv("/proc/self/exe", argv);
	return NULL;
}

/* exec by a thread that is not the leader: "PID". */
static int shape_thread_exec(const char *path)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, exec_wait, (void *)path))
		return 1;
	for (;;)
		pause();
}

static _Noreturn void shape_wait(void)
{
	say_pid();
	for (;;)
		pause();
}

static int shape_exec(char *path)
{
	exec_wait(path);
	return 1;
}

static int take_ids(char **ids)
{
	gid_t gid = (gid_t)atoi(ids[3]);

	return setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	       setresuid((uid_t)atoi(ids[0]), (uid_t)atoi(ids[1]), (uid_t)atoi(ids[2])) ||
	       prctl(PR_SET_DUMPABLE, 1);
}

static int shape_sleep(char **ids)
{
	char byte;

	if (ids && take_ids(ids))
		return 1;
	say_pid();
	return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *shape = argc > 1 ? argv[1] : "";

	if (strcmp(shape, "wait") == 0)
		shape_wait();
	if (strcmp(shape, "sleep") == 0 && (argc == 2 || argc == 6))
		return shape_sleep(argc == 6 ? argv + 2 : NULL);
	say_pid();
	wait_for_byte();
	if (strcmp(shape, "children") == 0)
		return shape_children(argc > 2 ? atoi(argv[2]) : 1);
	if (strcmp(shape, "forks") == 0)
		return shape_forks(argc > 2 ? atoi(argv[2]) : 1);
	if (strcmp(shape, "wiped-daemon") == 0)
		return shape_wiped_daemon();
	if (strcmp(shape, "wiped-grandchild") == 0)
		return shape_wiped_grandchild();
	if (strcmp(shape, "vfork") == 0)
		return shape_vfork();
	if (strcmp(shape, "relay") == 0)
		shape_relay();
	if (strcmp(shape, "thread-vfork") == 0)
		return shape_in_thread(shape_vfork);
	if (strcmp(shape, "thread-clone-io") == 0)
		return shape_in_thread(shape_clone_io);
	if (strcmp(shape, "exec") == 0)
		return shape_exec(argv[0]);
	if (strcmp(shape, "thread-exec") == 0)
		return shape_thread_exec(argv[0]);
	fprintf(stderr, "shapes: unknown shape '%s'\n", shape);
	return 2;
}
