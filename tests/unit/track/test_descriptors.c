/* SPDX-License-Identifier: MIT */
/* Few descriptors: an attach may fail for it, and nothing is ever declared empty for it. */
#include "tracked.h"

#include <stdio.h>

#include "roster.h"
#include "track_internal.h"

/* Of the whole program.  The tracker keeps half of so few for itself. */
#define HARD_LIMIT 128

static size_t held_max(const struct tracked *tracked)
{
	return track_of(tracked->tracker)->roster.held_max;
}

static struct ucg_group_id group_number(size_t number)
{
	return (struct ucg_group_id){10 + number};
}

/* From now on nothing can be opened. */
static struct rlimit take_all_descriptors(void)
{
	struct rlimit limit, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	/* poll(2) wants to be allowed as many as it looks at. */
	none = (struct rlimit){.rlim_cur = 1, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return limit;
}

static void give_back_descriptors(struct rlimit limit)
{
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* One member each, so that nothing can be spared.  Return: how many. */
static size_t fill(struct tracked *tracked, pid_t *pids)
{
	size_t count = held_max(tracked);

	assert_true(count < HARD_LIMIT);
	for (size_t i = 0; i < count; i++) {
		pids[i] = nursery_spawn(&tracked->nursery, stay, 0);
		attach(tracked, pids[i], group_number(i));
	}
	return count;
}

static void the_limit_of_descriptors_bounds_what_is_held(void **state)
{
	struct tracked *tracked = *state;

	assert_true(held_max(tracked) > 0);
	assert_true(held_max(tracked) <= HARD_LIMIT);
}

static void an_attach_for_which_nothing_can_be_spared_is_emfile(void **state)
{
	struct tracked *tracked = *state;
	pid_t pids[HARD_LIMIT], pid = nursery_spawn(&tracked->nursery, stay, 0);
	uint64_t before = soft_limit(pid, RLIMIT_LOCKS);

	fill(tracked, pids);
	assert_int_equal(try_attach(tracked, pid, A), -EMFILE);
	assert_true(soft_limit(pid, RLIMIT_LOCKS) == before);
	check_empty(tracked, A, 0);
	/* As soon as one is free, it works. */
	kill_and_reap(pids[0]);
	settle(tracked, group_number(0));
	assert_int_equal(tracked->emptied[group_number(0).value], 1);
	attach(tracked, pid, A);
	CHECK_PROCESSES(tracked, A, pid);
}

static void a_move_needs_no_further_descriptor(void **state)
{
	struct tracked *tracked = *state;
	pid_t pids[HARD_LIMIT];

	fill(tracked, pids);
	attach(tracked, pids[0], A);
	CHECK_PROCESSES(tracked, A, pids[0]);
	await_emptied(tracked, group_number(0), 1);
}

static void an_attach_without_any_descriptor_is_emfile(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);
	struct ucg_task task = find(tracked, pid);
	struct rlimit limit = take_all_descriptors();
	int error = tracked->tracker->ops->attach(tracked->tracker, &task, A);

	give_back_descriptors(limit);
	assert_int_equal(error, -EMFILE);
	check_empty(tracked, A, 0);
}

/* More members than descriptors in one group. */
static size_t crowd(struct tracked *tracked, pid_t *pids)
{
	size_t count = held_max(tracked) + 10;

	for (size_t i = 0; i < count; i++) {
		pids[i] = nursery_spawn(&tracked->nursery, stay, 0);
		attach(tracked, pids[i], A);
	}
	assert_true(roster_group(&track_of(tracked->tracker)->roster, A)->held_count < count);
	return count;
}

static void more_members_than_descriptors_are_listed(void **state)
{
	struct tracked *tracked = *state;
	pid_t pids[2 * HARD_LIMIT];

	check_list(tracked, A, UCG_LIST_PROCESSES, pids, crowd(tracked, pids));
}

static void the_dead_among_them_are_not(void **state)
{
	struct tracked *tracked = *state;
	pid_t pids[2 * HARD_LIMIT];
	size_t count = crowd(tracked, pids);

	for (size_t i = 0; i < count / 2; i++) {
		kill(pids[2 * i], SIGKILL);
		await_death(pids[2 * i]);
		if (i % 2)
			reap(pids[2 * i]);
	}
	for (size_t i = 0; i < count / 2; i++)
		pids[i] = pids[2 * i + 1];
	check_list(tracked, A, UCG_LIST_PROCESSES, pids, count / 2);
	check_list(tracked, A, UCG_LIST_TASKS, pids, count / 2);
	assert_int_equal(tracked->emptied[A.value], 0);
}

static void the_last_of_them_empties_the_group(void **state)
{
	struct tracked *tracked = *state;
	pid_t pids[2 * HARD_LIMIT];
	size_t count = crowd(tracked, pids);

	for (size_t i = 1; i < count; i++)
		kill_and_reap(pids[i]);
	CHECK_PROCESSES(tracked, A, pids[0]);
	kill_and_reap(pids[0]);
	settle(tracked, A);
	check_empty(tracked, A, 1);
}

static void all_of_them_are_killed(void **state)
{
	struct tracked *tracked = *state;
	pid_t pids[2 * HARD_LIMIT];
	size_t count = crowd(tracked, pids);

	assert_int_equal(tracked->tracker->ops->kill(tracked->tracker, A), 0);
	for (size_t i = 0; i < count; i++)
		await_death(pids[i]);
	await_emptied(tracked, A, 1);
}

static void all_of_them_get_their_limit_back(void **state)
{
	struct tracked *tracked = *state;
	pid_t pids[2 * HARD_LIMIT];
	size_t count = crowd(tracked, pids);

	assert_int_equal(tracked_stop(tracked), 1);
	for (size_t i = 0; i < count; i++)
		assert_true(soft_limit(pids[i], RLIMIT_LOCKS) == RLIM_INFINITY);
}

/* A group whose members nothing holds: nobody was found by an event, nor can be. */
static void let_go_of(struct tracked *tracked, struct ucg_group_id group)
{
	struct roster *roster = &track_of(tracked->tracker)->roster;
	struct member *member = cds_list_first_entry(&roster_group(roster, group)->members,
						     struct member, of_group);
	struct epoch *epoch = member->epoch;
	pid_t pid = member->pid;

	roster_remove(roster, member);
	assert_non_null(roster_add(roster, pid, -1, epoch, NULL));
}

static void no_group_is_declared_empty_for_want_of_descriptors(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);
	struct rlimit limit;

