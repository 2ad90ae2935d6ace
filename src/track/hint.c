/* SPDX-License-Identifier: MIT */
#include "hint.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc.h"
#include "ucgroupfs/scope.h"

/* linux/ioprio.h, from 6.5 on: class (3 bits) | hint (10 bits) | level (3 bits). */
#define CLASS_OF(value) ((unsigned)(value) >> 13)
#define HINT_OF(value) ((unsigned)(value) >> 3 & (HINT_VALUES - 1))
#define HINT_BITS ((HINT_VALUES - 1) << 3)

static int io_priority(pid_t tid)
{
	long value = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, tid);

	return value < 0 ? -errno : (int)value;
}

static int set_io_priority(pid_t tid, unsigned value)
{
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, value) ? -errno : 0;
}

int hint_get(pid_t tid)
{
	int value = io_priority(tid);
	unsigned hint;

	if (value < 0)
		return value;
	hint = HINT_OF(value);
	return hint >= HINT_FIRST ? (int)hint : 0;
}

/* sched_getattr() tells it of those alone whom it concerns. */
static int nice_of(pid_t tid, const struct sched_attr *attributes)
{
	long turned = attributes->sched_policy == SCHED_NORMAL
			      ? -1
			      : syscall(SYS_getpriority, PRIO_PROCESS, tid);

	/* The system call's answer is 20 less the nice value. */
	return turned > 0 ? (int)(20 - turned) : attributes->sched_nice;
}

/* What the kernel makes of a task without an I/O priority of its own: block/ioprio.c. */
static int default_priority(pid_t tid, unsigned *valuep)
{
	struct sched_attr attributes = {.size = sizeof(attributes)};
	unsigned class = IOPRIO_CLASS_BE;

	if (syscall(SYS_sched_getattr, tid, &attributes, sizeof(attributes), 0))
		return -errno;
	if (attributes.sched_policy == SCHED_IDLE)
		class = IOPRIO_CLASS_IDLE;
	else if (attributes.sched_policy == SCHED_FIFO || attributes.sched_policy == SCHED_RR ||
		 attributes.sched_policy == SCHED_DEADLINE)
		class = IOPRIO_CLASS_RT;
	*valuep = class << 13 | (unsigned)(nice_of(tid, &attributes) + 20) / 5;
	return 0;
}

static int replace(pid_t tid, int value, unsigned hint)
{
	unsigned wanted = (unsigned)value & ~(unsigned)HINT_BITS, usual = 0;
	int error = 0;

	if (hint && CLASS_OF(value) == IOPRIO_CLASS_NONE)
		error = default_priority(tid, &wanted);
	else if (!hint && default_priority(tid, &usual) == 0 && usual == wanted)
		wanted = 0;
	return error ? error : set_io_priority(tid, wanted | hint << 3);
}

int hint_set(const struct hint_table *table, pid_t tid, unsigned hint)
{
	int value = io_priority(tid);

	if (value < 0)
		return value;
	if (HINT_OF(value) == hint)
		return 0;
	if (HINT_OF(value) && !hint_epoch(table, (int)HINT_OF(value)))
		return hint ? -EBUSY : 0;
	return replace(tid, value, hint);
}

int hint_disown(pid_t tid)
{
	int value = io_priority(tid);

	if (value < 0)
		return value;
	return HINT_OF(value) >= HINT_FIRST ? replace(tid, value, 0) : 0;
}

bool hint_is_kept(void)
{
	static const struct hint_table none;
	int before = io_priority(0);
	bool is_kept;

	if (before < 0 || HINT_OF(before))
		return before >= 0;
	is_kept = hint_set(&none, 0, HINT_FIRST) == 0 && hint_get(0) == HINT_FIRST;
	/* Can't fail: it was so before. */
	set_io_priority(0, (unsigned)before);
	return is_kept;
}

/* Values that tasks carry before we have given out any are somebody else's. */
static void note_users(struct hint_table *table, pid_t tgid)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids threads = {0};

	if (proc_read_threads(tgid, &threads))
		return;
	for (size_t i = 0; i < threads.count; i++) {
		int hint = hint_get(threads.pid[i]);

		if (hint > 0 && !table->is_taken[hint]) {
			table->is_taken[hint] = true;
			table->free_count--;
		}
	}
}

static void fill(struct hint_table *table)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids processes = {0};
	uint16_t random = 0;

	table->is_filled = true;
	table->free_count = HINT_VALUES - HINT_FIRST;
	/* Two that start at the same moment shall not take the same ones; without a random number
	 * they only might. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) == sizeof(random))
		table->next = random % HINT_VALUES;
	/* Where /proc can't be read nobody is seen: then the marker beside the hint must tell. */
	if (proc_read_processes(&processes))
		return;
	for (size_t i = 0; i < processes.count; i++)
		note_users(table, processes.pid[i]);
}

unsigned hint_take(struct hint_table *table, uint32_t epoch, bool for_thread)
{
	unsigned hint;

	if (!table->is_filled)
		fill(table);
	if (table->free_count <= (for_thread ? 0 : HINTS_FOR_THREADS))
		return 0;
	do {
		table->next = (table->next + 1) % HINT_VALUES;
		hint = table->next;
	} while (hint < HINT_FIRST || table->is_taken[hint]);
	table->is_taken[hint] = true;
	table->free_count--;
	atomic_store_explicit(&table->epoch[hint], epoch, memory_order_relaxed);
	return hint;
}

void hint_give_back(struct hint_table *table, unsigned hint)
{
	if (!hint)
		return;
	atomic_store_explicit(&table->epoch[hint], 0, memory_order_relaxed);
	table->is_taken[hint] = false;
	table->free_count++;
}
