/* SPDX-License-Identifier: MIT */
#ifndef TRACK_LINEAGE_H
#define TRACK_LINEAGE_H

#include "track_internal.h"

/*
 * Where marks do not tell, the parent does.
 *
 * L1. A member that can't be marked is held by its pidfd.  Where the kernel tells of forks, so are
 *     its children told (births.h).  Else looks find them.  One is made when it is attached, so
 *     that whatever a later one finds unmarked in its range was forked after that; if its parent is
 *     such a member and alive, it is a member too.  It is marked, if it can be.
 * L2. What looks can miss is a child whose parent is dead when it is first looked at: it has
 *     another parent by then.  So while there are such members, looks are made at the timer's pace.
 * L3. Anybody may write our marks on himself.  A task of another user, whose marks are not ours to
 *     read, is believed if its parent is a member.  If the parent has died, it has been adopted by
 *     init, or by a process that was an ancestor of the member from which it comes: then it is
 *     taken in, and said to be unproved.  A parent of another user, who is neither, vouches for
 *     nothing.  To a daemon of root nobody is another user.
 * L4. As long as looks are made for such members, whoever was found by his marks vouches for his
 *     children like them: he was born in his group, so they were, too.  A task whose parent is
 *     neither, but further up there is one, is a *ward*: it is looked at again each time, and is a
 *     member as soon as the kernel has given it to a parent who vouches.
 * L5. A launcher is a member without marks by its own wish: it has had no children before it was
 *     attached, has forked one since, with marks, and got rid of its own then.  It is the reaper of
 *     all that comes of that one.  So what L2 says is lost is a ward, if not a member at once, and
 *     below the launcher there is nobody else.  The launcher ends when it has no children: the
 *     group is not declared empty as long as any descendant lives, whether looks have found it or
 *     not.
 *
 * Context of all functions: serving thread.
 */

/* Is whoever is found without marks to be its child a member for that (L2, L4)? */
bool lineage_vouches(const struct member *member);

/* The parent of a process; 0: it is gone, or hidden. */
pid_t lineage_parent(struct track *track, pid_t pid);

enum lineage { LINEAGE_PROVED, LINEAGE_POSSIBLE, LINEAGE_FORGED };

/* Does a task of another user that carries our marks come from a member? */
enum lineage lineage_of(struct track *track, pid_t pid);

/**
 * lineage_take_in() - a process that a look has found belongs to a group, whatever it carries
 * @parents: epoch of the member that it comes from; NULL: not known any more
 * It is marked, as far as it can be, and admitted; who is dead by then needs neither.  If its
 * parent's epoch is killed it dies with that (kill.h), and needs no marks for it.
 * Return: whether it was; false too for a thread that is not the leader.
 */
bool lineage_take_in(struct track *track, pid_t pid, struct tracked_group *group,
		     struct epoch *parents);
/* The same of a process that is held; its pidfd is taken if it works.  Return: 0; -ESRCH: it is
 * dead; -ENOMEM, -EMFILE and the like. */
int lineage_take_in_held(struct track *track, pid_t pid, int *pidfdp, struct tracked_group *group,
			 struct epoch *parents);

/* A task without marks was found: it is taken in if its parent vouches for it, and becomes a ward
 * if another ancestor would. */
void lineage_adopt(struct track *track, pid_t pid);

/* Looks at all wards again.  A pid that was used again since is that of somebody who is one, or is
 * none. */
void lineage_adopt_wards(struct track *track);

#endif
