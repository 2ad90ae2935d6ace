/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_MOUNT_H
#define UCGROUPFS_CLI_MOUNT_H

#include <sys/types.h>

#include "ucgroupfs/server.h"

struct fuse_session;

/* The mount as the keeper holds it; all zero: none. */
struct ucg_mount {
	struct fuse_session *session; /* nobody serves it: it holds the mount for whoever does */
	const char *mountpoint;	      /* borrowed */
	dev_t device;		      /* 0: it was gone at once */
};

/**
 * ucg_mount_make() - mount by libfuse: mount(2) for root, fusermount3 for a user
 * @options:  borrowed for the life of the mount
 * @mount:    out; end it with ucg_mount_end()
 * @messagep: out: on -EINVAL the line that says why not, caller's (line.h)
 * Context: one thread.
 * Return: 0; -EINVAL; -ENOMEM.
 */
int ucg_mount_make(const struct ucg_options *options, struct ucg_mount *mount, char **messagep);

/* Detaches the mount, unless it is gone already, and lets go of the device.
 * Return: 0; -EBUSY: it could not be detached. */
int ucg_mount_end(struct ucg_mount *mount);

/**
 * ucg_mount_detach() - detach the mount at this path if it is still that of @device
 * Context: SIGCHLD has its default disposition, so that fusermount3 can be waited for.
 * Return: 0: it is gone; -EBUSY: it could not be detached; -errno: the table of mounts can't be
 * read.
 */
int ucg_mount_detach(const char *mountpoint, dev_t device);

#endif
