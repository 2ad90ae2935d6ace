/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>

/*
 * Opening and closing, of control files and directories alike: a handle is made and ended.  What
 * the handle may be used for is decided here, once; later changes of mode do not matter to it.
 */

#define SET_ID_BITS (S_ISUID | S_ISGID)

static bool keeps_set_id_bits(const struct fs_call *call)
{
	struct ucg_tracker *tracker = call->fs->config.tracker;

	return tracker->ops->is_capable(tracker, fuse_req_ctx(call->req)->pid, CAP_FSETID);
}

/* The bits that a change of the content takes away.  Without S_IXGRP S_ISGID does not mean that a
 * program gets the group's rights. */
static mode_t set_id_bits(mode_t mode)
{
	return mode & S_IXGRP ? mode & SET_ID_BITS : mode & S_ISUID;
}

/* O_TRUNC changes no value, but the times, and takes set-id bits away; the kernel leaves that to
 * us, for it comes with the open (FUSE_CAP_ATOMIC_O_TRUNC). */
static int truncate_node(struct fs_call *call)
{
	struct ucg_hierarchy *hierarchy = call->fs->config.hierarchy;
	unsigned mask = UCG_ATTR_MTIME | UCG_ATTR_CTIME;
	struct ucg_attr attr;

	ucg_node_attr(hierarchy, call->node.group, call->node.file, call->node.table_mode, &attr);
	if (set_id_bits(attr.mode) && !keeps_set_id_bits(call)) {
		attr.mode &= ~set_id_bits(attr.mode);
		mask |= UCG_ATTR_MODE;
	}
	attr.mtime = attr.ctime = fs_now();
	return ucg_node_set(hierarchy, call->node.group, call->node.file, call->node.table_mode,
			    mask, &attr, call->change);
}

static int check_file(struct fs_call *call)
{
	const struct fuse_file_info *fi = call->arguments;

	if (ucg_group_is_removed(call->node.group))
		return -ENODEV;
	if (fi->flags & O_DIRECT)
		return -EINVAL;
	return fi->flags & O_TRUNC ? truncate_node(call) : 0;
}

static int decide_open(struct fs_call *call)
{
	const struct ucg_opener opener = fs_opener(call->req);
	const struct ucg_control_file *row = call->node.row;
	int r = row ? check_file(call) : 0;

	if (r)
		return r;
	return fs_handle_prepare(&call->fs->handles, call->node.group, call->node.file,
				 row && (row->news || row->is_list), &opener,
				 fuse_req_ctx(call->req)->pid, call->result, call->change);
}

/* The image that ends a handle.  Return: 0; -ENOMEM. */
static int end_handle(struct ucg_handle_id id, struct ucg_change *change)
{
	struct ucg_image *image = ucg_change_add(change, UCG_RECORD_HANDLE);

	if (!image)
		return -ENOMEM;
	image->forget = true;
	image->handle.id = id;
	return 0;
}

/* Nobody took the answer, so nobody will close the handle. */
static void withdraw(struct ucg_fs *fs, struct ucg_handle_id id)
{
	struct ucg_change change = UCG_CHANGE_INIT;

	if (!end_handle(id, &change))
		ucg_commit(fs->config.journal, &change);
	else
		ucg_log(fs->config.log, LOG_ERR, "open: no memory to take a handle back");
	ucg_change_clear(&change);
}

static void reply_open(struct fs_call *call)
{
	const struct ucg_handle_id *id = call->result;
	struct fuse_file_info fi = *(const struct fuse_file_info *)call->arguments;

	fi.fh = id->value;
	/* Contents change without the kernel's knowledge: every read and write comes here. */
	fi.direct_io = call->node.row != NULL;
	if (fuse_reply_open(call->req, &fi))
		withdraw(call->fs, *id);
}

static void open_node(fuse_req_t req, fuse_ino_t ino, const struct fuse_file_info *fi)
{
	static const struct fs_operation open_steps = {.decide = decide_open, .reply = reply_open};
	struct ucg_handle_id id;

	fs_run(req, ino, &open_steps, fi, &id);
}

void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	open_node(req, ino, fi);
}

void fs_open_dir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	open_node(req, ino, fi);
}

static int decide_close(struct fs_call *call)
{
	const struct fuse_file_info *fi = call->arguments;

	return end_handle((struct ucg_handle_id){fi->fh}, call->change);
}

void fs_close(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	static const struct fs_operation close_steps = {
		.decide = decide_close,
		.reply = fs_reply_done,
	};

	fs_run(req, ino, &close_steps, fi, NULL);
}
