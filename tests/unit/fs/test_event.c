/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "device.h"

/* While set, memory is out once arrays have grown so many times more. */
static bool out_of_memory;
static unsigned growths_left;

/* In place of the C library's. */
void *reallocarray(void *array, size_t count, size_t size)
{
	if (out_of_memory && !growths_left)
		return NULL;
	if (out_of_memory)
		growths_left--;
	return realloc(array, count * size);
}

static struct ucg_group_id make_group(struct device *device, const char *name)
{
	return ucg_node_group((struct ucg_node_id){device_mkdir(device, FUSE_ROOT_ID, name)});
}

static bool has_tasks(struct device *device, struct ucg_group_id id)
{
	return ucg_group_has_tasks(ucg_group_find(device->hierarchy, id));
}

static void events_are_applied_at_once(void **state)
{
	struct device *device = *state;
	struct ucg_group_id id = make_group(device, "G");

	ucg_fs_entered(device->fs, id);
	assert_true(has_tasks(device, id));
	ucg_fs_emptied(device->fs, id);
	assert_false(has_tasks(device, id));
}

static void event_of_a_group_that_is_gone_is_ignored(void **state)
{
	struct device *device = *state;

	ucg_fs_emptied(device->fs, (struct ucg_group_id){4711});
	assert_int_equal(device->fs->owed_count, 0);
}

static void event_without_memory_is_applied_later(void **state)
{
	struct device *device = *state;
	struct ucg_group_id id = make_group(device, "G");

	out_of_memory = true;
	ucg_fs_entered(device->fs, id);
	assert_false(has_tasks(device, id));
	assert_int_equal(device->fs->owed_count, 1);

	out_of_memory = false;
	device_serve(device);
	assert_true(has_tasks(device, id));
	assert_int_equal(device->fs->owed_count, 0);
}

static void events_do_not_overtake_one_that_is_owed(void **state)
{
	struct device *device = *state;
	struct ucg_group_id id = make_group(device, "G");

	out_of_memory = true;
	ucg_fs_entered(device->fs, id);
	out_of_memory = false;
	ucg_fs_emptied(device->fs, id);
	/* The other way round the group would now have tasks. */
	assert_false(has_tasks(device, id));
	assert_int_equal(device->fs->owed_count, 0);
}

static void events_that_are_owed_keep_their_order(void **state)
{
	struct device *device = *state;
	struct ucg_group_id id = make_group(device, "G");

	out_of_memory = true;
	ucg_fs_entered(device->fs, id);
	/* As the group still is, this one would need no memory. */
	ucg_fs_emptied(device->fs, id);
	assert_int_equal(device->fs->owed_count, 2);
	out_of_memory = false;
	device_serve(device);
	assert_false(has_tasks(device, id));
	assert_int_equal(device->fs->owed_count, 0);
}

static void request_without_memory_changes_nothing(void **state)
{
	struct device *device = *state;
	const struct fuse_mkdir_in in = {.mode = 0755};
	struct answer answer;
	uint64_t unique = device_send(device, FUSE_MKDIR, FUSE_ROOT_ID, &in, sizeof(in), "G", 2);

	out_of_memory = true;
	assert_int_equal(device_answer(device, unique, &answer), -ENOMEM);
	out_of_memory = false;
	assert_int_equal(ucg_group_child_count(ucg_hierarchy_root(device->hierarchy)), 0);
}

static uint64_t open_and_read(struct device *device, uint64_t node)
{
	uint64_t handle = device_open(device, FUSE_OPEN, node);
	struct answer answer;
	uint64_t unique = device_send_read(device, FUSE_READ, node, handle, 0, 100);

	assert_int_equal(device_answer(device, unique, &answer), 0);
	return handle;
}

/* Of an event that tells pollers alone. */
static void change_of_tracking_of_a_group_that_is_gone_is_ignored(void **state)
{
	struct device *device = *state;

	ucg_fs_restated(device->fs, (struct ucg_group_id){4711});
	assert_no_answer(device);
	assert_int_equal(device->fs->owed_count, 0);
}

static bool is_marked(struct device *device, uint64_t handle)
{
	const struct fs_handle *heap =
		fs_handle_find(&device->fs->handles, (struct ucg_handle_id){handle});

	return !(heap->record.flags & UCG_HANDLE_READ_ONCE);
}

/* The process has been moved when it turns out that there is no memory for who polls. */
static void attach_without_memory_for_pollers_is_an_attach(void **state)
{
	struct device *device = *state;
	struct ucg_group_id id = make_group(device, "G");
	uint64_t group = ucg_node_id(id, UCG_FILE_DIR).value;
	uint64_t events = device_lookup(device, group, "cgroup.events");
	uint64_t tasks = device_lookup(device, group, "tasks");
	uint64_t writer = device_open(device, FUSE_OPEN, tasks);
	uint64_t handle[8], unique;
	struct answer answer;

	for (size_t i = 0; i < 8; i++)
		handle[i] = open_and_read(device, events);
	/* The sources, the images of the groups, and whose populated changes; no more for the
	 * handles. */
	growths_left = 3;
	out_of_memory = true;
	unique = device_send_write(device, tasks, writer, "77", 2);
	assert_int_equal(device_answer(device, unique, &answer), 0);
	out_of_memory = false;
	assert_int_equal(device->fs->owed_count, 1);
	assert_true(has_tasks(device, id));
	assert_false(is_marked(device, handle[0]) && is_marked(device, handle[7]));

	device_serve(device);
	assert_int_equal(device->fs->owed_count, 0);
	for (size_t i = 0; i < 8; i++)
		assert_true(is_marked(device, handle[i]));
}

static void change_of_tracking_changes_no_group(void **state)
{
	struct device *device = *state;
	struct ucg_group_id id = make_group(device, "G");

	ucg_fs_restated(device->fs, id);
	assert_false(has_tasks(device, id));
	assert_int_equal(device->fs->owed_count, 0);
}

static void change_of_tracking_without_memory_is_told_later(void **state)
{
	struct device *device = *state;
	struct ucg_group_id id = make_group(device, "G");
	uint64_t group = ucg_node_id(id, UCG_FILE_DIR).value;
	uint64_t tracking = device_lookup(device, group, "cgroup.tracking");
	uint64_t handle[8];

	for (size_t i = 0; i < 8; i++)
		handle[i] = open_and_read(device, tracking);
	growths_left = 0;
	out_of_memory = true;
	ucg_fs_restated(device->fs, id);
	out_of_memory = false;
	assert_int_equal(device->fs->owed_count, 1);
	device_serve(device);
	assert_int_equal(device->fs->owed_count, 0);
	for (size_t i = 0; i < 8; i++)
		assert_true(is_marked(device, handle[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(events_are_applied_at_once),
		device_test(event_of_a_group_that_is_gone_is_ignored),
		device_test(event_without_memory_is_applied_later),
		device_test(events_do_not_overtake_one_that_is_owed),
		device_test(events_that_are_owed_keep_their_order),
		device_test(request_without_memory_changes_nothing),
		device_test(change_of_tracking_of_a_group_that_is_gone_is_ignored),
		device_test(change_of_tracking_changes_no_group),
		device_test(change_of_tracking_without_memory_is_told_later),
		device_test(attach_without_memory_for_pollers_is_an_attach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
