/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <urcu/urcu-memb.h>

#include "probe.h"
#include "ucgroupfs/raw.h"
#include "ucgroupfs/release.h"

#define GROUPS_AT_ONCE 1000

/*
 * A hierarchy without mount, tracker or journal: groups are said to have been entered and emptied.
 * Agents report to the folder's FIFO.
 */
struct world {
	struct ucg_log log;
	struct folder folder;
	struct ucg_journal journal;
	struct ucg_hierarchy *hierarchy;
	struct ucg_agent_thread *thread; /* NULL: not started */
	/* Written by the agent thread; read after it has ended. */
	int lines;
	char lines_text[4096];
};

/* ---- what stands in for libc's calls ---- */

/* How the next calls of clone() go wrong: *_clones is counted down. */
static _Atomic int refused_clones, killed_clones;
static _Atomic int refused_for_ever;

UCG_CHILD_CODE static int die(void *unused)
{
	(void)unused;
	ucg_raw_syscall(SYS_exit_group, 0, 0, 0, 0);
	return 0;
}

int ucg_clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
	int (*real)(int (*)(void *), void *, int, void *, ...);
	va_list rest;
	pid_t *parent_tid, *child_tid;
	void *tls;

	*(void **)&real = dlsym(RTLD_NEXT, "__clone"); /* clone() under its other name */
	if (refused_for_ever || refused_clones) {
		if (refused_clones)
			refused_clones--;
		errno = EAGAIN;
		return -1;
	}
	if (killed_clones) {
		killed_clones--;
		function = die;
	}
	va_start(rest, argument);
	parent_tid = va_arg(rest, pid_t *);
	tls = va_arg(rest, void *);
	child_tid = va_arg(rest, pid_t *);
	va_end(rest);
	return real(function, stack, flags, argument, parent_tid, tls, child_tid);
}

/* ---- vocabulary ---- */

static void vprint(struct ucg_log *log, int priority, const char *format, va_list args)
{
	struct world *world = (struct world *)log;
	size_t used = strlen(world->lines_text);

	(void)priority;
	world->lines++;
	vsnprintf(world->lines_text + used, sizeof(world->lines_text) - used, format, args);
}

static const struct ucg_opener opener = {0, 0};

static void commit(struct world *world, struct ucg_change *change)
{
	for (size_t i = 0; i < change->image_count; i++) {
		const struct ucg_applier *applier = &world->journal.applier[change->image[i].kind];

		applier->apply(applier->context, &change->image[i]);
	}
	ucg_change_clear(change);
}

static void set_agent(struct world *world, const char *agent)
{
	struct ucg_change change = UCG_CHANGE_INIT;

	assert_int_equal(
		ucg_hierarchy_set_agent(world->hierarchy, &opener, agent, strlen(agent), &change),
		0);
	commit(world, &change);
}

/* An agent that is a file of the folder. */
static void set_own_agent(struct world *world, const char *name)
{
	char path[128];

	folder_file(&world->folder, name, path, sizeof(path));
	set_agent(world, path);
}

static struct ucg_group *make_group(struct world *world, struct ucg_group *parent, const char *name)
{
	struct ucg_change change = UCG_CHANGE_INIT;
	struct ucg_group_id id;
	struct ucg_group *group;

	assert_int_equal(ucg_group_make(world->hierarchy, parent, name, strlen(name), false, 0755,
					&opener, (struct timespec){0}, &id, &change),
			 0);
	commit(world, &change);
	group = ucg_group_find(world->hierarchy, id);
	assert_non_null(group);
	assert_int_equal(
		ucg_group_set_flag(world->hierarchy, group, UCG_GROUP_NOTIFY, true, &change), 0);
	commit(world, &change);
	return group;
}

static struct ucg_group *make_top_group(struct world *world, const char *name)
{
	return make_group(world, ucg_hierarchy_root(world->hierarchy), name);
}

/* The last task of the group exits: its release is due. */
static void empty(struct world *world, struct ucg_group *group)
{
	struct ucg_change change = UCG_CHANGE_INIT;

	assert_int_equal(ucg_group_entered(world->hierarchy, group, &change), 0);
	commit(world, &change);
	assert_int_equal(ucg_group_emptied(world->hierarchy, group, &change), 0);
	commit(world, &change);
}

