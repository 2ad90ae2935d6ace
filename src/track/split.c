/* SPDX-License-Identifier: MIT */
#include "split.h"

#include <errno.h>

#include "carry.h"
#include "discovery.h"
#include "kill.h"
#include "pidfd.h"
#include "proc.h"
#include "ucgroupfs/scope.h"

/* Return: 0 and a descriptor, -1 for a leader; -ESRCH. */
static int open_thread(const struct split *split, pid_t tid, int *pidfdp)
{
	ucg_autoclose int pidfd = -1;

	*pidfdp = -1;
	if (tid == split->pid)
		return proc_check_alive(tid, tid) ? -ESRCH : 0;
	pidfd = pidfd_get_thread(tid);
	if (pidfd < 0)
		/* Without a descriptor it is known by its hint alone. */
		return pidfd_lacks_means(errno) ? 0 : -ESRCH;
	if (pidfd_is_dead(pidfd))
		return -ESRCH;
	*pidfdp = ucg_steal_fd(&pidfd);
	return 0;
}

/* The thread as a member on its own; NULL: it is none. */
static struct member *member_of(struct track *track, const struct split *split, pid_t tid)
{
	struct member *member = roster_member(&track->roster, tid);

	return member && member->split == split ? member : NULL;
}

/* It is a member no more, and its group may be empty. */
static void withdraw(struct track *track, struct member *member)
{
	struct tracked_group *group = member->epoch->group;

	roster_remove(&track->roster, member);
	discovery_left(track, group);
}

/* A rest that stayed behind has both marks, what was moved alone only its hint. */
static enum mark_state state_of(const struct split *split, const struct epoch *epoch)
{
	return epoch == split->limit ? carry_state(epoch) : MARK_HINT;
}

static void move(struct track *track, struct member *member, struct epoch *epoch)
{
	struct tracked_group *source = member->epoch->group;

	if (member->epoch == epoch)
		return;
	roster_move(&track->roster, member, epoch);
	roster_set_state(&track->roster, member, state_of(member->split, epoch));
	discovery_watch(track, epoch->group);
	discovery_left(track, source);
}

struct member *split_admit(struct track *track, struct split *split, pid_t tid, struct epoch *epoch)
{
	struct member *member = roster_member(&track->roster, tid);
	int pidfd;

	if (member && member->split == split) {
		move(track, member, epoch);
		return member;
	}
	if (member) /* of an earlier user of this id */
		discovery_died(track, member);
	if (open_thread(split, tid, &pidfd))
		return NULL;
	/* Whoever tells of it, a look or a thread's end: it was found alive. */
	epoch->found++;
	epoch->group->found++;
	member = discovery_admit(track, tid, pidfd, epoch, split);
	if (!member)
		return NULL;
	roster_set_state(&track->roster, member, state_of(split, epoch));
	kill_admitted(track, member);
	return member;
}

void split_dissolve(struct track *track, struct split *split)
{
	struct epoch *limit;

	while (!cds_list_empty(&split->threads))
		withdraw(track, cds_list_first_entry(&split->threads, struct member, of_split));
	limit = roster_split_drop(&track->roster, split);
	if (limit)
		discovery_unneeded(track, limit);
}

/*
 * A limit that says that the rest is in the root.  A zombie has no hint: so the children of a
 * thread that was moved, which have its hint, are to be known by a limit of ours as well.
 */
static int mark_rest(struct track *track, pid_t pid, struct carried *carried)
{
	struct epoch *epoch;
	int error;

	if (carried->limit)
		return 0;
	if (carried->refusal == -EBUSY)
		return -EBUSY;
	carried->key.wants_hint = false;
	error = carry_write(track, pid, NULL, &carried->key, false, &epoch);
	if (!error && epoch->key.carrier != MARKER_NONE)
		carried->limit = epoch;
	return error;
}

static void admit_all(struct track *track, struct split *split, const struct ucg_pids *threads,
		      struct epoch *epoch)
{
	for (size_t i = 0; i < threads->count; i++)
		split_admit(track, split, threads->pid[i], epoch);
	discovery_left(track, epoch->group);
}

int split_up(struct track *track, pid_t pid, struct split **splitp)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids threads = {0};
	struct member *whole = roster_member(&track->roster, pid);
	struct carried carried;
	struct epoch *epoch;
	int error;

	*splitp = roster_split(&track->roster, pid);
	if (*splitp)
		return 0;
	if (whole && whole->state == MARK_NONE)
		return -EPERM;
	error = carry_read(track, pid, &carried);
	if (!error)
		error = proc_read_threads(pid, &threads);
	if (!error)
		error = mark_rest(track, pid, &carried);
	if (error)
		return error;
	epoch = whole ? whole->epoch : carried.epoch;
	*splitp = roster_split_new(&track->roster, pid, carried.limit);
	if (!*splitp)
		return -ENOMEM;
	if (whole)
		roster_remove(&track->roster, whole);
	if (epoch && epoch->group)
		admit_all(track, *splitp, &threads, epoch);
	return 0;
}

void split_changed(struct track *track, struct split *split)
{
	if (cds_list_empty(&split->changed))
		cds_list_add_tail(&split->changed, &track->changed);
}

/* ---- mending ---- */

/* The epoch of a live thread that is in a group; NULL: it is in none, or gone. */
static struct epoch *epoch_of(struct track *track, const struct split *split, pid_t tid)
{
	struct marker marker;
	struct epoch *epoch;

	if (marker_read_live(&track->roster.scheme, split->pid, tid, &marker) != 1)
		return NULL;
	epoch = carry_epoch(track, &marker);
	return epoch && epoch->group ? epoch : NULL;
}

