/* SPDX-License-Identifier: MIT */
#include "kill.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "discovery.h"
#include "hunt.h"
#include "lineage.h"
#include "proc.h"

static void kill_epoch(struct track *track, struct epoch *epoch)
{
	epoch->is_killed = true;
	if (cds_list_empty(&epoch->killed))
		cds_list_add_tail(&epoch->killed, &track->killed);
}

/* How long kin is looked for, if others prevent it: who let the halted go on, or fork so fast that
 * no look is a proof. */
#define HALT_NS 1000000000u

/* Halted ourselves, we would kill nobody. */
static bool is_needed_to_find_others(const struct track *track, const struct member *member)
{
	return births_need_looks(track) && lineage_vouches(member) && member->pid != getpid();
}

static int halt_member(struct track *track, struct member *member)
{
	int error;

	if (!cds_list_empty(&member->halted))
		return 0;
	error = discovery_signal(track, member, SIGSTOP);
	if (error)
		return error;
	if (cds_list_empty(&track->halted))
		track->halted_ns = monotonic_ns();
	roster_halt(&track->roster, member, &track->halted);
	return 0;
}

static int kill_member(struct track *track, struct member *member)
{
	if (is_needed_to_find_others(track, member))
		return halt_member(track, member);
	return discovery_signal(track, member, SIGKILL);
}

void kill_admitted(struct track *track, struct member *member)
{
	if (!member->epoch->is_killed)
		return;
	track->doomed_count++;
	/* Of what can't be killed, the log has its forker. */
	kill_member(track, member);
}

void kill_halted(struct track *track)
{
	while (!cds_list_empty(&track->halted)) {
		struct member *member = cds_list_first_entry(&track->halted, struct member, halted);

		/* It could be halted: so it can be killed, if it is not dead. */
		discovery_signal(track, member, SIGKILL);
		roster_halt(&track->roster, member, NULL);
	}
}

static bool is_everybody_halted(struct track *track)
{
	struct member *member;

	cds_list_for_each_entry (member, &track->halted, halted)
		if (!proc_is_halted(member->pid))
			return false;
	return true;
}

/* Return: was it a proof that all of it is known? */
static bool look_for_kin(struct track *track)
{
	uint64_t doomed_count = track->doomed_count;

	return is_everybody_halted(track) && discovery_look(track) == 0 &&
	       track->doomed_count == doomed_count &&
	       cursor_stands_still(&track->cursor, &track->reading) == 1;
}

void kill_group(struct track *track, struct tracked_group *group)
{
	struct member *member, *next;
	struct epoch *epoch;

	/* The last moment at which the parents of children without marks tell. */
	discovery_look_for_strangers(track);
	cds_list_for_each_entry (epoch, &group->epochs, of_group)
		kill_epoch(track, epoch);
	cds_list_for_each_entry_safe (member, next, &group->members, of_group) {
		int error = kill_member(track, member);

		if (error && error != -ESRCH)
			ucg_log(track->config.log, LOG_WARNING, "process %d can't be killed: %s",
				member->pid, strerror(-error));
	}
	kill_pursue(track);
	track_arm_timer(track, true);
}

static bool order_says_nothing(struct track *track)
{
	struct epoch *epoch;

	if (track->by_counter)
		return true;
	cds_list_for_each_entry (epoch, &track->killed, killed)
		if (!epoch->group->exact)
			return true;
	return false;
}

void kill_declare_quiet(struct track *track)
{
	struct epoch *epoch, *next;

	cds_list_for_each_entry_safe (epoch, next, &track->killed, killed)
		if (!epoch->member_count && !epoch->found)
			cds_list_del_init(&epoch->killed);
}

/* Return: was a look made, before which and after which nothing was left of some? */
static bool look_for_them(struct track *track, struct cds_list_head *dead)
{
	struct epoch *epoch, *next;
	int error;

	cds_list_for_each_entry_safe (epoch, next, &track->killed, killed) {
		epoch->found = 0;
		if (!epoch->member_count)
			cds_list_move(&epoch->killed, dead);
	}
	error = discovery_look(track);
	if (error == -EAGAIN)
		discovery_start_passes(track, false);
	if (error)
		return false;
	discovery_drain(track);
	return cursor_stands_still(&track->cursor, &track->reading) == 1;
}

void kill_pursue(struct track *track)
{
	struct cds_list_head dead;
	struct epoch *epoch, *next;
	bool is_proof;

	CDS_INIT_LIST_HEAD(&dead);
	discovery_drain(track);
	hunt(track);
	if (!cds_list_empty(&track->halted) &&
	    (look_for_kin(track) || monotonic_ns() - track->halted_ns > HALT_NS))
		kill_halted(track);
	if (order_says_nothing(track)) {
		discovery_start_passes(track, !track->by_counter);
		return;
	}
	is_proof = look_for_them(track, &dead);
	cds_list_for_each_entry_safe (epoch, next, &dead, killed) {
		cds_list_del_init(&epoch->killed);
		if (!is_proof || epoch->found || epoch->member_count)
			cds_list_add_tail(&epoch->killed, &track->killed);
	}
}
