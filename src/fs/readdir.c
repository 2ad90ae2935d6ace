/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "ucgroupfs/scope.h"

static void describe(struct stat *st, struct ucg_group_id group, unsigned file)
{
	*st = (struct stat){
		.st_ino = ucg_node_id(group, file).value,
		.st_mode = file == UCG_FILE_DIR ? S_IFDIR : S_IFREG,
	};
}

static const char *describe_child(struct ucg_fs *fs, struct ucg_group_id id, struct stat *st)
{
	const struct ucg_group *child = ucg_group_find(fs->config.hierarchy, id);
	size_t length;

	if (!child || ucg_group_is_removed(child))
		return NULL;
	describe(st, id, UCG_FILE_DIR);
	return ucg_group_name(child, &length);
}

/* Name, inode number and type of an entry of @group.  NULL: it was removed meanwhile. */
static const char *describe_entry(struct ucg_fs *fs, const struct ucg_group *group,
				  const struct fs_entry *entry, struct stat *st)
{
	const struct ucg_group_record *record = ucg_group_record(group);

	switch (entry->kind) {
	case FS_ENTRY_DOT:
		describe(st, record->id, UCG_FILE_DIR);
		return ".";
	case FS_ENTRY_DOTDOT:
		describe(st, record->parent, UCG_FILE_DIR);
		return "..";
	case FS_ENTRY_CONTROL:
		describe(st, record->id, UCG_FILE_CONTROL(entry->what));
		return ucg_control_files[entry->what].name;
	case FS_ENTRY_GROUP:
		return describe_child(fs, (struct ucg_group_id){entry->what}, st);
	}
	return NULL;
}

struct dir_buffer {
	char *bytes;
	size_t size, used;
};

/* As many entries as fit.  Return: 0; -EINVAL: not even one does, as getdents(2) has it. */
static int fill(fuse_req_t req, struct ucg_fs *fs, const struct ucg_group *group,
		const struct fs_listing *listing, off_t position, struct dir_buffer *buffer)
{
	for (size_t i = fs_listing_find(listing, position); i < listing->count; i++) {
		size_t room = buffer->size - buffer->used, needed;
		struct stat st;
		const char *name = describe_entry(fs, group, &listing->entry[i], &st);

		if (!name)
			continue;
		needed = fuse_add_direntry(req, buffer->bytes + buffer->used, room, name, &st,
					   fs_listing_position(listing, i + 1));
		if (needed > room)
			return buffer->used ? 0 : -EINVAL;
		buffer->used += needed;
	}
	return 0;
}

static int list(fuse_req_t req, struct ucg_fs *fs, struct fs_handle *handle, off_t position,
		struct dir_buffer *buffer)
{
	struct fs_listing *listing = &handle->listing;
	int r = 0;

	if (!buffer->bytes)
		return -ENOMEM;
	if (position == 0 || fs_listing_lacks(listing, handle->group))
		r = fs_listing_build(listing, fs->config.hierarchy, handle->group);
	return r ? r : fill(req, fs, handle->group, listing, position, buffer);
}

void fs_read_dir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		 struct fuse_file_info *fi)
{
	ucg_autofree char *bytes = malloc(size);
	struct dir_buffer buffer = {.bytes = bytes, .size = size};
	struct ucg_fs *fs = fuse_req_userdata(req);
	struct fs_handle *handle = fs_handle_find(&fs->handles, (struct ucg_handle_id){fi->fh});
	int r = handle ? list(req, fs, handle, offset, &buffer) : -EBADF;

	(void)ino;
	if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, buffer.bytes, buffer.used);
}
