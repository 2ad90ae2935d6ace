/* SPDX-License-Identifier: MIT */
/*
 * Release agent of the tests: sends what it was started with to the datagram socket beside its
 * program's file, as lines KEY=PYTHON-LITERAL.  If there is a FIFO beside it, ".hold" appended, it
 * lives on until that has been opened for writing and closed.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char report[1 << 17];
static size_t used;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	used += (size_t)vsnprintf(report + used, sizeof(report) - used, format, args);
	va_end(args);
}

static void say_bytes(const char *bytes)
{
	say("b'");
	for (; *bytes; bytes++)
		say("\\x%02x", (unsigned)(unsigned char)*bytes);
	say("'");
}

static void say_list(const char *key, char **list)
{
	say("%s=[", key);
	for (; *list; list++) {
		say_bytes(*list);
		say(",");
	}
	say("]\n");
}

/* Descriptors that were open at the start: nothing has been opened yet. */
static void say_descriptors(void)
{
	say("fds=[");
	for (int fd = 0; fd < 1024; fd++) {
		struct stat status;

		if (fstat(fd, &status) == 0)
			say("%d,", fd);
	}
	say("]\n");
}

static void say_signals(void)
{
	sigset_t blocked, pending;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	sigpending(&pending);
	say("blocked=[");
	for (int number = 1; number < 65; number++)
		if (sigismember(&blocked, number) == 1)
			say("%d,", number);
	say("]\npending=[");
	for (int number = 1; number < 65; number++)
		if (sigismember(&pending, number) == 1)
			say("%d,", number);
	say("]\nignored=[");
	for (int number = 1; number < 65; number++) {
		struct sigaction action;

		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			say("%d,", number);
	}
	say("]\n");
}

static void say_limit(const char *key, __rlimit_resource_t resource)
{
	struct rlimit limit;

	getrlimit(resource, &limit);
	say("%s=(%lld,%lld)\n", key, (long long)limit.rlim_cur, (long long)limit.rlim_max);
}

static void say_process(void)
{
	char directory[4096];
	uid_t ruid, euid, suid;
	mode_t mask = umask(0);

	umask(mask);
	getresuid(&ruid, &euid, &suid);
	say("pid=%d\nppid=%d\npgrp=%d\nsid=%d\n", getpid(), getppid(), getpgrp(), getsid(0));
	say("uids=(%u,%u,%u)\numask=%u\n", ruid, euid, suid, mask);
	say("policy=%d\nnice=%d\n", sched_getscheduler(0), getpriority(PRIO_PROCESS, 0));
	say("cwd=");
	say_bytes(getcwd(directory, sizeof(directory)) ? directory : "");
	say("\n");
	say_limit("nofile", RLIMIT_NOFILE);
	say_limit("locks", RLIMIT_LOCKS);
}

static bool send_report(const char *program)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s.sock", program);
	return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       send(fd, report, used, 0) == (ssize_t)used;
}

static void hold(const char *program)
{
	char path[4200], byte;
	int fd;

	snprintf(path, sizeof(path), "%s.hold", program);
	fd = open(path, O_RDONLY);
	while (fd >= 0 && read(fd, &byte, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	char program[4096];
	ssize_t length;

	say_descriptors();
	say("argc=%d\n", argc);
	say_list("argv", argv);
	say_list("environ", environ);
	say_signals();
	say_process();
	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (length < 0)
		return 1;
	program[length] = '\0';
	if (!send_report(program))
		return 1;
	hold(program);
	return 0;
}
