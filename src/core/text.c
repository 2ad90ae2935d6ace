/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ucg_text_reserve(struct ucg_text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : 64;
	char *bytes;

	if (more <= text->capacity - text->length)
		return 0;
	if (more > SIZE_MAX / 4 - text->length)
		return -ENOMEM;
	while (capacity - text->length < more)
		capacity *= 2;
	bytes = realloc(text->bytes, capacity);
	if (!bytes)
		return -ENOMEM;
	text->bytes = bytes;
	text->capacity = capacity;
	return 0;
}

int ucg_text_append(struct ucg_text *text, const void *bytes, size_t length)
{
	int error = ucg_text_reserve(text, length);

	if (error)
		return error;
	if (length)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	return 0;
}

int ucg_text_printf(struct ucg_text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	if (ucg_text_reserve(text, (size_t)length + 1))
		return -ENOMEM;
	va_start(args, format);
	vsnprintf(text->bytes + text->length, (size_t)length + 1, format, args);
	va_end(args);
	text->length += (size_t)length;
	return 0;
}

int ucg_text_append_id(struct ucg_text *text, uint64_t id)
{
	char line[sizeof("18446744073709551615\n")];
	size_t start = sizeof(line);

	line[--start] = '\n';
	do
		line[--start] = (char)('0' + id % 10);
	while ((id /= 10));
	return ucg_text_append(text, line + start, sizeof(line) - start);
}

void ucg_text_clear(struct ucg_text *text)
{
	free(text->bytes);
	*text = (struct ucg_text){0};
}

int ucg_pids_append(struct ucg_pids *pids, pid_t pid)
{
	if (pids->count == pids->capacity) {
		size_t capacity = pids->capacity ? pids->capacity * 2 : 16;
		pid_t *array = reallocarray(pids->pid, capacity, sizeof(*array));

		if (!array)
			return -ENOMEM;
		pids->pid = array;
		pids->capacity = capacity;
	}
	pids->pid[pids->count++] = pid;
	return 0;
}

static int compare_pids(const void *left, const void *right)
{
	pid_t a = *(const pid_t *)left, b = *(const pid_t *)right;

	return (a > b) - (a < b);
}

static bool is_strictly_ascending(const struct ucg_pids *pids)
{
	for (size_t i = 1; i < pids->count; i++)
		if (pids->pid[i - 1] >= pids->pid[i])
			return false;
	return true;
}

void ucg_pids_sort(struct ucg_pids *pids)
{
	size_t kept = 1;

	/* The usual case: they come out of an ordered table. */
	if (is_strictly_ascending(pids))
		return;
	qsort(pids->pid, pids->count, sizeof(*pids->pid), compare_pids);
	for (size_t i = 1; i < pids->count; i++)
		if (pids->pid[i] != pids->pid[kept - 1])
			pids->pid[kept++] = pids->pid[i];
	pids->count = kept;
}

void ucg_pids_clear(struct ucg_pids *pids)
{
	free(pids->pid);
	*pids = (struct ucg_pids){0};
}