static void empty_new(struct world *world, const char *name)
{
	empty(world, make_top_group(world, name));
}

static void start(struct world *world)
{
	struct ucg_agent_config config = {.hierarchy = world->hierarchy, .log = &world->log};
	sigset_t all, before;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &config.nofile), 0);
	sigfillset(&all);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &all, &before), 0);
	assert_int_equal(ucg_agent_start(&config, &world->thread), 0);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

static void stop(struct world *world)
{
	world->thread = ucg_agent_stop(world->thread);
	ucg_release_collect(world->hierarchy);
}

static void assert_reported(struct world *world, const char *expected)
{
	assert_string_equal(next_line(&world->folder), expected);
}

static int set_up_by(const struct ucg_rules *rules, void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct ucg_hierarchy_config config = {.name = "test", .release_agent = "", .rules = rules};

	assert_non_null(world);
	folder_make(&world->folder);
	/* One write a report, so that reports do not mix. */
	folder_add_script(&world->folder, "report",
			  "#!/bin/sh\nprintf '%s\\n' \"$1\" >\"${0%/*}/reports\"\n");
	world->log.vprint = vprint;
	assert_int_equal(ucg_hierarchy_new(&config, &world->hierarchy), 0);
	ucg_hierarchy_connect(world->hierarchy, &world->journal);
	set_own_agent(world, "report");
	start(world);
	*state = world;
	return 0;
}

static int set_up(void **state)
{
	return set_up_by(&ucg_rules_current, state);
}

static int set_up_original(void **state)
{
	return set_up_by(&ucg_rules_2_6_24, state);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	stop(world);
	wait_for_agents();
	assert_no_report(&world->folder);
	world->hierarchy = ucg_hierarchy_free(world->hierarchy);
	folder_remove(&world->folder);
	free(world);
	return 0;
}

/* ---- tests ---- */

static void emptied_group_is_reported_to_the_agent_once(void **state)
{
	empty_new(*state, "a");
	assert_reported(*state, "/a");
}

static void repopulated_group_is_reported_again_at_its_next_transition(void **state)
{
	struct world *world = *state;
	struct ucg_group *group = make_top_group(world, "a");

	empty(world, group);
	assert_reported(world, "/a");
	empty(world, group);
	assert_reported(world, "/a");
}

static void release_due_before_the_start_is_run(void **state)
{
	struct world *world = *state;

	stop(world);
	empty_new(world, "a");
	start(world);
	assert_reported(world, "/a");
}

static void stop_runs_what_is_due(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 50; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		empty_new(world, name);
	}
	stop(world);
	for (int i = 0; i < 50; i++)
		next_line(&world->folder);
}

static void path_is_that_of_the_hierarchy_not_of_the_parent(void **state)
{
	struct world *world = *state;

	empty(world, make_group(world, make_top_group(world, "a b"), "c"));
	assert_reported(world, "/a b/c");
}

/* A group whose path, written to @path, is @length bytes long; no two share an ancestor. */
static struct ucg_group *make_deep_group(struct world *world, size_t length, char *path)
{
	struct ucg_group *group = ucg_hierarchy_root(world->hierarchy);
	char name[256], letter = (char)('a' + length % 26);

	for (*path = '\0'; length;) {
		size_t part = length > sizeof(name) + 1 ? sizeof(name) - 1 : length - 1;

		memset(name, letter, part);
		name[part] = '\0';
		strcat(strcat(path, "/"), name);
		group = make_group(world, group, name);
		length -= part + 1;
	}
	return group;
}

static void path_is_cut_at_4095_bytes_and_called(void **state)
{
	char expected[4200];
	struct ucg_group *group = make_deep_group(*state, 4190, expected);

	expected[4095] = '\0';
	empty(*state, group);
	assert_reported(*state, expected);
}

static void path_of_more_than_4095_bytes_is_not_called_in_the_original(void **state)
{
	char expected[4100];

	empty(*state, make_deep_group(*state, 4096, expected));
	empty(*state, make_deep_group(*state, 4095, expected));
	assert_reported(*state, expected);
}

