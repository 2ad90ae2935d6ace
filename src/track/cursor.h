/* SPDX-License-Identifier: MIT */
#ifndef TRACK_CURSOR_H
#define TRACK_CURSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The kernel hands pids out cyclically: the last one taken is the cursor, so all that was taken
 * between two looks lies between two cursors, in the order of its allocation, provided that less
 * than a whole cycle was taken meanwhile.  What was taken is bounded by time, as a pid takes a CPU
 * at least CURSOR_FORK_NS; where that does not do, by a clock of allocations: the inode numbers of
 * pidfs, of which every pid taken on the machine uses one; or on kernels without pidfs the count of
 * forks in /proc/stat, which leaves out the pids of forks that failed, so that those are bounded by
 * time: each takes at least CURSOR_FAILED_NS (13 us seen).
 */
#define CURSOR_FORK_NS 2000u
#define CURSOR_FAILED_NS 8000u

/* Pids below this one are not given out again once the cursor has wrapped (RESERVED_PIDS). */
#define CURSOR_RESERVED 300

/* A reading of the allocation clock that does not wait for the child that it takes a pid for. */
struct clock_child {
	_Alignas(16) char stack[4096]; /* the child's, while it lives */
	int pidfd;		       /* -1: none */
};

struct cursor {
	int loadavg_fd;
	pid_t pid_max;
	unsigned cpus;
	bool has_clock; /* pidfs; else forks are counted */
	struct clock_child child;

	pid_t frontier;	     /* cursor up to which everything is known */
	uint64_t last_ns;    /* moment before that cursor was read */
	unsigned last_tasks; /* tasks on the machine then */
	uint64_t anchor;     /* allocation clock at ... */
	uint64_t anchor_ns;  /* ... this moment, not later than last_ns; 0: none */
};

/* One reading of the cursor. */
struct cursor_reading {
	pid_t pid;
	unsigned tasks, running;
	uint64_t before_ns; /* moment before it was read */
	uint64_t clock;	    /* allocation clock, read before that; 0: not read */
	uint64_t clock_ns;  /* moment before the clock was read */
	bool is_trusted;    /* less than a whole cycle was taken since the frontier */
};

/* Return: 0; -errno of open.  The frontier is the cursor of now. */
int cursor_init(struct cursor *cursor, bool use_clock);
void cursor_deinit(struct cursor *cursor);

/* Return: 0; -EIO and the like: /proc is gone. */
int cursor_read(struct cursor *cursor, struct cursor_reading *reading);

/* Everything up to @reading is known from here on. */
void cursor_advance(struct cursor *cursor, const struct cursor_reading *reading);

/* Is the cursor still where @reading found it, and can't have gone round since?
 * Return: 1, 0, -errno. */
int cursor_stands_still(struct cursor *cursor, const struct cursor_reading *reading);

/* Can a pid that was taken at a moment have been given out again since? */
bool cursor_may_have_gone_round(const struct cursor *cursor, uint64_t since_ns);

/* How long at the most a fork takes between its pid and the moment at which the kernel answers for
 * it, as far as can be told from how many tasks wait for a processor. */
uint64_t cursor_gap_ns(const struct cursor *cursor, const struct cursor_reading *reading);

/* Number of slots between the frontier and @pid. */
pid_t cursor_distance(const struct cursor *cursor, pid_t pid);

/**
 * clock_read() - the allocation clock: the inode of a child of our own
 * Costs a fork of 50 to 100 us that shares our memory.
 * Return: the clock, never 0; -EAGAIN and the like as a negative number; -ENOTSUP: no pidfs.
 */
int64_t clock_read(void);

/* The same without waiting: on a busy machine the child may take long.  @child is in use until
 * clock_child_end(), and can't be moved. */
int64_t clock_child_start(struct clock_child *child);
void clock_child_end(struct clock_child *child);

uint64_t monotonic_ns(void);
/* As the kernel counts the start of tasks: through suspends. */
uint64_t boot_ns(void);

#endif
