/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"
#include "list.h"

#include <errno.h>

/* Reading and writing of control files. */

static struct ucg_control_call control_call(const struct fs_call *call,
					    const struct fs_handle *handle)
{
	return (struct ucg_control_call){
		.hierarchy = call->fs->config.hierarchy,
		.tracker = call->fs->config.tracker,
		.log = call->fs->config.log,
		.group = call->node.group,
		.opener = {.uid = handle->record.opener_uid, .gid = handle->record.opener_gid},
		.writer = fs_opener(call->req),
		.caller = fuse_req_ctx(call->req)->pid,
		.since_ns = call->since_ns,
	};
}

/* A handle of the control file that the request names.  NULL: it is none. */
static struct fs_handle *file_handle(const struct fs_call *call, uint64_t fh)
{
	return call->node.row ? fs_handle_find(&call->fs->handles, (struct ucg_handle_id){fh})
			      : NULL;
}

/* ---- read ---- */

struct read_arguments {
	uint64_t fh, offset;
	size_t size;
};

struct read_result {
	struct fs_handle *handle;
	struct fs_slice value;
	struct fs_list_result list;
};

int fs_produce(struct fs_call *call, struct fs_handle *handle)
{
	const struct ucg_control_call control = control_call(call, handle);
	struct ucg_text text = {0};
	int r = ucg_control_read(call->node.row, &control, &text);

	if (r) {
		ucg_text_clear(&text);
		return r;
	}
	ucg_text_clear(&handle->text);
	handle->text = text;
	handle->has_text = true;
	handle->is_outdated = false;
	return 0;
}

/* A read that goes on where the last one ended gets the rest of what that began with, also after
 * the group was removed; one from elsewhere sees the value as it is now. */
static int decide_value(struct fs_call *call, struct read_result *result)
{
	const struct read_arguments *read = call->arguments;
	struct fs_handle *handle = result->handle;
	bool goes_on = handle->has_text && read->offset && read->offset == handle->next_offset;
	bool is_removed = ucg_group_is_removed(call->node.group);
	int r = goes_on ? 0 : is_removed ? -ENODEV : fs_produce(call, handle);

	if (!r)
		result->value = fs_slice_of(&handle->text, read->offset, read->size);
	if (!r && is_removed && !result->value.length)
		r = -ENODEV;
	/* A failed read empties the kernel's buffer. */
	if (r == -ENODEV)
		handle->has_text = false;
	return r;
}

/* What the record says once it was read; an image only if that is news. */
static int note_read(struct fs_call *call, const struct read_result *result)
{
	const struct fs_handle *handle = result->handle;
	struct ucg_handle_record record = handle->record;
	struct ucg_handle_record *image;

	if (handle->text.length)
		record.flags |= UCG_HANDLE_READ_ONCE;
	if (call->node.row->is_list) {
		record.offset = result->list.end;
		record.next_id = result->list.after.next_id;
	}
	if (record.flags == handle->record.flags && record.offset == handle->record.offset &&
	    record.next_id == handle->record.next_id)
		return 0;
	image = fs_handle_image(handle, call->change);
	if (!image)
		return -ENOMEM;
	*image = record;
	return 0;
}

static int decide_read(struct fs_call *call)
{
	const struct read_arguments *read = call->arguments;
	struct read_result *result = call->result;
	int r;

	result->handle = file_handle(call, read->fh);
	if (!result->handle)
		return -EBADF;
	r = call->node.row->is_list
		    ? fs_list_decide(call, result->handle, read->offset, read->size, &result->list)
		    : decide_value(call, result);
	return r ? r : note_read(call, result);
}

static void reply_read(struct fs_call *call)
{
	const struct read_arguments *read = call->arguments;
	const struct read_result *result = call->result;
	struct fs_handle *handle = result->handle;

	handle->next_offset = read->offset + result->value.length;
	handle->read_ns = call->since_ns;
	if (call->node.row->is_list)
		fs_list_reply(call, handle, &result->list);
	else
		fuse_reply_buf(call->req,
			       result->value.length ? handle->text.bytes + result->value.from
						    : NULL,
			       result->value.length);
}

void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	static const struct fs_operation read_steps = {.decide = decide_read, .reply = reply_read};
	const struct read_arguments arguments = {
		.fh = fi->fh,
		.offset = (uint64_t)offset,
		.size = size,
	};
	struct read_result result = {0};

	fs_run(req, ino, &read_steps, &arguments, &result);
}

/* ---- write ---- */

struct write_arguments {
	uint64_t fh;
	const char *bytes;
	size_t length;
};

/* Control settles what the command is about before it decides. */
static int decide_write(struct fs_call *call)
{
	const struct write_arguments *arguments = call->arguments;
	const struct fs_handle *handle = file_handle(call, arguments->fh);
	struct ucg_control_call control;

	if (!handle)
		return -EBADF;
	control = control_call(call, handle);
	return ucg_control_write(call->node.row, &control, arguments->bytes, arguments->length,
				 call->change);
}

static void reply_write(struct fs_call *call)
{
	const struct write_arguments *arguments = call->arguments;

	fuse_reply_write(call->req, arguments->length);
}

void fs_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t length, off_t offset,
	      struct fuse_file_info *fi)
{
	static const struct fs_operation write_steps = {
		.decide = decide_write,
		.reply = reply_write,
	};
	const struct write_arguments arguments = {.fh = fi->fh, .bytes = bytes, .length = length};

	/* One write is one command, wherever it is written. */
	(void)offset;
	fs_run(req, ino, &write_steps, &arguments, NULL);
}
