/* SPDX-License-Identifier: MIT */
#include "lineage.h"

#include <errno.h>
#include <unistd.h>

#include "carry.h"
#include "discovery.h"
#include "kill.h"
#include "pidfd.h"
#include "proc.h"
#include "ucgroupfs/scope.h"

#define INIT 1

pid_t lineage_parent(struct track *track, pid_t pid)
{
	ucg_autoclose int pidfd = track->has_parent_info ? pidfd_get(pid) : -1;
	struct proc_stat stat;
	pid_t parent;

	if (pidfd >= 0 && pidfd_parent(pidfd, &parent) == 0)
		return parent;
	return proc_read_stat(pid, pid, &stat) ? 0 : stat.ppid;
}

/* One who vouches for nothing by himself: of another user, and no member. */
static bool is_foreign(pid_t pid)
{
	struct proc_status status;

	return proc_read_status(pid, &status) == 0 && status.uid.real != 0 &&
	       status.uid.real != getuid();
}

enum lineage lineage_of(struct track *track, pid_t pid)
{
	/* Upwards as long as they carry marks, but are not ours to mark. */
	for (;;) {
		struct marker marker;

		pid = lineage_parent(track, pid);
		if (pid <= INIT)
			return LINEAGE_POSSIBLE;
		if (roster_member(&track->roster, pid) || roster_split(&track->roster, pid))
			return LINEAGE_PROVED;
		if (marker_read(&track->roster.scheme, pid, &marker) != 1)
			return is_foreign(pid) ? LINEAGE_FORGED : LINEAGE_POSSIBLE;
		if (!marker.is_foreign)
			return LINEAGE_PROVED;
	}
}

bool lineage_vouches(const struct member *member)
{
	return !member->split && (member->state == MARK_NONE || member->is_born) &&
	       member->pidfd >= 0 && !pidfd_is_dead(member->pidfd);
}

/*
 * The next ancestor of a process who vouches for his children, or NULL.  Where one of those in
 * between is reaped meanwhile, the one below has another parent by then: so it begins anew.
 */
static struct member *voucher(struct track *track, pid_t pid, bool *is_parentp)
{
	pid_t below = pid, above = lineage_parent(track, pid);

	while (above) {
		struct member *member = roster_member(&track->roster, above);
		pid_t next;

		*is_parentp = below == pid;
		if (member && lineage_vouches(member))
			return member;
		if (above == INIT)
			return NULL;
		next = lineage_parent(track, above);
		/* The parent of kernel threads, or one that is hidden. */
		if (!next && lineage_parent(track, below) == above)
			return NULL;
		below = next ? above : pid;
		above = next ? next : lineage_parent(track, pid);
	}
	return NULL;
}

/* Return: 0, and the epoch that it carries now, as far as it can carry any. */
static int mark(struct track *track, pid_t pid, struct tracked_group *group, struct epoch **epochp)
{
	struct carried carried;
	int error = carry_read(track, pid, &carried);

	return error ? error : carry_write(track, pid, group, &carried.key, true, epochp);
}

int lineage_take_in_held(struct track *track, pid_t pid, int *pidfdp, struct tracked_group *group,
			 struct epoch *parents)
{
	bool is_doomed = parents && parents->is_killed && parents->group == group;
	struct epoch *epoch = parents;
	struct member *child;
	int error = is_doomed ? 0 : mark(track, pid, group, &epoch);

	if (!error && pidfd_is_dead(*pidfdp))
		error = -ESRCH;
	if (error)
		return error;
	group->found++;
	epoch->found++;
	child = discovery_admit(track, pid, ucg_steal_fd(pidfdp), epoch, NULL);
	if (!child) {
		ucg_log(track->config.log, LOG_ERR, "out of memory: process %d is not followed",
			pid);
		return -ENOMEM;
	}
	child->is_born = child->is_adopted = true;
	child->threaded = true; /* for all that is known */
	roster_set_state(&track->roster, child, is_doomed ? MARK_NONE : carry_state(epoch));
	kill_admitted(track, child);
	return 0;
}

bool lineage_take_in(struct track *track, pid_t pid, struct tracked_group *group,
		     struct epoch *parents)
{
	ucg_autoclose int pidfd = pidfd_get(pid);

	return pidfd >= 0 && lineage_take_in_held(track, pid, &pidfd, group, parents) == 0;
}

void lineage_adopt(struct track *track, pid_t pid)
{
	bool is_parent;
	struct member *ancestor = voucher(track, pid, &is_parent);

	if (ancestor && is_parent)
		lineage_take_in(track, pid, ancestor->epoch->group, ancestor->epoch);
	else if (ancestor && ucg_pids_append(&track->wards, pid))
		ucg_log(track->config.log, LOG_ERR, "out of memory: process %d is not followed",
			pid);
}

void lineage_adopt_wards(struct track *track)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids wards = track->wards;

	track->wards = (struct ucg_pids){0};
	for (size_t i = 0; i < wards.count; i++) {
		struct marker marker;

		if (!roster_member(&track->roster, wards.pid[i]) &&
		    marker_read(&track->roster.scheme, wards.pid[i], &marker) == 0)
			lineage_adopt(track, wards.pid[i]);
	}
}
