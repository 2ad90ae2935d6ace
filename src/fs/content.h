/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_FS_CONTENT_H
#define UCGROUPFS_FS_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ucgroupfs/text.h"

/* Which part of a control file's text one read(2) gets. */
struct fs_slice {
	size_t from;
	size_t length;
};

/* The exact slice. */
struct fs_slice fs_slice_of(const struct ucg_text *text, uint64_t offset, size_t size);

/* ---- lists: ids in ascending order, one a line ---- */

/* An id of 64 bits and a newline. */
#define FS_LINE_MAX 21

/*
 * How far a list was read, as the kernel's seq_file keeps it: it goes on at an id, not at an
 * offset, so a list that was made anew in between fits on.  It takes whole lines out of the list,
 * until it has enough for the read, or a page; what is too much of the last one is kept for the
 * next read.
 */
struct fs_list_position {
	char rest[FS_LINE_MAX]; /* of the line in which the last read stopped */
	size_t rest_length;
	uint64_t next_id; /* where it goes on: at this id or the next larger one */
};

/* What one read of a list gets, in this order. */
struct fs_list_read {
	size_t rest;	      /* bytes of the position's rest */
	struct fs_slice list; /* and of the list */
};

/* The position at @offset of a list that is read from its beginning. */
struct fs_list_position fs_list_seek(const struct ucg_text *list, uint64_t offset);

/* Does a read of @size bytes look into the list, or is what is left of a line enough?  Like the
 * kernel's it looks ahead when that is just used up. */
bool fs_list_looks(const struct fs_list_position *position, size_t size);

/**
 * fs_list_read() - one read of @size bytes
 * @list: NULL: it does not look into it
 * @after: out: the position after it
 */
struct fs_list_read fs_list_read(const struct ucg_text *list,
				 const struct fs_list_position *position, size_t size,
				 struct fs_list_position *after);

#endif
