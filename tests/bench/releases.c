/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXITS 40
#define BURST 1000

void exit_set_up(struct bench *bench, struct side *side)
{
	(void)bench;
	group_make(side, "exit");
	group_write(side, "exit", "notify_on_release", "1");
}

void exit_tear_down(struct bench *bench, struct side *side)
{
	(void)bench;
	group_remove(side, "exit");
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* Exits when it is told, and says when it did. */
static void exit_when_told(int hold, volatile uint64_t *exited_ns)
{
	char byte;

	while (read(hold, &byte, 1) < 0 && errno == EINTR)
		;
	*exited_ns = now_ns();
	_exit(0);
}

static double exit_once(const struct side *side, volatile uint64_t *exited_ns)
{
	uint64_t agent_ns;
	int hold[2];
	pid_t pid;

	CHECK(!pipe2(hold, O_CLOEXEC), "pipe");
	pid = fork();
	CHECK(pid >= 0, "fork");
	if (!pid) {
		close(hold[1]);
		exit_when_told(hold[0], exited_ns);
	}
	close(hold[0]);
	group_attach(side, "exit", pid);
	close(hold[1]);
	agent_ns = last_agent_ns(side, 1);
	CHECK(waitpid(pid, NULL, 0) == pid, "waitpid");
	return (double)(agent_ns - *exited_ns) / 1000;
}

/* Median of the round: one delay by a stranger does not count. */
double exit_measure(struct bench *bench, struct side *side)
{
	double us[EXITS];
	uint64_t *exited_ns = mmap(NULL, sizeof(*exited_ns), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)bench;
	CHECK(exited_ns != MAP_FAILED, "mmap");
	for (int i = 0; i < EXITS; i++)
		us[i] = exit_once(side, exited_ns);
	munmap(exited_ns, sizeof(*exited_ns));
	qsort(us, EXITS, sizeof(*us), compare);
	return (us[EXITS / 2] + us[EXITS / 2 - 1]) / 2;
}

static void burst_name(size_t i, char *name, size_t size)
{
	snprintf(name, size, "burst%zu", i);
}

double burst_measure(struct bench *bench, struct side *side)
{
	uint64_t start, last;
	char name[32];

	(void)bench;
	herd_start(&side->herd, BURST);
	for (size_t i = 0; i < BURST; i++) {
		burst_name(i, name, sizeof(name));
		group_make(side, name);
		group_write(side, name, "notify_on_release", "1");
		group_attach(side, name, side->herd.pid[i]);
	}
	start = now_ns();
	herd_release(&side->herd);
	last = last_agent_ns(side, BURST);
	herd_reap(&side->herd);
	for (size_t i = 0; i < BURST; i++) {
		burst_name(i, name, sizeof(name));
		group_remove(side, name);
	}
	return (double)(last - start) / 1e6;
}
