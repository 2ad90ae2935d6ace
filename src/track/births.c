/* SPDX-License-Identifier: MIT */
#include "births.h"

#include <errno.h>
#include <search.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "carry.h"
#include "discovery.h"
#include "lineage.h"
#include "pidfd.h"
#include "proc.h"
#include "ucgroupfs/scope.h"

/* Who was in the midst of a fork when he was marked is out of it by then (tracking.md §3). */
#define LINGER_NS 100000000u

#define REST_NS 4000000

struct parent {
	pid_t pid;
	uint64_t born_ns;
	struct ucg_group_id group; /* the root: of a stranger */
	uint32_t epoch;		   /* in which its own member is, or was */
	bool is_late;		   /* its pid is a dead member's still, whom it follows */
};

void births_init(struct births *births, bool may_ask)
{
	*births = (struct births){.may_ask = may_ask, .rest_fd = -1};
}

static int compare(const void *left, const void *right)
{
	pid_t a = ((const struct parent *)left)->pid, b = ((const struct parent *)right)->pid;

	return (a > b) - (a < b);
}

static struct parent *find_parent(struct births *births, pid_t pid)
{
	const struct parent key = {.pid = pid};
	struct parent **node = tfind(&key, &births->parents, compare);

	return node ? *node : NULL;
}

static void forget_parent(struct births *births, pid_t pid)
{
	struct parent *parent = find_parent(births, pid);

	if (!parent)
		return;
	tdelete(parent, &births->parents, compare);
	free(parent);
}

/* Looks have to find whom we could not follow.  Where that were silent nobody would know why a
 * child is in no group. */
static void fall_behind(struct track *track)
{
	struct births *births = &track->births;

	if (!births->is_told)
		ucg_log(track->config.log, LOG_WARNING,
			"not every fork could be followed: children of processes that carry no "
			"marks may be missed");
	births->is_behind = births->is_told = true;
}

static void keep_parent(struct track *track, const struct parent *wanted)
{
	struct parent *parent = malloc(sizeof(*parent));

	if (!parent) {
		fall_behind(track);
		return;
	}
	*parent = *wanted;
	if (tsearch(parent, &track->births.parents, compare))
		return;
	free(parent);
	fall_behind(track);
}

static bool is_stranger(const struct parent *parent)
{
	return parent->group.value == UCG_ROOT_ID.value;
}

/* Is it one whose children carry no marks, and of which group? */
static bool is_parent(struct track *track, pid_t pid, struct parent *parent)
{
	const struct parent *kept = find_parent(&track->births, pid);
	struct member *member = roster_member(&track->roster, pid);

	if (kept)
		*parent = *kept;
	else if (member && !member->split && member_has_unmarked_children(member))
		*parent = (struct parent){.group = member->epoch->group->id,
					  .epoch = member->epoch->value};
	else
		return false;
	return !is_stranger(parent);
}

static bool carries_ours(struct track *track, pid_t pid)
{
	struct marker marker;

	return marker_read(&track->roster.scheme, pid, &marker) == 1 && carry_epoch(track, &marker);
}

/*
 * Is the process that now has this pid the one that was born?  Another one can't be where there was
 * no time for all pids to go by; else it began later by so much, and that is more than a tick.
 *
 * Return: 0; -ESRCH: another one, or none; -EMFILE and the like.
 */
static int check_same(const struct track *track, const struct parent *child)
{
	uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t since_boot_ns = child->born_ns - monotonic_ns() + boot_ns();
	struct proc_stat stat;
	int error;

	if (!track->by_counter && !cursor_may_have_gone_round(&track->cursor, child->born_ns))
		return 0;
	error = proc_read_stat(child->pid, child->pid, &stat);
	if (error)
		return error;
	return stat.start * tick_ns <= since_boot_ns ? 0 : -ESRCH;
}

/* Return: 0; -ESRCH: it is dead; -EAGAIN, -EMFILE and the like. */
static int take_in_alive(struct track *track, const struct parent *child)
{
	struct tracked_group *group = roster_group(&track->roster, child->group);
	ucg_autoclose int pidfd = pidfd_get(child->pid);
	int error;

	if (pidfd < 0)
		return pidfd_lacks_means(errno) ? -errno : -ESRCH;
	error = check_same(track, child);
	/* Whoever carries marks is found by them. */
	if (error || !group || carries_ours(track, child->pid))
		return error;
	error = lineage_take_in_held(track, child->pid, &pidfd, group,
				     roster_epoch(&track->roster, child->epoch));
	/* Not to be seen, and alive: a look finds it. */
	return error == -ESRCH && !pidfd_is_dead(pidfd) ? -EAGAIN : error;
}

static void take_in(struct track *track, const struct parent *child)
{
	int error = take_in_alive(track, child);

	if (error == -ESRCH)
		keep_parent(track, child);
	else if (error)
		fall_behind(track);
}

