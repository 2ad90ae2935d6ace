/* SPDX-License-Identifier: MIT */
/* What cgroup.tracking says, and when it tells that it says something else: weakness.h. */
#include "family.h"
#include "tracked.h"

#include <linux/ioprio.h>

#include "hint.h"
#include "marker.h"
#include "probe.h"
#include "track_internal.h"

#define SOMEBODY_ELSES (IOPRIO_CLASS_BE << 13 | 700 << 3 | 4)

static struct roster *roster(struct tracked *tracked)
{
	return &track_of(tracked->tracker)->roster;
}

static void need_hints(struct tracked *tracked)
{
	if (roster(tracked)->hints && track_of(tracked->tracker)->has_thread_pidfd)
		return;
	print_message("this kernel keeps no hints, or has no pidfds of threads\n");
	skip();
}

static void say(struct tracked *tracked, struct ucg_group_id group, char *text, size_t size)
{
	size_t count[UCG_WEAKNESSES] = {0}, length = 0;

	count_weakness(tracked, group, count);
	text[0] = '\0';
	for (int why = 0; why < UCG_WEAKNESSES; why++)
		if (count[why])
			length += (size_t)snprintf(text + length, size - length, "%s %zu ",
						   ucg_weakness_names[why], count[why]);
}

/* @expected: words and numbers, each followed by a blank; "": exactly. */
static void check_says(struct tracked *tracked, struct ucg_group_id group, const char *expected)
{
	char got[200];

	say(tracked, group, got, sizeof(got));
	assert_string_equal(got, expected);
}

static void set_io_priority(pid_t tid, int value)
{
	assert_int_equal(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, value), 0);
}

static pid_t whole(struct tracked *tracked)
{
	return nursery_spawn(&tracked->nursery, sit, 0);
}

static pid_t with_another_hint(struct tracked *tracked)
{
	pid_t pid = whole(tracked);

	set_io_priority(pid, SOMEBODY_ELSES);
	return pid;
}

static pid_t with_low_limits(struct tracked *tracked)
{
	pid_t pid = whole(tracked);

	set_hard_limit(pid, RLIMIT_LOCKS, 5);
	set_hard_limit(pid, RLIMIT_RSS, 5);
	return pid;
}

static void lose_hint(pid_t pid)
{
	set_io_priority(pid, 0);
}

static void lose_limit(pid_t pid)
{
	set_soft_limit(pid, RLIMIT_LOCKS, RLIM_INFINITY);
}

static void attach_alone(struct tracked *tracked, pid_t tid, struct ucg_group_id to)
{
	struct ucg_task task = find(tracked, tid);

	settle(tracked, task.group);
	settle(tracked, to);
	task.alone = true;
	assert_int_equal(tracked->tracker->ops->attach(tracked->tracker, &task, to), 0);
}

/* ---- words ---- */

static void a_group_without_members_is_followed_exactly(void **state)
{
	check_says(*state, A, "");
	check_says(*state, UCG_ROOT_ID, "");
}

static void members_with_both_marks_are_followed_exactly(void **state)
{
	struct tracked *tracked = *state;

	need_hints(tracked);
	attach(tracked, whole(tracked), A);
	attach(tracked, whole(tracked), A);
	check_says(tracked, A, "");
}

static void members_beside_anothers_hint_are_counted_as_no_hint(void **state)
{
	struct tracked *tracked = *state;

	need_hints(tracked);
	attach(tracked, whole(tracked), A);
	attach(tracked, with_another_hint(tracked), A);
	check_says(tracked, A, "no-hint 1 ");
	attach(tracked, with_another_hint(tracked), A);
	check_says(tracked, A, "no-hint 2 ");
	check_says(tracked, B, "");
}

static void where_no_hints_are_kept_it_is_no_hint_for_each_process(void **state)
{
	struct tracked *tracked = *state;

	attach(tracked, whole(tracked), A);
	attach(tracked, whole(tracked), A);
	check_says(tracked, A, "no-hint 2 ");
}

static void members_without_room_for_a_marker_are_counted_as_no_marker(void **state)
{
	struct tracked *tracked = *state;

	need_hints(tracked);
	attach(tracked, with_low_limits(tracked), A);
	attach(tracked, with_low_limits(tracked), A);
	attach(tracked, whole(tracked), A);
	check_says(tracked, A, "no-marker 2 ");
}