/* Stops the agent thread, so that what happens next happens before it sees the release. */
static void removed_group_is_reported_with_its_old_path(void **state)
{
	struct world *world = *state;
	struct ucg_change change = UCG_CHANGE_INIT;
	struct ucg_group *group = make_top_group(world, "a");

	stop(world);
	empty(world, group);
	assert_int_equal(ucg_group_remove(world->hierarchy, group, (struct timespec){0}, &change),
			 0);
	commit(world, &change);
	start(world);
	assert_reported(world, "/a");
}

static void removed_group_is_not_reported_in_the_original(void **state)
{
	struct world *world = *state;
	struct ucg_change change = UCG_CHANGE_INIT;
	struct ucg_group *group = make_top_group(world, "a");

	stop(world);
	empty(world, group);
	assert_int_equal(ucg_group_remove(world->hierarchy, group, (struct timespec){0}, &change),
			 0);
	commit(world, &change);
	start(world);
	empty_new(world, "b");
	assert_reported(world, "/b");
}

static void renamed_group_is_reported_with_the_name_it_has_when_the_agent_is_run(void **state)
{
	struct world *world = *state;
	struct ucg_change change = UCG_CHANGE_INIT;
	struct ucg_group *group = make_top_group(world, "a");

	stop(world);
	empty(world, group);
	assert_int_equal(ucg_group_rename(world->hierarchy, group, "b", 1, false, &change), 0);
	commit(world, &change);
	start(world);
	assert_reported(world, "/b");
}

static void empty_agent_is_not_called_and_the_release_is_over(void **state)
{
	struct world *world = *state;

	set_agent(world, "");
	empty_new(world, "a");
	stop(world);
	set_own_agent(world, "report");
	start(world);
	empty_new(world, "b");
	assert_reported(world, "/b");
	stop(world);
	assert_int_equal(world->lines, 0);
}

static void empty_agent_is_tried_and_logged_once_in_the_original(void **state)
{
	struct world *world = *state;

	set_agent(world, "");
	empty_new(world, "a");
	empty_new(world, "b");
	stop(world);
	assert_int_equal(world->lines, 1);
	assert_non_null(strstr(world->lines_text, "release agent '': No such file or directory"));
}

static void changed_agent_is_called_from_the_change_on(void **state)
{
	struct world *world = *state;

	folder_add_script(&world->folder, "other",
			  "#!/bin/sh\nprintf 'other %s\\n' \"$1\" >\"${0%/*}/reports\"\n");
	empty_new(world, "a");
	assert_reported(world, "/a");
	set_own_agent(world, "other");
	empty_new(world, "b");
	assert_reported(world, "other /b");
}

static void missing_agent_is_logged_once_and_the_list_goes_on(void **state)
{
	struct world *world = *state;
	const char *prefix = "release agent '/nonexistent/agent': No such file or directory; "
			     "group '/";

	set_agent(world, "/nonexistent/agent");
	empty_new(world, "a");
	empty_new(world, "b");
	empty_new(world, "c");
	stop(world);
	assert_int_equal(world->lines, 1);
	/* Any of the three: their execs are under way at once. */
	assert_memory_equal(world->lines_text, prefix, strlen(prefix));
	set_own_agent(world, "report");
	start(world);
	empty_new(world, "d");
	assert_reported(world, "/d");
}

static void missing_agent_is_logged_again_after_an_exec_that_succeeded(void **state)
{
	struct world *world = *state;

	set_agent(world, "/nonexistent/agent");
	empty_new(world, "a");
	stop(world);
	set_own_agent(world, "report");
	start(world);
	empty_new(world, "b");
	assert_reported(world, "/b");
	set_agent(world, "/nonexistent/agent");
	empty_new(world, "c");
	stop(world);
	assert_int_equal(world->lines, 2);
}

/* Pids are handed out in ascending order, but for a wrap. */
static void agents_are_started_in_the_order_of_the_releases(void **state)
{
	struct world *world = *state;
	int pid[100] = {0}, descents = 0;

	folder_add_script(&world->folder, "pid",
			  "#!/bin/sh\necho \"$1 $$\" >\"${0%/*}/reports\"\n");
	set_own_agent(world, "pid");
	stop(world);
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		empty_new(world, name);
	}
	start(world);
	for (int i = 0; i < 100; i++) {
		int index, agent;

		assert_int_equal(sscanf(next_line(&world->folder), "/%d %d", &index, &agent), 2);
		assert_in_range(index, 0, 99);
		assert_int_equal(pid[index], 0);
		pid[index] = agent;
	}
	for (int i = 1; i < 100; i++)
		descents += pid[i] < pid[i - 1];
	assert_in_range(descents, 0, 1);
}

