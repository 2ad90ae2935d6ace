/* SPDX-License-Identifier: MIT */
#ifndef TRACK_MARKER_H
#define TRACK_MARKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "hint.h"

/*
 * The marker: the group of a process, written on the process as a soft resource limit that has had
 * no effect since Linux 2.4.  fork copies it inside the kernel; exec, setsid, reparenting and a
 * cleared environment keep it (design.md §3).
 *
 *	magic (16 bits) | hierarchy (16 bits) | epoch (32 bits)
 */
#define MARKER_MAGIC 0x7563u

/*
 * Which of the two limits carries it: the first, unless something else is in its way; none where
 * neither can, for a task that is known by its hint alone.
 */
enum marker_carrier { MARKER_LOCKS, MARKER_RSS, MARKER_CARRIERS, MARKER_NONE = MARKER_CARRIERS };

/* How markers of this mount look; owned by the tracker, copied into each scan. */
struct marker_scheme {
	uint16_t hierarchy;		/* random, ours */
	bool second_used;		/* some process carries ours in MARKER_RSS: read both */
	const struct hint_table *hints; /* NULL: the kernel keeps none */
};

/*
 * What a task carries of ours.  Its hint decides, which is the thread's own: the limit is that of
 * the whole process.  A hint counts only next to a marker of ours, or where there is none of
 * anybody: next to another hierarchy's it is that one's, which may use the same values.
 */
struct marker {
	uint32_t epoch; /* that decides */
	enum marker_carrier carrier;
	uint32_t limit;	 /* epoch in the limit that is the carrier; 0 and MARKER_NONE: none */
	uint32_t hint;	 /* epoch that the hint means; 0: none */
	bool is_foreign; /* its limits are not ours to read: a task of another user */
};

__rlimit_resource_t marker_resource(enum marker_carrier carrier);

static inline uint64_t marker_value(uint16_t hierarchy, uint32_t epoch)
{
	return (uint64_t)MARKER_MAGIC << 48 | (uint64_t)hierarchy << 32 | epoch;
}

/* A marker of some hierarchy, ours or another. */
static inline bool marker_is_any(uint64_t soft)
{
	return soft >> 48 == MARKER_MAGIC;
}

static inline bool marker_is_ours(uint16_t hierarchy, uint64_t soft)
{
	return soft >> 32 == ((uint64_t)MARKER_MAGIC << 16 | hierarchy);
}

/**
 * marker_read() - what a thread carries, whoever owns it
 * @pid: thread id; a process's is its leader's
 * The limit is read before the hint.  A task may lose either at any time, and can't get it back: so
 * one that carries one of the two all the time is never missed.
 * Return: 1: it carries ours; 0: it does not; -ESRCH: no task has this id.  *@marker is filled in
 * both of the first cases.
 * A task of another user answers through /proc/PID/limits (a setuid program keeps the marker).
 */
int marker_read(const struct marker_scheme *scheme, pid_t pid, struct marker *marker);

/**
 * marker_read_live() - the same of a live thread
 * One that has ended keeps its limit and loses its hint, so what is left of it would say the wrong
 * thing.
 * Return: as marker_read(); -ESRCH too if it has ended; -EMFILE and the like: that can't be told.
 */
int marker_read_live(const struct marker_scheme *scheme, pid_t tgid, pid_t tid,
		     struct marker *marker);

/* What may be written over: the marker of a hierarchy that is known to be dead. */
struct registry;

/**
 * marker_choose() - which limit of a process can carry a marker
 * @registry: tells the dead; NULL: all others count as alive
 * @value: the marker, or the highest that it could be
 * @softp: out: its soft limit now, to be given back one day
 * @is_heirp: out: it is the limit of a dead hierarchy
 * Return: 0; -ESRCH; -EPERM: not ours to mark; -EBUSY: two other hierarchies hold it.
 */
int marker_choose(const struct registry *registry, pid_t pid, uint64_t value,
		  enum marker_carrier *carrierp, uint64_t *softp, bool *is_heirp);

/**
 * marker_write() - set the soft limit that carries the marker
 * @soft: a marker, or the limit to give back
 *        (as far as the hard limit lets)
 * Return: 0; -ESRCH; -EPERM; -EINVAL: a marker above the hard limit.
 */
int marker_write(pid_t pid, enum marker_carrier carrier, uint64_t soft);

#endif
