/* SPDX-License-Identifier: MIT */
/* What a task carries, by both carriers together: marker.h, carry.h. */
#include "family.h"
#include "tracked.h"

#include <linux/ioprio.h>

#include "carry.h"
#include "hint.h"
#include "marker.h"
#include "track_internal.h"

#define OURS 0x1234
#define OTHER 0x4321

#define OF_LIMIT 5
#define OF_HINT 7

#define SOMEBODY_ELSES 700

static int io_priority(pid_t tid)
{
	return (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, tid);
}

static void set_io_priority(pid_t tid, int value)
{
	assert_int_equal(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, value), 0);
}

/* ---- reading ---- */

struct bench {
	struct nursery nursery;
	struct hint_table hints;
	struct marker_scheme scheme;
	unsigned hint; /* that means OF_HINT */
};

static int setup_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	nursery_init(&bench->nursery);
	bench->hint = hint_take(&bench->hints, OF_HINT, false);
	bench->scheme = (struct marker_scheme){.hierarchy = OURS, .hints = &bench->hints};
	*state = bench;
	return 0;
}

static int teardown_bench(void **state)
{
	struct bench *bench = *state;

	nursery_deinit(&bench->nursery);
	free(bench);
	return 0;
}

static void need_hints(void)
{
	if (hint_is_kept())
		return;
	print_message("this kernel keeps no hints\n");
	skip();
}

static pid_t marked(struct bench *bench, body_fn *body, uint16_t hierarchy, bool with_hint)
{
	pid_t pid = nursery_spawn(&bench->nursery, body, 0);

	if (hierarchy)
		set_soft_limit(pid, RLIMIT_LOCKS, marker_value(hierarchy, OF_LIMIT));
	if (with_hint)
		assert_int_equal(hint_set(&bench->hints, pid, bench->hint), 0);
	return pid;
}

static void check_read(struct bench *bench, pid_t pid, uint32_t epoch, uint32_t limit,
		       uint32_t hint)
{
	struct marker marker;

	assert_int_equal(marker_read(&bench->scheme, pid, &marker), epoch ? 1 : 0);
	assert_int_equal(marker.epoch, epoch);
	assert_int_equal(marker.limit, limit);
	assert_int_equal(marker.hint, hint);
	assert_int_equal(marker.carrier, limit ? MARKER_LOCKS : MARKER_NONE);
	assert_int_equal(marker_read_live(&bench->scheme, pid, pid, &marker), epoch ? 1 : 0);
	assert_int_equal(marker.epoch, epoch);
}

static void the_hint_decides_over_the_limit(void **state)
{
	need_hints();
	check_read(*state, marked(*state, sit, OURS, true), OF_HINT, OF_LIMIT, OF_HINT);
}

static void the_hint_alone_counts(void **state)
{
	need_hints();
	check_read(*state, marked(*state, sit, 0, true), OF_HINT, 0, OF_HINT);
}

static void the_limit_alone_counts(void **state)
{
	check_read(*state, marked(*state, sit, OURS, false), OF_LIMIT, OF_LIMIT, 0);
}

static void neither_is_nobodys(void **state)
{
	check_read(*state, marked(*state, sit, 0, false), 0, 0, 0);
}

static void a_hint_next_to_another_hierarchys_marker_alone_does_not_count(void **state)
{
	need_hints();
	check_read(*state, marked(*state, sit, OTHER, true), 0, 0, 0);
}

static void a_hint_counts_where_both_hierarchies_have_a_marker(void **state)
{
	struct bench *bench = *state;
	struct marker marker;
	pid_t pid;

	need_hints();
	pid = marked(bench, sit, OTHER, true);
	set_soft_limit(pid, RLIMIT_RSS, marker_value(OURS, OF_LIMIT));
	bench->scheme.second_used = true;
	assert_int_equal(marker_read(&bench->scheme, pid, &marker), 1);
	assert_int_equal(marker.epoch, OF_HINT);
	assert_int_equal(marker.limit, OF_LIMIT);
	assert_int_equal(marker.carrier, MARKER_RSS);
}

