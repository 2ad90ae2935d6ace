/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_SERVER_H
#define UCGROUPFS_SERVER_H

#include <stdbool.h>
#include <sys/resource.h>

#include "ucgroupfs/log.h"

/* What the command line says, checked: plain values, owned by main. */
struct ucg_options {
	char *name;	     /* of the hierarchy */
	char *mountpoint;    /* absolute */
	char *release_agent; /* "" for none */
	char *mount_options; /* for libfuse's mount: "rw,nosuid,..." with fsname, subtype, ... */
	bool clone_children;
	bool foreground;
	bool debug;
	int ready_fd; /* -1: none */
	unsigned without_probes;
};

/**
 * ucg_server_run() - the serving process: connects the modules, serves until the mount ends
 * @fuse_fd: /dev/fuse, already mounted; the server's from here on
 * @ready_fd: one byte is written there when requests are answered, then it is closed
 * @keeper_pidfd: the server ends when this process dies
 * Return: exit status of the process: 0: ended in order.
 */
int ucg_server_run(const struct ucg_options *options, struct ucg_log *log, int fuse_fd,
		   int ready_fd, int keeper_pidfd);

/**
 * ucg_keeper_run() - the keeping process: mounts, starts the server, unmounts when it is gone
 * @report_fd: one byte when the mount answers requests, or a line that says why there is none;
 *             then closed
 * Return: exit status of the process.
 */
int ucg_keeper_run(const struct ucg_options *options, struct ucg_log *log, int report_fd);

#endif
