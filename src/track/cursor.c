/* SPDX-License-Identifier: MIT */
#include "cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pidfd.h"
#include "proc.h"
#include "ucgroupfs/raw.h"
#include "ucgroupfs/scope.h"

/* An anchor older than this is renewed by the next look: while nobody looks, no fork is made. */
#define ANCHOR_AGE_NS (50ull * 1000 * 1000)

/*
 * The gap between a pid and its task is one microsecond of work (47 us seen at most); but where the
 * kernel is preemptible, or the processor a virtual one, the forker may have to wait in it for its
 * turn, behind all others that run: so much for each.
 */
#define GAP_NS (20ull * 1000 * 1000)

/* /proc/stat grows with the CPUs and the interrupts of the machine. */
#define STAT_SIZE (1024 * 1024)

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	/* Can't fail: the clock exists and the address is good. */
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

UCG_CHILD_CODE static int leave_at_once(void *unused)
{
	(void)unused;
	ucg_raw_syscall(SYS_exit, 0, 0, 0, 0);
	return 0;
}

static int64_t take_pid(char *stack_end, int flags, int *pidfdp)
{
	uint64_t birth;

	if (ucg_clone(leave_at_once, stack_end, CLONE_VM | CLONE_PIDFD | SIGCHLD | flags, NULL,
		      pidfdp) < 0)
		return -errno;
	birth = pidfd_birth(*pidfdp);
	return birth ? (int64_t)birth : -ENOTSUP;
}

int64_t clock_read(void)
{
	/* CLONE_VFORK: the child is done with this stack before we go on. */
	_Alignas(16) char stack[4096];
	ucg_autoclose int pidfd = -1;
	int64_t clock = take_pid(stack + sizeof(stack), CLONE_VFORK, &pidfd);

	if (pidfd >= 0)
		pidfd_reap(pidfd);
	return clock;
}

int64_t clock_child_start(struct clock_child *child)
{
	child->pidfd = -1;
	return take_pid(child->stack + sizeof(child->stack), 0, &child->pidfd);
}

void clock_child_end(struct clock_child *child)
{
	if (child->pidfd < 0)
		return;
	pidfd_reap(child->pidfd);
	close(child->pidfd);
	child->pidfd = -1;
}

static int read_load(struct cursor *cursor, struct proc_load *load)
{
	char text[128];
	ssize_t length = pread(cursor->loadavg_fd, text, sizeof(text) - 1, 0);

	if (length < 0)
		return -errno;
	text[length] = '\0';
	return proc_parse_load(text, load);
}

int cursor_init(struct cursor *cursor, bool use_clock)
{
	struct cursor_reading reading;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int error;

	*cursor = (struct cursor){.loadavg_fd = -1, .has_clock = use_clock, .child = {.pidfd = -1}};
	cursor->cpus = cpus > 0 ? (unsigned)cpus : 1;
	error = proc_read_pid_max(&cursor->pid_max);
	if (error)
		return error;
	cursor->loadavg_fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	if (cursor->loadavg_fd < 0)
		return -errno;
	error = cursor_read(cursor, &reading);
	if (error) {
		cursor_deinit(cursor);
		return error;
	}
	cursor_advance(cursor, &reading);
	return 0;
}

void cursor_deinit(struct cursor *cursor)
{
	clock_child_end(&cursor->child);
	if (cursor->loadavg_fd >= 0)
		close(cursor->loadavg_fd);
	cursor->loadavg_fd = -1;
}

/* How many pids at most can have been taken in this time. */
static uint64_t taken_in(const struct cursor *cursor, uint64_t ns, uint64_t each_ns)
{
	return (ns / each_ns + 1) * cursor->cpus;
}

/*
 * How many allocations at least bring the cursor round to where it was at the last look: all pids
 * but the reserved ones and those that it had to skip.  It skips only what was in use then, for
 * what was taken since lies behind it.  A pid is in use as a task, and besides as the process group
 * and the session of tasks, so three times the tasks is a bound.
 */
static uint64_t whole_cycle(const struct cursor *cursor)
{
	uint64_t skipped = CURSOR_RESERVED + 3ull * cursor->last_tasks;

	return (uint64_t)cursor->pid_max > skipped ? (uint64_t)cursor->pid_max - skipped : 0;
}

