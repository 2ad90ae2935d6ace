/* SPDX-License-Identifier: MIT */
/* cgroup.kill goes after epochs: kill.h, K1 to K5.  See test_end.c too. */
#include "family.h"
#include "tracked.h"

#include "kill.h"
#include "marker.h"
#include "track_internal.h"

#define CHILDREN 20

static struct track *track(struct tracked *tracked)
{
	return track_of(tracked->tracker);
}

static void kill_all(struct tracked *tracked, struct ucg_group_id group)
{
	assert_int_equal(tracked->tracker->ops->kill(tracked->tracker, group), 0);
}

static void check_dead(pid_t pid)
{
	if (!strchr("-ZX", task_state(pid, pid)))
		fail_msg("process %d lives, in state %c", pid, task_state(pid, pid));
}

static void await_end_of_pursuit(struct tracked *tracked)
{
	int64_t deadline = now_ms() + DEADLINE_MS;

	while (kill_is_going_on(track(tracked))) {
		if (now_ms() > deadline)
			fail_msg("killed epochs are alive after %d ms", DEADLINE_MS);
		turn(tracked, "await_end_of_pursuit");
	}
}

/* Nobody has looked since they were forked. */
static void children_that_nobody_knew_die(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, CHILDREN), child[CHILDREN];

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, CHILDREN);
	for (int i = 0; i < CHILDREN; i++)
		child[i] = await_report(&tracked->nursery).pid;
	kill_all(tracked, A);
	await_emptied(tracked, A, 1);
	for (int i = 0; i < CHILDREN; i++)
		check_dead(child[i]);
}

/* Each link of the chain is dead before the next one is found. */
static void hop_for_ever(struct nursery *nursery, int argument)
{
	(void)argument;
	wait_at_gate(nursery);
	tell(nursery, getpid());
	for (;;)
		if (fork())
			_exit(0);
}

static void a_chain_that_never_ends_is_caught(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, hop_for_ever, 0);

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	await_report(&tracked->nursery);
	kill_all(tracked, A);
	await_emptied(tracked, A, 1);
	await_end_of_pursuit(tracked);
	check_empty(tracked, A, 1);
}

static void killing_twice_is_as_good_as_once(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 1);

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	await_report(&tracked->nursery);
	kill_all(tracked, A);
	kill_all(tracked, A);
	await_end_of_pursuit(tracked);
	check_empty(tracked, A, 1);
}

static void newcomers_and_their_children_live(void **state)
{
	struct tracked *tracked = *state;
	pid_t old = nursery_spawn(&tracked->nursery, fork_by_gate, 1);
	pid_t newcomer, of_old, of_new;
	struct ucg_task task;

	attach(tracked, old, A);
	open_gate(&tracked->nursery, 1);
	of_old = await_report(&tracked->nursery).pid;
	newcomer = nursery_spawn(&tracked->nursery, fork_by_gate, 1);
	task = find(tracked, newcomer);
	kill_all(tracked, A);
	assert_int_equal(tracked->tracker->ops->attach(tracked->tracker, &task, A), 0);
	await_end_of_pursuit(tracked);
	check_dead(old);
	check_dead(of_old);
	open_gate(&tracked->nursery, 1);
	of_new = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, newcomer, of_new);
	assert_int_equal(tracked->emptied[A.value], 0);
}

static void a_newcomer_carries_another_epoch(void **state)
{
	struct tracked *tracked = *state;
	pid_t old = nursery_spawn(&tracked->nursery, stay, 0);
	pid_t newcomer = nursery_spawn(&tracked->nursery, stay, 0);
	struct ucg_task task;
	uint64_t killed;

	attach(tracked, old, A);
	killed = soft_limit(old, RLIMIT_LOCKS);
	task = find(tracked, newcomer);
	kill_all(tracked, A);
	assert_int_equal(tracked->tracker->ops->attach(tracked->tracker, &task, A), 0);
	assert_true(marker_is_any(soft_limit(newcomer, RLIMIT_LOCKS)));
	assert_true(soft_limit(newcomer, RLIMIT_LOCKS) != killed);
}

static void the_pursuit_ends(void **state)
{
	struct tracked *tracked = *state;

	for (unsigned round = 1; round <= 3; round++) {
		pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);

		attach(tracked, pid, A);
		kill_all(tracked, A);
		await_death(pid);
		await_end_of_pursuit(tracked);
		check_empty(tracked, A, round);
		reap(pid);
	}
}

/* As an epoch that is known is handed on with its group, one that was killed must not be. */
static void a_group_that_was_killed_is_used_again(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid;

	attach(tracked, nursery_spawn(&tracked->nursery, stay, 0), A);
	kill_all(tracked, A);
	await_emptied(tracked, A, 1);
	pid = nursery_spawn(&tracked->nursery, stay, 0);
	attach(tracked, pid, A);
	await_end_of_pursuit(tracked);
	CHECK_PROCESSES(tracked, A, pid);
	assert_int_equal(tracked->emptied[A.value], 1);
}

static void other_groups_are_left_alone(void **state)
{
	struct tracked *tracked = *state;
	pid_t a = nursery_spawn(&tracked->nursery, fork_by_gate, 1), child;
	pid_t b = nursery_spawn(&tracked->nursery, stay, 0);

	attach(tracked, a, B);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	attach(tracked, a, A);
	attach(tracked, b, C);
	kill_all(tracked, A);
	await_emptied(tracked, A, 1);
	await_end_of_pursuit(tracked);
	check_dead(a);
	CHECK_PROCESSES(tracked, B, child);
	CHECK_PROCESSES(tracked, C, b);
}

