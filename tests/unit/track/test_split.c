/* SPDX-License-Identifier: MIT */
/* Processes whose threads are in different groups: split.h. */
#include "family.h"
#include "tracked.h"

#include "carry.h"
#include "hint.h"
#include "marker.h"
#include "track_internal.h"

#define ROUNDS 50

/* A process with a second thread, which the test moves alone. */
struct bench {
	struct tracked *tracked;
	struct family family;
	pid_t pid, tid;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	void *tracked = *state;

	assert_non_null(bench);
	tracked_setup(&tracked);
	bench->tracked = tracked;
	family_init(&bench->family, &bench->tracked->nursery);
	bench->pid = family_spawn(&bench->family);
	bench->tid = family_tells(&bench->family, 0, FAMILY_THREAD);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	void *tracked = bench->tracked;
	int result;

	family_deinit(&bench->family);
	free(bench);
	result = tracked_teardown(&tracked);
	return result;
}

static struct track *track(struct bench *bench)
{
	return track_of(bench->tracked->tracker);
}

static int try_attach_alone(struct bench *bench, pid_t tid, struct ucg_group_id to)
{
	struct tracked *tracked = bench->tracked;
	struct ucg_task task = find(tracked, tid);

	settle(tracked, task.group);
	settle(tracked, to);
	task.alone = true;
	return tracked->tracker->ops->attach(tracked->tracker, &task, to);
}

static void attach_alone(struct bench *bench, pid_t tid, struct ucg_group_id to)
{
	if (!track(bench)->roster.hints || !track(bench)->has_thread_pidfd) {
		print_message("this kernel has no means to tell threads apart\n");
		skip();
	}
	assert_int_equal(try_attach_alone(bench, tid, to), 0);
}

static void check_in(struct bench *bench, pid_t tid, struct ucg_group_id group)
{
	assert_int_equal(find(bench->tracked, tid).group.value, group.value);
}

/* No process of threads that are members on their own, and not a member itself. */
static void check_stripped(struct bench *bench, pid_t pid, uint64_t limit)
{
	turn_while_busy(bench->tracked);
	assert_null(roster_split(&track(bench)->roster, pid));
	assert_null(roster_member(&track(bench)->roster, pid));
	assert_int_equal(hint_get(pid), 0);
	assert_true(soft_limit(pid, RLIMIT_LOCKS) == limit);
}

static void check_whole(struct bench *bench, pid_t pid)
{
	struct member *member;

	turn_while_busy(bench->tracked);
	assert_null(roster_split(&track(bench)->roster, pid));
	member = roster_member(&track(bench)->roster, pid);
	assert_non_null(member);
	assert_null(member->split);
	assert_int_equal(member->state, MARK_BOTH);
	assert_int_equal(hint_get(pid), member->epoch->hint);
	assert_true(soft_limit(pid, RLIMIT_LOCKS) ==
		    marker_value(track(bench)->roster.scheme.hierarchy, member->epoch->value));
}

/* ---- who is where ---- */

static void a_thread_moves_alone(void **state)
{
	struct bench *bench = *state;

	attach_alone(bench, bench->tid, A);
	CHECK_TASKS(bench->tracked, A, bench->tid);
	CHECK_PROCESSES(bench->tracked, A, bench->pid);
	check_in(bench, bench->tid, A);
	check_in(bench, bench->pid, UCG_ROOT_ID);
	assert_true(find(bench->tracked, bench->pid).split);
}

static void the_leader_moves_alone(void **state)
{
	struct bench *bench = *state;

	attach_alone(bench, bench->pid, A);
	CHECK_TASKS(bench->tracked, A, bench->pid);
	check_in(bench, bench->tid, UCG_ROOT_ID);
}

