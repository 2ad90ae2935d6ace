/* SPDX-License-Identifier: MIT */
#include "carry.h"

#include <errno.h>

#include "proc.h"
#include "ucgroupfs/scope.h"

/* An epoch counts where it was written to: elsewhere somebody else wrote it. */
static struct epoch *epoch_in_limit(struct track *track, const struct marker *marker)
{
	struct epoch *epoch = marker->limit ? roster_epoch(&track->roster, marker->limit) : NULL;

	return epoch && epoch->key.carrier == marker->carrier ? epoch : NULL;
}

struct epoch *carry_epoch(struct track *track, const struct marker *marker)
{
	return marker->hint ? roster_epoch(&track->roster, marker->hint)
			    : epoch_in_limit(track, marker);
}

int carry_read(struct track *track, pid_t pid, struct carried *carried)
{
	struct marker marker;
	int answer = marker_read(&track->roster.scheme, pid, &marker);

	*carried = (struct carried){.key = {.wants_hint = track->roster.hints}};
	if (answer < 0)
		return answer;
	carried->limit = epoch_in_limit(track, &marker);
	carried->epoch = carry_epoch(track, &marker);
	if (carried->limit) {
		carried->key.carrier = carried->limit->key.carrier;
		carried->key.prior = carried->limit->key.prior;
		return 0;
	}
	/* The highest value that a marker can have: so it fits, whatever the epoch. */
	carried->refusal = marker_choose(
		&track->registry, pid, marker_value(track->roster.scheme.hierarchy, UINT32_MAX),
		&carried->key.carrier, &carried->key.prior, &carried->is_heir);
	if (carried->refusal) {
		carried->key.carrier = MARKER_NONE;
		carried->key.prior = 0;
	}
	return carried->refusal == -EPERM || carried->refusal == -EBUSY ? 0 : carried->refusal;
}

void carry_inherit(pid_t pid)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids threads = {0};

	/* Where that fails it stays, and is found to be in the way. */
	if (proc_read_threads(pid, &threads))
		return;
	for (size_t i = 0; i < threads.count; i++)
		hint_disown(threads.pid[i]);
}

enum mark_state carry_state(const struct epoch *epoch)
{
	if (epoch->key.carrier == MARKER_NONE)
		return epoch->hint ? MARK_HINT : MARK_NONE;
	return epoch->hint ? MARK_BOTH : MARK_LIMIT;
}

int carry_write_thread(struct track *track, pid_t tid, const struct epoch *epoch)
{
	if (!track->roster.hints)
		return 0;
	return hint_set(track->roster.hints, tid, epoch ? epoch->hint : 0);
}

int carry_write_threads(struct track *track, pid_t pid, const struct epoch *epoch)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids threads = {0};
	int wanted = epoch ? (int)epoch->hint : 0, changed = 0;
	int error = proc_read_threads(pid, &threads);

	for (size_t i = 0; !error && i < threads.count; i++) {
		int hint = hint_get(threads.pid[i]);

		if (hint < 0 || hint == wanted)
			continue;
		error = carry_write_thread(track, threads.pid[i], epoch);
		/* One that has ended takes it and keeps nothing. */
		changed += !error && hint_get(threads.pid[i]) == wanted;
		error = error == -ESRCH ? 0 : error;
	}
	return error ? error : changed;
}

/* A new thread has the hint of the one that made it.  So it is over when a round finds none that
 * has another; one in flight meanwhile is a straggler (mover.h). */
static int write_hints(struct track *track, pid_t pid, const struct epoch *epoch, bool threaded)
{
	int changed;

	if (!track->roster.hints)
		return 0;
	if (!threaded)
		return carry_write_thread(track, pid, epoch);
	do
		changed = carry_write_threads(track, pid, epoch);
	while (changed > 0);
	return changed;
}

static int write_limit(struct track *track, pid_t pid, const struct epoch *epoch)
{
	uint64_t value = marker_value(track->roster.scheme.hierarchy, epoch->value);
	int error;

	if (epoch->key.carrier == MARKER_NONE)
		return 0;
	error = marker_write(pid, epoch->key.carrier, value);
	if (!error && epoch->key.carrier != MARKER_LOCKS)
		track->roster.scheme.second_used = true;
	return error;
}

int carry_write(struct track *track, pid_t pid, struct tracked_group *group, struct epoch_key *key,
		bool threaded, struct epoch **epochp)
{
	for (;;) {
		struct epoch *epoch = roster_epoch_need(&track->roster, group, *key);
		int error;

		if (!epoch)
			return -ENOMEM;
		*epochp = epoch;
		error = epoch->hint ? write_hints(track, pid, epoch, threaded) : 0;
		if (error == -EPERM || error == -EBUSY) {
			key->wants_hint = false;
			continue;
		}
		if (!error)
			error = write_limit(track, pid, epoch);
		if (error == -EPERM || error == -EINVAL) {
			key->carrier = MARKER_NONE;
			key->prior = 0;
			continue;
		}
		if (error || epoch->hint)
			return error;
		/* One from before would decide; one that can't be taken away is not ours. */
		error = write_hints(track, pid, NULL, threaded);
		return error == -EPERM ? 0 : error;
	}
}

static int strip_limit(struct track *track, pid_t pid)
{
	struct marker marker;
	struct epoch *epoch;
	int answer = marker_read(&track->roster.scheme, pid, &marker);

	if (answer < 0 || marker.carrier == MARKER_NONE)
		return answer < 0 ? answer : 0;
	epoch = epoch_in_limit(track, &marker);
	return marker_write(pid, marker.carrier, epoch ? epoch->key.prior : RLIM_INFINITY);
}

int carry_strip(struct track *track, pid_t pid)
{
	int error = write_hints(track, pid, NULL, true);

	if (error && error != -EPERM)
		return error;
	return strip_limit(track, pid);
}

/* It gets what it lacks of its group's marks: the child of a thread that was moved alone has its
 * process's limit; another has lost one of the two. */
static bool complete_marks(struct track *track, struct member *member)
{
	struct tracked_group *group = member->epoch->group;
	struct carried carried;
	struct epoch *epoch;

	if (member->epoch->is_killed || carry_read(track, member->pid, &carried) ||
	    carry_write(track, member->pid, group, &carried.key, member->threaded, &epoch))
		return false;
	if (member->epoch != epoch)
		roster_move(&track->roster, member, epoch);
	roster_set_state(&track->roster, member, carry_state(epoch));
	return true;
}

static enum mark_state state_of(const struct member *member, const struct marker *marker)
{
	if (marker->epoch != member->epoch->value)
		return MARK_NONE;
	if (marker->limit == marker->epoch)
		return marker->hint == marker->epoch ? MARK_BOTH : MARK_LIMIT;
	return MARK_HINT;
}

/* What another user carries is not ours to write; and one who has got rid of both is to be told
 * from the others. */
static bool can_be_completed(const struct member *member, const struct marker *marker,
			     enum mark_state state)
{
	if (marker->is_foreign || state == MARK_NONE)
		return false;
	return state == MARK_HINT || state != carry_state(member->epoch);
}

void carry_take_state(struct track *track, struct member *member, const struct marker *marker)
{
	enum mark_state state = state_of(member, marker);

	if (!can_be_completed(member, marker, state) || !complete_marks(track, member))
		roster_set_state(&track->roster, member, state);
}
