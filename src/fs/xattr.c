/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>
#include <linux/capability.h>

/*
 * Extended attributes.  The kernel has checked permissions, by namespace, and the bounds of names
 * and values before a request comes, with one exception: who may see trusted.* in a list is left to
 * us.
 *
 * Where there is GETXATTR, open(2) with O_TRUNC (the shell's >) asks for security.capability, which
 * it would have to take away, and waits for the answer: one request more.  Not so reads and writes.
 * ENOSYS as an answer would end that, and all getting of attributes, for the life of the mount.
 */

struct set_arguments {
	struct ucg_xattr xattr;
	int flags;
};

static int decide_set(struct fs_call *call)
{
	const struct set_arguments *arguments = call->arguments;

	return ucg_xattr_set(call->fs->config.hierarchy, call->node.group, call->node.file,
			     call->node.table_mode, &arguments->xattr, arguments->flags, fs_now(),
			     call->change);
}

void fs_set_xattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
		  size_t length, int flags)
{
	static const struct fs_operation set_steps = {
		.decide = decide_set,
		.reply = fs_reply_done,
	};
	const struct set_arguments arguments = {
		.xattr = {.name = name, .value = value, .length = length},
		.flags = flags,
	};

	fs_run(req, ino, &set_steps, &arguments, NULL);
}

static int decide_remove(struct fs_call *call)
{
	return ucg_xattr_remove(call->fs->config.hierarchy, call->node.group, call->node.file,
				call->arguments, call->change);
}

void fs_remove_xattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	static const struct fs_operation remove_steps = {
		.decide = decide_remove,
		.reply = fs_reply_done,
	};

	fs_run(req, ino, &remove_steps, name, NULL);
}

/* What the caller has room for: @size 0 asks for the length alone. */
static void reply_bytes(fuse_req_t req, size_t size, const char *bytes, size_t length)
{
	if (!size)
		fuse_reply_xattr(req, length);
	else if (length > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, bytes, length);
}

void fs_get_xattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fs_node node;
	struct ucg_fs *fs = fs_begin(req, ino, &node);
	struct ucg_xattr xattr;
	int r;

	if (!fs)
		return;
	r = ucg_xattr_get(fs->config.hierarchy, node.group, node.file, name, &xattr);
	if (r)
		fuse_reply_err(req, -r);
	else
		reply_bytes(req, size, xattr.value, xattr.length);
}

/* The kernel's rule: whoever may set them. */
static bool sees_trusted(struct ucg_fs *fs, fuse_req_t req, const struct fs_node *node)
{
	struct ucg_tracker *tracker = fs->config.tracker;

	return ucg_xattr_has_trusted(node->group, node->file) &&
	       tracker->ops->is_capable(tracker, fuse_req_ctx(req)->pid, CAP_SYS_ADMIN);
}

void fs_list_xattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct fs_node node;
	struct ucg_fs *fs = fs_begin(req, ino, &node);
	struct ucg_text names = {0};

	if (!fs)
		return;
	if (ucg_xattr_list(node.group, node.file, sees_trusted(fs, req, &node), &names))
		fuse_reply_err(req, ENOMEM);
	else
		reply_bytes(req, size, names.bytes, names.length);
	ucg_text_clear(&names);
}
