/* SPDX-License-Identifier: MIT */
/* Hints on real tasks: hint.h.  What the kernel makes of an I/O priority it says itself, of a
 * process group. */
#include "family.h"

#include <linux/ioprio.h>
#include <stdio.h>

#include "hint.h"

/* Of nobody else. */
#define USER 61234

#define EPOCH 77
#define SOMEBODY_ELSES 700
#define HINT_MASK ((HINT_VALUES - 1) << 3)

static int io_priority(pid_t tid)
{
	return (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, tid);
}

static void set_io_priority(pid_t tid, int value)
{
	assert_int_equal(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, value), 0);
}

static int priority(int class, int hint, int level)
{
	return class << 13 | hint << 3 | level;
}

/* A process in a group of its own. */
static pid_t spawn(struct nursery *nursery, body_fn *body, int argument)
{
	pid_t pid = nursery_spawn(nursery, body, argument);

	assert_int_equal(setpgid(pid, pid), 0);
	set_io_priority(pid, 0);
	return pid;
}

__attribute__((no_sanitize("address", "thread", "undefined"))) static int
execute(void *nursery_pointer)
{
	static const char *const words[] = {"sleep", "1000", NULL};
	struct nursery *nursery = nursery_pointer;
	struct report report = {.pid = (pid_t)syscall(SYS_gettid)};
	char go;

	syscall(SYS_write, nursery->report[1], &report, sizeof(report));
	syscall(SYS_read, nursery->gate[0], &go, 1);
	syscall(SYS_execve, "/bin/sleep", words, words + 2);
	for (;;)
		syscall(SYS_pause);
	return 0;
}

static void be_executed(struct nursery *nursery, int argument)
{
	(void)argument;
	execute(nursery);
}

/* One that has no other thread, not even a sanitizer's: of several the kernel tells the best. */
static pid_t spawn_alone(struct nursery *nursery)
{
	pid_t pid = spawn(nursery, be_executed, 0);

	assert_int_equal(await_report(nursery).pid, pid);
	open_gate(nursery, 1);
	await_program(pid, "sleep");
	return pid;
}

static int effective(pid_t pid)
{
	int value = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PGRP, pid);

	assert_true(value >= 0);
	return value & ~HINT_MASK;
}

static void need_hints(void)
{
	if (hint_is_kept())
		return;
	print_message("this kernel keeps no hints\n");
	skip();
}

static unsigned give(struct hint_table *table, pid_t tid)
{
	unsigned hint = hint_take(table, EPOCH, false);

	assert_int_equal(hint_set(table, tid, hint), 0);
	assert_int_equal(hint_get(tid), hint);
	return hint;
}

/* ---- what a hint leaves alone ---- */

static void check_kept(pid_t pid)
{
	struct hint_table table = {0};
	int before = effective(pid);

	give(&table, pid);
	assert_int_equal(effective(pid), before);
	assert_int_equal(hint_set(&table, pid, 0), 0);
	assert_int_equal(hint_get(pid), 0);
	assert_int_equal(effective(pid), before);
}

static void check_kept_and_none_again(pid_t pid)
{
	assert_int_equal(io_priority(pid), 0);
	check_kept(pid);
	assert_int_equal(io_priority(pid), 0);
}

static void the_priority_that_comes_from_the_nice_value_stays(void **state)
{
	need_hints();
	for (int nice = 0; nice < 20; nice++) {
		pid_t pid = spawn_alone(*state);

		/* The test's own may be higher, and may not be lowered. */
		if (setpriority(PRIO_PROCESS, (id_t)pid, nice) && errno == EACCES)
			continue;
		check_kept_and_none_again(pid);
	}
}

static void negative_nice_values_stay_as_well(void **state)
{
	need_hints();
	if (geteuid()) {
		print_message("only root may set them\n");
		skip();
	}
	for (int nice = -20; nice < 0; nice++) {
		pid_t pid = spawn_alone(*state);

		assert_int_equal(setpriority(PRIO_PROCESS, (id_t)pid, nice), 0);
		check_kept_and_none_again(pid);
	}
}

