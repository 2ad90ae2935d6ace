/* SPDX-License-Identifier: MIT */
#include "roster.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ucgroupfs/race.h"

/*
 * The hash tables are liburcu's, for their growth.  Only the serving thread looks things up in
 * them, but liburcu's own thread walks them while they grow: so what is taken out is freed after a
 * grace period, and their calls are made in a read section.
 */
static unsigned long hash_of(uint64_t key)
{
	return (unsigned long)(key * 0x9e3779b97f4a7c15u >> 16);
}

static struct cds_lfht *table_new(void)
{
	return cds_lfht_new_flavor(1, 1, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING,
				   &urcu_memb_flavor, NULL);
}

static struct cds_lfht_node *table_find(struct cds_lfht *table, uint64_t key,
					int (*match)(struct cds_lfht_node *, const void *))
{
	struct cds_lfht_iter iterator;

	urcu_memb_read_lock();
	cds_lfht_lookup(table, hash_of(key), match, &key, &iterator);
	urcu_memb_read_unlock();
	return cds_lfht_iter_get_node(&iterator);
}

static void table_add(struct cds_lfht *table, uint64_t key, struct cds_lfht_node *node)
{
	cds_lfht_node_init(node);
	urcu_memb_read_lock();
	cds_lfht_add(table, hash_of(key), node);
	urcu_memb_read_unlock();
}

static void table_remove(struct cds_lfht *table, struct cds_lfht_node *node)
{
	urcu_memb_read_lock();
	cds_lfht_del(table, node);
	urcu_memb_read_unlock();
}

static int group_matches(struct cds_lfht_node *node, const void *key)
{
	return caa_container_of(node, struct tracked_group, link)->id.value ==
	       *(const uint64_t *)key;
}

static int epoch_matches(struct cds_lfht_node *node, const void *key)
{
	return caa_container_of(node, struct epoch, link)->value == *(const uint64_t *)key;
}

static int member_matches(struct cds_lfht_node *node, const void *key)
{
	return (uint64_t)caa_container_of(node, struct member, link)->pid == *(const uint64_t *)key;
}

static int split_matches(struct cds_lfht_node *node, const void *key)
{
	return (uint64_t)caa_container_of(node, struct split, link)->pid == *(const uint64_t *)key;
}

static void free_split(struct rcu_head *head)
{
	ucg_grace_is_over(head);
	free(caa_container_of(head, struct split, rcu));
}

static void free_group(struct rcu_head *head)
{
	ucg_grace_is_over(head);
	free(caa_container_of(head, struct tracked_group, rcu));
}

static void free_epoch(struct rcu_head *head)
{
	ucg_grace_is_over(head);
	free(caa_container_of(head, struct epoch, rcu));
}

static void free_member(struct rcu_head *head)
{
	ucg_grace_is_over(head);
	free(caa_container_of(head, struct member, rcu));
}

int roster_init(struct roster *roster, int epoll, size_t held_max, bool use_hints)
{
	*roster = (struct roster){.next_epoch = 1, .held_max = held_max, .epoll = epoll};
	CDS_INIT_LIST_HEAD(&roster->rich);
	CDS_INIT_LIST_HEAD(&roster->restated);
	CDS_INIT_LIST_HEAD(&roster->root_epochs);
	roster->groups = table_new();
	roster->epochs = table_new();
	roster->members = table_new();
	roster->splits = table_new();
	roster->hints = use_hints ? calloc(1, sizeof(*roster->hints)) : NULL;
	roster->scheme.hints = roster->hints;
	if (roster->groups && roster->epochs && roster->members && roster->splits &&
	    (roster->hints || !use_hints))
		return 0;
	roster_deinit(roster);
	return -ENOMEM;
}

static void table_free(struct cds_lfht *table)
{
	/* Empty by then, and not in a read section: can't fail. */
	if (table)
		cds_lfht_destroy(table, NULL);
}

void roster_deinit(struct roster *roster)
{
	table_free(roster->members);
	table_free(roster->epochs);
	table_free(roster->groups);
	table_free(roster->splits);
	free(roster->hints);
	urcu_memb_barrier();
	*roster = (struct roster){0};
}

struct tracked_group *roster_group(struct roster *roster, struct ucg_group_id id)
{
	struct cds_lfht_node *node = table_find(roster->groups, id.value, group_matches);

	return node ? caa_container_of(node, struct tracked_group, link) : NULL;
}

struct epoch *roster_epoch(struct roster *roster, uint32_t value)
{
	struct cds_lfht_node *node = table_find(roster->epochs, value, epoch_matches);

	return node ? caa_container_of(node, struct epoch, link) : NULL;
}

struct member *roster_member(struct roster *roster, pid_t pid)
{
	struct cds_lfht_node *node = table_find(roster->members, (uint64_t)pid, member_matches);

