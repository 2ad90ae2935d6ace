/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "open_file.h"

/* ---- values ---- */

static void rest_of_a_value_is_that_of_the_read_that_began_it(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "notify_on_release");

	assert_reads(device, &file, 0, 1, "0");
	assert_int_equal(write_file(device, &file, "1"), 0);
	assert_reads(device, &file, 1, 100, "\n");
	assert_reads(device, &file, 2, 100, "");
	assert_reads(device, &file, 0, 100, "1\n");
}

static void read_from_elsewhere_sees_the_value_as_it_is_now(void **state)
{
	struct device *device = *state;
	struct open_file file;

	file.node = device_lookup(device, FUSE_ROOT_ID, "release_agent");
	file.handle = device_open(device, FUSE_OPEN, file.node);
	assert_int_equal(write_file(device, &file, "/old"), 0);
	assert_reads(device, &file, 0, 100, "/old\n");
	assert_int_equal(write_file(device, &file, "/new"), 0);
	/* Not where the last read ended. */
	assert_reads(device, &file, 1, 100, "new\n");
}

static void refused_write_changes_nothing(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "notify_on_release");

	assert_int_equal(write_file(device, &file, "x"), -EINVAL);
	assert_reads(device, &file, 0, 100, "0\n");
}

/* ---- opening, times ---- */

static int open_with(struct device *device, const struct open_file *file, uint32_t flags)
{
	struct answer answer;

	return device_answer(device, device_send_open(device, FUSE_OPEN, file->node, flags),
			     &answer);
}

static void direct_io_is_refused(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");

	assert_int_equal(open_with(device, &file, O_RDONLY | O_DIRECT), -EINVAL);
}

static void file_of_a_removed_group_cannot_be_opened(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");

	remove_group(device);
	assert_int_equal(open_with(device, &file, O_RDONLY), -ENODEV);
}

/* SETATTR of the file; returns its modification time afterwards, in seconds. */
static uint64_t set_attr(struct device *device, const struct open_file *file,
			 const struct fuse_setattr_in *in)
{
	struct answer answer;
	uint64_t unique = device_send(device, FUSE_SETATTR, file->node, in, sizeof(*in), NULL, 0);

	assert_int_equal(device_answer(device, unique, &answer), 0);
	return ((struct fuse_attr_out *)(void *)answer.bytes)->attr.mtime;
}

static void set_mtime(struct device *device, const struct open_file *file, uint64_t mtime)
{
	const struct fuse_setattr_in in = {.valid = FATTR_MTIME, .mtime = mtime};

	assert_int_equal(set_attr(device, file, &in), mtime);
}

static void open_with_truncation_sets_the_times(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");
	const struct fuse_setattr_in nothing = {0};

	set_mtime(device, &file, 5);
	assert_int_equal(open_with(device, &file, O_WRONLY), 0);
	assert_int_equal(set_attr(device, &file, &nothing), 5);
	assert_int_equal(open_with(device, &file, O_WRONLY | O_TRUNC), 0);
	assert_true(set_attr(device, &file, &nothing) > 5);
}

static void truncation_by_name_sets_no_times(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");
	const struct fuse_setattr_in by_name = {.valid = FATTR_SIZE, .size = 9};
	const struct fuse_setattr_in by_handle = {
		.valid = FATTR_SIZE | FATTR_FH,
		.fh = file.handle,
	};

	set_mtime(device, &file, 5);
	assert_int_equal(set_attr(device, &file, &by_name), 5);
	assert_true(set_attr(device, &file, &by_handle) > 5);
}

/* ---- lists ---- */

/* So many, with ids from @first on. */
static void tasks_are(struct device *device, pid_t first, unsigned count)
{
	device->tracker.first = first;
	device->tracker.count = count;
}

