/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>

#include "open_file.h"

static unsigned poll_file(struct device *device, const struct open_file *file, bool wait)
{
	const struct fuse_poll_in in = {
		.fh = file->handle,
		.kh = 77,
		.flags = wait ? FUSE_POLL_SCHEDULE_NOTIFY : 0,
	};
	struct answer answer;
	uint64_t unique = device_send(device, FUSE_POLL, file->node, &in, sizeof(in), NULL, 0);

	assert_int_equal(device_answer(device, unique, &answer), 0);
	return ((struct fuse_poll_out *)(void *)answer.bytes)->revents;
}

static void poll_is_pending_until_the_first_record_was_read(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "notify_on_release");

	assert_int_equal(poll_file(device, &file, false), 0x145 | POLLERR | POLLPRI);
	assert_reads(device, &file, 0, 100, "0\n");
	assert_int_equal(poll_file(device, &file, false), 0x145);
}

static void empty_list_has_no_record_to_read(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "tasks");

	assert_reads(device, &file, 0, 100, "");
	assert_int_equal(poll_file(device, &file, false), 0x145 | POLLERR | POLLPRI);
}

static void poll_of_a_removed_group_is_pending_for_good(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "notify_on_release");

	assert_reads(device, &file, 0, 100, "0\n");
	remove_group(device);
	assert_int_equal(poll_file(device, &file, false), 0x145 | POLLERR | POLLPRI);
}

static void change_of_populated_wakes_the_poller_of_events(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "cgroup.events");
	struct answer answer;

	assert_reads(device, &file, 0, 100, "populated 0\n");
	assert_int_equal(poll_file(device, &file, true), 0x145);
	ucg_fs_entered(device->fs, ucg_node_group((struct ucg_node_id){file.group}));
	assert_true(device_receive(device, &answer));
	assert_int_equal(answer.header.unique, 0);
	assert_int_equal(answer.header.error, FUSE_NOTIFY_POLL);
	assert_int_equal(((struct fuse_notify_poll_wakeup_out *)(void *)answer.bytes)->kh, 77);
	assert_int_equal(poll_file(device, &file, false), 0x145 | POLLERR | POLLPRI);
	assert_reads(device, &file, 0, 100, "populated 1\n");
	assert_int_equal(poll_file(device, &file, false), 0x145);
}

static void change_of_populated_is_seen_without_a_poller_waiting(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "cgroup.events");

	assert_reads(device, &file, 0, 100, "populated 0\n");
	ucg_fs_entered(device->fs, ucg_node_group((struct ucg_node_id){file.group}));
	ucg_fs_emptied(device->fs, ucg_node_group((struct ucg_node_id){file.group}));
	assert_no_answer(device);
	assert_int_equal(poll_file(device, &file, false), 0x145 | POLLERR | POLLPRI);
}

static void every_open_file_of_the_group_is_woken(void **state)
{
	struct device *device = *state;
	struct open_file first = open_file(device, "cgroup.events"), second = first;
	struct answer answer;

	second.handle = device_open(device, FUSE_OPEN, first.node);
	assert_reads(device, &first, 0, 100, "populated 0\n");
	assert_reads(device, &second, 0, 100, "populated 0\n");
	poll_file(device, &first, true);
	poll_file(device, &second, true);
	ucg_fs_entered(device->fs, ucg_node_group((struct ucg_node_id){first.group}));
	assert_true(device_receive(device, &answer));
	assert_true(device_receive(device, &answer));
	assert_no_answer(device);
	/* Woken once: who polls again registers again. */
	ucg_fs_emptied(device->fs, ucg_node_group((struct ucg_node_id){first.group}));
	assert_no_answer(device);
}

/* The request that changes it is answered before anybody is woken. */
static void attach_wakes_the_poller_of_events(void **state)
{
	struct device *device = *state;
	struct open_file events = open_file(device, "cgroup.events"), tasks = events;
	struct answer answer;
	uint64_t unique;

	tasks.node = device_lookup(device, events.group, "tasks");
	tasks.handle = device_open(device, FUSE_OPEN, tasks.node);
	assert_reads(device, &events, 0, 100, "populated 0\n");
	poll_file(device, &events, true);
	unique = device_send_write(device, tasks.node, tasks.handle, "77", 2);
	assert_int_equal(device_answer(device, unique, &answer), 0);
	assert_true(device_receive(device, &answer));
	assert_int_equal(answer.header.error, FUSE_NOTIFY_POLL);
	assert_reads(device, &events, 0, 100, "populated 1\n");
}

