/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/marks.h"

#include "marker.h"

_Static_assert(UCG_MARK_LIMITS == MARKER_CARRIERS, "each limit that can carry a marker");

void ucg_marks_read(struct ucg_marks *marks)
{
	for (enum marker_carrier carrier = 0; carrier < MARKER_CARRIERS; carrier++) {
		struct rlimit limit;

		/* Can't fail: the resource is known. */
		getrlimit(marker_resource(carrier), &limit);
		marks->limit[carrier] = limit.rlim_cur;
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
	for (enum marker_carrier carrier = 0; carrier < MARKER_CARRIERS; carrier++)
		shed_limit(marker_resource(carrier), before->limit[carrier]);
	if (hint_get(0) != before->hint)
		hint_disown(0);
}
