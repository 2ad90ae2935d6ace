/* SPDX-License-Identifier: MIT */
#include "pass.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proc.h"
#include "ucgroupfs/scope.h"

static int compare_known(const void *left, const void *right)
{
	pid_t a = ((const struct pass_known *)left)->pid;
	pid_t b = ((const struct pass_known *)right)->pid;

	return (a > b) - (a < b);
}

/*
 * A known member is passed over only if the slot still carries its epoch: a pid that was used again
 * by a member of another group, while we scan, is not the known one.  One that was used again by a
 * member of the same group does no harm: that group had a known live member when the passes began,
 * so they prove nothing for it anyway (discovery.h, G3).
 */
static bool is_known(void *context, pid_t pid, uint32_t epoch, bool as_process)
{
	const struct pass_job *job = context;
	struct pass_known key = {.pid = pid};
	const struct pass_known *known =
		job->known_count
			? bsearch(&key, job->known, job->known_count, sizeof(key), compare_known)
			: NULL;

	return known && known->epoch == epoch && !(as_process && known->is_thread);
}

static void one_pass(struct pass_job *job)
{
	if (job->by_proc)
		scan_proc(&job->scan, &job->splits);
	else
		scan_slots(&job->scan, 1, job->pid_max - 1);
	scan_bare(&job->scan);
}

/*
 * One pass over all slots that pends what is in flight proves enough (discovery.h, G4); while
 * nothing is forked at all, if the slots that were in flight are looked at again (G5).  /proc does
 * not show what is in flight: so it takes two.
 */
static void find_members(struct pass_job *job)
{
	unsigned wanted = job->by_proc ? 2 : 1;

	job->scan.is_known = is_known;
	job->scan.context = job;
	job->scan.pends = !job->by_proc;
	for (unsigned pass = 0; pass < wanted && !job->scan.error; pass++)
		one_pass(job);
	if (job->by_counter)
		scan_pending(&job->scan);
	job->error = job->scan.error;
}

/* A known pid lies in a range only if the cursor has wrapped, and may have been used again since
 * the roster was drained: so all are looked at, and the merge tells who is old news. */
static bool is_never_known(void *context, pid_t pid, uint32_t epoch, bool as_process)
{
	(void)context, (void)pid, (void)epoch, (void)as_process;
	return false;
}

static void look_at_range(struct pass_job *job)
{
	job->scan.is_known = is_never_known;
	job->scan.context = job;
	scan_range(&job->scan, &job->pending, job->frontier);
	job->error = job->scan.error;
}

static bool means_root(const struct pass_job *job, uint32_t epoch)
{
	for (size_t i = 0; i < job->root_epoch_count; i++)
		if (job->root_epochs[i] == epoch)
			return true;
	return false;
}

/* Return: 1, 0; want of means. */
static int is_in_root(const struct pass_job *job, pid_t tid)
{
	struct marker marker;
	int answer = marker_read(&job->scan.scheme, tid, &marker);

	if (answer < 0)
		return answer == -ESRCH ? 0 : answer;
	return !answer || means_root(job, marker.epoch);
}

/* Threads have places of their own only where there are hints to tell. */
static bool is_settled_by_leader(const struct pass_job *job, pid_t tgid, int *answerp)
{
	*answerp = is_in_root(job, tgid);
	return *answerp < 0 || (!job->scan.scheme.hints && !*answerp);
}

static bool is_dead_thread(pid_t tgid, pid_t tid)
{
	/* The dead leader is left out of the list already. */
	return tid != tgid && proc_check_alive(tgid, tid);
}

static int list_process(struct pass_job *job, pid_t tgid)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids threads = {0};
	int answer, error;

	if (is_settled_by_leader(job, tgid, &answer))
		return answer;
	error = proc_read_threads(tgid, &threads);
	if (error)
		return error == -ESRCH ? 0 : error;
	for (size_t i = 0; i < threads.count && !error; i++) {
		pid_t tid = threads.pid[i];

		if (tid != tgid)
			answer = is_in_root(job, tid);
		if (answer < 0)
			return answer;
		if (!answer || is_dead_thread(tgid, tid))
			continue;
		if (job->what == UCG_LIST_PROCESSES)
			return ucg_pids_append(&job->pids, tgid);
		error = ucg_pids_append(&job->pids, tid);
	}
	return error;
}

static void list_root(struct pass_job *job)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids processes = {0};

	job->error = proc_read_processes(&processes);
	for (size_t i = 0; i < processes.count && !job->error; i++)
		job->error = list_process(job, processes.pid[i]);
	ucg_pids_sort(&job->pids);
}

