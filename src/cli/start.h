/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_START_H
#define UCGROUPFS_CLI_START_H

#include "ucgroupfs/server.h"

/**
 * ucg_start() - become the keeper, or with a daemon wait until it says that the mount answers
 * Return: exit status of this process: 0; 1: stderr has a line that says why not.
 */
int ucg_start(const struct ucg_options *options);

#endif