static void a_hint_that_means_nothing_here_leaves_the_limit(void **state)
{
	struct bench *bench = *state;
	pid_t pid;

	need_hints();
	pid = marked(bench, sit, OURS, true);
	hint_give_back(&bench->hints, bench->hint);
	check_read(bench, pid, OF_LIMIT, OF_LIMIT, 0);
}

static void where_no_hints_are_kept_the_limit_is_read_alone(void **state)
{
	struct bench *bench = *state;
	pid_t pid;

	need_hints();
	pid = marked(bench, sit, OURS, true);
	bench->scheme.hints = NULL;
	check_read(bench, pid, OF_LIMIT, OF_LIMIT, 0);
}

static void each_thread_has_its_own_hint_and_all_have_the_limit(void **state)
{
	struct bench *bench = *state;
	struct family family;
	pid_t pid, tid;

	need_hints();
	family_init(&family, &bench->nursery);
	pid = family_spawn(&family);
	tid = family_tells(&family, 0, FAMILY_THREAD);
	set_soft_limit(pid, RLIMIT_LOCKS, marker_value(OURS, OF_LIMIT));
	assert_int_equal(hint_set(&bench->hints, tid, bench->hint), 0);
	check_read(bench, pid, OF_LIMIT, OF_LIMIT, 0);
	check_read(bench, tid, OF_HINT, OF_LIMIT, OF_HINT);
	family_deinit(&family);
}

/* What it keeps, its limit, is not where it was. */
static void a_zombie_is_read_but_not_as_living(void **state)
{
	struct bench *bench = *state;
	struct marker marker;
	pid_t pid;

	need_hints();
	pid = marked(bench, sit, OURS, true);
	kill(pid, SIGKILL);
	await_state(pid, 'Z');
	assert_int_equal(marker_read(&bench->scheme, pid, &marker), 1);
	assert_int_equal(marker.epoch, OF_LIMIT);
	assert_int_equal(marker_read_live(&bench->scheme, pid, pid, &marker), -ESRCH);
}

static void a_leader_that_has_ended_is_not_read_as_living(void **state)
{
	struct bench *bench = *state;
	struct family family;
	struct marker marker;
	pid_t pid, tid;

	need_hints();
	family_init(&family, &bench->nursery);
	pid = family_spawn(&family);
	tid = family_tells(&family, 0, FAMILY_THREAD);
	set_soft_limit(pid, RLIMIT_LOCKS, marker_value(OURS, OF_LIMIT));
	family_command(&family, 0, FAMILY_EXIT);
	await_state(pid, 'Z');
	assert_int_equal(marker_read_live(&bench->scheme, pid, pid, &marker), -ESRCH);
	assert_int_equal(marker_read_live(&bench->scheme, pid, tid, &marker), 1);
	assert_int_equal(marker.epoch, OF_LIMIT);
	family_deinit(&family);
}

static void one_that_is_gone_is_esrch(void **state)
{
	struct bench *bench = *state;
	struct marker marker;
	pid_t pid = marked(bench, sit, OURS, false);

	kill_and_reap(pid);
	assert_int_equal(marker_read(&bench->scheme, pid, &marker), -ESRCH);
	assert_int_equal(marker_read_live(&bench->scheme, pid, pid, &marker), -ESRCH);
}

/* ---- writing ---- */

static struct roster *roster(struct tracked *tracked)
{
	return &track_of(tracked->tracker)->roster;
}

static struct member *member(struct tracked *tracked, pid_t pid)
{
	struct member *member = roster_member(roster(tracked), pid);

	if (!member)
		fail_msg("process %d is no member", pid);
	return member;
}

static void need_hints_here(struct tracked *tracked)
{
	if (roster(tracked)->hints)
		return;
	print_message("this kernel keeps no hints\n");
	skip();
}

static void check_both(struct tracked *tracked, pid_t pid)
{
	const struct epoch *epoch = member(tracked, pid)->epoch;

	assert_int_equal(member(tracked, pid)->state, MARK_BOTH);
	assert_int_equal(hint_get(pid), epoch->hint);
	assert_true(soft_limit(pid, RLIMIT_LOCKS) ==
		    marker_value(roster(tracked)->scheme.hierarchy, epoch->value));
}

static void a_member_has_both(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);

	need_hints_here(tracked);
	attach(tracked, pid, A);
	check_both(tracked, pid);
}

