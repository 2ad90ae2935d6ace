/* SPDX-License-Identifier: MIT */
#include "content.h"

#include <string.h>

/* A page, less the byte that the kernel needs to see that its buffer did not overflow.
 * Source: kernel behaviour §2.1. */
#define LIST_READ_MAX 4095

struct fs_slice fs_slice_of(const struct ucg_text *text, uint64_t offset, size_t size)
{
	size_t rest;

	if (offset >= text->length)
		return (struct fs_slice){.from = text->length, .length = 0};
	rest = text->length - (size_t)offset;
	return (struct fs_slice){.from = (size_t)offset, .length = size < rest ? size : rest};
}

/* Where the line ends in which @at stands, its newline included. */
static size_t end_of_line(const struct ucg_text *list, size_t at)
{
	const char *newline = memchr(list->bytes + at, '\n', list->length - at);

	return newline ? (size_t)(newline + 1 - list->bytes) : list->length;
}

static uint64_t id_at(const struct ucg_text *list, size_t line)
{
	uint64_t id = 0;

	for (; line < list->length && list->bytes[line] != '\n'; line++)
		id = 10 * id + (uint64_t)(list->bytes[line] - '0');
	return id;
}

/* Where the line begins in which @at stands, of those from @low on. */
static size_t start_of_line(const struct ucg_text *list, size_t at, size_t low)
{
	while (at > low && list->bytes[at - 1] != '\n')
		at--;
	return at;
}

/* The first line with this id or a larger one. */
static size_t find_line(const struct ucg_text *list, uint64_t id)
{
	size_t low = 0, high = list->length;

	while (low < high) {
		size_t line = start_of_line(list, low + (high - low) / 2, low);

		if (id_at(list, line) < id)
			low = end_of_line(list, line);
		else
			high = line;
	}
	return low;
}

/* The id to go on at when the lines before @next are shown, of which @last is the last. */
static uint64_t id_after(const struct ucg_text *list, size_t last, size_t next)
{
	return next < list->length ? id_at(list, next) : id_at(list, last) + 1;
}

static void keep_rest(struct fs_list_position *position, const char *bytes, size_t length)
{
	memmove(position->rest, bytes, length);
	position->rest_length = length;
}

struct fs_list_position fs_list_seek(const struct ucg_text *list, uint64_t offset)
{
	struct fs_list_position position = {0};
	size_t line = 0, next = 0;

	while (next < list->length && next < offset) {
		line = next;
		next = end_of_line(list, line);
	}
	if (next)
		position.next_id = id_after(list, line, next);
	if (next > offset)
		keep_rest(&position, list->bytes + offset, next - (size_t)offset);
	return position;
}

bool fs_list_looks(const struct fs_list_position *position, size_t size)
{
	return size >= position->rest_length;
}

/* Lines from @from on: one, and more as long as @size bytes are not there and they fit. */
static size_t take_lines(const struct ucg_text *list, size_t from, size_t size, size_t *lastp)
{
	size_t end = from;

	do {
		size_t next = end_of_line(list, end);

		if (end > from && next - from > LIST_READ_MAX)
			break;
		*lastp = end;
		end = next;
	} while (end < list->length && end - from < size);
	return end;
}

static struct fs_slice look(const struct ucg_text *list, size_t size,
			    struct fs_list_position *after)
{
	struct fs_slice slice = {.from = find_line(list, after->next_id)};
	size_t last = slice.from, end;

	if (slice.from == list->length)
		return slice;
	end = take_lines(list, slice.from, size, &last);
	slice.length = size < end - slice.from ? size : end - slice.from;
	keep_rest(after, list->bytes + slice.from + slice.length, end - slice.from - slice.length);
	after->next_id = id_after(list, last, end);
	return slice;
}

struct fs_list_read fs_list_read(const struct ucg_text *list,
				 const struct fs_list_position *position, size_t size,
				 struct fs_list_position *after)
{
	struct fs_list_read read = {.rest = position->rest_length};

	*after = *position;
	if (!list) {
		read.rest = size < read.rest ? size : read.rest;
		keep_rest(after, position->rest + read.rest, position->rest_length - read.rest);
		return read;
	}
	after->rest_length = 0;
	read.list = look(list, size - read.rest, after);
	return read;
}
