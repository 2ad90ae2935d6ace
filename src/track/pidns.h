/* SPDX-License-Identifier: MIT */
#ifndef TRACK_PIDNS_H
#define TRACK_PIDNS_H

#include <stdbool.h>
#include <sys/types.h>

#include "ucgroupfs/text.h"

/*
 * Pid namespaces below ours: a number means what it means in its speaker's namespace.  Where the
 * kernel does not translate (before 6.11), /proc does: the NSpid line of /proc/PID/status lists a
 * task's numbers from our namespace down to its own.
 *
 * Source: ioctl_nsfs(2), proc_pid_status(5).  Context: any thread.
 */
struct pidns {
	bool is_ours;
	bool translates; /* the kernel does: UCG_PROBE_PIDNS */
	int fd;		 /* /proc/PID/ns/pid of one who lives there; -1: ours */
	unsigned levels; /* numbers that its tasks have: 1 for ours */
};

/* Does our pid namespace belong to our user namespace? */
bool pidns_is_of_our_users(void);

/* Does the kernel translate numbers? */
bool pidns_can_translate(void);

/**
 * pidns_of() - the namespace that @caller lives in
 * @caller: 0: nobody that our namespace knows
 * Return: 0: end it with pidns_clear(); -EACCES: it can't be told; -EMFILE and the like.
 */
int pidns_of(pid_t caller, bool translates, struct pidns *pidns);
void pidns_clear(struct pidns *pidns);

/* The task that is @number there, in our numbers.  Return: 0; -ESRCH: none. */
int pidns_in(const struct pidns *pidns, pid_t number, pid_t *pidp);
/* Our numbers become theirs, ascending; those who can't be seen there are left out.
 * Return: 0; -EMFILE and the like. */
int pidns_out(const struct pidns *pidns, struct ucg_pids *pids);

#endif
