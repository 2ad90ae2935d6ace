/* SPDX-License-Identifier: MIT */
#include "spawn.h"

#include <errno.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "ucgroupfs/raw.h"

/* A group's marker is the soft limit of one of two resources; this is its magic. */
#define MARKER_MAGIC 0x7563u
#define MARKER_MAGIC_SHIFT 48

/* Nobody starts a daemon with a descriptor beyond, while the limit may be a thousand million. */
#define INHERITED_MAX 65536u

/* What the child leaves in @error when somebody else's claim came first: no errno. */
#define NOT_OURS 1

UCG_CHILD_CODE static long raw0(long number)
{
	return ucg_raw_syscall(number, 0, 0, 0, 0);
}

/*
 * All descriptors, without copying the table that is full of witnesses.  A filter of system calls
 * that is older than close_range() refuses it.  Then the table is copied, and closed as far as the
 * daemon may have inherited descriptors; what it opened itself is closed by exec.
 */
UCG_CHILD_CODE static int close_descriptors(const struct ucg_spawn_setup *setup)
{
	long error = ucg_raw_syscall(SYS_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE, 0);

	if (!error)
		return 0;
	error = ucg_raw_syscall(SYS_unshare, CLONE_FILES, 0, 0, 0);
	if (error)
		return (int)error;
	for (rlim64_t fd = 0; fd < setup->nofile.rlim_cur && fd < INHERITED_MAX; fd++)
		ucg_raw_syscall(SYS_close, (long)fd, 0, 0, 0); /* EBADF: was not open */
	return 0;
}

/* The agent belongs to no group, even if the daemon is in one. */
UCG_CHILD_CODE static void clear_marker(int resource)
{
	struct rlimit64 limit;

	if (ucg_raw_syscall(SYS_prlimit64, 0, resource, 0, (long)&limit))
		return;
	if (limit.rlim_cur == RLIM64_INFINITY ||
	    limit.rlim_cur >> MARKER_MAGIC_SHIFT != MARKER_MAGIC)
		return;
	limit.rlim_cur = limit.rlim_max;
	ucg_raw_syscall(SYS_prlimit64, 0, resource, (long)&limit, 0);
}

/* A soft limit within the hard one may always be set; should somebody have lowered the hard one
 * meanwhile, an agent with fewer descriptors is better than none. */
UCG_CHILD_CODE static void restore_limits(const struct ucg_spawn_setup *setup)
{
	ucg_raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&setup->nofile, 0);
	clear_marker(RLIMIT_LOCKS);
	clear_marker(RLIMIT_RSS);
}

/* Dispositions first: an unblocked signal must not run a handler on the memory that we share. */
UCG_CHILD_CODE static void restore_signals(uint64_t caught)
{
	/* Larger than any processor's struct sigaction: SIG_DFL, no flags, empty mask.  Static, so
	 * that no memset() is called. */
	static const unsigned long plain[16];

	for (int number = 1; caught; number++, caught >>= 1) {
		if (caught & 1)
			ucg_raw_syscall(SYS_rt_sigaction, number, (long)plain, 0,
					UCG_RAW_SIGSET_SIZE);
	}
	ucg_raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)plain, 0, UCG_RAW_SIGSET_SIZE);
}

/* setsid() can't fail, a new process leads no group; neither can umask(). */
UCG_CHILD_CODE static int set_up(const struct ucg_spawn_setup *setup)
{
	int error = close_descriptors(setup);

	if (error)
		return error;
	error = (int)ucg_raw_syscall(SYS_chdir, (long)"/", 0, 0, 0);
	if (error)
		return error;
	raw0(SYS_setsid);
	ucg_raw_syscall(SYS_umask, 022, 0, 0, 0);
	restore_limits(setup);
	restore_signals(setup->caught);
	return 0;
}

UCG_CHILD_CODE static bool claim(struct ucg_release_record *record)
{
	uint32_t due = UCG_RELEASE_DUE;

	return atomic_compare_exchange_strong(&record->state, &due, UCG_RELEASE_CLAIMED);
}

UCG_CHILD_CODE static int become_agent(struct ucg_spawn *spawn)
{
	static const char *const environment[] = {"HOME=/", "PATH=/sbin:/bin:/usr/sbin:/usr/bin",
						  NULL};
	int error = set_up(spawn->setup);

	if (error)
		return error;
	if (!claim(spawn->record))
		return NOT_OURS;
	return (int)ucg_raw_syscall(SYS_execve, (long)spawn->argument[0], (long)spawn->argument,
				    (long)environment, 0);
}

UCG_CHILD_CODE static int child_main(void *argument)
{
	struct ucg_spawn *spawn = argument;

	spawn->error = become_agent(spawn);
	ucg_raw_syscall(SYS_exit_group, 127, 0, 0, 0);
	return 127; /* not reached */
}

void ucg_spawn_setup_init(struct ucg_spawn_setup *setup, const struct rlimit *nofile)
{
	setup->nofile.rlim_cur = nofile->rlim_cur;
	setup->nofile.rlim_max = nofile->rlim_max;
	setup->caught = 0;
	for (int number = 1; number <= 64; number++) {
		/* Of the kernel's struct the first word alone matters: the handler.  libc's call
		 * would hide its own two signals. */
		unsigned long disposition[16] = {0};

		if (ucg_raw_syscall(SYS_rt_sigaction, number, 0, (long)disposition,
				    UCG_RAW_SIGSET_SIZE))
			continue;
		if (disposition[0] != (unsigned long)SIG_DFL)
			setup->caught |= UINT64_C(1) << (number - 1);
	}
}

int ucg_spawn_start(struct ucg_spawn *spawn)
{
	const int flags = CLONE_VM | CLONE_FILES | CLONE_CHILD_CLEARTID | UCG_SPAWN_FLAGS | SIGCHLD;

	spawn->error = 0;
	atomic_store(&spawn->running, 1);
	if (ucg_clone(child_main, spawn->stack_top, flags, spawn, NULL, NULL, &spawn->running) >= 0)
		return 0;
	atomic_store(&spawn->running, 0);
	return -errno;
}

enum ucg_spawn_result ucg_spawn_result(const struct ucg_spawn *spawn)
{
	if (spawn->error == NOT_OURS)
		return UCG_SPAWN_CLAIMED;
	if (spawn->error)
		return UCG_SPAWN_FAILED;
	if (atomic_load(&spawn->record->state) == UCG_RELEASE_DUE)
		return UCG_SPAWN_KILLED;
	return UCG_SPAWN_RUNS;
}
