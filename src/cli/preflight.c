/* SPDX-License-Identifier: MIT */
#include "preflight.h"
#include "helper.h"
#include "line.h"
#include "mountinfo.h"
#include "privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ucgroupfs/scope.h"

static int check_ready_fd(const struct ucg_options *options, char **messagep)
{
	int flags;

	if (options->ready_fd < 0)
		return 0;
	flags = fcntl(options->ready_fd, F_GETFL);
	if (flags < 0)
		return ucg_complain(messagep, "option '--ready-fd': %d is not open",
				    options->ready_fd);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return ucg_complain(messagep, "option '--ready-fd': %d is not open for writing",
				    options->ready_fd);
	return 0;
}

static int refuse_mountpoint(const char *mountpoint, int error, char **messagep)
{
	if (error == ENOENT)
		return ucg_complain(messagep,
				    "mount point '%s': does not exist; make it with mkdir -p",
				    mountpoint);
	if (error == ENOTCONN)
		return ucg_complain(messagep,
				    "mount point '%s': has a mount that nobody serves any more; "
				    "take it away with fusermount3 -u -z",
				    mountpoint);
	return ucg_complain(messagep, "mount point '%s': %s", mountpoint, strerror(error));
}

static int check_directory(const char *mountpoint, const struct stat *attributes, uid_t uid,
			   char **messagep)
{
	if (!S_ISDIR(attributes->st_mode))
		return ucg_complain(messagep, "mount point '%s': not a directory; choose one",
				    mountpoint);
	if (uid == 0)
		return 0;
	/* fusermount3 wants to see that the user could also put files there */
	if (access(mountpoint, W_OK))
		return ucg_complain(messagep,
				    "mount point '%s': not writable by you; choose one of your own",
				    mountpoint);
	if (attributes->st_mode & S_ISVTX && attributes->st_uid != uid)
		return ucg_complain(messagep,
				    "mount point '%s': not yours and sticky; make a directory in "
				    "it and use that",
				    mountpoint);
	return 0;
}

static int check_mountpoint(struct ucg_options *options, uid_t uid, char **messagep)
{
	ucg_autofree char *absolute = realpath(options->mountpoint, NULL);
	struct stat attributes;
	int error;

	if (!absolute || stat(absolute, &attributes))
		return refuse_mountpoint(options->mountpoint, errno, messagep);
	error = check_directory(absolute, &attributes, uid, messagep);
	if (error)
		return error;
	free(options->mountpoint);
	options->mountpoint = ucg_steal_pointer(&absolute);
	return 0;
}

static int check_device(char **messagep)
{
	ucg_autoclose int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return 0;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return ucg_complain(
			messagep, "/dev/fuse: %s; load the kernel's module as root: modprobe fuse",
			strerror(errno));
	if (errno == EACCES || errno == EPERM)
		return ucg_complain(
			messagep, "/dev/fuse: %s; give users access as root: chmod 0666 /dev/fuse",
			strerror(errno));
	return ucg_complain(messagep, "/dev/fuse: %s", strerror(errno));
}

/* How many numbers we have in /proc: one for each pid namespace from that of /proc down to ours. */
static int read_ns_pids(unsigned *countp)
{
	ucg_cleanup(ucg_fclosep) FILE *file = fopen("/proc/self/status", "re");
	ucg_autofree char *line = NULL;
	size_t size = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) >= 0) {
		char *rest = line, *word = strsep(&rest, "\t");

		if (strcmp(word, "NSpid:") != 0)
			continue;
		for (*countp = 0; rest; strsep(&rest, "\t"))
			++*countp;
	}
	return 0;
}

/*
 * Tracking reads what /proc says of tasks, and of the machine besides.  It shows the pid namespace
 * of whoever mounted it: of one that is above ours our own task has several numbers there.
 */
static int check_proc(char **messagep)
{
	unsigned numbers = 1;
	int error = read_ns_pids(&numbers);

	if (error == -ENOENT)
		return ucg_complain(messagep, "/proc: does not show us, for it is not mounted or "
					      "that of another pid namespace; mount it as root: "
					      "mount -t proc proc /proc");
	if (error)
		return ucg_complain(messagep, "/proc/self/status: %s", strerror(-error));
	if (numbers > 1)
		return ucg_complain(messagep, "/proc: is that of another pid namespace; mount one "
					      "of ours: mount -t proc proc /proc");
	if (access("/proc/loadavg", R_OK) || access("/proc/sys/kernel/pid_max", R_OK))
		return ucg_complain(messagep, "/proc: shows processes alone; mount it without "
					      "subset=pid");
	return 0;
}

static int check_name(const struct ucg_options *options, uid_t uid, char **messagep)
{
	ucg_cleanup(ucg_mounts_clear) struct ucg_mounts mounts = {0};
	const struct ucg_mount_entry *entry;
	int error = ucg_mounts_read(&mounts);

	if (error)
		return ucg_complain(messagep, "/proc/self/mountinfo: %s", strerror(-error));
	entry = ucg_mounts_named(&mounts, options->name, uid);
	if (entry)
		return ucg_complain(messagep,
				    "name '%s': mounted by you already, on '%s'; choose another",
				    options->name, entry->mountpoint);
	return 0;
}

int ucg_preflight(struct ucg_options *options, uid_t uid, char **messagep)
{
	int error;

	*messagep = NULL;
	error = check_ready_fd(options, messagep);
	if (!error)
		error = check_mountpoint(options, uid, messagep);
	if (!error)
		error = check_device(messagep);
	if (!error && uid != 0 && !ucg_privileges_may_mount())
		error = ucg_helper_check(uid, messagep);
	if (!error)
		error = check_proc(messagep);
	if (!error)
		error = check_name(options, uid, messagep);
	return error;
}