static void mend_leader(struct track *track, struct split *split)
{
	struct member *member = member_of(track, split, split->pid);
	struct epoch *epoch = epoch_of(track, split, split->pid);

	if (epoch)
		split_admit(track, split, split->pid, epoch);
	else if (member)
		withdraw(track, member);
}

/*
 * The threads that no look has found yet.  New ones come last in the list, and their maker can't
 * have ended before they are there; one that gets into its leader's slot by an exec meanwhile is
 * found by looking at that again.
 */
static int find_threads(struct track *track, struct split *split)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids threads = {0};
	int error = proc_read_threads(split->pid, &threads);

	if (error)
		return error == -ESRCH ? 0 : error;
	for (size_t i = 0; i < threads.count; i++) {
		struct epoch *epoch = epoch_of(track, split, threads.pid[i]);

		if (epoch)
			split_admit(track, split, threads.pid[i], epoch);
	}
	mend_leader(track, split);
	return 0;
}

/* Its only thread is the leader, by an exec or because the others have ended. */
static void make_whole(struct track *track, struct split *split)
{
	struct member *leader = roster_member(&track->roster, split->pid);
	struct tracked_group *group = leader ? leader->epoch->group : NULL;
	pid_t pid = split->pid;
	struct carried carried;
	struct epoch *epoch;

	if (!group || leader->epoch->is_killed || carry_read(track, pid, &carried) ||
	    carry_write(track, pid, group, &carried.key, false, &epoch))
		return;
	split_dissolve(track, split);
	leader = discovery_admit(track, pid, pidfd_get(pid), epoch, NULL);
	if (leader)
		roster_set_state(&track->roster, leader, carry_state(epoch));
}

static void mend(struct track *track, struct split *split)
{
	struct proc_status status;

	if (hint_get(split->pid) == -ESRCH) {
		split_dissolve(track, split);
		return;
	}
	mend_leader(track, split);
	/* Without means to look it stays as it is. */
	if (cds_list_empty(&split->threads) && find_threads(track, split))
		return;
	if (cds_list_empty(&split->threads)) {
		carry_strip(track, split->pid);
		split_dissolve(track, split);
	} else if (!proc_read_status(split->pid, &status) && status.threads == 1 &&
		   !proc_state_is_dead(status.state)) {
		make_whole(track, split);
	}
}

void split_mend_all(struct track *track)
{
	while (!cds_list_empty(&track->changed)) {
		struct split *split = cds_list_first_entry(&track->changed, struct split, changed);

		cds_list_del_init(&split->changed);
		mend(track, split);
	}
}

/* Is in the leader's slot who is known to be there? */
static bool leader_is_known(struct track *track, const struct split *split)
{
	struct member *member = member_of(track, split, split->pid);

	return epoch_of(track, split, split->pid) == (member ? member->epoch : NULL);
}

void split_read_leaders(struct track *track)
{
	struct cds_lfht_iter iterator;
	struct split *split;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.splits, &iterator, split, link)
		if (!leader_is_known(track, split))
			split_changed(track, split);
	urcu_memb_read_unlock();
	split_mend_all(track);
}

int split_list(struct track *track, struct ucg_pids *pids)
{
	struct cds_lfht_iter iterator;
	struct split *split;
	int error = 0;

	urcu_memb_read_lock();
	cds_lfht_for_each_entry (track->roster.splits, &iterator, split, link)
		error = error ? error : ucg_pids_append(pids, split->pid);
	urcu_memb_read_unlock();
	return error;
}

/* ---- moving ---- */

/* The epoch that says of a thread that it is in @to: the one in the limit of its process, if that
 * means it, else one of its own. */
static int choose_epoch(struct track *track, const struct split *split, struct tracked_group *to,
			struct epoch **epochp)
{
	static const struct epoch_key by_hint = {
		.carrier = MARKER_NONE, .wants_hint = true, .for_threads = true};
	struct epoch *limit = split->limit;

	*epochp = limit;
	if (limit ? limit->group == to && !limit->is_killed && !limit->mover_count : !to)
		return 0;
	*epochp = roster_epoch_need(&track->roster, to, by_hint);
	if (!*epochp)
		return -ENOMEM;
	return (*epochp)->hint ? 0 : -EOPNOTSUPP;
}

static int move_to_group(struct track *track, struct split *split, pid_t tid, struct epoch *epoch)
{
	struct tracked_group *group = epoch->group;
	bool was_populated = group->populated;

	group->populated = true;
	if (split_admit(track, split, tid, epoch))
		return 0;
	group->populated = was_populated;
	return proc_check_alive(split->pid, tid) ? -ESRCH : -ENOMEM;
}

static int move_thread(struct track *track, struct split *split, pid_t tid,
		       struct tracked_group *to)
{
	struct member *member = member_of(track, split, tid);
	struct epoch *epoch;
	int error = choose_epoch(track, split, to, &epoch);

	if (!error)
		error = carry_write_thread(track, tid, epoch);
	if (error)
		return error;
	if (to)
		return move_to_group(track, split, tid, epoch);
	if (member)
		withdraw(track, member);
	return 0;
}

int split_move_thread(struct track *track, const struct ucg_task *task, struct tracked_group *to)
{
	struct split *split;
	int error;

	if (!track->roster.hints || !track->has_thread_pidfd)
		return -EOPNOTSUPP;
	error = split_up(track, task->tgid, &split);
	if (error)
		return error;
	error = move_thread(track, split, task->tid, to);
	/* If none is a member, it need not be split. */
	if (cds_list_empty(&split->threads))
		split_changed(track, split);
	split_mend_all(track);
	return error;
}
