/* SPDX-License-Identifier: MIT */
/* What is found in a slot: discovery.h, words and G2. */
#include "processes.h"

#include "cursor.h"
#include "marker.h"
#include "scan.h"

#define OURS 0x1234
#define EPOCH 17

struct bench {
	struct nursery nursery;
	struct scan scan;
	pid_t known;	/* 0: nobody is */
	pid_t stranger; /* last one told */
};

static bool is_known(void *context, pid_t pid, uint32_t epoch, bool as_process)
{
	(void)as_process;
	const struct bench *bench = context;

	return pid == bench->known && epoch == EPOCH;
}

static void note_stranger(void *context, pid_t pid)
{
	((struct bench *)context)->stranger = pid;
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	nursery_init(&bench->nursery);
	assert_int_equal(scan_init(&bench->scan), 0);
	bench->scan.scheme.hierarchy = OURS;
	bench->scan.pends = true;
	/* Far from every pid of ours. */
	bench->scan.cursor = 1;
	bench->scan.pid_max = 1 << 22;
	bench->scan.is_known = is_known;
	bench->scan.context = bench;
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	scan_deinit(&bench->scan);
	nursery_deinit(&bench->nursery);
	free(bench);
	return 0;
}

static pid_t member(struct bench *bench, body_fn *body, int argument)
{
	pid_t pid = nursery_spawn(&bench->nursery, body, argument);

	assert_int_equal(marker_write(pid, MARKER_LOCKS, marker_value(OURS, EPOCH)), 0);
	return pid;
}

static const struct scan_found *the_one_found(const struct bench *bench)
{
	assert_int_equal(bench->scan.error, 0);
	assert_int_equal(bench->scan.pending.count, 0);
	assert_int_equal(bench->scan.found_count, 1);
	assert_int_equal(bench->scan.found[0].marker.epoch, EPOCH);
	return &bench->scan.found[0];
}

static void nothing_is_found(const struct bench *bench)
{
	assert_int_equal(bench->scan.error, 0);
	assert_int_equal(bench->scan.pending.count, 0);
	assert_int_equal(bench->scan.found_count, 0);
}

static void a_live_member_is_found_with_a_pidfd(void **state)
{
	struct bench *bench = *state;
	pid_t pid = member(bench, sit, 0);
	const struct scan_found *found;

	scan_slot(&bench->scan, pid);
	found = the_one_found(bench);
	assert_int_equal(found->pid, pid);
	assert_int_equal(found->marker.carrier, MARKER_LOCKS);
	assert_false(found->dead || found->known || found->threaded);
	assert_false(is_readable(found->pidfd, 0));
	kill(pid, SIGKILL);
	assert_true(is_readable(found->pidfd, DEADLINE_MS));
}

static void a_zombie_is_found_dead(void **state)
{
	struct bench *bench = *state;
	pid_t pid = member(bench, sit, 0);
	const struct scan_found *found;

	kill(pid, SIGKILL);
	await_death(pid);
	scan_slot(&bench->scan, pid);
	found = the_one_found(bench);
	assert_int_equal(found->pid, pid);
	assert_true(found->dead);
	assert_int_equal(found->pidfd, -1);
}

static void a_known_member_is_passed_over(void **state)
{
	struct bench *bench = *state;

	bench->known = member(bench, sit, 0);
	scan_slot(&bench->scan, bench->known);
	nothing_is_found(bench);
}

static void a_known_pid_with_another_epoch_is_found(void **state)
{
	struct bench *bench = *state;

	bench->known = member(bench, sit, 0);
	marker_write(bench->known, MARKER_LOCKS, marker_value(OURS, EPOCH + 1));
	scan_slot(&bench->scan, bench->known);
	assert_int_equal(bench->scan.found_count, 1);
	assert_int_equal(bench->scan.found[0].marker.epoch, EPOCH + 1);
}

static void start_one_thread(struct nursery *nursery, int argument)
{
	(void)argument;
	wait_at_gate(nursery);
	start_thread(nursery);
	for (;;)
		pause();
}

static pid_t member_with_thread(struct bench *bench, pid_t *tidp)
{
	pid_t pid = member(bench, start_one_thread, 0);

	open_gate(&bench->nursery, 1);
	*tidp = await_report(&bench->nursery).pid;
	assert_int_not_equal(*tidp, pid);
	return pid;
}

static void a_thread_leads_to_its_process(void **state)
{
	struct bench *bench = *state;
	const struct scan_found *found;
	pid_t tid, pid = member_with_thread(bench, &tid);

	scan_slot(&bench->scan, tid);
	found = the_one_found(bench);
	assert_int_equal(found->pid, pid);
	assert_true(found->threaded);
	assert_false(found->dead || found->known);
	assert_true(found->pidfd >= 0);
}

