/* SPDX-License-Identifier: MIT */
/* Attributes of directories and control files. */
#include "one_world.h"

#define FILE_NODE UCG_FILE_CONTROL(3)

static void furnish(void)
{
	world_make(&world, "/", "a"); /* id 1, made at 101 */
}

static void check_attr(unsigned file, mode_t table_mode, const char *expected)
{
	struct ucg_text text = {0};

	print_attr(&text, &world, world_group(&world, "/a"), file, table_mode);
	assert_string_equal(text_string(&text), expected);
	ucg_text_clear(&text);
}

static void set(unsigned file, mode_t table_mode, unsigned mask, const struct ucg_attr *attr)
{
	assert_int_equal(ucg_node_set(world.hierarchy, world_group(&world, "/a"), file, table_mode,
				      mask, attr, &world.change),
			 0);
}

static void a_directory_is_as_made(void **state)
{
	struct ucg_attr attr;

	(void)state;
	check_attr(UCG_FILE_DIR, 0, "040755 1000:1000 links 2 a101 m101 c101");
	ucg_node_attr(world.hierarchy, world_group(&world, "/a"), UCG_FILE_DIR, 0, &attr);
	assert_int_equal(attr.node.value, 1 << UCG_FILE_BITS | UCG_FILE_DIR);
}

static void a_file_has_the_mode_of_the_table_and_the_makers_owner(void **state)
{
	(void)state;
	check_attr(FILE_NODE, 0644, "100644 1000:1000 links 1 a101 m101 c101");
	check_attr(FILE_NODE, 0444, "100444 1000:1000 links 1 a101 m101 c101");
}

static void links_of_a_directory_count_its_children(void **state)
{
	struct ucg_group *group = world_group(&world, "/a");
	struct ucg_attr attr;

	(void)state;
	world_make(&world, "/a", "b");
	world_make(&world, "/a", "c");
	check_attr(UCG_FILE_DIR, 0, "040755 1000:1000 links 4 a101 m103 c103");
	world_remove(&world, "/a/b");
	world_remove(&world, "/a/c");
	ucg_group_pin(group, 1);
	world_remove(&world, "/a");
	ucg_node_attr(world.hierarchy, group, UCG_FILE_DIR, 0, &attr);
	assert_int_equal(attr.links, 2);
	ucg_group_unpin(world.hierarchy, group, 1);
}

static void each_attribute_is_set_alone(void **state)
{
	static const struct {
		unsigned mask;
		const char *image;
	} row[] = {
		{UCG_ATTR_MODE, "node 1/5 4755 1000:1000 a101 m101 c101\n"},
		{UCG_ATTR_UID, "node 1/5 0644 7:1000 a101 m101 c101\n"},
		{UCG_ATTR_GID, "node 1/5 0644 1000:8 a101 m101 c101\n"},
		{UCG_ATTR_ATIME, "node 1/5 0644 1000:1000 a11 m101 c101\n"},
		{UCG_ATTR_MTIME, "node 1/5 0644 1000:1000 a101 m12 c101\n"},
		{UCG_ATTR_CTIME, "node 1/5 0644 1000:1000 a101 m101 c13\n"},
	};
	struct ucg_attr attr = {.mode = 0104755, .uid = 7, .gid = 8};

	(void)state;
	attr.atime.tv_sec = 11;
	attr.mtime.tv_sec = 12;
	attr.ctime.tv_sec = 13;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		set(FILE_NODE, 0644, row[i].mask, &attr);
		assert_change(&world.change, row[i].image);
		ucg_change_clear(&world.change);
	}
}

static void what_was_set_before_is_kept(void **state)
{
	(void)state;
	set(FILE_NODE, 0644, UCG_ATTR_MODE, &(struct ucg_attr){.mode = 0600});
	world_commit(&world);
	set(FILE_NODE, 0644, UCG_ATTR_UID, &(struct ucg_attr){.uid = 7});
	assert_change(&world.change, "node 1/5 0600 7:1000 a101 m101 c101\n");
	world_commit(&world);
	check_attr(FILE_NODE, 0644, "100600 7:1000 links 1 a101 m101 c101");
}

