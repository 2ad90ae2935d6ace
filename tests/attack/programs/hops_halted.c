/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board.h"
#include "hops.h"

#define PAGE 4096u
#define STEP_BITS 20 /* from page to page of the file: farther than the kernel reads ahead */

/* ---- a tracer ---- */

static void wait_stopped(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		chain_end(true);
}

static void let_go(pid_t pid, unsigned slot)
{
	board_leave(slot);
	if (ptrace(PTRACE_DETACH, pid, 0, 0) != 0)
		board->failures++;
}

/* Holds the child, which has just forked, and the grandchild, which has not run yet. */
static _Noreturn void trace(pid_t child)
{
	unsigned long grandchild = 0;
	unsigned slots[2];

	wait_stopped(child);
	if (ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEFORK) != 0 ||
	    ptrace(PTRACE_CONT, child, 0, 0) != 0)
		chain_end(true);
	wait_stopped(child);
	if (ptrace(PTRACE_GETEVENTMSG, child, 0, &grandchild) != 0)
		chain_end(true);
	wait_stopped((pid_t)grandchild);
	slots[0] = board_reside_as((uint32_t)child);
	slots[1] = board_reside_as((uint32_t)grandchild);
	board_pause();
	let_go((pid_t)grandchild, slots[1]);
	let_go(child, slots[0]);
	_exit(0);
}

/* A child is traced and forks; all three live while it is. */
void hop_traced(struct chain *chain)
{
	pid_t child = fork();

	(void)chain;
	if (child < 0)
		chain_end(true);
	if (child > 0)
		trace(child);
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	chain_become(fork());
}

/* ---- a page that faults for as long as the test likes ---- */

/* One of a file of the test's own FUSE file system, never read before. */
static void *page_of_file(int file)
{
	const off_t offset = (off_t)(board->pages++) << STEP_BITS;
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, offset);

	if (page == MAP_FAILED)
		chain_end(true);
	madvise(page, PAGE, MADV_RANDOM); /* no other page is read with it */
	close(file);
	return page;
}

/* The test answers for the faults of @descriptor. */
static void send_to_test(int descriptor)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {.header = {
			     .cmsg_len = CMSG_LEN(sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS,
		     }};
	char byte = 'x';
	struct iovec data = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, board_file("faults"), sizeof(address.sun_path) - 1);
	memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(descriptor));
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    sendmsg(sock, &message, 0) != 1)
		chain_end(true);
	close(sock);
}

static void *page_of_test(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {
		.range = {(uintptr_t)page, PAGE},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int descriptor = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (page == MAP_FAILED || descriptor < 0 || ioctl(descriptor, UFFDIO_API, &api) != 0 ||
	    ioctl(descriptor, UFFDIO_REGISTER, &range) != 0)
		chain_end(true);
	send_to_test(descriptor);
	close(descriptor);
	return page;
}

static void *faulting_page(void)
{
	int file = open(board_file("pages/page"), O_RDONLY | O_CLOEXEC);

	return file < 0 ? page_of_test() : page_of_file(file);
}

/* The kernel writes the descriptor after it has taken the pid, before the child is visible. */
void hop_held_unborn(struct chain *chain)
{
	(void)chain;
	chain_become((pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, faulting_page(), 0, 0));
}

/* The kernel writes the pid when the child is visible, before it runs. */
void hop_held_born(struct chain *chain)
{
	(void)chain;
	chain_become(
		(pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, 0, faulting_page(), 0, 0));
}
