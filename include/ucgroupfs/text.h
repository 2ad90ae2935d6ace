/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_TEXT_H
#define UCGROUPFS_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Text being built; owned by whoever declared it.  All zero is a valid empty one. */
struct ucg_text {
	char *bytes; /* not NUL-terminated */
	size_t length;
	size_t capacity;
};

/* A list of ids in ascending order, owned by whoever declared it; all zero is a valid empty one. */
struct ucg_pids {
	pid_t *pid;
	size_t count;
	size_t capacity;
};

/* Each returns 0 or -ENOMEM, and then leaves what was there as it was. */
int ucg_text_reserve(struct ucg_text *text, size_t more); /* room for @more bytes */
int ucg_text_append(struct ucg_text *text, const void *bytes, size_t length);
int ucg_text_printf(struct ucg_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* One decimal number and a newline: the form of every list. */
int ucg_text_append_id(struct ucg_text *text, uint64_t id);
void ucg_text_clear(struct ucg_text *text);

int ucg_pids_append(struct ucg_pids *pids, pid_t pid);
/* Sort ascending and drop repetitions. */
void ucg_pids_sort(struct ucg_pids *pids);
void ucg_pids_clear(struct ucg_pids *pids);

#endif
