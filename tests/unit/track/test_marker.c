/* SPDX-License-Identifier: MIT */
/* Markers on real processes: design.md §3, tracking.md §5. */
#include "processes.h"

#include "marker.h"

#define OURS 0x1234
#define OTHER 0x4321
#define THIRD 0x5555

static const struct marker_scheme first_only = {.hierarchy = OURS};
static const struct marker_scheme both = {.hierarchy = OURS, .second_used = true};

static void values_hold_hierarchy_and_epoch(void **state)
{
	(void)state;
	assert_true(marker_value(OURS, 7) == 0x7563123400000007u);
	assert_true(marker_value(0xffff, UINT32_MAX) == 0x7563ffffffffffffu);
	assert_true(marker_is_any(marker_value(OTHER, 0)));
	assert_false(marker_is_any(RLIM_INFINITY));
	assert_false(marker_is_any(0));
	assert_false(marker_is_any(0x7562ffffffffffffu));
	assert_true(marker_is_ours(OURS, marker_value(OURS, 0)));
	assert_true(marker_is_ours(OURS, marker_value(OURS, UINT32_MAX)));
	assert_false(marker_is_ours(OURS, marker_value(OTHER, 7)));
	assert_false(marker_is_ours(OURS, RLIM_INFINITY));
}

/* Whatever is written must be below "unlimited", which means that there is no limit. */
static void the_highest_marker_is_a_limit(void **state)
{
	(void)state;
	assert_true(marker_value(0xffff, UINT32_MAX) < RLIM_INFINITY);
}

static void a_process_without_marker_carries_none(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);
	struct marker marker;

	assert_int_equal(marker_read(&first_only, pid, &marker), 0);
	assert_int_equal(marker_read(&both, pid, &marker), 0);
}

static void a_process_that_is_gone_is_esrch(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);
	enum marker_carrier carrier;
	struct marker marker;
	uint64_t prior;
	bool is_heir;

	kill_and_reap(pid);
	assert_int_equal(marker_read(&first_only, pid, &marker), -ESRCH);
	assert_int_equal(
		marker_choose(NULL, pid, marker_value(OURS, 1), &carrier, &prior, &is_heir),
		-ESRCH);
	assert_int_equal(marker_write(pid, MARKER_LOCKS, marker_value(OURS, 1)), -ESRCH);
}

static void check_marker(const struct marker_scheme *scheme, pid_t pid, enum marker_carrier carrier,
			 uint32_t epoch)
{
	struct marker marker = {0};

	assert_int_equal(marker_read(scheme, pid, &marker), 1);
	assert_int_equal(marker.carrier, carrier);
	assert_int_equal(marker.epoch, epoch);
}

static void what_was_written_is_read(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	assert_int_equal(marker_write(pid, MARKER_LOCKS, marker_value(OURS, 77)), 0);
	check_marker(&first_only, pid, MARKER_LOCKS, 77);
	check_marker(&both, pid, MARKER_LOCKS, 77);
	assert_int_equal(marker_write(pid, MARKER_LOCKS, marker_value(OURS, 78)), 0);
	check_marker(&first_only, pid, MARKER_LOCKS, 78);
}

static void fork_copies_the_marker(void **state)
{
	struct nursery *nursery = *state;
	pid_t pid = nursery_spawn(nursery, fork_by_gate, 1);

	assert_int_equal(marker_write(pid, MARKER_LOCKS, marker_value(OURS, 5)), 0);
	open_gate(nursery, 1);
	check_marker(&first_only, await_report(nursery).pid, MARKER_LOCKS, 5);
}

static void a_zombie_answers(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	assert_int_equal(marker_write(pid, MARKER_LOCKS, marker_value(OURS, 5)), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	await_death(pid);
	check_marker(&first_only, pid, MARKER_LOCKS, 5);
}

static void the_second_limit_is_read_where_it_is_used(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);
	struct marker marker;

	assert_int_equal(marker_write(pid, MARKER_RSS, marker_value(OURS, 9)), 0);
	check_marker(&both, pid, MARKER_RSS, 9);
	assert_int_equal(marker_read(&first_only, pid, &marker), 0);
}

static void check_choice(pid_t pid, int error, enum marker_carrier carrier, uint64_t prior)
{
	enum marker_carrier got_carrier = MARKER_CARRIERS;
	uint64_t got_prior = 0;
	bool is_heir;
	int got = marker_choose(NULL, pid, marker_value(OURS, UINT32_MAX), &got_carrier, &got_prior,
				&is_heir);

	assert_int_equal(got, error);
	if (error)
		return;
	assert_int_equal(got_carrier, carrier);
	assert_true(got_prior == prior);
}

