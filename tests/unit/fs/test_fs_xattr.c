/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "device.h"

#include <sys/xattr.h>

/* Of the protocol's first form, which the kernel sends unless it was asked for more. */
static uint64_t send_set(struct device *device, uint64_t node, const char *name, const char *value,
			 uint32_t flags)
{
	const struct fuse_setxattr_in in = {.size = (uint32_t)strlen(value), .flags = flags};
	char payload[256];
	int length = snprintf(payload, sizeof(payload), "%s%c%s", name, '\0', value);

	return device_send(device, FUSE_SETXATTR, node, &in, FUSE_COMPAT_SETXATTR_IN_SIZE, payload,
			   (size_t)length);
}

static void set(struct device *device, uint64_t node, const char *name, const char *value)
{
	struct answer answer;

	assert_int_equal(device_answer(device, send_set(device, node, name, value, 0), &answer), 0);
}

static int get(struct device *device, uint64_t node, const char *name, uint32_t size,
	       struct answer *answer)
{
	const struct fuse_getxattr_in in = {.size = size};
	uint64_t unique =
		device_send(device, FUSE_GETXATTR, node, &in, sizeof(in), name, strlen(name) + 1);

	return device_answer(device, unique, answer);
}

static int list(struct device *device, uint64_t node, uint32_t size, struct answer *answer)
{
	const struct fuse_getxattr_in in = {.size = size};
	uint64_t unique = device_send(device, FUSE_LISTXATTR, node, &in, sizeof(in), NULL, 0);

	return device_answer(device, unique, answer);
}

/* An answer to size 0. */
static uint32_t length_of(const struct answer *answer)
{
	assert_int_equal(answer->length, sizeof(struct fuse_getxattr_out));
	return ((const struct fuse_getxattr_out *)(const void *)answer->bytes)->size;
}

static void check_bytes(const struct answer *answer, const char *expected, size_t length)
{
	assert_int_equal(answer->length, length);
	assert_memory_equal(answer->bytes, expected, length);
}

static void a_value_is_given_to_who_has_room_for_it(void **state)
{
	struct device *device = *state;
	uint64_t node = device_mkdir(device, FUSE_ROOT_ID, "a");
	struct answer answer;

	set(device, node, "user.x", "value");
	assert_int_equal(get(device, node, "user.x", 5, &answer), 0);
	check_bytes(&answer, "value", 5);
	assert_int_equal(get(device, node, "user.x", 4, &answer), -ERANGE);
	assert_int_equal(get(device, node, "user.x", 0, &answer), 0);
	assert_int_equal(length_of(&answer), 5);
	assert_int_equal(get(device, node, "user.y", 0, &answer), -ENODATA);
}

static void an_empty_value_is_an_empty_answer(void **state)
{
	struct device *device = *state;
	uint64_t node = device_lookup(device, FUSE_ROOT_ID, "tasks");
	struct answer answer;

	set(device, node, "user.x", "");
	assert_int_equal(get(device, node, "user.x", 10, &answer), 0);
	assert_int_equal(answer.length, 0);
}

static void names_are_given_to_who_has_room_for_them(void **state)
{
	static const char names[] = "user.y\0user.x";
	struct device *device = *state;
	uint64_t node = device_mkdir(device, FUSE_ROOT_ID, "a");
	struct answer answer;

	assert_int_equal(list(device, node, 0, &answer), 0);
	assert_int_equal(length_of(&answer), 0);
	set(device, node, "user.x", "");
	set(device, node, "user.y", "");
	assert_int_equal(list(device, node, sizeof(names), &answer), 0);
	check_bytes(&answer, names, sizeof(names));
	assert_int_equal(list(device, node, sizeof(names) - 1, &answer), -ERANGE);
	assert_int_equal(list(device, node, 0, &answer), 0);
	assert_int_equal(length_of(&answer), sizeof(names));
}

static void trusted_names_are_listed_to_an_admin_alone(void **state)
{
	static const char names[] = "user.x\0trusted.x";
	struct device *device = *state;
	struct answer answer;

	set(device, FUSE_ROOT_ID, "trusted.x", "");
	set(device, FUSE_ROOT_ID, "user.x", "");
	assert_int_equal(list(device, FUSE_ROOT_ID, 100, &answer), 0);
	check_bytes(&answer, "user.x", sizeof("user.x"));
	device->tracker.is_capable = true;
	assert_int_equal(list(device, FUSE_ROOT_ID, 100, &answer), 0);
	check_bytes(&answer, names, sizeof(names));
}

static void flags_reach_the_rule(void **state)
{
	struct device *device = *state;
	struct answer answer;
	uint64_t unique;

	unique = send_set(device, FUSE_ROOT_ID, "user.x", "", XATTR_REPLACE);
	assert_int_equal(device_answer(device, unique, &answer), -ENODATA);
	set(device, FUSE_ROOT_ID, "user.x", "");
	unique = send_set(device, FUSE_ROOT_ID, "user.x", "", XATTR_CREATE);
	assert_int_equal(device_answer(device, unique, &answer), -EEXIST);
}

static void a_removed_one_is_gone(void **state)
{
	struct device *device = *state;
	struct answer answer;
	uint64_t unique;

	set(device, FUSE_ROOT_ID, "user.x", "value");
	unique = device_send_name(device, FUSE_REMOVEXATTR, FUSE_ROOT_ID, "user.x");
	assert_int_equal(device_answer(device, unique, &answer), 0);
	unique = device_send_name(device, FUSE_REMOVEXATTR, FUSE_ROOT_ID, "user.x");
	assert_int_equal(device_answer(device, unique, &answer), -ENODATA);
}

static void a_name_that_is_not_stored_is_eopnotsupp(void **state)
{
	struct device *device = *state;
	struct answer answer;
	uint64_t unique = send_set(device, FUSE_ROOT_ID, "system.x", "", 0);

	assert_int_equal(device_answer(device, unique, &answer), -EOPNOTSUPP);
	assert_int_equal(get(device, FUSE_ROOT_ID, "system.x", 0, &answer), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(a_value_is_given_to_who_has_room_for_it),
		device_test(an_empty_value_is_an_empty_answer),
		device_test(names_are_given_to_who_has_room_for_them),
		device_test(trusted_names_are_listed_to_an_admin_alone),
		device_test(flags_reach_the_rule),
		device_test(a_removed_one_is_gone),
		device_test(a_name_that_is_not_stored_is_eopnotsupp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
