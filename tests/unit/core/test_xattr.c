/* SPDX-License-Identifier: MIT */
/* Extended attributes of directories and control files. */
#include "one_world.h"

#include <stdio.h>
#include <sys/xattr.h>

#define FILE_NODE UCG_FILE_CONTROL(3)
#define TABLE_MODE 0644

static void furnish(void)
{
	world_make(&world, "/", "a"); /* id 1, made at 101 */
}

static struct ucg_group *group(void)
{
	return world_group(&world, "/a");
}

static int try_set(unsigned file, const char *name, const char *value, size_t length, int flags)
{
	const struct ucg_xattr xattr = {.name = name, .value = value, .length = length};

	return ucg_xattr_set(world.hierarchy, group(), file, TABLE_MODE, &xattr, flags,
			     world_now(&world), &world.change);
}

static void set(unsigned file, const char *name, const char *value)
{
	assert_int_equal(try_set(file, name, value, strlen(value), 0), 0);
	world_commit(&world);
}

static void set_length(unsigned file, const char *name, size_t length)
{
	char *value = calloc(1, length + 1);

	assert_int_equal(try_set(file, name, value, length, 0), 0);
	world_commit(&world);
	free(value);
}

static int try_length(unsigned file, const char *name, size_t length)
{
	char *value = calloc(1, length + 1);
	int error = try_set(file, name, value, length, 0);

	ucg_change_clear(&world.change);
	free(value);
	return error;
}

static void remove_one(unsigned file, const char *name)
{
	assert_int_equal(ucg_xattr_remove(world.hierarchy, group(), file, name, &world.change), 0);
	world_commit(&world);
}

static int get_error(unsigned file, const char *name)
{
	struct ucg_xattr xattr;

	return ucg_xattr_get(world.hierarchy, group(), file, name, &xattr);
}

static void check_value(unsigned file, const char *name, const char *expected)
{
	struct ucg_xattr xattr;

	assert_int_equal(ucg_xattr_get(world.hierarchy, group(), file, name, &xattr), 0);
	assert_string_equal(xattr.name, name);
	assert_int_equal(xattr.length, strlen(expected));
	assert_memory_equal(xattr.value, expected, xattr.length);
}

/* Names with a blank after each. */
static void check_list(unsigned file, bool trusted, const char *expected)
{
	struct ucg_text names = {0};

	assert_int_equal(ucg_xattr_list(group(), file, trusted, &names), 0);
	for (size_t i = 0; i < names.length; i++)
		if (!names.bytes[i])
			names.bytes[i] = ' ';
	assert_string_equal(text_string(&names), expected);
	ucg_text_clear(&names);
}

static void the_first_one_makes_a_record_of_the_node(void **state)
{
	(void)state;
	assert_int_equal(try_set(UCG_FILE_DIR, "user.x", "val", 3, 0), 0);
	assert_change(&world.change, "node 1/1 0755 1000:1000 a101 m101 c101\n"
				     "xattr 1/1 set 'user.x'='val'\n");
	world_commit(&world);
	assert_int_equal(try_set(UCG_FILE_DIR, "user.y", "", 0, 0), 0);
	assert_change(&world.change, "xattr 1/1 set 'user.y'=''\n");
}

static void the_first_one_begins_the_times_of_a_node_of_roots(void **state)
{
	(void)state;
	world_remove(&world, "/a");
	world.user = (struct ucg_opener){0, 0};
	world_make(&world, "/", "a"); /* id 2, made at 103 */
	assert_int_equal(try_set(FILE_NODE, "user.x", "", 0, 0), 0);
	assert_change(&world.change, "node 2/5 0644 0:0 a104 m104 c104\n"
				     "xattr 2/5 set 'user.x'=''\n");
}

static bool touch(unsigned file)
{
	bool begun;

	assert_int_equal(ucg_xattr_touch(world.hierarchy, group(), file, TABLE_MODE,
					 world_now(&world), &begun, &world.change),
			 0);
	return begun;
}

static void a_try_begins_the_times_of_a_node_of_roots_once(void **state)
{
	(void)state;
	world_remove(&world, "/a");
	world.user = (struct ucg_opener){0, 0};
	world_make(&world, "/", "a"); /* id 2, made at 103 */
	assert_true(touch(FILE_NODE));
	assert_change(&world.change, "node 2/5 0644 0:0 a104 m104 c104\n");
	world_commit(&world);
	assert_false(touch(FILE_NODE));
	assert_change(&world.change, "");
}

static void a_try_is_nothing_to_the_node_of_a_user(void **state)
{
	(void)state;
	assert_false(touch(UCG_FILE_DIR));
	assert_change(&world.change, "");
}