	tracked->may_log = true;
	attach(tracked, pid, A);
	let_go_of(tracked, A);
	limit = take_all_descriptors();
	settle(tracked, A);
	for (int i = 0; i < 3; i++)
		turn(tracked, "the timer comes round");
	kill_and_reap(pid);
	/* Dead, but who could tell? */
	for (int i = 0; i < 3; i++)
		turn(tracked, "the timer comes round");
	assert_int_equal(tracked->emptied[A.value], 0);
	give_back_descriptors(limit);
	await_emptied(tracked, A, 1);
	check_empty(tracked, A, 1);
}

static void a_member_is_held_again_when_descriptors_are_back(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);

	attach(tracked, pid, A);
	let_go_of(tracked, A);
	settle(tracked, A);
	assert_int_equal(roster_group(&track_of(tracked->tracker)->roster, A)->held_count, 1);
	kill(pid, SIGKILL);
	await_emptied(tracked, A, 1);
}

/* With its last known member, when nothing can be looked at. */
static void a_group_that_loses_its_last_member_is_declared_later(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 1), child;
	struct rlimit limit;

	tracked->may_log = true;
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	limit = take_all_descriptors();
	kill_and_reap(pid);
	for (int i = 0; i < 3; i++)
		turn(tracked, "no descriptor");
	assert_int_equal(tracked->emptied[A.value], 0);
	give_back_descriptors(limit);
	settle(tracked, A);
	CHECK_PROCESSES(tracked, A, child);
	kill(child, SIGKILL);
	await_emptied(tracked, A, 1);
}

static void a_tracker_without_descriptors_is_emfile(void **state)
{
	struct ucg_track_config config = {.log = NULL};
	struct ucg_tracker *tracker = NULL;
	int dup_fds[HARD_LIMIT], count = 0, error;

	(void)state;
	/* At each number of descriptors that are left. */
	while (count < HARD_LIMIT && (dup_fds[count] = dup(STDERR_FILENO)) >= 0)
		count++;
	while (count > 0 && (error = ucg_track_new(&config, &tracker)) != 0) {
		assert_int_equal(error, -EMFILE);
		assert_null(tracker);
		close(dup_fds[--count]);
	}
	assert_non_null(tracker);
	assert_null(ucg_track_stop(tracker, &(size_t){0}));
	while (count > 0)
		close(dup_fds[--count]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tracked_setup, tracked_teardown)

int main(void)
{
	const struct rlimit limit = {HARD_LIMIT, HARD_LIMIT};
	const struct CMUnitTest tests[] = {
		TEST(the_limit_of_descriptors_bounds_what_is_held),
		TEST(an_attach_for_which_nothing_can_be_spared_is_emfile),
		TEST(a_move_needs_no_further_descriptor),
		TEST(an_attach_without_any_descriptor_is_emfile),
		TEST(more_members_than_descriptors_are_listed),
		TEST(the_dead_among_them_are_not),
		TEST(the_last_of_them_empties_the_group),
		TEST(all_of_them_are_killed),
		TEST(all_of_them_get_their_limit_back),
		TEST(no_group_is_declared_empty_for_want_of_descriptors),
		TEST(a_member_is_held_again_when_descriptors_are_back),
		TEST(a_group_that_loses_its_last_member_is_declared_later),
		cmocka_unit_test(a_tracker_without_descriptors_is_emfile),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return 1;
	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}
