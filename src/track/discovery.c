/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lineage.h"
#include "mover.h"
#include "pidfd.h"
#include "split.h"
#include "ucgroupfs/scope.h"

/* So long the counter rule is tried in vain, while something waits for it. */
#define UNQUIET_NS (30ull * 1000000000u)

/* Passes over all slots are affordable up to this many, if they can restore exactness. */
#define SLOTS_AFFORDABLE 131072

static bool is_known_now(void *context, pid_t pid, uint32_t epoch, bool as_process)
{
	struct track *track = context;
	struct member *member = roster_member(&track->roster, pid);

	if (!member || member->epoch->value != epoch || (as_process && member->split))
		return false;
	/* The pid may have been used again since the last drain, by another member. */
	if (member->pidfd >= 0 && pidfd_is_dead(member->pidfd)) {
		discovery_died(track, member);
		return false;
	}
	return true;
}

static void swap_pending(struct pending *left, struct pending *right)
{
	struct pending pending = *left;

	*left = *right;
	*right = pending;
}

static void take_pending(struct track *track, struct scan *scan,
			 const struct cursor_reading *reading)
{
	swap_pending(&track->pending, &scan->pending);
	/* Of most looks nothing is left, and those are on everybody's way. */
	if (track->pending.count)
		pending_date(&track->pending,
			     monotonic_ns() + cursor_gap_ns(&track->cursor, reading));
}

static void look_done(struct track *track, struct scan *scan, const struct cursor_reading *reading)
{
	take_pending(track, scan, reading);
	cursor_advance(&track->cursor, reading);
	mover_caught_up(track, reading);
	track->looked_ns = reading->before_ns;
	track->reading = *reading;
	track->births.is_behind = false;
}

static bool expects_strangers(struct track *track)
{
	return !cds_list_empty(&track->movers) || births_need_looks(track);
}

int discovery_look_for_strangers(struct track *track)
{
	return expects_strangers(track) ? discovery_look(track) : 0;
}

/* Moved to the root when no look could be made before. */
struct exempt {
	struct cds_list_head link;
	pid_t pid;
	int pidfd;
};

static bool is_exempt(const struct track *track, pid_t pid)
{
	struct exempt *exempt;

	cds_list_for_each_entry (exempt, &track->exempts, link)
		if (exempt->pid == pid && !pidfd_is_dead(exempt->pidfd))
			return true;
	return false;
}

int discovery_exempt(struct track *track, pid_t pid)
{
	ucg_autoclose int pidfd = -1;
	struct exempt *exempt;

	/* A look that is made now passes it. */
	if (discovery_look_for_strangers(track) == 0)
		return 0;
	pidfd = pidfd_get(pid);
	if (pidfd < 0)
		return pidfd_lacks_means(errno) ? -errno : 0;
	exempt = malloc(sizeof(*exempt));
	if (!exempt)
		return -ENOMEM;
	exempt->pid = pid;
	exempt->pidfd = ucg_steal_fd(&pidfd);
	cds_list_add_tail(&exempt->link, &track->exempts);
	return 0;
}

void discovery_end_exemptions(struct track *track)
{
	struct exempt *exempt, *next;

	cds_list_for_each_entry_safe (exempt, next, &track->exempts, link) {
		cds_list_del(&exempt->link);
		close(exempt->pidfd);
		free(exempt);
	}
}

static void meet_stranger(void *context, pid_t pid)
{
	struct track *track = context;
	struct member *member = roster_member(&track->roster, pid);

	/* A member without marks is known by its pidfd. */
	if ((member && member->pidfd >= 0 && !pidfd_is_dead(member->pidfd)) ||
	    is_exempt(track, pid))
		return;
	if (member)
		discovery_died(track, member);
	if (!mover_claims_stranger(track, pid) && births_need_looks(track))
		lineage_adopt(track, pid);
}

static int look_here(struct track *track, const struct cursor_reading *reading)
{
	ucg_cleanup(scan_deinit) struct scan scan;
	int error = scan_init(&scan);

	if (error)
		return error;
	scan.scheme = track->roster.scheme;
	scan.spare = roster_spare_count(&track->roster);
	scan.is_known = is_known_now;
	scan.stranger = expects_strangers(track) ? meet_stranger : NULL;
	scan.context = track;
	scan.cursor = reading->pid;
	scan.pid_max = track->cursor.pid_max;
	track->looked_by_worker = false;
	scan_range(&scan, &track->pending, track->cursor.frontier);
	track->claims = true;
	discovery_count(track, &scan);
	error = discovery_merge(track, &scan);
	track->claims = false;
	split_read_leaders(track);
	if (error)
		return error;
	lineage_adopt_wards(track);
	look_done(track, &scan, reading);
	discovery_end_exemptions(track);
	return 0;
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
				job->known[count++] = (struct pass_known){
					member->pid, member->epoch->value, member->split};
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

void discovery_try_later(struct track *track, int error)
{
	if (!track->retry_told)
		ucg_log(track->config.log, LOG_WARNING,
			"discovery has to wait: %s; nothing is declared empty meanwhile",
			strerror(-error));
	track->retry = track->retry_told = true;
	track_arm_timer(track, false);
}

static struct pass_job *job_for_members(struct track *track, enum pass_kind kind)
{
	struct pass_job *job = pass_job_new(kind, &track->roster.scheme);

	if (!job ||
	    (kind == PASS_MEMBERS && (add_known(track, job) || split_list(track, &job->splits)))) {
		if (job)
			pass_job_free(job);
		discovery_try_later(track, -ENOMEM);
		return NULL;
	}
	job->scan.spare = roster_spare_count(&track->roster);
	job->pid_max = job->scan.pid_max = track->cursor.pid_max;
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
	job->scan.cursor = reading->pid;
	job->frontier = track->cursor.frontier;
	track->looked_by_worker = true;
	/* Until the worker is done no other look is made. */
	swap_pending(&track->pending, &job->pending);
	run_job(track, job);
	return -EINPROGRESS;
}

/*
 * Where others fork faster than worker and loop get their turns, each look by the worker would
 * leave the next one as long a range: so two in a row are not its.
 */
static bool is_for_worker(struct track *track, const struct cursor_reading *reading)
{
	pid_t length = cursor_distance(&track->cursor, reading->pid);

	if (expects_strangers(track))
		return false;
	return length > (track->looked_by_worker ? TRACK_LOOK_LONG : TRACK_LOOK_MAX);
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
	split_read_leaders(track);
	if (is_for_worker(track, &reading))
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
		discovery_try_later(track, error);
		return;
	}
	job->scan.cursor = job->reading.pid;
	/* /proc, where it shows all and is the shorter way. */
	job->by_proc = track->proc_is_whole && job->reading.tasks < (unsigned)job->pid_max / 4 &&
		       !(restore && job->pid_max <= SLOTS_AFFORDABLE);
	job->by_counter = track->by_counter;
	run_job(track, job);
}