static void the_rest_stays_in_the_group_of_its_process(void **state)
{
	struct bench *bench = *state;
	pid_t third = family_tells(&bench->family, 0, FAMILY_THREAD);

	attach(bench->tracked, bench->pid, A);
	attach_alone(bench, bench->tid, B);
	CHECK_TASKS(bench->tracked, A, bench->pid, third);
	CHECK_TASKS(bench->tracked, B, bench->tid);
	CHECK_PROCESSES(bench->tracked, A, bench->pid);
	CHECK_PROCESSES(bench->tracked, B, bench->pid);
	assert_int_equal(bench->tracked->emptied[A.value], 0);
}

static void the_groups_of_a_process_are_those_of_its_threads(void **state)
{
	struct bench *bench = *state;
	struct ucg_group_ids ids = {0};
	struct ucg_task task;

	family_tells(&bench->family, 0, FAMILY_THREAD);
	attach(bench->tracked, bench->pid, B);
	attach_alone(bench, bench->tid, A);
	task = find(bench->tracked, bench->pid);
	assert_int_equal(bench->tracked->tracker->ops->groups(bench->tracked->tracker, &task, &ids),
			 0);
	assert_int_equal(ids.count, 2);
	assert_int_equal(ids.id[0].value, A.value);
	assert_int_equal(ids.id[1].value, B.value);
	ucg_group_ids_clear(&ids);
}

static void a_whole_move_gathers_all_threads(void **state)
{
	struct bench *bench = *state;

	attach_alone(bench, bench->tid, A);
	attach_alone(bench, bench->pid, B);
	attach(bench->tracked, bench->pid, C);
	CHECK_TASKS(bench->tracked, C, bench->pid, bench->tid);
	check_empty(bench->tracked, A, 1);
	check_empty(bench->tracked, B, 1);
	check_whole(bench, bench->pid);
	assert_int_equal(hint_get(bench->tid), hint_get(bench->pid));
}

static void a_thread_that_moves_on_empties_its_group(void **state)
{
	struct bench *bench = *state;

	for (unsigned round = 1; round <= 3; round++) {
		attach_alone(bench, bench->tid, A);
		CHECK_TASKS(bench->tracked, A, bench->tid);
		attach_alone(bench, bench->tid, B);
		check_empty(bench->tracked, A, round);
		CHECK_TASKS(bench->tracked, B, bench->tid);
	}
}

/* ---- what they make ---- */

static void its_child_is_a_whole_process_in_its_group(void **state)
{
	struct bench *bench = *state;
	pid_t child;

	attach_alone(bench, bench->tid, A);
	child = family_tells(&bench->family, 1, FAMILY_FORK);
	CHECK_TASKS(bench->tracked, A, bench->tid, child);
	CHECK_PROCESSES(bench->tracked, A, bench->pid, child);
	check_whole(bench, child);
}

static void the_child_of_the_rest_is_with_the_rest(void **state)
{
	struct bench *bench = *state;
	pid_t child;

	attach_alone(bench, bench->tid, A);
	child = family_tells(&bench->family, 0, FAMILY_FORK);
	CHECK_TASKS(bench->tracked, A, bench->tid);
	check_in(bench, child, UCG_ROOT_ID);
	attach_alone(bench, bench->pid, B);
	child = family_tells(&bench->family, 0, FAMILY_FORK);
	CHECK_TASKS(bench->tracked, A, bench->tid);
	CHECK_TASKS(bench->tracked, B, bench->pid, child);
}

static void the_thread_that_it_makes_is_in_its_group(void **state)
{
	struct bench *bench = *state;
	pid_t of_thread, of_leader;

	attach_alone(bench, bench->tid, A);
	of_thread = family_tells(&bench->family, 1, FAMILY_THREAD);
	of_leader = family_tells(&bench->family, 0, FAMILY_THREAD);
	CHECK_TASKS(bench->tracked, A, bench->tid, of_thread);
	check_in(bench, of_leader, UCG_ROOT_ID);
}

static void its_child_outlives_it_and_keeps_the_group(void **state)
{
	struct bench *bench = *state;
	pid_t child;

	attach_alone(bench, bench->tid, A);
	child = family_tells(&bench->family, 1, FAMILY_FORK);
	kill_and_reap(bench->pid);
	CHECK_TASKS(bench->tracked, A, child);
	assert_int_equal(bench->tracked->emptied[A.value], 0);
	kill(child, SIGKILL);
	await_emptied(bench->tracked, A, 1);
}

