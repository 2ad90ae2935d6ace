/* SPDX-License-Identifier: MIT */
#ifndef TRACK_BIRTHS_H
#define TRACK_BIRTHS_H

#include <stdbool.h>
#include <stdint.h>

#include "connector.h"

struct track;

/*
 * Births: while there are members without marks, the kernel's connector tells of their children.
 *
 * B1. It is asked before such a member is admitted; what it has told by then is read before, too.
 *     So whatever is read later of this member was forked after it was moved.  Of one that has lost
 *     its marks as a member that is not so: a look is made then, as without the connector (L1).
 * B2. A birth can be read as soon as the fork is over (connector.h, C2).  So when a member is known
 *     to be dead, the births of all its children can be read.  That is done before the member is
 *     forgotten, and so before its group is declared empty.
 * B3. That of a parent is read before those of its children (C1).  A child is taken in, whereby it
 *     is marked if it can be; what it forks from then on carries its marks, but its children from
 *     before do not.  So whoever was taken in for his parent stays one whose children are read of.
 *     A child that is dead when its birth is read has no children but those that are read of in the
 *     same go: for so long its pid and group are kept.
 * B4. A pid that is used again belongs to whoever was born with it last.
 *
 * Whoever waits for an answer has births read first, so nobody misses anything if the event of a
 * birth waits: after births were read there is none for REST_NS.  On a machine that forks without
 * pause we would be woken by each fork otherwise.
 *
 * What is missed: children made with CLONE_PARENT, as the birth names the parent and not who has
 * forked; and where the sockets could not hold all that was born, children whose parent is dead
 * when they are looked at (L2).  Both only of members without marks.
 *
 * Context of all functions: serving thread.
 */
struct births {
	bool may_ask;		     /* UCG_PROBE_FORK_EVENTS */
	struct connector *connector; /* NULL: nothing is told */
	int rest_fd;		     /* timer: the end of the rest */
	bool is_resting;	     /* epoll does not look at the connector */
	/* Some were not told: a look must find them. */
	bool is_behind;
	bool is_told;	      /* the log knows of it */
	uint64_t unneeded_ns; /* since when there has been no member without marks; 0: there is */
	void *parents;	      /* tree of those who are no members, or not yet */
};

void births_init(struct births *births, bool may_ask);

/* Has births told from now on, if the kernel does.  Return: whether it does. */
bool births_listen(struct track *track);

/* Reads what was born.  Takes members in; removes none. */
void births_read(struct track *track);

/* epoll has told of @subject.  Return: was it for births? */
bool births_take_event(struct track *track, const void *subject);

/* As births_read(), between two accounts of deaths: the dead of before have been forgotten. */
void births_conclude(struct track *track);

/* Do looks have to find the children of members without marks? */
bool births_need_looks(const struct track *track);

/* Asks or stops asking, as there are members without marks or not. */
void births_keep(struct track *track);

void births_stop(struct track *track);

#endif
