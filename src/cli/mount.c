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
#include "ucgroupfs/text.h"

#define COMPLAINT_SIZE 1024

/*
 * libfuse and fusermount3 complain on stderr, each in its own words and lines.  They are caught and
 * become the rest of our one line.  Return: the descriptor that stderr was; -errno.
 */
static int catch_stderr(void)
{
	ucg_autoclose int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	ucg_autoclose int caught = memfd_create("stderr", MFD_CLOEXEC);

	if (saved < 0 || caught < 0 || dup2(caught, STDERR_FILENO) < 0)
		return -errno;
	return ucg_steal_fd(&saved);
}

/* Puts stderr back and returns what was caught, NUL-terminated. */
static void release_stderr(int saved, char *text, size_t size)
{
	ssize_t length = pread(STDERR_FILENO, text, size - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	dup2(saved, STDERR_FILENO);
	close(saved);
}

static const char *skip_speaker(const char *line)
{
	static const char *const speakers[] = {"fusermount3: ", "fuse: "};

	for (size_t i = 0; i < sizeof(speakers) / sizeof(speakers[0]); i++) {
		if (strncmp(line, speakers[i], strlen(speakers[i])) == 0)
			line += strlen(speakers[i]);
	}
	return line;
}

/* "fusermount3: A\nfuse: B\n" becomes "A; B": who says it is of no use to the reader. */
static int complain_of_mount(const struct ucg_options *options, char *caught, char **messagep)
{
	ucg_cleanup(ucg_text_clear) struct ucg_text reason = {0};
	char *rest = caught;
	char *line;

	while ((line = strsep(&rest, "\n"))) {
		int error = 0;

		if (*line)
			error = ucg_text_printf(&reason, "%s%s", reason.length ? "; " : "",
						skip_speaker(line));
		if (error)
			return error;
	}
	if (!reason.length)
		return ucg_complain(messagep, "can't mount on '%s': libfuse does not say why",
				    options->mountpoint);
	return ucg_complain(messagep, "can't mount on '%s': %.*s", options->mountpoint,
			    (int)reason.length, reason.bytes);
}

static int mount_session(const struct ucg_options *options, struct fuse_session **sessionp)
{
	char program[] = "ucgroupfs", flag[] = "-o";
	char *arguments[] = {program, flag, options->mount_options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
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

static int find_device(const char *mountpoint, dev_t *device)
{
	ucg_cleanup(ucg_mounts_clear) struct ucg_mounts mounts = {0};
	const struct ucg_mount_entry *entry;
	int error = ucg_mounts_read(&mounts);

	if (error)
		return error;
	entry = ucg_mounts_at(&mounts, mountpoint);
	*device = entry && strcmp(entry->type, UCG_MOUNT_TYPE) == 0 ? entry->device : 0;
	return 0;
}

int ucg_mount_make(const struct ucg_options *options, struct ucg_mount *mount, char **messagep)
{
	char caught[COMPLAINT_SIZE];
	int saved = catch_stderr();
	int error;

	*messagep = NULL;
	if (saved < 0)
		return ucg_complain(messagep, "can't catch the messages of fusermount3: %s",
				    strerror(-saved));
	error = mount_session(options, &mount->session);
	release_stderr(saved, caught, sizeof(caught));
	if (error)
		return complain_of_mount(options, caught, messagep);
	mount->mountpoint = options->mountpoint;
	error = find_device(mount->mountpoint, &mount->device);
	if (!error)
		return 0;
	fuse_session_unmount(mount->session);
	fuse_session_destroy(mount->session);
	*mount = (struct ucg_mount){0};
	return ucg_complain(messagep, "/proc/self/mountinfo: %s", strerror(-error));
}

/* As libfuse does it. */
static void run_fusermount(const char *mountpoint)
{
	char program[] = "fusermount3", quiet[] = "-q", unmount[] = "-u", lazy[] = "-z",
	     end[] = "--";
	ucg_autofree char *path = strdup(mountpoint);
	char *arguments[] = {program, unmount, quiet, lazy, end, path, NULL};
	pid_t child;

	if (!path || posix_spawnp(&child, program, NULL, NULL, arguments, environ))
		return;
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

int ucg_mount_detach(const char *mountpoint, dev_t device)
{
	dev_t found;
	int error = find_device(mountpoint, &found);

	if (error || !device || found != device)
		return error;
	if (umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	run_fusermount(mountpoint);
	error = find_device(mountpoint, &found);
	return !error && found == device ? -EBUSY : error;
}

/*
 * libfuse unmounts by path, whatever is mounted there by now, unless its descriptor says that the
 * connection has ended.  The mount is detached already, so it is shown one that says so.
 */
static void free_session(struct fuse_session *session)
{
	int broken[2];

	if (pipe2(broken, O_CLOEXEC) == 0) {
		close(broken[0]);
		dup2(broken[1], fuse_session_fd(session));
		close(broken[1]);
		fuse_session_unmount(session);
	}
	fuse_session_destroy(session);
}

int ucg_mount_end(struct ucg_mount *mount)
{
	int error;

	if (!mount->session)
		return 0;
	error = ucg_mount_detach(mount->mountpoint, mount->device);
	free_session(mount->session);
	*mount = (struct ucg_mount){0};
	return error;
}
