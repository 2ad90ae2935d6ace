/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_MOUNT_H
#define UCGROUPFS_CLI_MOUNT_H

#include <sys/types.h>

#include "ucgroupfs/server.h"

struct fuse_session;

/**
 * ucg_mount_make() - mount by libfuse: mount(2) for root, fusermount3 for a user
 * @sessionp: out: holds the mount; end it with ucg_mount_end()
 * @messagep: out: on -EINVAL the line that says why not, caller's (line.h)
 * Context: one thread, before signals are blocked.
 * Return: 0; -EINVAL; -ENOMEM.
 */
int ucg_mount_make(const struct ucg_options *options, struct fuse_session **sessionp,
		   char **messagep);

/* Detaches the mount, unless it is gone already. */
void ucg_mount_end(struct fuse_session *session);

/* Detaches the mount at this path if it is still that of @device: for a server whose keeper died.
 */
void ucg_mount_detach(const char *mountpoint, dev_t device);

#endif
