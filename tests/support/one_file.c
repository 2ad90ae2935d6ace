/* SPDX-License-Identifier: MIT */
#include "one_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FILE_NODE 2
#define FOR_EVER 1e9

static struct stat attributes(fuse_req_t request, fuse_ino_t node)
{
	const struct one_file *only = fuse_req_userdata(request);

	return (struct stat){
		.st_ino = node,
		.st_mode = node == FILE_NODE ? S_IFREG | only->permissions : S_IFDIR | 0755,
		.st_nlink = 1,
		.st_size = node == FILE_NODE ? only->size : 0,
		.st_uid = getuid(),
		.st_gid = getgid(),
	};
}

static void lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	const struct one_file *only = fuse_req_userdata(request);
	const struct fuse_entry_param entry = {
		.ino = FILE_NODE,
		.attr = attributes(request, FILE_NODE),
		.attr_timeout = FOR_EVER,
		.entry_timeout = FOR_EVER,
	};

	if (parent != FUSE_ROOT_ID || strcmp(name, only->name))
		fuse_reply_err(request, ENOENT);
	else
		fuse_reply_entry(request, &entry);
}

static void getattr(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file)
{
	const struct stat attr = attributes(request, node);

	(void)file;
	fuse_reply_attr(request, &attr, FOR_EVER);
}

static void open_file(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file)
{
	const struct one_file *only = fuse_req_userdata(request);

	(void)node;
	file->keep_cache = only->is_cached;
	file->direct_io = !only->is_cached;
	fuse_reply_open(request, file);
}

void one_file_fill(struct fuse_lowlevel_ops *operations)
{
	operations->lookup = lookup;
	operations->getattr = getattr;
	operations->open = open_file;
}
