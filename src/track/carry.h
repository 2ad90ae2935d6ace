/* SPDX-License-Identifier: MIT */
#ifndef TRACK_CARRY_H
#define TRACK_CARRY_H

#include "track_internal.h"

/*
 * Both carriers together: what a process has of ours, and what it is given.
 *
 * What decides afterwards is written first: the hint, or where there is none the limit, after which
 * an old hint is taken away.  So a fork that copies limit and hint in the middle of it comes out
 * either as before or as after, and one that comes out as before is a straggler like any other
 * (mover.h).
 *
 * Context of all functions: serving thread.
 */
struct carried {
	struct epoch *epoch;  /* that decides where the leader is; NULL: none of ours */
	struct epoch *limit;  /* in its limit; NULL: none */
	struct epoch_key key; /* what it can carry, as far as can be seen */
	int refusal;	      /* why no limit can: -EPERM, -EBUSY; 0: one can */
	bool is_heir;	      /* its marks are those of a dead hierarchy */
};

/* The epoch that decides where a task with these marks is.  NULL: none of ours, or written by
 * somebody else, or of a group that was declared empty: nobody's. */
struct epoch *carry_epoch(struct track *track, const struct marker *marker);

/* Return: 0; -ESRCH; want of means. */
int carry_read(struct track *track, pid_t pid, struct carried *carried);

/* Frees the hints of a process that are left over from a dead hierarchy. */
void carry_inherit(pid_t pid);

/* The state of a member that was given all that is in this epoch. */
enum mark_state carry_state(const struct epoch *epoch);

/**
 * carry_write() - give a process the marks of a group
 * @key: in: what it can carry; out: what it does carry now
 * @threaded: it has several threads, and each gets the hint
 * Return: 0 and the epoch; -ESRCH; -ENOMEM.  What can't be written is left out: see @key.
 */
int carry_write(struct track *track, pid_t pid, struct tracked_group *group, struct epoch_key *key,
		bool threaded, struct epoch **epochp);

/* The state of a whole process, a member, follows from what it was seen to carry; if it has lost
 * one of the two, it gets it back. */
void carry_take_state(struct track *track, struct member *member, const struct marker *marker);

/* One thread's hint becomes that of its epoch, or with NULL none.  Return: as hint_set(). */
int carry_write_thread(struct track *track, pid_t tid, const struct epoch *epoch);

/* The same for all threads of a process that have another.  Return: how many had; as hint_set(). */
int carry_write_threads(struct track *track, pid_t pid, const struct epoch *epoch);

/* Takes all marks back and gives the limit that was there before. */
int carry_strip(struct track *track, pid_t pid);

#endif
