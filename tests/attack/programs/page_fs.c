/* SPDX-License-Identifier: MIT */
/*
 * usage: page_fs MOUNTPOINT
 *
 * A FUSE file system of an ordinary user with a large file, page, whose pages come when the test
 * wants it: a line for each that is asked for; each byte read answers for all of them.  Ends with
 * its standard input.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "one_file.h"

#define HELD_MAX 64
#define READ_MAX (1u << 20)

static struct {
	fuse_req_t request;
	size_t size;
} held[HELD_MAX];
static unsigned held_count;
static char zeros[READ_MAX];

static void say(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

static void read_file(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
		      struct fuse_file_info *file)
{
	(void)node, (void)offset, (void)file;
	if (held_count == HELD_MAX || size > READ_MAX) {
		fuse_reply_err(request, EIO);
		return;
	}
	held[held_count].request = request;
	held[held_count++].size = size;
	say("held");
}

static void answer_all(void)
{
	for (unsigned i = 0; i < held_count; i++)
		fuse_reply_buf(held[i].request, zeros, held[i].size);
	held_count = 0;
}

static void serve(struct fuse_session *session)
{
	struct fuse_buf buffer = {.mem = NULL};
	struct pollfd wanted[] = {
		{.fd = fuse_session_fd(session), .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLIN},
	};
	char byte;

	while (!fuse_session_exited(session) && poll(wanted, 2, -1) > 0) {
		if (wanted[1].revents && read(STDIN_FILENO, &byte, 1) != 1)
			break;
		if (wanted[1].revents)
			answer_all();
		if (wanted[0].revents && fuse_session_receive_buf(session, &buffer) > 0)
			fuse_session_process_buf(session, &buffer);
	}
	answer_all();
	free(buffer.mem);
}

int main(int argc, char **argv)
{
	struct fuse_lowlevel_ops operations = {.read = read_file};
	struct one_file page = {
		.name = "page",
		.permissions = 0444,
		.size = (off_t)1 << 40,
		.is_cached = true,
	};
	struct fuse_args arguments = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session;

	if (argc != 2)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	one_file_fill(&operations);
	session = fuse_session_new(&arguments, &operations, sizeof(operations), &page);
	if (!session || fuse_session_mount(session, argv[1]) != 0)
		return 1;
	say("begun");
	serve(session);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	return 0;
}
