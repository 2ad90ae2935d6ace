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
 * known by pid and marker alone and looked at again when it matters.
 */

struct tracked_group {
	struct cds_lfht_node link;
	struct rcu_head rcu;
	struct ucg_group_id id;
	struct cds_list_head members;
	size_t member_count, held_count;
	struct cds_list_head epochs;  /* all that map to it */
	struct cds_list_head suspect; /* in the list of groups to be declared, or empty */
	struct cds_list_head rich;    /* in roster.rich while it holds more than its witness */
	bool populated;		      /* as core was told */
	bool exact;	/* every member taken before the frontier is known, pending or dead (G1) */
	unsigned found; /* members that scans found since the last check, dead again or not */
	unsigned found_live;	/* those that lived */
	uint64_t suspect_since; /* number of the last look begun when it became suspect */
};

struct epoch {
	struct cds_lfht_node link;
	struct rcu_head rcu;
	uint32_t value;
	enum marker_carrier carrier;
	uint64_t prior;		     /* soft limit to give back */
	struct tracked_group *group; /* NULL: the root */
	struct cds_list_head of_group;
	size_t member_count;
	bool is_forwarded;    /* was another group's (mover.h) */
	bool is_killed;	      /* whoever is found with it dies; newcomers get another */
	unsigned mover_count; /* movers whose forks in flight may still carry it */
};

struct member {
	struct cds_lfht_node link;
	struct rcu_head rcu;
	pid_t pid;
	int pidfd; /* -1: not held */
	struct epoch *epoch;
	struct cds_list_head of_group; /* of epoch->group, or of the root's strays */
	bool threaded;		       /* has, or had, more than one thread */
};

struct roster {
	struct marker_scheme scheme;
	struct cds_lfht *groups, *epochs, *members;
	uint32_t next_epoch;
	size_t held_count, held_max; /* descriptors that may be spent on members */
	int epoll;
	struct cds_list_head rich; /* groups that hold at least two members */
};

int roster_init(struct roster *roster, int epoll, size_t held_max);
void roster_deinit(struct roster *roster);

/* Find, or NULL. */
struct tracked_group *roster_group(struct roster *roster, struct ucg_group_id id);
struct epoch *roster_epoch(struct roster *roster, uint32_t value);
struct member *roster_member(struct roster *roster, pid_t pid);

/* Find or make; NULL: no memory. */
struct tracked_group *roster_group_need(struct roster *roster, struct ucg_group_id id);

/* The group is declared empty and without epochs. */
void roster_group_drop(struct roster *roster, struct tracked_group *group);

/* The epoch of tasks of @group that had this soft limit before; made if there is none.
 * NULL: no memory, or all 2^32 are used up. */
struct epoch *roster_epoch_need(struct roster *roster, struct tracked_group *group,
				enum marker_carrier carrier, uint64_t prior);
/* @to: NULL for the root. */
void roster_epoch_forward(struct epoch *epoch, struct tracked_group *to);
void roster_epoch_drop(struct roster *roster, struct epoch *epoch);

/**
 * roster_add() - a process is known to be a member
 * @pidfd: taken over; -1: not held
 * Return: the member; NULL: no memory (pidfd closed).
 */
struct member *roster_add(struct roster *roster, pid_t pid, int pidfd, struct epoch *epoch);
void roster_move(struct roster *roster, struct member *member, struct epoch *to);
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
