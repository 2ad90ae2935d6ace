/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_ONE_FILE_H
#define SUPPORT_ONE_FILE_H

#include <fuse_lowlevel.h>
#include <stdbool.h>

/* A FUSE filesystem of one file, in its root; what reading it gives is up to the program. */
struct one_file {
	const char *name;
	mode_t permissions;
	off_t size;
	bool is_cached; /* what was read; else each read and write is a request */
};

/* lookup, getattr and open; entries and attributes are cached for ever.  The file is the session's
 * user data. */
void one_file_fill(struct fuse_lowlevel_ops *operations);

#endif
