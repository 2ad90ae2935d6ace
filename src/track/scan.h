/* SPDX-License-Identifier: MIT */
#ifndef TRACK_SCAN_H
#define TRACK_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "marker.h"
#include "ucgroupfs/text.h"

/*
 * Looking at slots: a slot is a pid, whoever has it.  A scan runs on one thread, in the loop for a
 * range or on the worker for full passes, touches nothing but its own lists, and is merged into the
 * roster by the serving thread.
 */

struct scan_found {
	pid_t pid; /* the process's */
	pid_t tid; /* the slot in which it was found */
	int pidfd; /* owned until taken; -1: dead again, known, or no descriptor left */
	struct marker marker;
	bool dead;     /* it was a member, and is gone or a zombie */
	bool known;    /* a thread of a process that is known in this very epoch */
	bool threaded; /* found by a thread that is not its leader */
	bool forged;   /* no member's child: it counts for nothing (lineage.h, L3) */
	bool unproved; /* nobody knows whose child it is */
};

/*
 * Slots that are to be read again: those in flight, and doubts.  Between the moment at which a fork
 * takes its pid and that at which the kernel answers for it, the slot reads as free: that takes a
 * microsecond, or as long as the forker is not on a processor.  So a slot that was taken lately and
 * reads as free is in doubt for a while.
 */
struct pending_slot {
	pid_t pid;
	uint64_t until_ns;	     /* the doubt's end; or one of the two */
#define PENDING_IN_FLIGHT UINT64_MAX /* until it comes out or is free */
#define PENDING_NEW_DOUBT 0	     /* its end is to be set */
};

/* All zero is an empty one. */
struct pending {
	struct pending_slot *slot; /* in order of allocation */
	size_t count, capacity;
};

void pending_clear(struct pending *pending);
/* New doubts last to @until_ns. */
void pending_date(struct pending *pending, uint64_t until_ns);

/* No more than the last so many slots are put in doubt. */
#define SCAN_DOUBTS 4096

struct scan {
	struct marker_scheme scheme;
	bool pends;	       /* slots in flight and in doubt go on the pending list */
	pid_t cursor, pid_max; /* where the last pid was taken: what lies before it was lately */
	int scratch_fd;	       /* for F_SETOWN, the scan's own */
	size_t spare; /* pidfds that it may keep still; further members are found without */

	/* Is this a known live member that carries this very epoch?  Then it is passed over.
	 * @as_process: is it known as a whole, so that it stands for any of its threads? */
	bool (*is_known)(void *context, pid_t pid, uint32_t epoch, bool as_process);
	/* A live task without our marker; may mark it (stragglers of a move).  NULL: nobody asks.
	 */
	void (*stranger)(void *context, pid_t pid);
	void *context;

	struct scan_found *found;
	size_t found_count, found_capacity;
	struct pending pending;
	struct ucg_pids bare; /* live slots that carried nothing, to be read once more */
	int error;	      /* first one: then the scan proves nothing */
};

/* Return: 0; -EMFILE and the like. */
int scan_init(struct scan *scan);
/* Closes what nobody took. */
void scan_deinit(struct scan *scan);

/*
 * The last step of a look or a pass: what lived and carried nothing is read once more.  A leader
 * that has ended and has lost its limit reads like a stranger, and a thread that replaces it by an
 * exec may have left its own slot before that was read.  That two threads of one process do so
 * between these readings is assumed not to happen.
 */
void scan_bare(struct scan *scan);

/* One slot. */
void scan_slot(struct scan *scan, pid_t pid);
/* Slots first..last, ascending. */
void scan_slots(struct scan *scan, pid_t first, pid_t last);
/* The slots that were found in flight or in doubt, again. */
void scan_pending(struct scan *scan);
/* A look: the slots of @pending, oldest first, then those after @frontier up to scan->cursor, in
 * the order in which they were taken. */
void scan_range(struct scan *scan, const struct pending *pending, pid_t frontier);
/* The processes that /proc lists, and all threads of @splits. */
void scan_proc(struct scan *scan, const struct ucg_pids *splits);

#endif