static void threads_that_were_moved_alone_are_counted_as_no_marker(void **state)
{
	struct tracked *tracked = *state;
	struct family family;
	pid_t tid;

	need_hints(tracked);
	family_init(&family, &tracked->nursery);
	family_spawn(&family);
	tid = family_tells(&family, 0, FAMILY_THREAD);
	attach_alone(tracked, tid, A);
	check_says(tracked, A, "no-marker 1 ");
	/* Its child has both, once it has been looked at. */
	family_tells(&family, 1, FAMILY_FORK);
	check_says(tracked, A, "no-marker 1 ");
	family_deinit(&family);
}

static void members_that_lost_both_marks_are_counted_as_unmarked(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = whole(tracked);

	need_hints(tracked);
	attach(tracked, pid, A);
	lose_limit(pid);
	lose_hint(pid);
	check_says(tracked, A, "unmarked 1 ");
	check_says(tracked, A, "unmarked 1 ");
}

static void a_leader_that_was_moved_alone_is_counted_as_an_unseen_exit(void **state)
{
	struct tracked *tracked = *state;
	struct family family;
	pid_t pid, tid;

	need_hints(tracked);
	family_init(&family, &tracked->nursery);
	pid = family_spawn(&family);
	tid = family_tells(&family, 0, FAMILY_THREAD);
	attach_alone(tracked, pid, A);
	check_says(tracked, A, "no-marker 1 unseen-exit 1 ");
	/* Another's end is seen, and the leader's by then. */
	attach(tracked, whole(tracked), A);
	check_says(tracked, A, "no-marker 1 ");
	attach_alone(tracked, tid, B);
	check_says(tracked, B, "no-marker 1 ");
	family_deinit(&family);
}

static void who_may_choose_pids_is_counted_where_nobody_counts_them(void **state)
{
	struct tracked *tracked = *state;

	if (!probe_pids_are_chosen()) {
		print_message("this user may not choose pids\n");
		skip();
	}
	attach(tracked, whole(tracked), A);
	attach(tracked, whole(tracked), A);
	check_says(tracked, A, "chosen-pids 2 ");
	check_says(tracked, B, "");
}

static void several_reasons_are_told_together(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = whole(tracked);

	need_hints(tracked);
	attach(tracked, pid, A);
	attach(tracked, with_another_hint(tracked), A);
	attach(tracked, with_low_limits(tracked), A);
	lose_limit(pid);
	lose_hint(pid);
	check_says(tracked, A, "no-hint 1 no-marker 1 unmarked 1 ");
}

static void the_root_says_the_sums_of_all_groups(void **state)
{
	struct tracked *tracked = *state;

	need_hints(tracked);
	attach(tracked, with_another_hint(tracked), A);
	attach(tracked, with_another_hint(tracked), B);
	attach(tracked, with_low_limits(tracked), B);
	attach(tracked, whole(tracked), C);
	check_says(tracked, UCG_ROOT_ID, "no-hint 2 no-marker 1 ");
}

/* ---- marks that come back ---- */

static void a_lost_limit_comes_back_when_it_is_looked_at(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = whole(tracked);

	need_hints(tracked);
	attach(tracked, pid, A);
	lose_limit(pid);
	check_says(tracked, A, "");
	assert_true(marker_is_any(soft_limit(pid, RLIMIT_LOCKS)));
	assert_true(hint_get(pid) > 0);
}

static void a_lost_hint_comes_back_when_it_is_looked_at(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = whole(tracked);

	need_hints(tracked);
	attach(tracked, pid, A);
	lose_hint(pid);
	check_says(tracked, A, "");
	assert_true(hint_get(pid) > 0);
}

static void marks_that_both_were_lost_do_not_come_back(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = whole(tracked);

	need_hints(tracked);
	attach(tracked, pid, A);
	lose_limit(pid);
	lose_hint(pid);
	check_says(tracked, A, "unmarked 1 ");
	assert_false(marker_is_any(soft_limit(pid, RLIMIT_LOCKS)));
	assert_int_equal(hint_get(pid), 0);
	/* It is a member still, and may be marked by an attach. */
	CHECK_PROCESSES(tracked, A, pid);
	attach(tracked, pid, B);
	check_says(tracked, A, "");
	check_says(tracked, B, "");
}

/* ---- when it is told ---- */

