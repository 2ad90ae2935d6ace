/* SPDX-License-Identifier: MIT */
/* What is known of a task without its files in /proc, compared with what those say. */
#include "processes.h"

#include <pthread.h>

#include "hidden.h"

/* Of nobody else. */
#define USER 61236

static void expect_as_in_proc(pid_t tid)
{
	struct proc_status hidden, shown;
	pid_t number;

	assert_int_equal(hidden_read_status(tid, 1, &hidden, &number), 0);
	assert_int_equal(proc_read_status(tid, &shown), 0);
	assert_int_equal(number, tid);
	assert_int_equal(hidden.tgid, shown.tgid);
	assert_int_equal(hidden.pid_levels, shown.pid_levels);
	assert_memory_equal(&hidden.uid, &shown.uid, sizeof(shown.uid));
	assert_memory_equal(&hidden.gid, &shown.gid, sizeof(shown.gid));
	assert_int_equal(proc_state_is_dead(hidden.state), proc_state_is_dead(shown.state));
}

static void process_is_told_by_its_pidfd(void **state)
{
	(void)state;
	expect_as_in_proc(getpid());
	expect_as_in_proc(getppid());
}

static void *compare_thread(void *unused)
{
	expect_as_in_proc(gettid());
	return unused;
}

static void thread_is_told_by_its_pidfd(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, compare_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void zombie_is_told_by_its_pidfd(void **state)
{
	siginfo_t info;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	expect_as_in_proc(child);
	assert_false(hidden_process_lives(child));
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void reaped_process_is_missing(void **state)
{
	struct proc_status status;
	pid_t child = fork(), number;

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(hidden_read_status(child, 1, &status, &number), -ESRCH);
	assert_false(hidden_process_lives(child));
}

/* Exit status 0: both answers are right. */
static int ask_by_rights_as_user(pid_t stranger)
{
	struct pidfd_who who;

	if (getuid() == 0 && (setresgid(USER, USER, USER) || setresuid(USER, USER, USER)))
		return 1;
	if (hidden_who_by_rights(getpid(), &who) || who.tgid != getpid() || who.uid[2] != getuid())
		return 2;
	return hidden_who_by_rights(stranger, &who) == -ESRCH ? 0 : 3;
}

static void rights_tell_own_processes_from_others(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(ask_by_rights_as_user(1));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process_is_told_by_its_pidfd),
		cmocka_unit_test(thread_is_told_by_its_pidfd),
		cmocka_unit_test(zombie_is_told_by_its_pidfd),
		cmocka_unit_test(reaped_process_is_missing),
		cmocka_unit_test(rights_tell_own_processes_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
