/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_HELP_H
#define UCGROUPFS_CLI_HELP_H

/* What --help prints.  The manual page gives the same options with the same defaults. */
extern const char ucg_help_text[];

#endif
