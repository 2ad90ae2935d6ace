/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_FS_H
#define UCGROUPFS_FS_H

#include "ucgroupfs/control.h"
#include "ucgroupfs/hierarchy.h"
#include "ucgroupfs/journal.h"
#include "ucgroupfs/log.h"
#include "ucgroupfs/tracker.h"

/*
 * The loop and the translation of FUSE requests.  The loop reads the device itself, into slots, and
 * hands each request to libfuse's low-level dispatcher.  A handler that gets -EINPROGRESS parks
 * its request: it stays in its slot and is dispatched again, from the start, when the tracker says
 * resume.  So no handler may have had an effect before it parks.
 */
struct ucg_fs;

struct ucg_fs_config {
	int fuse_fd; /* /dev/fuse, mounted by somebody else; the fs makes its own
			session on /dev/fd/N and closes it at the end */
	struct ucg_hierarchy *hierarchy; /* these are borrowed for life */
	struct ucg_tracker *tracker;
	struct ucg_journal *journal; /* the fs registers UCG_RECORD_HANDLE */
	struct ucg_log *log;
	bool debug; /* libfuse prints every request */
};

/* Return: 0; -ENOMEM; -EMFILE; -EINVAL: not a FUSE descriptor. */
int ucg_fs_new(const struct ucg_fs_config *config, struct ucg_fs **fsp);
struct ucg_fs *ucg_fs_free(struct ucg_fs *fs);

/* The tracker's events (tracker.h): core's rule, commit, notify pollers; or the parked again.
 * @context: the fs, of type struct ucg_fs. */
void ucg_fs_entered(void *fs, struct ucg_group_id group);
void ucg_fs_emptied(void *fs, struct ucg_group_id group);
void ucg_fs_resume(void *fs);

/* ---- the loop ---- */

/* One more descriptor that the loop waits for.  @ready is called when it is readable.
 * Return: 0; -ENOMEM, -ENOSPC. */
int ucg_fs_watch(struct ucg_fs *fs, int fd, void (*ready)(void *context), void *context);

/* Serves until the mount is gone or ucg_fs_end() was called.  @ready is called once, when INIT has
 * been answered.  Return: 0: unmounted or ended; -errno: the device can't be read any more. */
int ucg_fs_serve(struct ucg_fs *fs, void (*ready)(void *context), void *context);
void ucg_fs_end(struct ucg_fs *fs);

#endif
