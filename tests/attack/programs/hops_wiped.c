/* SPDX-License-Identifier: MIT */
#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "board.h"
#include "hops.h"

/* All that an ordinary user can undo of what was set on it. */
static void wipe_limits(void)
{
	for (int resource = 0; resource < (int)RLIM_NLIMITS; resource++) {
		struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

		if (setrlimit((__rlimit_resource_t)resource, &limit) == 0)
			continue;
		getrlimit((__rlimit_resource_t)resource, &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit((__rlimit_resource_t)resource, &limit);
	}
}

static void wipe_io_priority(void)
{
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4));
}

/* `ulimit -x unlimited` and the like, then a daemon. */
void hop_limits(struct chain *chain)
{
	wipe_limits();
	hop_daemon(chain);
}

/* Both marks, and a daemon that leaves nobody behind. */
void hop_wiped(struct chain *chain)
{
	wipe_limits();
	wipe_io_priority();
	hop_daemon(chain);
}

/* Limits so low that nobody without privilege can mark the process again. */
void hop_lowered(struct chain *chain)
{
	const struct rlimit none = {0, 0};

	(void)chain;
	chain_become(fork());
	setrlimit(RLIMIT_LOCKS, &none);
	setrlimit(RLIMIT_RSS, &none);
}

void hop_ionice(struct chain *chain)
{
	(void)chain;
	chain_become(fork());
	wipe_io_priority();
}

static void copy_limits(pid_t victim)
{
	for (int resource = 0; resource < (int)RLIM_NLIMITS; resource++) {
		struct rlimit limit;

		if (prlimit(victim, (__rlimit_resource_t)resource, NULL, &limit) != 0)
			board->failures++;
		else
			setrlimit((__rlimit_resource_t)resource, &limit);
	}
}

/* The limits of a member of another group. */
void hop_copy(struct chain *chain)
{
	(void)chain;
	chain_become(fork());
	copy_limits((pid_t)board->victim);
}