static void list_is_built_once_a_pass(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");

	tasks_are(device, 10, 2);
	assert_reads(device, &file, 0, 3, "10\n");
	device->tracker.first = 20;
	assert_reads(device, &file, 3, 100, "11\n");
	assert_reads(device, &file, 6, 100, "");
	assert_int_equal(device->tracker.settled, 1);
	assert_reads(device, &file, 0, 100, "20\n21\n");
	assert_int_equal(device->tracker.settled, 2);
}

static void list_read_from_the_middle_first_is_a_slice(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");

	tasks_are(device, 10, 3);
	assert_reads(device, &file, 4, 100, "1\n12\n");
}

static void rest_of_a_list_is_that_of_the_newest(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks"), other = open_again(device, &file);

	tasks_are(device, 10, 4);
	assert_reads(device, &file, 0, 6, "10\n11\n");
	device->tracker.first = 13;
	assert_reads(device, &other, 0, 100, "13\n14\n15\n16\n");
	assert_reads(device, &file, 6, 3, "13\n");
	assert_reads(device, &file, 9, 100, "14\n15\n16\n");
	assert_reads(device, &file, 18, 100, "");
	assert_int_equal(device->tracker.settled, 3);
}

static void line_that_was_begun_is_ended_before_the_newest_list(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks"), other = open_again(device, &file);

	tasks_are(device, 10, 4);
	assert_reads(device, &file, 0, 7, "10\n11\n1");
	device->tracker.first = 13;
	assert_reads(device, &other, 0, 3, "13\n");
	assert_reads(device, &file, 7, 100, "2\n13\n14\n15\n16\n");
}

static void list_read_from_elsewhere_is_counted_from_its_beginning(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks"), other = open_again(device, &file);

	tasks_are(device, 10, 4);
	assert_reads(device, &file, 0, 6, "10\n11\n");
	device->tracker.first = 12;
	assert_reads(device, &other, 0, 3, "12\n");
	assert_reads(device, &file, 6, 3, "12\n");
	assert_reads(device, &file, 3, 3, "13\n");
	assert_reads(device, &file, 6, 3, "14\n");
}

static void end_of_a_list_is_not_final(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks"), other = open_again(device, &file);

	tasks_are(device, 10, 2);
	assert_reads(device, &file, 0, 100, "10\n11\n");
	assert_reads(device, &file, 6, 100, "");
	device->tracker.count = 3;
	assert_reads(device, &other, 0, 3, "10\n");
	assert_reads(device, &file, 6, 100, "12\n");
}

static void record_of_a_list_says_how_far_it_was_read(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");
	const struct fs_handle *handle;

	tasks_are(device, 10, 3);
	assert_reads(device, &file, 0, 7, "10\n11\n1");
	handle = fs_handle_find(&device->fs->handles, (struct ucg_handle_id){file.handle});
	assert_non_null(handle);
	assert_int_equal(handle->record.offset, 7);
	assert_int_equal(handle->record.next_id, 13);
	assert_int_equal(handle->record.opener_uid, 1000);
}

static void list_that_must_wait_is_parked(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");
	struct answer answer;
	uint64_t unique;

	tasks_are(device, 10, 1);
	device->tracker.busy = true;
	unique = device_send_read(device, FUSE_READ, file.node, file.handle, 0, 100);
	device_serve(device);
	assert_no_answer(device);
	device->tracker.busy = false;
	ucg_fs_resume(device->fs);
	assert_int_equal(device_answer(device, unique, &answer), 0);
	assert_memory_equal(answer.bytes, "10\n", 3);
}

/* ---- removed groups ---- */

static void open_file_of_a_removed_group_gets_enodev(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "notify_on_release");
	struct answer answer;

	remove_group(device);
	assert_int_equal(read_file(device, &file, 0, 100, &answer), -ENODEV);
	assert_int_equal(write_file(device, &file, "1"), -ENODEV);
	assert_int_equal(device->tracker.forgotten.value,
			 ucg_node_group((struct ucg_node_id){file.group}).value);
}

