/* SPDX-License-Identifier: MIT */
/* Which files there are, and what reading and writing of all have in common. */
#include "../core/fake_tracker.h"
#include "../core/one_world.h"

#include "ucgroupfs/control.h"

static struct fake_tracker fake;

/* /a (1), /a/b (2) */
static void furnish(void)
{
	fake_start(&fake, &world);
	world_make(&world, "/", "a");
	world_make(&world, "/a", "b");
}

static struct ucg_control_call call_of(const char *path)
{
	return (struct ucg_control_call){
		.hierarchy = world.hierarchy,
		.tracker = &fake.tracker,
		.group = world_group(&world, path),
		.opener = world.user,
		.caller = 20,
		.since_ns = 5,
	};
}

static const struct ucg_control_file *file_of(const char *path, const char *name)
{
	int row =
		ucg_control_lookup(world.hierarchy, world_group(&world, path), name, strlen(name));

	assert_in_range(row, 0, ucg_control_file_count - 1);
	return &ucg_control_files[row];
}

/* ---- the rows ---- */

/* Names and modes of the rows present, in the order of the table. */
static void check_rows(const char *path, const char *expected)
{
	struct ucg_text text = {0};

	for (size_t i = 0; i < ucg_control_file_count; i++)
		if (ucg_control_is_present(&ucg_control_files[i], world.hierarchy,
					   world_group(&world, path)))
			PRINT(&text, "%s %04o\n", ucg_control_files[i].name,
			      ucg_control_mode(&ucg_control_files[i], world.hierarchy));
	assert_string_equal(text_string(&text), expected);
	ucg_text_clear(&text);
}

static void the_files_of_the_root(void **state)
{
	(void)state;
	check_rows("/", "cgroup.procs 0644\n"
			"cgroup.clone_children 0644\n"
			"cgroup.sane_behavior 0444\n"
			"tasks 0644\n"
			"notify_on_release 0644\n"
			"release_agent 0644\n"
			"releasable 0444\n"
			"cgroup.tracking 0444\n");
}

static void the_files_of_a_child(void **state)
{
	(void)state;
	check_rows("/a", "cgroup.procs 0644\n"
			 "cgroup.clone_children 0644\n"
			 "tasks 0644\n"
			 "notify_on_release 0644\n"
			 "releasable 0444\n"
			 "cgroup.events 0444\n"
			 "cgroup.kill 0200\n"
			 "cgroup.tracking 0444\n");
}

static void the_original_has_three_files_and_the_agents_all_of_one_mode(void **state)
{
	(void)state;
	check_rows("/", "tasks 0644\n"
			"notify_on_release 0644\n"
			"release_agent 0644\n"
			"releasable 0644\n");
	check_rows("/a", "tasks 0644\n"
			 "notify_on_release 0644\n"
			 "releasable 0644\n");
}

static void a_newer_file_is_not_found_in_the_original(void **state)
{
	struct ucg_group *root = world_group(&world, "/");

	(void)state;
	assert_int_equal(ucg_control_lookup(world.hierarchy, root, "cgroup.procs", 12), -ENOENT);
	assert_in_range(ucg_control_lookup(world.hierarchy, root, "tasks", 5), 0,
			ucg_control_file_count - 1);
}

static void a_file_is_found_where_it_is_present_alone(void **state)
{
	struct ucg_group *root = world_group(&world, "/"), *child = world_group(&world, "/a");

	(void)state;
	for (size_t i = 0; i < ucg_control_file_count; i++) {
		const struct ucg_control_file *file = &ucg_control_files[i];
		size_t length = strlen(file->name);

		assert_int_equal(ucg_control_lookup(world.hierarchy, root, file->name, length),
				 file->presence & UCG_IN_ROOT ? (int)i : -ENOENT);
		assert_int_equal(ucg_control_lookup(world.hierarchy, child, file->name, length),
				 file->presence & UCG_IN_CHILD ? (int)i : -ENOENT);
		assert_int_equal(ucg_control_lookup(world.hierarchy, child, file->name, length - 1),
				 -ENOENT);
	}
	assert_int_equal(ucg_control_lookup(world.hierarchy, root, "tasks2", 6), -ENOENT);
	assert_int_equal(ucg_control_lookup(world.hierarchy, root, "", 0), -ENOENT);
}

static void the_lists_are_lists_and_two_files_wake_pollers(void **state)
{
	struct ucg_text text = {0};

	(void)state;
	for (size_t i = 0; i < ucg_control_file_count; i++) {
		if (ucg_control_files[i].is_list)
			PRINT(&text, "list %s\n", ucg_control_files[i].name);
		if (ucg_control_files[i].news)
			PRINT(&text, "polled %s\n", ucg_control_files[i].name);
	}
	assert_string_equal(text_string(&text),
			    "list cgroup.procs\nlist tasks\npolled cgroup.events\n"
			    "polled cgroup.tracking\n");
	ucg_text_clear(&text);
}

/* ---- what all have in common ---- */

