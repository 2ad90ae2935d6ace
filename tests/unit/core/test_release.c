/* SPDX-License-Identifier: MIT */
/* The rules of release, from design.md §2.2 and kernel behaviour §6.1 and §6.2. */
#include "one_world.h"

#include <stdio.h>

static void furnish(void)
{
}

/* ---- the table: what happens, and which calls of the agent come of it ---- */

/* The agent thread's part: takes all that is due, writes down the paths. */
static void run_agent(struct ucg_text *calls)
{
	struct ucg_release *release;

	while ((release = ucg_release_next(world.hierarchy))) {
		if (calls->length)
			PRINT(calls, " ");
		urcu_memb_read_lock();
		assert_int_equal(ucg_group_path(world.hierarchy, release->record.group, calls), 0);
		urcu_memb_read_unlock();
		ucg_release_done(world.hierarchy, release);
	}
	ucg_release_collect(world.hierarchy);
}

static void make(const char *path)
{
	char parent[64];
	const char *name = strrchr(path, '/') + 1;

	snprintf(parent, sizeof(parent), "%.*s", (int)(name - path), path);
	world_make(&world, parent, name);
}

static void check_releasable(const char *path, bool expected)
{
	if (!!(world_flags(&world, path) & UCG_GROUP_RELEASABLE) != expected)
		fail_msg("releasable of %s: expected %d, got %d", path, expected, !expected);
}

/* One event: a verb and a path.
 *   make, rmdir
 *   flag, unflag    notify_on_release is written 1, 0
 *   enter           the first task comes in
 *   exit            the last task is gone
 *   left            a task was moved out, others may remain
 *   is, not         assert that releasable reads 1, 0
 *   agent           the agent thread runs; otherwise it does so at the end
 */
static void happen(const char *verb, const char *path, struct ucg_text *calls)
{
	if (!strcmp(verb, "make"))
		make(path);
	else if (!strcmp(verb, "rmdir"))
		world_remove(&world, path);
	else if (!strcmp(verb, "flag"))
		world_notify(&world, path, true);
	else if (!strcmp(verb, "unflag"))
		world_notify(&world, path, false);
	else if (!strcmp(verb, "enter"))
		world_enter(&world, path);
	else if (!strcmp(verb, "exit"))
		world_empty(&world, path);
	else if (!strcmp(verb, "left"))
		world_task_left(&world, path);
	else if (!strcmp(verb, "is"))
		check_releasable(path, true);
	else if (!strcmp(verb, "not"))
		check_releasable(path, false);
	else if (!strcmp(verb, "agent"))
		run_agent(calls);
	else
		fail_msg("unknown verb %s", verb);
}

