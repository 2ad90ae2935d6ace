/* SPDX-License-Identifier: MIT */
/* Who is a member by his parent, and whose marks are not believed: lineage.h, L1 to L3. */
#include "unmarkable.h"

#include "hint.h"
#include "marker.h"
#include "track_internal.h"

/* Where a forger finds what to write on himself: the limit, and the I/O priority. */
struct marks {
	uint64_t limit;
	int io_priority;
};

static struct marks *marks(struct nursery *nursery)
{
	return (struct marks *)(void *)((char *)nursery->shared + 1024);
}

/* ---- adopted ---- */

static void one_that_cannot_be_marked_is_held(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid;

	need_root();
	pid = unmarkable(tracked, 0);
	attach(tracked, pid, A);
	CHECK_PROCESSES(tracked, A, pid);
	check_state(tracked, pid, MARK_NONE);
	assert_true(roster_member(roster(tracked), pid)->pidfd >= 0);
	assert_int_equal(find(tracked, pid).group.value, A.value);
	kill(pid, SIGKILL);
	await_emptied(tracked, A, 1);
	check_empty(tracked, A, 1);
}

static void its_children_are_adopted(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, first, second;

	need_root();
	pid = unmarkable(tracked, 2);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 2);
	first = await_report(&tracked->nursery).pid;
	second = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, first, second);
	check_state(tracked, first, MARK_NONE);
	kill_and_reap(pid);
	CHECK_PROCESSES(tracked, A, first, second);
	assert_int_equal(tracked->emptied[A.value], 0);
}

/* The parent may not live until somebody asks. */
static void its_child_is_adopted_without_being_asked_for(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, child;

	need_root();
	pid = unmarkable(tracked, 1);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	while (!roster_member(roster(tracked), child))
		turn(tracked, "adoption");
	kill_and_reap(pid);
	CHECK_PROCESSES(tracked, A, child);
	kill(child, SIGKILL);
	await_emptied(tracked, A, 1);
}

static void fork_children_of_one_user(struct nursery *nursery, int children)
{
	become(USER, OTHER, OTHER);
	tell(nursery, getpid());
	wait_at_gate(nursery);
	for (int i = 0; i < children; i++)
		if (fork() == 0) {
			if (setresuid(USER, USER, USER))
				_exit(1);
			tell(nursery, getpid());
			break;
		}
	fork_by_gate(nursery, 1);
}

static void a_child_that_can_be_marked_is(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, child, grandchild;

	need_root();
	pid = nursery_spawn(&tracked->nursery, fork_children_of_one_user, 1);
	await_report(&tracked->nursery);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, child);
	check_state(tracked, child, MARK_LIMIT);
	/* From here on the mark tells. */
	kill_and_reap(pid);
	open_gate(&tracked->nursery, 1);
	grandchild = await_report(&tracked->nursery).pid;
	kill_and_reap(child);
	CHECK_PROCESSES(tracked, A, grandchild);
	assert_int_equal(tracked->emptied[A.value], 0);
}

/* Child and grandchild, a gate for each. */
static void fork_in_a_row(struct nursery *nursery, int argument)
{
	become(USER, OTHER, OTHER);
	tell(nursery, getpid());
	for (int i = 0; i < argument; i++) {
		wait_at_gate(nursery);
		if (fork())
			break;
		tell(nursery, getpid());
	}
	stay(nursery, 0);
}

static void grandchildren_are_adopted_as_well(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, child, grandchild;

	need_root();
	pid = nursery_spawn(&tracked->nursery, fork_in_a_row, 2);
	await_report(&tracked->nursery);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	open_gate(&tracked->nursery, 1);
	grandchild = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, child, grandchild);
	kill_and_reap(pid);
	kill_and_reap(child);
	CHECK_PROCESSES(tracked, A, grandchild);
	assert_int_equal(tracked->emptied[A.value], 0);
}

static void moved_to_the_root_it_leaves_its_children(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, before, after;

	need_root();
	pid = unmarkable(tracked, 2);
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	before = await_report(&tracked->nursery).pid;
	attach(tracked, pid, UCG_ROOT_ID);
	open_gate(&tracked->nursery, 1);
	after = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, before);
	assert_int_equal(find(tracked, after).group.value, UCG_ROOT_ID.value);
	assert_int_equal(find(tracked, pid).group.value, UCG_ROOT_ID.value);
}

/* Somebody who has got rid of both marks is one as well. */
static void the_child_of_one_that_lost_both_marks_is_adopted_and_marked(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid = nursery_spawn(&tracked->nursery, fork_by_gate, 1), child;
	size_t count[UCG_WEAKNESSES] = {0};

	attach(tracked, pid, A);
	set_soft_limit(pid, RLIMIT_LOCKS, RLIM_INFINITY);
	syscall(SYS_ioprio_set, 1, pid, 0);
	count_weakness(tracked, A, count);
	check_state(tracked, pid, MARK_NONE);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, child);
	check_state(tracked, child, roster(tracked)->hints ? MARK_BOTH : MARK_LIMIT);
}

/* ---- believed or not ---- */

static void mark_oneself(struct nursery *nursery)
{
	struct rlimit limit;

	getrlimit(RLIMIT_LOCKS, &limit);
	limit.rlim_cur = marks(nursery)->limit;
	setrlimit(RLIMIT_LOCKS, &limit);
	syscall(SYS_ioprio_set, 1, 0, marks(nursery)->io_priority);
}

/* A child that carries our marks; whose, is the parent's matter. */
static void fork_a_forger(struct nursery *nursery, int argument)
{
	(void)argument;
	become(USER, USER, USER);
	tell(nursery, getpid());
	wait_at_gate(nursery);
	if (fork() == 0) {
		mark_oneself(nursery);
		tell(nursery, getpid());
	}
	stay(nursery, 0);
}

