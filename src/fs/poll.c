/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>
#include <poll.h>

/*
 * A control file is always ready for reading and writing; POLLERR and POLLPRI say that there is
 * something that this open file has not read: until its first record was read, again after its
 * content changed where the table says that this wakes pollers, and for good after the group was
 * removed (kernel behaviour §1.5).
 */
#define ALWAYS (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)
#define UNREAD (POLLERR | POLLPRI)

struct poll_arguments {
	uint64_t fh;
	struct fuse_pollhandle **poller; /* taken by who keeps it */
};

static int decide_poll(struct fs_call *call)
{
	const struct poll_arguments *arguments = call->arguments;
	struct fs_handle *handle =
		fs_handle_find(&call->fs->handles, (struct ucg_handle_id){arguments->fh});
	struct ucg_handle_record *image;

	if (!handle)
		return -EBADF;
	*(struct fs_handle **)call->result = handle;
	/* Only some files ever wake anybody. */
	if (!*arguments->poller || !call->node.row->news || handle->record.poll_handle)
		return 0;
	image = fs_handle_image(handle, call->change);
	if (!image)
		return -ENOMEM;
	image->poll_handle = 1;
	return 0;
}

/* The handle keeps the latest poller: it stands for all who wait on that open file. */
static void publish_poll(struct fs_call *call)
{
	const struct poll_arguments *arguments = call->arguments;
	struct fs_handle *handle = *(struct fs_handle **)call->result;

	if (!*arguments->poller || !call->node.row->news)
		return;
	if (handle->poller)
		fuse_pollhandle_destroy(handle->poller);
	handle->poller = *arguments->poller;
	*arguments->poller = NULL;
}

static void reply_poll(struct fs_call *call)
{
	const struct fs_handle *handle = *(struct fs_handle **)call->result;
	unsigned events = ALWAYS;

	if (!(handle->record.flags & UCG_HANDLE_READ_ONCE) || ucg_group_is_removed(handle->group))
		events |= UNREAD;
	fuse_reply_poll(call->req, events);
}

void fs_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	     struct fuse_pollhandle *poller)
{
	static const struct fs_operation poll_steps = {
		.decide = decide_poll,
		.publish = publish_poll,
		.reply = reply_poll,
	};
	const struct poll_arguments arguments = {.fh = fi->fh, .poller = &poller};
	struct fs_handle *handle = NULL;

	fs_run(req, ino, &poll_steps, &arguments, &handle);
	if (poller)
		fuse_pollhandle_destroy(poller);
}

/* ---- waking ---- */

/* Calls @visit for each open file of @group whose pollers are woken by @news. */
static int visit_group(struct ucg_fs *fs, struct ucg_group_id group, enum ucg_news news,
		       int (*visit)(struct fs_handle *handle, void *context), void *context)
{
	int r = 0;

	for (size_t row = 0; !r && row < ucg_control_file_count; row++) {
		if (ucg_control_files[row].news == news)
			r = fs_handles_visit(&fs->handles,
					     ucg_node_id(group, UCG_FILE_CONTROL(row)), visit,
					     context);
	}
	return r;
}

static int mark(struct fs_handle *handle, void *context)
{
	struct ucg_handle_record *image;

	if (!(handle->record.flags & UCG_HANDLE_READ_ONCE) && !handle->record.poll_handle)
		return 0;
	image = fs_handle_image(handle, context);
	if (!image)
		return -ENOMEM;
	image->flags &= ~(uint32_t)UCG_HANDLE_READ_ONCE;
	image->poll_handle = 0;
	return 0;
}

static int notify(struct fs_handle *handle, void *context)
{
	(void)context;
	if (!handle->poller)
		return 0;
	/* Nothing to do about a failure: then there is no mount any more, or nobody waits. */
	fuse_lowlevel_notify_poll(handle->poller);
	fuse_pollhandle_destroy(handle->poller);
	handle->poller = NULL;
	return 0;
}

int fs_pollers_mark(struct ucg_fs *fs, struct ucg_group_id group, enum ucg_news news,
		    struct ucg_change *change)
{
	return visit_group(fs, group, news, mark, change);
}

int fs_pollers_mark_all(struct ucg_fs *fs, struct ucg_change *change)
{
	int r = 0;

	for (size_t i = 0; !r && i < change->populated_count; i++)
		r = fs_pollers_mark(fs, change->populated_changed[i], UCG_NEWS_POPULATED, change);
	return r;
}

void fs_pollers_notify(struct ucg_fs *fs, struct ucg_group_id group, enum ucg_news news)
{
	visit_group(fs, group, news, notify, NULL);
}

void fs_pollers_notify_all(struct ucg_fs *fs, const struct ucg_change *change)
{
	for (size_t i = 0; i < change->populated_count; i++)
		fs_pollers_notify(fs, change->populated_changed[i], UCG_NEWS_POPULATED);
}
