/* SPDX-License-Identifier: MIT */
#include "mover.h"

#include <errno.h>
#include <stdlib.h>

#include "carry.h"
#include "discovery.h"
#include "lineage.h"
#include "pidfd.h"
#include "proc.h"
#include "ucgroupfs/scope.h"

/* User time in clock ticks after which a thread that never sleeps has surely left the kernel: more
 * than the error of the kernel's scaling of sampled times. */
#define USER_TICKS 3

/* Descriptors spent on movers at a time, out of those that are no members' (RESERVED_FDS). */
#define MOVERS_HELD_MAX 16

static bool thread_is_outside_fork(pid_t pid, struct mover_thread *thread, bool first_time)
{
	struct proc_stat stat;

	/* Gone: its last fork is out. */
	if (proc_read_stat(pid, thread->tid, &stat) || proc_state_is_outside_fork(stat.state))
		return true;
	if (first_time)
		thread->user_time = stat.user_time;
	return stat.user_time >= thread->user_time + USER_TICKS;
}

/* Drops the threads that are outside of a fork. */
static void look_at_threads(struct mover *mover, bool first_time)
{
	size_t left = 0;

	for (size_t i = 0; i < mover->thread_count; i++)
		if (!thread_is_outside_fork(mover->pid, &mover->threads[i], first_time))
			mover->threads[left++] = mover->threads[i];
	mover->thread_count = left;
}

static int list_threads(struct mover *mover)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids tids = {0};
	int error = proc_read_threads(mover->pid, &tids);

	if (error == -ESRCH || (!error && tids.count == 0))
		return 0;
	mover->threads = error ? NULL : calloc(tids.count, sizeof(*mover->threads));
	if (!mover->threads)
		return error ? error : -ENOMEM;
	for (size_t i = 0; i < tids.count; i++)
		mover->threads[i].tid = tids.pid[i];
	mover->thread_count = tids.count;
	return 0;
}

/* Most who are moved have one thread, and it sleeps: then one look is all that it takes. */
static bool is_one_sleeper(pid_t pid)
{
	struct proc_stat stat;

	return proc_read_stat(pid, pid, &stat) == 0 && stat.threads == 1 &&
	       proc_state_is_outside_fork(stat.state);
}

static void mover_free(struct mover *mover)
{
	ucg_closep(&mover->pidfd);
	free(mover->threads);
	ucg_pids_clear(&mover->kin);
	free(mover);
}

static void mover_freep(struct mover **mover)
{
	if (*mover)
		mover_free(*mover);
}

/* A mover with the threads that may be in a fork; NULL: no memory. */
static struct mover *mover_new(pid_t pid)
{
	ucg_cleanup(mover_freep) struct mover *mover = calloc(1, sizeof(*mover));

	if (!mover)
		return NULL;
	mover->pid = pid;
	mover->pidfd = -1;
	if (list_threads(mover))
		return NULL;
	look_at_threads(mover, true);
	return ucg_steal_pointer(&mover);
}

/* Members come first where descriptors are few: a burst of moves must not take what they need.  A
 * mover without is told by his pid alone for the moment that he is watched. */
static void hold(struct track *track, struct mover *mover)
{
	if (track->movers_held < MOVERS_HELD_MAX)
		mover->pidfd = pidfd_get(mover->pid);
	track->movers_held += mover->pidfd >= 0;
}

/* Is @parent the mover himself, alive, so that the pid is still his? */
static bool is_mover(const struct mover *mover, pid_t parent)
{
	return parent == mover->pid && (mover->pidfd < 0 || !pidfd_is_dead(mover->pidfd));
}

/* A fork that has been in flight through several moves comes out where its parent is now. */
static void redirect(struct track *track, pid_t pid, struct tracked_group *to)
{
	struct mover *mover;

	cds_list_for_each_entry (mover, &track->movers, link)
		if (is_mover(mover, pid))
			mover->to = to;
}

/* What has come out by now was forked before the attach, for all that anybody can tell. */
static void look_before_move(struct track *track, struct mover *mover)
{
	struct cursor_reading reading;

	if (!discovery_look(track) || cursor_read(&track->cursor, &reading))
		return;
	mover->is_behind = true;
	mover->since = reading.pid;
	mover->since_ns = reading.before_ns;
}

void mover_caught_up(struct track *track, const struct cursor_reading *reading)
{
	struct mover *mover;

	cds_list_for_each_entry (mover, &track->movers, link)
		mover->is_behind &= mover->since_ns > reading->before_ns;
}

/* Taken after the attach?  Of slots that were in flight before, nobody can tell. */
static bool is_later(const struct track *track, const struct mover *mover, pid_t pid)
{
	return !mover->is_behind ||
	       cursor_distance(&track->cursor, pid) > cursor_distance(&track->cursor, mover->since);
}

static bool was_the_last(const struct epoch *epoch)
{
	const struct tracked_group *group = epoch->group;

	return group && group->exact && !group->member_count && !epoch->split_count;
}

static bool is_watched(struct track *track, pid_t pid)
{
	struct mover *mover;

	cds_list_for_each_entry (mover, &track->movers, link)
		if (is_mover(mover, pid))
			return true;
	return false;
}

void mover_moves_on(struct track *track, pid_t pid, struct tracked_group *to)
{
	if (!is_watched(track, pid))
		return;
	/* What has come out belongs where he was. */
	discovery_look(track);
	redirect(track, pid, to);
}

