/* SPDX-License-Identifier: MIT */
#include "list.h"

#include <errno.h>
#include <sys/uio.h>

/* The kernel's list is gone when nobody has read it for so long. */
#define LIST_NS 1000000000u

static int outdate(struct fs_handle *handle, void *reader)
{
	if (handle != reader)
		handle->is_outdated = true;
	return 0;
}

/* The list is made anew, for all who read it. */
static int begin_pass(struct fs_call *call, struct fs_handle *handle)
{
	int r = fs_produce(call, handle);

	return r ? r : fs_handles_visit(&call->fs->handles, handle->record.node, outdate, handle);
}

/* A pass that has begun goes on in the newest list that anybody had made. */
static int go_on(struct fs_call *call, struct fs_handle *handle)
{
	bool is_there = handle->has_text && !handle->is_outdated &&
			call->since_ns - handle->read_ns <= LIST_NS;

	return is_there ? 0 : fs_produce(call, handle);
}

/* The position from which a read at @offset goes, and the list if it looks into it. */
static int prepare(struct fs_call *call, struct fs_handle *handle, uint64_t offset, size_t size,
		   struct fs_list_position *position)
{
	bool goes_on = offset && offset == handle->record.offset;
	int r;

	if (goes_on) {
		*position = handle->position;
		return fs_list_looks(position, size) ? go_on(call, handle) : 0;
	}
	r = offset && handle->has_text ? go_on(call, handle) : begin_pass(call, handle);
	if (!r)
		*position = fs_list_seek(&handle->text, offset);
	return r;
}

/* After its group was removed an open file has what is left of a line, but for a failed read. */
static int prepare_removed(struct fs_handle *handle, uint64_t offset,
			   struct fs_list_position *position)
{
	if (!offset || offset != handle->record.offset || !handle->position.rest_length) {
		handle->position.rest_length = 0;
		return -ENODEV;
	}
	*position = handle->position;
	return 0;
}

int fs_list_decide(struct fs_call *call, struct fs_handle *handle, uint64_t offset, size_t size,
		   struct fs_list_result *result)
{
	bool is_removed = ucg_group_is_removed(call->node.group);
	int r = is_removed ? prepare_removed(handle, offset, &result->before)
			   : prepare(call, handle, offset, size, &result->before);
	bool looks = !is_removed && fs_list_looks(&result->before, size);

	if (r)
		return r;
	result->read =
		fs_list_read(looks ? &handle->text : NULL, &result->before, size, &result->after);
	result->end = offset + result->read.rest + result->read.list.length;
	return 0;
}

void fs_list_reply(struct fs_call *call, struct fs_handle *handle,
		   const struct fs_list_result *result)
{
	struct fs_list_position before = result->before;
	struct iovec parts[2] = {{.iov_base = before.rest, .iov_len = result->read.rest}};
	int count = 1;

	if (result->read.list.length)
		parts[count++] = (struct iovec){
			.iov_base = handle->text.bytes + result->read.list.from,
			.iov_len = result->read.list.length,
		};
	handle->position = result->after;
	fuse_reply_iov(call->req, parts, count);
}
