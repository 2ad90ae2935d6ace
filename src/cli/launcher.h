/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_LAUNCHER_H
#define UCGROUPFS_CLI_LAUNCHER_H

/*
 * The launcher starts a command in a group and is the reaper of all that comes of it: a process
 * whose parent has ended becomes the launcher's child (PR_SET_CHILD_SUBREAPER), wherever it would
 * have gone else.  So nothing that the command starts gets out of sight, whatever it does to its
 * marks, also where the kernel tells nobody of forks.
 *
 * It is a member of the group itself, without marks (lineage.h, L5), and ends when it has no
 * children left.  So the group is not released before.
 */

/* Exit status where the launcher itself fails, as those of env(1) and timeout(1). */
#define UCG_LAUNCHER_FAILED 125

/**
 * ucg_launcher_run() - run @command, NULL at its end, in the group whose directory is @group
 * Signals that ask to end are passed on to the command; when it has ended, they end the launcher.
 * Return: exit status: the command's, or 128 and the signal that has ended it; 125: stderr has a
 * line that says why; 126, 127: the command can't be run, or is not there.
 */
int ucg_launcher_run(const char *group, char *const *command);

#endif
