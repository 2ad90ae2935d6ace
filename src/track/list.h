/* SPDX-License-Identifier: MIT */
#ifndef TRACK_LIST_H
#define TRACK_LIST_H

#include "track_internal.h"

/* Who is in a group.  Context: serving thread.  Return of all: as ucg_tracker_ops.list. */

/* All members of a group are known from here on, and live; NULL: it has none. */
int list_find_members(struct track *track, struct ucg_group_id id, uint64_t since_ns,
		      struct tracked_group **groupp);

int list_group(struct track *track, struct ucg_group_id id, enum ucg_list_what what,
	       uint64_t since_ns, struct ucg_pids *pids);

/* Every task that is in no other group: one pass over all threads, by the worker. */
int list_root(struct track *track, enum ucg_list_what what, uint64_t since_ns,
	      struct ucg_pids *pids);

#endif
