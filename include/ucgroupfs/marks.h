/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_MARKS_H
#define UCGROUPFS_MARKS_H

#include <stdint.h>

/*
 * The marks of the calling process itself, for a launcher, who is a member without them (lineage.h,
 * L5).  Context: a process of a single thread.
 */

#define UCG_MARK_LIMITS 2

struct ucg_marks {
	uint64_t limit[UCG_MARK_LIMITS]; /* soft limits that may carry a marker */
	int hint;
};

/* Can't fail. */
void ucg_marks_read(struct ucg_marks *marks);

/**
 * ucg_marks_shed() - get rid of what has been written since
 * @before: as it was before
 * The marks of other hierarchies stay; a limit that carried another marker before becomes what the
 * hard limit is, as that marker says what is no longer so.
 */
void ucg_marks_shed(const struct ucg_marks *before);

#endif
