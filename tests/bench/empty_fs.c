/* SPDX-License-Identifier: MIT */
/*
 * usage: empty_fs MOUNTPOINT READY_FD
 *
 * The smallest FUSE filesystem that has a file to read and write: what a request costs at least.
 * One blocking loop of read(2) and fuse_session_process_buf(); contents by direct I/O, entries and
 * attributes cached for ever.  Ends with the mount.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "one_file.h"
#include "ucgroupfs/scope.h"

#define BUFFER_SIZE ((1u << 20) + 4096u)

static const char content[] = "0\n";

static void read_file(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
		      struct fuse_file_info *file)
{
	size_t length = sizeof(content) - 1;

	(void)node, (void)file;
	if (offset > 0)
		length = 0;
	fuse_reply_buf(request, content, length < size ? length : size);
}

static void write_file(fuse_req_t request, fuse_ino_t node, const char *bytes, size_t size,
		       off_t offset, struct fuse_file_info *file)
{
	(void)node, (void)bytes, (void)offset, (void)file;
	fuse_reply_write(request, size);
}

static int serve(struct fuse_session *session)
{
	ucg_autofree char *buffer = malloc(BUFFER_SIZE);

	if (!buffer)
		return -ENOMEM;
	/* As in any server of size: the pages are there before a request is. */
	memset(buffer, 0, BUFFER_SIZE);
	for (;;) {
		struct fuse_buf request = {.mem = buffer, .fd = -1};
		ssize_t length = read(fuse_session_fd(session), buffer, BUFFER_SIZE);

		if (length < 0 && errno == ENODEV)
			return 0;
		if (length < 0 && errno != EINTR && errno != ENOENT && errno != EAGAIN)
			return -errno;
		if (length < 0)
			continue;
		request.size = (size_t)length;
		fuse_session_process_buf(session, &request);
	}
}

static void session_freep(struct fuse_session **session)
{
	if (*session)
		fuse_session_destroy(*session);
}

int main(int argc, char **argv)
{
	struct fuse_lowlevel_ops operations = {.read = read_file, .write = write_file};
	struct one_file only = {.name = "file", .permissions = 0644};
	char *words[] = {argv[0], NULL};
	struct fuse_args arguments = FUSE_ARGS_INIT(1, words);
	ucg_cleanup(session_freep) struct fuse_session *session = NULL;
	int ready;

	if (argc != 3)
		return 2;
	ready = atoi(argv[2]);
	one_file_fill(&operations);
	session = fuse_session_new(&arguments, &operations, sizeof(operations), &only);
	if (!session || fuse_session_mount(session, argv[1]))
		return 1;
	if (write(ready, "ready\n", 6) != 6)
		return 1;
	close(ready);
	return serve(session) ? 1 : 0;
}
