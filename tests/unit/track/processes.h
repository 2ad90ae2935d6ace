/* SPDX-License-Identifier: MIT */
#ifndef UCG_TEST_PROCESSES_H
#define UCG_TEST_PROCESSES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"
#include "ucgroupfs/raw.h"

/*
 * A nursery: the processes of one test.  They tell of themselves by the report pipe and wait at the
 * gate; whatever they forked is killed and reaped at the end, for orphans come to us.
 */
struct report {
	pid_t pid;	   /* or tid */
	int before, after; /* what the test wants to know besides */
};

struct nursery {
	int report[2];
	int gate[2];
	/* Shared with all children; meaning by the test. */
	int *begun, *done;
	void *shared;
};

/* Nothing here takes long: whatever is waited for so long does not come. */
#define DEADLINE_MS 60000

static inline int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline bool is_readable(int fd, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&poll_fd, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

static inline void nursery_init(struct nursery *nursery)
{
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe2(nursery->report, O_CLOEXEC), 0);
	assert_int_equal(pipe2(nursery->gate, O_CLOEXEC), 0);
	nursery->shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(nursery->shared != MAP_FAILED);
	nursery->begun = nursery->shared;
	nursery->done = nursery->begun + 1;
}

static inline size_t kill_children(void)
{
	struct ucg_pids pids = {0};
	struct proc_stat stat;
	size_t killed = 0;

	proc_read_processes(&pids);
	for (size_t i = 0; i < pids.count; i++)
		if (proc_read_stat(pids.pid[i], pids.pid[i], &stat) == 0 && stat.ppid == getpid())
			killed += kill(pids.pid[i], SIGKILL) == 0;
	ucg_pids_clear(&pids);
	return killed;
}

/* All children are killed, and those that come to us by it, until there is none. */
static inline void nursery_deinit(struct nursery *nursery)
{
	/* Blocks only if one was killed: another may have come to us since we looked. */
	while (waitpid(-1, NULL, kill_children() ? 0 : WNOHANG) >= 0)
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	for (int i = 0; i < 2; i++) {
		close(nursery->report[i]);
		close(nursery->gate[i]);
	}
	munmap(nursery->shared, 4096);
}

typedef void body_fn(struct nursery *nursery, int argument);

/* A child that runs @body. */
static inline pid_t nursery_spawn(struct nursery *nursery, body_fn *body, int argument)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(nursery, argument);
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

/* Set-up and tear-down of a test that needs nothing but one. */
static inline int nursery_setup(void **state)
{
	struct nursery *nursery = calloc(1, sizeof(*nursery));

	assert_non_null(nursery);
	nursery_init(nursery);
	*state = nursery;
	return 0;
}

static inline int nursery_teardown(void **state)
{
	nursery_deinit(*state);
	free(*state);
	return 0;
}

/* ---- what children do ---- */

static inline void tell(struct nursery *nursery, pid_t pid)
{
	struct report report = {.pid = pid};

	if (write(nursery->report[1], &report, sizeof(report)) != sizeof(report))
		_exit(1);
}

static inline void wait_at_gate(struct nursery *nursery)
{
	char go;

	while (read(nursery->gate[0], &go, 1) < 0 && errno == EINTR)
		;
}

/* The child goes on, and its parent is dead by then. */
static inline void hop_on(void)
{
	pid_t parent = getpid();

	if (fork())
		_exit(0);
	while (getppid() == parent)
		sched_yield();
}

/* Two generations and a session of its own, environment cleared: nothing leads back. */
static inline void daemonise(void)
{
	hop_on();
	setsid();
	hop_on();
	clearenv();
}

static inline void sit(struct nursery *nursery, int argument)
{
	(void)argument;
	wait_at_gate(nursery);
}

static inline void stay(struct nursery *nursery, int argument)
{
	(void)nursery, (void)argument;
	for (;;)
		pause();
}

/* A child at each turn of the gate, each of which tells of itself and stays. */
static inline void fork_by_gate(struct nursery *nursery, int argument)
{
	for (int i = 0; i < argument; i++) {
		wait_at_gate(nursery);
		if (fork() == 0) {
			tell(nursery, getpid());
			stay(nursery, 0);
		}
	}
	stay(nursery, 0);
}

