/* SPDX-License-Identifier: MIT */
#ifndef TRACK_MOVER_H
#define TRACK_MOVER_H

#include "track_internal.h"

/*
 * Moves with a fork in flight.  fork copies the limits before it takes a pid, so a child that is in
 * flight while its parent is moved from A to B comes out later with A's marker, or with none if the
 * parent had none; the kernel puts it into B.
 *
 * M1. If each thread of the mover was seen outside of a fork after the new marker was written, then
 *     every fork that copied the old one has come out.  If that was so before the attach was
 *     answered, nobody can tell that such a fork was not over before the attach: nothing is to do.
 * M2. Otherwise the mover is watched until M1 holds.  Meanwhile a child of his that carries the old
 *     marker, or none, and was taken after the look made at the attach, is marked again; and so are
 *     the children of such a child that carried none, for each link was taken after the attach.
 *     If he moves on meanwhile, that is where they belong.
 * M3. When A is declared empty while a mover is watched, A's epochs follow him: they mean B from
 *     then on, and A gets a new one with its next member.  So a straggler whose parent has died
 *     meanwhile lands where the kernel would have put it.
 *
 * M4. The threads of a process get their hints one by one, and one that is in flight meanwhile has
 *     the old one.  So when all that were listed have been seen outside of a fork, they are listed
 *     again, until none has another hint.
 *
 * M5. Where A is not exact (discovery.h, G1), a fork may be in flight there of which nobody knows.
 *     It comes out where its forker is: so B is not exact either, from such a move on.
 *
 * M6. If the look at the attach leaves A exact and without a known member, the mover was its last
 *     one: whatever else belonged to A is known or dead by G1.  So its epoch follows him at once,
 *     and a straggler lands in B also if his parent is dead when it is found.
 *
 * Inexact: two members of one epoch moved to different groups in mid-fork, with the forker already
 * dead when the child is found (the epoch follows the last one); a straggler without a marker
 * whose parent is dead when it is found, or with that of a group that has other members still.
 * Where there are hints that takes a fork caught in the microseconds between the copy of the hint
 * and the child; a thread that is moved alone in the midst of those is not watched.
 *
 * Context of all functions: serving thread.
 */
struct mover_thread {
	pid_t tid;
	uint64_t user_time; /* ticks, when first looked at */
};

struct mover {
	struct cds_list_head link;
	pid_t pid;
	int pidfd;
	struct epoch *old;	  /* that it carried; NULL: none */
	struct tracked_group *to; /* NULL: the root */
	/* Where the look at the attach could not be made: the cursor of then, for the first look
	 * after it, whose range begins before the attach. */
	bool is_behind;
	pid_t since;
	uint64_t since_ns;
	struct mover_thread *threads; /* not yet seen outside of a fork */
	size_t thread_count;
	struct ucg_pids kin; /* stragglers without a marker that were adopted */
};

/**
 * mover_watch() - a process was moved; watch it if a fork may be in flight
 * @old: epoch before; NULL: it carried none
 * @to:  NULL for the root
 * Return: true: it is watched; false: M1 holds already.
 */
bool mover_watch(struct track *track, pid_t pid, struct epoch *old, struct tracked_group *to);

/* A process that may be watched for an earlier move is moved, and nothing of it is in flight. */
void mover_moves_on(struct track *track, pid_t pid, struct tracked_group *to);

/* Was this live task, found with the marker of @epoch, in flight at a move?  Then it is marked
 * again and admitted where it belongs.  Context: merging a look. */
bool mover_claims(struct track *track, pid_t pid, struct epoch *epoch);

/* The same for a task that carries no marks.  Return: whether it was. */
bool mover_claims_stranger(struct track *track, pid_t pid);

/* The group of @epoch is declared empty, or gone: the epoch follows the last mover who carried it.
 */
void mover_forward(struct track *track, struct epoch *epoch);

/* Take the marker back from a process that belongs to the root. */
void mover_release(struct track *track, pid_t pid, const struct epoch *epoch);

/* Everything up to @reading has been looked at. */
void mover_caught_up(struct track *track, const struct cursor_reading *reading);

/* Look again at all movers; those of whom M1 holds are done. */
void mover_follow_all(struct track *track);

/* The group is gone, or with NULL the tracker: nobody is to be moved there any more. */
void mover_forget(struct track *track, const struct tracked_group *to);

#endif