/* Is a member with this pid another one than who was born with it last?  What is not held is told
 * by its marks. */
static bool is_dead_member(struct track *track, pid_t pid)
{
	struct member *member = roster_member(&track->roster, pid);
	struct marker marker;

	if (!member)
		return false;
	if (member->pidfd >= 0)
		return pidfd_is_dead(member->pidfd);
	return marker_read(&track->roster.scheme, pid, &marker) != 1 ||
	       marker.epoch != member->epoch->value;
}

static void read_birth(struct track *track, const struct connector_fork *fork)
{
	struct parent child;
	bool is_ours = is_parent(track, fork->parent, &child);

	forget_parent(&track->births, fork->child);
	child.pid = fork->child;
	child.born_ns = fork->ns;
	child.is_late = is_dead_member(track, fork->child);
	if (child.is_late) {
		/* Also a stranger: his children are not those of the dead. */
		if (!is_ours)
			child.group = UCG_ROOT_ID;
		keep_parent(track, &child);
	} else if (is_ours && !roster_member(&track->roster, fork->child)) {
		take_in(track, &child);
	}
}

/* epoll looks at the connector, or does not.  Can't fail: it is registered. */
static void look_at_connector(struct track *track, uint32_t events)
{
	struct births *births = &track->births;
	struct epoll_event event = {.events = events, .data.ptr = births};

	epoll_ctl(track->epoll, EPOLL_CTL_MOD, connector_fd(births->connector), &event);
	births->is_resting = !events;
}

static void rest(struct track *track)
{
	const struct itimerspec when = {.it_value.tv_nsec = REST_NS};

	if (track->births.is_resting)
		return;
	look_at_connector(track, 0);
	/* Can't fail: the descriptor and the value are good. */
	timerfd_settime(track->births.rest_fd, 0, &when, NULL);
}

bool births_take_event(struct track *track, const void *subject)
{
	struct births *births = &track->births;

	if (subject != births && subject != &births->rest_fd)
		return false;
	if (births->is_resting && track_take_event(births->rest_fd))
		look_at_connector(track, EPOLLIN);
	return true;
}

void births_read(struct track *track)
{
	struct births *births = &track->births;
	struct connector_fork fork;
	int answer = 0;

	while (births->connector && (answer = connector_read(births->connector, &fork)) != 0) {
		if (answer == 1) {
			rest(track);
			read_birth(track, &fork);
			continue;
		}
		fall_behind(track);
		if (answer != -ENOBUFS)
			return;
	}
}

void births_conclude(struct track *track)
{
	struct births *births = &track->births;

	/* The root of the tree, until there is none. */
	while (births->parents) {
		struct parent child = **(struct parent **)births->parents;
		bool was_late = child.is_late;

		child.is_late = false;
		forget_parent(births, child.pid);
		if (was_late && !is_stranger(&child) && !is_dead_member(track, child.pid))
			take_in(track, &child);
	}
}

bool births_need_looks(const struct track *track)
{
	return track->roster.unmarked_count &&
	       (!track->births.connector || track->births.is_behind);
}

static int start(struct track *track)
{
	struct births *births = &track->births;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = births};
	struct epoll_event end_of_rest = {.events = EPOLLIN, .data.ptr = &births->rest_fd};
	int error = connector_open(0, &births->connector);

	if (error)
		return error;
	births->rest_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (births->rest_fd < 0 ||
	    epoll_ctl(track->epoll, EPOLL_CTL_ADD, births->rest_fd, &end_of_rest) ||
	    epoll_ctl(track->epoll, EPOLL_CTL_ADD, connector_fd(births->connector), &event))
		return -errno;
	return 0;
}

bool births_listen(struct track *track)
{
	struct births *births = &track->births;

	if (births->connector || !births->may_ask)
		return births->connector;
	if (start(track))
		births_stop(track);
	births->is_behind = births->is_told = false;
	return births->connector;
}

void births_stop(struct track *track)
{
	struct births *births = &track->births;

	connector_close(births->connector);
	births->connector = NULL;
	ucg_closep(&births->rest_fd);
	births->rest_fd = -1;
	births->is_resting = false;
	tdestroy(births->parents, free);
	births->parents = NULL;
}

static bool is_needed(struct track *track)
{
	struct births *births = &track->births;

	if (track->roster.unmarked_count) {
		births->unneeded_ns = 0;
		return true;
	}
	if (!births->unneeded_ns)
		births->unneeded_ns = monotonic_ns();
	return monotonic_ns() - births->unneeded_ns < LINGER_NS;
}

void births_keep(struct track *track)
{
	struct births *births = &track->births;

	if (!births->connector && track->roster.unmarked_count)
		births->is_behind = births_listen(track);
	if (births->connector && !is_needed(track))
		births_stop(track);
	if (births_need_looks(track) || (births->connector && !track->roster.unmarked_count))
		track_arm_timer(track, false);
}
