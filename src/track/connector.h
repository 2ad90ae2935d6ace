/* SPDX-License-Identifier: MIT */
#ifndef TRACK_CONNECTOR_H
#define TRACK_CONNECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The kernel's process connector, as far as it tells of forks: a message in our socket for each new
 * process of the machine, put there by the fork itself, before the child runs and before fork
 * returns.  Threads are left out in the kernel.  It is open to root, from 6.6 on to everybody; not
 * in user, pid or network namespaces below the initial ones.  linux/cn_proc.h,
 * drivers/connector/cn_proc.c.
 *
 * As long as anybody listens every fork, exec and exit on the machine costs a microsecond more.
 */
struct connector_fork {
	/* Of the process that is the child's parent: the one that has forked, but with CLONE_PARENT
	 * its parent. */
	pid_t parent;
	pid_t child;
	uint64_t ns; /* monotonic */
};

/* Return: descriptor; -EOPNOTSUPP: nothing is told here; -EPERM; -EMFILE and the like. */
int connector_open(void);

/**
 * connector_read() - the next fork
 * Return: 1; 0: there is none yet; -ENOBUFS: more has happened than the socket could hold, and what
 * comes next is not what came then; -ENOMEM.
 */
int connector_read(int fd, struct connector_fork *fork);

void connector_close(int *fdp);

/* Does it tell us of forks? */
bool connector_is_open(void);

#endif
