/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READS 2000
#define PREADS 5000
#define WRITES 5000
#define STATS 10000
/* As many as fit this time: the kernel's may wait for its RCU. */
#define ATTACH_US 150000
#define LISTS 10
#define LISTED 1000

void requests_set_up(struct bench *bench, struct side *side)
{
	(void)bench;
	if (side->id != BASE)
		group_make(side, "requests");
	side->fd[0] = open_request_file(side);
}

void requests_tear_down(struct bench *bench, struct side *side)
{
	(void)bench;
	close(side->fd[0]);
	if (side->id != BASE)
		group_remove(side, "requests");
}

double requests_read(struct bench *bench, struct side *side)
{
	char path[512], text[16];
	uint64_t start;

	(void)bench;
	request_file(side, path, sizeof(path));
	start = now_ns();
	for (int i = 0; i < READS; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		CHECK(fd >= 0, "open %s", path);
		CHECK(read(fd, text, sizeof(text)) == 2, "read of %s", path);
		close(fd);
	}
	return elapsed_us(start) / READS;
}

double requests_pread(struct bench *bench, struct side *side)
{
	uint64_t start = now_ns();
	char text[16];

	(void)bench;
	for (int i = 0; i < PREADS; i++)
		CHECK(pread(side->fd[0], text, sizeof(text), 0) == 2, "pread");
	return elapsed_us(start) / PREADS;
}

double requests_write(struct bench *bench, struct side *side)
{
	uint64_t start = now_ns();

	(void)bench;
	for (int i = 0; i < WRITES; i++)
		CHECK(pwrite(side->fd[0], i % 2 ? "0" : "1", 1, 0) == 1, "pwrite");
	return elapsed_us(start) / WRITES;
}

static void stat_often(const struct side *side)
{
	struct stat attributes;
	char path[512];

	request_file(side, path, sizeof(path));
	for (int i = 0; i < STATS; i++)
		CHECK(!stat(path, &attributes), "stat %s", path);
}

double requests_stat(struct bench *bench, struct side *side)
{
	uint64_t start = now_ns();

	(void)bench;
	stat_often(side);
	return elapsed_us(start) / STATS;
}

double requests_stat_wake_ups(struct bench *bench, struct side *side)
{
	uint64_t before = wake_ups(side);

	(void)bench;
	stat_often(side);
	return (double)(wake_ups(side) - before);
}

static int open_tasks(const struct side *side, const char *group, int flags)
{
	char path[512];
	int fd;

	file_of(side, group, "tasks", path, sizeof(path));
	fd = open(path, flags | O_CLOEXEC);
	CHECK(fd >= 0, "open %s", path);
	return fd;
}

void attach_set_up(struct bench *bench, struct side *side)
{
	(void)bench;
	group_make(side, "from");
	group_make(side, "to");
	herd_start(&side->herd, 1);
	side->fd[0] = open_tasks(side, "to", O_WRONLY);
	side->fd[1] = open_tasks(side, "from", O_WRONLY);
	group_attach(side, "from", side->herd.pid[0]);
}

double attach_measure(struct bench *bench, struct side *side)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", side->herd.pid[0]);
	uint64_t start = now_ns();
	int count = 0;

	(void)bench;
	do {
		CHECK(write(side->fd[0], text, (size_t)length) == length, "attach");
		CHECK(write(side->fd[1], text, (size_t)length) == length, "attach");
		count += 2;
	} while (elapsed_us(start) < ATTACH_US);
	return elapsed_us(start) / count;
}

void attach_tear_down(struct bench *bench, struct side *side)
{
	(void)bench;
	close(side->fd[0]);
	close(side->fd[1]);
	herd_release(&side->herd);
	herd_reap(&side->herd);
	group_remove(side, "from");
	group_remove(side, "to");
}

void list_set_up(struct bench *bench, struct side *side)
{
	(void)bench;
	group_make(side, "listed");
	/* Born in the group, as the tasks of a job are. */
	group_write(side, "listed", "tasks", "0");
	herd_start(&side->herd, LISTED);
	group_write(side, "", "tasks", "0");
}

static int read_lines(int fd)
{
	char text[65536];
	int lines = 0;
	ssize_t length;

	while ((length = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < length; i++)
			lines += text[i] == '\n';
	CHECK(!length, "read of tasks");
	return lines;
}

double list_measure(struct bench *bench, struct side *side)
{
	uint64_t start = now_ns();

	(void)bench;
	for (int i = 0; i < LISTS; i++) {
		int fd = open_tasks(side, "listed", O_RDONLY);
		int lines = read_lines(fd);

		CHECK(lines == LISTED, "%s: tasks has %d lines", side_names[side->id], lines);
		close(fd);
	}
	return elapsed_us(start) / LISTS / LISTED;
}

void list_tear_down(struct bench *bench, struct side *side)
{
	(void)bench;
	herd_release(&side->herd);
	herd_reap(&side->herd);
	group_remove(side, "listed");
}