/* Its other threads share its fate: a signal of this kind is the whole process's. */
static void a_single_thread_takes_its_process_along(void **state)
{
	struct tracked *tracked = *state;
	struct family family;
	struct ucg_task task;
	pid_t pid, tid;

	if (!track(tracked)->roster.hints || !track(tracked)->has_thread_pidfd) {
		print_message("this kernel has no means to tell threads apart\n");
		skip();
	}
	family_init(&family, &tracked->nursery);
	pid = family_spawn(&family);
	tid = family_tells(&family, 0, FAMILY_THREAD);
	task = find(tracked, tid);
	task.alone = true;
	assert_int_equal(tracked->tracker->ops->attach(tracked->tracker, &task, A), 0);
	kill_all(tracked, A);
	await_emptied(tracked, A, 1);
	await_death(pid);
	await_end_of_pursuit(tracked);
	family_deinit(&family);
}

static void wipe_marks(pid_t pid)
{
	set_soft_limit(pid, RLIMIT_LOCKS, RLIM_INFINITY);
	syscall(SYS_ioprio_set, 1, pid, 0);
}

static void one_without_marks_dies_too(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);

	attach(tracked, pid, A);
	wipe_marks(pid);
	CHECK_PROCESSES(tracked, A, pid);
	kill_all(tracked, A);
	await_emptied(tracked, A, 1);
	check_dead(pid);
}

/* ---- where nobody tells of births: K5 ---- */

/* As a member without marks. */
static void attach_unmarked(struct tracked *tracked, pid_t pid)
{
	size_t count[UCG_WEAKNESSES] = {0};

	attach(tracked, pid, A);
	wipe_marks(pid);
	count_weakness(tracked, A, count);
	assert_int_equal(count[UCG_UNMARKED], 1);
}

static pid_t unmarked(struct tracked *tracked)
{
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);

	attach_unmarked(tracked, pid);
	return pid;
}

/* The parent of each link has ended; so its child is the reaper's. */
static void hop_below_a_reaper(struct nursery *nursery, int chains)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_IGN);
	wait_at_gate(nursery);
	for (int i = 0; i < chains; i++)
		if (fork() == 0)
			hop_for_ever(nursery, 0);
	stay(nursery, 0);
}

/* A pipe that is at its end when all who were forked meanwhile are gone. */
static void await_end_of_all(struct tracked *tracked, int fd)
{
	int64_t deadline = now_ms() + DEADLINE_MS;

	while (!is_readable(fd, 0)) {
		if (now_ms() > deadline)
			fail_msg("somebody lives after %d ms", DEADLINE_MS);
		turn_while_busy(tracked);
	}
}

static void everybody_below_a_reaper_dies(void **state)
{
	struct tracked *tracked = *state;
	int life[2];
	pid_t reaper;

	assert_int_equal(pipe2(life, O_CLOEXEC), 0);
	reaper = nursery_spawn(&tracked->nursery, hop_below_a_reaper, 3);
	close(life[1]);
	attach_unmarked(tracked, reaper);
	open_gate(&tracked->nursery, 4);
	for (int i = 0; i < 3; i++)
		await_report(&tracked->nursery);
	kill_all(tracked, A);
	await_end_of_all(tracked, life[0]);
	close(life[0]);
	await_end_of_pursuit(tracked);
	check_empty(tracked, A, 1);
}

static void one_who_is_moved_while_halted_dies(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = unmarked(tracked);
	struct ucg_task task = find(tracked, pid);

	kill_all(tracked, A);
	assert_int_equal(tracked->tracker->ops->attach(tracked->tracker, &task, B), 0);
	await_emptied(tracked, B, 1);
	check_dead(pid);
}

/* As where others fork so fast that no look is a proof: that is not waited for for ever. */
static void one_is_halted_until_somebody_has_looked(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = unmarked(tracked);

	track(tracked)->passes_running = true;
	kill_all(tracked, A);
	await_state(pid, 'T');
	while (!cds_list_empty(&track(tracked)->halted))
		turn(tracked, "the end of patience");
	await_death(pid);
	track(tracked)->passes_running = false;
	await_emptied(tracked, A, 1);
}

static void halted_ones_die_when_the_tracker_ends(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = unmarked(tracked);

	kill_all(tracked, A);
	tracked_stop(tracked);
	await_death(pid);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tracked_setup, tracked_teardown)

static unsigned no_births = 1u << UCG_PROBE_FORK_EVENTS;

#define TEST_WITHOUT_BIRTHS(name)                                                                  \
	cmocka_unit_test_prestate_setup_teardown(name, tracked_setup, tracked_teardown, &no_births)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(children_that_nobody_knew_die),
		TEST(a_chain_that_never_ends_is_caught),
		TEST(killing_twice_is_as_good_as_once),
		TEST(newcomers_and_their_children_live),
		TEST(a_newcomer_carries_another_epoch),
		TEST(the_pursuit_ends),
		TEST(a_group_that_was_killed_is_used_again),
		TEST(other_groups_are_left_alone),
		TEST(a_single_thread_takes_its_process_along),
		TEST(one_without_marks_dies_too),
		TEST_WITHOUT_BIRTHS(everybody_below_a_reaper_dies),
		TEST_WITHOUT_BIRTHS(one_who_is_moved_while_halted_dies),
		TEST_WITHOUT_BIRTHS(one_is_halted_until_somebody_has_looked),
		TEST_WITHOUT_BIRTHS(halted_ones_die_when_the_tracker_ends),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}
