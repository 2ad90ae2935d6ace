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

/* A value: the exact slice. */
struct fs_slice fs_slice_value(const struct ucg_text *text, uint64_t offset, size_t size);

/* A list: the exact slice, but no more whole lines than fit into one page of the kernel's buffer,
 * which keeps one byte free.  Source: kernel behaviour §2.1. */
struct fs_slice fs_slice_list(const struct ucg_text *text, uint64_t offset, size_t size);

/* Where the first id above @id begins, in a list in ascending order; its length: there is none. */
size_t fs_after_id(const struct ucg_text *list, uint64_t id);

/* The id in the last line that ends at or before @end; 0: none. */
uint64_t fs_last_id(const struct ucg_text *list, size_t end);

/* Bytes from @offset to the end of the line that @offset stands in the middle of; 0: it stands at a
 * line's beginning. */
size_t fs_rest_of_line(const struct ucg_text *list, uint64_t offset);

#endif