/* A thread that only sleeps, without the C library's knowledge: the child of a process with threads
 * may not ask for more.  It shares the registers of thread-local storage, and needs none. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static inline int
sleep_for_ever(void *nursery_pointer)
{
	struct nursery *nursery = nursery_pointer;
	struct report report = {.pid = (pid_t)syscall(SYS_gettid)};

	syscall(SYS_write, nursery->report[1], &report, sizeof(report));
	for (;;)
		syscall(SYS_pause);
	return 0;
}

static inline void start_thread(struct nursery *nursery)
{
	size_t size = 65536;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED || ucg_clone(sleep_for_ever, stack + size,
					     CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
						     CLONE_THREAD | CLONE_SYSVSEM,
					     nursery) < 0)
		_exit(1);
}

/* ---- what the test waits for ---- */

static inline void open_gate(struct nursery *nursery, int times)
{
	for (int i = 0; i < times; i++)
		assert_int_equal(write(nursery->gate[1], "g", 1), 1);
}

static inline struct report await_report(struct nursery *nursery)
{
	struct report report;

	if (!is_readable(nursery->report[0], DEADLINE_MS))
		fail_msg("no process reported for %d ms", DEADLINE_MS);
	assert_int_equal(read(nursery->report[0], &report, sizeof(report)), sizeof(report));
	return report;
}

/* Dead, reaped or not. */
static inline void await_death(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0 && errno == ESRCH)
		return;
	assert_true(pidfd >= 0);
	if (!is_readable(pidfd, DEADLINE_MS))
		fail_msg("process %d has not died for %d ms", pid, DEADLINE_MS);
	close(pidfd);
}

static inline void reap(pid_t pid)
{
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static inline void kill_and_reap(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	reap(pid);
}

static inline char task_state(pid_t tgid, pid_t tid)
{
	struct proc_stat stat;

	return proc_read_stat(tgid, tid, &stat) ? '-' : stat.state;
}

/* There is no event for what a leader does while other threads live. */
static inline void await_state(pid_t pid, char state)
{
	int64_t deadline = now_ms() + DEADLINE_MS;

	while (task_state(pid, pid) != state) {
		if (now_ms() > deadline)
			fail_msg("task %d: expected state %c, got %c", pid, state,
				 task_state(pid, pid));
		sched_yield();
	}
}

/* ---- limits ---- */

static inline uint64_t soft_limit(pid_t pid, __rlimit_resource_t resource);

/* Live processes with the same limit as @pid, it included: what a group should hold. */
static inline size_t count_alike(pid_t pid, __rlimit_resource_t resource)
{
	struct ucg_pids pids = {0};
	uint64_t wanted = soft_limit(pid, resource);
	size_t count = 0;

	assert_int_equal(proc_read_processes(&pids), 0);
	for (size_t i = 0; i < pids.count; i++) {
		struct rlimit limit;

		count += prlimit(pids.pid[i], resource, NULL, &limit) == 0 &&
			 limit.rlim_cur == wanted &&
			 !strchr("-ZX", task_state(pids.pid[i], pids.pid[i]));
	}
	ucg_pids_clear(&pids);
	return count;
}

/* A process may be about to exit still when its child has reported already. */
static inline void await_alone(pid_t pid)
{
	int64_t deadline = now_ms() + DEADLINE_MS;

	while (count_alike(pid, RLIMIT_LOCKS) > 1) {
		if (now_ms() > deadline)
			fail_msg("%zu processes are left besides %d",
				 count_alike(pid, RLIMIT_LOCKS) - 1, pid);
		sched_yield();
	}
}

static inline uint64_t soft_limit(pid_t pid, __rlimit_resource_t resource)
{
	struct rlimit limit;

	assert_int_equal(prlimit(pid, resource, NULL, &limit), 0);
	return limit.rlim_cur;
}

static inline void set_soft_limit(pid_t pid, __rlimit_resource_t resource, uint64_t soft)
{
	struct rlimit limit;

	assert_int_equal(prlimit(pid, resource, NULL, &limit), 0);
	limit.rlim_cur = soft;
	assert_int_equal(prlimit(pid, resource, &limit, NULL), 0);
}

static inline void set_hard_limit(pid_t pid, __rlimit_resource_t resource, uint64_t hard)
{
	struct rlimit limit = {.rlim_cur = hard, .rlim_max = hard};

	assert_int_equal(prlimit(pid, resource, &limit, NULL), 0);
}

#endif
