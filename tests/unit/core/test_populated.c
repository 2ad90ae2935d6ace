/* SPDX-License-Identifier: MIT */
#include "one_world.h"

/* /a/b/c and /a/d */
static void furnish(void)
{
	world_make(&world, "/", "a");	 /* 1 */
	world_make(&world, "/a", "b");	 /* 2 */
	world_make(&world, "/a/b", "c"); /* 3 */
	world_make(&world, "/a", "d");	 /* 4 */
}

static struct ucg_change *entered(const char *path)
{
	ucg_change_clear(&world.change);
	assert_int_equal(
		ucg_group_entered(world.hierarchy, world_group(&world, path), &world.change), 0);
	return &world.change;
}

static struct ucg_change *emptied(const char *path)
{
	ucg_change_clear(&world.change);
	assert_int_equal(
		ucg_group_emptied(world.hierarchy, world_group(&world, path), &world.change), 0);
	return &world.change;
}

/* Which of /a /a/b /a/b/c /a/d are populated, as digits. */
static void check_populated(const char *expected)
{
	static const char *const path[] = {"/a", "/a/b", "/a/b/c", "/a/d"};
	char seen[5] = "";

	for (size_t i = 0; i < 4; i++)
		seen[i] = ucg_group_is_populated(world_group(&world, path[i])) ? '1' : '0';
	assert_string_equal(seen, expected);
	assert_true(ucg_group_is_populated(ucg_hierarchy_root(world.hierarchy)));
}

static void the_first_task_populates_all_ancestors(void **state)
{
	(void)state;
	assert_change(entered("/a/b/c"), "group 3<2 ---T-- 0755 1000:1000 @103\npopulated 3 2 1\n");
	check_populated("0000");
	world_commit(&world);
	check_populated("1110");
	assert_false(ucg_group_has_tasks(world_group(&world, "/a/b")));
}

static void populated_ancestors_stay_what_they_are(void **state)
{
	(void)state;
	world_enter(&world, "/a/d");
	assert_change(entered("/a/b/c"), "group 3<2 ---T-- 0755 1000:1000 @103\npopulated 3 2\n");
	world_commit(&world);
	check_populated("1111");
	assert_change(emptied("/a/d"), "group 4<1 ------ 0755 1000:1000 @104\npopulated 4\n");
	world_commit(&world);
	check_populated("1110");
	assert_change(emptied("/a/b/c"), "group 3<2 ------ 0755 1000:1000 @103\npopulated 3 2 1\n");
	world_commit(&world);
	check_populated("0000");
}

static void a_task_of_an_ancestor_ends_the_chain(void **state)
{
	(void)state;
	world_enter(&world, "/a/b");
	assert_change(entered("/a/b/c"), "group 3<2 ---T-- 0755 1000:1000 @103\npopulated 3\n");
	world_commit(&world);
	assert_change(emptied("/a/b/c"), "group 3<2 ------ 0755 1000:1000 @103\npopulated 3\n");
	world_commit(&world);
	check_populated("1100");
}

static void a_group_with_a_populated_child_does_not_flip(void **state)
{
	(void)state;
	world_enter(&world, "/a/b/c");
	assert_change(entered("/a/b"), "group 2<1 ---T-- 0755 1000:1000 @102\n");
	world_commit(&world);
	assert_change(emptied("/a/b"), "group 2<1 ------ 0755 1000:1000 @102\n");
	world_commit(&world);
	check_populated("1110");
}

static void a_task_keeps_a_group_populated_when_its_child_is_not_any_more(void **state)
{
	(void)state;
	world_enter(&world, "/a/b/c");
	world_enter(&world, "/a/b");
	assert_change(emptied("/a/b/c"), "group 3<2 ------ 0755 1000:1000 @103\npopulated 3\n");
	world_commit(&world);
	check_populated("1100");
	world_empty(&world, "/a/b");
	check_populated("0000");
}

static void what_is_known_already_changes_nothing(void **state)
{
	(void)state;
	assert_change(emptied("/a"), "");
	world_enter(&world, "/a");
	assert_change(entered("/a"), "");
}

static void the_root_has_tasks_always(void **state)
{
	(void)state;
	assert_change(entered("/"), "");
	assert_change(emptied("/"), "");
	assert_true(ucg_group_has_tasks(ucg_hierarchy_root(world.hierarchy)));
}

static void a_removed_group_is_not_entered(void **state)
{
	struct ucg_group *group = world_group(&world, "/a/d");

	(void)state;
	ucg_group_pin(group, 1);
	world_remove(&world, "/a/d");
	assert_int_equal(ucg_group_entered(world.hierarchy, group, &world.change), 0);
	assert_change(&world.change, "");
	ucg_group_unpin(world.hierarchy, group, 1);
}

/* The rules of one move share a change, and may touch the same group. */
static void leaving_and_entering_share_a_change(void **state)
{
	(void)state;
	assert_int_equal(
		ucg_group_task_left(world.hierarchy, world_group(&world, "/a"), &world.change), 0);
	assert_int_equal(
		ucg_group_entered(world.hierarchy, world_group(&world, "/a"), &world.change), 0);
	assert_change(&world.change, "group 1<0 -R-T-- 0755 1000:1000 @101\npopulated 1\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_task_populates_all_ancestors),
		TEST(populated_ancestors_stay_what_they_are),
		TEST(a_task_of_an_ancestor_ends_the_chain),
		TEST(a_group_with_a_populated_child_does_not_flip),
		TEST(a_task_keeps_a_group_populated_when_its_child_is_not_any_more),
		TEST(what_is_known_already_changes_nothing),
		TEST(the_root_has_tasks_always),
		TEST(a_removed_group_is_not_entered),
		TEST(leaving_and_entering_share_a_change),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
