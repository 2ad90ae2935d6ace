/* SPDX-License-Identifier: MIT */
/* What each control file shows and takes: kernel behaviour §2, §9. */
#include "../core/fake_tracker.h"
#include "../core/one_world.h"

#include "ucgroupfs/control.h"

static struct fake_tracker fake;

/* /a (1) with task 10; /a/b (2), /a/c (3); 20 is in the root. */
static void furnish(void)
{
	fake_start(&fake, &world);
	world_make(&world, "/", "a");
	world_make(&world, "/a", "b");
	world_make(&world, "/a", "c");
	world_enter(&world, "/a");
	fake.task[0] = (struct ucg_task){.tid = 10,
					 .tgid = 10,
					 .uid = MOUNTER,
					 .saved_uid = MOUNTER,
					 .alive_threads = true,
					 .group = {1}};
	fake.task[1] = fake.task[0];
	fake.task[1].tid = fake.task[1].tgid = 20;
	fake.task[1].group = UCG_ROOT_ID;
}

static struct ucg_opener opener = {MOUNTER, MOUNTER}, writer = {MOUNTER, MOUNTER};

static struct ucg_control_call call_of(const char *path)
{
	return (struct ucg_control_call){
		.hierarchy = world.hierarchy,
		.tracker = &fake.tracker,
		.group = world_group(&world, path),
		.opener = opener,
		.writer = writer,
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

static int write_bytes(const char *path, const char *name, const char *bytes, size_t length)
{
	struct ucg_control_call call = call_of(path);

	ucg_change_clear(&world.change);
	return ucg_control_write(file_of(path, name), &call, bytes, length, &world.change);
}

static int write_text(const char *path, const char *name, const char *text)
{
	return write_bytes(path, name, text, strlen(text));
}

static int read_result(const char *path, const char *name)
{
	struct ucg_control_call call = call_of(path);
	struct ucg_text text = {0};
	int error = ucg_control_read(file_of(path, name), &call, &text);

	if (error)
		assert_int_equal(text.length, 0);
	ucg_text_clear(&text);
	return error;
}

static void check_reads(const char *path, const char *name, const char *expected)
{
	struct ucg_control_call call = call_of(path);
	struct ucg_text text = {0};

	assert_int_equal(ucg_control_read(file_of(path, name), &call, &text), 0);
	assert_string_equal(text_string(&text), expected);
	ucg_text_clear(&text);
}

/* ---- lists ---- */

static void lists_show_one_id_a_line(void **state)
{
	(void)state;
	check_reads("/a", "tasks", "");
	assert_int_equal(ucg_pids_append(&fake.pids, 9), 0);
	assert_int_equal(ucg_pids_append(&fake.pids, 10), 0);
	assert_int_equal(ucg_pids_append(&fake.pids, 4194304), 0);
	fake.calls.length = 0;
	check_reads("/a", "tasks", "9\n10\n4194304\n");
	check_reads("/", "cgroup.procs", "9\n10\n4194304\n");
	assert_calls(&fake, "list tasks of 1 @5\nlist processes of 0 @5\n");
}

static void a_list_that_takes_longer_or_fails_is_passed_on(void **state)
{
	(void)state;
	fake.list_result = -EINPROGRESS;
	assert_int_equal(read_result("/a", "tasks"), -EINPROGRESS);
	fake.list_result = -ENOMEM;
	assert_int_equal(read_result("/a", "cgroup.procs"), -ENOMEM);
}

static void lists_show_the_numbers_that_the_caller_sees(void **state)
{
	(void)state;
	assert_int_equal(ucg_pids_append(&fake.pids, 9), 0);
	assert_int_equal(ucg_pids_append(&fake.pids, 12), 0);
	fake.shift = 10;
	check_reads("/a", "tasks", "2\n");
	check_reads("/a", "cgroup.procs", "2\n");
	fake.number_result = -EACCES;
	assert_int_equal(read_result("/a", "tasks"), -EACCES);
}

static void a_number_written_is_the_callers(void **state)
{
	(void)state;
	fake.shift = 10;
	assert_int_equal(write_text("/a/b", "tasks", "10"), 0);
	assert_true(fake.attached.tid == 20);
	assert_int_equal(write_text("/a/b", "tasks", "0"), 0);
	assert_true(fake.attached.tid == 20);
	assert_int_equal(write_text("/a/b", "tasks", "20"), -ESRCH);
	fake.number_result = -EACCES;
	assert_int_equal(write_text("/a/b", "tasks", "10"), -EACCES);
}

static void a_pid_written_is_attached(void **state)
{
	(void)state;
	assert_int_equal(write_text("/a/b", "cgroup.procs", "10\n"), 0);
	assert_true(fake.attached.tid == 10);
	assert_change(&world.change, "group 1<0 -R-T-- 0755 1000:1000 @101\n"
				     "group 2<1 ---T-- 0755 1000:1000 @102\n"
				     "populated 2\n");
	assert_int_equal(write_text("/a/b", "tasks", "0"), 0);
	assert_true(fake.attached.tid == 20);
}

static void tasks_takes_threads_and_procs_takes_processes(void **state)
{
	(void)state;
	fake.task[0].threaded = true;
	assert_int_equal(write_text("/a/b", "tasks", "10"), 0);
	assert_true(fake.attached.alone);
	assert_int_equal(write_text("/a/b", "cgroup.procs", "10"), 0);
	assert_false(fake.attached.alone);
}

static void a_pid_that_does_not_parse_asks_nobody(void **state)
{
	(void)state;
	assert_int_equal(write_text("/a/b", "tasks", "10x"), -EINVAL);
	assert_int_equal(write_text("/a/b", "cgroup.procs", "-1"), -EINVAL);
	assert_calls(&fake, "");
	assert_change(&world.change, "");
}

static int write_between(uid_t opener_uid, uid_t writer_uid)
{
	int error;

	opener.uid = opener_uid;
	writer.uid = writer_uid;
	error = write_text("/a/b", "tasks", "10");
	opener.uid = writer.uid = MOUNTER;
	return error;
}

static void the_opener_decides_who_may_be_attached(void **state)
{
	(void)state;
	assert_int_equal(write_between(1001, MOUNTER), -EACCES);
	assert_int_equal(write_between(MOUNTER, 1001), 0);
}

static void the_writer_decides_who_may_be_attached_in_the_original(void **state)
{
	(void)state;
	assert_int_equal(write_between(MOUNTER, 1001), -EACCES);
	assert_int_equal(write_between(1001, MOUNTER), 0);
}

static void a_pid_is_scanned_in_the_original(void **state)
{
	(void)state;
	assert_int_equal(write_text("/a/b", "tasks", "x10"), -EIO);
	assert_int_equal(write_text("/a/b", "tasks", "-10"), -ESRCH);
	assert_calls(&fake, "");
	assert_int_equal(write_text("/a/b", "tasks", " 10 and more"), 0);
	assert_true(fake.attached.tid == 10);
}

static void a_caller_of_another_pid_namespace_attaches_nobody(void **state)
{
	struct ucg_control_call call = call_of("/a/b");

	(void)state;
	call.caller = 0;
	assert_int_equal(ucg_control_write(file_of("/a/b", "tasks"), &call, "0", 1, &world.change),
			 -EACCES);
	assert_change(&world.change, "");
}

/* ---- flags ---- */

static void flags_show_what_was_written(void **state)
{
	static const char *const name[] = {"notify_on_release", "cgroup.clone_children"};
	static const char *const image[] = {"group 1<0 N--T-- 0755 1000:1000 @101\n",
					    "group 1<0 --CT-- 0755 1000:1000 @101\n"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		check_reads("/a", name[i], "0\n");
		assert_int_equal(write_text("/a", name[i], "7\n"), 0);
		assert_change(&world.change, image[i]);
		world_commit(&world);
		check_reads("/a", name[i], "1\n");
		assert_int_equal(write_text("/a", name[i], "1 "), -EINVAL);
		assert_int_equal(write_text("/a", name[i], "18446744073709551616"), -ERANGE);
		assert_change(&world.change, "");
		check_reads("/a", name[i], "1\n");
		assert_int_equal(write_text("/a", name[i], "0"), 0);
		world_commit(&world);
		check_reads("/a", name[i], "0\n");
	}
}

static void any_write_to_notify_is_valid_in_the_original(void **state)
{
	(void)state;
	world_task_left(&world, "/a");
	assert_int_equal(write_text("/a", "notify_on_release", "1x"), 0);
	assert_change(&world.change, "group 1<0 N--T-- 0755 1000:1000 @101\n");
	world_commit(&world);
	world_task_left(&world, "/a");
	assert_int_equal(write_text("/a", "notify_on_release", "junk"), 0);
	assert_change(&world.change, "group 1<0 ---T-- 0755 1000:1000 @101\n");
}

/* The last exit lies before the write, and is judged by the flag as it was. */
static void last_task_exits(struct fake_tracker *f)
{
	struct world other = *f->world; /* a change of its own: another one is being filled */

	other.change = UCG_CHANGE_INIT;
	world_empty(&other, "/a/b");
}

static void a_write_to_notify_settles_first(void **state)
{
	(void)state;
	world_enter(&world, "/a/b");
	fake.on_settle = last_task_exits;
	assert_int_equal(write_text("/a/b", "notify_on_release", "1"), 0);
	assert_calls(&fake, "settle 2 @5\n");
	assert_change(&world.change, "group 2<1 N----- 0755 1000:1000 @102\n");
	world_commit(&world);
	assert_null(ucg_release_next(world.hierarchy));
}

static void junk_written_to_notify_does_not_settle(void **state)
{
	(void)state;
	assert_int_equal(write_text("/a", "notify_on_release", "x"), -EINVAL);
	assert_calls(&fake, "");
}

static void the_root_needs_no_settling_for_its_flags(void **state)
{
	(void)state;
	check_reads("/", "releasable", "0\n");
	assert_int_equal(write_text("/", "notify_on_release", "1"), 0);
	assert_calls(&fake, "");
	assert_change(&world.change, "group 0<0 N--T-- 0755 1000:1000 @1\n");
}

static void releasable_is_settled_and_shown(void **state)
{
	(void)state;
	check_reads("/a/b", "releasable", "0\n");
	assert_calls(&fake, "settle 2 @5\n");
	world_notify(&world, "/a/b", true);
	world_enter(&world, "/a/b");
	fake.on_settle = last_task_exits;
	check_reads("/a/b", "releasable", "1\n");
	world_task_left(&world, "/");
	check_reads("/", "releasable", "1\n");
}

static void what_takes_longer_is_passed_on_before_any_effect(void **state)
{
	(void)state;
	fake.settle_result = -EINPROGRESS;
	assert_int_equal(read_result("/a", "releasable"), -EINPROGRESS);
	assert_int_equal(read_result("/a", "cgroup.events"), -EINPROGRESS);
	assert_int_equal(write_text("/a", "notify_on_release", "1"), -EINPROGRESS);
	assert_change(&world.change, "");
	assert_int_equal(write_text("/a", "tasks", "20"), -EINPROGRESS);
	assert_change(&world.change, "");
}

static void sane_behavior_is_0(void **state)
{
	(void)state;
	check_reads("/", "cgroup.sane_behavior", "0\n");
}

/* ---- release_agent ---- */

static void check_agent(const char *bytes, size_t length, const char *expected)
{
	assert_int_equal(write_bytes("/", "release_agent", bytes, length), 0);
	world_commit(&world);
	check_reads("/", "release_agent", expected);
}

static void the_agent_is_stripped_at_both_ends_alone(void **state)
{
	(void)state;
	check_reads("/", "release_agent", "\n");
	check_agent("/sbin/agent\n", 12, "/sbin/agent\n");
	check_agent(" \t/a\nb c\xa0\n", 10, "/a\nb c\n");
	check_agent("no path", 7, "no path\n");
	check_agent("/x\0/y", 5, "/x\n");
	check_agent("\n", 1, "\n");
	check_agent("/x", 2, "/x\n");
	check_agent(" ", 1, "\n");
	check_agent("/x", 2, "/x\n");
	check_agent("\0", 1, "\n");
}

static void the_agent_loses_one_newline_alone_in_the_original(void **state)
{
	(void)state;
	check_agent("/sbin/agent\n", 12, "/sbin/agent\n");
	check_agent("/x\n\n", 4, "/x\n\n");
	check_agent(" \t/x ", 5, " \t/x \n");
	check_agent("\n", 1, "\n");
	check_agent(" ", 1, " \n");
	check_agent("/x\0/y\n", 6, "/x\n");
	check_agent("/x\n\0", 4, "/x\n\n"); /* it doesn't end the write */
	check_agent("/x\n\0\n", 5, "/x\n\n");
}

static void the_agent_may_be_4095_bytes_long(void **state)
{
	char path[4096];

	(void)state;
	memset(path, 'p', sizeof(path));
	assert_int_equal(write_bytes("/", "release_agent", path, 4095), 0);
	world_commit(&world);
	assert_int_equal(write_bytes("/", "release_agent", path, 4096), -E2BIG);
	path[4095] = '\n'; /* then it reads back with one more */
	{
		struct ucg_control_call call = call_of("/");
		struct ucg_text text = {0};

		assert_int_equal(ucg_control_read(file_of("/", "release_agent"), &call, &text), 0);
		assert_int_equal(text.length, 4096);
		assert_memory_equal(text.bytes, path, 4096);
		ucg_text_clear(&text);
	}
}

static void nobody_but_the_mounter_writes_the_agent(void **state)
{
	(void)state;
	opener.uid = 0;
	assert_int_equal(write_text("/", "release_agent", "/x"), -EPERM);
	assert_int_equal(write_text("/", "release_agent", ""), 0);
	opener.uid = MOUNTER;
	assert_change(&world.change, "");
}

/* ---- cgroup.events ---- */

static void events_settles_the_whole_tree_to_say_that_it_is_empty(void **state)
{
	(void)state;
	check_reads("/a/b", "cgroup.events", "populated 0\n");
	assert_calls(&fake, "settle 2 @5\n");
	world_empty(&world, "/a");
	check_reads("/a", "cgroup.events", "populated 0\n");
	assert_calls(&fake, "settle 1 @5\nsettle 2 @5\nsettle 3 @5\n");
}

static void one_group_with_a_task_decides_that_it_is_populated(void **state)
{
	(void)state;
	world_empty(&world, "/a");
	world_enter(&world, "/a/b");
	check_reads("/a", "cgroup.events", "populated 1\n");
	assert_calls(&fake, "settle 1 @5\nsettle 2 @5\n");
}

static void a_death_found_by_settling_counts(void **state)
{
	(void)state;
	world_empty(&world, "/a");
	world_enter(&world, "/a/b");
	fake.on_settle = last_task_exits;
	check_reads("/a", "cgroup.events", "populated 0\n");
}

/* ---- cgroup.tracking ---- */

static void tracking_is_exact_where_nothing_is_known_against_it(void **state)
{
	(void)state;
	check_reads("/a", "cgroup.tracking", "exact\n");
	assert_calls(&fake, "tracking of 1 @5\n");
	check_reads("/", "cgroup.tracking", "exact\n");
	assert_calls(&fake, "tracking of 0 @5\n");
}

static void tracking_names_each_weakness_with_its_number(void **state)
{
	static const char *const line[UCG_WEAKNESSES] = {
		[UCG_NO_HINT] = "no-hint 3\n",	       [UCG_NO_MARKER] = "no-marker 3\n",
		[UCG_UNMARKED] = "unmarked 3\n",       [UCG_UNPROVED] = "unproved 3\n",
		[UCG_UNSEEN_EXIT] = "unseen-exit 3\n", [UCG_CHOSEN_PIDS] = "chosen-pids 3\n",
	};

	(void)state;
	for (size_t why = 0; why < UCG_WEAKNESSES; why++) {
		fake.weakness[why] = 3;
		check_reads("/a", "cgroup.tracking", line[why]);
		fake.weakness[why] = 0;
	}
}

static void tracking_has_a_line_for_each_in_their_order(void **state)
{
	(void)state;
	fake.weakness[UCG_NO_HINT] = 1000;
	fake.weakness[UCG_UNMARKED] = 2;
	fake.weakness[UCG_UNSEEN_EXIT] = 1;
	check_reads("/a", "cgroup.tracking", "no-hint 1000\nunmarked 2\nunseen-exit 1\n");
}

static void tracking_that_takes_longer_or_fails_is_passed_on(void **state)
{
	(void)state;
	fake.list_result = -EINPROGRESS;
	assert_int_equal(read_result("/a", "cgroup.tracking"), -EINPROGRESS);
	fake.list_result = -EMFILE;
	assert_int_equal(read_result("/a", "cgroup.tracking"), -EMFILE);
}

/* ---- cgroup.kill ---- */

static void kill_kills_the_group_and_all_below(void **state)
{
	(void)state;
	assert_int_equal(write_text("/a", "cgroup.kill", " 1\n"), 0);
	assert_calls(&fake, "kill 1\nkill 2\nkill 3\n");
	assert_change(&world.change, "");
	assert_int_equal(write_text("/a/b", "cgroup.kill", "0x1"), 0);
	assert_calls(&fake, "kill 2\n");
}

static void kill_takes_1_alone(void **state)
{
	static const struct {
		const char *text;
		int error;
	} row[] = {{"0", -ERANGE},  {"2", -ERANGE}, {"-1", -ERANGE}, {"2147483648", -ERANGE},
		   {"1x", -EINVAL}, {"", 0},	    {" ", -EINVAL},  {"kill", -EINVAL}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(write_text("/a", "cgroup.kill", row[i].text), row[i].error);
	assert_calls(&fake, "");
}

static void a_group_that_can_not_be_killed_does_not_save_the_others(void **state)
{
	(void)state;
	fake.kill_result = -EOPNOTSUPP;
	assert_int_equal(write_text("/a", "cgroup.kill", "1"), -EOPNOTSUPP);
	assert_calls(&fake, "kill 1\nkill 2\nkill 3\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
#define TEST_ORIGINAL(name) cmocka_unit_test_setup_teardown(name, start_original, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists_show_one_id_a_line),
		TEST(a_list_that_takes_longer_or_fails_is_passed_on),
		TEST(lists_show_the_numbers_that_the_caller_sees),
		TEST(a_number_written_is_the_callers),
		TEST(a_pid_written_is_attached),
		TEST(tasks_takes_threads_and_procs_takes_processes),
		TEST(a_pid_that_does_not_parse_asks_nobody),
		TEST(the_opener_decides_who_may_be_attached),
		TEST_ORIGINAL(the_writer_decides_who_may_be_attached_in_the_original),
		TEST_ORIGINAL(a_pid_is_scanned_in_the_original),
		TEST(a_caller_of_another_pid_namespace_attaches_nobody),
		TEST(flags_show_what_was_written),
		TEST_ORIGINAL(any_write_to_notify_is_valid_in_the_original),
		TEST(a_write_to_notify_settles_first),
		TEST(junk_written_to_notify_does_not_settle),
		TEST(the_root_needs_no_settling_for_its_flags),
		TEST(releasable_is_settled_and_shown),
		TEST(what_takes_longer_is_passed_on_before_any_effect),
		TEST(sane_behavior_is_0),
		TEST(the_agent_is_stripped_at_both_ends_alone),
		TEST_ORIGINAL(the_agent_loses_one_newline_alone_in_the_original),
		TEST(the_agent_may_be_4095_bytes_long),
		TEST(nobody_but_the_mounter_writes_the_agent),
		TEST(events_settles_the_whole_tree_to_say_that_it_is_empty),
		TEST(one_group_with_a_task_decides_that_it_is_populated),
		TEST(a_death_found_by_settling_counts),
		TEST(tracking_is_exact_where_nothing_is_known_against_it),
		TEST(tracking_names_each_weakness_with_its_number),
		TEST(tracking_has_a_line_for_each_in_their_order),
		TEST(tracking_that_takes_longer_or_fails_is_passed_on),
		TEST(kill_kills_the_group_and_all_below),
		TEST(kill_takes_1_alone),
		TEST(a_group_that_can_not_be_killed_does_not_save_the_others),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
