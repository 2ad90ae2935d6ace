/* SPDX-License-Identifier: MIT */
#include "mount.h"
#include "line.h"
#include "mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <fuse_lowlevel.h>

#include "ucgroupfs/scope.h"

extern char **environ;

#define COMPLAINT_SIZE 1024

/*
 * libfuse and fusermount3 complain on stderr, each in its own words and lines.  They are caught and
 * become the rest of our one line.
 */
static int catch_stderr(int *savedp)
{
	ucg_autoclose int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	ucg_autoclose int caught = memfd_create("stderr", MFD_CLOEXEC);

	if (caught < 0 || dup2(caught, STDERR_FILENO) < 0)
		return -errno;
	*savedp = ucg_steal_fd(&saved);
	return 0;
}

/* Puts stderr back and returns what was caught in one line. */
static void release_stderr(int *saved, char *text, size_t size)
{
	ssize_t length = pread(STDERR_FILENO, text, size - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	/* A daemon may have been started without a stderr; then it has none again. */
	if (*saved >= 0)
		dup2(*saved, STDERR_FILENO);
	else
		close(STDERR_FILENO);
	for (char *c = text + strlen(text); c > text && c[-1] == '\n'; c--)
		c[-1] = '\0';
	for (char *c = strchr(text, '\n'); c; c = strchr(c, '\n'))
		*c = ';';
}

static int mount_session(const struct ucg_options *options, struct fuse_session **sessionp)
{
	char program[] = "ucgroupfs", flag[] = "-o";
	char *arguments[] = {program, flag, options->mount_options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
	/* Nobody serves this session: it holds the mount for whoever does. */
	const struct fuse_lowlevel_ops none = {0};
	struct fuse_session *session = fuse_session_new(&args, &none, sizeof(none), NULL);

	fuse_opt_free_args(&args);
	if (!session)
		return -EINVAL;
	if (fuse_session_mount(session, options->mountpoint)) {
		fuse_session_destroy(session);
		return -EINVAL;
	}
	*sessionp = session;
	return 0;
}

int ucg_mount_make(const struct ucg_options *options, struct fuse_session **sessionp,
		   char **messagep)
{
	ucg_autoclose int saved = -1;
	char complaint[COMPLAINT_SIZE];
	int error = catch_stderr(&saved);

	if (error)
		return ucg_complain(messagep, "memfd_create: %s", strerror(-error));
	error = mount_session(options, sessionp);
	release_stderr(&saved, complaint, sizeof(complaint));
	if (!error)
		return 0;
	return ucg_complain(messagep, "can't mount on '%s': %s", options->mountpoint,
			    *complaint ? complaint : "libfuse does not say why");
}

void ucg_mount_end(struct fuse_session *session)
{
	fuse_session_unmount(session);
	fuse_session_destroy(session);
}

/* As libfuse does it for the keeper. */
static void run_fusermount(const char *mountpoint)
{
	char program[] = "fusermount3", quiet[] = "-q", unmount[] = "-u", lazy[] = "-z",
	     end[] = "--";
	ucg_autofree char *path = strdup(mountpoint);
	char *arguments[] = {program, unmount, quiet, lazy, end, path, NULL};
	pid_t child;

	if (!path || posix_spawnp(&child, program, NULL, NULL, arguments, environ))
		return;
	/* ECHILD where children are not waited for; it has ended then, too. */
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

void ucg_mount_detach(const char *mountpoint, dev_t device)
{
	ucg_cleanup(ucg_mounts_clear) struct ucg_mounts mounts = {0};
	const struct ucg_mount_entry *entry = NULL;

	if (ucg_mounts_read(&mounts) == 0)
		entry = ucg_mounts_at(&mounts, mountpoint);
	if (!entry || entry->device != device)
		return;
	if (umount2(mountpoint, MNT_DETACH))
		run_fusermount(mountpoint);
}
