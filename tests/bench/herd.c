/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Keeps nothing open but the pipe's end: else one herd would hold the other's pipe open. */
static void sleep_until_released(int hold)
{
	char byte;

	if (dup2(hold, 0) || close_range(1, ~0u, 0))
		_exit(1);
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

void herd_start(struct herd *herd, size_t count)
{
	int hold[2];

	CHECK(!pipe2(hold, O_CLOEXEC), "pipe");
	herd->pid = calloc(count, sizeof(*herd->pid));
	CHECK(herd->pid, "calloc");
	for (size_t i = 0; i < count; i++) {
		herd->pid[i] = fork();
		CHECK(herd->pid[i] >= 0, "fork of task %zu", i);
		if (!herd->pid[i])
			sleep_until_released(hold[0]);
	}
	close(hold[0]);
	herd->count = count;
	herd->hold = hold[1];
}

void herd_release(struct herd *herd)
{
	close(herd->hold);
}

void herd_reap(struct herd *herd)
{
	for (size_t i = 0; i < herd->count; i++)
		CHECK(waitpid(herd->pid[i], NULL, 0) == herd->pid[i], "waitpid");
	free(herd->pid);
	*herd = (struct herd){0};
}