static const struct rule {
	const char *name;
	const char *events;
	const char *calls;
} rules[] = {
	/* (a) exit */
	{"last task exits", "make /a,flag /a,enter /a,not /a,exit /a,is /a", "/a"},
	{"last task exits, flag off", "make /a,enter /a,exit /a,not /a", ""},
	{"flag set while a task is inside", "make /a,enter /a,flag /a,exit /a", "/a"},
	{"flag cleared while a task is inside", "make /a,flag /a,enter /a,unflag /a,exit /a,not /a",
	 ""},
	{"task exits while there is a child", "make /a,flag /a,make /a/b,enter /a,exit /a,is /a",
	 ""},
	{"... then the child is removed", "make /a,flag /a,make /a/b,enter /a,exit /a,rmdir /a/b",
	 "/a"},
	{"last task leaves a child with flag 0",
	 "make /a,make /a/b,flag /a,enter /a/b,exit /a/b,not /a/b,not /a", ""},
	{"twice", "make /a,flag /a,enter /a,exit /a,agent /,enter /a,exit /a", "/a /a"},
	/* (b) move */
	{"one of several tasks is moved out", "make /a,flag /a,enter /a,left /a,is /a", ""},
	{"the last one is moved out", "make /a,flag /a,enter /a,left /a,exit /a,is /a", "/a"},
	{"a move sets the bit with the flag off", "make /a,enter /a,left /a,is /a,exit /a,is /a",
	 ""},
	{"a move out of the root sets its bit", "not /,flag /,left /,is /", ""},
	/* (c) removal of a child */
	{"last child removed", "make /a,flag /a,make /a/b,rmdir /a/b,is /a", "/a"},
	{"last child removed, flag off", "make /a,make /a/b,rmdir /a/b,is /a", ""},
	{"the child's own flag does not matter", "make /a,flag /a,make /a/b,unflag /a/b,rmdir /a/b",
	 "/a"},
	{"one of two children removed", "make /a,flag /a,make /a/b,make /a/c,rmdir /a/b,is /a", ""},
	{"... then the other one", "make /a,flag /a,make /a/b,make /a/c,rmdir /a/b,rmdir /a/c",
	 "/a"},
	{"child removed while there is a task", "make /a,flag /a,make /a/b,enter /a,rmdir /a/b",
	 ""},
	{"... then the task exits", "make /a,flag /a,make /a/b,enter /a,rmdir /a/b,exit /a", "/a"},
	{"removal is no event of the group itself", "make /a,flag /a,rmdir /a", ""},
	{"grandchild removed: its parent only",
	 "make /a,flag /a,make /a/b,make /a/b/c,flag /a/b,rmdir /a/b/c,not /a", "/a/b"},
	{"child of the root removed", "flag /,make /a,unflag /a,rmdir /a,is /", ""},
	/* what is no transition */
	{"never used, flag set", "make /a,flag /a", ""},
	{"emptied while the flag is 0, then set", "make /a,enter /a,left /a,exit /a,flag /a,not /a",
	 ""},
	{"1 written over 1 on an empty group",
	 "make /a,flag /a,enter /a,exit /a,agent /,flag /a,not /a", "/a"},
	{"0 written clears the bit", "make /a,enter /a,left /a,unflag /a,not /a", ""},
	{"clearing the bit before the task is gone, move only",
	 "make /a,flag /a,enter /a,left /a,flag /a,not /a,exit /a,is /a", "/a"},
	{"a new task leaves the bit", "make /a,enter /a,left /a,exit /a,enter /a,is /a", ""},
	{"a call leaves the bit", "make /a,flag /a,enter /a,exit /a,agent /,is /a", "/a"},
	/* races with the worker, kernel behaviour §6.2 */
	{"group gets a task again before the call", "make /a,flag /a,enter /a,exit /a,enter /a",
	 "/a"},
	{"flag cleared before the call", "make /a,flag /a,enter /a,exit /a,unflag /a", "/a"},
	{"child made before the call", "make /a,flag /a,enter /a,exit /a,make /a/b", "/a"},
	{"removed before the call", "make /a,flag /a,enter /a,exit /a,rmdir /a", "/a"},
	{"removed before the call, and made again",
	 "make /a,flag /a,enter /a,exit /a,rmdir /a,"
	 "make /a,flag /a,enter /a,exit /a",
	 "/a /a"},
	{"removed after the call", "make /a,flag /a,enter /a,exit /a,agent /,rmdir /a", "/a"},
	{"last child removed before its call",
	 "make /a,flag /a,make /a/b,flag /a/b,enter /a/b,exit /a/b,rmdir /a/b", "/a/b /a"},
	{"emptied twice before the call", "make /a,flag /a,enter /a,exit /a,enter /a,exit /a",
	 "/a"},
	{"emptied thrice, one call between",
	 "make /a,flag /a,enter /a,exit /a,agent /,enter /a,exit /a,enter /a,exit /a", "/a /a"},
	{"repopulated and released at its next transition",
	 "make /a,flag /a,enter /a,exit /a,enter /a,agent /,exit /a", "/a /a"},
	/* order */
	{"first come first served",
	 "make /a,make /b,make /c,flag /a,flag /b,flag /c,enter /a,enter /b,enter /c,"
	 "exit /b,exit /c,exit /a",
	 "/b /c /a"},
	{"one of three removed before its call",
	 "make /a,make /b,make /c,flag /a,flag /b,flag /c,enter /a,enter /b,enter /c,"
	 "exit /b,exit /c,exit /a,rmdir /c",
	 "/b /c /a"},
	{"one, then two more",
	 "make /a,make /b,make /c,flag /a,flag /b,flag /c,enter /a,enter /b,enter /c,"
	 "exit /a,agent /,exit /b,exit /c",
	 "/a /b /c"},
	{"the cascade of an agent that removes its argument",
	 "make /a,flag /a,make /a/b,make /a/b/c,enter /a/b/c,exit /a/b/c,agent /,"
	 "rmdir /a/b/c,agent /,rmdir /a/b,agent /,rmdir /a",
	 "/a/b/c /a/b /a"},
};

