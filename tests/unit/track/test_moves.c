/* SPDX-License-Identifier: MIT */
/* Moves, with forks in flight: mover.h, M1 to M3. */
#include "tracked.h"

#include "marker.h"
#include "track_internal.h"

#define CHILDREN 60
#define MOVES 8

/* Memory whose tables a fork has to copy, so that it takes its time. */
#define BALLAST (48u << 20)

static uint32_t epoch_of(struct tracked *tracked, pid_t pid)
{
	struct marker marker;

	assert_int_equal(marker_read(&track_of(tracked->tracker)->roster.scheme, pid, &marker), 1);
	return marker.epoch;
}

static void an_emptied_group_gives_new_members_a_new_epoch(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);
	uint32_t first, second;

	attach(tracked, pid, A);
	first = epoch_of(tracked, pid);
	attach(tracked, pid, B);
	settle(tracked, A);
	second = epoch_of(tracked, pid);
	assert_int_not_equal(second, first);
	attach(tracked, pid, A);
	assert_int_not_equal(epoch_of(tracked, pid), first);
	assert_int_not_equal(epoch_of(tracked, pid), second);
}

static void tell_of(struct nursery *nursery, pid_t pid, int before, int after)
{
	struct report report = {pid, before, after};

	if (write(nursery->report[1], &report, sizeof(report)) != sizeof(report))
		_exit(1);
}

/*
 * Each child tells how many moves were over before the fork was called, and how many had begun
 * when it first ran: between the two it may be in any group of these moves, and in no other.
 */
static void fork_all_the_time(struct nursery *nursery, int count)
{
	char *ballast = mmap(NULL, BALLAST, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (ballast == MAP_FAILED)
		_exit(1);
	wait_at_gate(nursery);
	for (int i = 0; i < count; i++) {
		int over = __atomic_load_n(nursery->done, __ATOMIC_SEQ_CST);

		if (fork() == 0) {
			int begun = __atomic_load_n(nursery->begun, __ATOMIC_SEQ_CST);

			munmap(ballast, BALLAST);
			tell_of(nursery, getpid(), over, begun);
			stay(nursery, 0);
		}
	}
	stay(nursery, 0);
}

struct moves {
	struct tracked *tracked;
	struct ucg_group_id to[MOVES]; /* by number of the move; 0 is the first attach */
	int count;
	struct report report[CHILDREN];
	int reports;
};

static void move_on(struct moves *moves, pid_t pid, struct ucg_group_id to)
{
	struct nursery *nursery = &moves->tracked->nursery;

	moves->to[moves->count] = to;
	__atomic_store_n(nursery->begun, moves->count, __ATOMIC_SEQ_CST);
	attach(moves->tracked, pid, to);
	__atomic_store_n(nursery->done, moves->count++, __ATOMIC_SEQ_CST);
}

static void take_report(struct moves *moves)
{
	moves->report[moves->reports++] = await_report(&moves->tracked->nursery);
}

static bool is_where_it_may_be(const struct moves *moves, const struct report *report,
			       const struct ucg_pids *lists)
{
	for (int move = report->before; move <= report->after; move++)
		if (holds(&lists[moves->to[move].value], report->pid))
			return true;
	return false;
}

static void check_children(const struct moves *moves)
{
	struct ucg_pids lists[] = {
		list(moves->tracked, UCG_ROOT_ID, UCG_LIST_PROCESSES),
		list(moves->tracked, A, UCG_LIST_PROCESSES),
		list(moves->tracked, B, UCG_LIST_PROCESSES),
	};

	for (int i = 0; i < moves->reports; i++) {
		const struct report *report = &moves->report[i];

		if (!is_where_it_may_be(moves, report, lists))
			fail_msg("child %d, forked in group %d, running in group %d: in root %d, A "
				 "%d, B %d",
				 report->pid, (int)moves->to[report->before].value,
				 (int)moves->to[report->after].value, holds(&lists[0], report->pid),
				 holds(&lists[1], report->pid), holds(&lists[2], report->pid));
	}
	for (size_t i = 0; i < 3; i++)
		ucg_pids_clear(&lists[i]);
}

/* @route: groups in turn, ended by 99. */
static void move_a_forker(struct tracked *tracked, const uint64_t *route)
{
	struct moves moves = {.tracked = tracked};
	pid_t pid = nursery_spawn(&tracked->nursery, fork_all_the_time, CHILDREN);

	move_on(&moves, pid, (struct ucg_group_id){*route++});
	open_gate(&tracked->nursery, 1);
	for (; *route != 99; route++) {
		for (int i = 0; i < 4; i++)
			take_report(&moves);
		move_on(&moves, pid, (struct ucg_group_id){*route});
	}
	while (moves.reports < CHILDREN)
		take_report(&moves);
	check_children(&moves);
}

static void children_of_a_mover_are_where_he_was_when_he_forked(void **state)
{
	move_a_forker(*state, (const uint64_t[]){1, 2, 99});
}

static void also_if_he_moves_on_and_back(void **state)
{
	move_a_forker(*state, (const uint64_t[]){1, 2, 1, 2, 1, 2, 99});
}

static void also_if_he_comes_from_the_root(void **state)
{
	struct tracked *tracked = *state;
	struct moves moves = {.tracked = tracked, .count = 1}; /* move 0: into the root */
	pid_t pid = nursery_spawn(&tracked->nursery, fork_all_the_time, CHILDREN);

	open_gate(&tracked->nursery, 1);
	for (int i = 0; i < 4; i++)
		take_report(&moves);
	move_on(&moves, pid, A);
	while (moves.reports < CHILDREN)
		take_report(&moves);
	check_children(&moves);
}

static void also_if_he_goes_to_the_root(void **state)
{
	move_a_forker(*state, (const uint64_t[]){1, 0, 2, 0, 99});
}

static void no_straggler_keeps_a_group_that_all_have_left(void **state)
{
	struct tracked *tracked = *state;
	struct moves moves = {.tracked = tracked};
	pid_t pid = nursery_spawn(&tracked->nursery, fork_all_the_time, CHILDREN);

	move_on(&moves, pid, A);
	open_gate(&tracked->nursery, 1);
	take_report(&moves);
	move_on(&moves, pid, B);
	while (moves.reports < CHILDREN)
		take_report(&moves);
	for (int i = 0; i < CHILDREN; i++)
		kill(moves.report[i].pid, SIGKILL);
	for (int i = 0; i < CHILDREN; i++)
		await_death(moves.report[i].pid);
	await_emptied(tracked, A, 1);
	CHECK_PROCESSES(tracked, B, pid);
	kill(pid, SIGKILL);
	await_emptied(tracked, B, 1);
	check_empty(tracked, A, 1);
}

static void start_a_thread_when_told(struct nursery *nursery, int argument)
{
	(void)argument;
	if (fork() == 0) {
		tell(nursery, getpid());
		wait_at_gate(nursery);
		start_thread(nursery);
		stay(nursery, 0);
	}
	/* Never asleep: a fork might be in flight for all that one can see. */
	for (;;)
		;
}

/* The child was there before the move; its new thread is no fork of the mover. */
static void a_new_thread_of_an_old_child_does_not_follow_the_mover(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, start_a_thread_when_told, 0);
	pid_t child = await_report(&tracked->nursery).pid;

	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	await_report(&tracked->nursery);
	CHECK_PROCESSES(tracked, A, pid);
	assert_int_equal(find(tracked, child).group.value, UCG_ROOT_ID.value);
}

