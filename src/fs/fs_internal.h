/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_FS_INTERNAL_H
#define UCGROUPFS_FS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <fuse_lowlevel.h>
#include <urcu/list.h>

#include "handle.h"
#include "slot.h"
#include "spin.h"
#include "ucgroupfs/fs.h"

/* Seconds for which the kernel may keep entries and attributes: for ever.  All changes come through
 * the mount, so it sees each of them (design.md §4). */
#define FS_CACHE_S 1e9

/* What could not be done for lack of memory. */
enum fs_owed_what {
	FS_OWED_ENTERED, /* the tracker's events */
	FS_OWED_EMPTIED,
	FS_OWED_RESTATED,
	FS_OWED_WAKING, /* of who waits for a change of populated */
};

struct fs_owed {
	enum fs_owed_what what;
	struct ucg_group_id group;
};

/* All of it: serving thread. */
struct ucg_fs {
	struct ucg_fs_config config;
	struct fuse_session *session;
	int epoll_fd;
	struct cds_list_head watches;

	struct fs_spin spin;
	struct fs_slots slots;
	struct fs_slot *current; /* of the request under way; NULL once it is parked */
	struct fs_handles handles;

	struct fs_owed *owed; /* in order of the events */
	size_t owed_count, owed_capacity;

	bool initialised; /* INIT was answered */
	bool resume;	  /* parked requests are to be handled again */
	bool ended;
};

/* ---- one request ---- */

/* What a node id means. */
struct fs_node {
	struct ucg_group *group;
	unsigned file;			    /* ids.h */
	const struct ucg_control_file *row; /* NULL: the directory */
	mode_t table_mode;
};

/* One request under way, as its steps see it. */
struct fs_call {
	struct ucg_fs *fs;
	fuse_req_t req;
	uint64_t since_ns; /* tracker.h */
	struct fs_node node;
	struct ucg_change *change; /* filled by @decide */
	const void *arguments;	   /* of the request */
	void *result;		   /* from @decide to @reply */
};

/*
 * A request as its steps.  @settle and @decide change nothing and may answer -EINPROGRESS; what
 * they answer besides 0 is the request's errno.  @publish follows the commit.  @reply answers
 * exactly once.
 */
struct fs_operation {
	int (*settle)(struct fs_call *call); /* NULL: membership does not matter */
	int (*decide)(struct fs_call *call);
	void (*publish)(struct fs_call *call); /* NULL: nobody else is to be told */
	void (*reply)(struct fs_call *call);
};

/* Runs the steps.  @arguments and @result are the operation's own, and the caller's. */
void fs_run(fuse_req_t req, fuse_ino_t ino, const struct fs_operation *operation,
	    const void *arguments, void *result);

/* The @reply of an operation that has nothing to say but that it is done. */
void fs_reply_done(struct fs_call *call);

/* Return: 0; -ENOENT: no such node (any more). */
int fs_resolve(struct ucg_fs *fs, fuse_ino_t ino, struct fs_node *node);

/* A request that only reads what is in memory: the session's fs and the node; or it is answered. */
struct ucg_fs *fs_begin(fuse_req_t req, fuse_ino_t ino, struct fs_node *node);

/* Credentials of whoever makes the request, as FUSE tells them: the ids of file system access. */
struct ucg_opener fs_opener(fuse_req_t req);

/* Puts the request under way aside, unanswered, until the tracker says resume. */
void fs_park(struct ucg_fs *fs, fuse_req_t req);

/* ---- attributes and entries (node.c) ---- */

struct timespec fs_now(void);
void fs_stat(struct ucg_fs *fs, const struct fs_node *node, struct stat *st);
/* Answers with an entry for @node, which the kernel knows from then on: the group is pinned. */
void fs_reply_entry(fuse_req_t req, struct ucg_fs *fs, const struct fs_node *node);
struct fs_node fs_node_dir(struct ucg_group *group);
struct fs_node fs_node_control(const struct ucg_fs *fs, struct ucg_group *group, size_t row);

/* ---- who waits for a change of populated (poll.c) ---- */

/* Before the commit: images of the handles that will have something to see, in one group or in all
 * whose populated @change changes.  Can be repeated.  Return: 0; -ENOMEM. */
int fs_pollers_mark(struct ucg_fs *fs, struct ucg_group_id group, enum ucg_news news,
		    struct ucg_change *change);
int fs_pollers_mark_all(struct ucg_fs *fs, struct ucg_change *change);
/* After the commit: wakes them. */
void fs_pollers_notify(struct ucg_fs *fs, struct ucg_group_id group, enum ucg_news news);
void fs_pollers_notify_all(struct ucg_fs *fs, const struct ucg_change *change);

/* ---- events (event.c) ---- */

/* Return: 0; -ENOMEM. */
int fs_owed_init(struct ucg_fs *fs);
/* Puts off what there was no memory for. */
void fs_owe(struct ucg_fs *fs, enum fs_owed_what what, struct ucg_group_id group);
/* Does what is owed, as far as there is memory now. */
void fs_pay_owed(struct ucg_fs *fs);

/* ---- the loop (loop.c) ---- */

/* The session's descriptor.  Return: 0; -ENOMEM, -ENOSPC; -EPERM: it can't be waited for. */
int fs_watch_device(struct ucg_fs *fs);
void fs_unwatch_all(struct ucg_fs *fs);

/* ---- libfuse's callbacks ---- */

void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count);
void fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		struct fuse_file_info *fi);
void fs_statfs(fuse_req_t req, fuse_ino_t ino);

void fs_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void fs_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags);

void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_open_dir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
/* RELEASE and RELEASEDIR: in this program "release" is what happens to groups. */
void fs_close(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void fs_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t length, off_t offset,
	      struct fuse_file_info *fi);
void fs_read_dir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		 struct fuse_file_info *fi);
void fs_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	     struct fuse_pollhandle *poller);

void fs_set_xattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
		  size_t length, int flags);
void fs_get_xattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void fs_list_xattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void fs_remove_xattr(fuse_req_t req, fuse_ino_t ino, const char *name);

void fs_refuse_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi);
void fs_refuse_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void fs_refuse_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void fs_refuse_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name);
void fs_refuse_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_refuse_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

#endif
