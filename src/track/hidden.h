/* SPDX-License-Identifier: MIT */
#ifndef TRACK_HIDDEN_H
#define TRACK_HIDDEN_H

#include "pidfd.h"
#include "proc.h"

/*
 * Tasks that a mount option of /proc (hidepid=) hides from us: those of other users, and those of
 * ours that are not dumpable.  Pidfds know them all the same.  How many threads they have, and
 * whether these sleep, is not to be known: such a process is taken for one of a single thread that
 * runs.
 */

/* As proc_read_status_in(). */
int hidden_read_status(pid_t tid, unsigned level, struct proc_status *status, pid_t *numberp);

/*
 * Where the kernel does not say who somebody is (before 6.13): a process whose limits we may read
 * without being privileged has all ids in common with us.  Return: 0; -ESRCH: it is another's.
 */
int hidden_who_by_rights(pid_t pid, struct pidfd_who *who);

/* Is there a process of this id, and does one of its threads live? */
bool hidden_process_lives(pid_t tgid);

#endif
