/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cursor.h"
#include "pidfd.h"
#include "proc.h"
#include "ucgroupfs/scope.h"

void pending_clear(struct pending *pending)
{
	free(pending->slot);
	*pending = (struct pending){0};
}

static int pending_append(struct pending *pending, struct pending_slot slot)
{
	if (pending->count == pending->capacity) {
		size_t capacity = pending->capacity ? 2 * pending->capacity : 16;
		struct pending_slot *bigger =
			reallocarray(pending->slot, capacity, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		pending->slot = bigger;
		pending->capacity = capacity;
	}
	pending->slot[pending->count++] = slot;
	return 0;
}

void pending_date(struct pending *pending, uint64_t until_ns)
{
	for (size_t i = 0; i < pending->count; i++)
		if (pending->slot[i].until_ns == PENDING_NEW_DOUBT)
			pending->slot[i].until_ns = until_ns;
}

int scan_init(struct scan *scan)
{
	*scan = (struct scan){.scratch_fd = eventfd(0, EFD_CLOEXEC), .spare = SIZE_MAX};
	return scan->scratch_fd < 0 ? -errno : 0;
}

void scan_deinit(struct scan *scan)
{
	for (size_t i = 0; i < scan->found_count; i++)
		ucg_closep(&scan->found[i].pidfd);
	free(scan->found);
	pending_clear(&scan->pending);
	ucg_pids_clear(&scan->bare);
	ucg_closep(&scan->scratch_fd);
	*scan = (struct scan){.scratch_fd = -1};
}

static void fail(struct scan *scan, int error)
{
	if (error && !scan->error)
		scan->error = error;
}

static void add_found(struct scan *scan, struct scan_found found)
{
	if (scan->found_count == scan->found_capacity) {
		size_t capacity = scan->found_capacity ? 2 * scan->found_capacity : 16;
		struct scan_found *bigger = realloc(scan->found, capacity * sizeof(*bigger));

		if (!bigger) {
			ucg_closep(&found.pidfd);
			fail(scan, -ENOMEM);
			return;
		}
		scan->found = bigger;
		scan->found_capacity = capacity;
	}
	scan->found[scan->found_count++] = found;
}

/* Is the pid taken, by a task or by a fork that has not come out yet?  Then struct pid is there,
 * and can be made the owner of a file.  Most slots are free, and this is all that they cost.  A
 * fork that has taken its pid a moment ago reads as free, too (scan.h). */
static bool is_taken(const struct scan *scan, pid_t pid)
{
	return fcntl(scan->scratch_fd, F_SETOWN, pid) == 0;
}

static bool was_taken_lately(const struct scan *scan, pid_t pid)
{
	pid_t distance = scan->cursor - pid;

	return (distance < 0 ? distance + scan->pid_max : distance) < SCAN_DOUBTS;
}

/* One that was in flight is free for good. */
static bool is_over(const struct pending_slot *slot)
{
	return slot->until_ns == PENDING_IN_FLIGHT ||
	       (slot->until_ns != PENDING_NEW_DOUBT && slot->until_ns <= monotonic_ns());
}

/* A slot reads as free.  @before: as it was read before; NULL: it was not. */
static void doubt(struct scan *scan, pid_t pid, const struct pending_slot *before)
{
	struct pending_slot slot = {.pid = pid, .until_ns = PENDING_NEW_DOUBT};

	if (before ? is_over(before) : !was_taken_lately(scan, pid))
		return;
	fail(scan, pending_append(&scan->pending, before ? *before : slot));
}

/*
 * A pid that is taken, and no task answers to it: a fork in flight, or a pid that lives on as that
 * of a process group only.  A fork's pid is no group before it has come out.
 */
static void pend(struct scan *scan, pid_t pid)
{
	if (kill(-pid, 0) && errno == ESRCH)
		fail(scan,
		     pending_append(&scan->pending, (struct pending_slot){pid, PENDING_IN_FLIGHT}));
}

/* The pidfd of a live member, as long as it is not the last descriptor that others need. */
static int keep(struct scan *scan, int *pidfd)
{
	if (*pidfd < 0 || !scan->spare)
		return -1;
	scan->spare--;
	return ucg_steal_fd(pidfd);
}

/* A thread that is not the leader carries the limit of its process, and a hint of its own. */
static void found_thread(struct scan *scan, pid_t tid, struct marker marker)
{
	struct proc_status status;
	ucg_autoclose int pidfd = -1;
	int answer = proc_read_status(tid, &status);

	if (!answer)
		answer = marker_read_live(&scan->scheme, status.tgid, tid, &marker);
	if (answer != 1) {
		/* Gone: its process has a slot of its own. */
		fail(scan, answer == -ESRCH ? 0 : answer);
		return;
	}
	if (scan->is_known(scan->context, status.tgid, marker.epoch, true)) {
		add_found(scan, (struct scan_found){.pid = status.tgid,
						    .tid = tid,
						    .pidfd = -1,
						    .marker = marker,
						    .known = true,
						    .threaded = true});
		return;
	}
	pidfd = pidfd_get(status.tgid);
	if (pidfd < 0 || pidfd_is_dead(pidfd))
		return;
	add_found(scan, (struct scan_found){.pid = status.tgid,
					    .tid = tid,
					    .pidfd = keep(scan, &pidfd),
					    .marker = marker,
					    .threaded = true});
}

/* What the first live thread that is not the leader carries.  Return: as marker_read(); -ESRCH:
 * there is none. */
static int read_other_thread(struct scan *scan, struct scan_found *found)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids threads = {0};
	int error = proc_read_threads(found->pid, &threads);

	for (size_t i = 0; !error && i < threads.count; i++) {
		int answer = threads.pid[i] == found->pid
				     ? -ESRCH
				     : marker_read_live(&scan->scheme, found->pid, threads.pid[i],
							&found->marker);

		if (answer == -ESRCH)
			continue;
		found->tid = threads.pid[i];
		found->threaded = true;
		return answer;
	}
	return error ? error : -ESRCH;
}

