/* SPDX-License-Identifier: MIT */
#include "marker.h"

#include <errno.h>
#include <stddef.h>

#include "limit.h"
#include "proc.h"
#include "registry.h"

static const struct {
	__rlimit_resource_t resource;
	const char *title; /* in /proc/PID/limits */
} carriers[MARKER_CARRIERS] = {
	[MARKER_LOCKS] = {RLIMIT_LOCKS, "Max file locks"},
	[MARKER_RSS] = {RLIMIT_RSS, "Max resident set"},
};

__rlimit_resource_t marker_resource(enum marker_carrier carrier)
{
	return carriers[carrier].resource;
}

static int read_soft(pid_t pid, enum marker_carrier carrier, uint64_t *softp, bool *is_foreign)
{
	struct rlimit limit;
	int error;

	if (prlimit(pid, carriers[carrier].resource, NULL, &limit) == 0) {
		*softp = limit.rlim_cur;
		return 0;
	}
	if (errno != EPERM)
		return -errno;
	*is_foreign = true;
	error = proc_read_limit(pid, carriers[carrier].title, softp);
	/* Of a task that is being reaped the file is empty: also of a leader whose place a thread
	 * takes at this moment that executes a program, and then it is not so a second time. */
	if (error == -EINVAL)
		error = proc_read_limit(pid, carriers[carrier].title, softp);
	if (error == -EINVAL)
		return -ESRCH;
	if (error != -ESRCH)
		return error;
	/* It exists, but is hidden from us: what it carries can't be seen. */
	*softp = RLIM_INFINITY;
	return 0;
}

/* Return: 1: a limit carries ours, or may have lost it; 0: another hierarchy's alone does. */
static int read_limits(const struct marker_scheme *scheme, pid_t pid, struct marker *marker)
{
	bool others = false;

	for (enum marker_carrier carrier = 0; carrier < MARKER_CARRIERS; carrier++) {
		uint64_t soft;
		int error = read_soft(pid, carrier, &soft, &marker->is_foreign);

		if (error)
			return error;
		if (marker_is_ours(scheme->hierarchy, soft)) {
			marker->carrier = carrier;
			marker->limit = (uint32_t)soft;
			return 1;
		}
		others |= marker_is_any(soft);
		/* As long as the second limit was never needed, strangers come at half the price.
		 */
		if (!scheme->second_used)
			break;
	}
	return !others;
}

int marker_read(const struct marker_scheme *scheme, pid_t pid, struct marker *marker)
{
	int answer, hint;

	*marker = (struct marker){.carrier = MARKER_NONE};
	answer = read_limits(scheme, pid, marker);
	if (answer < 0)
		return answer;
	marker->epoch = marker->limit;
	if (!answer || !scheme->hints)
		return marker->epoch != 0;
	hint = hint_get(pid);
	if (hint < 0)
		return hint;
	marker->hint = hint_epoch(scheme->hints, hint);
	if (marker->hint)
		marker->epoch = marker->hint;
	return marker->epoch != 0;
}

/*
 * Alive after its hint was read, it was alive then: unless it is another one by now, a thread that
 * has executed a program and got its leader's id, a moment after the leader was read as a zombie.
 * So all is asked twice: an exec takes longer than that, and of one there is no second.
 */
int marker_read_live(const struct marker_scheme *scheme, pid_t tgid, pid_t tid,
		     struct marker *marker)
{
	int answer = marker_read(scheme, tid, marker);

	for (unsigned times = 0; times < 2 && answer == 1 && !marker->hint && scheme->hints;
	     times++) {
		int error = proc_check_alive(tgid, tid);

		if (error)
			return error;
		if (times == 0)
			answer = marker_read(scheme, tid, marker);
	}
	return answer;
}

static uint16_t hierarchy_of(uint64_t soft)
{
	return (uint16_t)(soft >> 32);
}

/* A marker of ours that stands for no group any more, or never did, would hide the new one; that of
 * a dead hierarchy means nothing. */
static bool is_left_over(const struct registry *registry, uint64_t ours, uint64_t soft)
{
	if (!marker_is_any(soft))
		return false;
	return marker_is_ours(hierarchy_of(ours), soft) ||
	       (registry && registry_is_dead(registry, hierarchy_of(soft)));
}

int marker_choose(const struct registry *registry, pid_t pid, uint64_t value,
		  enum marker_carrier *carrierp, uint64_t *softp, bool *is_heirp)
{
	int refusal = -EBUSY;

	*is_heirp = false;
	for (enum marker_carrier carrier = 0; carrier < MARKER_CARRIERS; carrier++) {
		struct rlimit limit;
		int error = limit_access(pid, carriers[carrier].resource, NULL, &limit);

		if (error)
			return error;
		if (is_left_over(registry, value, limit.rlim_cur)) {
			*is_heirp = !marker_is_ours(hierarchy_of(value), limit.rlim_cur);
			/* What the limit was before it is not known. */
			limit.rlim_cur = limit.rlim_max;
		}
		if (marker_is_any(limit.rlim_cur))
			continue;
		if (limit.rlim_max < value) {
			refusal = -EPERM;
			continue;
		}
		*carrierp = carrier;
		*softp = limit.rlim_cur;
		return 0;
	}
	return refusal;
}

int marker_write(pid_t pid, enum marker_carrier carrier, uint64_t soft)
{
	struct rlimit limit;
	int error = limit_access(pid, carriers[carrier].resource, NULL, &limit);

	if (error)
		return error;
	/* Only the soft limit is ours: the hard one is read and written back.  A process that
	 * lowers its own hard limit in between would see it raised again only if we had the
	 * privilege, and else we get EPERM: as with two writers of any limit. */
	if (soft > limit.rlim_max && marker_is_any(soft))
		return -EINVAL;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	return limit_access(pid, carriers[carrier].resource, &limit, NULL);
}