static void a_thread_of_a_known_process_is_told(void **state)
{
	struct bench *bench = *state;
	const struct scan_found *found;
	pid_t tid;

	bench->known = member_with_thread(bench, &tid);
	scan_slot(&bench->scan, tid);
	found = the_one_found(bench);
	assert_int_equal(found->pid, bench->known);
	assert_true(found->threaded && found->known);
	assert_int_equal(found->pidfd, -1);
}

static void a_free_slot_holds_nothing(void **state)
{
	struct bench *bench = *state;
	pid_t pid = member(bench, sit, 0);

	kill_and_reap(pid);
	scan_slot(&bench->scan, pid);
	nothing_is_found(bench);
}

static void lead_a_group(struct nursery *nursery, int argument)
{
	(void)argument;
	setpgid(0, 0);
	if (fork() == 0) {
		tell(nursery, getpid());
		for (;;)
			pause();
	}
}

/* The leader is gone, but its pid lives on as that of the process group: it is no fork in flight.
 */
static void a_pid_that_only_names_a_process_group_is_not_pending(void **state)
{
	struct bench *bench = *state;
	pid_t pid = nursery_spawn(&bench->nursery, lead_a_group, 0);

	await_report(&bench->nursery);
	reap(pid);
	assert_int_equal(kill(-pid, 0), 0);
	scan_slot(&bench->scan, pid);
	nothing_is_found(bench);
}

static void a_stranger_is_told(void **state)
{
	struct bench *bench = *state;
	pid_t pid = nursery_spawn(&bench->nursery, sit, 0);

	scan_slot(&bench->scan, pid);
	assert_int_equal(bench->stranger, 0);
	bench->scan.stranger = note_stranger;
	scan_slot(&bench->scan, pid);
	assert_int_equal(bench->stranger, pid);
	bench->stranger = 0;
	scan_slot(&bench->scan, member(bench, sit, 0));
	assert_int_equal(bench->stranger, 0);
}

static bool was_found(const struct bench *bench, pid_t pid)
{
	for (size_t i = 0; i < bench->scan.found_count; i++)
		if (bench->scan.found[i].pid == pid && !bench->scan.found[i].dead)
			return true;
	return false;
}

static void range(struct bench *bench, const struct pending *pending, pid_t frontier, pid_t cursor,
		  pid_t pid_max)
{
	const struct pending none = {0};

	bench->scan.cursor = cursor;
	bench->scan.pid_max = pid_max;
	scan_range(&bench->scan, pending ? pending : &none, frontier);
}

static void a_range_is_scanned_from_behind_the_frontier_to_the_cursor(void **state)
{
	struct bench *bench = *state;
	pid_t pid = member(bench, sit, 0);

	range(bench, NULL, pid, pid, 32768);
	assert_false(was_found(bench, pid));
	range(bench, NULL, pid - 1, pid, 32768);
	assert_true(was_found(bench, pid));
}

static void a_wrapped_range_is_scanned_round_its_end(void **state)
{
	struct bench *bench = *state;
	pid_t pid = member(bench, sit, 0);

	/* From behind the pid to its end, and from the start up to before it. */
	range(bench, NULL, pid, pid - 1, pid + 100);
	assert_false(was_found(bench, pid));
	range(bench, NULL, pid - 1, pid - 2, pid + 100);
	assert_true(was_found(bench, pid));
}

static void pending_slots_are_looked_at_first(void **state)
{
	struct bench *bench = *state;
	pid_t older = member(bench, sit, 0), newer = member(bench, sit, 0);
	struct pending_slot slot = {newer, PENDING_IN_FLIGHT};
	const struct pending pending = {.slot = &slot, .count = 1};

	range(bench, &pending, older - 1, older, 32768);
	assert_int_equal(bench->scan.found_count, 2);
	assert_int_equal(bench->scan.found[0].pid, newer);
	assert_int_equal(bench->scan.found[1].pid, older);
}

/* ---- slots that read as free ---- */

static pid_t free_pid(struct bench *bench)
{
	pid_t pid = nursery_spawn(&bench->nursery, sit, 0);

	kill(pid, SIGKILL);
	reap(pid);
	return pid;
}

static void check_first_reading_of_a_free_slot(struct bench *bench, pid_t later, size_t doubts)
{
	pid_t pid = free_pid(bench);

	bench->scan.cursor = pid + later;
	bench->scan.pid_max = pid + later + 1;
	scan_slot(&bench->scan, pid);
	assert_int_equal(bench->scan.pending.count, doubts);
}

