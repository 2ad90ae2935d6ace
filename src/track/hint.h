/* SPDX-License-Identifier: MIT */
#ifndef TRACK_HINT_H
#define TRACK_HINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The hint: ten bits of a task's I/O priority that the kernel keeps for nobody in particular (from
 * 6.5 on).  They are the single thread's; fork copies those of the forking thread; exec keeps them,
 * also exec by a thread that is not the leader; su, a change of ids and a reset of the limits leave
 * them alone; anybody may read them.  A zombie has none.  So they are the second carrier of what
 * the marker says, and the only one for a thread that is a member on its own (tracking.md §4).
 *
 * Values below HINT_FIRST mean something to devices (command duration limits) and are not used.
 */
#define HINT_FIRST 8
#define HINT_VALUES 1024
/* So many values are kept back for single threads, who have no other carrier. */
#define HINTS_FOR_THREADS 128

/* What our values mean: epochs, 0 for none.  Written by the serving thread, read by scans: what a
 * scan on another thread finds is read again before it counts. */
struct hint_table {
	_Atomic uint32_t epoch[HINT_VALUES];
	bool is_taken[HINT_VALUES]; /* by us, or by somebody else */
	unsigned next;		    /* the longer a value has been free, the better */
	unsigned free_count;
	bool is_filled; /* who else uses which is known */
};

/**
 * hint_get() - the hint of one task
 * Return: the value, 0: none; -ESRCH.
 */
int hint_get(pid_t tid);

/**
 * hint_set() - give one task a hint, 0: take it away
 * What the kernel makes of its I/O priority stays as it is: one that it has from its nice value
 * and policy is written out, and taken back with the hint.
 * Return: 0; -ESRCH; -EPERM: not ours, or a real-time priority that only root may set; -EBUSY: it
 * has a hint already that @table does not know as ours.
 */
int hint_set(const struct hint_table *table, pid_t tid, unsigned hint);

/* Takes away a hint that is nobody's any more.  Return: as hint_set(). */
int hint_disown(pid_t tid);

/* Does the kernel keep hints? */
bool hint_is_kept(void);

/* A value for @epoch, machine-wide unused as far as can be seen; 0: there is none left.
 * @for_thread: the last ones may be taken. */
unsigned hint_take(struct hint_table *table, uint32_t epoch, bool for_thread);
void hint_give_back(struct hint_table *table, unsigned hint);

static inline uint32_t hint_epoch(const struct hint_table *table, int hint)
{
	return hint > 0 ? atomic_load_explicit(&table->epoch[hint], memory_order_relaxed) : 0;
}

#endif