static void buffered_rest_of_a_value_outlives_the_group(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "notify_on_release");
	struct answer answer;

	assert_reads(device, &file, 0, 1, "0");
	remove_group(device);
	assert_reads(device, &file, 1, 100, "\n");
	assert_int_equal(read_file(device, &file, 2, 100, &answer), -ENODEV);
}

static void only_the_rest_of_a_line_of_a_list_outlives_the_group(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");
	struct answer answer;

	tasks_are(device, 10, 3);
	assert_reads(device, &file, 0, 4, "10\n1");
	remove_group(device);
	assert_reads(device, &file, 4, 100, "1\n");
	assert_int_equal(read_file(device, &file, 6, 100, &answer), -ENODEV);
}

static void attributes_of_a_removed_group_are_still_there(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");
	const struct fuse_getattr_in in = {0};
	struct answer answer;
	uint64_t unique;

	remove_group(device);
	unique = device_send(device, FUSE_GETATTR, file.node, &in, sizeof(in), NULL, 0);
	assert_int_equal(device_answer(device, unique, &answer), 0);
	assert_int_equal(((struct fuse_attr_out *)(void *)answer.bytes)->attr.nlink, 1);
}

static void removed_group_lives_as_long_as_a_handle_or_a_node(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");
	const struct fuse_forget_in in = {.nlookup = 1};

	remove_group(device);
	close_file(device, &file);
	assert_non_null(group_of(device, &file));
	device_send(device, FUSE_FORGET, file.node, &in, sizeof(in), NULL, 0);
	device_serve(device);
	assert_non_null(group_of(device, &file));
	device_send(device, FUSE_FORGET, file.group, &in, sizeof(in), NULL, 0);
	device_serve(device);
	assert_null(group_of(device, &file));
}

static void closing_an_unknown_handle_succeeds(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");

	close_file(device, &file);
	close_file(device, &file);
}

static void many_open_files_are_told_apart(void **state)
{
	enum { COUNT = 300 };
	struct device *device = *state;
	struct open_file file[COUNT];

	file[0] = open_file(device, "cgroup.events");
	for (int i = 1; i < COUNT; i++) {
		file[i] = file[0];
		file[i].handle = device_open(device, FUSE_OPEN, file[0].node);
	}
	for (int i = 0; i < COUNT; i++) {
		const struct fs_handle *handle = fs_handle_find(
			&device->fs->handles, (struct ucg_handle_id){file[i].handle});

		assert_non_null(handle);
		assert_int_equal(handle->record.id.value, file[i].handle);
		close_file(device, &file[i]);
		assert_null(fs_handle_find(&device->fs->handles,
					   (struct ucg_handle_id){file[i].handle}));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(rest_of_a_value_is_that_of_the_read_that_began_it),
		device_test(read_from_elsewhere_sees_the_value_as_it_is_now),
		device_test(refused_write_changes_nothing),
		device_test(direct_io_is_refused),
		device_test(file_of_a_removed_group_cannot_be_opened),
		device_test(open_with_truncation_sets_the_times),
		device_test(truncation_by_name_sets_no_times),
		device_test(list_is_built_once_a_pass),
		device_test(list_read_from_the_middle_first_is_a_slice),
		device_test(rest_of_a_list_is_that_of_the_newest),
		device_test(line_that_was_begun_is_ended_before_the_newest_list),
		device_test(list_read_from_elsewhere_is_counted_from_its_beginning),
		device_test(end_of_a_list_is_not_final),
		device_test(record_of_a_list_says_how_far_it_was_read),
		device_test(list_that_must_wait_is_parked),
		device_test(open_file_of_a_removed_group_gets_enodev),
		device_test(buffered_rest_of_a_value_outlives_the_group),
		device_test(only_the_rest_of_a_line_of_a_list_outlives_the_group),
		device_test(attributes_of_a_removed_group_are_still_there),
		device_test(removed_group_lives_as_long_as_a_handle_or_a_node),
		device_test(closing_an_unknown_handle_succeeds),
		device_test(many_open_files_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
