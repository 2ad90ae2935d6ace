/* SPDX-License-Identifier: MIT */
#include "pidns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc.h"
#include "ucgroupfs/scope.h"

/* linux/nsfs.h, the last two from 6.11 on. */
#define NSFS_GET_USERNS _IO(0xb7, 0x1)
#define NSFS_GET_PARENT _IO(0xb7, 0x2)
#define NSFS_GET_PID_FROM_PIDNS _IOR(0xb7, 0x6, int)
#define NSFS_GET_PID_IN_PIDNS _IOR(0xb7, 0x8, int)

/* "pid:[4294967295]" */
#define NS_NAME_SIZE 32

static int open_of(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool read_name(const char *path, char *name)
{
	ssize_t length = readlink(path, name, NS_NAME_SIZE - 1);

	if (length < 0)
		return false;
	name[length] = '\0';
	return true;
}

/* The cheap way, for nearly everybody: one system call more than for oneself. */
static bool lives_with_us(pid_t pid)
{
	char path[64], own[NS_NAME_SIZE], other[NS_NAME_SIZE];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return read_name(path, other) && read_name("/proc/self/ns/pid", own) && !strcmp(own, other);
}

static bool is_same_file(int left, int right)
{
	struct stat a, b;

	return !fstat(left, &a) && !fstat(right, &b) && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

bool pidns_is_of_our_users(void)
{
	ucg_autoclose int own = open_of(getpid());
	ucg_autoclose int users = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	ucg_autoclose int owner = own < 0 ? -1 : ioctl(own, NSFS_GET_USERNS);

	return users >= 0 && owner >= 0 && is_same_file(users, owner);
}

bool pidns_can_translate(void)
{
	ucg_autoclose int own = open_of(getpid());

	return own >= 0 && ioctl(own, NSFS_GET_PID_IN_PIDNS, getpid()) == getpid();
}

int pidns_of(pid_t caller, bool translates, struct pidns *pidns)
{
	struct proc_status status;
	int fd;

	*pidns = (struct pidns){.is_ours = true, .translates = translates, .fd = -1, .levels = 1};
	if (!caller)
		return -EACCES;
	if (lives_with_us(caller))
		return 0;
	/* Whoever may not look at his namespace sees at least how deep it is. */
	if (proc_read_status(caller, &status))
		return -EACCES;
	if (status.pid_levels == 1)
		return 0;
	fd = open_of(caller);
	if (fd < 0)
		return fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM ? fd : -EACCES;
	pidns->is_ours = false;
	pidns->fd = fd;
	pidns->levels = status.pid_levels;
	return 0;
}

void pidns_clear(struct pidns *pidns)
{
	ucg_closep(&pidns->fd);
}

/* ---- by /proc ---- */

/* Is the namespace that is @up above that of @pid this one? */
static bool is_below(const struct pidns *pidns, pid_t pid, unsigned up)
{
	ucg_autoclose int fd = open_of(pid);

	while (fd >= 0 && up--) {
		int parent = ioctl(fd, NSFS_GET_PARENT);

		close(fd);
		fd = parent;
	}
	return fd >= 0 && is_same_file(fd, pidns->fd);
}

static int number_by_proc(const struct pidns *pidns, pid_t pid)
{
	struct proc_status status;
	pid_t number;
	int error = proc_read_status_in(pid, pidns->levels, &status, &number);

	if (error)
		return error;
	if (status.pid_levels < pidns->levels ||
	    !is_below(pidns, pid, status.pid_levels - pidns->levels))
		return -ESRCH;
	return number;
}

static int find_by_proc(const struct pidns *pidns, pid_t number, pid_t *pidp)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids processes = {0};
	int error = proc_read_processes(&processes);

	for (size_t i = 0; i < processes.count && !error; i++) {
		ucg_cleanup(ucg_pids_clear) struct ucg_pids tasks = {0};

		error = proc_read_threads(processes.pid[i], &tasks);
		for (size_t k = 0; k < tasks.count && !error; k++) {
			if (number_by_proc(pidns, tasks.pid[k]) != number)
				continue;
			*pidp = tasks.pid[k];
			return 0;
		}
		error = error == -ESRCH ? 0 : error;
	}
	return error ? error : -ESRCH;
}

/* ---- both ways ---- */

/* The number that @pid has there.  Return: it; -ESRCH: none; -EMFILE and the like. */
static int number_of(const struct pidns *pidns, pid_t pid)
{
	int number;

	if (!pidns->translates)
		return number_by_proc(pidns, pid);
	number = ioctl(pidns->fd, NSFS_GET_PID_IN_PIDNS, pid);
	return number < 0 ? -errno : number;
}

int pidns_in(const struct pidns *pidns, pid_t number, pid_t *pidp)
{
	int pid;

	*pidp = number;
	if (pidns->is_ours)
		return 0;
	if (!pidns->translates)
		return find_by_proc(pidns, number, pidp);
	pid = ioctl(pidns->fd, NSFS_GET_PID_FROM_PIDNS, number);
	*pidp = pid;
	return pid < 0 ? -errno : 0;
}

int pidns_out(const struct pidns *pidns, struct ucg_pids *pids)
{
	size_t kept = 0;

	if (pidns->is_ours)
		return 0;
	for (size_t i = 0; i < pids->count; i++) {
		int number = number_of(pidns, pids->pid[i]);

		if (number >= 0)
			pids->pid[kept++] = number;
		else if (number != -ESRCH)
			return number;
	}
	pids->count = kept;
	ucg_pids_sort(pids);
	return 0;
}