static void spin(struct nursery *nursery, int argument)
{
	(void)nursery, (void)argument;
	for (;;)
		;
}

/* He is watched all along, as he never sleeps. */
static void a_mover_can_go_round_until_his_groups_are_removed(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, spin, 0);

	for (unsigned round = 1; round <= 4; round++) {
		attach(tracked, pid, A);
		attach(tracked, pid, C);
		attach(tracked, pid, B);
		settle(tracked, A);
		settle(tracked, C);
		assert_int_equal(tracked->emptied[A.value], round);
		assert_int_equal(tracked->emptied[C.value], round);
		tracked->tracker->ops->forget(tracked->tracker, C);
		tracked->tracker->ops->forget(tracked->tracker, A);
		turn_while_busy(tracked);
	}
	CHECK_PROCESSES(tracked, B, pid);
	kill(pid, SIGKILL);
	await_emptied(tracked, B, 4);
}

static void a_mover_is_watched_until_he_was_seen_outside_of_a_fork(void **state)
{
	struct tracked *tracked = *state;
	struct track *track = track_of(tracked->tracker);
	pid_t asleep = nursery_spawn(&tracked->nursery, stay, 0);
	pid_t busy = nursery_spawn(&tracked->nursery, spin, 0);

	await_state(asleep, 'S');
	attach(tracked, asleep, A);
	assert_true(cds_list_empty(&track->movers));
	await_state(busy, 'R');
	attach(tracked, busy, A);
	assert_false(cds_list_empty(&track->movers));
	while (!cds_list_empty(&track->movers))
		turn(tracked, "a mover that works for himself");
	assert_int_equal(track->roster.scheme.second_used, false);
}

/* A process that never slept before it was moved to A, so that it is watched. */
static pid_t busy_in_a(struct tracked *tracked, body_fn *body, int argument)
{
	pid_t pid = nursery_spawn(&tracked->nursery, body, argument);

	await_state(pid, 'R');
	attach(tracked, pid, A);
	return pid;
}