/* The same, and is gone. */
static void leave_a_forger(struct nursery *nursery, int argument)
{
	pid_t parent = getpid();

	(void)argument;
	become(USER, USER, USER);
	tell(nursery, parent);
	wait_at_gate(nursery);
	if (fork())
		_exit(0);
	while (getppid() == parent)
		sched_yield();
	mark_oneself(nursery);
	tell(nursery, getpid());
	stay(nursery, 0);
}

/* A member of A, ours, whose marks are what is forged. */
static pid_t model(struct tracked *tracked)
{
	pid_t pid = nursery_spawn(&tracked->nursery, stay, 0);

	attach(tracked, pid, A);
	*marks(&tracked->nursery) = (struct marks){
		.limit = soft_limit(pid, RLIMIT_LOCKS),
		.io_priority = (int)syscall(SYS_ioprio_get, 1, pid),
	};
	assert_true(marker_is_any(marks(&tracked->nursery)->limit));
	return pid;
}

static pid_t spawn_and_forge(struct tracked *tracked, body_fn *body)
{
	nursery_spawn(&tracked->nursery, body, 0);
	await_report(&tracked->nursery);
	open_gate(&tracked->nursery, 1);
	return await_report(&tracked->nursery).pid;
}

/* As the daemon of an ordinary user: the test has to be root's, to have tasks of others. */
static pid_t model_of_an_ordinary_user(struct tracked *tracked)
{
	track_of(tracked->tracker)->is_of_root = false;
	return model(tracked);
}

static void marks_of_a_strangers_child_do_not_count(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, forger;

	need_root();
	pid = model_of_an_ordinary_user(tracked);
	forger = spawn_and_forge(tracked, fork_a_forger);
	CHECK_PROCESSES(tracked, A, pid);
	assert_null(roster_member(roster(tracked), forger));
}

static void forged_marks_do_not_keep_a_group(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid;

	need_root();
	pid = model_of_an_ordinary_user(tracked);
	spawn_and_forge(tracked, fork_a_forger);
	kill(pid, SIGKILL);
	await_emptied(tracked, A, 1);
	check_empty(tracked, A, 1);
}

static void forged_marks_do_not_get_the_forger_killed(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, forger;

	need_root();
	pid = model_of_an_ordinary_user(tracked);
	forger = spawn_and_forge(tracked, fork_a_forger);
	assert_int_equal(tracked->tracker->ops->kill(tracked->tracker, A), 0);
	await_emptied(tracked, A, 1);
	assert_int_not_equal(task_state(pid, pid), 'S');
	assert_int_equal(task_state(forger, forger), 'S');
}

static void of_one_without_a_parent_it_is_said_that_nothing_proves_it(void **state)
{
	struct tracked *tracked = *state;
	size_t count[UCG_WEAKNESSES] = {0};
	pid_t pid, orphan;

	need_root();
	pid = model_of_an_ordinary_user(tracked);
	orphan = spawn_and_forge(tracked, leave_a_forger);
	CHECK_PROCESSES(tracked, A, pid, orphan);
	check_state(tracked, orphan, MARK_UNPROVED);
	count_weakness(tracked, A, count);
	assert_int_equal(count[UCG_UNPROVED], 1);
}

/* Its marks are its parent's, who is a member. */
static void children_of_before_the_attach_stay_where_they_were(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, before, after;

	need_root();
	pid = unmarkable(tracked, 2);
	open_gate(&tracked->nursery, 1);
	before = await_report(&tracked->nursery).pid;
	attach(tracked, pid, A);
	open_gate(&tracked->nursery, 1);
	after = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, after);
	assert_int_equal(find(tracked, before).group.value, UCG_ROOT_ID.value);
}

static void tasks_of_all_users_are_roots_business(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, child;

	need_root();
	pid = model(tracked);
	child = spawn_and_forge(tracked, fork_a_forger);
	CHECK_PROCESSES(tracked, A, pid, child);
}

static void marks_of_a_members_child_count(void **state)
{
	struct tracked *tracked = *state;
	pid_t pid, member, child;

	need_root();
	pid = model(tracked);
	member = nursery_spawn(&tracked->nursery, fork_a_forger, 0);
	await_report(&tracked->nursery);
	attach(tracked, member, A);
	open_gate(&tracked->nursery, 1);
	child = await_report(&tracked->nursery).pid;
	CHECK_PROCESSES(tracked, A, pid, member, child);
	assert_int_not_equal(roster_member(roster(tracked), child)->state, MARK_UNPROVED);
	assert_int_not_equal(roster_member(roster(tracked), child)->state, MARK_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tracked_setup, tracked_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_cannot_be_marked_is_held),
		TEST(its_children_are_adopted),
		TEST(its_child_is_adopted_without_being_asked_for),
		TEST(a_child_that_can_be_marked_is),
		TEST(grandchildren_are_adopted_as_well),
		TEST(moved_to_the_root_it_leaves_its_children),
		TEST(the_child_of_one_that_lost_both_marks_is_adopted_and_marked),
		TEST(marks_of_a_strangers_child_do_not_count),
		TEST(forged_marks_do_not_keep_a_group),
		TEST(forged_marks_do_not_get_the_forger_killed),
		TEST(of_one_without_a_parent_it_is_said_that_nothing_proves_it),
		TEST(children_of_before_the_attach_stay_where_they_were),
		TEST(tasks_of_all_users_are_roots_business),
		TEST(marks_of_a_members_child_count),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, give_up_capabilities, unregister_thread);
}
