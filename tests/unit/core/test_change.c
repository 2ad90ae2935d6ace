/* SPDX-License-Identifier: MIT */
#include "world.h"

#include "model.h"

static int discarded;

static void count_discard(void *prepared)
{
	discarded++;
	free(prepared);
}

static void a_new_image_is_zero_but_for_its_kind(void **state)
{
	struct ucg_change change = UCG_CHANGE_INIT;
	struct ucg_image zero;
	struct ucg_image *image;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	zero.kind = UCG_RECORD_HANDLE;
	for (int i = 0; i < 20; i++) {
		image = ucg_change_add(&change, UCG_RECORD_HANDLE);
		assert_non_null(image);
		assert_int_equal(image->kind, UCG_RECORD_HANDLE);
		assert_false(image->forget);
		assert_int_equal(image->handle.id.value, 0);
		assert_null(image->text);
		assert_null(image->prepared);
		assert_null(image->discard);
		image->handle.id.value = 7;
	}
	assert_int_equal(change.image_count, 20);
	ucg_change_clear(&change);
}

static void finds_the_image_of_a_group(void **state)
{
	struct ucg_change change = UCG_CHANGE_INIT;

	(void)state;
	assert_null(ucg_change_find_group(&change, (struct ucg_group_id){3}));
	for (uint64_t id = 1; id < 6; id++) {
		ucg_change_add(&change, UCG_RECORD_NODE)->node.id.value = id;
		ucg_change_add(&change, UCG_RECORD_GROUP)->group.id.value = id;
	}
	assert_ptr_equal(ucg_change_find_group(&change, (struct ucg_group_id){3}),
			 &change.image[5]);
	assert_null(ucg_change_find_group(&change, (struct ucg_group_id){6}));
	ucg_change_clear(&change);
}

static void clearing_frees_what_was_not_applied(void **state)
{
	struct ucg_change change = UCG_CHANGE_INIT;
	struct ucg_image *image = ucg_change_add(&change, UCG_RECORD_HANDLE);

	(void)state;
	discarded = 0;
	image->prepared = malloc(1); /* freed by free(): the leak checker looks */
	image = ucg_change_add(&change, UCG_RECORD_GROUP);
	image->text = strdup("name");
	image->prepared = malloc(1);
	image->discard = count_discard;
	image = ucg_change_add(&change, UCG_RECORD_GROUP);
	image->discard = count_discard; /* was applied: nothing to discard */
	assert_int_equal(ucg_change_add_populated(&change, UCG_ROOT_ID), 0);
	ucg_change_clear(&change);
	assert_int_equal(discarded, 1);
	assert_memory_equal(&change, &UCG_CHANGE_INIT, sizeof(change));
}

static void what_was_reserved_is_added_in_place(void **state)
{
	struct ucg_change change = UCG_CHANGE_INIT;
	struct ucg_image *first;
	struct ucg_group_id *ids;

	(void)state;
	assert_int_equal(ucg_change_reserve(&change, 100, 1000), 0);
	first = change.image;
	ids = change.populated_changed;
	for (int i = 0; i < 100; i++)
		assert_ptr_equal(ucg_change_add(&change, UCG_RECORD_NODE), first + i);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ucg_change_add_populated(&change, UCG_ROOT_ID), 0);
	assert_ptr_equal(change.populated_changed, ids);
	ucg_change_clear(&change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_image_is_zero_but_for_its_kind),
		cmocka_unit_test(finds_the_image_of_a_group),
		cmocka_unit_test(clearing_frees_what_was_not_applied),
		cmocka_unit_test(what_was_reserved_is_added_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
