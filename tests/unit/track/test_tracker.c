/* SPDX-License-Identifier: MIT */
/* The main behaviours, on real processes, with every optional feature of the kernel and without. */
#include "tracked.h"

#include <stdio.h>

#include "pass.h"
#include "probe.h"

#include <linux/capability.h>

#define HOPS 300

static void a_member_and_its_child_are_listed(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 1), child;

	check_empty(tracked, A, 0);
	attach(tracked, pid, A);
	CHECK_PROCESSES(tracked, A, pid);
	assert_int_equal(find(tracked, pid).group.value, A.value);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	assert_int_equal(find(tracked, child).group.value, A.value);
	CHECK_PROCESSES(tracked, A, pid, child);
	CHECK_TASKS(tracked, A, pid, child);
	check_empty(tracked, B, 0);
}

static void the_last_death_empties_the_group_once(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 1), child;

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	kill_and_reap(pid);
	CHECK_PROCESSES(tracked, A, child);
	assert_int_equal(tracked->emptied[A.value], 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	await_emptied(tracked, A, 1);
	check_empty(tracked, A, 1);
}

/* What a shell sees that waited for its child. */
static void after_wait_the_group_is_empty_at_once(void **state)
{
	struct tracked *tracked = *state;

	for (unsigned round = 1; round <= 20; round++) {
		pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);

		attach(tracked, pid, A);
		open_gate(&tracked->nursery, 1);
		reap(pid);
		settle(tracked, A);
		assert_int_equal(tracked->emptied[A.value], round);
	}
}

static void a_zombie_that_nobody_reaps_is_no_member(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	await_emptied(tracked, A, 1);
	assert_int_equal(task_state(pid, pid), 'Z');
	check_empty(tracked, A, 1);
}

/* Zombies of members lie about while others of the group are found and lost. */
static void a_zombie_among_members_does_not_keep_the_group(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 2), first, second;

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 2);
	first = await_report(&tracked->nursery).pid;
	second = await_report(&tracked->nursery).pid;
	kill(first, SIGKILL);
	await_state(first, 'Z');
	CHECK_PROCESSES(tracked, A, pid, second);
	kill(second, SIGKILL);
	await_state(second, 'Z');
	kill(pid, SIGSTOP);
	await_state(pid, 'T');
	CHECK_PROCESSES(tracked, A, pid);
	assert_int_equal(tracked->emptied[A.value], 0);
	kill(pid, SIGKILL);
	await_emptied(tracked, A, 1);
	check_empty(tracked, A, 1);
}

static void become_daemon(struct nursery *nursery, int argument)
{
	(void)argument;
	wait_at_gate(nursery);
	daemonise();
	tell(nursery, getpid());
	wait_at_gate(nursery);
}

static void a_daemon_keeps_the_group(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, become_daemon, 0), daemon;

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	reap(pid);
	daemon = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, daemon);
	assert_int_equal(tracked->emptied[A.value], 0);
	open_gate(&tracked->nursery, 1);
	await_emptied(tracked, A, 1);
	check_empty(tracked, A, 1);
}

static void hop(struct nursery *nursery, int hops)
{
	wait_at_gate(nursery);
	while (hops--)
		if (fork())
			_exit(0);
	tell(nursery, getpid());
	wait_at_gate(nursery);
}

static void a_chain_of_hops_keeps_the_group_until_its_end(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, hop, HOPS), last;

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	while (!is_readable(tracked->nursery.report[0], 0)) {
		settle(tracked, A);
		assert_int_equal(tracked->emptied[A.value], 0);
	}
	last = await_report(&tracked->nursery).pid;
	await_alone(last);
	/* As init does it: many zombies make passes long. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	CHECK_PROCESSES(tracked, A, last);
	assert_int_equal(tracked->emptied[A.value], 0);
	open_gate(&tracked->nursery, 1);
	await_emptied(tracked, A, 1);
	check_empty(tracked, A, 1);
}

static void settling_a_populated_group_is_done_at_once(void **state)
{
	struct tracked *tracked = *state;

	attach(tracked, nursery_spawn(&tracked->nursery, sit, 0), A);
	assert_int_equal(tracked->tracker->ops->settle(tracked->tracker, A, now_ns()), 0);
	assert_int_equal(tracked->emptied[A.value], 0);
}

static void a_group_can_be_populated_again(void **state)
{
	struct tracked *tracked = *state;

	for (unsigned round = 1; round <= 3; round++) {
		pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);

		attach(tracked, pid, A);
		CHECK_PROCESSES(tracked, A, pid);
		kill(pid, SIGKILL);
		await_emptied(tracked, A, round);
	}
	assert_int_equal(tracked->entered[A.value], 0);
}

static void groups_are_emptied_each_for_itself(void **state)
{
	struct tracked *tracked = *state;
	pid_t a = nursery_spawn(&tracked->nursery, sit, 0);
	pid_t b = nursery_spawn(&tracked->nursery, sit, 0);

	attach(tracked, a, A);
	attach(tracked, b, B);
	kill(a, SIGKILL);
	await_emptied(tracked, A, 1);
	settle(tracked, B);
	assert_int_equal(tracked->emptied[B.value], 0);
	CHECK_PROCESSES(tracked, B, b);
	kill(b, SIGKILL);
	await_emptied(tracked, B, 1);
	assert_int_equal(tracked->emptied[A.value], 1);
}

static void start_threads(struct nursery *nursery, int count)
{
	wait_at_gate(nursery);
	while (count--)
		start_thread(nursery);
	wait_at_gate(nursery);
	/* The leader alone. */
	syscall(SYS_exit, 0);
}

