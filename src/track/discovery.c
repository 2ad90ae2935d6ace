/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "mover.h"
#include "pidfd.h"
#include "ucgroupfs/scope.h"

/* Rounds of declaring in one go while strangers keep the cursor moving; then the loop has a turn.
 */
#define ROUNDS_MAX 64

/* Passes over all slots are affordable up to this many, if they can restore exactness. */
#define SLOTS_AFFORDABLE 131072

void discovery_lost(struct track *track, struct tracked_group *group)
{
	if (!group->populated || group->held_count || tracked_group_is_suspect(group))
		return;
	group->suspect_since = track->looks;
	cds_list_add_tail(&group->suspect, &track->suspects);
}

static void member_died(struct track *track, struct member *member)
{
	struct tracked_group *group = member->epoch->group;

	roster_remove(&track->roster, member);
	discovery_lost(track, group);
}

void discovery_drain(struct track *track)
{
	struct epoll_event events[64];
	int count;

	do {
		/* Can't fail: the descriptor is good, it does not sleep. */
		count = epoll_wait(track->epoll, events, 64, 0);
		for (int i = 0; i < count; i++) {
			void *subject = events[i].data.ptr;

			if (subject != &track->kick_fd && subject != &track->timer_fd &&
			    subject != &track->worker)
				member_died(track, subject);
		}
	} while (count == 64);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * A member that is not held may have died unseen.  It is held now if it lives, at the expense of a
 * group that holds more than it needs.
 * Return: 1: it lives and is held; 0: it is gone; -EMFILE: it lives, and nothing can hold it.
 */
static int hold_again(struct track *track, struct member *member)
{
	struct roster *roster = &track->roster;
	int pidfd = pidfd_get(member->pid);
	struct marker marker;

	if (pidfd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return roster_spare(roster) ? hold_again(track, member) : -EMFILE;
	if (pidfd < 0 || pidfd_is_dead(pidfd) ||
	    marker_read(&roster->scheme, member->pid, &marker) != 1 ||
	    marker.epoch != member->epoch->value) {
		ucg_closep(&pidfd);
		return 0;
	}
	if (roster->held_count >= roster->held_max)
		roster_spare(roster);
	return roster_hold(roster, member, pidfd) ? -EMFILE : 1;
}

bool discovery_has_witness(struct track *track, struct tracked_group *group)
{
	while (!group->held_count && group->member_count) {
		struct member *member =
			cds_list_first_entry(&group->members, struct member, of_group);
		int answer = hold_again(track, member);

		if (answer == 0) {
			roster_remove(&track->roster, member);
			continue;
		}
		/* Nothing will tell of its death: then we have to come back and look. */
		if (answer < 0) {
			track->retry = true;
			track_arm_timer(track, false);
		}
		return true;
	}
	return group->held_count != 0;
}

static void acquit_suspects(struct track *track)
{
	struct tracked_group *group, *next;

	cds_list_for_each_entry_safe (group, next, &track->suspects, suspect)
		if (discovery_has_witness(track, group))
			cds_list_del_init(&group->suspect);
}

struct member *discovery_admit(struct track *track, pid_t pid, int pidfd, struct epoch *epoch)
{
	struct tracked_group *group = epoch->group;
	struct member *member;

	if (track->roster.held_count >= track->roster.held_max)
		roster_spare(&track->roster);
	member = roster_add(&track->roster, pid, pidfd, epoch);
	if (!member)
		return NULL;
	/* cgroup.kill is at it: the newcomer does not get away.  ESRCH is what it wants. */
	if (group->killing && member->pidfd >= 0)
		pidfd_kill(member->pidfd, SIGKILL);
	return member;
}

/* Is the pid one that we know already?  Then what was found of it is no news. */
static bool is_old_news(struct track *track, const struct scan_found *found,
			const struct epoch *epoch)
{
	struct member *member = roster_member(&track->roster, found->pid);

	if (!member)
		return false;
	if (member->pidfd >= 0 ? pidfd_is_dead(member->pidfd) : member->epoch != epoch) {
		member_died(track, member);
		return false;
	}
	member->threaded |= found->threaded;
	return true;
}

static int merge_live(struct track *track, struct scan_found *found, struct epoch *epoch)
{
	struct tracked_group *group = epoch->group;
	struct member *member;

	if (mover_claims(track, found->pid, epoch) || is_old_news(track, found, epoch))
		return 0;
	member = discovery_admit(track, found->pid, ucg_steal_fd(&found->pidfd), epoch);
	if (!member)
		return -ENOMEM;
	member->threaded = found->threaded;
	if (group->populated)
		return 0;
	group->populated = true;
	track->config.events.entered(track->config.events.context, group->id);
	return 0;
}

/* @passes: how many there were; zombies count by the last two alone (G4). */
static int merge_found(struct track *track, struct scan_found *found, unsigned passes)
{
	struct epoch *epoch = roster_epoch(&track->roster, found->marker.epoch);
	struct member *member;

	/* Written by somebody else, or of a group that was declared empty: nobody's. */
	if (!epoch || epoch->carrier != found->marker.carrier)
		return 0;
	if (found->known) {
		member = roster_member(&track->roster, found->pid);
		if (member)
			member->threaded = true;
		return 0;
	}
	/* A straggler of a move to the root: the root's tasks carry nothing. */
	if (!epoch->group) {
		if (!found->dead)
			mover_release(track, found->pid, epoch);
		return 0;
	}
	epoch->group->found_live += !found->dead;
	if (found->fresh && (!found->dead || found->pass + 2 >= passes))
		epoch->group->found++;
	return found->dead ? 0 : merge_live(track, found, epoch);
}

static int merge(struct track *track, struct scan *scan, unsigned passes)
{
	int error = scan->error;

	for (size_t i = 0; i < scan->found_count; i++) {
		int merged = merge_found(track, &scan->found[i], passes);

		if (!error)
			error = merged;
	}
	return error;
}

static bool is_known_now(void *context, pid_t pid, uint32_t epoch)
{
	struct track *track = context;
	struct member *member = roster_member(&track->roster, pid);

	if (!member || member->epoch->value != epoch)
		return false;
	/* The pid may have been used again since the last drain, by another member. */
	if (member->pidfd >= 0 && pidfd_is_dead(member->pidfd)) {
		member_died(track, member);
		return false;
	}
	return true;
}

static void swap_pids(struct ucg_pids *left, struct ucg_pids *right)
{
	struct ucg_pids pids = *left;

	*left = *right;
	*right = pids;
}

static void look_done(struct track *track, struct scan *scan, const struct cursor_reading *reading)
{
	swap_pids(&track->pending, &scan->pending);
	cursor_advance(&track->cursor, reading);
	track->looked_ns = reading->before_ns;
	track->reading = *reading;
}

static int look_here(struct track *track, const struct cursor_reading *reading)
{
	ucg_cleanup(scan_deinit) struct scan scan;
	int error = scan_init(&scan);

	if (error)
		return error;
	scan.scheme = track->roster.scheme;
	scan.is_known = is_known_now;
	scan.stranger = cds_list_empty(&track->movers) ? NULL : mover_stranger;
	scan.context = track;
	scan_range(&scan, &track->pending, track->cursor.frontier, reading->pid,
		   track->cursor.pid_max);
	track->claims = true;
	error = merge(track, &scan, 0);
	track->claims = false;
	if (!error)
		look_done(track, &scan, reading);
	return error;
}

static int add_known(struct track *track, struct pass_job *job)
{
	size_t count = 0, limit = 0;
	struct cds_lfht_iter iterator;
	struct member *member;
	struct tracked_group *group;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.groups, &iterator, group, link)
		limit += group->member_count;
	job->known = limit ? malloc(limit * sizeof(*job->known)) : NULL;
	if (job->known || !limit)
		cds_lfht_for_each_entry (track->roster.members, &iterator, member, link)
			if (count < limit)
				job->known[count++] =
					(struct pass_known){member->pid, member->epoch->value};
	urcu_memb_read_unlock();
	job->known_count = count;
	return count == limit ? 0 : -ENOMEM;
}

/* Hands the job over; without a thread to be had, the loop has to do it. */
static void run_job(struct track *track, struct pass_job *job)
{
	if (pass_start(&track->worker, job) == 0)
		return;
	pass_run(job);
	discovery_collect(track, job);
	track_kick(track);
}

static void try_later(struct track *track, int error)
{
	if (!track->retry)
		ucg_log(track->config.log, LOG_WARNING,
			"discovery has to wait: %s; nothing is declared empty meanwhile",
			strerror(-error));
	track->retry = true;
	track_arm_timer(track, false);
}

static struct pass_job *job_for_members(struct track *track, enum pass_kind kind)
{
	struct pass_job *job = pass_job_new(kind, &track->roster.scheme);

	if (!job || (kind == PASS_MEMBERS && add_known(track, job))) {
		if (job)
			pass_job_free(job);
		try_later(track, -ENOMEM);
		return NULL;
	}
	job->pid_max = track->cursor.pid_max;
	job->started_ns = monotonic_ns();
	job->looks = ++track->looks;
	track->passes_running = true;
	return job;
}

static int look_by_worker(struct track *track, const struct cursor_reading *reading)
{
	struct pass_job *job = job_for_members(track, PASS_RANGE);

	if (!job)
		return -EINPROGRESS;
	job->reading = *reading;
	job->frontier = track->cursor.frontier;
	/* Until the worker is done no other look is made. */
	swap_pids(&track->pending, &job->pids);
	run_job(track, job);
	return -EINPROGRESS;
}

int discovery_look(struct track *track)
{
	struct cursor_reading reading;
	int error;

	if (track->passes_running)
		return -EINPROGRESS;
	track->looks++;
	error = cursor_read(&track->cursor, &reading);
	if (error)
		return error;
	if (!reading.is_trusted)
		return -EAGAIN;
	if (cursor_distance(&track->cursor, reading.pid) > TRACK_LOOK_MAX &&
	    cds_list_empty(&track->movers))
		return look_by_worker(track, &reading);
	return look_here(track, &reading);
}

void discovery_start_passes(struct track *track, bool restore)
{
	struct pass_job *job;
	int error;

	if (track->passes_running)
		return;
	job = job_for_members(track, PASS_MEMBERS);
	if (!job)
		return;
	error = cursor_read(&track->cursor, &job->reading);
	if (error) {
		track->passes_running = false;
		pass_job_free(job);
		try_later(track, error);
		return;
	}
	/* /proc, where it shows all and is the shorter way. */
	job->by_proc = track->proc_is_whole && job->reading.tasks < (unsigned)job->pid_max / 4 &&
		       !(restore && job->pid_max <= SLOTS_AFFORDABLE);
	job->by_counter = track->by_counter;
	run_job(track, job);
}

void discovery_retire_epochs(struct track *track, struct tracked_group *group)
{
	struct epoch *epoch, *next;
	struct cds_list_head epochs;

	/* Apart from the group's list, for one may come back to it: with a mover who has. */
	CDS_INIT_LIST_HEAD(&epochs);
	cds_list_splice(&group->epochs, &epochs);
	CDS_INIT_LIST_HEAD(&group->epochs);
	cds_list_for_each_entry_safe (epoch, next, &epochs, of_group) {
		if (epoch->mover_count)
			mover_forward(track, epoch);
		else
			roster_epoch_drop(&track->roster, epoch);
	}
}

static void declare_empty(struct track *track, struct tracked_group *group)
{
	cds_list_del_init(&group->suspect);
	group->populated = false;
	group->killing = false;
	group->exact = true; /* nobody is left to be missed */
	discovery_retire_epochs(track, group);
	track->config.events.emptied(track->config.events.context, group->id);
}

/* Those of whom nothing was found by a look that began after they were suspect. */
static void declare_unseen(struct track *track, uint64_t looks)
{
	struct tracked_group *group, *next;

	cds_list_for_each_entry_safe (group, next, &track->suspects, suspect)
		if (group->suspect_since < looks && !group->found && group->exact)
			declare_empty(track, group);
}

/* No pid was taken while passes were made that began after they were suspect (G5). */
static void declare_quiet(struct track *track, uint64_t looks)
{
	struct tracked_group *group, *next;

	cds_list_for_each_entry_safe (group, next, &track->suspects, suspect)
		if (group->suspect_since < looks && !group->found_live)
			declare_empty(track, group);
}

static bool some_need_passes(struct track *track)
{
	struct tracked_group *group;

	if (track->by_counter)
		return true;
	cds_list_for_each_entry (group, &track->suspects, suspect)
		if (!group->exact)
			return true;
	return false;
}

static void forget_finds(struct track *track)
{
	struct tracked_group *group;

	cds_list_for_each_entry (group, &track->suspects, suspect)
		group->found = group->found_live = 0;
}

/* One round of declaring.  Return: 0: go on; else as discovery_resolve(). */
static int resolve_round(struct track *track)
{
	uint64_t looks;
	int error;

	forget_finds(track);
	error = discovery_look(track);
	looks = track->looks;
	if (error == -EAGAIN || (!error && some_need_passes(track))) {
		discovery_start_passes(track, false);
		return -EINPROGRESS;
	}
	if (error && error != -EINPROGRESS)
		try_later(track, error);
	if (error)
		return -EINPROGRESS;
	discovery_drain(track);
	acquit_suspects(track);
	if (cursor_stands_still(&track->cursor, &track->reading) == 1)
		declare_unseen(track, looks);
	return 0;
}

int discovery_resolve(struct track *track)
{
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		int error;

		discovery_drain(track);
		acquit_suspects(track);
		if (cds_list_empty(&track->suspects))
			return 0;
		error = resolve_round(track);
		if (error)
			return error;
	}
	track_kick(track);
	return -EINPROGRESS;
}