void pass_run(struct pass_job *job)
{
	struct clock_child child = {.pidfd = -1};
	/* On a busy machine the time that the child takes must not count. */
	int64_t before = job->by_counter ? clock_child_start(&child) : 0;

	if (job->kind == PASS_ROOT)
		list_root(job);
	else if (job->kind == PASS_RANGE)
		look_at_range(job);
	else
		find_members(job);
	job->quiet = before > 0 && clock_read() == before + 1;
	clock_child_end(&child);
}

static void *work(void *context)
{
	struct pass_worker *worker = context;

	pthread_mutex_lock(&worker->mutex);
	while (!worker->stop) {
		struct pass_job *job;

		if (cds_list_empty(&worker->todo)) {
			pthread_cond_wait(&worker->wanted, &worker->mutex);
			continue;
		}
		job = cds_list_first_entry(&worker->todo, struct pass_job, link);
		cds_list_del(&job->link);
		pthread_mutex_unlock(&worker->mutex);
		pass_run(job);
		pthread_mutex_lock(&worker->mutex);
		cds_list_add_tail(&job->link, &worker->done);
		/* Can't fail: the counter is far from its limit. */
		eventfd_write(worker->done_fd, 1);
	}
	pthread_mutex_unlock(&worker->mutex);
	return NULL;
}

int pass_worker_init(struct pass_worker *worker)
{
	int error;

	*worker = (struct pass_worker){.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	error = worker->done_fd < 0 ? -errno : 0;
	CDS_INIT_LIST_HEAD(&worker->todo);
	CDS_INIT_LIST_HEAD(&worker->done);
	/* Neither can fail with default attributes (pthread_mutex_init(3), pthread_cond_init(3)).
	 */
	pthread_mutex_init(&worker->mutex, NULL);
	pthread_cond_init(&worker->wanted, NULL);
	return error;
}

static void free_all(struct cds_list_head *jobs)
{
	struct pass_job *job, *next;

	cds_list_for_each_entry_safe (job, next, jobs, link)
		pass_job_free(job);
}

/* Looks for members count on their results; the root's list nobody waits for any more. */
static void run_what_is_left(struct pass_worker *worker)
{
	struct pass_job *job, *next;

	cds_list_for_each_entry_safe (job, next, &worker->todo, link) {
		if (job->kind == PASS_ROOT)
			continue;
		cds_list_del(&job->link);
		pass_run(job);
		cds_list_add_tail(&job->link, &worker->done);
	}
}

void pass_worker_stop(struct pass_worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	worker->stop = true;
	pthread_cond_signal(&worker->wanted);
	pthread_mutex_unlock(&worker->mutex);
	if (worker->is_running)
		pthread_join(worker->thread, NULL);
	worker->is_running = false;
	run_what_is_left(worker);
}

void pass_worker_deinit(struct pass_worker *worker)
{
	pass_worker_stop(worker);
	free_all(&worker->todo);
	free_all(&worker->done);
	pthread_cond_destroy(&worker->wanted);
	pthread_mutex_destroy(&worker->mutex);
	ucg_closep(&worker->done_fd);
}

struct pass_job *pass_job_new(enum pass_kind kind, const struct marker_scheme *scheme)
{
	struct pass_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	if (scan_init(&job->scan)) {
		free(job);
		return NULL;
	}
	job->kind = kind;
	job->scan.scheme = *scheme;
	return job;
}

void pass_job_free(struct pass_job *job)
{
	scan_deinit(&job->scan);
	free(job->known);
	free(job->root_epochs);
	ucg_pids_clear(&job->pids);
	ucg_pids_clear(&job->splits);
	pending_clear(&job->pending);
	free(job);
}

int pass_start(struct pass_worker *worker, struct pass_job *job)
{
	if (worker->stop)
		return -EAGAIN;
	if (!worker->is_running) {
		int error = pthread_create(&worker->thread, NULL, work, worker);

		if (error)
			return -error;
		worker->is_running = true;
	}
	if (job->known_count)
		qsort(job->known, job->known_count, sizeof(*job->known), compare_known);
	pthread_mutex_lock(&worker->mutex);
	cds_list_add_tail(&job->link, &worker->todo);
	pthread_cond_signal(&worker->wanted);
	pthread_mutex_unlock(&worker->mutex);
	return 0;
}

struct pass_job *pass_finished(struct pass_worker *worker)
{
	struct pass_job *job = NULL;

	pthread_mutex_lock(&worker->mutex);
	if (!cds_list_empty(&worker->done)) {
		job = cds_list_first_entry(&worker->done, struct pass_job, link);
		cds_list_del(&job->link);
	}
	pthread_mutex_unlock(&worker->mutex);
	return job;
}
