/* SPDX-License-Identifier: MIT */
#include "fake_tracker.h"
#include "one_world.h"

#include <stdio.h>

#include "ucgroupfs/attach.h"
#include "ucgroupfs/log.h"

static struct fake_tracker fake;
static char logged[256];
static int log_lines;

static void note(struct ucg_log *log, int priority, const char *format, va_list args)
{
	(void)log;
	assert_int_equal(priority, LOG_WARNING);
	vsnprintf(logged, sizeof(logged), format, args);
	log_lines++;
}

static struct ucg_log test_log = {note};

/* /a (1) with task 10, /b (2) empty; 20 is in the root. */
static void furnish(void)
{
	fake_start(&fake, &world);
	world_make(&world, "/", "a");
	world_make(&world, "/", "b");
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
	log_lines = 0;
}

static struct ucg_attach_request request_to(const char *path, pid_t pid)
{
	return (struct ucg_attach_request){
		.to = world_group(&world, path),
		.pid = pid,
		.writer = 20,
		.whole_process = true,
		.opener = {MOUNTER, MOUNTER},
		.since_ns = 5,
	};
}

static int attach(const struct ucg_attach_request *request)
{
	ucg_change_clear(&world.change);
	return ucg_attach(world.hierarchy, &fake.tracker, &test_log, request, &world.change);
}

/* ---- what a move changes ---- */

#define MOVE_10_TO_2 "settle 2 @5\nfind 10\nsettle 1 @5\nfind 10\nattach 10 to 2\n"

static void a_move_settles_both_then_marks_then_changes_both(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	assert_int_equal(attach(&request), 0);
	assert_calls(&fake, "settle 2 @5\nfind 10\nsettle 1 @5\nfind 10\nattach 10 to 2\n");
	assert_change(&world.change, "group 1<0 -R-T-- 0755 1000:1000 @101\n"
				     "group 2<0 ---T-- 0755 1000:1000 @102\n"
				     "populated 2\n");
	assert_int_equal(log_lines, 0);
}

static void a_move_out_of_the_root_sets_its_bit_and_settles_only_the_target(void **state)
{
	struct ucg_attach_request request = request_to("/b", 20);

	(void)state;
	assert_int_equal(attach(&request), 0);
	assert_calls(&fake, "settle 2 @5\nfind 20\nattach 20 to 2\n");
	assert_change(&world.change, "group 0<0 -R-T-- 0755 1000:1000 @1\n"
				     "group 2<0 ---T-- 0755 1000:1000 @102\n"
				     "populated 2\n");
}

static void a_move_to_the_root_changes_the_source_alone(void **state)
{
	struct ucg_attach_request request = request_to("/", 10);

	(void)state;
	assert_int_equal(attach(&request), 0);
	assert_calls(&fake, "find 10\nsettle 1 @5\nfind 10\nattach 10 to 0\n");
	assert_change(&world.change, "group 1<0 -R-T-- 0755 1000:1000 @101\n");
}

static void a_move_into_a_group_with_tasks_changes_the_source_alone(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	world_enter(&world, "/b");
	assert_int_equal(attach(&request), 0);
	assert_change(&world.change, "group 1<0 -R-T-- 0755 1000:1000 @101\n");
}

static void pid_0_is_the_writer(void **state)
{
	struct ucg_attach_request request = request_to("/b", 0);

	(void)state;
	assert_int_equal(attach(&request), 0);
	assert_calls(&fake, "settle 2 @5\nfind 20\nattach 20 to 2\n");
}

static void a_single_thread_may_be_named_by_tasks(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	request.whole_process = false;
	assert_int_equal(attach(&request), 0);
	assert_calls(&fake, "settle 2 @5\nfind 10\nsettle 1 @5\nfind 10\nattach 10 to 2\n");
}

static void a_zombie_leader_moves_its_threads_by_procs(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].dead = true;
	assert_int_equal(attach(&request), 0);
	assert_calls(&fake, "settle 2 @5\nfind 10\nsettle 1 @5\nfind 10\nattach 10 to 2\n");
}

/* ---- what is refused, or is nothing to do: no attach, no change ---- */

static void check_nothing_done(const struct ucg_attach_request *request, int expected)
{
	assert_int_equal(attach(request), expected);
	assert_change(&world.change, "");
	assert_null(strstr(text_string(&fake.calls), "attach"));
}

