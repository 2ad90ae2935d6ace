/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "failures.h"

/* A log that keeps the last line and counts. */
struct world {
	struct ucg_log log;
	struct ucg_failures failures;
	int lines;
	int priority;
	char line[256];
};

static void vprint(struct ucg_log *log, int priority, const char *format, va_list args)
{
	struct world *world = (struct world *)log;

	world->lines++;
	world->priority = priority;
	vsnprintf(world->line, sizeof(world->line), format, args);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->log.vprint = vprint;
	world->failures.log = &world->log;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	ucg_failures_clear(&world->failures);
	free(world);
	return 0;
}

static void failure_is_reported_as_an_error_with_agent_path_and_errno(void **state)
{
	struct world *world = *state;

	ucg_failures_report(&world->failures, "/x", "/g", ENOENT);
	assert_int_equal(world->lines, 1);
	assert_int_equal(world->priority, LOG_ERR);
	assert_string_equal(world->line, "release agent '/x': No such file or directory; "
					 "group '/g' was released without a call");
}

static void same_failure_is_not_reported_again(void **state)
{
	struct world *world = *state;

	ucg_failures_report(&world->failures, "/x", "/g", ENOENT);
	ucg_failures_report(&world->failures, "/x", "/h", ENOENT);
	assert_int_equal(world->lines, 1);
}

static void other_errno_of_the_same_agent_is_reported_once(void **state)
{
	struct world *world = *state;

	ucg_failures_report(&world->failures, "/x", "/g", ENOENT);
	ucg_failures_report(&world->failures, "/x", "/g", EACCES);
	assert_int_equal(world->lines, 2);
	ucg_failures_report(&world->failures, "/x", "/g", ENOENT);
	ucg_failures_report(&world->failures, "/x", "/g", EACCES);
	assert_int_equal(world->lines, 2);
}

static void same_errno_of_another_agent_is_reported(void **state)
{
	struct world *world = *state;

	ucg_failures_report(&world->failures, "/x", "/g", ENOENT);
	ucg_failures_report(&world->failures, "/xy", "/g", ENOENT);
	assert_int_equal(world->lines, 2);
}

static void failure_after_a_change_back_is_reported(void **state)
{
	struct world *world = *state;

	ucg_failures_report(&world->failures, "/x", "/g", ENOENT);
	ucg_failures_report(&world->failures, "/y", "/g", ENOENT);
	ucg_failures_report(&world->failures, "/x", "/g", ENOENT);
	assert_int_equal(world->lines, 3);
}

static void failure_after_a_success_is_reported(void **state)
{
	struct world *world = *state;

	ucg_failures_report(&world->failures, "/x", "/g", ENOENT);
	ucg_failures_forget(&world->failures);
	ucg_failures_report(&world->failures, "/x", "/g", ENOENT);
	assert_int_equal(world->lines, 2);
}

static void failure_of_an_empty_agent_is_reported_like_any_other(void **state)
{
	struct world *world = *state;

	ucg_failures_report(&world->failures, "", "/g", ENOENT);
	ucg_failures_report(&world->failures, "", "/h", ENOENT);
	assert_int_equal(world->lines, 1);
	ucg_failures_forget(&world->failures);
	ucg_failures_report(&world->failures, "", "/g", ENOENT);
	assert_int_equal(world->lines, 2);
}

static void largest_errno_is_reported(void **state)
{
	struct world *world = *state;

	ucg_failures_report(&world->failures, "/x", "/g", UCG_ERRNO_MAX);
	assert_int_equal(world->lines, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(failure_is_reported_as_an_error_with_agent_path_and_errno),
		TEST(same_failure_is_not_reported_again),
		TEST(other_errno_of_the_same_agent_is_reported_once),
		TEST(same_errno_of_another_agent_is_reported),
		TEST(failure_after_a_change_back_is_reported),
		TEST(failure_after_a_success_is_reported),
		TEST(failure_of_an_empty_agent_is_reported_like_any_other),
		TEST(largest_errno_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