/* ---- exec ---- */

static void exec_by_it_takes_the_process_to_its_group(void **state)
{
	struct bench *bench = *state;

	attach_alone(bench, bench->tid, A);
	family_command(&bench->family, 1, FAMILY_EXEC);
	await_program(bench->pid, "sleep");
	CHECK_TASKS(bench->tracked, A, bench->pid);
	assert_int_equal(bench->tracked->emptied[A.value], 0);
	check_whole(bench, bench->pid);
}

static void exec_by_it_empties_the_leaders_group(void **state)
{
	struct bench *bench = *state;

	attach_alone(bench, bench->pid, A);
	attach_alone(bench, bench->tid, B);
	family_command(&bench->family, 1, FAMILY_EXEC);
	await_program(bench->pid, "sleep");
	check_empty(bench->tracked, A, 1);
	CHECK_TASKS(bench->tracked, B, bench->pid);
	check_whole(bench, bench->pid);
}

static void exec_by_the_leader_empties_the_threads_group(void **state)
{
	struct bench *bench = *state;

	attach_alone(bench, bench->pid, A);
	attach_alone(bench, bench->tid, B);
	family_command(&bench->family, 0, FAMILY_EXEC);
	await_program(bench->pid, "sleep");
	await_emptied(bench->tracked, B, 1);
	CHECK_TASKS(bench->tracked, A, bench->pid);
	check_whole(bench, bench->pid);
}

static void exec_by_the_rest_strips_the_process(void **state)
{
	struct bench *bench = *state;
	uint64_t limit = soft_limit(bench->pid, RLIMIT_LOCKS);

	attach_alone(bench, bench->tid, A);
	family_command(&bench->family, 0, FAMILY_EXEC);
	await_program(bench->pid, "sleep");
	await_emptied(bench->tracked, A, 1);
	check_stripped(bench, bench->pid, limit);
}

/* ---- ends ---- */

static void its_end_empties_its_group(void **state)
{
	struct bench *bench = *state;

	attach_alone(bench, bench->tid, A);
	family_command(&bench->family, 1, FAMILY_EXIT);
	await_emptied(bench->tracked, A, 1);
	check_empty(bench->tracked, A, 1);
}

static void the_end_of_the_process_empties_each_group_once(void **state)
{
	struct bench *bench = *state;

	attach_alone(bench, bench->tid, A);
	attach_alone(bench, bench->pid, B);
	kill(bench->pid, SIGKILL);
	await_emptied(bench->tracked, A, 1);
	await_emptied(bench->tracked, B, 1);
	check_empty(bench->tracked, A, 1);
	check_empty(bench->tracked, B, 1);
}

static void a_leader_that_ends_empties_its_group(void **state)
{
	struct bench *bench = *state;

	attach_alone(bench, bench->pid, A);
	family_command(&bench->family, 0, FAMILY_EXIT);
	await_state(bench->pid, 'Z');
	check_empty(bench->tracked, A, 1);
	check_in(bench, bench->tid, UCG_ROOT_ID);
}

static void a_leader_that_ends_is_noticed_without_being_asked_for(void **state)
{
	struct bench *bench = *state;

	attach_alone(bench, bench->pid, A);
	family_command(&bench->family, 0, FAMILY_EXIT);
	await_emptied(bench->tracked, A, 1);
}

static void threads_stay_where_they_are_when_the_leader_ends(void **state)
{
	struct bench *bench = *state;
	pid_t child, third;

	attach_alone(bench, bench->tid, A);
	family_command(&bench->family, 0, FAMILY_EXIT);
	await_state(bench->pid, 'Z');
	third = family_tells(&bench->family, 1, FAMILY_THREAD);
	child = family_tells(&bench->family, 1, FAMILY_FORK);
	CHECK_TASKS(bench->tracked, A, bench->tid, third, child);
	assert_int_equal(bench->tracked->emptied[A.value], 0);
}

