/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "discovery.h"
#include "kill.h"
#include "list.h"
#include "mover.h"
#include "pidfd.h"
#include "pidns.h"
#include "probe.h"
#include "proc.h"
#include "task.h"
#include "weakness.h"
#include "track_internal.h"
#include "ucgroupfs/scope.h"

/* Descriptors that are left for everything but members: open files of /proc, scans, the loop. */
#define RESERVED_FDS 64

/* The longest pause between two follow-ups. */
#define TIMER_MAX_MS 64

/* How long the end waits for groups that can't be settled: for want of means, say. */
#define SETTLE_NS (5ull * 1000000000u)

void track_kick(struct track *track)
{
	/* Can't fail: the counter is far from its limit. */
	eventfd_write(track->kick_fd, 1);
}

void track_arm_timer(struct track *track, bool soon)
{
	struct itimerspec when = {0};

	if (track->timer_ms && !soon)
		return;
	track->timer_ms = soon ? 1 : TIMER_MAX_MS;
	when.it_value.tv_nsec = track->timer_ms * 1000000l;
	/* Can't fail: the descriptor and the value are good. */
	timerfd_settime(track->timer_fd, 0, &when, NULL);
}

static bool has_to_come_back(struct track *track)
{
	return track->retry || !cds_list_empty(&track->movers) || kill_is_going_on(track) ||
	       births_need_looks(track);
}

static void arm_timer_again(struct track *track, unsigned previous_ms)
{
	struct itimerspec when = {0};

	if (track->timer_ms || !has_to_come_back(track))
		return;
	track->timer_ms = 2 * previous_ms < TIMER_MAX_MS ? 2 * previous_ms : TIMER_MAX_MS;
	when.it_value.tv_nsec = track->timer_ms * 1000000l;
	timerfd_settime(track->timer_fd, 0, &when, NULL);
}

static int settle(struct ucg_tracker *tracker, struct ucg_group_id id, uint64_t since_ns)
{
	/* A death that an event tells of is known; and what is empty stays so until the next
	 * attach, which we make ourselves: so no moment need be compared. */
	(void)since_ns;
	return discovery_settle(track_of(tracker), id);
}

static int list(struct ucg_tracker *tracker, struct ucg_group_id id, enum ucg_list_what what,
		uint64_t since_ns, struct ucg_pids *pids)
{
	struct track *track = track_of(tracker);

	if (id.value == UCG_ROOT_ID.value)
		return list_root(track, what, since_ns, pids);
	return list_group(track, id, what, since_ns, pids);
}

static int tracking(struct ucg_tracker *tracker, struct ucg_group_id id, uint64_t since_ns,
		    size_t *count)
{
	struct track *track = track_of(tracker);
	struct tracked_group *group;
	int error;

	if (id.value == UCG_ROOT_ID.value) {
		weakness_count(track, NULL, count);
		return 0;
	}
	error = list_find_members(track, id, since_ns, &group);
	if (error || !group)
		return error;
	weakness_count(track, group, count);
	if (weakness_is_untold(track))
		track_kick(track);
	return 0;
}

static int find(struct ucg_tracker *tracker, pid_t tid, bool whole_process, struct ucg_task *task)
{
	return task_find(track_of(tracker), tid, whole_process, task);
}

static int groups(struct ucg_tracker *tracker, const struct ucg_task *task,
		  struct ucg_group_ids *ids)
{
	return task_groups(track_of(tracker), task->tgid, ids);
}

static int understand(struct ucg_tracker *tracker, pid_t caller, pid_t number, pid_t *pidp)
{
	ucg_cleanup(pidns_clear) struct pidns pidns;
	int error = pidns_of(caller, track_of(tracker)->has_pidns, &pidns);

	return error ? error : pidns_in(&pidns, number, pidp);
}

static int express(struct ucg_tracker *tracker, pid_t caller, struct ucg_pids *pids)
{
	ucg_cleanup(pidns_clear) struct pidns pidns;
	int error = pidns_of(caller, track_of(tracker)->has_pidns, &pidns);

	return error ? error : pidns_out(&pidns, pids);
}

static bool is_capable(struct ucg_tracker *tracker, pid_t tid, int capability)
{
	(void)tracker;
	return task_is_capable(tid, capability);
}

static int attach(struct ucg_tracker *tracker, const struct ucg_task *task, struct ucg_group_id to)
{
	struct track *track = track_of(tracker);
	int error = task_attach(track, task, to);

	if (weakness_is_untold(track))
		track_kick(track);
	return error;
}

