/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_OPTIONS_H
#define UCGROUPFS_CLI_OPTIONS_H

#include "command.h"
#include "ucgroupfs/rules.h"
#include "ucgroupfs/server.h"

/* Bytes of a hierarchy's name, at most (kernel behaviour §7). */
#define UCG_NAME_MAX 63

#define UCG_OPTIONS_INIT ((struct ucg_options){.rules = &ucg_rules_current, .ready_fd = -1})

/**
 * ucg_options_agree() - the options together: do they agree, and what follows from them
 * @command:  as parsed
 * @uid:      effective uid of the mounter; 0 implies allow_other
 * @options:  UCG_OPTIONS_INIT; end it with ucg_options_clear() whatever is returned
 * @messagep: out: on -EINVAL the line that says what is wrong, caller's (line.h)
 * Return: 0; -EINVAL; -ENOMEM.
 */
int ucg_options_agree(const struct ucg_command *command, uid_t uid, struct ucg_options *options,
		      char **messagep);

void ucg_options_clear(struct ucg_options *options);

#endif
