/* SPDX-License-Identifier: MIT */
#include "hunt.h"

#include <signal.h>

#include "carry.h"
#include "lineage.h"
#include "pidfd.h"
#include "ucgroupfs/scope.h"

/* Then the loop has a turn. */
#define ROUNDS_MAX 64
/* Older ones are for looks. */
#define SLOTS_MAX 1024

static bool has_killed_epoch(struct track *track, pid_t pid)
{
	struct marker marker;
	struct epoch *epoch;

	if (marker_read(&track->roster.scheme, pid, &marker) != 1 ||
	    (marker.is_foreign && !track->is_of_root))
		return false;
	epoch = carry_epoch(track, &marker);
	return epoch && epoch->is_killed;
}

/* Return: whether one was struck. */
static bool strike_marked(struct track *track, pid_t pid)
{
	ucg_autoclose int pidfd = pidfd_get(pid);

	if (pidfd < 0 || !has_killed_epoch(track, pid))
		return false;
	/* Where others have to be found by it, a look does the rest. */
	return pidfd_kill(pidfd, births_need_looks(track) ? SIGSTOP : SIGKILL) == 0;
}

/* A child of one who is to die.  Others, and those of moves, are for looks. */
static bool strike_unmarked(struct track *track, pid_t pid)
{
	struct member *parent;

	if (!births_need_looks(track) || !cds_list_empty(&track->movers) ||
	    !cds_list_empty(&track->exempts) || roster_member(&track->roster, pid))
		return false;
	parent = roster_member(&track->roster, lineage_parent(track, pid));
	return parent && parent->epoch->is_killed && lineage_vouches(parent) &&
	       lineage_take_in(track, pid, parent->epoch->group, parent->epoch);
}

static bool strike(struct track *track, pid_t pid)
{
	struct marker marker;
	int answer = marker_read(&track->roster.scheme, pid, &marker);

	if (answer == 1)
		return has_killed_epoch(track, pid) && strike_marked(track, pid);
	return answer == 0 && strike_unmarked(track, pid);
}

static bool strike_newest(struct track *track, pid_t newest)
{
	pid_t count = cursor_distance(&track->cursor, newest);
	bool any = false;

	for (pid_t age = 0; age < count && age < SLOTS_MAX; age++) {
		pid_t pid = newest - age;

		any |= strike(track, pid > 0 ? pid : pid + track->cursor.pid_max - 1);
	}
	return any;
}

void hunt(struct track *track)
{
	struct cursor_reading reading;
	bool any = false;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		if (cursor_read(&track->cursor, &reading))
			break;
		any |= strike_newest(track, reading.pid);
		if (cursor_stands_still(&track->cursor, &reading))
			break;
	}
	if (any)
		track_arm_timer(track, true);
}