static int kill_members(struct ucg_tracker *tracker, struct ucg_group_id id)
{
	struct track *track = track_of(tracker);
	struct tracked_group *group = roster_group(&track->roster, id);

	if (id.value == UCG_ROOT_ID.value)
		return -EOPNOTSUPP;
	if (group && group->populated)
		kill_group(track, group);
	return 0;
}

static void drop_group(struct track *track, struct tracked_group *group)
{
	mover_forget(track, group);
	discovery_retire_epochs(track, group);
	roster_group_drop(&track->roster, group);
}

static void forget(struct ucg_tracker *tracker, struct ucg_group_id id)
{
	struct track *track = track_of(tracker);
	struct tracked_group *group = roster_group(&track->roster, id);

	if (group)
		drop_group(track, group);
}

static const struct ucg_tracker_ops operations = {
	.settle = settle,
	.find = find,
	.groups = groups,
	.understand = understand,
	.express = express,
	.is_capable = is_capable,
	.attach = attach,
	.list = list,
	.tracking = tracking,
	.kill = kill_members,
	.forget = forget,
};

int ucg_track_fd(struct ucg_tracker *tracker)
{
	return track_of(tracker)->epoll;
}

static void collect_root(struct track *track, struct pass_job *job)
{
	struct ucg_pids list = track->root_list[job->what];

	track->root_list[job->what] = job->pids;
	job->pids = list;
	track->root_error[job->what] = job->error;
	track->root_listed_ns[job->what] = job->started_ns;
	track->root_listing_ns[job->what] = 0;
	pass_job_free(job);
}

static bool collect_jobs(struct track *track)
{
	struct pass_job *job;
	bool any = false;

	track_take_event(track->worker.done_fd);
	while ((job = pass_finished(&track->worker))) {
		any = true;
		if (job->kind == PASS_ROOT)
			collect_root(track, job);
		else
			discovery_collect(track, job);
	}
	return any;
}

/* Groups whose members nothing can hold make no event: they are looked at again. */
static void suspect_unwitnessed(struct track *track)
{
	struct cds_lfht_iter iterator;
	struct tracked_group *group;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.groups, &iterator, group, link)
		discovery_lost(track, group);
	urcu_memb_read_unlock();
}

static bool follow_up(struct track *track)
{
	unsigned previous_ms = track->timer_ms;
	bool retried = track->retry;

	if (!track_take_event(track->timer_fd))
		return false;
	track->timer_ms = 0;
	track->retry = false;
	if (retried)
		suspect_unwitnessed(track);
	if (!cds_list_empty(&track->movers))
		mover_follow_all(track);
	else if (births_need_looks(track))
		discovery_look(track);
	if (kill_is_going_on(track))
		kill_pursue(track);
	arm_timer_again(track, previous_ms);
	return retried;
}

void ucg_track_dispatch(struct ucg_tracker *tracker)
{
	struct track *track = track_of(tracker);
	bool worth_it = track_take_event(track->kick_fd);

	discovery_drain(track);
	worth_it |= collect_jobs(track);
	worth_it |= follow_up(track);
	discovery_resolve(track);
	births_keep(track);
	weakness_tell(track);
	track->retry_told &= track->retry;
	if (worth_it)
		track->config.events.resume(track->config.events.context);
}

void ucg_track_settle(struct ucg_tracker *tracker)
{
	struct track *track = track_of(tracker);
	struct pollfd events = {.fd = track->epoll, .events = POLLIN};
	uint64_t end_ns = monotonic_ns() + SETTLE_NS;

	suspect_unwitnessed(track);
	while (discovery_resolve(track) && monotonic_ns() < end_ns) {
		/* Can't fail but by a signal, and then the next round waits. */
		poll(&events, 1, TIMER_MAX_MS);
		ucg_track_dispatch(tracker);
	}
}

