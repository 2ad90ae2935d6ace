/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_FS_HANDLE_H
#define UCGROUPFS_FS_HANDLE_H

#include <stdbool.h>
#include <stddef.h>

#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

#include "content.h"
#include "listing.h"
#include "ucgroupfs/change.h"
#include "ucgroupfs/hierarchy.h"

struct fuse_pollhandle;

/*
 * Open handles: a record, found by its id, and beside it in the heap what the next server could
 * make again.  Written by the applier of UCG_RECORD_HANDLE alone, but for the heap's part.
 * Serving thread.
 */
struct fs_handle {
	struct ucg_handle_record record;
	struct ucg_group *group; /* pinned */
	struct cds_lfht_node by_id;

	bool of_node; /* others look for it by its node: then @by_node is in use */
	struct cds_lfht_node by_node;
	struct fuse_pollhandle *poller; /* owned; set while record.poll_handle is */

	struct ucg_text text; /* control file: what is being read ... */
	uint64_t next_offset; /* ... where the last read ended ... */
	uint64_t read_ns;     /* ... and when that was */
	bool has_text;
	bool is_outdated; /* of a list: somebody has had it made anew */
	struct fs_list_position position;

	struct fs_listing listing; /* directory */
};

struct fs_handles {
	struct ucg_hierarchy *hierarchy; /* borrowed */
	struct cds_lfht *by_id, *by_node;
	size_t buckets_by_id, buckets_by_node;
	size_t count_by_id, count_by_node;
	uint64_t next_id; /* never reused */
};

/* Context for all: the serving thread, registered with RCU; no other thread uses the tables. */

/* Return: 0; -ENOMEM. */
int fs_handles_init(struct fs_handles *handles, struct ucg_hierarchy *hierarchy);
/* Forgets all handles.  All zero is a valid empty one. */
void fs_handles_deinit(struct fs_handles *handles);

/* The applier of UCG_RECORD_HANDLE; @context: struct fs_handles.  An image with @prepared makes the
 * handle, one with @forget ends it, others replace its record. */
void fs_handles_apply(void *context, struct ucg_image *image);

/**
 * fs_handle_prepare() - the images of a handle to be opened
 * @of_node: fs_handles_visit() is to find it
 * @idp: out: its id
 * Return: 0; -ENOMEM.
 */
int fs_handle_prepare(struct fs_handles *handles, struct ucg_group *group, unsigned file,
		      bool of_node, const struct ucg_opener *opener, pid_t pid,
		      struct ucg_handle_id *idp, struct ucg_change *change);

/* NULL: no such. */
struct fs_handle *fs_handle_find(struct fs_handles *handles, struct ucg_handle_id id);

/* One more image of the handle in @change, equal to the record as it is now.  NULL: no memory. */
struct ucg_handle_record *fs_handle_image(const struct fs_handle *handle,
					  struct ucg_change *change);

/* Calls @visit for each handle of node @id that was opened with @of_node; stops at an error.
 * Return: 0, or what @visit returned. */
int fs_handles_visit(struct fs_handles *handles, struct ucg_node_id id,
		     int (*visit)(struct fs_handle *handle, void *context), void *context);

#endif
