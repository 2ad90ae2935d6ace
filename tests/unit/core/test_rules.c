/* SPDX-License-Identifier: MIT */
/* The columns of kernel behaviour §9, and what of them is core's alone. */
#include "world.h"

static struct world world;

static void a_column_is_found_by_its_name(void **state)
{
	(void)state;
	assert_ptr_equal(ucg_rules_find("current"), &ucg_rules_current);
	assert_ptr_equal(ucg_rules_find("2.6.24"), &ucg_rules_2_6_24);
	assert_null(ucg_rules_find("2.6.25"));
	assert_null(ucg_rules_find("Current"));
	assert_null(ucg_rules_find(""));
}

static void the_first_column_is_that_of_a_hierarchy_without_one(void **state)
{
	(void)state;
	assert_ptr_equal(ucg_rules_columns[0], &ucg_rules_current);
	world_start_by(&world, NULL);
	assert_ptr_equal(ucg_hierarchy_rules(world.hierarchy), &ucg_rules_current);
	world_end(&world);
}

/* Flags of /a/b, made when both of /a were set. */
static uint32_t flags_of_new_group(const struct ucg_rules *rules)
{
	uint32_t flags;

	world_start_by(&world, rules);
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	assert_int_equal(ucg_group_set_flag(world.hierarchy, world_group(&world, "/a"),
					    UCG_GROUP_CLONE_CHILDREN, true, &world.change),
			 0);
	world_commit(&world);
	world_make(&world, "/a", "b");
	flags = world_flags(&world, "/a/b");
	world_end(&world);
	return flags;
}

static void a_new_group_inherits_flags_by_the_current_rules_alone(void **state)
{
	(void)state;
	assert_int_equal(flags_of_new_group(&ucg_rules_current),
			 UCG_GROUP_NOTIFY | UCG_GROUP_CLONE_CHILDREN);
	assert_int_equal(flags_of_new_group(&ucg_rules_2_6_24), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_column_is_found_by_its_name),
		cmocka_unit_test(the_first_column_is_that_of_a_hierarchy_without_one),
		cmocka_unit_test(a_new_group_inherits_flags_by_the_current_rules_alone),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
