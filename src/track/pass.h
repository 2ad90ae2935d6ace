/* SPDX-License-Identifier: MIT */
#ifndef TRACK_PASS_H
#define TRACK_PASS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <urcu/list.h>

#include "cursor.h"
#include "scan.h"
#include "ucgroupfs/text.h"
#include "ucgroupfs/tracker.h"

/*
 * Full passes over all tasks, on a thread of their own, so that the loop goes on serving.  A job is
 * the worker's alone from pass_start() until pass_finished() hands it back.
 */

enum pass_kind {
	PASS_MEMBERS, /* find every member: passes over all slots or all of /proc */
	PASS_RANGE,   /* a look at a range that is too long for the loop */
	PASS_ROOT,    /* list every task that carries no marker of ours */
};

/* A member that was known and alive when the job was made. */
struct pass_known {
	pid_t pid;
	uint32_t epoch;
	bool is_thread; /* of a split process: it stands for no other */
};

struct pass_job {
	struct cds_list_head link;
	enum pass_kind kind;

	/* In */
	uint64_t started_ns;
	uint64_t looks;		  /* number of this look: who was suspect before it */
	struct pass_known *known; /* ascending by pid, owned */
	size_t known_count;
	struct ucg_pids splits; /* split processes: /proc is asked for each of their threads */
	pid_t pid_max;
	bool by_proc;	 /* over /proc rather than slots */
	bool by_counter; /* read the allocation clock before and after (counter rule) */
	enum ucg_list_what what;
	uint32_t *root_epochs; /* PASS_ROOT: epochs that mean the root, owned */
	size_t root_epoch_count;
	pid_t frontier;		       /* PASS_RANGE: from here to reading.pid */
	struct pending pending;	       /* PASS_RANGE: slots to be read again */
	struct cursor_reading reading; /* of the cursor, before the first pass */

	/* Out */
	struct scan scan;
	bool quiet;	      /* by_counter: no pid was taken meanwhile but the one of the clock */
	struct ucg_pids pids; /* PASS_ROOT: the list */
	int error;
};

struct pass_worker {
	pthread_t thread;
	bool is_running;
	pthread_mutex_t mutex;
	pthread_cond_t wanted;
	struct cds_list_head todo, done; /* mutex */
	bool stop;			 /* mutex */
	int done_fd;			 /* eventfd: something is done */
};

/* Return: 0; -EMFILE and the like: then it can be ended, and nothing else.  The thread itself is
 * started by the first job. */
int pass_worker_init(struct pass_worker *worker);
/* Waits for the job under way and runs the looks that have not begun; what is done is to be had
 * from pass_finished().  Jobs that are started from now on run in their caller. */
void pass_worker_stop(struct pass_worker *worker);
/* Stops it and throws away what is left. */
void pass_worker_deinit(struct pass_worker *worker);

/* A job with its scan made ready; NULL: no means. */
struct pass_job *pass_job_new(enum pass_kind kind, const struct marker_scheme *scheme);
void pass_job_free(struct pass_job *job);

/* Return: 0: the job is the worker's; -EAGAIN: no thread to be had, the job is still the caller's.
 */
int pass_start(struct pass_worker *worker, struct pass_job *job);
/* The next job that is done, the caller's; NULL: none. */
struct pass_job *pass_finished(struct pass_worker *worker);

/* What the worker does with a job; for a caller that may block (the end of tracking, tests). */
void pass_run(struct pass_job *job);

#endif
