/* SPDX-License-Identifier: MIT */
/* Children of members without marks, as the kernel tells of them: births.h, B1 to B4. */
#include "unmarkable.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

static struct births *births(struct tracked *tracked)
{
	return &track_of(tracked->tracker)->births;
}

static void need_connector(struct tracked *tracked)
{
	need_root();
	if (births(tracked)->may_ask)
		return;
	print_message("the kernel tells nobody here of forks\n");
	skip();
}

/* ---- on real forks ---- */

/* The loop serves until a process reports. */
static pid_t serve(struct tracked *tracked)
{
	struct pollfd wanted[] = {
		{.fd = tracked->nursery.report[0], .events = POLLIN},
		{.fd = ucg_track_fd(tracked->tracker), .events = POLLIN},
	};

	tracked->may_log = true;
	do {
		assert_true(poll(wanted, 2, DEADLINE_MS) > 0);
		if (wanted[1].revents)
			ucg_track_dispatch(tracked->tracker);
	} while (!wanted[0].revents);
	return await_report(&tracked->nursery).pid;
}

/* Births that were lost are said to be, and prove nothing. */
static void need_all_births(struct tracked *tracked)
{
	if (!tracked->lines[0])
		return;
	assert_non_null(strstr(tracked->lines, "not every fork could be followed"));
	print_message("others have forked more than could be read of\n");
	skip();
}

/* Each forks the next and ends, without a pause. */
static void hop_unmarkable(struct nursery *nursery, int hops)
{
	become(USER, OTHER, OTHER);
	tell(nursery, getpid());
	wait_at_gate(nursery);
	for (int i = 0; i < hops; i++)
		hop_on();
	tell(nursery, getpid());
	stay(nursery, 0);
}

static pid_t start_hops(struct tracked *tracked, int hops)
{
	pid_t pid = nursery_spawn(&tracked->nursery, hop_unmarkable, hops);

	assert_int_equal(await_report(&tracked->nursery).pid, pid);
	return pid;
}

static void the_last_of_a_chain_is_a_member(void **state)
{
	struct tracked *tracked = *state;
	pid_t last;

	need_connector(tracked);
	attach(tracked, start_hops(tracked, 100), A);
	open_gate(&tracked->nursery, 1);
	last = serve(tracked);
	need_all_births(tracked);
	CHECK_PROCESSES(tracked, A, last);
	assert_int_equal(tracked->emptied[A.value], 0);
	kill(last, SIGKILL);
	await_emptied(tracked, A, 1);
	check_empty(tracked, A, 1);
}

/* Nobody reads of any of them before the last one is there. */
static void a_chain_is_followed_that_has_hopped(void **state)
{
	struct tracked *tracked = *state;
	pid_t last;

	need_connector(tracked);
	attach(tracked, start_hops(tracked, 100), A);
	tracked->may_log = true;
	open_gate(&tracked->nursery, 1);
	last = await_report(&tracked->nursery).pid;
	settle(tracked, A);
	need_all_births(tracked);
	CHECK_PROCESSES(tracked, A, last);
	assert_int_equal(tracked->emptied[A.value], 0);
}

/* What it forked before that carries nothing. */
static void fork_before_being_marked(struct nursery *nursery, int argument)
{
	(void)argument;
	become(USER, OTHER, OTHER);
	tell(nursery, getpid());
	wait_at_gate(nursery);
	if (fork() == 0) {
		if (setresuid(USER, USER, USER))
			_exit(1);
		if (fork() == 0)
			hop_on();
		tell(nursery, getpid());
	}
	stay(nursery, 0);
}

static void children_of_before_it_was_marked_are_members(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, one, other;

	need_connector(tracked);
	pid = nursery_spawn(&tracked->nursery, fork_before_being_marked, 0);
	await_report(&tracked->nursery);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	tracked->may_log = true;
	one = await_report(&tracked->nursery).pid;
	other = await_report(&tracked->nursery).pid;
	settle(tracked, A);
	need_all_births(tracked);
	CHECK_PROCESSES(tracked, A, pid, one, other);
	check_state(tracked, one, MARK_LIMIT);
	check_state(tracked, other, MARK_LIMIT);
}

static void a_child_can_be_moved_before_anybody_has_looked(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, child;

	need_connector(tracked);
	pid = unmarkable(tracked, 1);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	assert_int_equal(find(tracked, child).group.value, A.value);
	attach(tracked, child, UCG_ROOT_ID);
	CHECK_PROCESSES(tracked, A, pid);
	assert_int_equal(find(tracked, child).group.value, UCG_ROOT_ID.value);
}

