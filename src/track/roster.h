/* SPDX-License-Identifier: MIT */
#ifndef TRACK_ROSTER_H
#define TRACK_ROSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <urcu/urcu-memb.h>
#include <urcu/list.h>
#include <urcu/rculfhash.h>

#include "marker.h"
#include "ucgroupfs/ids.h"

/*
 * The roster: who is known to be where.  Members (processes with our marker that we have seen), the
 * tracked groups, and the epochs by which a marker names its group.  Serving thread alone; a member
 * is added by a scan's result or an attach, and leaves it by its death.
 *
 * A member is *held* if we have its pidfd, which sits in epoll: one held member of a populated
 * group is its witness.  Members are held as long as descriptors last; one that is not held is
 * known by pid and marker alone and looked at again when it matters.  One that carries no mark at
 * all (MARK_NONE), or is halted, is known by its pidfd alone, which is never given up.
 *
 * A member is a whole process, but for those that are *split*: of such a process a thread was moved
 * alone, and from then on each of its threads is in a group, or in the root, on its own account.
 */

/* What is known of a member's marks; the less, the more can be lost (tracker.h). */
enum mark_state {
	MARK_BOTH,     /* marker and hint */
	MARK_LIMIT,    /* no hint */
	MARK_HINT,     /* no marker */
	MARK_NONE,     /* neither: held, and its children told by their parent */
	MARK_UNPROVED, /* a task of another user, and nobody knows who forked it */
	MARK_STATES,
};

struct tracked_group {
	struct cds_lfht_node link;
	struct rcu_head rcu;
	struct ucg_group_id id;
	struct cds_list_head members;
	size_t member_count, held_count;
	size_t spare_count; /* held ones that could be known by their marks */
	size_t state_count[MARK_STATES];
	struct cds_list_head epochs;   /* all that map to it */
	struct cds_list_head suspect;  /* in the list of groups to be declared, or empty */
	struct cds_list_head rich;     /* in roster.rich while it holds more than its witness */
	struct cds_list_head restated; /* in roster.restated, or empty */
	bool populated;		       /* as core was told */
	bool exact;	/* every member taken before the frontier is known, pending or dead (G1) */
	unsigned found; /* members that scans found alive since the last check */
	uint64_t suspect_since; /* number of the last look begun when it became suspect */
};

/* What tells apart the epochs of one group. */
struct epoch_key {
	enum marker_carrier carrier;
	uint64_t prior;	  /* soft limit to give back */
	bool wants_hint;  /* its tasks can carry one */
	bool for_threads; /* of single threads, who must have one */
};

struct epoch {
	struct cds_lfht_node link;
	struct rcu_head rcu;
	uint32_t value;
	struct epoch_key key;
	unsigned hint;		     /* that means it; 0: none was left */
	struct tracked_group *group; /* NULL: the root */
	unsigned split_count;	     /* split processes that carry it in their limit */
	struct cds_list_head of_group;
	size_t member_count;
	bool is_forwarded;	     /* was another group's (mover.h) */
	bool is_killed;		     /* whoever is found with it dies; newcomers get another */
	struct cds_list_head killed; /* in track.killed until nobody is left, or empty */
	unsigned found;		     /* members that the last look found alive */
	unsigned mover_count;	     /* movers whose forks in flight may still carry it */
};

/* A process of which threads are members on their own. */
struct split {
	struct cds_lfht_node link;
	struct rcu_head rcu;
	pid_t pid;
	struct epoch *limit;	      /* epoch in its limit; NULL: none */
	struct cds_list_head threads; /* members */
	struct cds_list_head changed; /* in the list of those to be looked at, or empty */
};

struct member {
	struct cds_lfht_node link;
	struct rcu_head rcu;
	pid_t pid; /* or tid, of one of a split process */
	int pidfd; /* -1: not held */
	struct epoch *epoch;
	struct cds_list_head of_group; /* of epoch->group, or of the root's strays */
	struct split *split;	       /* NULL: a whole process */
	struct cds_list_head of_split;
	bool threaded;	 /* has, or had, more than one thread */
	bool is_born;	 /* found by its marks: a descendant of whoever was attached */
	bool is_adopted; /* taken in for its parent: it may have forked before it was marked */
	enum mark_state state;
	struct cds_list_head halted; /* in track.halted (kill.h, K5), or empty */
};