static void a_free_slot_is_in_doubt_if_it_was_taken_lately(void **state)
{
	struct bench *bench = *state;

	check_first_reading_of_a_free_slot(bench, 0, 1);
	assert_int_equal(bench->scan.pending.slot[0].until_ns, PENDING_NEW_DOUBT);
	check_first_reading_of_a_free_slot(bench, SCAN_DOUBTS - 1, 2);
	check_first_reading_of_a_free_slot(bench, SCAN_DOUBTS, 2);
}

static void check_another_reading_of_a_free_slot(struct bench *bench, uint64_t until_ns, bool stays)
{
	struct pending_slot slot = {free_pid(bench), until_ns};
	const struct pending pending = {.slot = &slot, .count = 1};

	range(bench, &pending, slot.pid, slot.pid, 32768);
	assert_int_equal(bench->scan.pending.count, stays);
	if (stays)
		assert_int_equal(bench->scan.pending.slot[0].until_ns, until_ns);
	pending_clear(&bench->scan.pending);
}

static void a_slot_stays_in_doubt_until_its_time_is_over(void **state)
{
	struct bench *bench = *state;

	check_another_reading_of_a_free_slot(bench, PENDING_NEW_DOUBT, true);
	check_another_reading_of_a_free_slot(bench, monotonic_ns() + 1000000000, true);
	check_another_reading_of_a_free_slot(bench, monotonic_ns(), false);
}

static void a_slot_that_was_in_flight_and_is_free_is_over(void **state)
{
	check_another_reading_of_a_free_slot(*state, PENDING_IN_FLIGHT, false);
}

static void a_slot_in_doubt_that_has_come_out_is_found(void **state)
{
	struct bench *bench = *state;
	struct pending_slot slot = {member(bench, sit, 0), monotonic_ns() + 1000000000};
	const struct pending pending = {.slot = &slot, .count = 1};

	range(bench, &pending, slot.pid, slot.pid, 32768);
	assert_int_equal(the_one_found(bench)->pid, slot.pid);
}

static void only_new_doubts_are_dated(void **state)
{
	struct pending_slot slot[] = {
		{1, PENDING_NEW_DOUBT}, {2, 7}, {3, PENDING_IN_FLIGHT}, {4, PENDING_NEW_DOUBT}};
	struct pending pending = {.slot = slot, .count = 4};

	(void)state;
	pending_date(&pending, 9);
	assert_int_equal(slot[0].until_ns, 9);
	assert_int_equal(slot[1].until_ns, 7);
	assert_int_equal(slot[2].until_ns, PENDING_IN_FLIGHT);
	assert_int_equal(slot[3].until_ns, 9);
}

static void all_of_proc_is_scanned(void **state)
{
	struct bench *bench = *state;
	pid_t first = member(bench, sit, 0), second = member(bench, sit, 0);

	bench->scan.pends = false;
	scan_proc(&bench->scan, &(struct ucg_pids){0});
	assert_int_equal(bench->scan.error, 0);
	assert_int_equal(bench->scan.found_count, 2);
	assert_true(was_found(bench, first) && was_found(bench, second));
}

/* Out of descriptors it is found all the same, and is not dead. */
static void a_member_is_found_without_a_descriptor(void **state)
{
	struct bench *bench = *state;
	pid_t pid = member(bench, sit, 0);
	const struct scan_found *found;
	struct rlimit limit, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	/* poll(2) wants to be allowed as many as it looks at. */
	none = (struct rlimit){.rlim_cur = 1, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	scan_slot(&bench->scan, pid);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	found = the_one_found(bench);
	assert_int_equal(found->pid, pid);
	assert_false(found->dead);
	assert_int_equal(found->pidfd, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_live_member_is_found_with_a_pidfd),
		TEST(a_zombie_is_found_dead),
		TEST(a_known_member_is_passed_over),
		TEST(a_known_pid_with_another_epoch_is_found),
		TEST(a_thread_leads_to_its_process),
		TEST(a_thread_of_a_known_process_is_told),
		TEST(a_free_slot_holds_nothing),
		TEST(a_pid_that_only_names_a_process_group_is_not_pending),
		TEST(a_stranger_is_told),
		TEST(a_range_is_scanned_from_behind_the_frontier_to_the_cursor),
		TEST(a_wrapped_range_is_scanned_round_its_end),
		TEST(pending_slots_are_looked_at_first),
		TEST(a_free_slot_is_in_doubt_if_it_was_taken_lately),
		TEST(a_slot_stays_in_doubt_until_its_time_is_over),
		TEST(a_slot_that_was_in_flight_and_is_free_is_over),
		TEST(a_slot_in_doubt_that_has_come_out_is_found),
		TEST(only_new_doubts_are_dated),
		TEST(all_of_proc_is_scanned),
		TEST(a_member_is_found_without_a_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