static void threads_are_listed_as_tasks_and_processes_once(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, start_threads, 2), first, second;

	attach(tracked, pid, A);
	CHECK_TASKS(tracked, A, pid);
	open_gate(&tracked->nursery, 1);
	first = await_report(&tracked->nursery).pid;
	second = await_report(&tracked->nursery).pid;
	CHECK_TASKS(tracked, A, pid, first, second);
	CHECK_PROCESSES(tracked, A, pid);
}

static void threads_from_before_the_attach_are_listed(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, start_threads, 2), first, second;

	open_gate(&tracked->nursery, 1);
	first = await_report(&tracked->nursery).pid;
	second = await_report(&tracked->nursery).pid;
	attach(tracked, pid, A);
	CHECK_TASKS(tracked, A, pid, first, second);
	CHECK_PROCESSES(tracked, A, pid);
	assert_int_equal(find(tracked, second).group.value, A.value);
}

static void an_exited_leader_leaves_its_threads_behind(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, start_threads, 1), tid;

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	tid = await_report(&tracked->nursery).pid;
	open_gate(&tracked->nursery, 1);
	await_state(pid, 'Z');
	CHECK_TASKS(tracked, A, tid);
	CHECK_PROCESSES(tracked, A, pid);
	assert_int_equal(tracked->emptied[A.value], 0);
	kill(pid, SIGKILL);
	await_emptied(tracked, A, 1);
	check_empty(tracked, A, 1);
}

static void a_process_whose_leader_has_exited_can_be_attached(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, start_threads, 1), tid;
	struct ucg_task task;

	open_gate(&tracked->nursery, 2);
	tid = await_report(&tracked->nursery).pid;
	await_state(pid, 'Z');
	task = find(tracked, pid);
	assert_true(task.dead && task.alive_threads);
	attach(tracked, pid, A);
	CHECK_TASKS(tracked, A, tid);
	CHECK_PROCESSES(tracked, A, pid);
}

static void a_move_empties_the_source(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);

	for (unsigned round = 1; round <= 3; round++) {
		attach(tracked, pid, A);
		settle(tracked, B);
		assert_int_equal(tracked->emptied[B.value], round - 1);
		CHECK_PROCESSES(tracked, A, pid);
		attach(tracked, pid, B);
		settle(tracked, A);
		assert_int_equal(tracked->emptied[A.value], round);
		CHECK_PROCESSES(tracked, B, pid);
		check_empty(tracked, A, round);
	}
	assert_int_equal(tracked->entered[A.value] + tracked->entered[B.value], 0);
}

/* Children stay where they are. */
static void a_move_takes_the_process_alone(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 2), before, after;

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	before = await_report(&tracked->nursery).pid;
	attach(tracked, pid, B);
	open_gate(&tracked->nursery, 1);
	after = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, before);
	CHECK_PROCESSES(tracked, B, pid, after);
	settle(tracked, A);
	assert_int_equal(tracked->emptied[A.value], 0);
}