static void a_change_thrown_away_leaves_no_trace(void **state)
{
	(void)state;
	assert_int_equal(try_set(UCG_FILE_DIR, "user.x", "val", 3, 0), 0);
	ucg_change_clear(&world.change);
	assert_int_equal(get_error(UCG_FILE_DIR, "user.x"), -ENODATA);
	check_list(UCG_FILE_DIR, true, "");
}

static void a_value_is_found_until_it_is_replaced_or_removed(void **state)
{
	(void)state;
	set(FILE_NODE, "user.x", "first");
	check_value(FILE_NODE, "user.x", "first");
	set(FILE_NODE, "user.x", "");
	check_value(FILE_NODE, "user.x", "");
	assert_int_equal(
		ucg_xattr_remove(world.hierarchy, group(), FILE_NODE, "user.x", &world.change), 0);
	assert_change(&world.change, "xattr 1/5 forget 'user.x'=''\n");
	world_commit(&world);
	assert_int_equal(get_error(FILE_NODE, "user.x"), -ENODATA);
	assert_int_equal(
		ucg_xattr_remove(world.hierarchy, group(), FILE_NODE, "user.x", &world.change),
		-ENODATA);
}

static void each_node_has_its_own(void **state)
{
	(void)state;
	world_make(&world, "/a", "b");
	set(UCG_FILE_DIR, "user.x", "directory");
	set(FILE_NODE, "user.x", "file");
	check_value(UCG_FILE_DIR, "user.x", "directory");
	check_value(FILE_NODE, "user.x", "file");
	assert_int_equal(get_error(FILE_NODE + 1, "user.x"), -ENODATA);
	remove_one(UCG_FILE_DIR, "user.x");
	check_value(FILE_NODE, "user.x", "file");
}

static void names_are_listed_from_the_last_to_the_first(void **state)
{
	(void)state;
	set(UCG_FILE_DIR, "user.b", "");
	set(UCG_FILE_DIR, "security.s", "");
	set(UCG_FILE_DIR, "user.a", "");
	set(UCG_FILE_DIR, "user.\xc3", "");
	set(UCG_FILE_DIR, "trusted.t", "");
	set(UCG_FILE_DIR, "user.ab", "");
	check_list(UCG_FILE_DIR, true, "user.\xc3 user.b user.ab user.a trusted.t security.s ");
	check_list(FILE_NODE, true, "");
}

static void trusted_ones_are_listed_if_asked_for(void **state)
{
	(void)state;
	assert_false(ucg_xattr_has_trusted(group(), UCG_FILE_DIR));
	set(UCG_FILE_DIR, "user.a", "");
	assert_false(ucg_xattr_has_trusted(group(), UCG_FILE_DIR));
	set(UCG_FILE_DIR, "trusted.t", "");
	assert_true(ucg_xattr_has_trusted(group(), UCG_FILE_DIR));
	check_list(UCG_FILE_DIR, false, "user.a ");
}

static void only_three_namespaces_are_stored(void **state)
{
	static const struct {
		const char *name;
		int error;
	} row[] = {
		{"system.posix_acl_access", -EOPNOTSUPP},
		{"system.", -EOPNOTSUPP},
		{"User.x", -EOPNOTSUPP},
		{"user", -EOPNOTSUPP},
		{"x", -EOPNOTSUPP},
		{"user.", -EINVAL},
		{"trusted.", -EINVAL},
		{"security.", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(try_set(UCG_FILE_DIR, row[i].name, "", 0, XATTR_REPLACE),
				 row[i].error);
		assert_int_equal(get_error(UCG_FILE_DIR, row[i].name), row[i].error);
		assert_int_equal(ucg_xattr_remove(world.hierarchy, group(), UCG_FILE_DIR,
						  row[i].name, &world.change),
				 row[i].error);
	}
}

static void flags_ask_for_what_is_there(void **state)
{
	(void)state;
	set(UCG_FILE_DIR, "user.x", "old");
	assert_int_equal(try_set(UCG_FILE_DIR, "user.x", "", 0, XATTR_CREATE), -EEXIST);
	assert_int_equal(try_set(UCG_FILE_DIR, "user.y", "", 0, XATTR_REPLACE), -ENODATA);
	assert_int_equal(try_set(UCG_FILE_DIR, "user.x", "", 0, XATTR_CREATE | XATTR_REPLACE),
			 -EEXIST);
	assert_int_equal(try_set(UCG_FILE_DIR, "user.y", "", 0, XATTR_CREATE | XATTR_REPLACE),
			 -ENODATA);
	assert_change(&world.change, "");
	assert_int_equal(try_set(UCG_FILE_DIR, "user.y", "", 0, XATTR_CREATE), 0);
	assert_int_equal(try_set(UCG_FILE_DIR, "user.x", "", 0, XATTR_REPLACE), 0);
}

static void set_numbered(const char *prefix, unsigned number)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%u", prefix, number);
	set(UCG_FILE_DIR, name, "");
}