/* What Linux 2.6.24 does otherwise: nothing is inherited, the latest first, no call if removed. */
static const struct {
	const char *name;
	const char *calls;
} original[] = {
	{"removed before the call", ""},
	{"removed before the call, and made again", "/a"},
	{"last child removed before its call", "/a"},
	{"first come first served", "/a /c /b"},
	{"one of three removed before its call", "/a /b"},
	{"one, then two more", "/a /c /b"},
	{"the cascade of an agent that removes its argument", "/a"},
};

static void check_rule(const struct ucg_rules *column, const struct rule *rule,
		       const char *expected)
{
	struct ucg_text calls = {0};
	char *copy = strdup(rule->events), *rest = copy, *event;
	char verb[16], path[32];

	world_start_by(&world, column);
	while ((event = strsep(&rest, ","))) {
		assert_int_equal(sscanf(event, "%15s %31s", verb, path), 2);
		happen(verb, path, &calls);
	}
	run_agent(&calls);
	if (strcmp(text_string(&calls), expected) != 0)
		fail_msg("%s, %s: expected calls \"%s\", got \"%s\"", column->name, rule->name,
			 expected, text_string(&calls));
	world_end(&world);
	ucg_text_clear(&calls);
	free(copy);
}

static void releases_follow_the_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		check_rule(&ucg_rules_current, &rules[i], rules[i].calls);
}

static void releases_follow_the_original_rules_where_they_differ(void **state)
{
	const size_t count = sizeof(original) / sizeof(original[0]);
	size_t differing = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *calls = rules[i].calls;

		for (size_t j = 0; j < count; j++) {
			if (strcmp(original[j].name, rules[i].name) != 0)
				continue;
			calls = original[j].calls;
			differing++;
		}
		check_rule(&ucg_rules_2_6_24, &rules[i], calls);
	}
	assert_int_equal(differing, count);
}

/* ---- changes ---- */

static void the_last_exit_is_a_release_in_the_change(void **state)
{
	(void)state;
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	world_enter(&world, "/a");
	assert_int_equal(
		ucg_group_emptied(world.hierarchy, world_group(&world, "/a"), &world.change), 0);
	assert_change(&world.change, "group 1<0 NR--D- 0755 1000:1000 @101\n"
				     "release 1 of 1\n"
				     "populated 1\n");
}

static void the_removal_of_the_last_child_is_a_release_in_the_change(void **state)
{
	(void)state;
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	world_make(&world, "/a", "b");
	assert_int_equal(ucg_group_remove(world.hierarchy, world_group(&world, "/a/b"),
					  world_now(&world), &world.change),
			 0);
	assert_change(&world.change, "node 2/1 0755 1000:1000 a102 m103 c103\n"
				     "group 2<1 N----X 0755 1000:1000 @102\n"
				     "node 1/1 0755 1000:1000 a101 m103 c103\n"
				     "group 1<0 NR--D- 0755 1000:1000 @101\n"
				     "release 1 of 1\n");
}

static void a_group_that_is_due_already_has_no_second_release_in_the_change(void **state)
{
	(void)state;
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	world_enter(&world, "/a");
	world_empty(&world, "/a");
	world_enter(&world, "/a");
	assert_int_equal(
		ucg_group_emptied(world.hierarchy, world_group(&world, "/a"), &world.change), 0);
	assert_change(&world.change, "group 1<0 NR--D- 0755 1000:1000 @101\npopulated 1\n");
}

/* ---- the list ---- */

static void release_group(const char *path)
{
	world_enter(&world, path);
	world_empty(&world, path);
}

static void count_wakes(void *context)
{
	++*(int *)context;
}

static void the_agent_thread_is_woken_after_each_release(void **state)
{
	struct ucg_release_list *list = ucg_hierarchy_releases(world.hierarchy);
	int wakes = 0;

	(void)state;
	list->wake = count_wakes;
	list->context = &wakes;
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	world_enter(&world, "/a");
	assert_int_equal(wakes, 0);
	world_empty(&world, "/a");
	assert_int_equal(wakes, 1);
	release_group("/a");
	assert_int_equal(wakes, 1); /* it is on the list still */
	list->wake = NULL;
}

static void a_release_has_the_id_that_the_change_said(void **state)
{
	struct ucg_release *release;

	(void)state;
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	for (uint64_t id = 1; id < 4; id++) {
		release_group("/a");
		release = ucg_release_next(world.hierarchy);
		assert_non_null(release);
		assert_int_equal(release->record.id, id);
		assert_int_equal(release->record.group.value, 1);
		assert_int_equal(release->record.state, UCG_RELEASE_DUE);
		assert_null(ucg_release_next(world.hierarchy));
		ucg_release_done(world.hierarchy, release);
	}
}

