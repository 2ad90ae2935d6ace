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

/* What listing, and trying to change, comes to. */
struct xattr_result {
	int outcome; /* the request's answer: 0; -errno */
	bool begun;  /* the node's times begin with it */
	struct ucg_text names;
};

static int touch(struct fs_call *call, struct xattr_result *result)
{
	return ucg_xattr_touch(call->fs->config.hierarchy, call->node.group, call->node.file,
			       call->node.table_mode, fs_now(), &result->begun, call->change);
}

/* The kernel has refused these names before it looks at the node. */
static bool is_refused_by_name(int outcome)
{
	return outcome == -EOPNOTSUPP || outcome == -EINVAL;
}

/* What becomes of an attempt to change an attribute: one that fails touches the node all the same.
 */
static int conclude(struct fs_call *call, int outcome)
{
	struct xattr_result *result = call->result;

	if (!outcome || outcome == -ENOMEM || is_refused_by_name(outcome))
		return outcome;
	result->outcome = outcome;
	ucg_change_clear(call->change);
	return touch(call, result);
}

/* The FUSE client believes that the attributes are as before. */
static void publish_times(struct fs_call *call)
{
	const struct xattr_result *result = call->result;
	const struct ucg_node_id node =
		ucg_node_id(ucg_group_id_of(call->node.group), call->node.file);

	/* Fails only where it does not know the node, and so nothing of it. */
	if (result->begun)
		fuse_lowlevel_notify_inval_inode(call->fs->session, node.value, -1, 0);
}

static void reply_outcome(struct fs_call *call)
{
	const struct xattr_result *result = call->result;

	fuse_reply_err(call->req, -result->outcome);
}

/* ---- set and remove ---- */

struct set_arguments {
	struct ucg_xattr xattr;
	int flags;
};

static int decide_set(struct fs_call *call)
{
	const struct set_arguments *arguments = call->arguments;

	return conclude(call,
			ucg_xattr_set(call->fs->config.hierarchy, call->node.group, call->node.file,
				      call->node.table_mode, &arguments->xattr, arguments->flags,
				      fs_now(), call->change));
}

void fs_set_xattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
		  size_t length, int flags)
{
	static const struct fs_operation set_steps = {
		.decide = decide_set,
		.publish = publish_times,
		.reply = reply_outcome,
	};
	const struct set_arguments arguments = {
		.xattr = {.name = name, .value = value, .length = length},
		.flags = flags,
	};
	struct xattr_result result = {0};

	fs_run(req, ino, &set_steps, &arguments, &result);
}

static int decide_remove(struct fs_call *call)
{
	return conclude(call, ucg_xattr_remove(call->fs->config.hierarchy, call->node.group,
					       call->node.file, call->arguments, call->change));
}

void fs_remove_xattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	static const struct fs_operation remove_steps = {
		.decide = decide_remove,
		.publish = publish_times,
		.reply = reply_outcome,
	};
	struct xattr_result result = {0};

	fs_run(req, ino, &remove_steps, name, &result);
}

/* ---- get and list ---- */

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

static int decide_list(struct fs_call *call)
{
	struct xattr_result *result = call->result;
	int r = touch(call, result);

	return r ? r
		 : ucg_xattr_list(call->node.group, call->node.file,
				  sees_trusted(call->fs, call->req, &call->node), &result->names);
}

static void reply_list(struct fs_call *call)
{
	const struct xattr_result *result = call->result;
	const size_t *size = call->arguments;

	reply_bytes(call->req, *size, result->names.bytes, result->names.length);
}

void fs_list_xattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	static const struct fs_operation list_steps = {
		.decide = decide_list,
		.publish = publish_times,
		.reply = reply_list,
	};
	struct xattr_result result = {0};

	fs_run(req, ino, &list_steps, &size, &result);
	ucg_text_clear(&result.names);
}
