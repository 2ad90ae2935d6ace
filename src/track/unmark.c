/* SPDX-License-Identifier: MIT */
#include "task.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "discovery.h"
#include "mover.h"

/* How long the end of tracking waits for members that do not come out of a fork. */
#define END_NS (5ull * 1000000000u)

/* Each is moved to the root: a fork in flight comes out with the marker still (mover.h). */
static size_t release_members(struct track *track, struct tracked_group *group)
{
	size_t released = 0;

	/* Those that a look finds on the way join the list. */
	while (!cds_list_empty(&group->members)) {
		struct member *member =
			cds_list_first_entry(&group->members, struct member, of_group);
		struct epoch *epoch = member->epoch;
		pid_t pid = member->pid;

		mover_release(track, pid, epoch);
		roster_remove(&track->roster, member);
		mover_watch(track, pid, epoch, NULL);
		released++;
	}
	return released;
}

static size_t release_groups(struct track *track)
{
	struct cds_lfht_iter iterator;
	struct tracked_group *group;
	size_t released = 0;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.groups, &iterator, group, link)
		released += release_members(track, group);
	urcu_memb_read_unlock();
	return released;
}

static size_t count_populated(struct track *track)
{
	struct cds_lfht_iter iterator;
	struct tracked_group *group;
	size_t count = 0;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.groups, &iterator, group, link)
		count += group->populated;
	urcu_memb_read_unlock();
	return count;
}

static void drop_all(struct track *track)
{
	struct cds_lfht_iter iterator;
	struct tracked_group *group;
	struct epoch *epoch;
	struct split *split;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.splits, &iterator, split, link)
		roster_split_drop(&track->roster, split);
	cds_lfht_for_each_entry (track->roster.epochs, &iterator, epoch, link)
		roster_epoch_drop(&track->roster, epoch);
	cds_lfht_for_each_entry (track->roster.groups, &iterator, group, link)
		roster_group_drop(&track->roster, group);
	urcu_memb_read_unlock();
}

/* A look, or full passes on this very thread: the worker has been stopped. */
static void look_now(struct track *track)
{
	if (discovery_look(track) == -EAGAIN)
		discovery_start_passes(track, false);
}

static void pause_for_movers(struct track *track)
{
	struct pollfd timer = {.fd = track->timer_fd, .events = POLLIN};
	eventfd_t count;

	track_arm_timer(track, true);
	/* Interrupted, it comes round sooner. */
	poll(&timer, 1, -1);
	eventfd_read(track->timer_fd, &count);
}

/* Until a look finds nobody that was made after all who were released were seen outside of a fork.
 */
static void release_until_none(struct track *track)
{
	uint64_t began = monotonic_ns();

	for (;;) {
		if (cds_list_empty(&track->movers))
			look_now(track);
		else
			mover_follow_all(track);
		if (release_groups(track))
			continue;
		if (cds_list_empty(&track->movers))
			return;
		if (monotonic_ns() - began > END_NS)
			break;
		pause_for_movers(track);
	}
	ucg_log(track->config.log, LOG_WARNING,
		"a member has been in a fork for %u s: its child may keep a marker",
		(unsigned)(END_NS / 1000000000u));
}

size_t task_release_all(struct track *track)
{
	size_t populated;

	discovery_drain(track);
	populated = count_populated(track);
	if (populated)
		release_until_none(track);
	mover_forget(track, NULL);
	drop_all(track);
	return populated;
}