/* ---- whole again ---- */

static void with_one_thread_left_it_is_whole_again(void **state)
{
	struct bench *bench = *state;
	pid_t child;

	attach_alone(bench, bench->pid, A);
	attach_alone(bench, bench->tid, B);
	family_command(&bench->family, 1, FAMILY_EXIT);
	await_thread_gone(bench->pid, bench->tid);
	await_emptied(bench->tracked, B, 1);
	check_whole(bench, bench->pid);
	child = family_tells(&bench->family, 0, FAMILY_FORK);
	CHECK_TASKS(bench->tracked, A, bench->pid, child);
	kill(bench->pid, SIGKILL);
	kill(child, SIGKILL);
	await_emptied(bench->tracked, A, 1);
}

static void with_no_member_left_it_is_stripped(void **state)
{
	struct bench *bench = *state;

	set_soft_limit(bench->pid, RLIMIT_LOCKS, 4711);
	attach_alone(bench, bench->tid, A);
	assert_true(marker_is_any(soft_limit(bench->pid, RLIMIT_LOCKS)));
	family_command(&bench->family, 1, FAMILY_EXIT);
	await_emptied(bench->tracked, A, 1);
	check_stripped(bench, bench->pid, 4711);
}

static void moved_back_to_the_root_it_is_stripped(void **state)
{
	struct bench *bench = *state;

	set_soft_limit(bench->pid, RLIMIT_LOCKS, 4711);
	attach_alone(bench, bench->tid, A);
	attach_alone(bench, bench->tid, UCG_ROOT_ID);
	check_empty(bench->tracked, A, 1);
	check_stripped(bench, bench->pid, 4711);
	assert_int_equal(hint_get(bench->tid), 0);
}

static void a_whole_move_to_the_root_strips_it(void **state)
{
	struct bench *bench = *state;

	set_soft_limit(bench->pid, RLIMIT_LOCKS, 4711);
	attach_alone(bench, bench->tid, A);
	attach_alone(bench, bench->pid, B);
	attach(bench->tracked, bench->pid, UCG_ROOT_ID);
	check_empty(bench->tracked, A, 1);
	check_empty(bench->tracked, B, 1);
	check_stripped(bench, bench->pid, 4711);
	assert_int_equal(hint_get(bench->tid), 0);
}

static void the_end_of_tracking_gives_all_back(void **state)
{
	struct bench *bench = *state;
	pid_t child;

	set_soft_limit(bench->pid, RLIMIT_LOCKS, 4711);
	attach_alone(bench, bench->tid, A);
	attach_alone(bench, bench->pid, B);
	child = family_tells(&bench->family, 1, FAMILY_FORK);
	assert_int_equal(tracked_stop(bench->tracked), 2);
	assert_int_equal(soft_limit(bench->pid, RLIMIT_LOCKS), 4711);
	assert_int_equal(soft_limit(child, RLIMIT_LOCKS), 4711);
	assert_int_equal(hint_get(bench->pid), 0);
	assert_int_equal(hint_get(bench->tid), 0);
	assert_int_equal(hint_get(child), 0);
}

/* Hints and epochs are given back: there are fewer than a thousand of the former. */
static void nothing_is_used_up_by_splitting(void **state)
{
	struct bench *bench = *state;
	unsigned free_count = 0;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		attach_alone(bench, bench->tid, A);
		attach_alone(bench, bench->pid, B);
		attach_alone(bench, bench->tid, UCG_ROOT_ID);
		attach_alone(bench, bench->pid, UCG_ROOT_ID);
		check_empty(bench->tracked, A, round);
		check_empty(bench->tracked, B, round);
		if (round == 1)
			free_count = track(bench)->roster.hints->free_count;
	}
	assert_int_equal(track(bench)->roster.hints->free_count, free_count);
}

/* ---- where it can't be done ---- */