static void a_chain_does_not_get_away_from_a_kill(void **state)
{
	struct tracked *tracked = *state;

	need_connector(tracked);
	attach(tracked, start_hops(tracked, 1000000), A);
	open_gate(&tracked->nursery, 1);
	tracked->may_log = true;
	for (unsigned i = 0; i < 20; i++)
		turn(tracked, "hops");
	need_all_births(tracked);
	assert_int_equal(tracked->tracker->ops->kill(tracked->tracker, A), 0);
	await_emptied(tracked, A, 1);
	need_all_births(tracked);
	check_empty(tracked, A, 1);
}

/* ---- who is asked when ---- */

static void nobody_is_asked_as_long_as_all_carry_marks(void **state)
{
	struct tracked *tracked = *state;

	need_connector(tracked);
	attach(tracked, nursery_spawn(&tracked->nursery, stay, 0), A);
	turn_while_busy(tracked);
	assert_null(births(tracked)->connector);
}

static void nobody_is_asked_after_the_last_without_marks(void **state)
{
	struct tracked *tracked = *state;
	int64_t deadline;
	pid_t pid;

	need_connector(tracked);
	pid = unmarkable(tracked, 0);
	attach(tracked, pid, A);
	assert_non_null(births(tracked)->connector);
	kill(pid, SIGKILL);
	await_emptied(tracked, A, 1);
	deadline = now_ms() + DEADLINE_MS;
	while (births(tracked)->connector) {
		assert_true(now_ms() < deadline);
		turn(tracked, "the end of asking");
	}
}

/* Nothing but births wakes the loop. */
static void no_timer_runs_while_births_are_told(void **state)
{
	struct tracked *tracked = *state;
	int64_t deadline;

	need_connector(tracked);
	attach(tracked, unmarkable(tracked, 0), A);
	/* It may be taken for one in a fork at first. */
	deadline = now_ms() + DEADLINE_MS;
	while (track_of(tracked->tracker)->timer_ms) {
		assert_true(now_ms() < deadline);
		turn(tracked, "the end of the timer");
	}
}

static void without_the_connector_looks_are_made(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, child;

	need_root();
	pid = unmarkable(tracked, 1);
	attach(tracked, pid, A);
	assert_null(births(tracked)->connector);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	while (!roster_member(roster(tracked), child))
		turn(tracked, "adoption");
	CHECK_PROCESSES(tracked, A, pid, child);
}

/* ---- on births that the test tells ---- */

/* In place of the kernel.  Return: what to write to. */
static int take_kernels_place(struct tracked *tracked)
{
	struct connector *connector = births(tracked)->connector;
	struct epoll_event event = {.events = EPOLLIN, .data.fd = connector->socket[0]};
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
			 0);
	assert_int_equal(dup2(ends[0], connector->socket[0]), connector->socket[0]);
	assert_int_equal(epoll_ctl(connector->epoll, EPOLL_CTL_ADD, connector->socket[0], &event),
			 0);
	close(ends[0]);
	return ends[1];
}

static void tell_birth(int fd, pid_t parent, pid_t child, uint64_t ns)
{
	struct proc_event event = {
		.what = PROC_EVENT_FORK,
		.timestamp_ns = ns,
		.event_data.fork = {.parent_pid = parent,
				    .parent_tgid = parent,
				    .child_pid = child,
				    .child_tgid = child},
	};
	char text[NLMSG_HDRLEN + sizeof(struct cn_msg) + sizeof(event)] = {0};

	memcpy(text + NLMSG_HDRLEN + sizeof(struct cn_msg), &event, sizeof(event));
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
}

/* A process without a part in it. */
static pid_t stranger(struct tracked *tracked)
{
	return nursery_spawn(&tracked->nursery, stay, 0);
}

/* One that has been, and whose pid is free. */
static pid_t gone(struct tracked *tracked)
{
	pid_t pid = stranger(tracked);

	kill_and_reap(pid);
	return pid;
}

/* A member without marks, and a child that is to be one of somebody's.  Return: as
 * take_kernels_place(). */
static int start_telling(struct tracked *tracked, pid_t *memberp, pid_t *childp)
{
	need_connector(tracked);
	*memberp = unmarkable(tracked, 0);
	*childp = stranger(tracked);
	attach(tracked, *memberp, A);
	return take_kernels_place(tracked);
}

static void the_child_of_a_dead_child_is_a_member(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, dead, child;
	int fd;

	fd = start_telling(tracked, &pid, &child);
	dead = gone(tracked);
	tell_birth(fd, pid, dead, now_ns());
	tell_birth(fd, dead, child, now_ns());
	CHECK_PROCESSES(tracked, A, pid, child);
	close(fd);
}

