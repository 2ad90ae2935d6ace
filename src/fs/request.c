/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>

int fs_resolve(struct ucg_fs *fs, fuse_ino_t ino, struct fs_node *node)
{
	struct ucg_node_id id = {ino};
	unsigned file = ucg_node_file(id);
	struct ucg_group *group = ucg_group_find(fs->config.hierarchy, ucg_node_group(id));

	if (!group)
		return -ENOENT;
	if (file == UCG_FILE_DIR) {
		*node = fs_node_dir(group);
		return 0;
	}
	if (file < UCG_FILE_CONTROL(0) || file >= UCG_FILE_CONTROL(ucg_control_file_count))
		return -ENOENT;
	*node = fs_node_control(fs, group, file - UCG_FILE_CONTROL(0));
	return 0;
}

struct ucg_fs *fs_begin(fuse_req_t req, fuse_ino_t ino, struct fs_node *node)
{
	struct ucg_fs *fs = fuse_req_userdata(req);
	int r = fs_resolve(fs, ino, node);

	if (!r)
		return fs;
	fuse_reply_err(req, -r);
	return NULL;
}

struct ucg_opener fs_opener(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct ucg_opener){.uid = ctx->uid, .gid = ctx->gid};
}

void fs_park(struct ucg_fs *fs, fuse_req_t req)
{
	/* Without another slot nothing could be read until this request goes on. */
	if (fs_slots_reserve(&fs->slots)) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	/* libfuse forgets the request, the kernel goes on waiting for its answer. */
	fuse_reply_none(req);
	fs_slots_park(&fs->slots, fs->current);
	fs->current = NULL;
}

void fs_reply_done(struct fs_call *call)
{
	fuse_reply_err(call->req, 0);
}

static int settle_and_decide(struct fs_call *call, const struct fs_operation *operation)
{
	int r = operation->settle ? operation->settle(call) : 0;

	return r ? r : operation->decide(call);
}

/* Once decided there is no way back (a process may have been moved): who waits must do so longer.
 */
static void mark_pollers(struct fs_call *call)
{
	const struct ucg_change *change = call->change;

	if (!fs_pollers_mark_all(call->fs, call->change))
		return;
	for (size_t i = 0; i < change->populated_count; i++)
		fs_owe(call->fs, FS_OWED_WAKING, change->populated_changed[i]);
}

/* The path of a changing request: settle, decide, journal, publish, reply, notify. */
static void run_steps(struct fs_call *call, const struct fs_operation *operation)
{
	int r = settle_and_decide(call, operation);

	if (r == -EINPROGRESS) {
		fs_park(call->fs, call->req);
		return;
	}
	if (r) {
		fuse_reply_err(call->req, -r);
		return;
	}
	mark_pollers(call);
	ucg_commit(call->fs->config.journal, call->change);
	if (operation->publish)
		operation->publish(call);
	operation->reply(call);
	fs_pollers_notify_all(call->fs, call->change);
}

void fs_run(fuse_req_t req, fuse_ino_t ino, const struct fs_operation *operation,
	    const void *arguments, void *result)
{
	struct ucg_change change = UCG_CHANGE_INIT;
	struct fs_call call = {
		.req = req,
		.change = &change,
		.arguments = arguments,
		.result = result,
	};

	call.fs = fs_begin(req, ino, &call.node);
	if (!call.fs)
		return;
	call.since_ns = call.fs->current->since_ns;
	run_steps(&call, operation);
	ucg_change_clear(&change);
}
