/* SPDX-License-Identifier: MIT */
#ifndef UCG_TEST_RELEASE_PROBE_H
#define UCG_TEST_RELEASE_PROBE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A folder for one test: the FIFO "reports", into which agents write what they find, and the agent
 * "probe", which is the test program itself.
 */

struct folder {
	char path[64];
	int reports;
	char buffer[16384];
	size_t used;
};

static inline void folder_file(const struct folder *folder, const char *name, char *path,
			       size_t size)
{
	assert_true(snprintf(path, size, "%s/%s", folder->path, name) < (int)size);
}

static inline void folder_make(struct folder *folder)
{
	char path[128], self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(length > 0);
	self[length] = '\0';
	folder->used = 0;
	strcpy(folder->path, "/tmp/ucg-release-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	folder_file(folder, "reports", path, sizeof(path));
	assert_int_equal(mkfifo(path, 0600), 0);
	/* Written by us as well, so that it never ends. */
	folder->reports = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	assert_true(folder->reports >= 0);
	folder_file(folder, "probe", path, sizeof(path));
	assert_int_equal(symlink(self, path), 0);
}

static inline void folder_remove(struct folder *folder)
{
	DIR *dir = opendir(folder->path);
	struct dirent *entry;

	close(folder->reports);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
	closedir(dir);
	assert_int_equal(rmdir(folder->path), 0);
}

static inline void folder_add_script(const struct folder *folder, const char *name,
				     const char *text)
{
	char path[128];
	FILE *file;

	folder_file(folder, name, path, sizeof(path));
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fchmod(fileno(file), 0700), 0);
	assert_int_equal(fclose(file), 0);
}

/* The next line of the reports, without its newline, until the next call. */
static inline const char *next_line(struct folder *folder)
{
	static char line[sizeof(folder->buffer)];

	for (;;) {
		char *end = memchr(folder->buffer, '\n', folder->used);
		struct pollfd wait = {.fd = folder->reports, .events = POLLIN};
		ssize_t count;

		if (end) {
			size_t length = (size_t)(end - folder->buffer);

			memcpy(line, folder->buffer, length);
			line[length] = '\0';
			folder->used -= length + 1;
			memmove(folder->buffer, end + 1, folder->used);
			return line;
		}
		if (poll(&wait, 1, 20000) != 1)
			fail_msg("no report within 20 s, only '%.*s'", (int)folder->used,
				 folder->buffer);
		count = read(folder->reports, folder->buffer + folder->used,
			     sizeof(folder->buffer) - folder->used);
		assert_true(count > 0);
		folder->used += (size_t)count;
	}
}

/* All agents have ended: what has not been reported by now never will be. */
static inline void wait_for_agents(void)
{
	/* With SA_NOCLDWAIT this returns when there is no child any more, and never a pid. */
	while (waitpid(-1, NULL, 0) < 0 && errno == EINTR)
		;
	assert_int_equal(errno, ECHILD);
}

static inline void assert_no_report(struct folder *folder)
{
	struct pollfd wait = {.fd = folder->reports, .events = POLLIN};

	assert_int_equal(folder->used, 0);
	if (poll(&wait, 1, 0))
		fail_msg("unexpected report '%s'", next_line(folder));
}

static inline void reap_agents_unseen(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};

	assert_int_equal(sigaction(SIGCHLD, &action, NULL), 0);
}

/* ---- in the agent ---- */

static inline void probe_descriptors(FILE *report)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
			fprintf(report, "descriptor %s\n", entry->d_name);
	fprintf(report, "first descriptor %d\n", dirfd(dir));
	closedir(dir);
}

static inline void probe_signals(FILE *report)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "SigBlk:", 7) || !strncmp(line, "SigIgn:", 7))
			fputs(line, report);
	if (status)
		fclose(status);
}

static inline void probe_limit(FILE *report, const char *name, __rlimit_resource_t resource)
{
	struct rlimit limit;

	if (!getrlimit(resource, &limit))
		fprintf(report, "%s %llx %llx\n", name, (unsigned long long)limit.rlim_cur,
			(unsigned long long)limit.rlim_max);
}

/* Writes down all that the agent was given. */
static inline int probe_main(int argc, char **argv, char **environment)
{
	char path[4096], cwd[4096] = "?";
	char *text;
	size_t size;
	FILE *report = open_memstream(&text, &size);
	int fifo;

	if (!report)
		return 1;
	probe_descriptors(report);
	for (int i = 0; i < argc; i++)
		fprintf(report, "argument %s\n", argv[i]);
	for (; *environment; environment++)
		fprintf(report, "environment %s\n", *environment);
	fprintf(report, "cwd %s\n", getcwd(cwd, sizeof(cwd)));
	fprintf(report, "umask %03o\n", umask(0));
	probe_signals(report);
	fprintf(report, "session %s\n", getsid(0) == getpid() ? "own" : "foreign");
	probe_limit(report, "nofile", RLIMIT_NOFILE);
	probe_limit(report, "locks", RLIMIT_LOCKS);
	probe_limit(report, "rss", RLIMIT_RSS);
	fprintf(report, "end\n");
	if (fclose(report))
		return 1;
	snprintf(path, sizeof(path), "%.4000s/reports", dirname(argv[0]));
	fifo = open(path, O_WRONLY);
	return fifo < 0 || write(fifo, text, size) != (ssize_t)size;
}

static inline bool is_probe(const char *argv0)
{
	const char *name = strrchr(argv0, '/');

	return !strcmp(name ? name + 1 : argv0, "probe");
}

#endif
