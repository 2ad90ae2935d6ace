/* SPDX-License-Identifier: MIT */
/* When a range of pids may be believed: discovery.h G2, cursor.h. */
#include "processes.h"

#include "cursor.h"
#include "probe.h"

static int setup(void **state)
{
	struct cursor *cursor = calloc(1, sizeof(*cursor));

	assert_non_null(cursor);
	assert_int_equal(cursor_init(cursor, probe_kernel(UCG_PROBE_PIDFS_CLOCK)), 0);
	*state = cursor;
	return 0;
}

static int teardown(void **state)
{
	cursor_deinit(*state);
	free(*state);
	return 0;
}

static pid_t fork_one(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	reap(pid);
	return pid;
}

/* As if the last look had been so long ago that any number of pids may have been taken. */
static void age(struct cursor *cursor)
{
	cursor->last_ns = monotonic_ns() - 3600ull * 1000000000u;
	cursor->anchor_ns = cursor->last_ns;
}

static void the_cursor_is_the_last_pid_taken(void **state)
{
	struct cursor *cursor = *state;
	struct cursor_reading reading;
	pid_t pid = fork_one();

	/* Others fork too, but not thousands. */
	assert_int_equal(cursor_read(cursor, &reading), 0);
	cursor->frontier = pid;
	assert_true(cursor_distance(cursor, reading.pid) < 2000);
	assert_true(reading.tasks > 0);
}

static void a_short_pause_is_trusted_by_time(void **state)
{
	struct cursor *cursor = *state;
	struct cursor_reading reading;

	/* Without an anchor there is nothing but the time. */
	cursor->anchor = 0;
	cursor->last_ns = monotonic_ns();
	assert_int_equal(cursor_read(cursor, &reading), 0);
	assert_true(reading.is_trusted);
}

static void a_long_pause_is_trusted_by_the_clock(void **state)
{
	struct cursor *cursor = *state;
	struct cursor_reading reading;

	if (!cursor->has_clock)
		skip();
	age(cursor);
	fork_one();
	assert_int_equal(cursor_read(cursor, &reading), 0);
	assert_true(reading.clock > cursor->anchor);
	assert_true(reading.is_trusted);
}

static void a_whole_cycle_by_the_clock_is_not_trusted(void **state)
{
	struct cursor *cursor = *state;
	struct cursor_reading reading;

	if (!cursor->has_clock)
		skip();
	age(cursor);
	cursor->anchor -= (uint64_t)cursor->pid_max;
	assert_int_equal(cursor_read(cursor, &reading), 0);
	assert_false(reading.is_trusted);
}

static void a_long_pause_without_anchor_is_not_trusted(void **state)
{
	struct cursor *cursor = *state;
	struct cursor_reading reading;

	age(cursor);
	cursor->anchor = 0;
	assert_int_equal(cursor_read(cursor, &reading), 0);
	assert_false(reading.is_trusted);
}

/* Forks that failed are not counted, so an hour is too long, although hardly any fork was made; a
 * twentieth of a second is not, though time alone would say so. */
static void the_count_of_forks_is_a_clock_that_ages(void **state)
{
	struct cursor *cursor = *state;
	int64_t deadline = now_ms() + DEADLINE_MS;
	struct cursor_reading reading;

	cursor_deinit(cursor);
	assert_int_equal(cursor_init(cursor, false), 0);
	/* If we lose the CPU meanwhile it is too long after all. */
	do {
		assert_true(now_ms() < deadline);
		cursor->last_ns = cursor->anchor_ns = monotonic_ns() - 50000000u;
		assert_int_equal(cursor_read(cursor, &reading), 0);
		assert_true(reading.clock >= cursor->anchor);
	} while (!reading.is_trusted);
	age(cursor);
	assert_int_equal(cursor_read(cursor, &reading), 0);
	assert_true(reading.clock >= cursor->anchor);
	assert_false(reading.is_trusted);
}

static void a_changed_pid_max_is_not_trusted(void **state)
{
	struct cursor *cursor = *state;
	struct cursor_reading reading;

	cursor->pid_max *= 2;
	cursor->anchor_ns = 0; /* due for the clock, so the maximum is looked at */
	assert_int_equal(cursor_read(cursor, &reading), 0);
	assert_true(reading.clock);
	assert_false(reading.is_trusted);
	/* It is known from now on. */
	cursor_advance(cursor, &reading);
	cursor->anchor_ns = 0;
	assert_int_equal(cursor_read(cursor, &reading), 0);
	assert_true(reading.is_trusted);
}

