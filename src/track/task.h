/* SPDX-License-Identifier: MIT */
#ifndef TRACK_TASK_H
#define TRACK_TASK_H

#include "track_internal.h"

/* Single tasks: finding one, moving its process, giving its limit back.  Context: serving thread.
 */

/* As ucg_tracker_ops.find. */
int task_find(struct track *track, pid_t tid, bool whole_process, struct ucg_task *task);

/* As ucg_tracker_ops.groups. */
int task_groups(struct track *track, pid_t pid, struct ucg_group_ids *groups);

/* As ucg_tracker_ops.is_capable. */
bool task_is_capable(pid_t tid, int capability);

/* As ucg_tracker_ops.attach. */
int task_attach(struct track *track, const struct ucg_task *task, struct ucg_group_id to);

/* Takes the markers of all members back and forgets all groups.  Blocks for full passes where they
 * are needed.  Return: how many groups were populated. */
size_t task_release_all(struct track *track);

#endif