static void a_removed_target_is_refused_before_all_else(void **state)
{
	struct ucg_attach_request request = request_to("/b", 999);

	(void)state;
	ucg_group_pin(request.to, 1);
	world_remove(&world, "/b");
	check_nothing_done(&request, -ENODEV);
	assert_calls(&fake, "");
	ucg_group_unpin(world.hierarchy, request.to, 1);
}

/* ---- the writer's pid namespace ---- */

static void a_writer_whom_our_pid_namespace_does_not_know_may_not_name_himself(void **state)
{
	struct ucg_attach_request request = request_to("/b", 0);

	(void)state;
	request.writer = 0;
	check_nothing_done(&request, -EACCES);
}

/* ---- what the tracker is told of the writer ---- */

static bool waits_for_us;

static void note_waiting(struct fake_tracker *f)
{
	waits_for_us = f->attached.waits_for_us;
}

static void check_waits(pid_t pid, bool threaded, bool expected)
{
	struct ucg_attach_request request = request_to("/b", pid);

	fake.on_attach = note_waiting;
	fake.task[1].threaded = threaded;
	waits_for_us = !expected;
	assert_int_equal(attach(&request), 0);
	assert_int_equal(waits_for_us, expected);
}

static void the_only_thread_of_the_writer_waits_for_us(void **state)
{
	(void)state;
	check_waits(0, false, true);
	check_waits(20, false, true);
	check_waits(0, true, false);
	check_waits(10, false, false);
}

/* ---- what else is refused, or is nothing to do ---- */

static void a_task_that_is_not_there_is_esrch(void **state)
{
	struct ucg_attach_request request = request_to("/b", 999);

	(void)state;
	check_nothing_done(&request, -ESRCH);
}

static void a_bound_kernel_thread_is_refused_before_permission(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].unmovable = true;
	fake.task[0].uid = fake.task[0].saved_uid = 0;
	check_nothing_done(&request, -EINVAL);
}

static void permission_is_refused_before_the_dead_are_looked_at(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].uid = fake.task[0].saved_uid = 0;
	fake.task[0].dead = true;
	fake.task[0].alive_threads = false;
	check_nothing_done(&request, -EACCES);
}

static void a_zombie_is_success_without_a_change(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].dead = true;
	fake.task[0].alive_threads = false;
	check_nothing_done(&request, 0);
	fake.task[0].alive_threads = true;
	request.whole_process = false;
	check_nothing_done(&request, 0);
}

static void a_task_that_is_there_already_is_success_without_a_change(void **state)
{
	struct ucg_attach_request request = request_to("/a", 10);

	(void)state;
	check_nothing_done(&request, 0);
	/* One thread of several as well: it need not be moved. */
	fake.task[0].threaded = true;
	request.whole_process = false;
	check_nothing_done(&request, 0);
	assert_int_equal(log_lines, 0);
}

static void one_thread_of_several_moves_alone(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].threaded = true;
	request.whole_process = true;
	assert_int_equal(attach(&request), 0);
	assert_false(fake.attached.alone);
	request.whole_process = false;
	assert_int_equal(attach(&request), 0);
	assert_true(fake.attached.alone);
}

static void one_thread_that_cannot_be_told_is_refused_with_one_log_line(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].threaded = true;
	fake.attach_result = -EOPNOTSUPP;
	request.whole_process = false;
	assert_int_equal(attach(&request), -EOPNOTSUPP);
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(logged, "task 10 "));
}

/* Kernel behaviour §3: all gathered into the target; design.md §2.2: RELEASABLE of each source. */
static void a_split_process_leaves_each_group_that_a_thread_was_in(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].threaded = fake.task[0].split = true;
	fake.task[0].group = (struct ucg_group_id){2};
	fake.in_group[0] = (struct ucg_group_id){1};
	fake.in_group[1] = (struct ucg_group_id){2};
	request.whole_process = true;
	assert_int_equal(attach(&request), 0);
	assert_true(ucg_change_find_group(&world.change, fake.in_group[0])->group.flags &
		    UCG_GROUP_RELEASABLE);
	assert_false(ucg_change_find_group(&world.change, fake.in_group[1]) &&
		     ucg_change_find_group(&world.change, fake.in_group[1])->group.flags &
			     UCG_GROUP_RELEASABLE);
}

