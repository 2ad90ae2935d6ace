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
	assert_slice(fs_slice_of(&text, 0, 100), 0, 11);
	assert_slice(fs_slice_of(&text, 0, 1), 0, 1);
	assert_slice(fs_slice_of(&text, 10, 1), 10, 1);
	assert_slice(fs_slice_of(&text, 3, 4), 3, 4);
}

static void value_ends_at_its_end(void **state)
{
	char bytes[] = "1\n";
	struct ucg_text text = text_of(bytes);

	(void)state;
	assert_slice(fs_slice_of(&text, 2, 5), 2, 0);
	assert_slice(fs_slice_of(&text, (uint64_t)1 << 40, 5), 2, 0);
}

static void long_value_is_not_cut_to_a_page(void **state)
{
	char bytes[4097];
	struct ucg_text text;

	(void)state;
	memset(bytes, 'a', sizeof(bytes) - 1);
	bytes[sizeof(bytes) - 1] = '\0';
	text = text_of(bytes);
	assert_slice(fs_slice_of(&text, 0, 65536), 0, 4096);
}

/* ---- lists ---- */

static char three[] = "7\n42\n1234567\n";

/* One read, after which @position is that for the next: what it got, and what is left of a line. */
static void check_read(struct fs_list_position *position, const struct ucg_text *list, size_t size,
		       const char *expected, const char *rest)
{
	const struct ucg_text *seen = fs_list_looks(position, size) ? list : NULL;
	struct fs_list_position after;
	struct fs_list_read read = fs_list_read(seen, position, size, &after);
	char got[64];

	memcpy(got, position->rest, read.rest);
	if (read.list.length)
		memcpy(got + read.rest, list->bytes + read.list.from, read.list.length);
	got[read.rest + read.list.length] = '\0';
	assert_string_equal(got, expected);
	assert_int_equal(after.rest_length, strlen(rest));
	assert_memory_equal(after.rest, rest, after.rest_length);
	*position = after;
}

static void list_is_read_to_its_end(void **state)
{
	struct ucg_text list = text_of(three);
	struct fs_list_position position = {0};

	(void)state;
	check_read(&position, &list, 60, "7\n42\n1234567\n", "");
	check_read(&position, &list, 60, "", "");
	assert_int_equal(position.next_id, 1234568);
}

static void short_reads_stop_within_lines(void **state)
{
	struct ucg_text list = text_of(three);
	struct fs_list_position position = {0};

	(void)state;
	check_read(&position, &list, 3, "7\n4", "2\n");
	check_read(&position, &list, 1, "2", "\n");
	check_read(&position, &list, 5, "\n1234", "567\n");
	check_read(&position, &list, 60, "567\n", "");
}

static void read_that_ends_with_a_line_does_not_look_ahead(void **state)
{
	struct ucg_text list = text_of(three);
	struct fs_list_position position = {0};

	(void)state;
	check_read(&position, &list, 2, "7\n", "");
	assert_int_equal(position.next_id, 42);
}

static void read_that_uses_up_the_rest_looks_ahead(void **state)
{
	struct ucg_text list = text_of(three);
	struct fs_list_position position = {0};

	(void)state;
	check_read(&position, &list, 1, "7", "\n");
	check_read(&position, &list, 1, "\n", "42\n");
	assert_int_equal(position.next_id, 1234567);
}

static void new_list_is_gone_on_with_at_the_next_id(void **state)
{
	char later[] = "8\n41\n43\n";
	struct ucg_text list = text_of(three), new = text_of(later);
	struct fs_list_position position = {0};

	(void)state;
	check_read(&position, &list, 2, "7\n", "");
	check_read(&position, &new, 60, "43\n", "");
}

static void rest_of_an_old_line_comes_before_the_new_list(void **state)
{
	char later[] = "43\n44\n";
	struct ucg_text list = text_of(three), new = text_of(later);
	struct fs_list_position position = {0};

	(void)state;
	check_read(&position, &list, 3, "7\n4", "2\n");
	check_read(&position, &new, 60, "2\n", "");
	position.next_id = 43;
	check_read(&position, &new, 60, "43\n44\n", "");
}

static void read_takes_no_more_than_a_page_of_whole_lines(void **state)
{
	struct ucg_text list = {0};
	struct fs_list_position position = {0}, after;
	struct fs_list_read read;

	(void)state;
	fill_list(&list, 1000);
	read = fs_list_read(&list, &position, 65536, &after);
	assert_slice(read.list, 0, 4092);
	assert_int_equal(after.next_id, 10000 + 4092 / 6);
	read = fs_list_read(&list, &after, 65536, &position);
	assert_slice(read.list, 4092, 6000 - 4092);
	ucg_text_clear(&list);
}

static void each_id_is_found(void **state)
{
	struct ucg_text list = {0};
	struct fs_list_position after;

	(void)state;
	fill_list(&list, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		const struct fs_list_position position = {.next_id = 10000 + i};

		assert_slice(fs_list_read(&list, &position, 6, &after).list, i * 6, 6);
	}
	ucg_text_clear(&list);
}

static void check_seek(const struct ucg_text *list, uint64_t offset, uint64_t next_id,
		       const char *rest)
{
	struct fs_list_position position = fs_list_seek(list, offset);

	assert_int_equal(position.next_id, next_id);
	assert_int_equal(position.rest_length, strlen(rest));
	assert_memory_equal(position.rest, rest, position.rest_length);
}

static void any_offset_is_sought(void **state)
{
	struct ucg_text list = text_of(three), empty = {0};

	(void)state;
	check_seek(&list, 0, 0, "");
	check_seek(&list, 1, 42, "\n");
	check_seek(&list, 2, 42, "");
	check_seek(&list, 4, 1234567, "\n");
	check_seek(&list, 6, 1234568, "234567\n");
	check_seek(&list, 13, 1234568, "");
	check_seek(&list, 99, 1234568, "");
	check_seek(&empty, 5, 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_is_sliced_exactly),
		cmocka_unit_test(value_ends_at_its_end),
		cmocka_unit_test(long_value_is_not_cut_to_a_page),
		cmocka_unit_test(list_is_read_to_its_end),
		cmocka_unit_test(short_reads_stop_within_lines),
		cmocka_unit_test(read_that_ends_with_a_line_does_not_look_ahead),
		cmocka_unit_test(read_that_uses_up_the_rest_looks_ahead),
		cmocka_unit_test(new_list_is_gone_on_with_at_the_next_id),
		cmocka_unit_test(rest_of_an_old_line_comes_before_the_new_list),
		cmocka_unit_test(read_takes_no_more_than_a_page_of_whole_lines),
		cmocka_unit_test(each_id_is_found),
		cmocka_unit_test(any_offset_is_sought),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