static void a_node_has_at_most_128_of_the_user(void **state)
{
	(void)state;
	for (unsigned i = 0; i < UCG_XATTR_USER_MAX; i++)
		set_numbered("user.", i);
	assert_int_equal(try_set(UCG_FILE_DIR, "user.x", "", 0, XATTR_REPLACE), -ENOSPC);
	/* As the kernel counts: also in place of one that is there. */
	assert_int_equal(try_set(UCG_FILE_DIR, "user.0", "", 0, XATTR_CREATE), -ENOSPC);
	set(FILE_NODE, "user.x", "");
	set(UCG_FILE_DIR, "security.x", "");
	remove_one(UCG_FILE_DIR, "user.7");
	set(UCG_FILE_DIR, "user.0", "");
	set(UCG_FILE_DIR, "user.x", "");
	assert_int_equal(try_set(UCG_FILE_DIR, "user.0", "", 0, 0), -ENOSPC);
}

static void values_of_the_user_take_at_most_128_kib(void **state)
{
	(void)state;
	set_length(UCG_FILE_DIR, "user.0", 65536);
	set_length(UCG_FILE_DIR, "user.1", 65536);
	set_length(UCG_FILE_DIR, "user.2", 0);
	assert_int_equal(try_length(UCG_FILE_DIR, "user.3", 1), -ENOSPC);
	assert_int_equal(try_length(UCG_FILE_DIR, "user.1", 1), -ENOSPC);
	set_length(UCG_FILE_DIR, "trusted.0", 65536);
	set_length(FILE_NODE, "user.0", 65536);
	set_length(UCG_FILE_DIR, "user.1", 0);
	set_length(UCG_FILE_DIR, "user.1", 65535);
	assert_int_equal(try_length(UCG_FILE_DIR, "user.0", 2), -ENOSPC);
	set_length(UCG_FILE_DIR, "user.0", 1);
	assert_int_equal(try_length(UCG_FILE_DIR, "user.0", 65537), -ENOSPC);
	remove_one(UCG_FILE_DIR, "user.1");
	assert_int_equal(try_length(UCG_FILE_DIR, "user.1", 131071), 0);
}

static void the_privileged_have_no_limit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		set_numbered("trusted.", i);
		set_numbered("security.", i);
	}
	set_length(UCG_FILE_DIR, "trusted.long", 1 << 20);
	check_value(UCG_FILE_DIR, "trusted.999", "");
	check_value(UCG_FILE_DIR, "security.0", "");
}

static void they_survive_rename_and_end_with_the_group(void **state)
{
	(void)state;
	set(UCG_FILE_DIR, "user.x", "val");
	world_rename(&world, "/a", "b");
	world_rename(&world, "/b", "a");
	check_value(UCG_FILE_DIR, "user.x", "val");
	world_remove(&world, "/a");
	world_make(&world, "/", "a");
	assert_int_equal(get_error(UCG_FILE_DIR, "user.x"), -ENODATA);
}

static void they_are_set_on_a_removed_group_that_is_held(void **state)
{
	const struct ucg_xattr xattr = {.name = "user.y", .value = "new", .length = 3};
	struct ucg_group *held = group();
	struct ucg_text names = {0};

	(void)state;
	set(UCG_FILE_DIR, "user.x", "old");
	ucg_group_pin(held, 1);
	world_remove(&world, "/a");
	assert_int_equal(ucg_xattr_set(world.hierarchy, held, UCG_FILE_DIR, 0, &xattr, 0,
				       world_now(&world), &world.change),
			 0);
	world_commit(&world);
	assert_int_equal(ucg_xattr_list(held, UCG_FILE_DIR, true, &names), 0);
	assert_int_equal(names.length, sizeof("user.y\0user.x"));
	assert_memory_equal(names.bytes, "user.y\0user.x", names.length);
	ucg_text_clear(&names);
	ucg_group_unpin(world.hierarchy, held, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_one_makes_a_record_of_the_node),
		TEST(the_first_one_begins_the_times_of_a_node_of_roots),
		TEST(a_try_begins_the_times_of_a_node_of_roots_once),
		TEST(a_try_is_nothing_to_the_node_of_a_user),
		TEST(a_change_thrown_away_leaves_no_trace),
		TEST(a_value_is_found_until_it_is_replaced_or_removed),
		TEST(each_node_has_its_own),
		TEST(names_are_listed_from_the_last_to_the_first),
		TEST(trusted_ones_are_listed_if_asked_for),
		TEST(only_three_namespaces_are_stored),
		TEST(flags_ask_for_what_is_there),
		TEST(a_node_has_at_most_128_of_the_user),
		TEST(values_of_the_user_take_at_most_128_kib),
		TEST(the_privileged_have_no_limit),
		TEST(they_survive_rename_and_end_with_the_group),
		TEST(they_are_set_on_a_removed_group_that_is_held),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
