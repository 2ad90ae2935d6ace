/* SPDX-License-Identifier: MIT */
/*
 * usage: empty_fs MOUNTPOINT READY_FD
 *
 * The smallest FUSE filesystem that has a file to read and write: what a request costs at least.
 * One blocking loop of read(2) and fuse_session_process_buf(); contents by direct I/O, entries and
 * attributes cached for ever.  Ends with the mount.
 */
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ucgroupfs/scope.h"

#define BUFFER_SIZE ((1u << 20) + 4096u)
#define FILE_NODE 2
#define FOR_EVER 1e9

static const char content[] = "0\n";

static struct stat attributes(fuse_ino_t node)
{
	return (struct stat){
		.st_ino = node,
		.st_mode = node == FILE_NODE ? S_IFREG | 0644 : S_IFDIR | 0755,
		.st_nlink = 1,
		.st_uid = getuid(),
		.st_gid = getgid(),
	};
}

static void lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	const struct fuse_entry_param entry = {
		.ino = FILE_NODE,
		.attr = attributes(FILE_NODE),
		.attr_timeout = FOR_EVER,
		.entry_timeout = FOR_EVER,
	};

	if (parent != FUSE_ROOT_ID || strcmp(name, "file"))
		fuse_reply_err(request, ENOENT);
	else
		fuse_reply_entry(request, &entry);
}

static void getattr(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file)
{
	const struct stat attr = attributes(node);

	(void)file;
	fuse_reply_attr(request, &attr, FOR_EVER);
}

static void open_file(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file)
{
	(void)node;
	file->direct_io = 1;
	fuse_reply_open(request, file);
}

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

static const struct fuse_lowlevel_ops operations = {
	.lookup = lookup,
	.getattr = getattr,
	.open = open_file,
	.read = read_file,
	.write = write_file,
};

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
	char *words[] = {argv[0], NULL};
	struct fuse_args arguments = FUSE_ARGS_INIT(1, words);
	ucg_cleanup(session_freep) struct fuse_session *session = NULL;
	int ready;

	if (argc != 3)
		return 2;
	ready = atoi(argv[2]);
	session = fuse_session_new(&arguments, &operations, sizeof(operations), NULL);
	if (!session || fuse_session_mount(session, argv[1]))
		return 1;
	if (write(ready, "ready\n", 6) != 6)
		return 1;
	close(ready);
	return serve(session) ? 1 : 0;
}
