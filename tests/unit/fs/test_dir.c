/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "device.h"

/* Room for any one entry of the root, and for no two: a dirent is 24 bytes and the name. */
#define PIECE 48

static uint64_t open_root(struct device *device)
{
	return device_open(device, FUSE_OPENDIR, FUSE_ROOT_ID);
}

/* One READDIR of the root: names of the groups are appended to @names, each followed by a space.
 * Returns the position to go on from; 0: the end. */
static uint64_t list_some(struct device *device, uint64_t handle, uint64_t position, uint32_t size,
			  char *names)
{
	struct answer answer;
	uint64_t unique =
		device_send_read(device, FUSE_READDIR, FUSE_ROOT_ID, handle, position, size);
	uint64_t next = 0;

	assert_int_equal(device_answer(device, unique, &answer), 0);
	for (size_t at = 0; at < answer.length;) {
		const struct fuse_dirent *entry = (void *)(answer.bytes + at);

		if (entry->type == S_IFDIR >> 12 && entry->name[0] != '.') {
			strncat(names, entry->name, entry->namelen);
			strcat(names, " ");
		}
		next = entry->off;
		at += FUSE_DIRENT_SIZE(entry);
	}
	return next;
}

static void list_rest(struct device *device, uint64_t handle, uint64_t position, char *names)
{
	do
		position = list_some(device, handle, position, PIECE, names);
	while (position);
}

static void rmdir_root(struct device *device, const char *name)
{
	struct answer answer;
	uint64_t unique = device_send_name(device, FUSE_RMDIR, FUSE_ROOT_ID, name);

	assert_int_equal(device_answer(device, unique, &answer), 0);
}

/* Four groups; @names gets them in the order of their hashes. */
static void make_groups(struct device *device, char *names)
{
	device_mkdir(device, FUSE_ROOT_ID, "a");
	device_mkdir(device, FUSE_ROOT_ID, "b");
	device_mkdir(device, FUSE_ROOT_ID, "c");
	device_mkdir(device, FUSE_ROOT_ID, "d");
	names[0] = '\0';
	list_rest(device, open_root(device), 0, names);
	assert_int_equal(strlen(names), 8);
}

/* Lists in small pieces until @count groups were seen. */
static uint64_t list_groups(struct device *device, uint64_t handle, size_t count, char *names)
{
	uint64_t position = 0;

	names[0] = '\0';
	while (strlen(names) < 2 * count) {
		position = list_some(device, handle, position, PIECE, names);
		assert_int_not_equal(position, 0);
	}
	return position;
}

static void small_reads_give_what_a_large_one_gives(void **state)
{
	struct device *device = *state;
	char small[64], large[64] = "";

	make_groups(device, small);
	list_some(device, open_root(device), 0, 8192, large);
	assert_string_equal(small, large);
}

static void buffer_too_small_for_one_entry_is_einval(void **state)
{
	struct device *device = *state;
	struct answer answer;
	uint64_t unique =
		device_send_read(device, FUSE_READDIR, FUSE_ROOT_ID, open_root(device), 0, 16);

	assert_int_equal(device_answer(device, unique, &answer), -EINVAL);
}

static void entry_removed_meanwhile_is_skipped(void **state)
{
	struct device *device = *state;
	uint64_t handle = open_root(device), position;
	char all[64], seen[64], expected[64];

	make_groups(device, all);
	position = list_groups(device, handle, 1, seen);
	rmdir_root(device, (char[]){all[4], '\0'});
	list_rest(device, handle, position, seen);
	snprintf(expected, sizeof(expected), "%c %c %c ", all[0], all[2], all[6]);
	assert_string_equal(seen, expected);
}

static void entry_made_meanwhile_appears_if_it_lies_ahead(void **state)
{
	struct device *device = *state;
	uint64_t handle = open_root(device), position;
	char all[64], seen[64];

	make_groups(device, all);
	rmdir_root(device, (char[]){all[6], '\0'});
	position = list_groups(device, handle, 1, seen);
	device_mkdir(device, FUSE_ROOT_ID, (char[]){all[6], '\0'});
	list_rest(device, handle, position, seen);
	assert_string_equal(seen, all);
}

static void entry_made_behind_does_not_appear(void **state)
{
	struct device *device = *state;
	uint64_t handle = open_root(device), position;
	char all[64], seen[64];

	make_groups(device, all);
	rmdir_root(device, (char[]){all[0], '\0'});
	position = list_groups(device, handle, 1, seen);
	device_mkdir(device, FUSE_ROOT_ID, (char[]){all[0], '\0'});
	list_rest(device, handle, position, seen);
	assert_string_equal(seen, all + 2);
}

static void listing_is_kept_while_all_is_being_removed(void **state)
{
	struct device *device = *state;
	uint64_t handle = open_root(device), position;
	const struct fs_handle *heap;
	uint64_t built;
	char all[64], seen[64];

	make_groups(device, all);
	position = list_groups(device, handle, 1, seen);
	heap = fs_handle_find(&device->fs->handles, (struct ucg_handle_id){handle});
	built = heap->listing.version;
	for (size_t i = 0; i < 8; i += 2)
		rmdir_root(device, (char[]){all[i], '\0'});
	list_rest(device, handle, position, seen);
	assert_int_equal(strlen(seen), 2);
	assert_int_equal(heap->listing.version, built);
}