static void a_split_process_that_is_there_with_all_threads_stays(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].threaded = fake.task[0].split = true;
	fake.in_group[0] = (struct ucg_group_id){2};
	request.whole_process = true;
	check_nothing_done(&request, 0);
}

static void what_the_tracker_says_of_the_attach_is_passed_on(void **state)
{
	static const int errors[] = {-ESRCH, -EPERM, -EBUSY, -EMFILE, -ENOMEM, -EINPROGRESS};
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fake.attach_result = errors[i];
		assert_int_equal(attach(&request), errors[i]);
		assert_change(&world.change, "");
	}
}

static void settling_that_takes_longer_is_passed_on_before_any_effect(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.settle_result = -EINPROGRESS;
	check_nothing_done(&request, -EINPROGRESS);
	request = request_to("/", 10); /* the source's settling this time */
	check_nothing_done(&request, -EINPROGRESS);
}

/* ---- settling finds something out ---- */

static void task_dies(struct fake_tracker *f)
{
	f->task[0].dead = true;
	f->task[0].alive_threads = false;
}

static void a_task_found_dead_by_settling_is_not_moved(void **state)
{
	struct ucg_attach_request request = request_to("/", 10);

	(void)state;
	fake.on_settle = task_dies;
	check_nothing_done(&request, 0);
}

static void task_is_elsewhere(struct fake_tracker *f)
{
	f->task[0].group.value = 2;
}

/* A straggler is marked again by settling: its new group is the source, and is settled too. */
static void the_source_is_the_group_after_settling(void **state)
{
	struct ucg_attach_request request = request_to("/", 10);

	(void)state;
	fake.on_settle = task_is_elsewhere;
	assert_int_equal(attach(&request), 0);
	assert_calls(&fake,
		     "find 10\nsettle 1 @5\nfind 10\nsettle 2 @5\nfind 10\nattach 10 to 0\n");
	assert_change(&world.change, "group 2<0 -R---- 0755 1000:1000 @102\n");
}

/* The target's last task was gone before the move: its release comes of that, and is committed
 * while the attach is under way.  The attach must not put the older record back. */
static void target_was_empty(struct fake_tracker *f)
{
	world_empty(f->world, "/b");
}

static void a_change_committed_by_settling_is_not_undone(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	world_notify(&world, "/b", true);
	world_enter(&world, "/b");
	fake.on_settle = target_was_empty;
	assert_int_equal(attach(&request), 0);
	assert_change(&world.change, "group 1<0 -R-T-- 0755 1000:1000 @101\n"
				     "group 2<0 NR-TD- 0755 1000:1000 @102\n"
				     "populated 2\n");
}

static void a_change_committed_by_the_trackers_attach_is_not_undone(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);
	struct world other = world; /* the attach fills its change meanwhile */

	(void)state;
	other.change = UCG_CHANGE_INIT;
	world_notify(&world, "/b", true);
	world_enter(&world, "/b");
	fake.world = &other;
	fake.on_attach = target_was_empty;
	assert_int_equal(attach(&request), 0);
	assert_change(&world.change, "group 1<0 -R-T-- 0755 1000:1000 @101\n"
				     "group 2<0 NR-TD- 0755 1000:1000 @102\n"
				     "populated 2\n");
}

/* ---- permission ---- */

static void the_opener_must_be_root_or_the_real_or_saved_uid(void **state)
{
	/* Kernel behaviour §3; the effective uid of the target has no part in it. */
	static const struct {
		uid_t opener, uid, saved_uid;
		bool allowed;
	} row[] = {
		{1000, 1000, 1000, true}, {1000, 1000, 0, true},     {1000, 0, 1000, true},
		{1000, 0, 0, false},	  {1000, 2000, 2000, false}, {0, 2000, 2000, true},
		{0, 0, 0, true},	  {2000, 2000, 2000, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ucg_opener opener = {row[i].opener, 0};
		struct ucg_task task = {.uid = row[i].uid, .saved_uid = row[i].saved_uid};

		if (ucg_attach_is_allowed(&opener, &task) != row[i].allowed)
			fail_msg("opener %u, target (%u, %u): expected %d, got %d", row[i].opener,
				 row[i].uid, row[i].saved_uid, row[i].allowed, !row[i].allowed);
	}
}

/* ---- Linux 2.6.24 ---- */

static void a_zombie_is_missing_by_the_original_rules(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].dead = true;
	fake.task[0].alive_threads = false;
	check_nothing_done(&request, -ESRCH);
	/* A leader whose threads live is no more than itself to `tasks`. */
	fake.task[0].alive_threads = true;
	request.whole_process = false;
	check_nothing_done(&request, -ESRCH);
}

