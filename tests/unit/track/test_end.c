/* SPDX-License-Identifier: MIT */
/* cgroup.kill, the end of tracking, other hierarchies, and what is found of single tasks. */
#include "tracked.h"

#include <stdio.h>

#include "discovery.h"
#include "marker.h"
#include "track_internal.h"

#define CHILDREN 150

static void fork_and_stay(struct nursery *nursery, int count)
{
	tell(nursery, getpid());
	for (int i = 0; i < count; i++)
		if (fork() == 0) {
			tell(nursery, getpid());
			stay(nursery, 0);
		}
	stay(nursery, 0);
}

/* No process has the limit that members had. */
static void check_unmarked(struct tracked *tracked, int reports)
{
	for (int i = 0; i < reports; i++) {
		pid_t pid = await_report(&tracked->nursery).pid;

		if (marker_is_any(soft_limit(pid, RLIMIT_LOCKS)))
			fail_msg("process %d, number %d of %d, keeps the marker %#llx", pid, i,
				 reports, (unsigned long long)soft_limit(pid, RLIMIT_LOCKS));
	}
}

static void the_end_takes_markers_back_while_members_fork(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_and_stay, CHILDREN);

	/* On a busy machine it may have to say that it has waited long enough for the forker. */
	tracked->may_log = true;
	await_report(&tracked->nursery);
	attach(tracked, pid, A);
	await_report(&tracked->nursery);
	assert_true(marker_is_any(soft_limit(pid, RLIMIT_LOCKS)));
	assert_int_equal(tracked_stop(tracked), 1);
	assert_false(marker_is_any(soft_limit(pid, RLIMIT_LOCKS)));
	check_unmarked(tracked, CHILDREN - 1);
}

/* What passes found is not lost by their end, and what they were looking for is found. */
static void the_end_comes_while_passes_are_under_way(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 10);
	pid_t unknown[9]; /* to anybody but the kernel */

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 10);
	for (int i = 0; i < 9; i++)
		unknown[i] = await_report(&tracked->nursery).pid;
	discovery_start_passes(track_of(tracked->tracker), true);
	assert_int_equal(tracked_stop(tracked), 1);
	assert_false(marker_is_any(soft_limit(pid, RLIMIT_LOCKS)));
	check_unmarked(tracked, 1);
	for (int i = 0; i < 9; i++)
		assert_false(marker_is_any(soft_limit(unknown[i], RLIMIT_LOCKS)));
}

static void the_end_of_an_idle_tracker_leaves_nothing(void **state)
{
	struct tracked *tracked = *state;

	assert_int_equal(tracked_stop(tracked), 0);
}

static void the_end_counts_populated_groups(void **state)
{
	struct tracked *tracked = *state;

	attach(tracked, nursery_spawn(&tracked->nursery, stay, 0), A);
	attach(tracked, nursery_spawn(&tracked->nursery, stay, 0), B);
	attach(tracked, nursery_spawn(&tracked->nursery, stay, 0), B);
	assert_int_equal(tracked_stop(tracked), 2);
}

/* Each of the tree forks again and again; a fork in flight gets the marker, and is found. */
static void be_a_tree(struct nursery *nursery, int argument)
{
	(void)argument;
	wait_at_gate(nursery);
	fork();
	fork();
	tell(nursery, getpid());
	for (;;)
		if (fork() == 0)
			_exit(0);
		else
			waitpid(-1, NULL, 0);
}

static void a_tree_that_forks_is_killed_to_the_last(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, be_a_tree, 0), pids[4];

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	for (int i = 0; i < 4; i++)
		pids[i] = await_report(&tracked->nursery).pid;
	assert_int_equal(tracked->emptied[A.value], 0);
	assert_int_equal(tracked->tracker->ops->kill(tracked->tracker, A), 0);
	await_emptied(tracked, A, 1);
	for (int i = 0; i < 4; i++)
		assert_true(strchr("-ZX", task_state(pids[i], pids[i])) != NULL);
	check_empty(tracked, A, 1);
}

/* The first of the group can't die yet: it is being traced, say.  Here it stays a while by being in
 * a group that is killed before anybody has looked at its death. */
static void who_joins_a_group_that_was_killed_lives(void **state)
{
	struct tracked *tracked = *state;
	pid_t old = nursery_spawn(&tracked->nursery, stay, 0);
	pid_t joined = nursery_spawn(&tracked->nursery, fork_by_gate, 1), child;
	struct ucg_task task;

	attach(tracked, old, A);
	task = find(tracked, joined);
	assert_int_equal(tracked->tracker->ops->kill(tracked->tracker, A), 0);
	assert_int_equal(tracked->tracker->ops->attach(tracked->tracker, &task, A), 0);
	await_death(old);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, joined, child);
	turn_while_busy(tracked);
	CHECK_PROCESSES(tracked, A, joined, child);
	assert_int_equal(tracked->emptied[A.value], 0);
}

static void killing_an_empty_group_is_nothing(void **state)
{
	struct tracked *tracked = *state;

	assert_int_equal(tracked->tracker->ops->kill(tracked->tracker, A), 0);
	check_empty(tracked, A, 0);
}

