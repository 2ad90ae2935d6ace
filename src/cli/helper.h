/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_HELPER_H
#define UCGROUPFS_CLI_HELPER_H

#include <sys/types.h>

/**
 * ucg_helper_check() - can fusermount3 mount for this ordinary user?
 * @messagep: out: on -EINVAL the line that says what is missing and what to do, caller's (line.h)
 * What only fusermount3 can judge, its fuse.conf above all, is left to it.
 * Return: 0; -EINVAL; -ENOMEM.
 */
int ucg_helper_check(uid_t uid, char **messagep);

#endif