static void the_dead_are_looked_at_before_permission_by_the_original_rules(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].uid = fake.task[0].saved_uid = 0;
	check_nothing_done(&request, -EACCES);
	fake.task[0].dead = true;
	fake.task[0].alive_threads = false;
	check_nothing_done(&request, -ESRCH);
}

static void a_bound_kernel_thread_is_refused_after_permission_by_the_original_rules(void **state)
{
	struct ucg_attach_request request = request_to("/b", 10);

	(void)state;
	fake.task[0].unmovable = true;
	check_nothing_done(&request, -EINVAL);
	fake.task[0].uid = fake.task[0].saved_uid = 0;
	check_nothing_done(&request, -EACCES);
}

/* The writer 20 runs a program of another user's. */
static void check_writer_of_another_user(int error_of_0)
{
	struct ucg_attach_request by_name = request_to("/b", 20);
	struct ucg_attach_request by_0 = request_to("/b", 0);

	fake.task[1].uid = fake.task[1].saved_uid = 0;
	check_nothing_done(&by_name, -EACCES);
	assert_int_equal(attach(&by_0), error_of_0);
}

static void the_writer_needs_permission_to_move_itself(void **state)
{
	(void)state;
	check_writer_of_another_user(-EACCES);
}

static void the_writer_may_always_move_itself_by_0_by_the_original_rules(void **state)
{
	(void)state;
	check_writer_of_another_user(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
#define TEST_ORIGINAL(name) cmocka_unit_test_setup_teardown(name, start_original, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_move_settles_both_then_marks_then_changes_both),
		TEST(a_move_out_of_the_root_sets_its_bit_and_settles_only_the_target),
		TEST(a_move_to_the_root_changes_the_source_alone),
		TEST(a_move_into_a_group_with_tasks_changes_the_source_alone),
		TEST(pid_0_is_the_writer),
		TEST(a_single_thread_may_be_named_by_tasks),
		TEST(a_zombie_leader_moves_its_threads_by_procs),
		TEST(a_removed_target_is_refused_before_all_else),
		TEST(a_writer_whom_our_pid_namespace_does_not_know_may_not_name_himself),
		TEST(the_only_thread_of_the_writer_waits_for_us),
		TEST(a_task_that_is_not_there_is_esrch),
		TEST(a_bound_kernel_thread_is_refused_before_permission),
		TEST(permission_is_refused_before_the_dead_are_looked_at),
		TEST(a_zombie_is_success_without_a_change),
		TEST(a_task_that_is_there_already_is_success_without_a_change),
		TEST(one_thread_of_several_moves_alone),
		TEST(one_thread_that_cannot_be_told_is_refused_with_one_log_line),
		TEST(a_split_process_leaves_each_group_that_a_thread_was_in),
		TEST(a_split_process_that_is_there_with_all_threads_stays),
		TEST(what_the_tracker_says_of_the_attach_is_passed_on),
		TEST(settling_that_takes_longer_is_passed_on_before_any_effect),
		TEST(a_task_found_dead_by_settling_is_not_moved),
		TEST(the_source_is_the_group_after_settling),
		TEST(a_change_committed_by_settling_is_not_undone),
		TEST(a_change_committed_by_the_trackers_attach_is_not_undone),
		TEST_ORIGINAL(a_zombie_is_missing_by_the_original_rules),
		TEST_ORIGINAL(the_dead_are_looked_at_before_permission_by_the_original_rules),
		TEST_ORIGINAL(
			a_bound_kernel_thread_is_refused_after_permission_by_the_original_rules),
		TEST(the_writer_needs_permission_to_move_itself),
		TEST_ORIGINAL(the_writer_may_always_move_itself_by_0_by_the_original_rules),
		cmocka_unit_test(the_opener_must_be_root_or_the_real_or_saved_uid),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
