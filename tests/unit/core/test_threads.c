/* SPDX-License-Identifier: MIT */
/* What other threads do while the serving thread changes the world; to be run under TSan too. */
#include "one_world.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

static _Atomic bool stop;

static void furnish(void)
{
	atomic_store(&stop, false);
}

/* cmocka's asserts are for the main thread: others count what they find wrong. */
struct reader {
	pthread_t thread;
	struct ucg_group_id group;
	bool some_are_withdrawn; /* so there may be gaps between the releases that are taken */
	_Atomic size_t passes;
	size_t wrong;
};

static void run(struct reader *reader, void *(*function)(void *))
{
	assert_int_equal(pthread_create(&reader->thread, NULL, function, reader), 0);
	/* It must be at work before anything is changed, or nothing is tested. */
	while (!atomic_load(&reader->passes))
		;
}

static void join(struct reader *reader)
{
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(reader->thread, NULL), 0);
	assert_int_equal(reader->wrong, 0);
}

static bool equals(const struct ucg_text *text, const char *string)
{
	size_t length = strlen(string);

	return text->length == length && (!length || !memcmp(text->bytes, string, length));
}

static bool is_one_of(const struct ucg_text *text, const char *one, const char *other)
{
	return equals(text, one) || equals(text, other);
}

#define SHORT_PATH "/a/b"
#define LONG_PATH "/a longer name than the first one was/b"

static void *read_paths(void *context)
{
	struct reader *reader = context;
	struct ucg_text path = {0};

	urcu_memb_register_thread();
	while (!atomic_load(&stop)) {
		int error;

		path.length = 0;
		urcu_memb_read_lock();
		error = ucg_group_path(world.hierarchy, reader->group, &path);
		urcu_memb_read_unlock();
		if (error || !is_one_of(&path, SHORT_PATH, LONG_PATH))
			reader->wrong++;
		atomic_fetch_add(&reader->passes, 1);
	}
	urcu_memb_unregister_thread();
	ucg_text_clear(&path);
	return NULL;
}

static void a_path_read_during_renames_is_the_old_or_the_new_one(void **state)
{
	struct reader reader = {.group = {2}};

	(void)state;
	world_make(&world, "/", "a");
	world_make(&world, "/a", "b");
	run(&reader, read_paths);
	for (int i = 0; i < 1000; i++) {
		world_rename(&world, "/a", "a longer name than the first one was");
		world_rename(&world, "/a longer name than the first one was", "a");
	}
	join(&reader);
}

static void *read_agent(void *context)
{
	struct reader *reader = context;
	struct ucg_text agent = {0};

	urcu_memb_register_thread();
	while (!atomic_load(&stop)) {
		int error;

		agent.length = 0;
		urcu_memb_read_lock();
		error = ucg_hierarchy_agent(world.hierarchy, &agent);
		urcu_memb_read_unlock();
		if (error || !is_one_of(&agent, "", "/sbin/agent"))
			reader->wrong++;
		atomic_fetch_add(&reader->passes, 1);
	}
	urcu_memb_unregister_thread();
	ucg_text_clear(&agent);
	return NULL;
}

static void an_agent_read_during_writes_is_the_old_or_the_new_one(void **state)
{
	struct reader reader = {0};

	(void)state;
	run(&reader, read_agent);
	for (int i = 0; i < 1000; i++) {
		const char *text = i % 2 ? "" : "/sbin/agent";

		assert_int_equal(ucg_hierarchy_set_agent(world.hierarchy, &world.user, text,
							 strlen(text), &world.change),
				 0);
		world_commit(&world);
	}
	join(&reader);
}

/* Reads paths of groups that come and go: each is right or -ENOENT. */
static void *read_coming_and_going(void *context)
{
	struct reader *reader = context;
	struct ucg_text path = {0};

	urcu_memb_register_thread();
	for (uint64_t id = 1; !atomic_load(&stop); id = id % 64 + 1) {
		int error;

		path.length = 0;
		urcu_memb_read_lock();
		error = ucg_group_path(world.hierarchy, (struct ucg_group_id){id}, &path);
		urcu_memb_read_unlock();
		if (error ? error != -ENOENT : !is_one_of(&path, "/x", "/x/y"))
			reader->wrong++;
		atomic_fetch_add(&reader->passes, 1);
	}
	urcu_memb_unregister_thread();
	ucg_text_clear(&path);
	return NULL;
}

