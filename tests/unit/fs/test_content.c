/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "content.h"

static struct ucg_text text_of(char *bytes)
{
	return (struct ucg_text){.bytes = bytes, .length = strlen(bytes)};
}

/* Lines "10000\n", "10001\n", ... of 6 bytes each. */
static void fill_list(struct ucg_text *list, unsigned lines)
{
	for (unsigned i = 0; i < lines; i++)
		assert_int_equal(ucg_text_append_id(list, 10000 + i), 0);
}

static void assert_slice(struct fs_slice slice, size_t from, size_t length)
{
	assert_int_equal(slice.from, from);
	assert_int_equal(slice.length, length);
}

static void value_is_sliced_exactly(void **state)
{
	char bytes[] = "/bin/agent\n";
	struct ucg_text text = text_of(bytes);

	(void)state;
	assert_slice(fs_slice_value(&text, 0, 100), 0, 11);
	assert_slice(fs_slice_value(&text, 0, 1), 0, 1);
	assert_slice(fs_slice_value(&text, 10, 1), 10, 1);
	assert_slice(fs_slice_value(&text, 3, 4), 3, 4);
}

static void value_ends_at_its_end(void **state)
{
	char bytes[] = "1\n";
	struct ucg_text text = text_of(bytes);

	(void)state;
	assert_slice(fs_slice_value(&text, 2, 5), 2, 0);
	assert_slice(fs_slice_value(&text, (uint64_t)1 << 40, 5), 2, 0);
}

static void long_value_is_not_cut_to_a_page(void **state)
{
	char bytes[4097];
	struct ucg_text text;

	(void)state;
	memset(bytes, 'a', sizeof(bytes) - 1);
	bytes[sizeof(bytes) - 1] = '\0';
	text = text_of(bytes);
	assert_slice(fs_slice_value(&text, 0, 65536), 0, 4096);
}

static void list_read_is_cut_at_a_whole_line_below_a_page(void **state)
{
	struct ucg_text list = {0};

	(void)state;
	fill_list(&list, 2000);
	/* 682 lines of 6 bytes; the 683rd would make 4098. */
	assert_slice(fs_slice_list(&list, 0, 65536), 0, 4092);
	assert_slice(fs_slice_list(&list, 0, 4096), 0, 4092);
	assert_slice(fs_slice_list(&list, 0, 4093), 0, 4092);
	assert_slice(fs_slice_list(&list, 4092, 65536), 4092, 4092);
	ucg_text_clear(&list);
}

static void short_list_read_may_end_within_a_line(void **state)
{
	struct ucg_text list = {0};

	(void)state;
	fill_list(&list, 2000);
	assert_slice(fs_slice_list(&list, 0, 7), 0, 7);
	assert_slice(fs_slice_list(&list, 7, 100), 7, 100);
	ucg_text_clear(&list);
}

static void last_part_of_a_list_is_given_whole(void **state)
{
	struct ucg_text list = {0};

	(void)state;
	fill_list(&list, 100);
	assert_slice(fs_slice_list(&list, 0, 65536), 0, 600);
	assert_slice(fs_slice_list(&list, 594, 65536), 594, 6);
	assert_slice(fs_slice_list(&list, 600, 65536), 600, 0);
	ucg_text_clear(&list);
}

static void last_id_is_that_of_the_last_whole_line(void **state)
{
	char bytes[] = "7\n42\n1234567\n";
	struct ucg_text list = text_of(bytes);

	(void)state;
	assert_int_equal(fs_last_id(&list, 0), 0);
	assert_int_equal(fs_last_id(&list, 1), 0);
	assert_int_equal(fs_last_id(&list, 2), 7);
	assert_int_equal(fs_last_id(&list, 4), 7);
	assert_int_equal(fs_last_id(&list, 5), 42);
	assert_int_equal(fs_last_id(&list, 13), 1234567);
}

static void next_larger_id_is_found(void **state)
{
	char bytes[] = "7\n42\n1234567\n";
	struct ucg_text list = text_of(bytes), empty = {0};

	(void)state;
	assert_int_equal(fs_after_id(&list, 0), 0);
	assert_int_equal(fs_after_id(&list, 6), 0);
	assert_int_equal(fs_after_id(&list, 7), 2);
	assert_int_equal(fs_after_id(&list, 41), 2);
	assert_int_equal(fs_after_id(&list, 42), 5);
	assert_int_equal(fs_after_id(&list, 1234567), 13);
	assert_int_equal(fs_after_id(&empty, 0), 0);
}

static void rest_of_line_is_what_an_unfinished_line_has_left(void **state)
{
	char bytes[] = "7\n42\n1234567\n";
	struct ucg_text list = text_of(bytes);

	(void)state;
	assert_int_equal(fs_rest_of_line(&list, 0), 0);
	assert_int_equal(fs_rest_of_line(&list, 1), 1);
	assert_int_equal(fs_rest_of_line(&list, 2), 0);
	assert_int_equal(fs_rest_of_line(&list, 6), 7);
	assert_int_equal(fs_rest_of_line(&list, 13), 0);
	assert_int_equal(fs_rest_of_line(&list, 99), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_is_sliced_exactly),
		cmocka_unit_test(value_ends_at_its_end),
		cmocka_unit_test(long_value_is_not_cut_to_a_page),
		cmocka_unit_test(list_read_is_cut_at_a_whole_line_below_a_page),
		cmocka_unit_test(short_list_read_may_end_within_a_line),
		cmocka_unit_test(last_part_of_a_list_is_given_whole),
		cmocka_unit_test(last_id_is_that_of_the_last_whole_line),
		cmocka_unit_test(next_larger_id_is_found),
		cmocka_unit_test(rest_of_line_is_what_an_unfinished_line_has_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
