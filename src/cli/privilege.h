/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_PRIVILEGE_H
#define UCGROUPFS_CLI_PRIVILEGE_H

#include <stdbool.h>

/* By mount(2), without the helper: as whoever has CAP_SYS_ADMIN, uid 0 or not. */
bool ucg_privileges_may_mount(void);

/**
 * ucg_privileges_shrink() - give up the capabilities that neither keeper nor server needs
 * An ordinary user has none; then only the ambient set is cleared.
 * Context: one thread, before the mount.
 * Return: 0; -ENOMEM; -errno of capset(2).
 */
int ucg_privileges_shrink(void);

#endif