static void conclude_for_group(struct tracked_group *group, const struct pass_job *job)
{
	bool was_suspect = tracked_group_is_suspect(group) && group->suspect_since < job->looks;

	if (!job->by_proc || !group->populated || (was_suspect && !group->found))
		group->exact = true;
	else if (!job->reading.is_trusted)
		group->exact = false;
}

/*
 * What full passes prove for each group (G4, G5).  Where the range was trusted all the same, passes
 * over /proc leave the frontier alone: the next look has a longer range, and nobody loses
 * exactness.
 */
static void conclude_passes(struct track *track, struct pass_job *job)
{
	struct cds_lfht_iter iterator;
	struct tracked_group *group;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.groups, &iterator, group, link)
		conclude_for_group(group, job);
	urcu_memb_read_unlock();
	if (!job->by_proc)
		swap_pids(&track->pending, &job->scan.pending);
	if (!job->by_proc || !job->reading.is_trusted)
		cursor_advance(&track->cursor, &job->reading);
	track->passes_ns = job->started_ns;
	if (job->by_counter && job->quiet)
		declare_quiet(track, job->looks);
}

static void forget_all_finds(struct track *track)
{
	struct cds_lfht_iter iterator;
	struct tracked_group *group;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.groups, &iterator, group, link)
		group->found = group->found_live = 0;
	urcu_memb_read_unlock();
}

static void collect_range(struct track *track, struct pass_job *job)
{
	if (!job->error)
		look_done(track, &job->scan, &job->reading);
	else
		swap_pids(&track->pending, &job->pids);
}

void discovery_collect(struct track *track, struct pass_job *job)
{
	track->passes_running = false;
	discovery_drain(track);
	forget_all_finds(track);
	job->error = merge(track, &job->scan, job->passes);
	discovery_drain(track);
	acquit_suspects(track);
	if (job->kind == PASS_RANGE)
		collect_range(track, job);
	else if (!job->error)
		conclude_passes(track, job);
	if (job->error)
		try_later(track, job->error);
	pass_job_free(job);
}