	return node ? caa_container_of(node, struct member, link) : NULL;
}

struct split *roster_split(struct roster *roster, pid_t pid)
{
	struct cds_lfht_node *node = table_find(roster->splits, (uint64_t)pid, split_matches);

	return node ? caa_container_of(node, struct split, link) : NULL;
}

struct tracked_group *roster_group_need(struct roster *roster, struct ucg_group_id id)
{
	struct tracked_group *group = roster_group(roster, id);

	if (group)
		return group;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->id = id;
	group->exact = true; /* nobody carries a marker of it yet */
	CDS_INIT_LIST_HEAD(&group->members);
	CDS_INIT_LIST_HEAD(&group->epochs);
	CDS_INIT_LIST_HEAD(&group->suspect);
	CDS_INIT_LIST_HEAD(&group->rich);
	CDS_INIT_LIST_HEAD(&group->restated);
	table_add(roster->groups, id.value, &group->link);
	return group;
}

void roster_group_drop(struct roster *roster, struct tracked_group *group)
{
	table_remove(roster->groups, &group->link);
	cds_list_del(&group->suspect);
	cds_list_del(&group->rich);
	cds_list_del(&group->restated);
	ucg_free_after_grace(&group->rcu, free_group);
}

static bool has_key(const struct epoch *epoch, const struct epoch_key *key)
{
	if (epoch->mover_count || epoch->is_killed || (epoch->is_forwarded && !epoch->group))
		return false;
	return epoch->key.carrier == key->carrier && epoch->key.prior == key->prior &&
	       epoch->key.wants_hint == key->wants_hint &&
	       epoch->key.for_threads == key->for_threads;
}

struct epoch *roster_epoch_need(struct roster *roster, struct tracked_group *group,
				struct epoch_key key)
{
	struct cds_list_head *epochs = group ? &group->epochs : &roster->root_epochs;
	struct epoch *epoch;

	key.wants_hint = key.wants_hint && roster->hints;
	cds_list_for_each_entry (epoch, epochs, of_group)
		if (has_key(epoch, &key))
			return epoch;
	if (roster->next_epoch == 0)
		return NULL;
	epoch = calloc(1, sizeof(*epoch));
	if (!epoch)
		return NULL;
	*epoch = (struct epoch){.value = roster->next_epoch++, .key = key, .group = group};
	if (key.wants_hint)
		epoch->hint = hint_take(roster->hints, epoch->value, key.for_threads);
	CDS_INIT_LIST_HEAD(&epoch->killed);
	cds_list_add(&epoch->of_group, epochs);
	table_add(roster->epochs, epoch->value, &epoch->link);
	return epoch;
}

void roster_epoch_forward(struct roster *roster, struct epoch *epoch, struct tracked_group *to)
{
	cds_list_del(&epoch->of_group);
	epoch->group = to;
	epoch->is_forwarded = true;
	epoch->is_killed = false;
	cds_list_del_init(&epoch->killed);
	cds_list_add_tail(&epoch->of_group, to ? &to->epochs : &roster->root_epochs);
}

void roster_epoch_drop(struct roster *roster, struct epoch *epoch)
{
	if (epoch->hint)
		hint_give_back(roster->hints, epoch->hint);
	cds_list_del(&epoch->of_group);
	cds_list_del(&epoch->killed);
	table_remove(roster->epochs, &epoch->link);
	ucg_free_after_grace(&epoch->rcu, free_epoch);
}

static void restate(struct roster *roster, struct tracked_group *group)
{
	roster->is_restated = true;
	if (cds_list_empty(&group->restated))
		cds_list_add_tail(&group->restated, &roster->restated);
}

/* Can it be known without a descriptor? */
static bool can_be_spared(struct member *member)
{
	return member->state != MARK_NONE && cds_list_empty(&member->halted);
}

/* A member counts for its group, or no more.  One of its descriptors can be spared if another is
 * left. */
static void count(struct roster *roster, struct member *member, bool in)
{
	struct tracked_group *group = member->epoch->group;
	bool is_held = member->pidfd >= 0;
	size_t one = in ? 1 : (size_t)-1;

	roster->unmarked_count += member->state == MARK_NONE ? one : 0;
	member->epoch->member_count += one;
	if (!group)
		return;
	group->member_count += one;
	group->held_count += is_held ? one : 0;
	group->spare_count += is_held && can_be_spared(member) ? one : 0;
	group->state_count[member->state] += one;
	if (member->state != MARK_BOTH)
		restate(roster, group);
	cds_list_del_init(&group->rich);
	if (group->held_count >= 2 && group->spare_count)
		cds_list_add_tail(&group->rich, &roster->rich);
}

