/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_PREFLIGHT_H
#define UCGROUPFS_CLI_PREFLIGHT_H

#include "ucgroupfs/server.h"

/**
 * ucg_preflight() - is everything there that a mount needs?
 * Makes the mount point absolute.
 * @messagep: out: on -EINVAL the line that says what is missing and what to do, caller's (line.h)
 * Return: 0; -EINVAL; -ENOMEM.
 */
int ucg_preflight(struct ucg_options *options, uid_t uid, char **messagep);

#endif