static void each_thread_of_a_member_has_the_hint(void **state)
{
	struct tracked *tracked = *state;
	struct family family;
	pid_t pid, first, second;

	need_hints_here(tracked);
	family_init(&family, &tracked->nursery);
	pid = family_spawn(&family);
	first = family_tells(&family, 0, FAMILY_THREAD);
	second = family_tells(&family, 1, FAMILY_THREAD);
	attach(tracked, pid, A);
	check_both(tracked, pid);
	assert_int_equal(hint_get(first), hint_get(pid));
	assert_int_equal(hint_get(second), hint_get(pid));
	attach(tracked, pid, UCG_ROOT_ID);
	assert_int_equal(hint_get(pid) | hint_get(first) | hint_get(second), 0);
	family_deinit(&family);
}

static void both_are_given_back(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);
	int value = IOPRIO_CLASS_IDLE << 13;

	need_hints_here(tracked);
	set_soft_limit(pid, RLIMIT_LOCKS, 4711);
	set_io_priority(pid, value);
	attach(tracked, pid, A);
	check_both(tracked, pid);
	attach(tracked, pid, B);
	check_both(tracked, pid);
	attach(tracked, pid, UCG_ROOT_ID);
	assert_int_equal(soft_limit(pid, RLIMIT_LOCKS), 4711);
	assert_int_equal(io_priority(pid), value);
}

static void without_room_in_the_limits_the_hint_is_alone(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);

	need_hints_here(tracked);
	set_hard_limit(pid, RLIMIT_LOCKS, 5);
	set_hard_limit(pid, RLIMIT_RSS, 5);
	attach(tracked, pid, A);
	assert_int_equal(member(tracked, pid)->state, MARK_HINT);
	assert_int_equal(hint_get(pid), member(tracked, pid)->epoch->hint);
}

static void beside_somebody_elses_hint_the_limit_is_alone(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);
	int value = IOPRIO_CLASS_BE << 13 | SOMEBODY_ELSES << 3 | 4;

	set_io_priority(pid, value);
	attach(tracked, pid, A);
	assert_int_equal(member(tracked, pid)->state, MARK_LIMIT);
	assert_int_equal(io_priority(pid), value);
	assert_true(marker_is_any(soft_limit(pid, RLIMIT_LOCKS)));
	attach(tracked, pid, UCG_ROOT_ID);
	assert_int_equal(io_priority(pid), value);
}

static void without_hints_the_limit_is_alone(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);
	int before = io_priority(pid);

	attach(tracked, pid, A);
	assert_int_equal(member(tracked, pid)->state, MARK_LIMIT);
	assert_int_equal(io_priority(pid), before);
}

/* ---- what has lost one of the two ---- */

static void fork_without_hint(struct nursery *nursery, int argument)
{
	(void)argument;
	wait_at_gate(nursery);
	if (fork() == 0) {
		syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0);
		tell(nursery, getpid());
	}
	stay(nursery, 0);
}

static void fork_without_limit(struct nursery *nursery, int argument)
{
	struct rlimit limit;

	(void)argument;
	wait_at_gate(nursery);
	if (fork() == 0) {
		getrlimit(RLIMIT_LOCKS, &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_LOCKS, &limit);
		tell(nursery, getpid());
	}
	stay(nursery, 0);
}

static void check_completed(struct tracked *tracked, body_fn *body)
{
	pid_t pid = nursery_spawn(&tracked->nursery, body, 0), child;

	need_hints_here(tracked);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, child);
	check_both(tracked, child);
}

static void who_is_found_without_the_hint_gets_it(void **state)
{
	check_completed(*state, fork_without_hint);
}

static void who_is_found_without_the_limit_gets_it(void **state)
{
	check_completed(*state, fork_without_limit);
}

static void what_is_given_back_is_what_was_there_after_a_limit_was_lost(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_without_limit, 0), child;

	need_hints_here(tracked);
	set_soft_limit(pid, RLIMIT_LOCKS, 4711);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, child);
	assert_int_equal(tracked_stop(tracked), 1);
	assert_int_equal(soft_limit(pid, RLIMIT_LOCKS), 4711);
	assert_true(soft_limit(child, RLIMIT_LOCKS) == RLIM_INFINITY);
	assert_int_equal(hint_get(pid) | hint_get(child), 0);
}

