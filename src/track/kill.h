/* SPDX-License-Identifier: MIT */
#ifndef TRACK_KILL_H
#define TRACK_KILL_H

#include "track_internal.h"

/*
 * cgroup.kill: everybody who is in a group now, and whatever he forks, dies.
 *
 * The group's epochs are killed: whoever is found with one dies on the spot (kill_admitted()), and
 * a newcomer gets another epoch.
 *
 * K1. Nobody outside is killed: a signal goes through a pidfd whose task was seen to carry a killed
 *     epoch after the pidfd was opened.
 * K2. Nor is who was attached after the write was answered: his epoch is not killed.
 * K3. Everybody else dies.  The known ones are killed by the write.  What they forked before is
 *     unknown to us, and has their epoch: so looks go on as long as a killed epoch is *alive*,
 *     until a look that began after its last known member was seen dead finds nobody, and the
 *     cursor stands still; or, where the order of slots says nothing, until passes that were quiet
 *     find nobody.  That is G3 and G5 of discovery.h for the epoch in place of the group.
 *     Looks alone would take seconds for a crowd that forks without pause: hunt.h.
 * K4. So it is the epoch that is pursued.  A newcomer's life says nothing of those who are to die.
 *
 * K5. Whoever carries no marks has the killed epoch of the parent who vouches for it.  Where the
 *     kernel tells of births, that parent may be dead.  Where looks have to find it (L2), whoever
 *     vouches is halted first: it forks no more then, and stays a parent, or the reaper of what
 *     descends from it.  So a look that finds nobody, and began when all of them were seen halted,
 *     has left nobody unfound if the cursor is where it was: by G3, as whoever is read alive has a
 *     parent who is known, or who was read before.  Then they are killed.  In D state a thread
 *     counts as halted, as it may wait for a child of its vfork(2); if it is in a fork that ends
 *     between that look and the kill, the child is lost.  Later, the kernel lets the fork fail.
 *     Where pids are chosen (G5), looks are as good as the order of slots is.
 *
 * A member that can't be killed (EPERM: it has changed its user) is logged and stays.
 *
 * The models of this are tests/model/kill.pml, and kin.pml for K5.  Context: serving thread.
 */

/* As ucg_tracker_ops.kill. */
void kill_group(struct track *track, struct tracked_group *group);

/* One more look for those still alive; by the timer, while kill_is_going_on(). */
void kill_pursue(struct track *track);

/* Somebody has been admitted, and his state is known: he dies if his epoch is killed. */
void kill_admitted(struct track *track, struct member *member);

/* Those that were halted die now (K5), found their kin or not. */
void kill_halted(struct track *track);

/* Quiet passes are over (G5): epochs of whom they found nobody are done with. */
void kill_declare_quiet(struct track *track);

static inline bool kill_is_going_on(struct track *track)
{
	return !cds_list_empty(&track->killed) || !cds_list_empty(&track->halted);
}

#endif
