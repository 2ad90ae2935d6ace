/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_FS_LIST_H
#define UCGROUPFS_FS_LIST_H

#include "fs_internal.h"

/*
 * Reading of a list of ids, in which the handle keeps its place while others have the list made
 * anew.  The kernel's rules (kernel behaviour §2.1), but for one: a read from the beginning always
 * has the list made anew, where the kernel shows it for a second as it was.
 */

/* What a read comes to; changes nothing until fs_list_reply(). */
struct fs_list_result {
	struct fs_list_position before, after;
	struct fs_list_read read;
	uint64_t end; /* offset behind what is read */
};

/**
 * fs_list_decide() - what a read gets
 * Return: 0; -ENODEV: the group was removed; what making a list returns.
 */
int fs_list_decide(struct fs_call *call, struct fs_handle *handle, uint64_t offset, size_t size,
		   struct fs_list_result *result);

void fs_list_reply(struct fs_call *call, struct fs_handle *handle,
		   const struct fs_list_result *result);

/* file.c: has the text made anew.  Return: 0; as ucg_control_read(). */
int fs_produce(struct fs_call *call, struct fs_handle *handle);

#endif
