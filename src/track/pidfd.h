/* SPDX-License-Identifier: MIT */
#ifndef TRACK_PIDFD_H
#define TRACK_PIDFD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What the kernel offers on pidfds, as far as C libraries have no word for it yet.  The one place
 * of this module that knows numbers of kernel versions.
 */

/* pidfd_open(2), close-on-exec by nature.  Return: descriptor; -1 with errno. */
int pidfd_get(pid_t pid);

/* The same for one thread (6.9): readable when it has exited.  Not so that of a leader, which
 * becomes readable with the end of its process. */
int pidfd_get_thread(pid_t tid);
/* The same for a task, which may be a thread that is not the leader, where the kernel has that. */
int pidfd_get_task(pid_t tid);

/* Is it for want of means, rather than of a task, that no descriptor was to be had?  @error: errno.
 */
bool pidfd_lacks_means(int error);

/* Has the process exited, reaped or not? */
bool pidfd_is_dead(int pidfd);

/* Waits until a child of ours has exited.  Where exits are ignored (SA_NOCLDWAIT) it leaves nothing
 * to reap. */
void pidfd_reap(int pidfd);

/* Return: 0; -ESRCH: dead; -EPERM. */
int pidfd_kill(int pidfd, int signal);

/* Inode of the pidfd: grows with every pid taken on the machine and is never used twice.
 * 0: the kernel has no pidfs (before 6.9). */
uint64_t pidfd_birth(int pidfd);

struct pidfd_who {
	pid_t tgid, ppid;
	unsigned uid[3], gid[3]; /* real, effective, saved */
};

/* Who it is, by PIDFD_GET_INFO (6.13), of anybody's.  Return: as pidfd_parent(). */
int pidfd_who(int pidfd, struct pidfd_who *who);

/* Parent of the process, by PIDFD_GET_INFO (6.13).  Return: 0; -ENOTTY: not offered; -ESRCH. */
int pidfd_parent(int pidfd, pid_t *ppidp);

#endif
