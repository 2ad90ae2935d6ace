/* SPDX-License-Identifier: MIT */
#ifndef TRACK_HUNT_H
#define TRACK_HUNT_H

#include "track_internal.h"

/*
 * The hunt: while cgroup.kill goes on, whoever was born a moment ago dies on sight.
 *
 * Looks are complete, but slow to strike: slots in doubt come first, then the range in its order,
 * and who is found dies when all of it was read.  By then one who forks without pause has forked
 * again.  A hunt reads the slots from the cursor down to the frontier, and strikes where it finds
 * somebody who has a killed epoch (kill.h, K1, K5); again, as long as pids are taken meanwhile.  It
 * proves nothing, and whom it misses a look finds.  (40 chains of forks on 2 processors: one or two
 * rounds of 1 ms; by looks alone up to 14 s.)
 *
 * Context: serving thread.
 */
void hunt(struct track *track);

#endif