static void check_policy(struct nursery *nursery, int policy, int rank)
{
	const struct sched_param parameter = {.sched_priority = rank};
	pid_t pid = spawn_alone(nursery);

	/* It counts for a policy of real time too. */
	if (rank)
		assert_int_equal(setpriority(PRIO_PROCESS, (id_t)pid, 0), 0);
	assert_int_equal(sched_setscheduler(pid, policy, &parameter), 0);
	check_kept_and_none_again(pid);
}

static void the_priority_that_comes_from_the_policy_stays(void **state)
{
	need_hints();
	check_policy(*state, SCHED_BATCH, 0);
	check_policy(*state, SCHED_IDLE, 0);
}

static bool may_be_real_time(void)
{
	const struct sched_param parameter = {.sched_priority = 1};
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(sched_setscheduler(0, SCHED_FIFO, &parameter) != 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void the_priority_that_comes_from_a_real_time_policy_stays(void **state)
{
	need_hints();
	if (!may_be_real_time()) {
		print_message("this user may not set such a policy\n");
		skip();
	}
	check_policy(*state, SCHED_FIFO, 1);
	check_policy(*state, SCHED_RR, 1);
}

static void a_best_effort_priority_stays(void **state)
{
	need_hints();
	for (int level = 0; level < 8; level++) {
		pid_t pid = spawn_alone(*state);

		set_io_priority(pid, priority(IOPRIO_CLASS_BE, 0, level));
		check_kept(pid);
	}
}

static void an_idle_priority_stays(void **state)
{
	pid_t pid;

	need_hints();
	pid = spawn_alone(*state);
	set_io_priority(pid, priority(IOPRIO_CLASS_IDLE, 0, 0));
	check_kept(pid);
	assert_int_equal(io_priority(pid), priority(IOPRIO_CLASS_IDLE, 0, 0));
}

static void one_hint_is_replaced_by_another_of_ours(void **state)
{
	struct hint_table table = {0};
	unsigned first, second;
	pid_t pid;
	int before;

	need_hints();
	pid = spawn_alone(*state);
	before = effective(pid);
	first = give(&table, pid);
	second = give(&table, pid);
	assert_int_not_equal(first, second);
	assert_int_equal(effective(pid), before);
	assert_int_equal(hint_set(&table, pid, 0), 0);
	assert_int_equal(io_priority(pid), 0);
}

static void asking_whether_hints_are_kept_changes_nothing(void **state)
{
	int before = io_priority(0);

	(void)state;
	need_hints();
	assert_true(hint_is_kept());
	assert_int_equal(io_priority(0), before);
}

/* ---- whose it is ---- */

static void check_left_alone(struct nursery *nursery, int hint)
{
	struct hint_table table = {0};
	int value = priority(IOPRIO_CLASS_BE, hint, 3);
	pid_t pid = spawn(nursery, sit, 0);

	set_io_priority(pid, value);
	assert_int_equal(hint_set(&table, pid, hint_take(&table, EPOCH, false)), -EBUSY);
	assert_int_equal(io_priority(pid), value);
	assert_int_equal(hint_set(&table, pid, 0), 0);
	assert_int_equal(io_priority(pid), value);
}

static void what_means_something_to_devices_is_left_alone(void **state)
{
	need_hints();
	for (int hint = 1; hint < HINT_FIRST; hint++)
		check_left_alone(*state, hint);
}

static void what_means_something_to_devices_is_no_hint(void **state)
{
	need_hints();
	for (int hint = 0; hint < HINT_FIRST; hint++) {
		pid_t pid = spawn(*state, sit, 0);
		int value = priority(IOPRIO_CLASS_BE, hint, 3);

		set_io_priority(pid, value);
		assert_int_equal(hint_get(pid), 0);
		assert_int_equal(hint_disown(pid), 0);
		assert_int_equal(io_priority(pid), value);
	}
}

static void somebody_elses_is_left_alone(void **state)
{
	need_hints();
	check_left_alone(*state, HINT_FIRST);
	check_left_alone(*state, SOMEBODY_ELSES);
	check_left_alone(*state, HINT_VALUES - 1);
}

static void one_that_is_nobodys_any_more_is_taken_away(void **state)
{
	pid_t pid;

	need_hints();
	pid = spawn(*state, sit, 0);
	set_io_priority(pid, priority(IOPRIO_CLASS_BE, SOMEBODY_ELSES, 2));
	assert_int_equal(hint_disown(pid), 0);
	assert_int_equal(io_priority(pid), priority(IOPRIO_CLASS_BE, 0, 2));
}

static void who_is_gone_is_esrch(void **state)
{
	const struct hint_table table = {0};
	pid_t pid = spawn(*state, sit, 0);

	kill_and_reap(pid);
	assert_int_equal(hint_get(pid), -ESRCH);
	assert_int_equal(hint_set(&table, pid, HINT_FIRST), -ESRCH);
	assert_int_equal(hint_disown(pid), -ESRCH);
}

static void set_as_user(struct nursery *nursery, int pid)
{
	const struct hint_table table = {0};
	struct report report = {.pid = getpid()};

	if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		_exit(1);
	report.before = hint_set(&table, pid, HINT_FIRST);
	if (write(nursery->report[1], &report, sizeof(report)) != sizeof(report))
		_exit(1);
}

static void another_users_task_is_eperm(void **state)
{
	pid_t pid;

	need_hints();
	if (geteuid()) {
		print_message("only root can be two users\n");
		skip();
	}
	pid = spawn(*state, sit, 0);
	nursery_spawn(*state, set_as_user, pid);
	assert_int_equal(await_report(*state).before, -EPERM);
	assert_int_equal(io_priority(pid), 0);
}

static void set_on_self_in_real_time(struct nursery *nursery, int policy)
{
	const struct sched_param parameter = {.sched_priority = 1};

	if (sched_setscheduler(0, policy, &parameter))
		_exit(1);
	set_as_user(nursery, 0);
}

static void a_real_time_priority_of_an_ordinary_user_is_eperm(void **state)
{
	need_hints();
	if (geteuid() || !may_be_real_time()) {
		print_message("only root can make one of his\n");
		skip();
	}
	nursery_spawn(*state, set_on_self_in_real_time, SCHED_FIFO);
	assert_int_equal(await_report(*state).before, -EPERM);
}

/* ---- who keeps it ---- */

static void fork_copies_it(void **state)
{
	struct hint_table table = {0};
	unsigned hint;
	pid_t pid;

	need_hints();
	pid = spawn(*state, fork_by_gate, 1);
	hint = give(&table, pid);
	open_gate(*state, 1);
	assert_int_equal(hint_get(await_report(*state).pid), hint);
}

static void a_zombie_has_none(void **state)
{
	struct hint_table table = {0};
	pid_t pid;

	need_hints();
	pid = spawn(*state, sit, 0);
	give(&table, pid);
	open_gate(*state, 1);
	await_state(pid, 'Z');
	assert_int_equal(hint_get(pid), 0);
}

static void be_executed_by_a_thread(struct nursery *nursery, int argument)
{
	static char stack[65536] __attribute__((aligned(16)));

	if (ucg_clone(execute, stack + sizeof(stack),
		      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			      CLONE_SYSVSEM,
		      nursery) < 0)
		_exit(1);
	stay(nursery, argument);
}

static void exec_keeps_it(void **state)
{
	struct hint_table table = {0};
	unsigned hint;
	pid_t pid;

	need_hints();
	pid = spawn(*state, be_executed, 0);
	await_report(*state);
	hint = give(&table, pid);
	open_gate(*state, 1);
	await_program(pid, "sleep");
	assert_int_equal(hint_get(pid), hint);
}

static void exec_by_a_thread_keeps_the_threads(void **state)
{
	struct hint_table table = {0};
	unsigned of_leader, of_thread;
	pid_t pid, tid;

	need_hints();
	pid = spawn(*state, be_executed_by_a_thread, 0);
	tid = await_report(*state).pid;
	of_leader = give(&table, pid);
	of_thread = give(&table, tid);
	assert_int_not_equal(of_leader, of_thread);
	assert_int_equal(hint_get(pid), of_leader);
	open_gate(*state, 1);
	await_program(pid, "sleep");
	assert_int_equal(hint_get(pid), of_thread);
}

/* ---- which values are given out ---- */

static size_t take_all(struct hint_table *table, bool for_threads, bool taken[HINT_VALUES])
{
	size_t count = 0;
	unsigned hint;

	while ((hint = hint_take(table, EPOCH, for_threads))) {
		assert_in_range(hint, HINT_FIRST, HINT_VALUES - 1);
		assert_false(taken[hint]);
		taken[hint] = true;
		count++;
	}
	return count;
}

static void each_value_is_given_out_once_and_means_its_epoch(void **state)
{
	struct hint_table table = {0};
	bool taken[HINT_VALUES] = {0};

	(void)state;
	take_all(&table, true, taken);
	for (int hint = HINT_FIRST; hint < HINT_VALUES; hint++)
		assert_int_equal(hint_epoch(&table, hint), taken[hint] ? EPOCH : 0);
	assert_int_equal(hint_epoch(&table, 0), 0);
	assert_int_equal(hint_epoch(&table, -ESRCH), 0);
}

static void the_last_ones_are_kept_for_threads(void **state)
{
	struct hint_table table = {0};
	bool taken[HINT_VALUES] = {0};

	(void)state;
	assert_true(take_all(&table, false, taken) > 0);
	assert_int_equal(hint_take(&table, EPOCH, false), 0);
	assert_int_equal(take_all(&table, true, taken), HINTS_FOR_THREADS);
	assert_int_equal(hint_take(&table, EPOCH, true), 0);
}

static void check_not_given_out(void)
{
	struct hint_table table = {0};
	bool taken[HINT_VALUES] = {0};

	assert_true(take_all(&table, true, taken) > 0);
	assert_false(taken[SOMEBODY_ELSES]);
}

static void what_a_process_has_already_is_not_given_out(void **state)
{
	need_hints();
	set_io_priority(spawn(*state, sit, 0), priority(IOPRIO_CLASS_BE, SOMEBODY_ELSES, 4));
	check_not_given_out();
}

static void be_threaded(struct nursery *nursery, int argument)
{
	start_thread(nursery);
	stay(nursery, argument);
}

static void what_a_single_thread_has_already_is_not_given_out(void **state)
{
	need_hints();
	spawn(*state, be_threaded, 0);
	set_io_priority(await_report(*state).pid, priority(IOPRIO_CLASS_BE, SOMEBODY_ELSES, 4));
	check_not_given_out();
}

static void what_was_given_back_comes_last_again(void **state)
{
	struct hint_table table = {0};
	unsigned first = hint_take(&table, EPOCH, true), hint, last = 0;

	(void)state;
	hint_give_back(&table, first);
	assert_int_equal(hint_epoch(&table, (int)first), 0);
	while ((hint = hint_take(&table, EPOCH, true)))
		last = hint;
	assert_int_equal(last, first);
}

static void giving_back_none_is_nothing(void **state)
{
	struct hint_table table = {0};
	unsigned free_count;

	(void)state;
	hint_take(&table, EPOCH, false);
	free_count = table.free_count;
	hint_give_back(&table, 0);
	assert_int_equal(table.free_count, free_count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, nursery_setup, nursery_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_priority_that_comes_from_the_nice_value_stays),
		TEST(negative_nice_values_stay_as_well),
		TEST(the_priority_that_comes_from_the_policy_stays),
		TEST(the_priority_that_comes_from_a_real_time_policy_stays),
		TEST(a_best_effort_priority_stays),
		TEST(an_idle_priority_stays),
		TEST(one_hint_is_replaced_by_another_of_ours),
		TEST(asking_whether_hints_are_kept_changes_nothing),
		TEST(what_means_something_to_devices_is_left_alone),
		TEST(what_means_something_to_devices_is_no_hint),
		TEST(somebody_elses_is_left_alone),
		TEST(one_that_is_nobodys_any_more_is_taken_away),
		TEST(who_is_gone_is_esrch),
		TEST(another_users_task_is_eperm),
		TEST(a_real_time_priority_of_an_ordinary_user_is_eperm),
		TEST(fork_copies_it),
		TEST(a_zombie_has_none),
		TEST(exec_keeps_it),
		TEST(exec_by_a_thread_keeps_the_threads),
		TEST(each_value_is_given_out_once_and_means_its_epoch),
		TEST(the_last_ones_are_kept_for_threads),
		TEST(what_a_process_has_already_is_not_given_out),
		TEST(what_a_single_thread_has_already_is_not_given_out),
		TEST(what_was_given_back_comes_last_again),
		TEST(giving_back_none_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