static void a_thousand_agents_that_hang_are_all_started(void **state)
{
	struct world *world = *state;
	char path[128];
	int hold;

	/* It opens "hold" before it reports, while there is a writer. */
	folder_add_script(&world->folder, "hang",
			  "#!/bin/sh\nexec 3<\"${0%/*}/hold\"\n"
			  "echo x >\"${0%/*}/reports\"\nread x <&3\n");
	folder_file(&world->folder, "hold", path, sizeof(path));
	assert_int_equal(mkfifo(path, 0600), 0);
	hold = open(path, O_RDWR | O_CLOEXEC);
	assert_true(hold >= 0);
	set_own_agent(world, "hang");
	for (int i = 0; i < GROUPS_AT_ONCE; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		empty_new(world, name);
	}
	for (int i = 0; i < GROUPS_AT_ONCE; i++)
		assert_reported(world, "x");
	/* All wait for a line, none has ended. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
	/* With the last writer gone, each of them reads the end. */
	close(hold);
}

static void release_waits_until_a_process_is_to_be_had(void **state)
{
	struct world *world = *state;

	refused_clones = 3;
	empty_new(world, "a");
	assert_reported(world, "/a");
	stop(world);
	assert_int_equal(refused_clones, 0);
	assert_int_equal(world->lines, 1);
	assert_string_equal(world->lines_text,
			    "can't start the release agent yet: Resource temporarily unavailable; "
			    "trying again");
}

static void stop_gives_up_while_no_process_is_to_be_had(void **state)
{
	struct world *world = *state;

	refused_for_ever = 1;
	empty_new(world, "a");
	stop(world);
	refused_for_ever = 0;
	assert_non_null(strstr(world->lines_text, "was released without a call"));
}

static void child_killed_before_its_claim_is_started_again(void **state)
{
	struct world *world = *state;

	killed_clones = 2;
	empty_new(world, "a");
	assert_reported(world, "/a");
	assert_int_equal(killed_clones, 0);
}

static void stop_gives_up_while_children_are_killed(void **state)
{
	struct world *world = *state;

	killed_clones = INT_MAX;
	empty_new(world, "a");
	stop(world);
	killed_clones = 0;
	assert_non_null(strstr(world->lines_text, "was released without a call"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_ORIGINAL(name) cmocka_unit_test_setup_teardown(name, set_up_original, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(emptied_group_is_reported_to_the_agent_once),
		TEST(repopulated_group_is_reported_again_at_its_next_transition),
		TEST(release_due_before_the_start_is_run),
		TEST(stop_runs_what_is_due),
		TEST(path_is_that_of_the_hierarchy_not_of_the_parent),
		TEST(path_is_cut_at_4095_bytes_and_called),
		TEST_ORIGINAL(path_of_more_than_4095_bytes_is_not_called_in_the_original),
		TEST(removed_group_is_reported_with_its_old_path),
		TEST(renamed_group_is_reported_with_the_name_it_has_when_the_agent_is_run),
		TEST(empty_agent_is_not_called_and_the_release_is_over),
		TEST_ORIGINAL(empty_agent_is_tried_and_logged_once_in_the_original),
		TEST_ORIGINAL(removed_group_is_not_reported_in_the_original),
		TEST(changed_agent_is_called_from_the_change_on),
		TEST(missing_agent_is_logged_once_and_the_list_goes_on),
		TEST(missing_agent_is_logged_again_after_an_exec_that_succeeded),
		TEST(agents_are_started_in_the_order_of_the_releases),
		TEST(a_thousand_agents_that_hang_are_all_started),
		TEST(release_waits_until_a_process_is_to_be_had),
		TEST(stop_gives_up_while_no_process_is_to_be_had),
		TEST(child_killed_before_its_claim_is_started_again),
		TEST(stop_gives_up_while_children_are_killed),
	};
	int failed;

	urcu_memb_register_thread();
	reap_agents_unseen();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	urcu_memb_unregister_thread();
	return failed;
}
