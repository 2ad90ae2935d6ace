/* SPDX-License-Identifier: MIT */
#include "line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ucgroupfs/scope.h"

#define ESCAPED_SIZE 4 /* \ooo */

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static void escape_byte(char *to, char c)
{
	unsigned char byte = (unsigned char)c;

	to[0] = '\\';
	to[1] = (char)('0' + (byte >> 6));
	to[2] = (char)('0' + (byte >> 3 & 7));
	to[3] = (char)('0' + (byte & 7));
}

size_t ucg_line_escape(char *line, size_t size, const char *text)
{
	size_t length = 0;

	for (; *text; text++) {
		size_t width = is_control(*text) ? ESCAPED_SIZE : 1;

		if (length + width >= size)
			break;
		if (width == 1)
			line[length] = *text;
		else
			escape_byte(line + length, *text);
		length += width;
	}
	line[length] = '\0';
	return length;
}

int ucg_complain(char **messagep, const char *format, ...)
{
	ucg_autofree char *text = NULL;
	va_list args;
	size_t size;
	int length;

	*messagep = NULL;
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		text = NULL; /* vasprintf leaves it undefined */
		return -EINVAL;
	}
	size = (size_t)length * ESCAPED_SIZE + 1;
	*messagep = malloc(size);
	if (*messagep)
		ucg_line_escape(*messagep, size, text);
	return -EINVAL;
}

void ucg_line_tell(const char *message)
{
	/* Nobody is left to be told if it can't be written. */
	fprintf(stderr, "ucgroupfs: %s\n", message ? message : "out of memory");
}