static void conclude_for_group(struct tracked_group *group, const struct pass_job *job)
{
	bool was_suspect = tracked_group_is_suspect(group) && group->suspect_since < job->looks;

	if (!job->by_proc || !group->populated || (was_suspect && !group->found))
		group->exact = true;
	else if (!job->reading.is_trusted)
		group->exact = false;
}

/* Where somebody takes pids without pause, the counter rule proves nothing for ever: then the order
 * of slots must do, and cgroup.tracking says so. */
static void conclude_counter(struct track *track, struct pass_job *job)
{
	if (job->quiet) {
		track->unquiet_ns = 0;
		discovery_declare_quiet(track, job->looks);
	} else if (cds_list_empty(&track->suspects)) {
		track->unquiet_ns = 0;
	} else if (!track->unquiet_ns) {
		track->unquiet_ns = job->started_ns;
	} else if (job->started_ns - track->unquiet_ns > UNQUIET_NS) {
		track->by_counter = false;
		track->pids_are_uncounted = true;
		ucg_log(track->config.log, LOG_WARNING,
			"pids may be chosen here, and for %u s there was no pause in which none "
			"was "
			"taken: from now on a task that chooses its pid may be missed",
			(unsigned)(UNQUIET_NS / 1000000000u));
	}
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
		take_pending(track, &job->scan, &job->reading);
	if (!job->by_proc || !job->reading.is_trusted) {
		cursor_advance(&track->cursor, &job->reading);
		mover_caught_up(track, &job->reading);
	}
	track->passes_ns = job->started_ns;
	if (job->by_counter)
		conclude_counter(track, job);
}

static void forget_all_finds(struct track *track)
{
	struct cds_lfht_iter iterator;
	struct tracked_group *group;
	struct epoch *epoch;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.groups, &iterator, group, link)
		group->found = 0;
	urcu_memb_read_unlock();
	cds_list_for_each_entry (epoch, &track->killed, killed)
		epoch->found = 0;
}

/* /proc shows processes alone.  Where it stands in for a range, that of new threads is lost. */
static void expect_threads(struct track *track, struct pass_job *job)
{
	struct cds_lfht_iter iterator;
	struct member *member;

	for (size_t i = 0; i < job->scan.found_count; i++)
		job->scan.found[i].threaded = true;
	if (job->reading.is_trusted)
		return;
	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.members, &iterator, member, link)
		member->threaded = true;
	urcu_memb_read_unlock();
}

static int read_found(const struct marker_scheme *scheme, struct scan_found *found)
{
	int answer = marker_read_live(scheme, found->pid, found->tid, &found->marker);

	/* A thread that has executed a program since is in its leader's slot. */
	if (answer == -ESRCH && found->tid != found->pid)
		answer = marker_read_live(scheme, found->pid, found->pid, &found->marker);
	return answer;
}

/* The worker has read the markers some time ago: whoever was moved since is where he is now. */
static void read_again(struct track *track, struct scan *scan)
{
	for (size_t i = 0; i < scan->found_count; i++) {
		struct scan_found *found = &scan->found[i];

		if (!found->dead && !found->known && read_found(&track->roster.scheme, found) != 1)
			found->dead = true;
	}
}

static void collect_range(struct track *track, struct pass_job *job)
{
	if (!job->error)
		look_done(track, &job->scan, &job->reading);
	else
		swap_pending(&track->pending, &job->pending);
}

void discovery_collect(struct track *track, struct pass_job *job)
{
	track->passes_running = false;
	discovery_drain(track);
	forget_all_finds(track);
	/* As the passes saw them: whoever has died since was there, and may have forked. */
	discovery_count(track, &job->scan);
	read_again(track, &job->scan);
	if (job->by_proc)
		expect_threads(track, job);
	job->error = discovery_merge(track, &job->scan);
	split_read_leaders(track);
	discovery_drain(track);
	discovery_acquit(track);
	if (job->kind == PASS_RANGE)
		collect_range(track, job);
	else if (!job->error)
		conclude_passes(track, job);
	if (job->error)
		discovery_try_later(track, job->error);
	pass_job_free(job);
}
