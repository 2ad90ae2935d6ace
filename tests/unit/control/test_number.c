/* SPDX-License-Identifier: MIT */
/* Kernel behaviour §2.3, §2.4 and §9: a row of its tables is a row here. */
#include "../core/world.h"

#include <stdio.h>

#include "ucgroupfs/number.h"

/* Text with its length, so that it may hold a NUL. */
#define TEXT(literal) literal, sizeof(literal) - 1

struct row {
	const char *text;
	size_t length;
	int error;
	long value;
};

static void check(const struct row *row, int error, long value)
{
	struct ucg_text shown = {0};

	for (size_t i = 0; i < row->length && i < 40; i++)
		PRINT(&shown, row->text[i] > ' ' ? "%c" : "\\x%02x", row->text[i]);
	if (error != row->error)
		fail_msg("\"%s\": expected error %d, got %d", text_string(&shown), row->error,
			 error);
	if (!error && value != row->value)
		fail_msg("\"%s\": expected %ld, got %ld", text_string(&shown), row->value, value);
	ucg_text_clear(&shown);
}

static void pids_are_parsed_as_by_the_kernel(void **state)
{
	static const struct row rows[] = {
		{TEXT("123"), 0, 123},
		{TEXT("123\n"), 0, 123},
		{TEXT(" 123 "), 0, 123},
		{TEXT("\n123\n\n"), 0, 123},
		{TEXT("123\r\n"), 0, 123},
		{TEXT("\t\v\f123"), 0, 123},
		{TEXT("\xa0"
		      "123\xa0"),
		 0, 123},
		{TEXT("+123"), 0, 123},
		{TEXT("0x7b"), 0, 123},
		{TEXT("0X7B"), 0, 123},
		{TEXT("+0x7b"), 0, 123},
		{TEXT("0173"), 0, 123},
		{TEXT("00000000000000000000000000000173"), 0, 123},
		{TEXT("2147483647"), 0, 2147483647},
		/* the writer himself */
		{TEXT("0"), 0, 0},
		{TEXT("+0"), 0, 0},
		{TEXT("-0"), 0, 0},
		{TEXT("00"), 0, 0},
		{TEXT("0x0"), 0, 0},
		/* octal by surprise */
		{TEXT("0123"), 0, 83},
		{TEXT("0189"), -EINVAL, 0},
		/* junk */
		{TEXT("-123"), -EINVAL, 0},
		{TEXT("-1"), -EINVAL, 0},
		{TEXT("123x"), -EINVAL, 0},
		{TEXT("123,"), -EINVAL, 0},
		{TEXT("123.0"), -EINVAL, 0},
		{TEXT("123 123"), -EINVAL, 0},
		{TEXT("123\n123\n"), -EINVAL, 0},
		{TEXT("123\0"), -EINVAL, 0}, /* the caller cuts */
		{TEXT("++123"), -EINVAL, 0},
		{TEXT("+-123"), -EINVAL, 0},
		{TEXT("-+0"), -EINVAL, 0},
		{TEXT("--0"), -EINVAL, 0},
		{TEXT("+ 123"), -EINVAL, 0},
		{TEXT("+"), -EINVAL, 0},
		{TEXT("-"), -EINVAL, 0},
		{TEXT("0x"), -EINVAL, 0},
		{TEXT("0xg"), -EINVAL, 0},
		{TEXT("x7b"), -EINVAL, 0},
		{TEXT("7b"), -EINVAL, 0},
		{TEXT("0b1"), -EINVAL, 0},
		{TEXT("text"), -EINVAL, 0},
		{TEXT(" \t\n"), -EINVAL, 0},
		{TEXT(""), -EINVAL, 0},
		{TEXT("\x85"
		      "123"),
		 -EINVAL, 0},
		/* no ERANGE here */
		{TEXT("2147483648"), -EINVAL, 0},
		{TEXT("4294967297"), -EINVAL, 0},
		{TEXT("-2147483648"), -EINVAL, 0},
		{TEXT("99999999999999999999"), -EINVAL, 0},
		{TEXT("18446744073709551617"), -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = -7;
		int error = ucg_parse_pid(rows[i].text, rows[i].length, &pid);

		check(&rows[i], error, pid);
		if (error)
			assert_int_equal(pid, -7);
	}
}

static void flags_are_parsed_as_by_the_kernel(void **state)
{
	static const struct row rows[] = {
		{TEXT("0"), 0, 0},
		{TEXT("1"), 0, 1},
		{TEXT("2"), 0, 1},
		{TEXT("10"), 0, 1},
		{TEXT("01"), 0, 1},
		{TEXT("00"), 0, 0},
		{TEXT("010"), 0, 1},
		{TEXT("0x1"), 0, 1},
		{TEXT("0X10"), 0, 1},
		{TEXT("+1"), 0, 1},
		{TEXT("+0"), 0, 0},
		{TEXT("0\n"), 0, 0},
		{TEXT("1\n"), 0, 1},
		{TEXT("18446744073709551615"), 0, 1},
		{TEXT("4294967296"), 0, 1},
		{TEXT("0xffffffffffffffff"), 0, 1},
		{TEXT("000000000000000000000000000000000001"), 0, 1},
		{TEXT(" 1"), -EINVAL, 0},
		{TEXT("1 "), -EINVAL, 0},
		{TEXT("\t1"), -EINVAL, 0},
		{TEXT("1\n\n"), -EINVAL, 0},
		{TEXT("\n1"), -EINVAL, 0},
		{TEXT("1\r\n"), -EINVAL, 0},
		{TEXT("-1"), -EINVAL, 0},
		{TEXT("-0"), -EINVAL, 0},
		{TEXT("++1"), -EINVAL, 0},
		{TEXT("08"), -EINVAL, 0},
		{TEXT("0x"), -EINVAL, 0},
		{TEXT("0x\n"), -EINVAL, 0},
		{TEXT("0b1"), -EINVAL, 0},
		{TEXT("1x"), -EINVAL, 0},
		{TEXT("1 0"), -EINVAL, 0},
		{TEXT("1\n0"), -EINVAL, 0},
		{TEXT("true"), -EINVAL, 0},
		{TEXT(" \n"), -EINVAL, 0},
		{TEXT("\n"), -EINVAL, 0},
		{TEXT("+"), -EINVAL, 0},
		{TEXT(""), -EINVAL, 0},
		{TEXT("18446744073709551616"), -ERANGE, 0},
		{TEXT("99999999999999999999"), -ERANGE, 0},
		{TEXT("0x10000000000000000"), -ERANGE, 0},
		{TEXT("02000000000000000000000"), -ERANGE, 0},
		/* the kernel finds out that it is too large before it sees the junk */
		{TEXT("18446744073709551616x"), -ERANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool value = false;
		int error = ucg_parse_flag(rows[i].text, rows[i].length, &value);

		check(&rows[i], error, value);
	}
}

static void pids_are_scanned_as_by_linux_2_6_24(void **state)
{
	static const struct row rows[] = {
		{TEXT("123"), 0, 123},
		{TEXT("123\n"), 0, 123},
		{TEXT(" \t\n\v\f\r\xa0"
		      "123"),
		 0, 123},
		{TEXT("123x"), 0, 123},
		{TEXT("123 456"), 0, 123},
		{TEXT("123\n456\n"), 0, 123},
		{TEXT("123.0"), 0, 123},
		{TEXT("0123"), 0, 123},
		{TEXT("2147483647"), 0, 2147483647},
		/* the writer himself */
		{TEXT("0"), 0, 0},
		{TEXT("-0"), 0, 0},
		{TEXT("0x7b"), 0, 0},
		{TEXT("4294967296"), 0, 0},
		/* modulo 2^32, whatever came before */
		{TEXT("4294967297"), 0, 1},
		{TEXT("18446744073709551617"), 0, 1},
		{TEXT("-4294967295"), 0, 1},
		/* no task has a negative number */
		{TEXT("-123"), -ESRCH, 0},
		{TEXT("2147483648"), -ESRCH, 0},
		{TEXT("4294967295"), -ESRCH, 0},
		/* no number */
		{TEXT(""), -EIO, 0},
		{TEXT(" \n"), -EIO, 0},
		{TEXT("x123"), -EIO, 0},
		{TEXT("+123"), -EIO, 0},
		{TEXT("-"), -EIO, 0},
		{TEXT("- 123"), -EIO, 0},
		{TEXT("--123"), -EIO, 0},
		{TEXT("\x85"
		      "123"),
		 -EIO, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = -7;
		int error = ucg_scan_pid(rows[i].text, rows[i].length, &pid);

		check(&rows[i], error, pid);
		if (error)
			assert_int_equal(pid, -7);
	}
}

static void flags_are_scanned_as_by_linux_2_6_24(void **state)
{
	static const struct row rows[] = {
		{TEXT("1"), 0, 1},
		{TEXT("1\n"), 0, 1},
		{TEXT("10"), 0, 1},
		{TEXT("1x"), 0, 1},
		{TEXT("1 0"), 0, 1},
		{TEXT("08"), 0, 1},
		{TEXT("0001"), 0, 1},
		{TEXT("18446744073709551615"), 0, 1},
		{TEXT("18446744073709551617"), 0, 1},
		{TEXT("0"), 0, 0},
		{TEXT("0\n"), 0, 0},
		{TEXT("0x1"), 0, 0},
		{TEXT("abc"), 0, 0},
		{TEXT("-1"), 0, 0},
		{TEXT("+1"), 0, 0},
		{TEXT(" 1"), 0, 0},
		{TEXT("\n1"), 0, 0},
		{TEXT(""), 0, 0},
		{TEXT("18446744073709551616"), 0, 0}, /* modulo 2^64 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i], 0, ucg_scan_flag(rows[i].text, rows[i].length));
}

static void integers_have_a_range(void **state)
{
	static const struct row rows[] = {
		{TEXT(" 1\n"), 0, 1},
		{TEXT("-1"), 0, -1},
		{TEXT("-0x10"), 0, -16},
		{TEXT("2147483647"), 0, 2147483647},
		{TEXT("-2147483648"), 0, -2147483648L},
		{TEXT("2147483648"), -ERANGE, 0},
		{TEXT("-2147483649"), -ERANGE, 0},
		{TEXT("18446744073709551615"), -ERANGE, 0},
		{TEXT("-18446744073709551615"), -ERANGE, 0},
		{TEXT("18446744073709551616"), -ERANGE, 0},
		{TEXT("1 1"), -EINVAL, 0},
		{TEXT(""), -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int value = 0;
		int error = ucg_parse_int(rows[i].text, rows[i].length, &value);

		check(&rows[i], error, value);
	}
}

static void only_the_kernels_white_space_is_stripped(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 256; c++) {
		char bytes[] = {(char)c, 'x', ' ', 'y', (char)c, (char)c};
		const char *text = bytes;
		size_t length = sizeof(bytes);
		bool is_space = c == ' ' || (c >= 9 && c <= 13) || c == 0xa0;

		ucg_strip(&text, &length);
		if (length != (is_space ? 3 : 6) || text != bytes + is_space)
			fail_msg("byte 0x%02x: expected %s, %zu bytes are left", c,
				 is_space ? "stripped" : "kept", length);
	}
}

static void what_is_all_white_space_becomes_empty(void **state)
{
	const char *text = " \n\t ";
	size_t length = 4;

	(void)state;
	ucg_strip(&text, &length);
	assert_int_equal(length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pids_are_parsed_as_by_the_kernel),
		cmocka_unit_test(flags_are_parsed_as_by_the_kernel),
		cmocka_unit_test(pids_are_scanned_as_by_linux_2_6_24),
		cmocka_unit_test(flags_are_scanned_as_by_linux_2_6_24),
		cmocka_unit_test(integers_have_a_range),
		cmocka_unit_test(only_the_kernels_white_space_is_stripped),
		cmocka_unit_test(what_is_all_white_space_becomes_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