static void the_first_limit_is_chosen_with_what_it_was(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	check_choice(pid, 0, MARKER_LOCKS, soft_limit(pid, RLIMIT_LOCKS));
	set_soft_limit(pid, RLIMIT_LOCKS, 12345);
	check_choice(pid, 0, MARKER_LOCKS, 12345);
}

static void the_second_is_chosen_beside_another_hierarchys_marker(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	set_soft_limit(pid, RLIMIT_LOCKS, marker_value(OTHER, 1));
	set_soft_limit(pid, RLIMIT_RSS, 54321);
	check_choice(pid, 0, MARKER_RSS, 54321);
}

static void the_second_is_chosen_where_the_first_has_a_low_hard_limit(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	set_hard_limit(pid, RLIMIT_LOCKS, 100);
	check_choice(pid, 0, MARKER_RSS, soft_limit(pid, RLIMIT_RSS));
}

static void two_other_hierarchies_are_ebusy(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	set_soft_limit(pid, RLIMIT_LOCKS, marker_value(OTHER, 1));
	set_soft_limit(pid, RLIMIT_RSS, marker_value(THIRD, 1));
	check_choice(pid, -EBUSY, 0, 0);
}

static void two_low_hard_limits_are_eperm(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	set_hard_limit(pid, RLIMIT_LOCKS, 100);
	set_hard_limit(pid, RLIMIT_RSS, 100);
	check_choice(pid, -EPERM, 0, 0);
}

/* One that tasks forged, or that outlived its group: it must not hide the new one. */
static void our_own_marker_is_no_obstacle(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	set_soft_limit(pid, RLIMIT_LOCKS, marker_value(OURS, 99));
	check_choice(pid, 0, MARKER_LOCKS, RLIM_INFINITY);
}

static void a_marker_above_the_hard_limit_is_einval(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	set_hard_limit(pid, RLIMIT_LOCKS, 100);
	assert_int_equal(marker_write(pid, MARKER_LOCKS, marker_value(OURS, 1)), -EINVAL);
	assert_int_equal(soft_limit(pid, RLIMIT_LOCKS), 100);
}

static void the_prior_limit_is_given_back(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	set_soft_limit(pid, RLIMIT_LOCKS, 12345);
	assert_int_equal(marker_write(pid, MARKER_LOCKS, marker_value(OURS, 1)), 0);
	assert_int_equal(marker_write(pid, MARKER_LOCKS, 12345), 0);
	assert_int_equal(soft_limit(pid, RLIMIT_LOCKS), 12345);
	assert_int_equal(marker_write(pid, MARKER_LOCKS, RLIM_INFINITY), 0);
	assert_true(soft_limit(pid, RLIMIT_LOCKS) == RLIM_INFINITY);
}

static void the_prior_limit_is_given_back_as_far_as_the_hard_limit_lets(void **state)
{
	pid_t pid = nursery_spawn(*state, sit, 0);

	assert_int_equal(marker_write(pid, MARKER_LOCKS, marker_value(OURS, 1)), 0);
	set_hard_limit(pid, RLIMIT_LOCKS, 100);
	assert_int_equal(marker_write(pid, MARKER_LOCKS, RLIM_INFINITY), 0);
	assert_int_equal(soft_limit(pid, RLIMIT_LOCKS), 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, nursery_setup, nursery_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_hold_hierarchy_and_epoch),
		cmocka_unit_test(the_highest_marker_is_a_limit),
		TEST(a_process_without_marker_carries_none),
		TEST(a_process_that_is_gone_is_esrch),
		TEST(what_was_written_is_read),
		TEST(fork_copies_the_marker),
		TEST(a_zombie_answers),
		TEST(the_second_limit_is_read_where_it_is_used),
		TEST(the_first_limit_is_chosen_with_what_it_was),
		TEST(the_second_is_chosen_beside_another_hierarchys_marker),
		TEST(the_second_is_chosen_where_the_first_has_a_low_hard_limit),
		TEST(two_other_hierarchies_are_ebusy),
		TEST(two_low_hard_limits_are_eperm),
		TEST(our_own_marker_is_no_obstacle),
		TEST(a_marker_above_the_hard_limit_is_einval),
		TEST(the_prior_limit_is_given_back),
		TEST(the_prior_limit_is_given_back_as_far_as_the_hard_limit_lets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
