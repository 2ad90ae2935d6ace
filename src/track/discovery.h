/* SPDX-License-Identifier: MIT */
#ifndef TRACK_DISCOVERY_H
#define TRACK_DISCOVERY_H

#include "track_internal.h"

/*
 * Discovery: which tasks carry a group's marker, exactly, although they fork while we look.
 *
 * What the kernel does.  A fork is four steps: (1) it copies the limits, so the marker; (2) it
 * takes a pid, and the cursor moves, but the pid reads as free still; (3) the kernel answers for
 * the pid, and nobody can see a task there yet; (4) the task becomes visible, or the fork fails and
 * the pid is free again.  The forker can't die between (1) and (4).  Pids are taken in cyclic
 * order.  The *gap* between (2) and (3) is a microsecond of work in alloc_pid(), where the forker
 * may have to wait for its turn on a processor.
 *
 * Words.  A *slot* is a pid.  A slot is *in flight* between (2) and (4).  A task *is taken* at (2).
 * A slot that was taken lately and reads as free is *in doubt*, until more time has gone by than a
 * gap takes (cursor_gap_ns()); that no gap is longer is assumed, and nothing else is.  A member is
 * *known* if it is in the roster and its pidfd was not readable when last drained.  A group is
 * *suspect* if no known member of it lives.  The *frontier* is a value c of the cursor.
 *
 * G1, invariant of an exact group.  Every member that was taken before the cursor was read as the
 * frontier is known, or on the pending list (in flight or in doubt), or dead.
 *
 * G2, a look keeps G1.  discovery_look() reads the cursor c, trusts the range (frontier, c] only if
 * less than a whole cycle was taken since the frontier (cursor.h), and examines the pending slots,
 * oldest first, then the range, in the order of allocation.  A slot is either without a member; or
 * holds a live one, which becomes known; or is in flight, and becomes pending, because it is seen
 * to be so or because it reads as free and is in doubt.  A doubt is dropped when no gap can hide a
 * member there any more.  As the order is that of allocation, each member's slot is read after its
 * forker's.
 *
 * G3, declaring.  Let group g be exact, and suspect before a look began; let the look find nothing
 * of g; let the cursor still be c afterwards, without a whole cycle in between.  Then g is empty.
 * Proof.  Suppose a member z lives or is in flight now.  No pid was taken since c was read, so z
 * was taken before, and its slot is pending or in the range (else z was known, by G1, but all known
 * ones are dead).  Its slot was read and no member was found, so z was in flight then, and its
 * forker q lived.  q is a member taken before z.  It was not known, as the known ones were dead
 * before the look began; so q's own slot was pending or in the range, and was read earlier than
 * z's, at a time when q was alive or in flight.  Alive: it was found, contradiction.  In flight:
 * the same argument for q and its forker; the chain ends, for pids are finite.
 *
 * Zombies count for nothing: whoever is dead when his slot is read has forked before, and what he
 * forked lies later in the order and was out, for he could not die with a fork in flight.
 *
 * G3 holds for slots that keep their task.  exec by a thread that is not the leader moves one into
 * a slot that was taken long ago: split.h, T2.
 *
 * Groups that became suspect during the look are not declared by it: a known member may have
 * finished a fork and died between the examination of the slot and the second drain.
 *
 * G4, full passes.  Where the range can't be trusted, all tasks are looked at, and the cursor c
 * that was read before becomes the frontier.  Over slots, one pass is enough if it pends what is in
 * flight: a member that was taken before c is alive, in flight or dead when its slot is read, so it
 * becomes known, pending or is dead; that is G1, for all groups, whoever is alive, and whatever the
 * order of the slots.  In doubt are the last slots before c alone (SCAN_DOUBTS): more are not taken
 * while a gap lasts.
 *
 * Over /proc what is in flight is not seen.  But let two passes find nobody alive of a group that
 * was suspect before them.  A member that was taken before c and is not found by the first is dead,
 * or was in flight when its slot was read; in the second it is found, or dead, or in flight still,
 * and then its forker lived all through the first and was found.  What was taken since lies in the
 * next range.  Such a group is exact again.  One with a known live member is not: that member may
 * have been forking behind the scan.
 *
 * G5, counter rule.  Where members may choose their pids (clone3 with set_tid, ns_last_pid), the
 * order of slots says nothing.  A group that was suspect before is then declared if passes find no
 * live member of it between two forks of our own whose allocation clocks follow each other
 * directly: no pid at all was taken in between.  Proof.  A member z that is left afterwards was
 * taken before, and is none of the known ones, which were dead.  By slots, z was in flight when its
 * slot was read, else it was found.  It was so still when the pending slots were read again, at the
 * end, else it was found.  So its forker q lived all the time, and was found; or was in flight
 * itself all the time, and so on.  By /proc, z came out after the first pass had gone by, for else
 * it was found by the second: so q lived all through the first, and was found by it.
 *
 * The model of all this, with the variants that it must refute, is tests/model/discovery.pml.
 *
 * Context of all functions: serving thread.
 */

