/* links: track */
/* SPDX-License-Identifier: MIT */
/* A line of /proc/self/mountinfo: alone, as optional fields and as source of a known mount. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "proc.h"

const char *const fuzz_alphabet = "/proc - proc rw,hidepid=2 subset=pid 0:21 /proc 123 off";

static int parse(const char *format, const char *part)
{
	char *line;
	int answer;

	if (asprintf(&line, format, part) < 0)
		abort();
	answer = proc_parse_mount(line);
	free(line);
	return answer;
}

/* In a field the kernel escapes blanks. */
static void check_field(char *field)
{
	for (char *c = field; *c; c++)
		if (*c == ' ' || *c == '\n' || *c == '\t')
			*c = '_';
	/* A lone dash ends the optional fields, so it is none. */
	if (!*field || strcmp(field, "-") == 0)
		return;
	FUZZ_CHECK(parse("1 2 0:3 / /proc rw %s - proc proc rw\n", field) == 0, "\"%s\"", field);
	FUZZ_CHECK(parse("1 2 0:3 / /proc rw - proc %s rw\n", field) == 0, "\"%s\"", field);
	FUZZ_CHECK(parse("1 2 0:3 / /proc rw - proc %s rw,hidepid=2\n", field) == 1, "\"%s\"",
		   field);
	FUZZ_CHECK(parse("1 2 0:3 / /proc%s rw - proc proc rw\n", field) == -ENOENT, "\"%s\"",
		   field);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	char *text = strndup(copy, size);
	int answer = proc_parse_mount(text);

	FUZZ_CHECK(answer == 0 || answer == 1 || answer == -ENOENT, "got %d", answer);
	check_field(text);
	free(text);
	free(copy);
	return 0;
}
