/* SPDX-License-Identifier: MIT */
/*
 * Release agent of the attacks: appends a line `PATH LIVE` to the file beside its program, ".log"
 * appended.  LIVE is how many processes live in the group of the same path of the kernel's
 * hierarchy, to which ".kernel" beside the program leads; - if there is none.  A process that has
 * become a zombie since it was listed counts as dead.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int is_alive(int pid)
{
	char path[64], text[512] = "";
	const char *state;
	FILE *file;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	state = strrchr(text, ')');
	return state && state[1] && !strchr("ZX", state[2]);
}

/* A thread's state, not its leader's, which may be dead. */
static int count_live(FILE *tasks)
{
	int pid, live = 0;

	while (fscanf(tasks, "%d", &pid) == 1)
		live += is_alive(pid);
	return live;
}

int main(int argc, char **argv)
{
	char path[4200], line[4200];
	int fd, length;
	FILE *tasks;

	if (argc != 2)
		return 2;
	snprintf(path, sizeof(path), "%s.kernel%s/tasks", argv[0], argv[1]);
	tasks = fopen(path, "re");
	if (tasks)
		length = snprintf(line, sizeof(line), "%s %d\n", argv[1], count_live(tasks));
	else
		length = snprintf(line, sizeof(line), "%s -\n", argv[1]);
	snprintf(path, sizeof(path), "%s.log", argv[0]);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	return fd < 0 || write(fd, line, (size_t)length) != length;
}