static void enlist(struct roster *roster, struct member *member, struct epoch *epoch)
{
	struct tracked_group *group = epoch->group;

	member->epoch = epoch;
	CDS_INIT_LIST_HEAD(&member->of_group);
	/* In front: the ones whose descriptors can be spared. */
	if (group && member->pidfd >= 0 && can_be_spared(member))
		cds_list_add(&member->of_group, &group->members);
	else if (group)
		cds_list_add_tail(&member->of_group, &group->members);
	count(roster, member, true);
}

static void delist(struct roster *roster, struct member *member)
{
	cds_list_del(&member->of_group);
	count(roster, member, false);
}

static int watch_pidfd(struct roster *roster, struct member *member, int pidfd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};

	if (roster->held_count >= roster->held_max || pidfd < 0 ||
	    epoll_ctl(roster->epoll, EPOLL_CTL_ADD, pidfd, &event)) {
		if (pidfd >= 0)
			close(pidfd);
		return -EMFILE;
	}
	member->pidfd = pidfd;
	roster->held_count++;
	return 0;
}

static void let_go(struct roster *roster, struct member *member)
{
	if (member->pidfd < 0)
		return;
	/* Before the close: a copy of the descriptor in a child between clone and exec would keep a
	 * closed one firing.  It is there, so this can't fail. */
	epoll_ctl(roster->epoll, EPOLL_CTL_DEL, member->pidfd, NULL);
	close(member->pidfd);
	member->pidfd = -1;
	roster->held_count--;
}

struct member *roster_add(struct roster *roster, pid_t pid, int pidfd, struct epoch *epoch,
			  struct split *split)
{
	struct member *member = calloc(1, sizeof(*member));

	if (!member) {
		if (pidfd >= 0)
			close(pidfd);
		return NULL;
	}
	member->pid = pid;
	member->pidfd = -1;
	member->split = split;
	if (split)
		cds_list_add_tail(&member->of_split, &split->threads);
	else
		CDS_INIT_LIST_HEAD(&member->of_split);
	CDS_INIT_LIST_HEAD(&member->halted);
	/* Without a descriptor to spare it is known, but not held. */
	(void)watch_pidfd(roster, member, pidfd);
	enlist(roster, member, epoch);
	table_add(roster->members, (uint64_t)pid, &member->link);
	return member;
}

void roster_move(struct roster *roster, struct member *member, struct epoch *to)
{
	delist(roster, member);
	enlist(roster, member, to);
}

void roster_set_state(struct roster *roster, struct member *member, enum mark_state state)
{
	if (member->state == state)
		return;
	/* Nothing else tells of its threads. */
	member->threaded |= state == MARK_NONE;
	delist(roster, member);
	member->state = state;
	enlist(roster, member, member->epoch);
}

void roster_halt(struct roster *roster, struct member *member, struct cds_list_head *halted)
{
	delist(roster, member);
	cds_list_del_init(&member->halted);
	if (halted)
		cds_list_add_tail(&member->halted, halted);
	enlist(roster, member, member->epoch);
}

struct split *roster_split_new(struct roster *roster, pid_t pid, struct epoch *limit)
{
	struct split *split = calloc(1, sizeof(*split));

	if (!split)
		return NULL;
	split->pid = pid;
	split->limit = limit;
	if (limit)
		limit->split_count++;
	CDS_INIT_LIST_HEAD(&split->threads);
	CDS_INIT_LIST_HEAD(&split->changed);
	table_add(roster->splits, (uint64_t)pid, &split->link);
	return split;
}

struct epoch *roster_split_drop(struct roster *roster, struct split *split)
{
	struct epoch *limit = split->limit;

	while (!cds_list_empty(&split->threads))
		roster_remove(roster,
			      cds_list_first_entry(&split->threads, struct member, of_split));
	cds_list_del(&split->changed);
	if (limit)
		limit->split_count--;
	table_remove(roster->splits, &split->link);
	ucg_free_after_grace(&split->rcu, free_split);
	return limit;
}

void roster_remove(struct roster *roster, struct member *member)
{
	delist(roster, member);
	let_go(roster, member);
	cds_list_del(&member->of_split);
	cds_list_del(&member->halted);
	table_remove(roster->members, &member->link);
	ucg_free_after_grace(&member->rcu, free_member);
}

int roster_hold(struct roster *roster, struct member *member, int pidfd)
{
	struct epoch *epoch = member->epoch;
	int error;

	delist(roster, member);
	error = watch_pidfd(roster, member, pidfd);
	enlist(roster, member, epoch);
	return error;
}

bool roster_spare(struct roster *roster)
{
	struct tracked_group *group;
	struct member *member;
	struct epoch *epoch;

	if (cds_list_empty(&roster->rich))
		return false;
	group = cds_list_first_entry(&roster->rich, struct tracked_group, rich);
	member = cds_list_first_entry(&group->members, struct member, of_group);
	epoch = member->epoch;
	delist(roster, member);
	let_go(roster, member);
	enlist(roster, member, epoch);
	return true;
}