/* Are there, or may there be, children of it who carry no marks? */
static inline bool member_has_unmarked_children(const struct member *member)
{
	return member->state == MARK_NONE || member->is_adopted;
}

struct roster {
	struct marker_scheme scheme;
	struct hint_table *hints; /* NULL: the kernel keeps none */
	struct cds_lfht *groups, *epochs, *members, *splits;
	struct cds_list_head root_epochs; /* that mean the root */
	size_t unmarked_count;		  /* members in state MARK_NONE */
	uint32_t next_epoch;
	size_t held_count, held_max; /* descriptors that may be spent on members */
	int epoll;
	struct cds_list_head rich; /* groups that hold at least two members */
	/* Groups in which the number of members in some state other than MARK_BOTH has changed, and
	 * whether there was one, which may be gone. */
	bool is_restated;
	struct cds_list_head restated;
};

/* @use_hints: the kernel keeps them. */
int roster_init(struct roster *roster, int epoll, size_t held_max, bool use_hints);
void roster_deinit(struct roster *roster);

/* Find, or NULL. */
struct tracked_group *roster_group(struct roster *roster, struct ucg_group_id id);
struct epoch *roster_epoch(struct roster *roster, uint32_t value);
struct member *roster_member(struct roster *roster, pid_t pid);
struct split *roster_split(struct roster *roster, pid_t pid);

/* Find or make; NULL: no memory. */
struct tracked_group *roster_group_need(struct roster *roster, struct ucg_group_id id);

/* The group is declared empty and without epochs. */
void roster_group_drop(struct roster *roster, struct tracked_group *group);

/* The epoch of tasks of @group, NULL: of the root, by this key; made if there is none.
 * NULL: no memory, or all 2^32 are used up. */
struct epoch *roster_epoch_need(struct roster *roster, struct tracked_group *group,
				struct epoch_key key);
/* @to: NULL for the root. */
void roster_epoch_forward(struct roster *roster, struct epoch *epoch, struct tracked_group *to);
void roster_epoch_drop(struct roster *roster, struct epoch *epoch);

/**
 * roster_add() - a process, or a thread of a split one, is known to be a member
 * @pidfd: taken over; -1: not held
 * @split: of the thread; NULL: a whole process
 * Return: the member; NULL: no memory (pidfd closed).
 */
struct member *roster_add(struct roster *roster, pid_t pid, int pidfd, struct epoch *epoch,
			  struct split *split);
void roster_move(struct roster *roster, struct member *member, struct epoch *to);
void roster_set_state(struct roster *roster, struct member *member, enum mark_state state);
/* It is halted: appended to the list, and held until it is not; NULL: it is not any more. */
void roster_halt(struct roster *roster, struct member *member, struct cds_list_head *halted);

/* A process becomes split.  @limit: epoch in its limit, or NULL.  NULL: no memory. */
struct split *roster_split_new(struct roster *roster, pid_t pid, struct epoch *limit);
/* It is whole again, or gone: its threads are no members any more.  Return: the epoch that was in
 * its limit, for the caller to drop if nobody else needs it. */
struct epoch *roster_split_drop(struct roster *roster, struct split *split);
/* Forgets the member and closes its pidfd. */
void roster_remove(struct roster *roster, struct member *member);

/* Take @pidfd (taken over in any case) for a member that is not held.
 * Return: 0; -EMFILE: no descriptor may be spent on it. */
int roster_hold(struct roster *roster, struct member *member, int pidfd);
/* Give up one descriptor of a group that holds at least two.  false: there is none. */
bool roster_spare(struct roster *roster);

/* How many more members can be held. */
static inline size_t roster_spare_count(const struct roster *roster)
{
	return roster->held_count < roster->held_max ? roster->held_max - roster->held_count : 0;
}

static inline bool tracked_group_is_suspect(const struct tracked_group *group)
{
	return group->suspect.next != &group->suspect;
}

#endif