/* B4 */
static void the_child_of_a_stranger_with_a_used_pid_is_none(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, dead, other, child;
	int fd;

	fd = start_telling(tracked, &pid, &child);
	dead = gone(tracked);
	other = stranger(tracked);
	tell_birth(fd, pid, dead, now_ns());
	tell_birth(fd, other, dead, now_ns());
	tell_birth(fd, dead, child, now_ns());
	CHECK_PROCESSES(tracked, A, pid);
	close(fd);
}

/* A member has died, and a stranger has its pid, before any of it was read. */
static void the_child_of_who_follows_a_dead_member_is_none(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, member, other, child;
	int fd;

	fd = start_telling(tracked, &pid, &child);
	member = unmarkable(tracked, 0);
	other = stranger(tracked);
	attach(tracked, member, A);
	kill(member, SIGKILL);
	await_death(member);
	tell_birth(fd, other, member, now_ns());
	tell_birth(fd, member, child, now_ns());
	CHECK_PROCESSES(tracked, A, pid);
	close(fd);
}

/* Its pid is its parent's business: it is dead, and a stranger has it by now. */
static void a_process_that_began_later_is_another_one(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, child;
	int fd;

	fd = start_telling(tracked, &pid, &child);
	tell_birth(fd, pid, child, now_ns() - 3600ull * 1000000000u);
	CHECK_PROCESSES(tracked, A, pid);
	assert_int_equal(find(tracked, child).group.value, UCG_ROOT_ID.value);
	close(fd);
}

static void a_birth_read_late_is_believed_if_it_began_then(void **state)
{
	struct tracked *tracked = *state;
	struct cursor *cursor;
	pid_t pid, child;
	int fd;

	fd = start_telling(tracked, &pid, &child);
	/* So few pids that they may have gone by. */
	cursor = &track_of(tracked->tracker)->cursor;
	cursor->pid_max = CURSOR_RESERVED;
	tell_birth(fd, pid, child, now_ns());
	births_read(track_of(tracked->tracker));
	check_state(tracked, child, roster(tracked)->hints ? MARK_BOTH : MARK_LIMIT);
	close(fd);
}

static void the_child_of_a_stranger_is_none(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, child;
	int fd;

	fd = start_telling(tracked, &pid, &child);
	tell_birth(fd, stranger(tracked), child, now_ns());
	CHECK_PROCESSES(tracked, A, pid);
	close(fd);
}

/* Their event waits for the end of a rest, and nothing else is needed to have them read. */
static void the_loop_rests_between_births(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, first, second;
	int fd;

	fd = start_telling(tracked, &pid, &first);
	second = stranger(tracked);
	tell_birth(fd, pid, first, now_ns());
	while (!roster_member(roster(tracked), first))
		turn(tracked, "the first birth");
	assert_true(births(tracked)->is_resting);
	tell_birth(fd, pid, second, now_ns());
	while (!roster_member(roster(tracked), second))
		turn(tracked, "the second birth");
	while (births(tracked)->is_resting)
		turn(tracked, "the end of the rest");
	close(fd);
}

static unsigned no_births = 1u << UCG_PROBE_FORK_EVENTS;

#define TRACKED(name) cmocka_unit_test_setup_teardown(name, tracked_setup, tracked_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRACKED(the_last_of_a_chain_is_a_member),
		TRACKED(a_chain_is_followed_that_has_hopped),
		TRACKED(children_of_before_it_was_marked_are_members),
		TRACKED(a_child_can_be_moved_before_anybody_has_looked),
		TRACKED(a_chain_does_not_get_away_from_a_kill),
		TRACKED(nobody_is_asked_as_long_as_all_carry_marks),
		TRACKED(nobody_is_asked_after_the_last_without_marks),
		TRACKED(no_timer_runs_while_births_are_told),
		cmocka_unit_test_prestate_setup_teardown(without_the_connector_looks_are_made,
							 tracked_setup, tracked_teardown,
							 &no_births),
		TRACKED(the_child_of_a_dead_child_is_a_member),
		TRACKED(the_child_of_a_stranger_with_a_used_pid_is_none),
		TRACKED(the_child_of_who_follows_a_dead_member_is_none),
		TRACKED(a_process_that_began_later_is_another_one),
		TRACKED(a_birth_read_late_is_believed_if_it_began_then),
		TRACKED(the_child_of_a_stranger_is_none),
		TRACKED(the_loop_rests_between_births),
	};

	return cmocka_run_group_tests(tests, give_up_capabilities, unregister_thread);
}