static void what_was_read_of_both_is_told(void **state)
{
	struct tracked *tracked = *state;
	struct track *track = track_of(tracked->tracker);
	pid_t pid = nursery_spawn(&tracked->nursery, sit, 0);
	struct carried carried;

	need_hints_here(tracked);
	set_soft_limit(pid, RLIMIT_LOCKS, 4711);
	assert_int_equal(carry_read(track, pid, &carried), 0);
	assert_null(carried.epoch);
	assert_null(carried.limit);
	assert_int_equal(carried.key.carrier, MARKER_LOCKS);
	assert_int_equal(carried.key.prior, 4711);
	assert_false(carried.is_heir);
	attach(tracked, pid, A);
	assert_int_equal(carry_read(track, pid, &carried), 0);
	assert_ptr_equal(carried.epoch, member(tracked, pid)->epoch);
	assert_ptr_equal(carried.limit, carried.epoch);
	assert_int_equal(carried.key.prior, 4711);
	set_io_priority(pid, 0);
	assert_int_equal(carry_read(track, pid, &carried), 0);
	assert_ptr_equal(carried.epoch, member(tracked, pid)->epoch);
}

static void why_no_limit_can_be_written_is_told(void **state)
{
	struct tracked *tracked = *state;
	struct track *track = track_of(tracked->tracker);
	pid_t lowered = nursery_spawn(&tracked->nursery, sit, 0);
	pid_t held = nursery_spawn(&tracked->nursery, sit, 0);
	uint16_t ours = roster(tracked)->scheme.hierarchy;
	struct carried carried;

	set_hard_limit(lowered, RLIMIT_LOCKS, 5);
	set_hard_limit(lowered, RLIMIT_RSS, 5);
	assert_int_equal(carry_read(track, lowered, &carried), 0);
	assert_int_equal(carried.refusal, -EPERM);
	assert_int_equal(carried.key.carrier, MARKER_NONE);
	set_soft_limit(held, RLIMIT_LOCKS, marker_value((uint16_t)(ours + 1), 1));
	set_soft_limit(held, RLIMIT_RSS, marker_value((uint16_t)(ours + 2), 1));
	assert_int_equal(carry_read(track, held, &carried), 0);
	assert_int_equal(carried.refusal, -EBUSY);
}

static unsigned no_hints = 1u << UCG_PROBE_HINTS;

#define READ(name) cmocka_unit_test_setup_teardown(name, setup_bench, teardown_bench)
#define TEST(name) cmocka_unit_test_setup_teardown(name, tracked_setup, tracked_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		READ(the_hint_decides_over_the_limit),
		READ(the_hint_alone_counts),
		READ(the_limit_alone_counts),
		READ(neither_is_nobodys),
		READ(a_hint_next_to_another_hierarchys_marker_alone_does_not_count),
		READ(a_hint_counts_where_both_hierarchies_have_a_marker),
		READ(a_hint_that_means_nothing_here_leaves_the_limit),
		READ(where_no_hints_are_kept_the_limit_is_read_alone),
		READ(each_thread_has_its_own_hint_and_all_have_the_limit),
		READ(a_zombie_is_read_but_not_as_living),
		READ(a_leader_that_has_ended_is_not_read_as_living),
		READ(one_that_is_gone_is_esrch),
		TEST(a_member_has_both),
		TEST(each_thread_of_a_member_has_the_hint),
		TEST(both_are_given_back),
		TEST(without_room_in_the_limits_the_hint_is_alone),
		TEST(beside_somebody_elses_hint_the_limit_is_alone),
		cmocka_unit_test_prestate_setup_teardown(without_hints_the_limit_is_alone,
							 tracked_setup, tracked_teardown,
							 &no_hints),
		TEST(who_is_found_without_the_hint_gets_it),
		TEST(who_is_found_without_the_limit_gets_it),
		TEST(what_is_given_back_is_what_was_there_after_a_limit_was_lost),
		TEST(what_was_read_of_both_is_told),
		TEST(why_no_limit_can_be_written_is_told),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}
