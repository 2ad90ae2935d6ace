/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "listing.h"

/* Entries of a test are told apart by @what. */
static void add_group(struct fs_listing *listing, uint32_t hash, uint64_t id)
{
	assert_int_equal(fs_listing_add(listing, FS_ENTRY_GROUP, hash, id), 0);
}

static void add_dots(struct fs_listing *listing)
{
	assert_int_equal(fs_listing_add(listing, FS_ENTRY_DOTDOT, 1, 0), 0);
	assert_int_equal(fs_listing_add(listing, FS_ENTRY_DOT, 0, 0), 0);
}

static void assert_ids(const struct fs_listing *listing, size_t from, const uint64_t *id,
		       size_t count)
{
	assert_int_equal(listing->count - from, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(listing->entry[from + i].what, id[i]);
}

static void groups_and_files_are_mixed_by_hash(void **state)
{
	struct fs_listing listing = {0};
	const uint64_t expected[] = {0, 0, 8, 3, 9};

	(void)state;
	add_group(&listing, 500, 9);
	assert_int_equal(fs_listing_add(&listing, FS_ENTRY_CONTROL, 300, 3), 0);
	add_group(&listing, 200, 8);
	add_dots(&listing);
	fs_listing_sort(&listing);
	assert_ids(&listing, 0, expected, 5);
	assert_int_equal(listing.entry[0].kind, FS_ENTRY_DOT);
	assert_int_equal(listing.entry[1].kind, FS_ENTRY_DOTDOT);
	fs_listing_clear(&listing);
}

static void position_of_an_entry_is_its_hash(void **state)
{
	struct fs_listing listing = {0};

	(void)state;
	add_dots(&listing);
	add_group(&listing, 500, 9);
	fs_listing_sort(&listing);
	assert_int_equal(fs_listing_position(&listing, 0), 0);
	assert_int_equal(fs_listing_position(&listing, 1), 1);
	assert_int_equal(fs_listing_position(&listing, 2), 500);
	assert_int_equal(fs_listing_position(&listing, 3), 2147483647);
	fs_listing_clear(&listing);
}

static void position_between_entries_finds_the_next(void **state)
{
	struct fs_listing listing = {0};

	(void)state;
	add_dots(&listing);
	add_group(&listing, 500, 9);
	add_group(&listing, 700, 10);
	fs_listing_sort(&listing);
	assert_int_equal(fs_listing_find(&listing, 0), 0);
	assert_int_equal(fs_listing_find(&listing, 2), 2);
	assert_int_equal(fs_listing_find(&listing, 501), 3);
	assert_int_equal(fs_listing_find(&listing, 701), 4);
	assert_int_equal(fs_listing_find(&listing, FS_POSITION_END), 4);
	fs_listing_clear(&listing);
}

static void equal_hashes_have_positions_of_their_own(void **state)
{
	struct fs_listing listing = {0};

	(void)state;
	add_group(&listing, 500, 11);
	add_group(&listing, 500, 9);
	add_group(&listing, 500, 10);
	fs_listing_sort(&listing);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(fs_listing_find(&listing, fs_listing_position(&listing, i)), i);
	assert_int_equal(fs_listing_position(&listing, 0), 500);
	assert_true(fs_listing_position(&listing, 1) > (off_t)UINT32_MAX);
	fs_listing_clear(&listing);
}

/* Listing 1 holds 9, 10, 11 of one hash; the reader has had 9; then 9 is gone. */
static void position_among_equal_hashes_survives_a_removal(void **state)
{
	struct fs_listing before = {0}, after = {0};
	const uint64_t rest[] = {10, 11};
	off_t position;

	(void)state;
	add_group(&before, 500, 9);
	add_group(&before, 500, 10);
	add_group(&before, 500, 11);
	fs_listing_sort(&before);
	position = fs_listing_position(&before, 1);
	add_group(&after, 500, 10);
	add_group(&after, 500, 11);
	fs_listing_sort(&after);
	assert_ids(&after, fs_listing_find(&after, position), rest, 2);
	fs_listing_clear(&before);
	fs_listing_clear(&after);
}

/* The reader has had 9 of the same hash; a group made meanwhile has a larger id. */
static void position_among_equal_hashes_meets_a_new_one(void **state)
{
	struct fs_listing before = {0}, after = {0};
	const uint64_t rest[] = {10, 12};
	off_t position;

	(void)state;
	add_group(&before, 500, 9);
	add_group(&before, 500, 10);
	fs_listing_sort(&before);
	position = fs_listing_position(&before, 1);
	add_group(&after, 500, 12);
	add_group(&after, 500, 9);
	add_group(&after, 500, 10);
	fs_listing_sort(&after);
	assert_ids(&after, fs_listing_find(&after, position), rest, 2);
	fs_listing_clear(&before);
	fs_listing_clear(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_and_files_are_mixed_by_hash),
		cmocka_unit_test(position_of_an_entry_is_its_hash),
		cmocka_unit_test(position_between_entries_finds_the_next),
		cmocka_unit_test(equal_hashes_have_positions_of_their_own),
		cmocka_unit_test(position_among_equal_hashes_survives_a_removal),
		cmocka_unit_test(position_among_equal_hashes_meets_a_new_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
