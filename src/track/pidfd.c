/* SPDX-License-Identifier: MIT */
#include "pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/magic.h, from 6.9 on. */
#define PIDFS_MAGIC 0x50494446

/* linux/pidfd.h, from 6.9 on: PIDFD_THREAD. */
#define PIDFD_OF_THREAD O_EXCL

/* linux/pidfd.h, from 6.13 on: the first size of the structure. */
struct pidfd_info_v0 {
	uint64_t mask, cgroup_id;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	uint32_t spare;
};
#define PIDFD_GET_INFO_V0 _IOWR(0xFF, 11, struct pidfd_info_v0)

int pidfd_get(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int pidfd_get_thread(pid_t tid)
{
	return (int)syscall(SYS_pidfd_open, tid, PIDFD_OF_THREAD);
}

int pidfd_get_task(pid_t tid)
{
	int pidfd = pidfd_get_thread(tid);

	/* Older kernels know processes alone. */
	return pidfd < 0 && errno == EINVAL ? pidfd_get(tid) : pidfd;
}

bool pidfd_lacks_means(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

bool pidfd_is_dead(int pidfd)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};

	/* EINTR can't be, it does not sleep; ENOMEM can't for one descriptor. */
	return poll(&poll_fd, 1, 0) > 0;
}

void pidfd_reap(int pidfd)
{
	while (waitid(P_PIDFD, (id_t)pidfd, NULL, WEXITED | __WALL) && errno == EINTR)
		;
}

int pidfd_kill(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) ? -errno : 0;
}

uint64_t pidfd_birth(int pidfd)
{
	struct statfs filesystem;
	struct stat attributes;

	if (fstatfs(pidfd, &filesystem) || filesystem.f_type != PIDFS_MAGIC)
		return 0;
	/* On 32 bits the number is cut and no clock. */
	if (sizeof(attributes.st_ino) < sizeof(uint64_t) || fstat(pidfd, &attributes))
		return 0;
	return attributes.st_ino;
}

int pidfd_who(int pidfd, struct pidfd_who *who)
{
	struct pidfd_info_v0 info = {0};

	if (ioctl(pidfd, PIDFD_GET_INFO_V0, &info))
		return -errno;
	*who = (struct pidfd_who){
		.tgid = (pid_t)info.tgid,
		.ppid = (pid_t)info.ppid,
		.uid = {info.ruid, info.euid, info.suid},
		.gid = {info.rgid, info.egid, info.sgid},
	};
	return 0;
}

int pidfd_parent(int pidfd, pid_t *ppidp)
{
	struct pidfd_who who = {0};
	int error = pidfd_who(pidfd, &who);

	if (!error)
		*ppidp = who.ppid;
	return error;
}
