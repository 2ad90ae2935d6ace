/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_LINE_H
#define UCGROUPFS_CLI_LINE_H

#include <stddef.h>

/*
 * A message is one line, whatever bytes the names in it have.
 */

/* Copies @text to @line, control characters as \ooo, cut to @size with its NUL; returns the length.
 */
size_t ucg_line_escape(char *line, size_t size, const char *text);

/**
 * ucg_complain() - make the one line that says why something is refused
 * @messagep: out: caller frees with free(); NULL: no memory even for that
 * Return: -EINVAL, so that callers can return it on.
 */
__attribute__((format(printf, 2, 3))) int ucg_complain(char **messagep, const char *format, ...);

/* The line on standard error that says why this program fails; NULL: for want of memory. */
void ucg_line_tell(const char *message);

#endif
