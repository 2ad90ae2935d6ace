/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_TEST_FS_OPEN_FILE_H
#define UCGROUPFS_TEST_FS_OPEN_FILE_H

#include "device.h"

/* A group G under the root, with one of its files open. */
struct open_file {
	uint64_t group, node, handle;
};

static inline struct open_file open_file(struct device *device, const char *name)
{
	struct open_file file;

	file.group = device_mkdir(device, FUSE_ROOT_ID, "G");
	file.node = device_lookup(device, file.group, name);
	file.handle = device_open(device, FUSE_OPEN, file.node);
	return file;
}

static inline struct open_file open_again(struct device *device, const struct open_file *file)
{
	struct open_file again = *file;

	again.handle = device_open(device, FUSE_OPEN, file->node);
	return again;
}

static inline struct ucg_group *group_of(struct device *device, const struct open_file *file)
{
	return ucg_group_find(device->hierarchy, ucg_node_group((struct ucg_node_id){file->group}));
}

static inline int read_file(struct device *device, const struct open_file *file, uint64_t offset,
			    uint32_t size, struct answer *answer)
{
	uint64_t unique =
		device_send_read(device, FUSE_READ, file->node, file->handle, offset, size);

	return device_answer(device, unique, answer);
}

static inline void assert_reads(struct device *device, const struct open_file *file,
				uint64_t offset, uint32_t size, const char *expected)
{
	struct answer answer;

	assert_int_equal(read_file(device, file, offset, size, &answer), 0);
	assert_int_equal(answer.length, strlen(expected));
	assert_memory_equal(answer.bytes, expected, answer.length);
}

static inline int write_file(struct device *device, const struct open_file *file, const char *text)
{
	struct answer answer;
	uint64_t unique = device_send_write(device, file->node, file->handle, text, strlen(text));

	return device_answer(device, unique, &answer);
}

static inline void remove_group(struct device *device)
{
	struct answer answer;
	uint64_t unique = device_send_name(device, FUSE_RMDIR, FUSE_ROOT_ID, "G");

	assert_int_equal(device_answer(device, unique, &answer), 0);
}

static inline void close_file(struct device *device, const struct open_file *file)
{
	const struct fuse_release_in in = {.fh = file->handle};
	struct answer answer;
	uint64_t unique = device_send(device, FUSE_RELEASE, file->node, &in, sizeof(in), NULL, 0);

	assert_int_equal(device_answer(device, unique, &answer), 0);
}

#endif
