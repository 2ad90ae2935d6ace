/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_PRIVILEGE_H
#define UCGROUPFS_CLI_PRIVILEGE_H

/**
 * ucg_privileges_shrink() - give up the capabilities that neither keeper nor server needs
 * An ordinary user has none; then only the ambient set is cleared.
 * Context: one thread, before the mount.
 * Return: 0; -ENOMEM; -errno of capset(2).
 */
int ucg_privileges_shrink(void);

#endif