bool mover_watch(struct track *track, pid_t pid, struct epoch *old, struct tracked_group *to)
{
	struct mover *mover;

	if (is_one_sleeper(pid)) {
		mover_moves_on(track, pid, to);
		return false;
	}
	mover = mover_new(pid);
	if (!mover) {
		ucg_log(track->config.log, LOG_WARNING,
			"no means to watch process %d, which was moved while it runs: a fork in "
			"flight may stay behind",
			pid);
		return false;
	}
	if (!mover->thread_count) {
		mover_free(mover);
		mover_moves_on(track, pid, to);
		return false;
	}
	mover->old = old;
	mover->to = to;
	if (old)
		old->mover_count++;
	/* What was in flight unseen there is so here (G1). */
	if (old && old->group && to)
		to->exact &= old->group->exact;
	hold(track, mover);
	look_before_move(track, mover);
	redirect(track, pid, to);
	cds_list_add_tail(&mover->link, &track->movers);
	/* M6: his forks in flight alone carry it. */
	if (old && !mover->is_behind && was_the_last(old))
		roster_epoch_forward(&track->roster, old, to);
	track_arm_timer(track, true);
	return true;
}

static bool is_kin(const struct mover *mover, pid_t parent)
{
	for (size_t i = 0; i < mover->kin.count; i++)
		if (mover->kin.pid[i] == parent)
			return true;
	return false;
}

static bool take_in(struct track *track, pid_t pid, struct tracked_group *group, pid_t parent)
{
	struct member *member = roster_member(&track->roster, parent);

	return lineage_take_in(track, pid, group, member ? member->epoch : NULL);
}

bool mover_claims(struct track *track, pid_t pid, struct epoch *epoch)
{
	struct mover *mover;
	pid_t parent;

	if (!track->claims || !epoch->mover_count || roster_member(&track->roster, pid))
		return false;
	parent = lineage_parent(track, pid);
	cds_list_for_each_entry (mover, &track->movers, link) {
		if (mover->old != epoch || mover->to == epoch->group || !is_mover(mover, parent) ||
		    !is_later(track, mover, pid))
			continue;
		if (mover->to)
			take_in(track, pid, mover->to, parent);
		else
			carry_strip(track, pid);
		return true;
	}
	return false;
}

bool mover_claims_stranger(struct track *track, pid_t pid)
{
	pid_t parent = lineage_parent(track, pid);
	struct mover *mover;

	cds_list_for_each_entry (mover, &track->movers, link) {
		if (mover->old || !mover->to || parent == 0 || !is_later(track, mover, pid) ||
		    !(is_mover(mover, parent) || is_kin(mover, parent)))
			continue;
		/* A new thread of an old child is none of ours. */
		if (!take_in(track, pid, mover->to, parent))
			return false;
		/* Without memory its unmarked children are not adopted: logged by nobody, as they
		 * exist only if it forked before it was found. */
		(void)ucg_pids_append(&mover->kin, pid);
		return true;
	}
	return false;
}

void mover_forward(struct track *track, struct epoch *epoch)
{
	struct mover *mover;

	cds_list_for_each_entry_reverse(mover, &track->movers, link)
	{
		if (mover->old != epoch)
			continue;
		roster_epoch_forward(&track->roster, epoch, mover->to);
		return;
	}
}

void mover_release(struct track *track, pid_t pid, const struct epoch *epoch)
{
	struct marker marker;
	int error;

	/* The pid may be another's by now. */
	if (marker_read_live(&track->roster.scheme, pid, pid, &marker) != 1 ||
	    marker.epoch != epoch->value)
		return;
	error = carry_strip(track, pid);
	if (error && error != -ESRCH)
		ucg_log(track->config.log, LOG_WARNING,
			"process %d keeps a mark: its limit or its I/O priority can't be given "
			"back",
			pid);
}

static void mover_end(struct track *track, struct mover *mover)
{
	struct epoch *old = mover->old;

	cds_list_del(&mover->link);
	track->movers_held -= mover->pidfd >= 0;
	if (old) {
		old->mover_count--;
		discovery_unneeded(track, old);
	}
	mover_free(mover);
}

/* Threads that were in flight while the hints were written have the old one, and what they forked
 * as well: then the mover is watched on. */
static bool has_late_threads(struct track *track, struct mover *mover)
{
	struct member *member = roster_member(&track->roster, mover->pid);

	if (!track->roster.hints || (member && !member->threaded) || mover->pidfd < 0 ||
	    pidfd_is_dead(mover->pidfd) || roster_split(&track->roster, mover->pid) ||
	    carry_write_threads(track, mover->pid, member ? member->epoch : NULL) <= 0)
		return false;
	free(mover->threads);
	mover->threads = NULL;
	list_threads(mover);
	look_at_threads(mover, true);
	return true;
}

void mover_follow_all(struct track *track)
{
	struct mover *mover, *next;

	cds_list_for_each_entry (mover, &track->movers, link)
		look_at_threads(mover, false);
	/* After the threads: what they forked is out by now.  Where it can't be looked at yet, the
	 * movers stay for the next time. */
	if (discovery_look(track)) {
		discovery_start_passes(track, false);
		return;
	}
	cds_list_for_each_entry_safe (mover, next, &track->movers, link)
		if (!mover->thread_count && !has_late_threads(track, mover))
			mover_end(track, mover);
}

void mover_forget(struct track *track, const struct tracked_group *to)
{
	struct mover *mover, *next;

	cds_list_for_each_entry_safe (mover, next, &track->movers, link)
		if (!to || mover->to == to)
			mover_end(track, mover);
}