static void advancing_makes_the_reading_the_frontier(void **state)
{
	struct cursor *cursor = *state;
	struct cursor_reading reading = {
		.pid = 4711, .tasks = 99, .clock_ns = 1233, .before_ns = 1234, .clock = 5678};

	cursor_advance(cursor, &reading);
	assert_int_equal(cursor->frontier, 4711);
	assert_int_equal(cursor->last_tasks, 99);
	assert_int_equal(cursor->last_ns, 1234);
	assert_int_equal(cursor->anchor, 5678);
	assert_int_equal(cursor->anchor_ns, 1233);
	/* Without a clock the anchor stays where it was. */
	reading = (struct cursor_reading){.pid = 4712, .before_ns = 2345};
	cursor_advance(cursor, &reading);
	assert_int_equal(cursor->frontier, 4712);
	assert_int_equal(cursor->anchor_ns, 1233);
}

static void distances_wrap(void **state)
{
	struct cursor *cursor = *state;

	cursor->pid_max = 32768;
	cursor->frontier = 1000;
	assert_int_equal(cursor_distance(cursor, 1000), 0);
	assert_int_equal(cursor_distance(cursor, 1003), 3);
	assert_int_equal(cursor_distance(cursor, 999), 32767);
	cursor->frontier = 32767;
	assert_int_equal(cursor_distance(cursor, 300), 301);
}

static void the_cursor_does_not_stand_still_after_a_fork(void **state)
{
	struct cursor *cursor = *state;
	struct cursor_reading reading;

	assert_int_equal(cursor_read(cursor, &reading), 0);
	fork_one();
	assert_int_equal(cursor_stands_still(cursor, &reading), 0);
}

/* Others may fork, so not at the first time; but some time nobody does. */
static void the_cursor_stands_still_while_nobody_forks(void **state)
{
	struct cursor *cursor = *state;
	int64_t deadline = now_ms() + DEADLINE_MS;
	struct cursor_reading reading;

	do {
		assert_true(now_ms() < deadline);
		assert_int_equal(cursor_read(cursor, &reading), 0);
	} while (cursor_stands_still(cursor, &reading) != 1);
}

static void the_same_value_after_a_cycle_is_no_standstill(void **state)
{
	struct cursor *cursor = *state;
	int64_t deadline = now_ms() + DEADLINE_MS;
	struct cursor_reading reading, aged;

	do {
		assert_true(now_ms() < deadline);
		assert_int_equal(cursor_read(cursor, &reading), 0);
		aged = reading;
		aged.before_ns -= 3600ull * 1000000000u;
		assert_int_equal(cursor_stands_still(cursor, &aged), 0);
		/* Can fail only if the value is the same. */
	} while (cursor_stands_still(cursor, &reading) != 1);
}

static void the_clock_counts_every_pid(void **state)
{
	int64_t first, second;

	(void)state;
	if (!probe_kernel(UCG_PROBE_PIDFS_CLOCK))
		skip();
	first = clock_read();
	fork_one();
	fork_one();
	second = clock_read();
	assert_true(first > 0);
	assert_true(second >= first + 3);
}

static void the_clock_leaves_no_child_behind(void **state)
{
	(void)state;
	if (!probe_kernel(UCG_PROBE_PIDFS_CLOCK))
		skip();
	assert_true(clock_read() > 0);
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void nothing_is_taken_between_two_clocks_that_follow_each_other(void **state)
{
	int64_t deadline = now_ms() + DEADLINE_MS, first, second;
	struct clock_child child;

	(void)state;
	if (!probe_kernel(UCG_PROBE_PIDFS_CLOCK))
		skip();
	first = clock_child_start(&child);
	fork_one();
	assert_true(clock_read() > first + 1);
	clock_child_end(&child);
	/* Others may fork, but not all the time. */
	do {
		assert_true(now_ms() < deadline);
		first = clock_child_start(&child);
		second = clock_read();
		clock_child_end(&child);
	} while (second != first + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_cursor_is_the_last_pid_taken),
		TEST(a_short_pause_is_trusted_by_time),
		TEST(a_long_pause_is_trusted_by_the_clock),
		TEST(a_whole_cycle_by_the_clock_is_not_trusted),
		TEST(a_long_pause_without_anchor_is_not_trusted),
		TEST(the_count_of_forks_is_a_clock_that_ages),
		TEST(a_changed_pid_max_is_not_trusted),
		TEST(advancing_makes_the_reading_the_frontier),
		TEST(distances_wrap),
		TEST(the_cursor_does_not_stand_still_after_a_fork),
		TEST(the_cursor_stands_still_while_nobody_forks),
		TEST(the_same_value_after_a_cycle_is_no_standstill),
		TEST(the_clock_counts_every_pid),
		cmocka_unit_test(the_clock_leaves_no_child_behind),
		TEST(nothing_is_taken_between_two_clocks_that_follow_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
