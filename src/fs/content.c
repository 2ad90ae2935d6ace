/* SPDX-License-Identifier: MIT */
#include "content.h"

#include <string.h>

/* A page, less the byte that the kernel needs to see that its buffer did not overflow. */
#define LIST_READ_MAX 4095

struct fs_slice fs_slice_value(const struct ucg_text *text, uint64_t offset, size_t size)
{
	size_t rest;

	if (offset >= text->length)
		return (struct fs_slice){.from = text->length, .length = 0};
	rest = text->length - (size_t)offset;
	return (struct fs_slice){.from = (size_t)offset, .length = size < rest ? size : rest};
}

/* Whole lines from @from on that fit; the list's lines are far shorter than a page. */
static size_t whole_lines(const struct ucg_text *text, size_t from)
{
	size_t rest = text->length - from;
	const char *newline;

	if (rest <= LIST_READ_MAX)
		return rest;
	newline = memrchr(text->bytes + from, '\n', LIST_READ_MAX);
	return newline ? (size_t)(newline + 1 - (text->bytes + from)) : LIST_READ_MAX;
}

struct fs_slice fs_slice_list(const struct ucg_text *text, uint64_t offset, size_t size)
{
	struct fs_slice slice = fs_slice_value(text, offset, size);
	size_t most = whole_lines(text, slice.from);

	if (slice.length > most)
		slice.length = most;
	return slice;
}

size_t fs_after_id(const struct ucg_text *list, uint64_t id)
{
	size_t line = 0, next;

	for (; line < list->length; line = next) {
		const char *newline = memchr(list->bytes + line, '\n', list->length - line);

		next = newline ? (size_t)(newline + 1 - list->bytes) : list->length;
		if (fs_last_id(list, next) > id)
			break;
	}
	return line;
}

uint64_t fs_last_id(const struct ucg_text *list, size_t end)
{
	uint64_t id = 0, digit = 1;

	while (end > 0 && list->bytes[end - 1] != '\n')
		end--;
	for (; end > 1 && list->bytes[end - 2] != '\n'; end--) {
		id += digit * (uint64_t)(list->bytes[end - 2] - '0');
		digit *= 10;
	}
	return id;
}

size_t fs_rest_of_line(const struct ucg_text *list, uint64_t offset)
{
	const char *at, *newline;

	if (offset == 0 || offset >= list->length)
		return 0;
	at = list->bytes + offset;
	if (at[-1] == '\n')
		return 0;
	newline = memchr(at, '\n', list->length - (size_t)offset);
	return newline ? (size_t)(newline + 1 - at) : list->length - (size_t)offset;
}
