/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_TEST_FS_DEVICE_H
#define UCGROUPFS_TEST_FS_DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/fuse.h>
#include <urcu/urcu-memb.h>

#include "fs_internal.h"

/*
 * A mount without a kernel: requests go to the fs through a socket in place of /dev/fuse, answers
 * come back through it.  The tracker is a fake: @busy makes it answer -EINPROGRESS.
 */

struct fake_tracker {
	struct ucg_tracker base;
	bool busy;
	bool is_capable;
	unsigned settled;	       /* calls that were not answered -EINPROGRESS */
	struct ucg_group_id forgotten; /* the last one */
	pid_t first;		       /* every list is of @count ids from here on */
	unsigned count;
};

static inline int fake_settle(struct ucg_tracker *tracker, struct ucg_group_id group,
			      uint64_t since_ns)
{
	struct fake_tracker *fake = (struct fake_tracker *)tracker;

	(void)group;
	assert_true(since_ns > 0);
	if (fake->busy)
		return -EINPROGRESS;
	fake->settled++;
	return 0;
}

static inline int fake_list(struct ucg_tracker *tracker, struct ucg_group_id group,
			    enum ucg_list_what what, uint64_t since_ns, struct ucg_pids *pids)
{
	struct fake_tracker *fake = (struct fake_tracker *)tracker;
	int r = fake_settle(tracker, group, since_ns);

	(void)what;
	for (unsigned i = 0; !r && i < fake->count; i++)
		r = ucg_pids_append(pids, fake->first + (pid_t)i);
	return r;
}

/* There are two processes, both in the root, of the opener's user: who sends requests, and this. */
#define FAKE_CLIENT 1
#define FAKE_TASK 77

static inline int fake_find(struct ucg_tracker *tracker, pid_t tid, bool whole_process,
			    struct ucg_task *task)
{
	(void)whole_process;
	(void)tracker;
	*task = (struct ucg_task){
		.tid = tid,
		.tgid = tid,
		.uid = 1000,
		.saved_uid = 1000,
		.alive_threads = true,
	};
	return tid == FAKE_TASK || tid == FAKE_CLIENT ? 0 : -ESRCH;
}

static inline bool fake_is_capable(struct ucg_tracker *tracker, pid_t tid, int capability)
{
	(void)capability;
	return ((struct fake_tracker *)tracker)->is_capable && tid == FAKE_CLIENT;
}

static inline int fake_attach(struct ucg_tracker *tracker, const struct ucg_task *task,
			      struct ucg_group_id to)
{
	(void)tracker;
	(void)task;
	(void)to;
	return 0;
}

static inline int fake_understand(struct ucg_tracker *tracker, pid_t caller, pid_t number,
				  pid_t *pidp)
{
	(void)tracker, (void)caller;
	*pidp = number;
	return 0;
}

static inline int fake_express(struct ucg_tracker *tracker, pid_t caller, struct ucg_pids *pids)
{
	(void)tracker, (void)caller, (void)pids;
	return 0;
}

static inline int fake_tracking(struct ucg_tracker *tracker, struct ucg_group_id group,
				uint64_t since_ns, size_t *count)
{
	(void)tracker, (void)group, (void)since_ns, (void)count;
	return 0;
}

static inline int fake_kill(struct ucg_tracker *tracker, struct ucg_group_id group)
{
	(void)tracker;
	(void)group;
	return 0;
}

static inline void fake_forget(struct ucg_tracker *tracker, struct ucg_group_id group)
{
	((struct fake_tracker *)tracker)->forgotten = group;
}

struct device {
	struct fake_tracker tracker;
	struct ucg_hierarchy *hierarchy;
	struct ucg_journal journal;
	struct ucg_fs *fs;
	int fd;	  /* the kernel's end */
	int tick; /* always readable: has the loop look whether there is anything left to do */
	uint64_t unique;
	unsigned times_ready;
	struct fuse_init_out init;
};

/* One answer. */
struct answer {
	struct fuse_out_header header;
	char bytes[65536];
	size_t length;
};

