/* SPDX-License-Identifier: MIT */
#ifndef TRACK_INTERNAL_H
#define TRACK_INTERNAL_H

#include <sys/eventfd.h>

#include "births.h"
#include "cursor.h"
#include "pass.h"
#include "registry.h"
#include "roster.h"
#include "ucgroupfs/track.h"

/* A look that is longer than this is made by the worker: the loop has others to serve. */
#define TRACK_LOOK_MAX 4096
/* This much takes some 20 ms. */
#define TRACK_LOOK_LONG 65536

/* One tracker: everything is the serving thread's, but for the job that the worker has. */
struct track {
	struct ucg_tracker base; /* first: the interface that core knows */
	struct ucg_track_config config;
	struct roster roster;
	struct registry registry;
	struct cursor cursor;
	struct births births;
	struct pending pending;	       /* slots in flight and in doubt, oldest first */
	struct cds_list_head suspects; /* groups without a known live member, oldest first */
	struct cds_list_head changed;  /* split processes that have lost a thread */
	struct cds_list_head exempts;  /* from being taken for strangers, see discovery_exempt() */
	struct ucg_pids wards;	       /* who may be members, in order of their births: L4 */
	struct cds_list_head killed;   /* epochs of cgroup.kill, while somebody of them may live */
	struct cds_list_head halted;   /* members that are to die when all their kin is found: K5 */
	uint64_t halted_ns;	       /* when the first of them was halted */
	uint64_t doomed_count;	       /* how many have been admitted with a killed epoch, ever */
	unsigned movers_held;	       /* pidfds of movers */
	struct cds_list_head movers;   /* forks in flight at a move, see mover.h */

	int epoll;    /* pidfds of held members, births, and the three below */
	int kick_fd;  /* eventfd: suspects wait for the next dispatch */
	int timer_fd; /* movers and retries: only armed while there are some */
	struct pass_worker worker;

	bool is_of_root;       /* the daemon is root's: then nobody is another user (lineage.h) */
	bool has_parent_info;  /* UCG_PROBE_PIDFD_INFO */
	bool has_thread_pidfd; /* UCG_PROBE_THREAD_PIDFD */
	bool proc_is_whole;    /* UCG_PROBE_PROC_WHOLE */
	bool has_pidns;	       /* UCG_PROBE_PIDNS */
	bool by_counter;       /* pids may be chosen by their forkers (set_tid): discovery.h, G4 */

	bool pids_are_uncounted; /* pids may be chosen, and there is no clock to count them by */

	uint64_t looks;		       /* looks begun: stamps suspects */
	struct cursor_reading reading; /* of the last complete look */
	uint64_t looked_ns;	       /* moment of the last complete look */
	uint64_t passes_ns;	       /* when the last full passes that were completed began */
	uint64_t unquiet_ns;   /* since when the counter rule has been tried in vain; 0: not */
	bool claims;	       /* merging a look: movers may claim what was found */
	bool looked_by_worker; /* the last look was */
	bool passes_running;   /* PASS_MEMBERS or PASS_RANGE */
	bool is_clean;	       /* all marks have been taken back */
	bool retry_told;       /* the log knows of it */
	bool retry;	       /* something failed for want of means; try again by the timer */
	unsigned timer_ms;     /* current pause of the timer, 0: not armed */

	/* The last list of the root, and whether one is being made. */
	struct ucg_pids root_list[2]; /* by enum ucg_list_what */
	int root_error[2];	      /* why there is none */
	uint64_t root_listed_ns[2];   /* when it was begun; 0: never */
	uint64_t root_listing_ns[2];  /* when the one under way was begun; 0: none */
};

static inline struct track *track_of(struct ucg_tracker *tracker)
{
	return (struct track *)tracker;
}

/* Has the event come?  Then it is over. */
static inline bool track_take_event(int fd)
{
	eventfd_t count;

	/* A timer's descriptor reads the same way: eight bytes, or EAGAIN. */
	return eventfd_read(fd, &count) == 0;
}

/* Arms the timer for the next follow-up, with growing pauses; @soon starts over at 1 ms. */
void track_arm_timer(struct track *track, bool soon);

/* The next dispatch shall come at once. */
void track_kick(struct track *track);

#endif
