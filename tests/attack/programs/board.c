/* SPDX-License-Identifier: MIT */
#include "board.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *board_path;
struct board *board;

void board_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *memory = MAP_FAILED;

	if (fd >= 0)
		memory = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		perror(path);
		exit(2);
	}
	close(fd);
	board_path = path;
	board = memory;
}

const char *board_file(const char *name)
{
	static char path[4096];
	const char *slash = strrchr(board_path, '/');

	snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - board_path), board_path, name);
	return path;
}

void board_own_ids(uint32_t *pidp, uint32_t *tidp)
{
	char link[64] = "";
	ssize_t length = readlink("/proc/thread-self", link, sizeof(link) - 1);

	if (length < 0 || sscanf(link, "%u/task/%u", pidp, tidp) != 2) {
		board->failures++;
		*pidp = *tidp = 0;
	}
}

static void sign_in(void)
{
	uint32_t pid, tid, slot;

	board_own_ids(&pid, &tid);
	slot = board->paused;
	/* The ids are there before they are counted. */
	do {
		if (slot >= BOARD_MAX)
			abort();
	} while (!__atomic_compare_exchange_n((uint32_t *)&board->where[slot].pid, &(uint32_t){0},
					      pid, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
		 ++slot);
	board->where[slot].tid = tid;
	board->paused++;
}

static void sleep_while(uint32_t gate)
{
	/* EAGAIN: the gate has changed; EINTR: the caller looks again. */
	syscall(SYS_futex, &board->gate, FUTEX_WAIT, gate, NULL, NULL, 0);
}

void board_pause(void)
{
	uint32_t signed_in = 0, gate;

	while ((gate = board->gate) & 1) {
		if (gate != signed_in)
			sign_in();
		signed_in = gate;
		sleep_while(gate);
	}
}

void board_wait(void)
{
	uint32_t gate;

	while ((gate = board->gate) & 1)
		sleep_while(gate);
}

unsigned board_reside(void)
{
	uint32_t pid, tid;

	board_own_ids(&pid, &tid);
	return board_reside_as(pid);
}

unsigned board_reside_as(uint32_t pid)
{
	for (unsigned slot = 0; slot < BOARD_MAX; slot++) {
		uint32_t nobody = 0;

		if (__atomic_compare_exchange_n((uint32_t *)&board->resident[slot], &nobody, pid, 0,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return slot;
	}
	abort();
}

void board_leave(unsigned slot)
{
	board->resident[slot] = 0;
}