static inline void end_if_idle(void *context)
{
	struct device *device = context;
	char byte;

	if (recv(device->fs->config.fuse_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    !device->fs->resume)
		ucg_fs_end(device->fs);
}

static inline void count_ready(void *context)
{
	((struct device *)context)->times_ready++;
}

/* Serves until every request that was sent is answered or parked. */
static inline void device_serve(struct device *device)
{
	device->fs->ended = false;
	assert_int_equal(ucg_fs_serve(device->fs, count_ready, device), 0);
}

/* Sends a request, by two pieces of payload; returns its unique number. */
static inline uint64_t device_send(struct device *device, uint32_t opcode, uint64_t node,
				   const void *head, size_t head_length, const void *tail,
				   size_t tail_length)
{
	struct fuse_in_header header = {
		.len = (uint32_t)(sizeof(header) + head_length + tail_length),
		.opcode = opcode,
		.unique = device->unique += 2,
		.nodeid = node,
		.uid = 1000,
		.gid = 1000,
		.pid = FAKE_CLIENT,
	};
	struct iovec part[] = {
		{&header, sizeof(header)},
		{(void *)(uintptr_t)head, head_length},
		{(void *)(uintptr_t)tail, tail_length},
	};

	assert_int_equal(writev(device->fd, part, 3), header.len);
	return header.unique;
}

/* A request whose payload is a name. */
static inline uint64_t device_send_name(struct device *device, uint32_t opcode, uint64_t node,
					const char *name)
{
	return device_send(device, opcode, node, NULL, 0, name, strlen(name) + 1);
}

/* Takes the next answer; false: there is none. */
static inline bool device_receive(struct device *device, struct answer *answer)
{
	ssize_t length = recv(device->fd, answer, offsetof(struct answer, length), MSG_DONTWAIT);

	if (length < 0)
		return false;
	assert_int_equal(answer->header.len, length);
	answer->length = (size_t)length - sizeof(answer->header);
	return true;
}

/* Serves; the next answer must be that to @unique.  Returns its error, 0 or -errno. */
static inline int device_answer(struct device *device, uint64_t unique, struct answer *answer)
{
	device_serve(device);
	assert_true(device_receive(device, answer));
	assert_int_equal(answer->header.unique, unique);
	return answer->header.error;
}

static inline void assert_no_answer(struct device *device)
{
	struct answer answer;

	assert_false(device_receive(device, &answer));
}

static inline uint64_t device_lookup(struct device *device, uint64_t parent, const char *name)
{
	struct answer answer;
	uint64_t unique = device_send_name(device, FUSE_LOOKUP, parent, name);

	assert_int_equal(device_answer(device, unique, &answer), 0);
	return ((struct fuse_entry_out *)(void *)answer.bytes)->nodeid;
}

static inline uint64_t device_mkdir(struct device *device, uint64_t parent, const char *name)
{
	const struct fuse_mkdir_in in = {.mode = 0755, .umask = 022};
	struct answer answer;
	uint64_t unique =
		device_send(device, FUSE_MKDIR, parent, &in, sizeof(in), name, strlen(name) + 1);

	assert_int_equal(device_answer(device, unique, &answer), 0);
	return ((struct fuse_entry_out *)(void *)answer.bytes)->nodeid;
}

static inline uint64_t device_send_open(struct device *device, uint32_t opcode, uint64_t node,
					uint32_t flags)
{
	const struct fuse_open_in in = {.flags = flags};

	return device_send(device, opcode, node, &in, sizeof(in), NULL, 0);
}

static inline uint64_t device_open(struct device *device, uint32_t opcode, uint64_t node)
{
	struct answer answer;
	uint64_t unique = device_send_open(device, opcode, node, O_RDWR);

	assert_int_equal(device_answer(device, unique, &answer), 0);
	return ((struct fuse_open_out *)(void *)answer.bytes)->fh;
}

static inline uint64_t device_send_read(struct device *device, uint32_t opcode, uint64_t node,
					uint64_t handle, uint64_t offset, uint32_t size)
{
	const struct fuse_read_in in = {.fh = handle, .offset = offset, .size = size};

	return device_send(device, opcode, node, &in, sizeof(in), NULL, 0);
}

static inline uint64_t device_send_write(struct device *device, uint64_t node, uint64_t handle,
					 const char *bytes, size_t length)
{
	const struct fuse_write_in in = {.fh = handle, .size = (uint32_t)length};

	return device_send(device, FUSE_WRITE, node, &in, sizeof(in), bytes, length);
}

static inline void device_init(struct device *device)
{
	const struct fuse_init_in in = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 31,
		.max_readahead = 131072,
		.flags = FUSE_MAX_PAGES | FUSE_BIG_WRITES | FUSE_ATOMIC_O_TRUNC |
			 FUSE_HANDLE_KILLPRIV,
	};
	struct answer answer;
	uint64_t unique = device_send(device, FUSE_INIT, 0, &in, sizeof(in), NULL, 0);

	assert_int_equal(device_answer(device, unique, &answer), 0);
	memcpy(&device->init, answer.bytes, sizeof(device->init));
}

static inline void device_connect(struct device *device, int fuse_fd)
{
	const struct ucg_fs_config config = {
		.fuse_fd = fuse_fd,
		.hierarchy = device->hierarchy,
		.tracker = &device->tracker.base,
		.journal = &device->journal,
	};

	assert_int_equal(ucg_fs_new(&config, &device->fs), 0);
	device->tick = eventfd(1, EFD_CLOEXEC);
	assert_true(device->tick >= 0);
	assert_int_equal(ucg_fs_watch(device->fs, device->tick, end_if_idle, device), 0);
}

static inline int device_set_up(void **state)
{
	static const struct ucg_tracker_ops ops = {
		.settle = fake_settle,
		.find = fake_find,
		.is_capable = fake_is_capable,
		.attach = fake_attach,
		.list = fake_list,
		.understand = fake_understand,
		.express = fake_express,
		.tracking = fake_tracking,
		.kill = fake_kill,
		.forget = fake_forget,
	};
	const struct ucg_hierarchy_config config = {
		.name = "test",
		.release_agent = "",
		.mounter_uid = 1000,
		.mounter_gid = 1000,
		.root_mode = 0755,
		.now = {.tv_sec = 1000},
	};
	struct device *device = calloc(1, sizeof(*device));
	int pair[2];

	assert_non_null(device);
	urcu_memb_register_thread();
	device->tracker.base.ops = &ops;
	assert_int_equal(ucg_hierarchy_new(&config, &device->hierarchy), 0);
	ucg_hierarchy_connect(device->hierarchy, &device->journal);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	device->fd = pair[1];
	device_connect(device, pair[0]);
	device_init(device);
	*state = device;
	return 0;
}

static inline int device_tear_down(void **state)
{
	struct device *device = *state;

	ucg_fs_free(device->fs);
	ucg_hierarchy_free(device->hierarchy);
	close(device->tick);
	close(device->fd);
	free(device);
	urcu_memb_unregister_thread();
	return 0;
}

#define device_test(function)                                                                      \
	cmocka_unit_test_setup_teardown(function, device_set_up, device_tear_down)

#endif
