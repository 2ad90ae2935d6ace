/* SPDX-License-Identifier: MIT */
#include "../core/world.h"

#include "ucgroupfs/journal.h"

struct seen {
	struct ucg_text text;
};

static void note(void *context, struct ucg_image *image)
{
	struct seen *seen = context;

	PRINT(&seen->text, "%d:%u ", image->kind, (unsigned)image->handle.id.value);
}

static void take(void *context, struct ucg_image *image)
{
	note(context, image);
	free(image->text);
	free(image->prepared);
	image->text = NULL;
	image->prepared = NULL;
}

static void images_are_applied_in_their_order_by_the_owner_of_their_kind(void **state)
{
	struct seen groups = {0}, handles = {0};
	struct ucg_journal journal = {0};
	struct ucg_change change = UCG_CHANGE_INIT;

	(void)state;
	journal.applier[UCG_RECORD_GROUP] = (struct ucg_applier){note, &groups};
	journal.applier[UCG_RECORD_HANDLE] = (struct ucg_applier){note, &handles};
	for (uint64_t id = 1; id < 4; id++) {
		ucg_change_add(&change, UCG_RECORD_GROUP)->handle.id.value = id;
		ucg_change_add(&change, UCG_RECORD_HANDLE)->handle.id.value = 10 + id;
	}
	ucg_commit(&journal, &change);
	assert_string_equal(text_string(&groups.text), "0:1 0:2 0:3 ");
	assert_string_equal(text_string(&handles.text), "2:11 2:12 2:13 ");
	ucg_change_clear(&change);
	ucg_text_clear(&groups.text);
	ucg_text_clear(&handles.text);
}

static void what_an_applier_took_is_not_freed_again(void **state)
{
	struct ucg_journal journal = {0};
	struct ucg_change change = UCG_CHANGE_INIT;
	struct ucg_image *image = ucg_change_add(&change, UCG_RECORD_NODE);
	struct seen seen = {0};

	(void)state;
	journal.applier[UCG_RECORD_NODE] = (struct ucg_applier){take, &seen};
	image->text = strdup("x");
	image->prepared = malloc(1);
	ucg_commit(&journal, &change);
	assert_int_equal(change.image_count, 1);
	ucg_change_clear(&change);
	ucg_text_clear(&seen.text);
}

static void an_empty_change_needs_nobody(void **state)
{
	struct ucg_journal journal = {0};
	struct ucg_change change = UCG_CHANGE_INIT;

	(void)state;
	ucg_commit(&journal, &change);
	assert_int_equal(change.image_count, 0);
}

static void core_commits_through_the_journal(void **state)
{
	struct world world;
	struct ucg_group_id id;

	(void)state;
	world_start(&world);
	assert_int_equal(ucg_group_make(world.hierarchy, ucg_hierarchy_root(world.hierarchy), "a",
					1, false, 0755, &world.user, world_now(&world), &id,
					&world.change),
			 0);
	assert_null(world_group(&world, "/a"));
	ucg_commit(&world.journal, &world.change);
	assert_ptr_equal(world_group(&world, "/a"), ucg_group_find(world.hierarchy, id));
	assert_null(world.change.image[0].prepared);
	assert_null(world.change.image[0].text);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_are_applied_in_their_order_by_the_owner_of_their_kind),
		cmocka_unit_test(what_an_applier_took_is_not_freed_again),
		cmocka_unit_test(an_empty_change_needs_nobody),
		cmocka_unit_test(core_commits_through_the_journal),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
