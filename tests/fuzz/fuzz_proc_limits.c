/* links: track */
/* SPDX-License-Identifier: MIT */
/* /proc/PID/limits: alone, and as the value of a line, against the C library. */
#include "fuzz.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "proc.h"

#define TITLE "Max file locks"

const char *const fuzz_alphabet = "01234567899999unlimited \nMax file locks Max resident set";

static void check_value(const char *value)
{
	const char *digits = value + strspn(value, " ");
	uint64_t soft = 1, expected = 1;
	int error, expected_error = -EINVAL;
	char *text;

	if (asprintf(&text, "Limit  Soft Limit\n" TITLE "%s\nMax x  1  2\n", value) < 0)
		abort();
	if (strncmp(digits, "unlimited", 9) == 0) {
		expected = RLIM_INFINITY;
		expected_error = 0;
	} else if (isdigit((unsigned char)*digits)) {
		errno = 0;
		expected = strtoull(digits, NULL, 10);
		expected_error = errno ? -EINVAL : 0;
	}
	error = proc_parse_limit(text, TITLE, &soft);
	FUZZ_CHECK(error == expected_error, "\"%s\": got %d", value, error);
	FUZZ_CHECK(error ? soft == 1 : soft == expected, "\"%s\": got %llu", value,
		   (unsigned long long)soft);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	char *text = strndup(copy, size);
	uint64_t soft;
	int error = proc_parse_limit(text, TITLE, &soft);

	FUZZ_CHECK(error == 0 || error == -EINVAL, "got %d", error);
	check_value(text);
	free(text);
	free(copy);
	return 0;
}
