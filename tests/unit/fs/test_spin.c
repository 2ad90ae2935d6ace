/* SPDX-License-Identifier: MIT */
/* When looking for the next request without sleeping pays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spin.h"

#define SOON_NS (FS_SPIN_NS / 2)
#define LATE_NS (10 * FS_SPIN_NS)

static struct fs_spin spin;
static uint64_t now_ns;

static int start(void **state)
{
	(void)state;
	now_ns = LATE_NS;
	spin = (struct fs_spin){.useful = true};
	return 0;
}

static void requests_come(int count, uint64_t apart_ns)
{
	for (int i = 0; i < count; i++)
		fs_spin_note(&spin, now_ns += apart_ns);
}

static void a_burst_earns_it(void **state)
{
	(void)state;
	assert_false(fs_spin_pays(&spin));
	requests_come(100, SOON_NS);
	assert_true(fs_spin_pays(&spin));
}

static void the_few_of_a_shells_command_do_not_earn_it(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		requests_come(1, LATE_NS);
		requests_come(4, SOON_NS);
		assert_false(fs_spin_pays(&spin));
	}
}

static void steady_but_slow_requests_do_not_earn_it(void **state)
{
	(void)state;
	requests_come(10000, LATE_NS);
	assert_false(fs_spin_pays(&spin));
}

static void one_late_request_takes_it_away(void **state)
{
	(void)state;
	requests_come(100, SOON_NS);
	requests_come(1, LATE_NS);
	assert_false(fs_spin_pays(&spin));
	requests_come(1, SOON_NS);
	assert_false(fs_spin_pays(&spin));
}

static void one_look_in_vain_takes_it_away(void **state)
{
	(void)state;
	requests_come(100, SOON_NS);
	fs_spin_was_in_vain(&spin);
	assert_false(fs_spin_pays(&spin));
	requests_come(1, SOON_NS);
	assert_false(fs_spin_pays(&spin));
	requests_come(100, SOON_NS);
	assert_true(fs_spin_pays(&spin));
}

static void nothing_earns_it_on_a_single_processor(void **state)
{
	(void)state;
	spin.useful = false;
	requests_come(100, SOON_NS);
	assert_false(fs_spin_pays(&spin));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_burst_earns_it, start),
		cmocka_unit_test_setup(the_few_of_a_shells_command_do_not_earn_it, start),
		cmocka_unit_test_setup(steady_but_slow_requests_do_not_earn_it, start),
		cmocka_unit_test_setup(one_late_request_takes_it_away, start),
		cmocka_unit_test_setup(one_look_in_vain_takes_it_away, start),
		cmocka_unit_test_setup(nothing_earns_it_on_a_single_processor, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