static int watch(struct track *track, int fd, void *subject)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = subject};

	return epoll_ctl(track->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_descriptors(struct track *track)
{
	int error;

	track->epoll = epoll_create1(EPOLL_CLOEXEC);
	track->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	track->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (track->epoll < 0 || track->kick_fd < 0 || track->timer_fd < 0)
		return -errno;
	error = watch(track, track->kick_fd, &track->kick_fd);
	if (!error)
		error = watch(track, track->timer_fd, &track->timer_fd);
	if (!error)
		error = watch(track, track->worker.done_fd, &track->worker);
	return error;
}

/* As many descriptors as we may have: each buys the knowledge of a member. */
static size_t raise_descriptors(void)
{
	struct rlimit limit;

	/* Neither can fail: the resource is known, and the soft limit may always be raised so far.
	 */
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > 2 * RESERVED_FDS ? limit.rlim_cur - RESERVED_FDS
						 : limit.rlim_cur / 2;
}

static bool may_use(const struct track *track, enum ucg_probe probe)
{
	return !(track->config.switched_off & 1u << probe) && probe_kernel(probe);
}

static int find_means(struct track *track)
{
	int pidfd = pidfd_get(getpid());
	int error;

	if (pidfd < 0)
		return errno == ENOSYS ? -ENOSYS : -errno;
	close(pidfd);
	track->is_of_root = geteuid() == 0;
	track->has_parent_info = may_use(track, UCG_PROBE_PIDFD_INFO);
	track->proc_is_whole = may_use(track, UCG_PROBE_PROC_WHOLE);
	track->has_pidns = may_use(track, UCG_PROBE_PIDNS);
	track->has_thread_pidfd = may_use(track, UCG_PROBE_THREAD_PIDFD);
	births_init(&track->births, may_use(track, UCG_PROBE_FORK_EVENTS));
	track->by_counter = probe_pids_are_chosen();
	error = cursor_init(&track->cursor, may_use(track, UCG_PROBE_PIDFS_CLOCK));
	/* Without a clock to count by, the cursor must do; the manual says what that can miss. */
	track->pids_are_uncounted = track->by_counter && !track->cursor.has_clock;
	track->by_counter = track->by_counter && track->cursor.has_clock;
	return error;
}

static int track_init(struct track *track)
{
	uint16_t hierarchy = 0;
	int error = pass_worker_init(&track->worker);

	if (!error)
		error = open_descriptors(track);
	if (!error)
		error = roster_init(&track->roster, track->epoll, raise_descriptors(),
				    may_use(track, UCG_PROBE_HINTS));
	if (!error)
		error = find_means(track);
	if (error)
		return error;
	error = registry_enter(&track->registry, &hierarchy);
	track->roster.scheme.hierarchy = hierarchy;
	if (!error && track->registry.folder_fd < 0)
		ucg_log(track->config.log, LOG_WARNING,
			"can't register in XDG_RUNTIME_DIR, /run or /tmp: marks of trees that "
			"were killed are not written over");
	return error;
}

static void track_free(struct track *track)
{
	pass_worker_deinit(&track->worker);
	cursor_deinit(&track->cursor);
	if (track->roster.groups)
		roster_deinit(&track->roster);
	births_stop(track);
	discovery_end_exemptions(track);
	ucg_pids_clear(&track->wards);
	pending_clear(&track->pending);
	ucg_pids_clear(&track->root_list[UCG_LIST_TASKS]);
	ucg_pids_clear(&track->root_list[UCG_LIST_PROCESSES]);
	ucg_closep(&track->epoll);
	ucg_closep(&track->kick_fd);
	ucg_closep(&track->timer_fd);
	registry_leave(&track->registry, track->is_clean);
	free(track);
}

int ucg_track_new(const struct ucg_track_config *config, struct ucg_tracker **trackerp)
{
	struct track *track = calloc(1, sizeof(*track));
	int error;

	if (!track)
		return -ENOMEM;
	track->base.ops = &operations;
	track->config = *config;
	track->registry.folder_fd = track->registry.lock_fd = -1;
	births_init(&track->births, false);
	track->epoll = track->kick_fd = track->timer_fd = track->cursor.loadavg_fd = -1;
	CDS_INIT_LIST_HEAD(&track->suspects);
	CDS_INIT_LIST_HEAD(&track->movers);
	CDS_INIT_LIST_HEAD(&track->changed);
	CDS_INIT_LIST_HEAD(&track->exempts);
	CDS_INIT_LIST_HEAD(&track->killed);
	CDS_INIT_LIST_HEAD(&track->halted);
	error = track_init(track);
	if (error) {
		track_free(track);
		return error;
	}
	*trackerp = &track->base;
	return 0;
}

struct ucg_tracker *ucg_track_stop(struct ucg_tracker *tracker, size_t *leftp)
{
	struct track *track = track_of(tracker);

	pass_worker_stop(&track->worker);
	collect_jobs(track);
	kill_halted(track);
	*leftp = task_release_all(track);
	track->is_clean = true;
	track_free(track);
	return NULL;
}
