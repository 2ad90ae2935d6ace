/* SPDX-License-Identifier: MIT */
#ifndef TRACK_CONNECTOR_H
#define TRACK_CONNECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The kernel's process connector, as far as it tells of forks: a message in a socket of ours for
 * each new process of the machine, put there by the fork itself, before the child runs and before
 * fork returns.  Threads are left out in the kernel.  It is open to root, from 6.6 on to everybody;
 * not in user, pid or network namespaces below the initial ones.  linux/cn_proc.h,
 * drivers/connector/cn_proc.c.
 *
 * A socket of an ordinary user holds some hundred messages (net.core.rmem_max).  Where that is so
 * there are several sockets: the filter of each lets those through whose number is its own, by the
 * pid of the child, and together they hold some thousand.
 *
 * C1. A fork is handed out after all those that were over when it began, and so after that of its
 *     parent.  The kernel takes the time of a fork, and then puts the message into its queue. Forks
 *     are read in rounds and handed out by their times, up to the beginning of the round.  Let x be
 *     one of them, and y be over when x began.  Then y was in its queue before the time of x, hence
 *     before the round, and in front of all whose time is after its beginning, where the round may
 *     stop reading.  So y has been read, and has the earlier time.
 * C2. So connector_read() says that there is none only when all have been handed out that were over
 *     when it was called.
 *
 * As long as anybody listens every fork, exec and exit on the machine costs 1.5 microseconds more,
 * and 0.25 for each further socket.
 */
struct connector_fork {
	/* Of the process that is the child's parent: the one that has forked, but with CLONE_PARENT
	 * its parent. */
	pid_t parent;
	pid_t child;
	uint64_t ns; /* monotonic */
};

/* At most: each makes forks slower. */
#define CONNECTOR_SOCKETS 8

/* Its own business. */
struct connector {
	int epoll; /* all sockets */
	unsigned sockets, told;
	int socket[CONNECTOR_SOCKETS];
	/* Forks that were read and not handed out yet: from @first on, by their times. */
	struct connector_fork *fork;
	size_t first, count, capacity;
	uint64_t until_ns; /* beginning of the last round */
	bool has_lost;
};

/**
 * connector_open() - be told of forks from now on
 * @sockets: how many; 0: as many as hold some thousand forks, if it is not too many
 * Return: 0; -EOPNOTSUPP: nothing is told here; -EPERM; -ENOMEM, -EMFILE and the like.
 */
int connector_open(unsigned sockets, struct connector **connectorp);

/* Can be polled: readable if there may be a fork to read. */
int connector_fd(const struct connector *connector);

/**
 * connector_read() - the next fork
 * Return: 1; 0: there is none yet; -ENOBUFS: some were lost, for want of room; -ENOMEM: no memory
 * to read one, the next call tries again.
 */
int connector_read(struct connector *connector, struct connector_fork *fork);

/* NULL: nothing. */
void connector_close(struct connector *connector);

/* Does it tell us of forks? */
bool connector_is_open(void);

#endif