static void a_group_is_due_until_it_was_taken_off(void **state)
{
	struct ucg_release *first, *second;

	(void)state;
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	release_group("/a");
	assert_true(world_flags(&world, "/a") & UCG_GROUP_DUE);
	first = ucg_release_next(world.hierarchy);
	world_enter(&world, "/a");
	assert_false(world_flags(&world, "/a") & UCG_GROUP_DUE);
	world_empty(&world, "/a");
	ucg_release_done(world.hierarchy, first);
	ucg_release_collect(world.hierarchy);
	assert_true(world_flags(&world, "/a") & UCG_GROUP_DUE);
	second = ucg_release_next(world.hierarchy);
	ucg_release_done(world.hierarchy, second);
	ucg_release_collect(world.hierarchy);
	assert_false(world_flags(&world, "/a") & UCG_GROUP_DUE);
}

static void a_release_pins_its_group_until_it_was_collected(void **state)
{
	struct ucg_group_id id = {1};
	struct ucg_release *release;

	(void)state;
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	release_group("/a");
	world_remove(&world, "/a");
	release = ucg_release_next(world.hierarchy);
	assert_non_null(ucg_group_find(world.hierarchy, id));
	ucg_release_done(world.hierarchy, release);
	assert_non_null(ucg_group_find(world.hierarchy, id));
	ucg_release_collect(world.hierarchy);
	assert_null(ucg_group_find(world.hierarchy, id));
}

static void a_withdrawn_release_is_due_no_more_and_ends_when_its_turn_comes(void **state)
{
	struct ucg_group_id id = {1};

	(void)state;
	world_end(&world);
	world_start_by(&world, &ucg_rules_2_6_24);
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	release_group("/a");
	assert_int_equal(ucg_group_remove(world.hierarchy, world_group(&world, "/a"),
					  world_now(&world), &world.change),
			 0);
	assert_change(&world.change, "node 1/1 0755 1000:1000 a101 m102 c102\n"
				     "group 1<0 NR---X 0755 1000:1000 @101\n"
				     "node 0/1 0755 1000:1000 a1 m102 c102\n"
				     "group 0<0 -R-T-- 0755 1000:1000 @1\n");
	world_commit(&world);
	assert_non_null(ucg_group_find(world.hierarchy, id));
	assert_null(ucg_release_next(world.hierarchy));
	ucg_release_collect(world.hierarchy);
	assert_null(ucg_group_find(world.hierarchy, id));
}

static void the_path_is_that_of_when_the_agent_thread_asks(void **state)
{
	struct ucg_text calls = {0};

	(void)state;
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	release_group("/a");
	world_rename(&world, "/a", "b");
	run_agent(&calls);
	assert_string_equal(text_string(&calls), "/b");
	ucg_text_clear(&calls);
}

/* The leak checker looks at this one. */
static void check_end_with_releases_due(const struct ucg_rules *column)
{
	world_end(&world);
	world_start_by(&world, column);
	for (unsigned i = 0; i < 3; i++) {
		char path[] = {'/', (char)('a' + i), '\0'};

		world_make(&world, "/", path + 1);
		world_notify(&world, path, true);
		release_group(path);
	}
	ucg_release_done(world.hierarchy, ucg_release_next(world.hierarchy));
	assert_true(world_flags(&world, "/b") & UCG_GROUP_DUE);
}

static void a_hierarchy_may_end_with_releases_due(void **state)
{
	(void)state;
	check_end_with_releases_due(&ucg_rules_current);
	check_end_with_releases_due(&ucg_rules_2_6_24);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases_follow_the_rules),
		cmocka_unit_test(releases_follow_the_original_rules_where_they_differ),
		TEST(the_last_exit_is_a_release_in_the_change),
		TEST(the_removal_of_the_last_child_is_a_release_in_the_change),
		TEST(a_group_that_is_due_already_has_no_second_release_in_the_change),
		TEST(the_agent_thread_is_woken_after_each_release),
		TEST(a_release_has_the_id_that_the_change_said),
		TEST(a_group_is_due_until_it_was_taken_off),
		TEST(a_release_pins_its_group_until_it_was_collected),
		TEST(a_withdrawn_release_is_due_no_more_and_ends_when_its_turn_comes),
		TEST(the_path_is_that_of_when_the_agent_thread_asks),
		TEST(a_hierarchy_may_end_with_releases_due),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