static void check_told(struct tracked *tracked, unsigned a, unsigned b, unsigned root)
{
	turn_while_busy(tracked);
	assert_int_equal(tracked->restated[A.value], a);
	assert_int_equal(tracked->restated[B.value], b);
	assert_int_equal(tracked->restated[UCG_ROOT_ID.value], root);
}

static void whole_members_that_come_and_go_are_not_told(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = whole(tracked);

	need_hints(tracked);
	attach(tracked, pid, A);
	check_says(tracked, A, "");
	attach(tracked, pid, B);
	kill(pid, SIGKILL);
	await_emptied(tracked, B, 1);
	check_told(tracked, 0, 0, 0);
}

static void reading_it_again_is_not_told(void **state)
{
	struct tracked *tracked = *state;

	need_hints(tracked);
	attach(tracked, with_another_hint(tracked), A);
	check_told(tracked, 1, 0, 1);
	for (int i = 0; i < 3; i++)
		check_says(tracked, A, "no-hint 1 ");
	check_told(tracked, 1, 0, 1);
}

static void a_weak_member_that_comes_is_told_and_its_end(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid;

	need_hints(tracked);
	pid = with_another_hint(tracked);
	attach(tracked, pid, A);
	check_told(tracked, 1, 0, 1);
	attach(tracked, whole(tracked), A);
	check_told(tracked, 1, 0, 1);
	kill(pid, SIGKILL);
	await_death(pid);
	settle(tracked, A);
	check_says(tracked, A, "");
	check_told(tracked, 2, 0, 2);
}

static void a_weak_member_that_moves_is_told_of_both_groups(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid;

	need_hints(tracked);
	pid = with_another_hint(tracked);
	attach(tracked, pid, A);
	check_told(tracked, 1, 0, 1);
	attach(tracked, pid, B);
	turn_while_busy(tracked);
	assert_true(tracked->restated[A.value] == 2);
	assert_true(tracked->restated[B.value] == 1);
}

static void what_comes_back_at_once_is_not_told(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = whole(tracked);

	need_hints(tracked);
	attach(tracked, pid, A);
	lose_limit(pid);
	check_says(tracked, A, "");
	lose_hint(pid);
	check_says(tracked, A, "");
	check_told(tracked, 0, 0, 0);
}

static void marks_lost_are_told_when_somebody_looks(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = whole(tracked);

	need_hints(tracked);
	attach(tracked, pid, A);
	lose_limit(pid);
	lose_hint(pid);
	check_told(tracked, 0, 0, 0);
	check_says(tracked, A, "unmarked 1 ");
	check_told(tracked, 1, 0, 1);
}

static unsigned no_hints = 1u << UCG_PROBE_HINTS;
static unsigned no_clock = 1u << UCG_PROBE_PIDFS_CLOCK;

#define TEST(name) cmocka_unit_test_setup_teardown(name, tracked_setup, tracked_teardown)
#define WITHOUT(switched_off, name)                                                                \
	cmocka_unit_test_prestate_setup_teardown(name, tracked_setup, tracked_teardown,            \
						 &(switched_off))

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_group_without_members_is_followed_exactly),
		TEST(members_with_both_marks_are_followed_exactly),
		TEST(members_beside_anothers_hint_are_counted_as_no_hint),
		WITHOUT(no_hints, where_no_hints_are_kept_it_is_no_hint_for_each_process),
		TEST(members_without_room_for_a_marker_are_counted_as_no_marker),
		TEST(threads_that_were_moved_alone_are_counted_as_no_marker),
		TEST(members_that_lost_both_marks_are_counted_as_unmarked),
		TEST(a_leader_that_was_moved_alone_is_counted_as_an_unseen_exit),
		WITHOUT(no_clock, who_may_choose_pids_is_counted_where_nobody_counts_them),
		TEST(several_reasons_are_told_together),
		TEST(the_root_says_the_sums_of_all_groups),
		TEST(a_lost_limit_comes_back_when_it_is_looked_at),
		TEST(a_lost_hint_comes_back_when_it_is_looked_at),
		TEST(marks_that_both_were_lost_do_not_come_back),
		TEST(whole_members_that_come_and_go_are_not_told),
		TEST(reading_it_again_is_not_told),
		TEST(a_weak_member_that_comes_is_told_and_its_end),
		TEST(a_weak_member_that_moves_is_told_of_both_groups),
		TEST(what_comes_back_at_once_is_not_told),
		TEST(marks_lost_are_told_when_somebody_looks),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}