static void the_root_gives_the_prior_limit_back(void **state)
{
	struct tracked *tracked = *state;
	pid_t limited = nursery_spawn(&tracked->nursery, sit, 0);
	pid_t free_one = nursery_spawn(&tracked->nursery, sit, 0);

	set_soft_limit(limited, RLIMIT_LOCKS, 12345);
	set_soft_limit(free_one, RLIMIT_LOCKS, RLIM_INFINITY);
	attach(tracked, limited, A);
	attach(tracked, free_one, A);
	assert_int_not_equal(soft_limit(limited, RLIMIT_LOCKS), 12345);
	assert_true(soft_limit(free_one, RLIMIT_LOCKS) != RLIM_INFINITY);
	/* By way of another group, which must not take the marker for a limit. */
	attach(tracked, limited, B);
	attach(tracked, limited, UCG_ROOT_ID);
	attach(tracked, free_one, UCG_ROOT_ID);
	assert_int_equal(soft_limit(limited, RLIMIT_LOCKS), 12345);
	assert_true(soft_limit(free_one, RLIMIT_LOCKS) == RLIM_INFINITY);
	assert_int_equal(find(tracked, limited).group.value, UCG_ROOT_ID.value);
	await_emptied(tracked, A, 1);
	await_emptied(tracked, B, 1);
}

static void the_root_lists_whatever_is_in_no_group(void **state)
{
	struct tracked *tracked = *state;
	pid_t member = nursery_spawn(&tracked->nursery, start_threads, 1), tid;
	pid_t other = nursery_spawn(&tracked->nursery, stay, 0);
	struct ucg_pids pids = {0};

	attach(tracked, member, A);
	open_gate(&tracked->nursery, 1);
	tid = await_report(&tracked->nursery).pid;
	assert_int_equal(tracked->tracker->ops->list(tracked->tracker, UCG_ROOT_ID, UCG_LIST_TASKS,
						     now_ns(), &pids),
			 -EINPROGRESS);
	assert_int_equal(pids.count, 0);
	pids = list(tracked, UCG_ROOT_ID, UCG_LIST_TASKS);
	assert_true(tracked->resumed > 0);
	assert_true(holds(&pids, getpid()) && holds(&pids, other));
	assert_false(holds(&pids, member) || holds(&pids, tid));
	for (size_t i = 1; i < pids.count; i++)
		assert_true(pids.pid[i - 1] < pids.pid[i]);
	ucg_pids_clear(&pids);
	pids = list(tracked, UCG_ROOT_ID, UCG_LIST_PROCESSES);
	assert_true(holds(&pids, getpid()) && holds(&pids, other));
	assert_false(holds(&pids, member) || holds(&pids, tid));
	ucg_pids_clear(&pids);
}

static void stop_takes_the_markers_back(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 1), child;

	set_soft_limit(pid, RLIMIT_LOCKS, 777);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	assert_int_not_equal(soft_limit(child, RLIMIT_LOCKS), 777);
	assert_int_equal(tracked_stop(tracked), 1);
	assert_int_equal(soft_limit(pid, RLIMIT_LOCKS), 777);
	assert_int_equal(soft_limit(child, RLIMIT_LOCKS), 777);
}

static void a_group_that_was_forgotten_starts_anew(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);

	attach(tracked, pid, A);
	attach(tracked, pid, B);
	settle(tracked, A);
	tracked->tracker->ops->forget(tracked->tracker, A);
	check_empty(tracked, A, 1);
	CHECK_PROCESSES(tracked, B, pid);
	kill(pid, SIGKILL);
	await_emptied(tracked, B, 1);
}

static void every_member_is_killed(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 3);
	pid_t other = nursery_spawn(&tracked->nursery, stay, 0);

	attach(tracked, pid, A);
	attach(tracked, other, B);
	open_gate(&tracked->nursery, 3);
	for (int i = 0; i < 3; i++)
		await_report(&tracked->nursery);
	assert_int_equal(tracked->tracker->ops->kill(tracked->tracker, A), 0);
	await_emptied(tracked, A, 1);
	CHECK_PROCESSES(tracked, B, other);
	assert_int_equal(tracked->tracker->ops->kill(tracked->tracker, UCG_ROOT_ID), -EOPNOTSUPP);
}

#define MAIN_BEHAVIOUR(name)                                                                       \
	{                                                                                          \
#name, name                                                                        \
	}

