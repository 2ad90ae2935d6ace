/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>
#include <string.h>

/*
 * mkdir, rmdir and rename.  The kernel has looked up the names, and checked permissions and types,
 * before a request comes; what is left are the rules that only this filesystem has.
 */

/* The name is that of a control file in the request's directory. */
static bool is_reserved(const struct fs_call *call, const char *name)
{
	return ucg_control_lookup(call->fs->config.hierarchy, call->node.group, name,
				  strlen(name)) >= 0;
}

struct mkdir_arguments {
	const char *name;
	mode_t mode;
};

/* With a child, a group is not released: so the end of its last task is known before. */
static int settle_mkdir(struct fs_call *call)
{
	return ucg_tracker_settle(call->fs->config.tracker, ucg_group_id_of(call->node.group),
				  call->since_ns);
}

static int decide_mkdir(struct fs_call *call)
{
	const struct mkdir_arguments *arguments = call->arguments;
	const char *name = arguments->name;
	const struct ucg_opener maker = fs_opener(call->req);

	return ucg_group_make(call->fs->config.hierarchy, call->node.group, name, strlen(name),
			      is_reserved(call, name), arguments->mode & 07777, &maker, fs_now(),
			      call->result, call->change);
}

static void reply_mkdir(struct fs_call *call)
{
	const struct ucg_group_id *id = call->result;
	struct fs_node node = fs_node_dir(ucg_group_find(call->fs->config.hierarchy, *id));

	fs_reply_entry(call->req, call->fs, &node);
}

void fs_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	static const struct fs_operation mkdir_steps = {
		.settle = settle_mkdir,
		.decide = decide_mkdir,
		.reply = reply_mkdir,
	};
	const struct mkdir_arguments arguments = {.name = name, .mode = mode};
	struct ucg_group_id id;

	fs_run(req, parent, &mkdir_steps, &arguments, &id);
}

/* The group of that name.  @file_error: what a control file of that name gets. */
static int find_child(struct fs_call *call, const char *name, int file_error,
		      struct ucg_group **childp)
{
	*childp = ucg_group_child(call->fs->config.hierarchy, call->node.group, name, strlen(name));
	if (*childp)
		return 0;
	return is_reserved(call, name) ? file_error : -ENOENT;
}

static int settle_rmdir(struct fs_call *call)
{
	struct ucg_group *group;
	int r = find_child(call, call->arguments, -ENOTDIR, &group);

	if (r)
		return r;
	*(struct ucg_group_id *)call->result = ucg_group_id_of(group);
	/* A child group is reason enough to refuse, whatever the tasks do. */
	if (ucg_group_child_count(group))
		return -EBUSY;
	return ucg_tracker_settle(call->fs->config.tracker, ucg_group_id_of(group), call->since_ns);
}

static int decide_rmdir(struct fs_call *call)
{
	const struct ucg_group_id *id = call->result;
	struct ucg_hierarchy *hierarchy = call->fs->config.hierarchy;

	return ucg_group_remove(hierarchy, ucg_group_find(hierarchy, *id), fs_now(), call->change);
}

static void publish_rmdir(struct fs_call *call)
{
	const struct ucg_group_id *id = call->result;
	struct ucg_tracker *tracker = call->fs->config.tracker;

	tracker->ops->forget(tracker, *id);
}

void fs_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	static const struct fs_operation rmdir_steps = {
		.settle = settle_rmdir,
		.decide = decide_rmdir,
		.publish = publish_rmdir,
		.reply = fs_reply_done,
	};
	struct ucg_group_id id;

	fs_run(req, parent, &rmdir_steps, name, &id);
}

struct rename_arguments {
	const char *name, *new_name;
	fuse_ino_t parent, new_parent;
	unsigned flags;
};

/* The kernel's order of refusals; source: kernel behaviour §1.3. */
static int decide_rename(struct fs_call *call)
{
	const struct rename_arguments *arguments = call->arguments;
	const char *new_name = arguments->new_name;
	struct ucg_group *group;
	int r;

	if (arguments->flags || strchr(new_name, '\n'))
		return -EINVAL;
	r = find_child(call, arguments->name, -ENOTDIR, &group);
	if (r)
		return r;
	if (arguments->parent != arguments->new_parent)
		return -EIO;
	return ucg_group_rename(call->fs->config.hierarchy, group, new_name, strlen(new_name),
				is_reserved(call, new_name), call->change);
}

void fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags)
{
	static const struct fs_operation rename_steps = {
		.decide = decide_rename,
		.reply = fs_reply_done,
	};
	const struct rename_arguments arguments = {
		.name = name,
		.new_name = new_name,
		.parent = parent,
		.new_parent = new_parent,
		.flags = flags,
	};

	fs_run(req, parent, &rename_steps, &arguments, NULL);
}