static void spin_until_begun(struct nursery *nursery)
{
	while (!__atomic_load_n(nursery->begun, __ATOMIC_SEQ_CST))
		;
}

static void begin(struct tracked *tracked)
{
	__atomic_store_n(tracked->nursery.begun, 1, __ATOMIC_SEQ_CST);
}

/* Never asleep, before and after its only fork. */
static void spin_and_fork(struct nursery *nursery, int argument)
{
	(void)argument;
	spin_until_begun(nursery);
	if (fork() == 0) {
		tell(nursery, getpid());
		stay(nursery, 0);
	}
	spin(nursery, 0);
}

/* There it carries nothing, as does a straggler of the mover's from the root. */
static void a_child_of_a_mover_that_is_moved_to_the_root_stays_there(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = busy_in_a(tracked, spin_and_fork, 0), child;

	begin(tracked);
	child = await_report(&tracked->nursery).pid;
	attach(tracked, child, UCG_ROOT_ID);
	CHECK_PROCESSES(tracked, A, pid);
	assert_int_equal(find(tracked, child).group.value, UCG_ROOT_ID.value);
}

static void spin_then_fork_by_gate(struct nursery *nursery, int children)
{
	spin_until_begun(nursery);
	fork_by_gate(nursery, children);
}

/* He is watched for the first move still, when he makes the second in his sleep. */
static void a_mover_that_moves_on_in_his_sleep_takes_his_children_along(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = busy_in_a(tracked, spin_then_fork_by_gate, 1), child;

	begin(tracked);
	await_state(pid, 'S');
	attach(tracked, pid, UCG_ROOT_ID);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	check_empty(tracked, A, 1);
	assert_int_equal(find(tracked, child).group.value, UCG_ROOT_ID.value);
}

static struct tracked_group *group_of_epoch(struct tracked *tracked, uint32_t epoch)
{
	struct roster *roster = &track_of(tracked->tracker)->roster;

	return roster_epoch(roster, epoch) ? roster_epoch(roster, epoch)->group : NULL;
}

/* M6 */
static void the_epoch_of_a_group_follows_its_last_member_at_once(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = busy_in_a(tracked, spin, 0);
	uint32_t epoch;

	epoch = epoch_of(tracked, pid);
	attach(tracked, pid, B);
	assert_ptr_equal(group_of_epoch(tracked, epoch),
			 roster_group(&track_of(tracked->tracker)->roster, B));
	await_emptied(tracked, A, 1);
	CHECK_PROCESSES(tracked, B, pid);
}

static void the_epoch_of_a_group_stays_with_who_is_left(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = busy_in_a(tracked, spin, 0);
	pid_t other = nursery_spawn(&tracked->nursery, stay, 0);
	uint32_t epoch;

	attach(tracked, other, A);
	epoch = epoch_of(tracked, pid);
	attach(tracked, pid, B);
	assert_ptr_equal(group_of_epoch(tracked, epoch),
			 roster_group(&track_of(tracked->tracker)->roster, A));
	CHECK_PROCESSES(tracked, A, other);
}

/* M5 */
static void who_may_fork_takes_inexactness_along(void **state)
{
	struct tracked *tracked = *state;
	struct roster *roster = &track_of(tracked->tracker)->roster;
	pid_t pid = busy_in_a(tracked, spin, 0);

	attach(tracked, pid, B);
	assert_true(roster_group(roster, B)->exact);
	roster_group(roster, B)->exact = false;
	attach(tracked, pid, C);
	assert_false(roster_group(roster, C)->exact);
	kill(pid, SIGKILL);
	await_emptied(tracked, C, 1);
	assert_true(roster_group(roster, C)->exact);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tracked_setup, tracked_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_emptied_group_gives_new_members_a_new_epoch),
		TEST(children_of_a_mover_are_where_he_was_when_he_forked),
		TEST(also_if_he_moves_on_and_back),
		TEST(also_if_he_comes_from_the_root),
		TEST(also_if_he_goes_to_the_root),
		TEST(no_straggler_keeps_a_group_that_all_have_left),
		TEST(a_new_thread_of_an_old_child_does_not_follow_the_mover),
		TEST(a_mover_can_go_round_until_his_groups_are_removed),
		TEST(a_mover_is_watched_until_he_was_seen_outside_of_a_fork),
		TEST(a_child_of_a_mover_that_is_moved_to_the_root_stays_there),
		TEST(a_mover_that_moves_on_in_his_sleep_takes_his_children_along),
		TEST(who_may_fork_takes_inexactness_along),
		TEST(the_epoch_of_a_group_follows_its_last_member_at_once),
		TEST(the_epoch_of_a_group_stays_with_who_is_left),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}