static void an_ended_thread_is_esrch(void **state)
{
	struct bench *bench = *state;
	struct ucg_task task = find(bench->tracked, bench->tid);
	uint64_t limit = soft_limit(bench->pid, RLIMIT_LOCKS);

	task.alone = true;
	family_command(&bench->family, 1, FAMILY_EXIT);
	await_thread_gone(bench->pid, bench->tid);
	assert_int_equal(bench->tracked->tracker->ops->attach(bench->tracked->tracker, &task, A),
			 -ESRCH);
	check_empty(bench->tracked, A, 0);
	check_stripped(bench, bench->pid, limit);
}

static void a_thread_without_means_is_eopnotsupp_and_its_process_moves(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(try_attach_alone(bench, bench->tid, A), -EOPNOTSUPP);
	check_empty(bench->tracked, A, 0);
	assert_null(roster_split(&track(bench)->roster, bench->pid));
	attach(bench->tracked, bench->pid, A);
	CHECK_TASKS(bench->tracked, A, bench->pid, bench->tid);
}

static void beside_two_other_hierarchies_a_thread_is_ebusy(void **state)
{
	struct bench *bench = *state;
	uint16_t ours = track(bench)->roster.scheme.hierarchy;

	set_soft_limit(bench->pid, RLIMIT_LOCKS, marker_value((uint16_t)(ours + 1), 1));
	set_soft_limit(bench->pid, RLIMIT_RSS, marker_value((uint16_t)(ours + 2), 1));
	if (track(bench)->has_thread_pidfd && track(bench)->roster.hints)
		assert_int_equal(try_attach_alone(bench, bench->tid, A), -EBUSY);
	check_empty(bench->tracked, A, 0);
	assert_int_equal(hint_get(bench->tid), 0);
}

static unsigned no_hints = 1u << UCG_PROBE_HINTS;
static unsigned no_thread_pidfd = 1u << UCG_PROBE_THREAD_PIDFD;

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define WITHOUT(switched_off, name)                                                                \
	{                                                                                          \
#name " (" #switched_off ")", name, setup, teardown, &(switched_off)               \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_thread_moves_alone),
		TEST(the_leader_moves_alone),
		TEST(the_rest_stays_in_the_group_of_its_process),
		TEST(the_groups_of_a_process_are_those_of_its_threads),
		TEST(a_whole_move_gathers_all_threads),
		TEST(a_thread_that_moves_on_empties_its_group),
		TEST(its_child_is_a_whole_process_in_its_group),
		TEST(the_child_of_the_rest_is_with_the_rest),
		TEST(the_thread_that_it_makes_is_in_its_group),
		TEST(its_child_outlives_it_and_keeps_the_group),
		TEST(exec_by_it_takes_the_process_to_its_group),
		TEST(exec_by_it_empties_the_leaders_group),
		TEST(exec_by_the_leader_empties_the_threads_group),
		TEST(exec_by_the_rest_strips_the_process),
		TEST(its_end_empties_its_group),
		TEST(the_end_of_the_process_empties_each_group_once),
		TEST(a_leader_that_ends_empties_its_group),
		TEST(a_leader_that_ends_is_noticed_without_being_asked_for),
		TEST(threads_stay_where_they_are_when_the_leader_ends),
		TEST(with_one_thread_left_it_is_whole_again),
		TEST(with_no_member_left_it_is_stripped),
		TEST(moved_back_to_the_root_it_is_stripped),
		TEST(a_whole_move_to_the_root_strips_it),
		TEST(the_end_of_tracking_gives_all_back),
		TEST(nothing_is_used_up_by_splitting),
		TEST(an_ended_thread_is_esrch),
		WITHOUT(no_hints, a_thread_without_means_is_eopnotsupp_and_its_process_moves),
		WITHOUT(no_thread_pidfd,
			a_thread_without_means_is_eopnotsupp_and_its_process_moves),
		TEST(beside_two_other_hierarchies_a_thread_is_ebusy),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}
