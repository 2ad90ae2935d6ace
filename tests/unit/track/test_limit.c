/* SPDX-License-Identifier: MIT */
/* Limits of other users' processes, set by root without CAP_SYS_RESOURCE. */
#include "processes.h"

#include <linux/capability.h>

#include "limit.h"

/* Of nobody else: all processes of these users are signalled. */
#define USER 61234
#define OTHER 61235

#define SOFT 4711

static bool is_root(void)
{
	return geteuid() == 0;
}

static int give_up_the_capability(void **state)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	(void)state;
	if (syscall(SYS_capget, &header, data))
		return -1;
	data[0].effective &= ~(1u << CAP_SYS_RESOURCE);
	return (int)syscall(SYS_capset, &header, data);
}

static void become(uid_t real, uid_t effective, uid_t saved)
{
	if (setresgid(USER, USER, USER) || setresuid(real, effective, saved))
		_exit(1);
}

static void be_the_users(struct nursery *nursery, int argument)
{
	(void)argument;
	become(USER, USER, USER);
	tell(nursery, getpid());
	sit(nursery, 0);
}

/* As a setuid program is while it runs. */
static void be_of_two_users(struct nursery *nursery, int argument)
{
	(void)argument;
	become(USER, OTHER, OTHER);
	tell(nursery, getpid());
	sit(nursery, 0);
}

static void stop_all_of_the_user(struct nursery *nursery, int argument)
{
	(void)argument;
	become(USER, USER, USER);
	tell(nursery, getpid());
	for (;;)
		kill(-1, SIGSTOP);
}

static pid_t new_process(struct nursery *nursery, body_fn *body)
{
	pid_t pid = nursery_spawn(nursery, body, 0);

	await_report(nursery);
	return pid;
}

static void limit_of_another_user_is_set_and_the_old_one_told(void **state)
{
	const struct rlimit new = {.rlim_cur = SOFT, .rlim_max = RLIM_INFINITY};
	struct rlimit before, after;
	pid_t pid;

	if (!is_root())
		skip();
	pid = new_process(*state, be_the_users);
	assert_int_equal(prlimit(pid, RLIMIT_LOCKS, &new, NULL), -1);
	assert_int_equal(limit_access(pid, RLIMIT_LOCKS, &new, &before), 0);
	assert_true(before.rlim_cur != SOFT);
	assert_int_equal(limit_access(pid, RLIMIT_LOCKS, NULL, &after), 0);
	assert_int_equal(after.rlim_cur, SOFT);
}

static void we_stay_who_we_are(void **state)
{
	struct rlimit limit;

	if (!is_root())
		skip();
	assert_int_equal(
		limit_access(new_process(*state, be_the_users), RLIMIT_LOCKS, NULL, &limit), 0);
	assert_int_equal(getuid(), 0);
	assert_int_equal(geteuid(), 0);
	assert_int_equal(getegid(), 0);
}

static void process_of_two_users_is_refused(void **state)
{
	struct rlimit limit;

	if (!is_root())
		skip();
	assert_int_equal(
		limit_access(new_process(*state, be_of_two_users), RLIMIT_LOCKS, NULL, &limit),
		-EPERM);
}

static void process_that_is_gone_is_esrch(void **state)
{
	struct rlimit limit;
	pid_t pid = nursery_spawn(*state, sit, 0);

	open_gate(*state, 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(limit_access(pid, RLIMIT_LOCKS, NULL, &limit), -ESRCH);
}

/* Not answered is at worst refused: a stopped child is not waited for. */
static void the_user_cannot_hold_it_up(void **state)
{
	struct rlimit limit;
	pid_t pid;

	if (!is_root())
		skip();
	pid = new_process(*state, be_the_users);
	new_process(*state, stop_all_of_the_user);
	for (int i = 0; i < 100; i++) {
		int error = limit_access(pid, RLIMIT_LOCKS, NULL, &limit);

		if (error && error != -EPERM)
			fail_msg("expected 0 or %d, got %d", -EPERM, error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(limit_of_another_user_is_set_and_the_old_one_told,
						nursery_setup, nursery_teardown),
		cmocka_unit_test_setup_teardown(we_stay_who_we_are, nursery_setup,
						nursery_teardown),
		cmocka_unit_test_setup_teardown(process_of_two_users_is_refused, nursery_setup,
						nursery_teardown),
		cmocka_unit_test_setup_teardown(process_that_is_gone_is_esrch, nursery_setup,
						nursery_teardown),
		cmocka_unit_test_setup_teardown(the_user_cannot_hold_it_up, nursery_setup,
						nursery_teardown),
	};

	return cmocka_run_group_tests(tests, give_up_the_capability, NULL);
}