static int64_t count_forks(void)
{
	ucg_autofree char *text = malloc(STAT_SIZE);
	uint64_t forks;
	ssize_t length;

	if (!text)
		return -ENOMEM;
	length = proc_read_file("/proc/stat", text, STAT_SIZE);
	if (length < 0)
		return length;
	return proc_parse_forks(text, &forks) ? -EINVAL : (int64_t)forks;
}

static int64_t take_clock(struct cursor *cursor)
{
	if (!cursor->has_clock)
		return count_forks();
	/* The one before has had its time. */
	clock_child_end(&cursor->child);
	return clock_child_start(&cursor->child);
}

static void read_clock_if_due(struct cursor *cursor, struct cursor_reading *reading)
{
	uint64_t now = monotonic_ns();
	int64_t clock;

	if (taken_in(cursor, now - cursor->last_ns, CURSOR_FORK_NS) < whole_cycle(cursor) &&
	    now - cursor->anchor_ns < ANCHOR_AGE_NS)
		return;
	reading->clock_ns = now;
	clock = take_clock(cursor);
	/* No process to be had, say: then time alone must do, and else full passes. */
	if (clock > 0)
		reading->clock = (uint64_t)clock;
}

/* What was taken since the anchor, at most. */
static uint64_t taken_by_clock(const struct cursor *cursor, const struct cursor_reading *reading,
			       uint64_t now)
{
	uint64_t taken = reading->clock - cursor->anchor;

	if (!cursor->has_clock)
		taken += taken_in(cursor, now - cursor->anchor_ns, CURSOR_FAILED_NS);
	return taken + taken_in(cursor, now - reading->clock_ns, CURSOR_FORK_NS);
}

/* The administrator may change pid_max.  Lowered, a cycle is shorter than we think; raised, a range
 * that wraps is longer: so it is looked at where a range wraps, and with every anchor. */
static bool pid_max_changed(struct cursor *cursor, const struct cursor_reading *reading)
{
	pid_t before = cursor->pid_max;

	if (!reading->clock && reading->pid >= cursor->frontier && reading->pid < before)
		return false;
	return proc_read_pid_max(&cursor->pid_max) || cursor->pid_max != before;
}

int cursor_read(struct cursor *cursor, struct cursor_reading *reading)
{
	struct proc_load load;
	uint64_t now, taken, cycle = whole_cycle(cursor);
	int error;

	*reading = (struct cursor_reading){0};
	read_clock_if_due(cursor, reading);
	reading->before_ns = monotonic_ns();
	error = read_load(cursor, &load);
	if (error)
		return error;
	now = monotonic_ns();
	reading->pid = load.last_pid;
	reading->tasks = load.tasks;
	reading->running = load.running;
	taken = taken_in(cursor, now - cursor->last_ns, CURSOR_FORK_NS);
	reading->is_trusted = taken < cycle;
	if (!reading->is_trusted && reading->clock && cursor->anchor) {
		taken = taken_by_clock(cursor, reading, now);
		reading->is_trusted = taken < cycle;
	}
	if (pid_max_changed(cursor, reading))
		reading->is_trusted = false;
	return 0;
}

void cursor_advance(struct cursor *cursor, const struct cursor_reading *reading)
{
	cursor->frontier = reading->pid;
	cursor->last_ns = reading->before_ns;
	cursor->last_tasks = reading->tasks;
	if (reading->clock) {
		cursor->anchor = reading->clock;
		cursor->anchor_ns = reading->clock_ns;
	}
}

bool cursor_may_have_gone_round(const struct cursor *cursor, uint64_t since_ns)
{
	return taken_in(cursor, monotonic_ns() - since_ns, CURSOR_FORK_NS) >= whole_cycle(cursor);
}

int cursor_stands_still(struct cursor *cursor, const struct cursor_reading *reading)
{
	struct proc_load load;
	int error = read_load(cursor, &load);

	if (error)
		return error;
	return load.last_pid == reading->pid &&
	       !cursor_may_have_gone_round(cursor, reading->before_ns);
}

uint64_t cursor_gap_ns(const struct cursor *cursor, const struct cursor_reading *reading)
{
	return GAP_NS * (1 + reading->running / cursor->cpus);
}

pid_t cursor_distance(const struct cursor *cursor, pid_t pid)
{
	return pid >= cursor->frontier ? pid - cursor->frontier
				       : pid - cursor->frontier + cursor->pid_max;
}
