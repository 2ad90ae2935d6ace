/* SPDX-License-Identifier: MIT */
/* The field's verbs; each returns 0 or the errno. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "races.h"

int error_of(int result)
{
	return result < 0 ? errno : 0;
}

int make(const char *name)
{
	return error_of(mkdirat(race.tree, name, 0777));
}

int removed(const char *name)
{
	return error_of(unlinkat(race.tree, name, AT_REMOVEDIR));
}

bool exists(const char *name)
{
	return faccessat(race.tree, name, F_OK, 0) == 0;
}

static int write_text(int fd, const char *text)
{
	return error_of((int)write(fd, text, strlen(text)));
}

int open_file(const char *name, const char *file, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", name, file);
	return openat(race.tree, path, flags | O_CLOEXEC);
}

int store(const char *name, const char *file, const char *text)
{
	int fd = open_file(name, file, O_WRONLY);
	int error = error_of(fd);

	if (!error) {
		error = write_text(fd, text);
		close(fd);
	}
	return error;
}

int write_pid(int fd, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return write_text(fd, text);
}

int attach(const char *name, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return store(name, "tasks", text);
}

/* All of a file, with reads of @size bytes. */
int load(const char *name, const char *file, size_t size, char *text, size_t capacity)
{
	int fd = open_file(name, file, O_RDONLY);
	int error = error_of(fd);
	size_t used = 0;
	ssize_t n = 1;

	while (!error && n > 0 && used + size < capacity) {
		n = read(fd, text + used, size);
		error = error_of((int)n);
		used += n > 0 ? (size_t)n : 0;
	}
	text[used] = '\0';
	if (fd >= 0)
		close(fd);
	return error;
}

bool is_member(const char *name, pid_t pid)
{
	char text[4096], wanted[16];

	text[0] = '\n';
	if (load(name, "tasks", 1024, text + 1, sizeof(text) - 1))
		return false;
	snprintf(wanted, sizeof(wanted), "\n%d\n", pid);
	return strstr(text, wanted);
}

pid_t new_victim(void)
{
	pid_t pid = fork();

	expect(pid >= 0, "fork: %s", strerror(errno));
	while (pid == 0)
		pause();
	return pid;
}

/* Its death, awaited. */
void end_victim(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