static void groups_may_be_forgotten_while_their_paths_are_read(void **state)
{
	struct reader reader = {0};

	(void)state;
	run(&reader, read_coming_and_going);
	for (int i = 0; i < 1000; i++) {
		world_make(&world, "/", "x");
		world_make(&world, "/x", "y");
		world_remove(&world, "/x/y");
		world_remove(&world, "/x");
	}
	join(&reader);
}

/* The agent thread: takes releases, looks at paths, gives them back. */
static void *take_releases(void *context)
{
	struct reader *reader = context;
	struct ucg_text path = {0};
	uint64_t last = 0;

	urcu_memb_register_thread();
	for (;;) {
		bool last_round = atomic_load(&stop);
		struct ucg_release *release = ucg_release_next(world.hierarchy);

		if (!release && last_round)
			break;
		atomic_fetch_add(&reader->passes, 1);
		if (!release)
			continue;
		path.length = 0;
		urcu_memb_read_lock();
		if (ucg_group_path(world.hierarchy, release->record.group, &path))
			reader->wrong++;
		urcu_memb_read_unlock();
		if (reader->some_are_withdrawn ? release->record.id <= last
					       : release->record.id != last + 1)
			reader->wrong++;
		last = release->record.id;
		ucg_release_done(world.hierarchy, release);
	}
	urcu_memb_unregister_thread();
	ucg_text_clear(&path);
	return (void *)(uintptr_t)last;
}

/*
 * Guarantees 1 to 3 of release.c: as many calls as releases put on the list, in their order, never
 * two of a group on the list, and one after the last transition.
 */
static void the_agent_thread_takes_each_release_once_and_in_order(void **state)
{
	struct reader reader = {0};
	void *last;

	(void)state;
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	run(&reader, take_releases);
	for (int i = 0; i < 2000; i++) {
		world_enter(&world, "/a");
		world_empty(&world, "/a");
		ucg_release_collect(world.hierarchy);
	}
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(reader.thread, &last), 0);
	assert_int_equal(reader.wrong, 0);
	assert_in_range((uintptr_t)last, 1, 2000);
	ucg_release_collect(world.hierarchy);
	assert_false(world_flags(&world, "/a") & UCG_GROUP_DUE);
}

static void release_and_remove_1000_groups(struct reader *reader)
{
	run(reader, take_releases);
	for (int i = 0; i < 1000; i++) {
		world_make(&world, "/", "a");
		world_notify(&world, "/a", true);
		world_enter(&world, "/a");
		world_empty(&world, "/a");
		world_remove(&world, "/a");
		ucg_release_collect(world.hierarchy);
	}
	atomic_store(&stop, true);
}

static void a_group_removed_while_it_is_due_is_called_for_with_its_path(void **state)
{
	struct reader reader = {0};
	void *last;

	(void)state;
	release_and_remove_1000_groups(&reader);
	assert_int_equal(pthread_join(reader.thread, &last), 0);
	assert_int_equal(reader.wrong, 0);
	assert_int_equal((uintptr_t)last, 1000);
	ucg_release_collect(world.hierarchy);
	assert_null(ucg_group_find(world.hierarchy, (struct ucg_group_id){1000}));
}

/* Guarantee 4 of release.c: withdrawn or called for, either way each release ends. */
static void a_group_removed_while_it_is_taken_is_forgotten_in_the_original(void **state)
{
	struct reader reader = {.some_are_withdrawn = true};

	(void)state;
	release_and_remove_1000_groups(&reader);
	join(&reader);
	ucg_release_collect(world.hierarchy);
	for (uint64_t id = 1; id <= 1000; id++)
		assert_null(ucg_group_find(world.hierarchy, (struct ucg_group_id){id}));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
#define TEST_ORIGINAL(name) cmocka_unit_test_setup_teardown(name, start_original, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_path_read_during_renames_is_the_old_or_the_new_one),
		TEST(an_agent_read_during_writes_is_the_old_or_the_new_one),
		TEST(groups_may_be_forgotten_while_their_paths_are_read),
		TEST(the_agent_thread_takes_each_release_once_and_in_order),
		TEST(a_group_removed_while_it_is_due_is_called_for_with_its_path),
		TEST_ORIGINAL(a_group_removed_while_it_is_taken_is_forgotten_in_the_original),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
