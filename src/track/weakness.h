/* SPDX-License-Identifier: MIT */
#ifndef TRACK_WEAKNESS_H
#define TRACK_WEAKNESS_H

#include "track_internal.h"

/* What cgroup.tracking says.  Context: serving thread. */

/* Reads the marks of all members of a group that has just been settled, and adds to @count by enum
 * ucg_weakness.  NULL: all groups, as last known. */
void weakness_count(struct track *track, struct tracked_group *group, size_t *count);

/* Tells of the groups of which something else is to be said than before. */
void weakness_tell(struct track *track);

/* Do groups wait for that? */
static inline bool weakness_is_untold(struct track *track)
{
	return track->roster.is_restated;
}

#endif
