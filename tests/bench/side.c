/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_MS 10000
#define SERVER_PROCESSES 16

const char *const side_names[SIDES] = {"ours", "kernel", "base"};

/* ---- servers ---- */

static void exec_server(const struct bench *bench, enum side_id id, const char *path,
			const char *name, int ready)
{
	char program[256], options[512], fd[16];

	snprintf(program, sizeof(program), "%s/%s/server", bench->folder, side_names[id]);
	snprintf(fd, sizeof(fd), "%d", ready);
	if (id == BASE)
		execl(program, program, path, fd, (char *)NULL);
	snprintf(options, sizeof(options), "name=%s,release_agent=%s/ours/agent", name,
		 bench->folder);
	execl(program, program, "-f", "--ready-fd", fd, "-o", options, path, (char *)NULL);
	fail("exec of %s", program);
}

pid_t server_start(const struct bench *bench, enum side_id id, const char *path, const char *name)
{
	struct pollfd wait;
	int ready[2];
	char line[16];
	pid_t pid;

	CHECK(!pipe2(ready, O_CLOEXEC), "pipe");
	pid = fork();
	CHECK(pid >= 0, "fork of a server");
	if (!pid) {
		fcntl(ready[1], F_SETFD, 0);
		exec_server(bench, id, path, name, ready[1]);
	}
	close(ready[1]);
	wait = (struct pollfd){.fd = ready[0], .events = POLLIN};
	CHECK(poll(&wait, 1, DEADLINE_MS) == 1, "wait for the server of %s", side_names[id]);
	errno = 0;
	CHECK(read(ready[0], line, sizeof(line)) > 0, "the server of %s ended at once",
	      side_names[id]);
	close(ready[0]);
	return pid;
}

static void unmount(const char *path)
{
	pid_t pid = fork();

	CHECK(pid >= 0, "fork of fusermount3");
	if (!pid) {
		execlp("fusermount3", "fusermount3", "-u", path, (char *)NULL);
		_exit(127);
	}
	CHECK(waitpid(pid, NULL, 0) == pid, "waitpid of fusermount3");
}

void server_stop(pid_t pid, const char *path)
{
	int status;

	unmount(path);
	CHECK(waitpid(pid, &status, 0) == pid, "waitpid of a server");
	errno = 0;
	CHECK(!status, "the server of %s ended with status %x", path, (unsigned)status);
}

void sides_start(struct bench *bench)
{
	for (int id = 0; id < SIDES; id++) {
		struct side *side = &bench->side[id];
		char times[256];

		side->id = (enum side_id)id;
		side->present = id != KERNEL || !bench->no_kernel;
		side->times = -1;
		snprintf(side->path, sizeof(side->path), "%s/%s/mnt", bench->folder,
			 side_names[id]);
		if (!side->present)
			continue;
		if (id != KERNEL)
			side->pid = server_start(bench, side->id, side->path, "ucg-bench");
		if (id == BASE)
			continue;
		snprintf(times, sizeof(times), "%s/%s/times", bench->folder, side_names[id]);
		side->times = open(times, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		CHECK(side->times >= 0, "open %s", times);
	}
}

/* ---- groups ---- */

void file_of(const struct side *side, const char *group, const char *file, char *path, size_t size)
{
	CHECK(snprintf(path, size, "%s/%s/%s", side->path, group, file) < (int)size,
	      "path of %s too long", group);
}

void group_make(const struct side *side, const char *group)
{
	char path[512];

	file_of(side, group, "", path, sizeof(path));
	CHECK(!mkdir(path, 0755), "mkdir %s", path);
}

void group_remove(const struct side *side, const char *group)
{
	uint64_t start = now_ns();
	char path[512];

	file_of(side, group, "", path, sizeof(path));
	while (rmdir(path)) {
		CHECK(errno == EBUSY && elapsed_us(start) < DEADLINE_MS * 1000.0, "rmdir %s", path);
		/* The kernel tells nobody when its dead tasks have left a group. */
		poll(NULL, 0, 1);
	}
}

void group_write(const struct side *side, const char *group, const char *file, const char *text)
{
	char path[512];
	int fd;

	file_of(side, group, file, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0, "open %s", path);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write to %s", path);
	close(fd);
}

void group_attach(const struct side *side, const char *group, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	group_write(side, group, "tasks", text);
}

void request_file(const struct side *side, char *path, size_t size)
{
	if (side->id == BASE)
		CHECK(snprintf(path, size, "%s/file", side->path) < (int)size, "path too long");
	else
		file_of(side, "requests", "notify_on_release", path, size);
}

int open_request_file(const struct side *side)
{
	char path[512];
	int fd;

	request_file(side, path, sizeof(path));
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0, "open %s", path);
	return fd;
}

