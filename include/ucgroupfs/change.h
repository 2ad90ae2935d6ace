/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CHANGE_H
#define UCGROUPFS_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "ucgroupfs/record.h"

/*
 * Decide, then act: an operation of core changes nothing.  It fills a change with the images of
 * the records as they shall be, and ucg_commit() makes them so.  A change that is thrown away
 * instead leaves no trace.  Everything that can fail for lack of memory fails while the change is
 * being filled; committing cannot fail.
 *
 * One change is one operation of core, with images of other modules beside it if need be.  The
 * rules of a move, ucg_group_task_left() and ucg_group_entered(), may share one.  An operation that
 * returns an error may have filled a part: such a change is cleared, never committed.
 */

enum ucg_record_kind {
	UCG_RECORD_GROUP,
	UCG_RECORD_NODE,
	UCG_RECORD_HANDLE,
	UCG_RECORD_RELEASE,
	UCG_RECORD_AGENT, /* the hierarchy's release_agent: @text alone */
	UCG_RECORD_XATTR,
	UCG_RECORD_KINDS,
};

struct ucg_image {
	enum ucg_record_kind kind;
	bool forget; /* the record ends; only its id counts */
	union {
		struct ucg_group_record group;
		struct ucg_node_record node;
		struct ucg_xattr_record xattr;
		struct ucg_handle_record handle;
		struct {
			uint64_t id;
			struct ucg_group_id group;
		} release;
	};
	/* Owned by the image until it is applied. */
	char *text; /* new name of the group, new agent, attribute; NULL: as before */
	size_t text_length;
	void *prepared; /* heap node made ready by the module whose record it is, or NULL */
	void (*discard)(void *prepared); /* frees @prepared if it is not applied; NULL: free() */
};

/* What callers must know beyond the records: whose `populated` changed (cgroup.events polls). */
struct ucg_change {
	struct ucg_image *image;
	size_t image_count, image_capacity;
	struct ucg_group_id *populated_changed;
	size_t populated_count, populated_capacity;
};

#define UCG_CHANGE_INIT ((struct ucg_change){0})

/**
 * ucg_change_add() - one more image
 * @change: caller's
 * @kind:   of the record
 * Context: serving thread.
 * Return: the image, zeroed but for @kind, valid until the next call; NULL: no memory.
 */
struct ucg_image *ucg_change_add(struct ucg_change *change, enum ucg_record_kind kind);

/* The group's image in the change if it has one, so that two rules can touch one group. */
struct ucg_image *ucg_change_find_group(struct ucg_change *change, struct ucg_group_id id);

/* Frees what was not applied; @change is UCG_CHANGE_INIT afterwards. */
void ucg_change_clear(struct ucg_change *change);

/*
 * How a kind of record becomes so: filled in by the module that owns the kind, connected by main.
 * Takes ownership of image->text and image->prepared (sets them to NULL).  Cannot fail.
 */
struct ucg_applier {
	void (*apply)(void *context, struct ucg_image *image);
	void *context;
};

#endif
