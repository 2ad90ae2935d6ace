/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "slot.h"

static int set_up(void **state)
{
	static struct fs_slots slots;

	*state = &slots;
	return fs_slots_init(&slots);
}

static int tear_down(void **state)
{
	fs_slots_deinit(*state);
	return 0;
}

static void first_slot_has_its_pages_already(void **state)
{
	struct fs_slot *slot = fs_slots_take(*state);
	size_t pages = FS_SLOT_BYTES / (size_t)sysconf(_SC_PAGESIZE);
	unsigned char resident[FS_SLOT_BYTES / 4096];

	assert_non_null(slot);
	assert_true(pages <= sizeof(resident));
	assert_int_equal(mincore(slot->bytes, FS_SLOT_BYTES, resident), 0);
	for (size_t i = 0; i < pages; i++)
		assert_true(resident[i] & 1);
	fs_slots_put(*state, slot);
}

static void taken_slot_is_armed_and_empty(void **state)
{
	struct fs_slot *slot = fs_slots_take(*state);

	assert_int_equal(slot->state, FS_SLOT_ARMED);
	slot->length = 99;
	slot->state = FS_SLOT_FILLED;
	fs_slots_put(*state, slot);
	slot = fs_slots_take(*state);
	assert_int_equal(slot->state, FS_SLOT_ARMED);
	assert_int_equal(slot->length, 0);
	fs_slots_put(*state, slot);
}

static void slot_that_was_put_is_used_again(void **state)
{
	struct fs_slot *slot = fs_slots_take(*state), *again;

	fs_slots_put(*state, slot);
	again = fs_slots_take(*state);
	assert_ptr_equal(again, slot);
	fs_slots_put(*state, again);
}

static void each_parked_request_keeps_its_bytes(void **state)
{
	struct fs_slots *slots = *state;

	for (int i = 0; i < 20; i++) {
		struct fs_slot *slot = fs_slots_take(slots);

		assert_non_null(slot);
		memset(slot->bytes, i, 64);
		fs_slots_park(slots, slot);
	}
	for (int i = 0; i < 20; i++) {
		struct fs_slot *slot = fs_slots_unpark(&slots->parked);

		assert_non_null(slot);
		assert_int_equal(slot->bytes[63], i);
		fs_slots_put(slots, slot);
	}
	assert_null(fs_slots_unpark(&slots->parked));
}

static void few_free_slots_stay_mapped(void **state)
{
	struct fs_slots *slots = *state;
	struct fs_slot *slot[20];

	for (int i = 0; i < 20; i++)
		slot[i] = fs_slots_take(slots);
	assert_int_equal(slots->free_count, 0);
	for (int i = 0; i < 20; i++)
		fs_slots_put(slots, slot[i]);
	assert_in_range(slots->free_count, 1, 4);
}

static void reserve_makes_one_free(void **state)
{
	struct fs_slots *slots = *state;
	struct fs_slot *slot = fs_slots_take(slots);

	assert_int_equal(slots->free_count, 0);
	assert_int_equal(fs_slots_reserve(slots), 0);
	assert_int_equal(slots->free_count, 1);
	assert_int_equal(fs_slots_reserve(slots), 0);
	assert_int_equal(slots->free_count, 1);
	fs_slots_put(slots, slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_slot_has_its_pages_already, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(taken_slot_is_armed_and_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(slot_that_was_put_is_used_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_parked_request_keeps_its_bytes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(few_free_slots_stay_mapped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reserve_makes_one_free, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