/* ---- agents ---- */

uint64_t last_agent_ns(const struct side *side, size_t count)
{
	struct pollfd wait = {.fd = side->times, .events = POLLIN};
	uint64_t times[512], last = 0;

	for (size_t seen = 0; seen < count;) {
		ssize_t length;

		errno = 0;
		CHECK(poll(&wait, 1, DEADLINE_MS) == 1, "%s: %zu of %zu agents were called",
		      side_names[side->id], seen, count);
		length = read(side->times, times, sizeof(times));
		CHECK(length > 0 && length % (ssize_t)sizeof(*times) == 0, "read of times");
		for (size_t i = 0; i < (size_t)length / sizeof(*times); i++)
			last = times[i] > last ? times[i] : last;
		seen += (size_t)length / sizeof(*times);
		errno = 0;
		CHECK(seen <= count, "%s: more than %zu agents were called", side_names[side->id],
		      count);
	}
	return last;
}

/* ---- what servers cost ---- */

/* Number after @key in a status file of /proc; 0: no such line or file. */
static uint64_t status_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	unsigned long long number = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			number = strtoull(line + strlen(key), NULL, 10);
	if (file)
		fclose(file);
	return number;
}

/* The server's parent and all below it. */
static size_t processes_of(const struct side *side, pid_t pid[SERVER_PROCESSES])
{
	size_t count = 1;

	pid[0] = side->pid;
	for (size_t i = 0; i < count; i++) {
		char path[64];
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid[i], pid[i]);
		file = fopen(path, "re");
		CHECK(file, "open %s", path);
		while (count < SERVER_PROCESSES && fscanf(file, "%d", &pid[count]) == 1)
			count++;
		fclose(file);
	}
	return count;
}

static uint64_t wake_ups_of(pid_t pid)
{
	char path[sizeof("/proc/2147483647/task/") + sizeof(((struct dirent *)NULL)->d_name) + 8];
	struct dirent *entry;
	uint64_t sum = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	CHECK(dir, "opendir %s", path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, entry->d_name);
		sum += status_number(path, "voluntary_ctxt_switches:");
	}
	closedir(dir);
	return sum;
}

static uint64_t wake_ups_of_all(const struct side *side)
{
	pid_t pid[SERVER_PROCESSES];
	size_t count = processes_of(side, pid);
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += wake_ups_of(pid[i]);
	return sum;
}

uint64_t wake_ups(const struct side *side)
{
	uint64_t start = now_ns(), before, after = wake_ups_of_all(side);

	do {
		before = after;
		poll(NULL, 0, 50); /* nothing tells that others have gone to sleep */
		after = wake_ups_of_all(side);
		errno = 0;
		CHECK(elapsed_us(start) < DEADLINE_MS * 1000.0, "%s: never at rest",
		      side_names[side->id]);
	} while (after != before);
	return after;
}

uint64_t resident_bytes(const struct side *side)
{
	pid_t pid[SERVER_PROCESSES];
	size_t count = processes_of(side, pid);
	uint64_t largest = 0;

	for (size_t i = 0; i < count; i++) {
		char path[64];
		uint64_t bytes;

		snprintf(path, sizeof(path), "/proc/%d/status", pid[i]);
		bytes = status_number(path, "VmRSS:") * 1024;
		largest = bytes > largest ? bytes : largest;
	}
	return largest;
}
