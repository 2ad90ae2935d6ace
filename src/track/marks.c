/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/marks.h"

#include "marker.h"

static const __rlimit_resource_t carriers[UCG_MARK_LIMITS] = {RLIMIT_LOCKS, RLIMIT_RSS};

void ucg_marks_read(struct ucg_marks *marks)
{
	for (unsigned i = 0; i < UCG_MARK_LIMITS; i++) {
		struct rlimit limit;

		/* Can't fail: the resource is known. */
		getrlimit(carriers[i], &limit);
		marks->limit[i] = limit.rlim_cur;
	}
	marks->hint = hint_get(0);
}

static void shed_limit(__rlimit_resource_t resource, uint64_t before)
{
	struct rlimit limit;

	getrlimit(resource, &limit);
	if (limit.rlim_cur == before)
		return;
	limit.rlim_cur = marker_is_any(before) ? limit.rlim_max : before;
	/* Can't fail: not above the hard limit. */
	setrlimit(resource, &limit);
}

void ucg_marks_shed(const struct ucg_marks *before)
{
	for (unsigned i = 0; i < UCG_MARK_LIMITS; i++)
		shed_limit(carriers[i], before->limit[i]);
	if (hint_get(0) != before->hint)
		hint_disown(0);
}
