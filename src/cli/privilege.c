/* SPDX-License-Identifier: MIT */
#include "privilege.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "ucgroupfs/scope.h"

/* linux/securebits.h */
#define SECURE_NOROOT (1 << 0)

static const cap_value_t needed[] = {
	CAP_SYS_ADMIN,	     /* mount and unmount */
	CAP_SYS_RESOURCE,    /* mark processes of other users */
	CAP_SYS_NICE,	     /* the same, in the I/O priority, and where they have capabilities */
	CAP_SYS_PTRACE,	     /* see them where /proc hides them (hidepid) */
	CAP_KILL,	     /* cgroup.kill */
	CAP_IPC_LOCK,	     /* lock the slots of requests in memory */
	CAP_DAC_OVERRIDE,    /* execute an agent ... */
	CAP_DAC_READ_SEARCH, /* ... and reach it and the mount point in folders of others */
};

/* What does in the place of CAP_SYS_RESOURCE, where root lacks it: to become the other user. */
static const cap_value_t substitutes[] = {CAP_SETUID, CAP_SETGID};

static void free_caps(cap_t *caps)
{
	if (*caps)
		cap_free(*caps);
}

/*
 * An agent has the mounter's rights, so what is given up here must come back when it is executed.
 * For uid 0 it does, from the bounding set, which stays as it is; for anybody else an exec drops
 * capabilities anyway.  Not so under no_new_privs, where an exec gives nothing that the caller
 * lacks, and where root's magic is switched off: there nothing is given up.
 */
static bool comes_back_at_exec(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 &&
	       !(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) & SECURE_NOROOT);
}

static int keep_flag(cap_t to, cap_t from, cap_value_t value, cap_flag_t flag)
{
	cap_flag_value_t is_set;

	if (cap_get_flag(from, value, flag, &is_set) || cap_set_flag(to, flag, 1, &value, is_set))
		return -errno;
	return 0;
}

static int keep(cap_t to, cap_t from, const cap_value_t *values, size_t count)
{
	int error = 0;

	for (size_t i = 0; !error && i < count; i++) {
		error = keep_flag(to, from, values[i], CAP_PERMITTED);
		if (!error)
			error = keep_flag(to, from, values[i], CAP_EFFECTIVE);
	}
	return error;
}

static bool has(cap_t caps, cap_value_t value)
{
	cap_flag_value_t is_set;

	return cap_get_flag(caps, value, CAP_EFFECTIVE, &is_set) == 0 && is_set;
}

bool ucg_privileges_may_mount(void)
{
	ucg_cleanup(free_caps) cap_t caps = cap_get_proc();

	return caps && has(caps, CAP_SYS_ADMIN);
}

static int keep_needed(void)
{
	ucg_cleanup(free_caps) cap_t old = cap_get_proc();
	ucg_cleanup(free_caps) cap_t new = cap_init();
	int error;

	if (!old || !new)
		return -ENOMEM;
	error = keep(new, old, needed, sizeof(needed) / sizeof(needed[0]));
	if (!error && !has(old, CAP_SYS_RESOURCE))
		error = keep(new, old, substitutes, sizeof(substitutes) / sizeof(substitutes[0]));
	if (error)
		return error;
	return cap_set_proc(new) ? -errno : 0;
}

int ucg_privileges_shrink(void)
{
	/* Fails only on kernels without ambient capabilities: nothing to clear there. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return comes_back_at_exec() ? keep_needed() : 0;
}
