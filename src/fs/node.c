/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

/* Of files, directories and the filesystem, as the kernel shows it. */
#define BLOCK_SIZE 4096

struct timespec fs_now(void)
{
	struct timespec now;

	/* Cannot fail: the clock exists and &now is valid. */
	clock_gettime(CLOCK_REALTIME, &now);
	return now;
}

struct fs_node fs_node_dir(struct ucg_group *group)
{
	return (struct fs_node){.group = group, .file = UCG_FILE_DIR};
}

struct fs_node fs_node_control(const struct ucg_fs *fs, struct ucg_group *group, size_t row)
{
	const struct ucg_control_file *file = &ucg_control_files[row];

	return (struct fs_node){
		.group = group,
		.file = UCG_FILE_CONTROL(row),
		.row = file,
		.table_mode = ucg_control_mode(file, fs->config.hierarchy),
	};
}

void fs_stat(struct ucg_fs *fs, const struct fs_node *node, struct stat *st)
{
	struct ucg_attr attr;

	ucg_node_attr(fs->config.hierarchy, node->group, node->file, node->table_mode, &attr);
	*st = (struct stat){
		.st_ino = attr.node.value,
		.st_mode = attr.mode,
		.st_nlink = attr.links,
		.st_uid = attr.uid,
		.st_gid = attr.gid,
		.st_blksize = BLOCK_SIZE,
		.st_atim = attr.atime,
		.st_mtim = attr.mtime,
		.st_ctim = attr.ctime,
	};
}

void fs_reply_entry(fuse_req_t req, struct ucg_fs *fs, const struct fs_node *node)
{
	struct fuse_entry_param entry = {
		.ino = ucg_node_id(ucg_group_id_of(node->group), node->file).value,
		.attr_timeout = FS_CACHE_S,
		.entry_timeout = FS_CACHE_S,
	};

	fs_stat(fs, node, &entry.attr);
	ucg_group_pin(node->group, 1);
	/* An answer that nobody took is a node that the kernel will not forget. */
	if (fuse_reply_entry(req, &entry))
		ucg_group_unpin(fs->config.hierarchy, node->group, 1);
}

static void reply_negative(fuse_req_t req)
{
	struct fuse_entry_param entry = {.ino = 0, .entry_timeout = FS_CACHE_S};

	fuse_reply_entry(req, &entry);
}

void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	size_t length = strlen(name);
	struct fs_node directory, node;
	struct ucg_fs *fs = fs_begin(req, parent, &directory);
	struct ucg_group *child;
	int row;

	if (!fs)
		return;
	if (ucg_group_is_removed(directory.group)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	child = ucg_group_child(fs->config.hierarchy, directory.group, name, length);
	row = child ? 0 : ucg_control_lookup(fs->config.hierarchy, directory.group, name, length);
	if (row < 0) {
		reply_negative(req);
		return;
	}
	node = child ? fs_node_dir(child) : fs_node_control(fs, directory.group, (size_t)row);
	fs_reply_entry(req, fs, &node);
}

static void forget_node(struct ucg_fs *fs, fuse_ino_t ino, uint64_t count)
{
	struct fs_node node;

	/* The root's node is there from the mount on, without a lookup that pinned it. */
	if (ino != FUSE_ROOT_ID && !fs_resolve(fs, ino, &node))
		ucg_group_unpin(fs->config.hierarchy, node.group, count);
}

void fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	forget_node(fuse_req_userdata(req), ino, count);
	fuse_reply_none(req);
}

void fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget_node(fuse_req_userdata(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static void reply_attr(struct fs_call *call)
{
	struct stat st;

	fs_stat(call->fs, &call->node, &st);
	fuse_reply_attr(call->req, &st, FS_CACHE_S);
}

void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_call call = {.req = req};

	(void)fi;
	call.fs = fs_begin(req, ino, &call.node);
	if (call.fs)
		reply_attr(&call);
}

struct setattr_arguments {
	const struct stat *st;
	int to_set;	/* FUSE_SET_ATTR_* */
	bool by_handle; /* ftruncate(2) and its like */
};

/* Which attributes a SETATTR sets: what it names, and the times that follow from that.  A size is
 * taken without effect, but ftruncate(2), unlike truncate(2), sets the times. */
static unsigned attr_mask(const struct setattr_arguments *arguments)
{
	int to_set = arguments->to_set;
	unsigned mask = 0;

	if (to_set & FUSE_SET_ATTR_MODE)
		mask |= UCG_ATTR_MODE;
	if (to_set & FUSE_SET_ATTR_UID)
		mask |= UCG_ATTR_UID;
	if (to_set & FUSE_SET_ATTR_GID)
		mask |= UCG_ATTR_GID;
	if (to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW))
		mask |= UCG_ATTR_ATIME;
	if (to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW))
		mask |= UCG_ATTR_MTIME;
	if ((to_set & FUSE_SET_ATTR_SIZE) && arguments->by_handle)
		mask |= UCG_ATTR_MTIME;
	if (!to_set)
		return UCG_ATTR_CTIME; /* chown(2) to the ids it has */
	return mask ? mask | UCG_ATTR_CTIME : 0;
}

static struct timespec time_to_set(const struct setattr_arguments *arguments, int given_bit,
				   int now_bit, struct timespec given)
{
	bool is_given = (arguments->to_set & given_bit) && !(arguments->to_set & now_bit);

	return is_given ? given : fs_now();
}

static int decide_setattr(struct fs_call *call)
{
	const struct setattr_arguments *arguments = call->arguments;
	const struct stat *st = arguments->st;
	unsigned mask = attr_mask(arguments);
	const struct ucg_attr attr = {
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.atime = time_to_set(arguments, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW,
				     st->st_atim),
		.mtime = time_to_set(arguments, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW,
				     st->st_mtim),
		.ctime = fs_now(),
	};

	if (!mask)
		return 0;
	return ucg_node_set(call->fs->config.hierarchy, call->node.group, call->node.file,
			    call->node.table_mode, mask, &attr, call->change);
}

void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		struct fuse_file_info *fi)
{
	static const struct fs_operation setattr = {.decide = decide_setattr, .reply = reply_attr};
	const struct setattr_arguments arguments = {
		.st = st,
		.to_set = to_set,
		.by_handle = fi != NULL,
	};

	fs_run(req, ino, &setattr, &arguments, NULL);
}

void fs_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct statvfs st = {
		.f_bsize = BLOCK_SIZE,
		.f_frsize = BLOCK_SIZE,
		/* What the kernel says; longer names are taken, there as here. */
		.f_namemax = 255,
	};

	(void)ino;
	fuse_reply_statfs(req, &st);
}
