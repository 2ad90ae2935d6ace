/* SPDX-License-Identifier: MIT */
#include "content.h"
#include "fs_internal.h"

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
	struct fs_slice slice;
};

/* Makes the text anew. */
static int produce(struct fs_call *call, struct fs_handle *handle)
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
	handle->base = 0;
	handle->is_outdated = false;
	return 0;
}

/* A read that goes on where the last one ended gets the rest of what that began with; one from
 * elsewhere sees the value as it is now. */
static int prepare_value(struct fs_call *call, struct fs_handle *handle, uint64_t offset)
{
	bool is_served = handle->has_text && offset && offset == handle->next_offset;

	return is_served ? 0 : produce(call, handle);
}

static int outdate(struct fs_handle *handle, void *reader)
{
	if (handle != reader)
		handle->is_outdated = true;
	return 0;
}

/* From the beginning, or from anywhere at first: the list is made anew, for all who read it. */
static int begin_pass(struct fs_call *call, struct fs_handle *handle)
{
	int r = produce(call, handle);

	return r ? r : fs_handles_visit(&call->fs->handles, handle->record.node, outdate, handle);
}

/* The kernel's list is gone when nobody has read it for so long. */
#define LIST_NS 1000000000u

static bool is_outdated(const struct fs_call *call, const struct fs_handle *handle)
{
	return handle->is_outdated || call->since_ns - handle->read_ns > LIST_NS;
}

/* Bytes that the kernel's buffer still holds of the line in which the last read stopped. */
static size_t rest_of_line(const struct fs_handle *handle, uint64_t offset)
{
	return handle->has_text && offset == handle->record.offset
		       ? fs_rest_of_line(&handle->text, offset - handle->base)
		       : 0;
}

/*
 * A list is settled and made once a pass.  A read that goes on after the list was made anew goes on
 * with the next larger id of the new one; any other is a part of the list from its beginning.
 */
static int prepare_list(struct fs_call *call, struct fs_handle *handle, uint64_t offset)
{
	bool goes_on = offset && offset == handle->record.offset;
	int r;

	if (!offset || (!handle->has_text && !goes_on))
		return begin_pass(call, handle);
	if (!goes_on)
		handle->base = 0;
	if (handle->has_text && (!is_outdated(call, handle) || rest_of_line(handle, offset)))
		return 0;
	r = produce(call, handle);
	if (!r && goes_on)
		handle->base = offset - fs_after_id(&handle->text, handle->record.last_id);
	return r;
}

static struct fs_slice slice_list(const struct fs_call *call, const struct fs_handle *handle,
				  const struct read_arguments *read)
{
	struct fs_slice slice =
		fs_slice_list(&handle->text, read->offset - handle->base, read->size);
	size_t rest = rest_of_line(handle, read->offset);

	if (rest && rest < slice.length && is_outdated(call, handle))
		slice.length = rest;
	return slice;
}

/* What is left to an open file after its group was removed: the kernel's buffer, which holds the
 * rest of a value, or of the line of a list in which the last read stopped. */
static struct fs_slice buffered(const struct fs_call *call, const struct fs_handle *handle,
				const struct read_arguments *read)
{
	struct fs_slice rest = {0};
	uint64_t at = read->offset - handle->base;

	if (!handle->has_text || read->offset == 0 || read->offset != handle->next_offset)
		return rest;
	rest = fs_slice_value(&handle->text, at, read->size);
	if (call->node.row->is_list && rest.length > fs_rest_of_line(&handle->text, rest.from))
		rest.length = fs_rest_of_line(&handle->text, rest.from);
	return rest;
}

static int slice(struct fs_call *call, struct read_result *result)
{
	const struct read_arguments *read = call->arguments;
	struct fs_handle *handle = result->handle;
	bool is_list = call->node.row->is_list;
	int r;

	if (ucg_group_is_removed(call->node.group)) {
		result->slice = buffered(call, handle, read);
		/* A failed read empties the kernel's buffer. */
		handle->has_text = result->slice.length > 0;
		return result->slice.length ? 0 : -ENODEV;
	}
	r = is_list ? prepare_list(call, handle, read->offset)
		    : prepare_value(call, handle, read->offset);
	if (r)
		return r;
	result->slice = is_list ? slice_list(call, handle, read)
				: fs_slice_value(&handle->text, read->offset, read->size);
	return 0;
}

/* What the record says once the slice was read; an image only if that is news. */
static int note_read(struct fs_call *call, const struct read_result *result)
{
	const struct read_arguments *read = call->arguments;
	const struct fs_handle *handle = result->handle;
	struct ucg_handle_record record = handle->record;
	struct ucg_handle_record *image;

	if (handle->text.length)
		record.flags |= UCG_HANDLE_READ_ONCE;
	if (call->node.row->is_list && result->slice.length) {
		record.offset = read->offset + result->slice.length;
		record.last_id =
			fs_last_id(&handle->text, result->slice.from + result->slice.length);
	}
	if (record.flags == handle->record.flags && record.offset == handle->record.offset &&
	    record.last_id == handle->record.last_id)
		return 0;
	image = fs_handle_image(handle, call->change);
	if (!image)
		return -ENOMEM;
	*image = record;
	return 0;
}

static int decide_read(struct fs_call *call)
{
	const struct read_arguments *arguments = call->arguments;
	struct read_result *result = call->result;
	int r;

	result->handle = file_handle(call, arguments->fh);
	if (!result->handle)
		return -EBADF;
	r = slice(call, result);
	return r ? r : note_read(call, result);
}

static void reply_read(struct fs_call *call)
{
	const struct read_arguments *arguments = call->arguments;
	const struct read_result *result = call->result;
	struct fs_handle *handle = result->handle;

	handle->next_offset = arguments->offset + result->slice.length;
	handle->read_ns = call->since_ns;
	if (result->slice.length)
		fuse_reply_buf(call->req, handle->text.bytes + result->slice.from,
			       result->slice.length);
	else
		fuse_reply_buf(call->req, NULL, 0);
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