/* Deaths of held members: roster and suspects are brought up to date.  No request is answered
 * before this; a full fence stands between it and the cursor. */
void discovery_drain(struct track *track);

/**
 * discovery_exempt() - a process is about to be moved to the root, where it carries nothing
 * No look to come takes it for a child of a member without marks, or for a straggler of a move.
 * Return: 0; -ENOMEM, -EMFILE and the like.
 */
int discovery_exempt(struct track *track, pid_t pid);

/* Forgets those whom a look has passed, or at the end all. */
void discovery_end_exemptions(struct track *track);

/* A look, if there may be tasks without marks of whom only a look can tell where they belong.
 * Return: 0; as discovery_look(). */
int discovery_look_for_strangers(struct track *track);

/**
 * discovery_look() - account for everything that was forked since the last look
 * Return: 0; -EAGAIN: the range can't be trusted, full passes are needed; -EINPROGRESS: the worker
 * looks at a long range; other: want of means, nothing was proved.
 */
int discovery_look(struct track *track);

/**
 * discovery_resolve() - declare all suspects empty or find them a witness
 * Delivers `entered` and `emptied`.
 * Return: 0: there is no suspect left; -EINPROGRESS: the worker is at it, or a later dispatch.
 */
int discovery_resolve(struct track *track);

/* The same as far as one group is concerned; deaths of which no event tells are looked for. */
int discovery_settle(struct track *track, struct ucg_group_id id);

/* Start full passes, unless some are under way.  @restore: over slots if affordable, so that groups
 * with live members can become exact again. */
void discovery_start_passes(struct track *track, bool restore);

/* Merge what the worker found. */
void discovery_collect(struct track *track, struct pass_job *job);

/* A process, or with @split a thread of it, is known to be a member from here on; delivers
 * `entered` if it is the first.  Return: it; NULL: no memory. */
struct member *discovery_admit(struct track *track, pid_t pid, int pidfd, struct epoch *epoch,
			       struct split *split);

/* The group has lost a member; if it was the last known one, it is suspect. */
void discovery_lost(struct track *track, struct tracked_group *group);

/* The same, with a group that may be NULL, for the root; what comes of it comes with the next
 * dispatch. */
void discovery_left(struct track *track, struct tracked_group *group);

/* One that needs the epoch no more: it is dropped if nobody else does. */
void discovery_unneeded(struct track *track, struct epoch *epoch);

/* Nobody carries the group's epochs any more, but for forks in flight of those who moved away. */
void discovery_retire_epochs(struct track *track, struct tracked_group *group);

/* The group has got a member: it is no suspect if we hold one, and else is to be looked at. */
void discovery_watch(struct track *track, struct tracked_group *group);

/* Members that are not held and have died are forgotten; the group may become suspect. */
void discovery_drop_dead(struct track *track, struct tracked_group *group);

/* The same for those of whom no event tells that only zombies are left; @all, or up to the first
 * one who lives. */
void discovery_drop_zombies(struct track *track, struct tracked_group *group, bool all);

/* Return: 0; -ESRCH: dead; -EPERM; -EMFILE and the like. */
int discovery_signal(struct track *track, const struct member *member, int number);

/* Has the group a live member that we hold, or can hold now? */
bool discovery_has_witness(struct track *track, struct tracked_group *group);

/* ---- between the files of discovery: witness.c, merge.c, declare.c, discovery.c ---- */

/* A member is known to be dead. */
void discovery_died(struct track *track, struct member *member);

/* Suspects that turn out to have a witness are none any more. */
void discovery_acquit(struct track *track);

/* Who was found alive counts for its group and its epoch (found), as the scan saw it, alive now or
 * not, but for what is forged. */
void discovery_count(struct track *track, struct scan *scan);

/* What a scan found goes into the roster.  Return: 0; the scan's error; -ENOMEM. */
int discovery_merge(struct track *track, struct scan *scan);

/* No pid was taken while passes were made, of which @looks is the number: suspects from before of
 * whom they found nobody alive are declared empty (G5). */
void discovery_declare_quiet(struct track *track, uint64_t looks);

/* Want of means: nothing is declared until the timer has come round. */
void discovery_try_later(struct track *track, int error);

#endif
