/* SPDX-License-Identifier: MIT */
#ifndef TRACK_SPLIT_H
#define TRACK_SPLIT_H

#include "track_internal.h"

/*
 * Split processes: a thread was moved alone.  From then on each thread that is in a group is a
 * member on its own, told by its hint, or where it has none by the limit of its process.
 *
 * T1. A thread of a split process that is in a group is known, pending or dead, like any member:
 *     those that lived at the split were listed then, and a later one has a slot of its own, which
 *     a look examines after that of the thread that made it.
 * T2. exec by a thread that is not the leader ends all others and puts it into the leader's slot,
 *     with its own hint: so a task can get from a slot that a look has yet to read into one that it
 *     has read, or that lies before its range.  Therefore each look reads the leaders' slots of
 *     split processes first: who has come there before may fork and die while the range is read.
 *     And again last: who was in his own slot when that was read was found there, who had left it
 *     by then is in the leader's, and what he forks from there on moves the cursor.  A process that
 *     is not known yet has its threads in one group, and its leader tells, or, if that has ended,
 *     any other (scan.c).
 * T3. A process is split as long as one of its threads is a member.  When only one thread is left
 *     it is whole again, in that thread's group; when no member is left it is stripped.
 *
 * The end of a leader before its process makes no event at all (tracking.md §1).  So it is never
 * held: a group with no other member is looked at again from time to time, and by each settle.
 *
 * Context of all functions: serving thread.
 */

/* Makes a process split, if it is not yet.  Return: 0; -ESRCH; -ENOMEM; -EMFILE and the like;
 * -EPERM, -EBUSY: a thread of it can't be told. */
int split_up(struct track *track, pid_t pid, struct split **splitp);

/* A thread is known to be a member.  Return: it; NULL: no memory, or it is gone. */
struct member *split_admit(struct track *track, struct split *split, pid_t tid,
			   struct epoch *epoch);

/* Is it the leader of a split process? */
static inline bool split_is_leader(const struct member *member)
{
	return member->split && member->pid == member->split->pid;
}

/* Its threads are no members any more, and their groups may be empty. */
void split_dissolve(struct track *track, struct split *split);

/* A thread that was a member is gone: look at the process when there is time. */
void split_changed(struct track *track, struct split *split);
/* Looks at those. */
void split_mend_all(struct track *track);

/* The first step of a look, and the last (T2). */
void split_read_leaders(struct track *track);
/* The ids of all split processes, appended.  Return: 0; -ENOMEM. */
int split_list(struct track *track, struct ucg_pids *pids);

/* Moves one thread; NULL for the root.  Return: as ucg_tracker_ops.attach. */
int split_move_thread(struct track *track, const struct ucg_task *task, struct tracked_group *to);

#endif
