/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_TRACK_H
#define UCGROUPFS_TRACK_H

#include <stdbool.h>
#include <stddef.h>

#include "ucgroupfs/log.h"
#include "ucgroupfs/tracker.h"

/*
 * The tracker on real processes: markers, witnesses, discovery.  Owned and called by the serving
 * thread; full passes run on a thread of its own.
 */

/* Optional kernel features, probed once at start; a row each.  Tests switch rows off one by one
 * (--without=NAME), so that every fall-back runs. */
enum ucg_probe {
	UCG_PROBE_PIDFS_CLOCK,	/* st_ino of a pidfd counts allocations (6.9) */
	UCG_PROBE_PIDFD_INFO,	/* ioctl(PIDFD_GET_INFO) (6.13) */
	UCG_PROBE_PROC_WHOLE,	/* /proc shows every process: not hidepid=, not subset=pid */
	UCG_PROBE_PIDNS,	/* ioctl(NS_GET_PID_IN_PIDNS) and its inverse (6.11) */
	UCG_PROBE_HINTS,	/* hint bits of the I/O priority (6.5) */
	UCG_PROBE_THREAD_PIDFD, /* pidfds of single threads (6.9) */
	UCG_PROBE_FORK_EVENTS,	/* the process connector; for everybody (6.6) */
	UCG_PROBES,
};
/* Name of a probe on the command line and in messages, "pidfs-clock" and so on; index enum
 * ucg_probe. */
extern const char *const ucg_probe_names[UCG_PROBES];

struct ucg_track_config {
	struct ucg_log *log;   /* borrowed for life */
	unsigned switched_off; /* bits 1u << enum ucg_probe */
	struct ucg_tracker_events events;
};

/**
 * ucg_track_new() - start tracking for one hierarchy
 * Raises the soft limit of open files to the hard one.
 * Context: signals are blocked in the calling thread (the worker inherits that).
 * Return: 0; -ENOENT: no usable /proc; -ENOSYS: no pidfd_open; -EMFILE, -ENOMEM, -EAGAIN.
 */
int ucg_track_new(const struct ucg_track_config *config, struct ucg_tracker **trackerp);

/* Descriptor for the loop: readable when ucg_track_dispatch() has work.  Silent while idle. */
int ucg_track_fd(struct ucg_tracker *tracker);

/* Deaths and finished passes; delivers events.  Context: serving thread. */
void ucg_track_dispatch(struct ucg_tracker *tracker);

/* Every death before now is accounted for, and its events delivered: blocks for full passes where
 * they are needed, for some seconds at most.  For the end of service.  Context: serving thread. */
void ucg_track_settle(struct ucg_tracker *tracker);

/* Takes back the markers of all members, gives them the soft limit that they had, frees all.
 * @leftp: out: how many groups were still populated.  Returns NULL. */
struct ucg_tracker *ucg_track_stop(struct ucg_tracker *tracker, size_t *leftp);

#endif