static void other_files_wake_nobody(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "notify_on_release");

	assert_reads(device, &file, 0, 100, "0\n");
	assert_int_equal(poll_file(device, &file, true), 0x145);
	ucg_fs_entered(device->fs, ucg_node_group((struct ucg_node_id){file.group}));
	assert_no_answer(device);
	assert_int_equal(poll_file(device, &file, false), 0x145);
}

static void change_of_tracking_wakes_the_poller_of_that_file(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "cgroup.tracking");
	struct answer answer;

	assert_reads(device, &file, 0, 100, "exact\n");
	assert_int_equal(poll_file(device, &file, true), 0x145);
	ucg_fs_restated(device->fs, ucg_node_group((struct ucg_node_id){file.group}));
	assert_true(device_receive(device, &answer));
	assert_int_equal(answer.header.error, FUSE_NOTIFY_POLL);
	assert_int_equal(poll_file(device, &file, false), 0x145 | POLLERR | POLLPRI);
	assert_reads(device, &file, 0, 100, "exact\n");
	assert_int_equal(poll_file(device, &file, false), 0x145);
}

static void change_of_the_roots_tracking_wakes_its_poller(void **state)
{
	struct device *device = *state;
	struct open_file file = {.group = FUSE_ROOT_ID};
	struct answer answer;

	file.node = device_lookup(device, FUSE_ROOT_ID, "cgroup.tracking");
	file.handle = device_open(device, FUSE_OPEN, file.node);
	assert_reads(device, &file, 0, 100, "exact\n");
	assert_int_equal(poll_file(device, &file, true), 0x145);
	ucg_fs_restated(device->fs, UCG_ROOT_ID);
	assert_true(device_receive(device, &answer));
	assert_int_equal(answer.header.error, FUSE_NOTIFY_POLL);
	assert_int_equal(poll_file(device, &file, false), 0x145 | POLLERR | POLLPRI);
}

static void change_of_tracking_does_not_wake_the_poller_of_events(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "cgroup.events");

	assert_reads(device, &file, 0, 100, "populated 0\n");
	assert_int_equal(poll_file(device, &file, true), 0x145);
	ucg_fs_restated(device->fs, ucg_node_group((struct ucg_node_id){file.group}));
	assert_no_answer(device);
	assert_int_equal(poll_file(device, &file, false), 0x145);
}

static void change_of_populated_does_not_wake_the_poller_of_tracking(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "cgroup.tracking");

	assert_reads(device, &file, 0, 100, "exact\n");
	assert_int_equal(poll_file(device, &file, true), 0x145);
	ucg_fs_entered(device->fs, ucg_node_group((struct ucg_node_id){file.group}));
	assert_no_answer(device);
	assert_int_equal(poll_file(device, &file, false), 0x145);
}

static void change_of_another_groups_tracking_wakes_nobody(void **state)
{
	struct device *device = *state;
	struct open_file file = open_file(device, "cgroup.tracking");
	uint64_t other = device_mkdir(device, FUSE_ROOT_ID, "H");

	assert_reads(device, &file, 0, 100, "exact\n");
	assert_int_equal(poll_file(device, &file, true), 0x145);
	ucg_fs_restated(device->fs, ucg_node_group((struct ucg_node_id){other}));
	assert_no_answer(device);
	assert_int_equal(poll_file(device, &file, false), 0x145);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(poll_is_pending_until_the_first_record_was_read),
		device_test(empty_list_has_no_record_to_read),
		device_test(poll_of_a_removed_group_is_pending_for_good),
		device_test(change_of_populated_wakes_the_poller_of_events),
		device_test(change_of_populated_is_seen_without_a_poller_waiting),
		device_test(every_open_file_of_the_group_is_woken),
		device_test(attach_wakes_the_poller_of_events),
		device_test(other_files_wake_nobody),
		device_test(change_of_tracking_wakes_the_poller_of_that_file),
		device_test(change_of_the_roots_tracking_wakes_its_poller),
		device_test(change_of_tracking_does_not_wake_the_poller_of_events),
		device_test(change_of_populated_does_not_wake_the_poller_of_tracking),
		device_test(change_of_another_groups_tracking_wakes_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
