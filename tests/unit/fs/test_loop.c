/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "device.h"

static void ready_is_called_once_after_init(void **state)
{
	struct device *device = *state;

	assert_int_equal(device->times_ready, 1);
}

static void largest_write_that_a_slot_holds_is_negotiated(void **state)
{
	struct device *device = *state;

	assert_int_equal(device->init.max_write, 1 << 20);
	assert_int_equal(device->init.max_pages, 256);
}

static void truncation_comes_with_the_open_and_the_kernel_clears_setuid(void **state)
{
	struct device *device = *state;

	assert_true(device->init.flags & FUSE_ATOMIC_O_TRUNC);
	assert_false(device->init.flags & FUSE_HANDLE_KILLPRIV);
}

static void interrupt_is_answered_with_enosys(void **state)
{
	struct device *device = *state;
	const struct fuse_interrupt_in in = {.unique = 4711};
	struct answer answer;
	uint64_t unique = device_send(device, FUSE_INTERRUPT, 0, &in, sizeof(in), NULL, 0);

	assert_int_equal(device_answer(device, unique, &answer), -ENOSYS);
}

static void parked_request_is_not_answered_until_resume(void **state)
{
	struct device *device = *state;
	struct answer answer;
	uint64_t unique;

	device_mkdir(device, FUSE_ROOT_ID, "G");
	device->tracker.busy = true;
	unique = device_send_name(device, FUSE_RMDIR, FUSE_ROOT_ID, "G");
	device_serve(device);
	assert_no_answer(device);

	device->tracker.busy = false;
	ucg_fs_resume(device->fs);
	assert_int_equal(device_answer(device, unique, &answer), 0);
	assert_int_equal(device->tracker.settled, 1);
}

static void request_parks_as_often_as_it_must(void **state)
{
	struct device *device = *state;
	struct answer answer;
	uint64_t unique;

	device_mkdir(device, FUSE_ROOT_ID, "G");
	device->tracker.busy = true;
	unique = device_send_name(device, FUSE_RMDIR, FUSE_ROOT_ID, "G");
	for (int i = 0; i < 3; i++) {
		ucg_fs_resume(device->fs);
		device_serve(device);
		assert_no_answer(device);
	}
	device->tracker.busy = false;
	ucg_fs_resume(device->fs);
	assert_int_equal(device_answer(device, unique, &answer), 0);
}

static void others_are_served_while_one_is_parked(void **state)
{
	struct device *device = *state;
	struct answer answer;
	uint64_t parked, other;

	device_mkdir(device, FUSE_ROOT_ID, "G");
	device->tracker.busy = true;
	parked = device_send_name(device, FUSE_RMDIR, FUSE_ROOT_ID, "G");
	other = device_send_name(device, FUSE_LOOKUP, FUSE_ROOT_ID, "tasks");
	assert_int_equal(device_answer(device, other, &answer), 0);
	assert_no_answer(device);

	device->tracker.busy = false;
	ucg_fs_resume(device->fs);
	assert_int_equal(device_answer(device, parked, &answer), 0);
}

static void parked_requests_go_on_in_order_of_arrival(void **state)
{
	enum { COUNT = 12 };
	struct device *device = *state;
	struct answer answer;
	uint64_t unique[COUNT];
	char name[COUNT][3];

	for (int i = 0; i < COUNT; i++) {
		snprintf(name[i], sizeof(name[i]), "%d", i);
		device_mkdir(device, FUSE_ROOT_ID, name[i]);
	}
	device->tracker.busy = true;
	for (int i = 0; i < COUNT; i++)
		unique[i] = device_send_name(device, FUSE_RMDIR, FUSE_ROOT_ID, name[i]);
	/* Once in vain: that must not change the order. */
	ucg_fs_resume(device->fs);
	device_serve(device);
	device->tracker.busy = false;
	ucg_fs_resume(device->fs);
	device_serve(device);
	for (int i = 0; i < COUNT; i++) {
		assert_true(device_receive(device, &answer));
		assert_int_equal(answer.header.unique, unique[i]);
		assert_int_equal(answer.header.error, 0);
	}
}

/* What the request finds when it goes on is what counts, not what it found before. */
static void resumed_request_starts_anew(void **state)
{
	struct device *device = *state;
	struct answer answer;
	uint64_t parked, node;

	node = device_mkdir(device, FUSE_ROOT_ID, "G");
	device->tracker.busy = true;
	parked = device_send_name(device, FUSE_RMDIR, FUSE_ROOT_ID, "G");
	device_serve(device);
	device->tracker.busy = false;
	device_mkdir(device, node, "child");

	ucg_fs_resume(device->fs);
	assert_int_equal(device_answer(device, parked, &answer), -EBUSY);
}

/* A group with a child is not released: whether it was due before is known first. */
static void child_is_made_when_its_parent_is_settled(void **state)
{
	const struct fuse_mkdir_in in = {.mode = 0755, .umask = 022};
	struct device *device = *state;
	struct answer answer;
	uint64_t node = device_mkdir(device, FUSE_ROOT_ID, "G"), parked;

	device->tracker.busy = true;
	parked = device_send(device, FUSE_MKDIR, node, &in, sizeof(in), "H", 2);
	assert_no_answer(device);
	device_mkdir(device, FUSE_ROOT_ID, "I");

	device->tracker.busy = false;
	ucg_fs_resume(device->fs);
	assert_int_equal(device_answer(device, parked, &answer), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(ready_is_called_once_after_init),
		device_test(largest_write_that_a_slot_holds_is_negotiated),
		device_test(truncation_comes_with_the_open_and_the_kernel_clears_setuid),
		device_test(interrupt_is_answered_with_enosys),
		device_test(parked_request_is_not_answered_until_resume),
		device_test(request_parks_as_often_as_it_must),
		device_test(others_are_served_while_one_is_parked),
		device_test(parked_requests_go_on_in_order_of_arrival),
		device_test(resumed_request_starts_anew),
		device_test(child_is_made_when_its_parent_is_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