/* On a removed group, held: nothing but E2BIG comes before ENODEV. */
static void a_removed_group_is_enodev_for_every_file(void **state)
{
	struct ucg_control_call call = call_of("/a/b");
	struct ucg_change change = UCG_CHANGE_INIT;
	struct ucg_text text = {0};
	char large[4097];

	(void)state;
	memset(large, '1', sizeof(large));
	ucg_group_pin(call.group, 1);
	world_remove(&world, "/a/b");
	for (size_t i = 0; i < ucg_control_file_count; i++) {
		const struct ucg_control_file *file = &ucg_control_files[i];

		assert_int_equal(ucg_control_read(file, &call, &text), -ENODEV);
		assert_int_equal(ucg_control_write(file, &call, "junk", 4, &change), -ENODEV);
		assert_int_equal(ucg_control_write(file, &call, "", 0, &change), -ENODEV);
		assert_int_equal(ucg_control_write(file, &call, large, sizeof(large), &change),
				 -E2BIG);
	}
	assert_change(&change, "");
	assert_calls(&fake, "");
	ucg_group_unpin(world.hierarchy, call.group, 1);
}

static void a_command_has_a_largest_size(void **state)
{
	struct ucg_control_call call = call_of("/");
	char large[4097];

	(void)state;
	memset(large, '0', sizeof(large));
	for (size_t i = 0; i < ucg_control_file_count; i++) {
		const struct ucg_control_file *file = &ucg_control_files[i];
		size_t most = !strcmp(file->name, "release_agent") ? 4095 : 4096;

		assert_int_equal(ucg_control_write(file, &call, large, most + 1, &world.change),
				 -E2BIG);
		assert_change(&world.change, "");
		assert_int_not_equal(ucg_control_write(file, &call, large, most, &world.change),
				     -E2BIG);
		ucg_change_clear(&world.change);
	}
}

static void a_command_of_the_original_has_4095_bytes(void **state)
{
	struct ucg_control_call call = call_of("/");
	char large[4096];

	(void)state;
	memset(large, '0', sizeof(large));
	for (size_t i = 0; i < ucg_control_file_count; i++) {
		const struct ucg_control_file *file = &ucg_control_files[i];

		assert_int_equal(ucg_control_write(file, &call, large, 4096, &world.change),
				 -E2BIG);
		assert_int_not_equal(ucg_control_write(file, &call, large, 4095, &world.change),
				     -E2BIG);
		ucg_change_clear(&world.change);
	}
}

static void nothing_written_does_nothing(void **state)
{
	struct ucg_control_call call = call_of("/a");

	(void)state;
	call.opener.uid = 4711; /* not even a permission is asked for */
	for (size_t i = 0; i < ucg_control_file_count; i++)
		assert_int_equal(
			ucg_control_write(&ucg_control_files[i], &call, "", 0, &world.change), 0);
	assert_change(&world.change, "");
	assert_calls(&fake, "");
}

static void a_file_without_store_is_einval_and_one_without_show_too(void **state)
{
	static const char *const read_only[] = {"releasable", "cgroup.events"};
	struct ucg_control_call call = call_of("/a");
	struct ucg_text text = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(ucg_control_write(file_of("/a", read_only[i]), &call, "1", 1,
						   &world.change),
				 -EINVAL);
	assert_int_equal(ucg_control_read(file_of("/a", "cgroup.kill"), &call, &text), -EINVAL);
	call = call_of("/");
	assert_int_equal(ucg_control_write(file_of("/", "cgroup.sane_behavior"), &call, "1", 1,
					   &world.change),
			 -EINVAL);
	assert_change(&world.change, "");
	assert_int_equal(text.length, 0);
}

static void bytes_after_the_first_nul_are_ignored(void **state)
{
	struct ucg_control_call call = call_of("/a");

	(void)state;
	assert_int_equal(ucg_control_write(file_of("/a", "notify_on_release"), &call, "1\0x", 3,
					   &world.change),
			 0);
	assert_change(&world.change, "group 1<0 N----- 0755 1000:1000 @101\n");
	ucg_change_clear(&world.change);
	assert_int_equal(ucg_control_write(file_of("/a", "notify_on_release"), &call, "\0001", 2,
					   &world.change),
			 -EINVAL);
	assert_change(&world.change, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
#define TEST_ORIGINAL(name) cmocka_unit_test_setup_teardown(name, start_original, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_files_of_the_root),
		TEST(the_files_of_a_child),
		TEST_ORIGINAL(the_original_has_three_files_and_the_agents_all_of_one_mode),
		TEST_ORIGINAL(a_newer_file_is_not_found_in_the_original),
		TEST(a_file_is_found_where_it_is_present_alone),
		TEST(the_lists_are_lists_and_two_files_wake_pollers),
		TEST(a_removed_group_is_enodev_for_every_file),
		TEST(a_command_has_a_largest_size),
		TEST_ORIGINAL(a_command_of_the_original_has_4095_bytes),
		TEST(nothing_written_does_nothing),
		TEST(a_file_without_store_is_einval_and_one_without_show_too),
		TEST(bytes_after_the_first_nul_are_ignored),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
