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
	int fuse_fd; /* /dev/fuse, mounted by somebody else; made non-blocking.  When
			ucg_fs_new() succeeds it is the fs's, which closes it at its end and
			never unmounts; on failure it stays the caller's */
	struct ucg_hierarchy *hierarchy; /* these are borrowed for life */
	struct ucg_tracker *tracker;
	struct ucg_journal *journal; /* the fs registers UCG_RECORD_HANDLE */
	struct ucg_log *log;
	bool debug; /* libfuse prints every request */
};

/**
 * ucg_fs_new() - a session on a mount
 * @fsp: out, caller's; end it with ucg_fs_free()
 * Context: the serving thread, registered with RCU, as in all functions here.
 * Return: 0; -ENOMEM; -EMFILE, -ENFILE; -EINVAL: not a FUSE descriptor; -EBADF: none at all.
 */
int ucg_fs_new(const struct ucg_fs_config *config, struct ucg_fs **fsp);
/* Parked requests are dropped, handles forgotten; before ucg_hierarchy_free().  Returns NULL. */
struct ucg_fs *ucg_fs_free(struct ucg_fs *fs);

/* The tracker's events (tracker.h): core's rule, commit, notify pollers; or the parked again.
 * @context: the fs, of type struct ucg_fs. */
void ucg_fs_entered(void *fs, struct ucg_group_id group);
void ucg_fs_emptied(void *fs, struct ucg_group_id group);
void ucg_fs_restated(void *fs, struct ucg_group_id group);
void ucg_fs_resume(void *fs);

/* ---- the loop ---- */

/* One more descriptor that the loop waits for, the caller's, until ucg_fs_unwatch() or
 * ucg_fs_free(): close it after that.  @ready is called when it is readable, or in error, and must
 * deal with it: the loop asks again and again.
 * Return: 0; -ENOMEM, -ENOSPC; -EPERM: it can't be waited for. */
int ucg_fs_watch(struct ucg_fs *fs, int fd, void (*ready)(void *context), void *context);

/* From within its own @ready, or while the loop does not run. */
void ucg_fs_unwatch(struct ucg_fs *fs, int fd);

/* Serves until the mount is gone or ucg_fs_end() was called.  @ready is called once, when INIT has
 * been answered.  Return: 0: unmounted or ended; -errno: the device can't be read any more. */
int ucg_fs_serve(struct ucg_fs *fs, void (*ready)(void *context), void *context);
/* Service ends after the round under way, and may be taken up again.  From within @ready of
 * ucg_fs_watch(). */
void ucg_fs_end(struct ucg_fs *fs);

#endif
