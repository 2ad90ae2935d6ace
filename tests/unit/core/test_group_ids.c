/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "ucgroupfs/tracker.h"

static bool out_of_memory;

/* In place of the C library's. */
void *reallocarray(void *array, size_t count, size_t size)
{
	return out_of_memory ? NULL : realloc(array, count * size);
}

static void append_all(struct ucg_group_ids *ids, const uint64_t *value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(ucg_group_ids_append(ids, (struct ucg_group_id){value[i]}), 0);
}

static void check_holds(const struct ucg_group_ids *ids, const uint64_t *value, size_t count)
{
	assert_int_equal(ids->count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(ids->id[i].value, value[i]);
}

#define APPEND(ids, ...)                                                                           \
	append_all(ids, (const uint64_t[]){__VA_ARGS__},                                           \
		   sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))
#define CHECK(ids, ...)                                                                            \
	check_holds(ids, (const uint64_t[]){__VA_ARGS__},                                          \
		    sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void what_is_appended_comes_last(void **state)
{
	struct ucg_group_ids ids = {0};

	(void)state;
	APPEND(&ids, 7, 3, 7, 0);
	CHECK(&ids, 7, 3, 7, 0);
	ucg_group_ids_clear(&ids);
}

static void there_is_room_for_many(void **state)
{
	struct ucg_group_ids ids = {0};

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		APPEND(&ids, i);
	assert_int_equal(ids.count, 1000);
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(ids.id[i].value, i);
	ucg_group_ids_clear(&ids);
}

static void sorted_each_is_there_once_in_ascending_order(void **state)
{
	struct ucg_group_ids ids = {0};

	(void)state;
	APPEND(&ids, 5, 1, 5, 3, 1, 1);
	ucg_group_ids_sort(&ids);
	CHECK(&ids, 1, 3, 5);
	ucg_group_ids_sort(&ids);
	CHECK(&ids, 1, 3, 5);
	ucg_group_ids_clear(&ids);
}

/* Not by their difference. */
static void large_ids_are_in_order(void **state)
{
	struct ucg_group_ids ids = {0};

	(void)state;
	APPEND(&ids, UINT64_MAX, 0, 1ull << 32, 1ull << 63, 1);
	ucg_group_ids_sort(&ids);
	CHECK(&ids, 0, 1, 1ull << 32, 1ull << 63, UINT64_MAX);
	ucg_group_ids_clear(&ids);
}

static void an_empty_one_is_sorted_and_cleared(void **state)
{
	struct ucg_group_ids ids = {0};

	(void)state;
	ucg_group_ids_sort(&ids);
	assert_int_equal(ids.count, 0);
	ucg_group_ids_clear(&ids);
}

static void after_sorting_there_is_room_again(void **state)
{
	struct ucg_group_ids ids = {0};

	(void)state;
	APPEND(&ids, 2, 2, 2, 2);
	ucg_group_ids_sort(&ids);
	APPEND(&ids, 1);
	CHECK(&ids, 2, 1);
	ucg_group_ids_clear(&ids);
}

static void a_cleared_one_can_be_filled_again(void **state)
{
	struct ucg_group_ids ids = {0};

	(void)state;
	APPEND(&ids, 2);
	ucg_group_ids_clear(&ids);
	assert_int_equal(ids.count, 0);
	APPEND(&ids, 9);
	CHECK(&ids, 9);
	ucg_group_ids_clear(&ids);
}

static void without_memory_what_was_there_stays(void **state)
{
	struct ucg_group_ids ids = {0};
	int error = 0;

	(void)state;
	out_of_memory = true;
	assert_int_equal(ucg_group_ids_append(&ids, (struct ucg_group_id){1}), -ENOMEM);
	assert_int_equal(ids.count, 0);
	out_of_memory = false;
	APPEND(&ids, 1);
	out_of_memory = true;
	for (size_t i = 0; i < 100 && !error; i++)
		error = ucg_group_ids_append(&ids, (struct ucg_group_id){2});
	out_of_memory = false;
	assert_int_equal(error, -ENOMEM);
	assert_int_equal(ids.id[0].value, 1);
	ucg_group_ids_clear(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_appended_comes_last),
		cmocka_unit_test(there_is_room_for_many),
		cmocka_unit_test(sorted_each_is_there_once_in_ascending_order),
		cmocka_unit_test(large_ids_are_in_order),
		cmocka_unit_test(an_empty_one_is_sorted_and_cleared),
		cmocka_unit_test(after_sorting_there_is_room_again),
		cmocka_unit_test(a_cleared_one_can_be_filled_again),
		cmocka_unit_test(without_memory_what_was_there_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
