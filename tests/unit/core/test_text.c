/* SPDX-License-Identifier: MIT */
#include "world.h"

static void appends_bytes_and_grows(void **state)
{
	struct ucg_text text = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ucg_text_append(&text, "ab", 2), 0);
	assert_int_equal(text.length, 2000);
	assert_true(text.capacity >= text.length);
	for (size_t i = 0; i < text.length; i++)
		assert_int_equal(text.bytes[i], i % 2 ? 'b' : 'a');
	ucg_text_clear(&text);
	assert_null(text.bytes);
	assert_int_equal(text.length + text.capacity, 0);
}

static void appends_nothing_to_an_empty_text(void **state)
{
	struct ucg_text text = {0};

	(void)state;
	assert_int_equal(ucg_text_append(&text, NULL, 0), 0);
	assert_int_equal(text.length, 0);
	ucg_text_clear(&text);
}

static void refuses_what_no_memory_could_hold(void **state)
{
	struct ucg_text text = {0};

	(void)state;
	assert_int_equal(ucg_text_append(&text, "x", 1), 0);
	assert_int_equal(ucg_text_reserve(&text, SIZE_MAX), -ENOMEM);
	assert_int_equal(text.length, 1);
	assert_int_equal(text.bytes[0], 'x');
	ucg_text_clear(&text);
}

static void prints_behind_what_is_there(void **state)
{
	struct ucg_text text = {0};

	(void)state;
	PRINT(&text, "%s", "a");
	PRINT(&text, "%0100d", 7);
	assert_int_equal(text.length, 101);
	assert_int_equal(text.bytes[0], 'a');
	assert_int_equal(text.bytes[100], '7');
	ucg_text_clear(&text);
}

static void appends_ids_one_a_line(void **state)
{
	struct ucg_text text = {0};

	(void)state;
	assert_int_equal(ucg_text_append_id(&text, 0), 0);
	assert_int_equal(ucg_text_append_id(&text, 10), 0);
	assert_int_equal(ucg_text_append_id(&text, UINT64_MAX), 0);
	assert_string_equal(text_string(&text), "0\n10\n18446744073709551615\n");
	ucg_text_clear(&text);
}

/* Sorts @pid[@count] and compares with @expected. */
static void check_sort(const pid_t *pid, size_t count, const char *expected)
{
	struct ucg_pids pids = {0};
	struct ucg_text text = {0};

	for (size_t i = 0; i < count; i++)
		assert_int_equal(ucg_pids_append(&pids, pid[i]), 0);
	ucg_pids_sort(&pids);
	for (size_t i = 0; i < pids.count; i++)
		PRINT(&text, "%d ", (int)pids.pid[i]);
	assert_string_equal(text_string(&text), expected);
	ucg_text_clear(&text);
	ucg_pids_clear(&pids);
	assert_null(pids.pid);
}

static void sorts_pids_and_drops_repetitions(void **state)
{
	(void)state;
	check_sort(NULL, 0, "");
	check_sort((pid_t[]){5}, 1, "5 ");
	check_sort((pid_t[]){1, 2, 3}, 3, "1 2 3 ");
	check_sort((pid_t[]){3, 1, 2}, 3, "1 2 3 ");
	check_sort((pid_t[]){7, 7, 7}, 3, "7 ");
	check_sort((pid_t[]){1, 2, 2, 3}, 4, "1 2 3 ");
	check_sort((pid_t[]){9, 2, 9, 2147483647, 2}, 5, "2 9 2147483647 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_bytes_and_grows),
		cmocka_unit_test(appends_nothing_to_an_empty_text),
		cmocka_unit_test(refuses_what_no_memory_could_hold),
		cmocka_unit_test(prints_behind_what_is_there),
		cmocka_unit_test(appends_ids_one_a_line),
		cmocka_unit_test(sorts_pids_and_drops_repetitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