static uint64_t foreign_marker(struct tracked *tracked, uint16_t difference)
{
	uint16_t ours = track_of(tracked->tracker)->roster.scheme.hierarchy;

	return marker_value((uint16_t)(ours + difference), 4711);
}

/* One hierarchy outside of a container, one inside. */
static void a_process_is_in_two_hierarchies_at_once(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 1), child;
	uint64_t other = foreign_marker(tracked, 1);

	set_soft_limit(pid, RLIMIT_LOCKS, other);
	set_soft_limit(pid, RLIMIT_RSS, 999);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, child);
	kill_and_reap(pid);
	CHECK_PROCESSES(tracked, A, child);
	assert_int_equal(tracked_stop(tracked), 1);
	assert_true(soft_limit(child, RLIMIT_LOCKS) == other);
	assert_int_equal(soft_limit(child, RLIMIT_RSS), 999);
}

static void a_third_hierarchy_is_ebusy(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);

	set_soft_limit(pid, RLIMIT_LOCKS, foreign_marker(tracked, 1));
	set_soft_limit(pid, RLIMIT_RSS, foreign_marker(tracked, 2));
	assert_int_equal(try_attach(tracked, pid, A), -EBUSY);
	check_empty(tracked, A, 0);
	assert_true(soft_limit(pid, RLIMIT_LOCKS) == foreign_marker(tracked, 1));
}

/* tracking.md §5: the hint is room enough. */
static void no_room_for_a_marker_is_no_hindrance(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 1), child;

	set_hard_limit(pid, RLIMIT_LOCKS, 5);
	set_hard_limit(pid, RLIMIT_RSS, 5);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, child);
	assert_int_equal(soft_limit(child, RLIMIT_LOCKS), 5);
	assert_int_equal(tracked_stop(tracked), 1);
	assert_int_equal(hint_get(child), 0);
}

/* Somebody writes a marker of ours on himself: he is in no group for it. */
static void a_forged_marker_is_nobodys(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 1), child;

	set_soft_limit(pid, RLIMIT_LOCKS, foreign_marker(tracked, 0));
	assert_int_equal(find(tracked, pid).group.value, UCG_ROOT_ID.value);
	check_empty(tracked, A, 0);
	/* Attached, he is followed like any other. */
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, child);
	kill_and_reap(pid);
	CHECK_PROCESSES(tracked, A, child);
}

static void a_process_is_found(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);
	struct ucg_task task = find(tracked, pid);

	assert_int_equal(task.tid, pid);
	assert_int_equal(task.tgid, pid);
	assert_int_equal(task.uid, getuid());
	assert_int_equal(task.saved_uid, geteuid());
	assert_int_equal(task.group.value, UCG_ROOT_ID.value);
	assert_false(task.dead || task.unmovable || task.threaded);
	assert_true(task.alive_threads);
}

static void be_threaded(struct nursery *nursery, int argument)
{
	(void)argument;
	start_thread(nursery);
	wait_at_gate(nursery);
	syscall(SYS_exit, 0);
}

static void a_thread_is_found_with_its_process(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, be_threaded, 0);
	pid_t tid = await_report(&tracked->nursery).pid;
	struct ucg_task task = find(tracked, tid);

	assert_int_equal(task.tid, tid);
	assert_int_equal(task.tgid, pid);
	assert_true(task.threaded && task.alive_threads && !task.dead);
	open_gate(&tracked->nursery, 1);
	await_state(pid, 'Z');
	task = find(tracked, pid);
	assert_true(task.dead && task.alive_threads && !task.threaded);
}

static void a_zombie_is_found_dead(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);
	struct ucg_task task;

	kill(pid, SIGKILL);
	await_death(pid);
	task = find(tracked, pid);
	assert_true(task.dead && !task.alive_threads);
	reap(pid);
	assert_int_equal(tracked->tracker->ops->find(tracked->tracker, pid, false, &task), -ESRCH);
}

static void attaching_who_is_gone_is_esrch(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);
	struct ucg_task task = find(tracked, pid);

	kill_and_reap(pid);
	assert_int_equal(tracked->tracker->ops->attach(tracked->tracker, &task, A), -ESRCH);
	assert_int_equal(tracked->tracker->ops->attach(tracked->tracker, &task, UCG_ROOT_ID),
			 -ESRCH);
	check_empty(tracked, A, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tracked_setup, tracked_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_end_takes_markers_back_while_members_fork),
		TEST(the_end_comes_while_passes_are_under_way),
		TEST(the_end_of_an_idle_tracker_leaves_nothing),
		TEST(the_end_counts_populated_groups),
		TEST(a_tree_that_forks_is_killed_to_the_last),
		TEST(who_joins_a_group_that_was_killed_lives),
		TEST(killing_an_empty_group_is_nothing),
		TEST(a_process_is_in_two_hierarchies_at_once),
		TEST(a_third_hierarchy_is_ebusy),
		TEST(no_room_for_a_marker_is_no_hindrance),
		TEST(a_forged_marker_is_nobodys),
		TEST(a_process_is_found),
		TEST(a_thread_is_found_with_its_process),
		TEST(a_zombie_is_found_dead),
		TEST(attaching_who_is_gone_is_esrch),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}
