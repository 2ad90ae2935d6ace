/* links: control */
/* SPDX-License-Identifier: MIT */
/* The parsers of flags against slow ones: three outcomes of the strict one, two of the other. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "ucgroupfs/number.h"

const char *const fuzz_alphabet = "01234567890000000xXabcdef+-\n\n ";

static int digit_of(char c)
{
	const char *digits = "0123456789abcdef";
	const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return found ? (int)(found - digits) : 99;
}

__extension__ typedef unsigned __int128 wide;

/* In 128 bits, and stopping to grow beyond 65. */
static int parse_slowly(const char *text, size_t length, bool *valuep)
{
	wide value = 0;
	const wide limit = (wide)1 << 64;
	size_t i = length && text[0] == '+', first;
	int base = 10;

	if (i < length && text[i] == '0') {
		base = 8;
		if (i + 2 < length && (text[i + 1] | 32) == 'x' && digit_of(text[i + 2]) < 16) {
			base = 16;
			i += 2;
		}
	}
	for (first = i; i < length && digit_of(text[i]) < base; i++)
		if (value < limit)
			value = value * (unsigned)base + (unsigned)digit_of(text[i]);
	if (value >= limit)
		return -ERANGE;
	if (i == first)
		return -EINVAL;
	if (i < length && text[i] == '\n')
		i++;
	*valuep = value != 0;
	return i == length ? 0 : -EINVAL;
}

static bool scan_slowly(const char *text, size_t length)
{
	const wide limit = (wide)1 << 64;
	wide value = 0;

	for (size_t i = 0; i < length && text[i] >= '0' && text[i] <= '9'; i++)
		value = (value * 10 + (unsigned)digit_of(text[i])) % limit;
	return value != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	bool value = false, expected = false;
	int error = ucg_parse_flag(text, size, &value);
	int expected_error = parse_slowly(text, size, &expected);

	FUZZ_CHECK(error == expected_error, "expected %d, got %d for \"%.*s\"", expected_error,
		   error, (int)size, text);
	FUZZ_CHECK(error || value == expected, "expected %d, got %d", expected, value);
	FUZZ_CHECK(ucg_scan_flag(text, size) == scan_slowly(text, size), "of \"%.*s\"", (int)size,
		   text);
	free(text);
	return 0;
}
