/* SPDX-License-Identifier: MIT */
#include "preflight.h"
#include "line.h"
#include "mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ucgroupfs/scope.h"

static int check_mountpoint(struct ucg_options *options, char **messagep)
{
	ucg_autofree char *absolute = realpath(options->mountpoint, NULL);
	struct stat attributes;

	if (!absolute && errno == ENOENT)
		return ucg_complain(messagep, "mount point '%s' does not exist: make it with mkdir",
				    options->mountpoint);
	if (!absolute || stat(absolute, &attributes))
		return ucg_complain(messagep, "mount point '%s': %s", options->mountpoint,
				    strerror(errno));
	if (!S_ISDIR(attributes.st_mode))
		return ucg_complain(messagep, "mount point '%s' is not a directory",
				    options->mountpoint);
	free(options->mountpoint);
	options->mountpoint = ucg_steal_pointer(&absolute);
	return 0;
}

/* fusermount3 wants to see that the user may write where he mounts. */
static int check_writable(const struct ucg_options *options, uid_t uid, char **messagep)
{
	if (uid == 0 || access(options->mountpoint, W_OK) == 0)
		return 0;
	return ucg_complain(messagep, "mount point '%s' is not writable by you: choose one that is",
			    options->mountpoint);
}

static int check_device(char **messagep)
{
	ucg_autoclose int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return 0;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return ucg_complain(messagep,
				    "/dev/fuse: %s: load the kernel module with 'modprobe fuse'",
				    strerror(errno));
	if (errno == EACCES || errno == EPERM)
		return ucg_complain(messagep,
				    "/dev/fuse: %s: root must give users access with "
				    "'chmod 0666 /dev/fuse'",
				    strerror(errno));
	return ucg_complain(messagep, "/dev/fuse: %s", strerror(errno));
}

static bool is_in_path(const char *program)
{
	const char *path = getenv("PATH");
	ucg_autofree char *copy = strdup(path ? path : "/bin:/usr/bin");
	char *rest = copy, *directory;
	char name[4096];

	while ((directory = rest ? strsep(&rest, ":") : NULL)) {
		snprintf(name, sizeof(name), "%s/%s", *directory ? directory : ".", program);
		if (access(name, X_OK) == 0)
			return true;
	}
	return false;
}

/* What an ordinary user needs besides. */
static int check_helper(uid_t uid, char **messagep)
{
	if (uid == 0)
		return 0;
	if (!is_in_path("fusermount3"))
		return ucg_complain(messagep, "fusermount3 is not in PATH: install the package "
					      "fuse3, which mounts for ordinary users");
	errno = 0;
	if (!getpwuid(uid))
		return ucg_complain(messagep,
				    "uid %u has no entry in the password database: fusermount3 "
				    "refuses to mount for it",
				    uid);
	return 0;
}

static int check_name(const struct ucg_options *options, uid_t uid, char **messagep)
{
	ucg_cleanup(ucg_mounts_clear) struct ucg_mounts mounts = {0};
	const struct ucg_mount_entry *entry;
	int error = ucg_mounts_read(&mounts);

	if (error)
		return ucg_complain(messagep, "/proc/self/mountinfo: %s; is /proc mounted?",
				    strerror(-error));
	entry = ucg_mounts_named(&mounts, options->name, uid);
	if (entry)
		return ucg_complain(messagep, "name '%s': mounted by you already, on '%s'",
				    options->name, entry->mountpoint);
	return 0;
}

static int check_ready_fd(const struct ucg_options *options, char **messagep)
{
	int flags;

	if (options->ready_fd < 0)
		return 0;
	flags = fcntl(options->ready_fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return ucg_complain(messagep, "option '--ready-fd': '%d': %s", options->ready_fd,
				    flags < 0 ? strerror(errno) : "not open for writing");
	return 0;
}

int ucg_preflight(struct ucg_options *options, uid_t uid, char **messagep)
{
	int error;

	*messagep = NULL;
	error = check_ready_fd(options, messagep);
	if (!error)
		error = check_mountpoint(options, messagep);
	if (!error)
		error = check_writable(options, uid, messagep);
	if (!error)
		error = check_device(messagep);
	if (!error)
		error = check_helper(uid, messagep);
	if (!error)
		error = check_name(options, uid, messagep);
	return error;
}