/* ---- rename ---- */

static int rename_to(struct device *device, uint64_t parent, const char *name, uint64_t new_parent,
		     const char *new_name)
{
	const struct fuse_rename_in in = {.newdir = new_parent};
	struct answer answer;
	char names[64];
	size_t length = strlen(name) + 1;
	uint64_t unique;

	memcpy(names, name, length);
	memcpy(names + length, new_name, strlen(new_name) + 1);
	unique = device_send(device, FUSE_RENAME, parent, &in, sizeof(in), names,
			     length + strlen(new_name) + 1);
	return device_answer(device, unique, &answer);
}

static void rename_refuses_in_the_kernels_order(void **state)
{
	struct device *device = *state;
	uint64_t a = device_mkdir(device, FUSE_ROOT_ID, "a");

	device_mkdir(device, FUSE_ROOT_ID, "b");
	assert_int_equal(rename_to(device, FUSE_ROOT_ID, "a", a, "n\nl"), -EINVAL);
	assert_int_equal(rename_to(device, FUSE_ROOT_ID, "tasks", a, "x"), -ENOTDIR);
	assert_int_equal(rename_to(device, FUSE_ROOT_ID, "b", a, "x"), -EIO);
	assert_int_equal(rename_to(device, FUSE_ROOT_ID, "b", FUSE_ROOT_ID, "a"), -EEXIST);
	assert_int_equal(rename_to(device, FUSE_ROOT_ID, "b", FUSE_ROOT_ID, "tasks"), -ENOTDIR);
	assert_int_equal(rename_to(device, FUSE_ROOT_ID, "none", FUSE_ROOT_ID, "x"), -ENOENT);
}

static void renamed_group_keeps_its_node(void **state)
{
	struct device *device = *state;
	uint64_t node = device_mkdir(device, FUSE_ROOT_ID, "a");

	assert_int_equal(rename_to(device, FUSE_ROOT_ID, "a", FUSE_ROOT_ID, "z"), 0);
	assert_int_equal(device_lookup(device, FUSE_ROOT_ID, "z"), node);
	/* A negative entry: node 0. */
	assert_int_equal(device_lookup(device, FUSE_ROOT_ID, "a"), 0);
}

/* ---- rmdir ---- */

static void rmdir_of_a_control_file_is_enotdir(void **state)
{
	struct device *device = *state;
	struct answer answer;
	uint64_t unique = device_send_name(device, FUSE_RMDIR, FUSE_ROOT_ID, "tasks");

	assert_int_equal(device_answer(device, unique, &answer), -ENOTDIR);
	assert_int_equal(device->tracker.settled, 0);
}

static void rmdir_settles_the_group_first(void **state)
{
	struct device *device = *state;

	device_mkdir(device, FUSE_ROOT_ID, "a");
	rmdir_root(device, "a");
	assert_int_equal(device->tracker.settled, 1);
}

static void rmdir_of_a_populated_group_is_ebusy(void **state)
{
	struct device *device = *state;
	uint64_t node = device_mkdir(device, FUSE_ROOT_ID, "a");
	struct answer answer;
	uint64_t unique;

	ucg_fs_entered(device->fs, ucg_node_group((struct ucg_node_id){node}));
	unique = device_send_name(device, FUSE_RMDIR, FUSE_ROOT_ID, "a");
	assert_int_equal(device_answer(device, unique, &answer), -EBUSY);
	ucg_fs_emptied(device->fs, ucg_node_group((struct ucg_node_id){node}));
	rmdir_root(device, "a");
}

/* ---- what is refused ---- */

static void nothing_but_groups_can_be_made_or_deleted(void **state)
{
	struct device *device = *state;
	const struct fuse_mknod_in regular = {.mode = S_IFREG | 0644};
	const struct fuse_mknod_in fifo = {.mode = S_IFIFO | 0644};
	struct answer answer;
	uint64_t unique;

	unique = device_send(device, FUSE_MKNOD, FUSE_ROOT_ID, &regular, sizeof(regular), "x", 2);
	assert_int_equal(device_answer(device, unique, &answer), -EACCES);
	unique = device_send(device, FUSE_MKNOD, FUSE_ROOT_ID, &fifo, sizeof(fifo), "x", 2);
	assert_int_equal(device_answer(device, unique, &answer), -EPERM);
	unique = device_send_name(device, FUSE_UNLINK, FUSE_ROOT_ID, "tasks");
	assert_int_equal(device_answer(device, unique, &answer), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(small_reads_give_what_a_large_one_gives),
		device_test(buffer_too_small_for_one_entry_is_einval),
		device_test(entry_removed_meanwhile_is_skipped),
		device_test(entry_made_meanwhile_appears_if_it_lies_ahead),
		device_test(entry_made_behind_does_not_appear),
		device_test(listing_is_kept_while_all_is_being_removed),
		device_test(rename_refuses_in_the_kernels_order),
		device_test(renamed_group_keeps_its_node),
		device_test(rmdir_of_a_control_file_is_enotdir),
		device_test(rmdir_settles_the_group_first),
		device_test(rmdir_of_a_populated_group_is_ebusy),
		device_test(nothing_but_groups_can_be_made_or_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