/*
 * What a process carries.  A leader that has ended has its limit still, and no hint: then another
 * thread tells, unless that has just become the leader by an exec.
 */
static int read_process(struct scan *scan, int pidfd, struct scan_found *found)
{
	for (;;) {
		int answer =
			marker_read_live(&scan->scheme, found->pid, found->pid, &found->marker);

		if (answer != -ESRCH)
			return answer;
		answer = read_other_thread(scan, found);
		if (answer != -ESRCH)
			return answer;
		if (pidfd >= 0 && pidfd_is_dead(pidfd))
			return -ESRCH;
	}
}

static void found_member(struct scan *scan, pid_t pid, struct marker marker)
{
	ucg_autoclose int pidfd = pidfd_get(pid);
	int refusal = pidfd < 0 ? errno : 0, answer;
	struct scan_found found = {.pid = pid, .tid = pid, .pidfd = -1, .marker = marker};

	/* A thread is EINVAL, since 6.15 ENOENT. */
	if (refusal == EINVAL || refusal == ENOENT) {
		found_thread(scan, pid, marker);
		return;
	}
	/* The pidfd may belong to a later task of this pid than the one that was read. */
	answer = refusal == ESRCH || (pidfd >= 0 && pidfd_is_dead(pidfd))
			 ? -ESRCH
			 : read_process(scan, pidfd, &found);
	fail(scan, answer < 0 && answer != -ESRCH ? answer : 0);
	found.dead = answer != 1;
	if (!found.dead)
		found.pidfd = keep(scan, &pidfd);
	add_found(scan, found);
}

static void found_nothing(struct scan *scan, pid_t pid)
{
	if (scan->scheme.hints)
		fail(scan, ucg_pids_append(&scan->bare, pid));
	if (scan->stranger)
		scan->stranger(scan->context, pid);
}

static void found_marks(struct scan *scan, pid_t pid, struct marker marker)
{
	if (!scan->is_known(scan->context, pid, marker.epoch, false))
		found_member(scan, pid, marker);
}

static void examine(struct scan *scan, pid_t pid, const struct pending_slot *before)
{
	struct marker marker;
	int answer;

	if (scan->pends && !is_taken(scan, pid)) {
		doubt(scan, pid, before);
		return;
	}
	answer = marker_read(&scan->scheme, pid, &marker);
	if (answer == -ESRCH && scan->pends)
		pend(scan, pid);
	else if (answer < 0 && answer != -ESRCH)
		fail(scan, answer);
	else if (answer == 0)
		found_nothing(scan, pid);
	else if (answer == 1)
		found_marks(scan, pid, marker);
}

void scan_bare(struct scan *scan)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids bare = scan->bare;

	scan->bare = (struct ucg_pids){0};
	for (size_t i = 0; i < bare.count; i++) {
		struct marker marker;

		if (marker_read(&scan->scheme, bare.pid[i], &marker) == 1)
			found_marks(scan, bare.pid[i], marker);
	}
}

void scan_slot(struct scan *scan, pid_t pid)
{
	examine(scan, pid, NULL);
}

void scan_slots(struct scan *scan, pid_t first, pid_t last)
{
	for (pid_t pid = first; pid <= last; pid++)
		scan_slot(scan, pid);
}

static void examine_again(struct scan *scan, const struct pending *pending)
{
	for (size_t i = 0; i < pending->count; i++)
		examine(scan, pending->slot[i].pid, &pending->slot[i]);
}

void scan_pending(struct scan *scan)
{
	ucg_cleanup(pending_clear) struct pending pending = scan->pending;

	scan->pending = (struct pending){0};
	examine_again(scan, &pending);
}

static void scan_whole_range(struct scan *scan, pid_t frontier)
{
	if (scan->cursor >= frontier) {
		scan_slots(scan, frontier + 1, scan->cursor);
		return;
	}
	scan_slots(scan, frontier + 1, scan->pid_max - 1);
	scan_slots(scan, 1, scan->cursor);
}

void scan_range(struct scan *scan, const struct pending *pending, pid_t frontier)
{
	scan->pends = true;
	examine_again(scan, pending);
	scan_whole_range(scan, frontier);
	scan_bare(scan);
}

void scan_proc(struct scan *scan, const struct ucg_pids *splits)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids pids = {0};
	int error = proc_read_processes(&pids);

	fail(scan, error);
	for (size_t i = 0; i < splits->count; i++) {
		error = proc_read_threads(splits->pid[i], &pids);
		fail(scan, error == -ESRCH ? 0 : error);
	}
	for (size_t i = 0; i < pids.count; i++)
		scan_slot(scan, pids.pid[i]);
}