static const struct {
	const char *name;
	CMUnitTestFunction function;
} behaviours[] = {
	MAIN_BEHAVIOUR(a_member_and_its_child_are_listed),
	MAIN_BEHAVIOUR(the_last_death_empties_the_group_once),
	MAIN_BEHAVIOUR(after_wait_the_group_is_empty_at_once),
	MAIN_BEHAVIOUR(a_zombie_that_nobody_reaps_is_no_member),
	MAIN_BEHAVIOUR(a_zombie_among_members_does_not_keep_the_group),
	MAIN_BEHAVIOUR(a_daemon_keeps_the_group),
	MAIN_BEHAVIOUR(a_chain_of_hops_keeps_the_group_until_its_end),
	MAIN_BEHAVIOUR(settling_a_populated_group_is_done_at_once),
	MAIN_BEHAVIOUR(a_group_can_be_populated_again),
	MAIN_BEHAVIOUR(groups_are_emptied_each_for_itself),
	MAIN_BEHAVIOUR(threads_are_listed_as_tasks_and_processes_once),
	MAIN_BEHAVIOUR(threads_from_before_the_attach_are_listed),
	MAIN_BEHAVIOUR(an_exited_leader_leaves_its_threads_behind),
	MAIN_BEHAVIOUR(a_process_whose_leader_has_exited_can_be_attached),
	MAIN_BEHAVIOUR(a_move_empties_the_source),
	MAIN_BEHAVIOUR(a_move_takes_the_process_alone),
	MAIN_BEHAVIOUR(the_root_gives_the_prior_limit_back),
	MAIN_BEHAVIOUR(the_root_lists_whatever_is_in_no_group),
	MAIN_BEHAVIOUR(stop_takes_the_markers_back),
	MAIN_BEHAVIOUR(a_group_that_was_forgotten_starts_anew),
	MAIN_BEHAVIOUR(every_member_is_killed),
};

#define BEHAVIOURS (sizeof(behaviours) / sizeof(behaviours[0]))

static int run_without(unsigned switched_off, const char *title)
{
	struct CMUnitTest tests[BEHAVIOURS];

	for (size_t i = 0; i < BEHAVIOURS; i++)
		tests[i] = (struct CMUnitTest){behaviours[i].name, behaviours[i].function,
					       tracked_setup, tracked_teardown, &switched_off};
	print_message("%s\n", title);
	return cmocka_run_group_tests_name(title, tests, register_thread, unregister_thread);
}

/*
 * One who may choose pids needs a moment in which nobody forks that is as long as a pass
 * (discovery.h, G5).  Where /proc can't be used, that is a pass over all slots: on a machine that
 * forks all the time there is none.
 */
static bool has_quiet_moments(unsigned switched_off)
{
	const struct marker_scheme nobodys = {.hierarchy = 0};
	unsigned quiet = 0, tries = 20;
	pid_t pid_max;

	if (!(switched_off & 1u << UCG_PROBE_PROC_WHOLE) || !probe_pids_are_chosen() ||
	    proc_read_pid_max(&pid_max))
		return true;
	for (unsigned i = 0; i < tries; i++) {
		struct pass_job *job = pass_job_new(PASS_MEMBERS, &nobodys);

		job->pid_max = pid_max;
		job->by_counter = true;
		pass_run(job);
		quiet += job->quiet;
		pass_job_free(job);
	}
	return quiet >= tries / 4;
}

static int run_if_quiet(unsigned switched_off, const char *title)
{
	if (has_quiet_moments(switched_off))
		return run_without(switched_off, title);
	print_message("%s: skipped, for this machine forks all the time\n", title);
	return 0;
}

/* With all probes, without each one, and without all. */
static int run_all(const char *who)
{
	char title[128];
	int failed;

	snprintf(title, sizeof(title), "tracker %s", who);
	failed = run_without(0, title);
	for (unsigned probe = 0; probe < UCG_PROBES; probe++) {
		snprintf(title, sizeof(title), "tracker %s without %s", who,
			 ucg_probe_names[probe]);
		failed += run_if_quiet(1u << probe, title);
	}
	snprintf(title, sizeof(title), "tracker %s without any of them", who);
	return failed + run_without((1u << UCG_PROBES) - 1, title);
}

/* So that the cursor is judged by, as for an ordinary user. */
static void give_up_choosing_pids(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	for (unsigned i = 0; i < 2; i++) {
		uint32_t gone = i == CAP_SYS_ADMIN / 32 ? 1u << CAP_SYS_ADMIN % 32
							: 1u << CAP_CHECKPOINT_RESTORE % 32;

		data[i].permitted &= ~gone;
		data[i].effective &= ~gone;
		data[i].inheritable &= ~gone;
	}
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
	assert_false(probe_pids_are_chosen());
}

int main(void)
{
	int failed = 0;

	/* A test that hangs is to be seen in the log. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (probe_pids_are_chosen()) {
		failed = run_all("of one who may choose pids");
		give_up_choosing_pids();
	}
	return failed + run_all("of an ordinary user");
}
