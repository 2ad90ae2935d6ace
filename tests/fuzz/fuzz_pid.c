/* links: control */
/* SPDX-License-Identifier: MIT */
/* The parser of tasks and cgroup.procs against the C library's, wherever that one is strict too;
 * that of Linux 2.6.24 against a slow one. */
#include "fuzz.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "ucgroupfs/number.h"

const char *const fuzz_alphabet = "0123456789012345678901234567890xXabcdef+- \n\t\r\v\f\xa0";

/* strtoll() skips white space and takes a sign anywhere that strip leaves; the kernel allows only
 * one sign, and a digit right behind it.  Newer ones know binary numbers. */
static int parse_by_libc(const char *text, size_t length, long *valuep)
{
	char *end, *copy = fuzz_copy((const uint8_t *)text, length);
	char *string = strndup(copy, length);
	const char *digits = string + (*string == '+' || *string == '-');
	int error = -EINVAL;

	if (*digits >= '0' && *digits <= '9' && (digits[1] | 32) != 'b') {
		errno = 0;
		*valuep = strtol(string, &end, 0);
		if ((size_t)(end - string) == length && !errno && *valuep >= 0 &&
		    *valuep <= INT_MAX)
			error = 0;
	}
	free(string);
	free(copy);
	return error;
}

static int scan_slowly(const char *text, size_t length, long *valuep)
{
	const long long modulus = 1LL << 32;
	long long value = 0;
	size_t i = 0, first;
	bool negative;

	while (i < length && text[i] && strchr(" \t\n\v\f\r\xa0", text[i]))
		i++;
	negative = i < length && text[i] == '-';
	first = i += negative;
	for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
		value = (value * 10 + text[i] - '0') % modulus;
	if (i == first)
		return -EIO;
	if (negative)
		value = (modulus - value) % modulus;
	if (value > INT_MAX)
		return -ESRCH;
	*valuep = (long)value;
	return 0;
}

static void check_scan(const char *text, size_t length)
{
	pid_t pid = -1;
	long expected = -1;
	int error = ucg_scan_pid(text, length, &pid);

	FUZZ_CHECK(error == scan_slowly(text, length, &expected), "got %d for \"%.*s\"", error,
		   (int)length, text);
	FUZZ_CHECK(pid == expected, "got %d, expected %ld", (int)pid, expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	const char *stripped = text;
	size_t length = size;
	pid_t pid = -1;
	long expected = -1;
	int error = ucg_parse_pid(text, size, &pid);

	ucg_strip(&stripped, &length);
	FUZZ_CHECK(stripped >= text && stripped + length <= text + size, "strip left its input");
	FUZZ_CHECK(error == parse_by_libc(stripped, length, &expected), "got %d for \"%.*s\"",
		   error, (int)size, text);
	FUZZ_CHECK(error ? pid == -1 : pid == expected, "got %d, expected %ld", (int)pid, expected);
	check_scan(text, size);
	free(text);
	return 0;
}