static void a_node_set_leaves_the_others(void **state)
{
	(void)state;
	set(UCG_FILE_DIR, 0, UCG_ATTR_UID, &(struct ucg_attr){.uid = 7});
	world_commit(&world);
	check_attr(UCG_FILE_DIR, 0, "040755 7:1000 links 2 a101 m101 c101");
	check_attr(FILE_NODE, 0644, "100644 1000:1000 links 1 a101 m101 c101");
}

static void times_of_a_directory_follow_make_and_remove_but_not_rename(void **state)
{
	(void)state;
	world_make(&world, "/a", "b"); /* at 102 */
	check_attr(UCG_FILE_DIR, 0, "040755 1000:1000 links 3 a101 m102 c102");
	world_rename(&world, "/a/b", "c");
	check_attr(UCG_FILE_DIR, 0, "040755 1000:1000 links 3 a101 m102 c102");
	world_remove(&world, "/a/c"); /* at 103 */
	check_attr(UCG_FILE_DIR, 0, "040755 1000:1000 links 2 a101 m103 c103");
}

/* In place of /a, one by another maker. */
static void make_as(struct ucg_opener maker)
{
	world_remove(&world, "/a");
	world.user = maker;
	world_make(&world, "/", "a"); /* at 103 */
}

static void times_of_roots_directory_do_not_follow_its_children_until_it_is_touched(void **state)
{
	(void)state;
	make_as((struct ucg_opener){0, 0});
	world_make(&world, "/a", "b");
	check_attr(UCG_FILE_DIR, 0, "040755 0:0 links 3 a103 m103 c103");
	set(UCG_FILE_DIR, 0, UCG_ATTR_MODE, &(struct ucg_attr){.mode = 0700});
	world_commit(&world);
	world_remove(&world, "/a/b"); /* at 105 */
	check_attr(UCG_FILE_DIR, 0, "040700 0:0 links 2 a103 m105 c105");
}

static void times_of_a_directory_that_is_roots_by_half_follow_its_children(void **state)
{
	(void)state;
	make_as((struct ucg_opener){0, 1});
	world_make(&world, "/a", "b"); /* at 104 */
	check_attr(UCG_FILE_DIR, 0, "040755 0:1 links 3 a103 m104 c104");
}

static void attributes_survive_rename_and_end_with_the_group(void **state)
{
	(void)state;
	set(UCG_FILE_DIR, 0, UCG_ATTR_MODE, &(struct ucg_attr){.mode = 0700});
	world_commit(&world);
	world_rename(&world, "/a", "b");
	world_rename(&world, "/b", "a");
	check_attr(UCG_FILE_DIR, 0, "040700 1000:1000 links 2 a101 m101 c101");
	world_remove(&world, "/a");
	world_make(&world, "/", "a");
	check_attr(UCG_FILE_DIR, 0, "040755 1000:1000 links 2 a103 m103 c103");
}

static void a_removed_group_that_is_held_can_still_be_set(void **state)
{
	struct ucg_group *group = world_group(&world, "/a");
	struct ucg_attr attr = {.mode = 0600};

	(void)state;
	ucg_group_pin(group, 1);
	world_remove(&world, "/a");
	assert_int_equal(ucg_node_set(world.hierarchy, group, FILE_NODE, 0644, UCG_ATTR_MODE, &attr,
				      &world.change),
			 0);
	world_commit(&world);
	ucg_node_attr(world.hierarchy, group, FILE_NODE, 0644, &attr);
	assert_int_equal(attr.mode, 0100600);
	ucg_group_unpin(world.hierarchy, group, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_directory_is_as_made),
		TEST(a_file_has_the_mode_of_the_table_and_the_makers_owner),
		TEST(links_of_a_directory_count_its_children),
		TEST(each_attribute_is_set_alone),
		TEST(what_was_set_before_is_kept),
		TEST(a_node_set_leaves_the_others),
		TEST(times_of_a_directory_follow_make_and_remove_but_not_rename),
		TEST(times_of_roots_directory_do_not_follow_its_children_until_it_is_touched),
		TEST(times_of_a_directory_that_is_roots_by_half_follow_its_children),
		TEST(attributes_survive_rename_and_end_with_the_group),
		TEST(a_removed_group_that_is_held_can_still_be_set),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
