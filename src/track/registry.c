/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ucgroupfs/scope.h"

/* Numbers tried before the registry is given up: as many hierarchies of one user do not live. */
#define TRIES 64

static bool is_ours(int fd)
{
	struct stat attributes;

	return fstat(fd, &attributes) == 0 && attributes.st_uid == geteuid();
}

/* Opens the folder, made if there is none.  Return: descriptor; -1: not to be had. */
static int open_folder(const char *path)
{
	ucg_autoclose int fd = -1;
	bool is_made;

	/* Another one that leaves may remove it in between. */
	do {
		is_made = mkdir(path, 0700) == 0;
		if (!is_made && errno != EEXIST)
			return -1;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	} while (fd < 0 && errno == ENOENT);
	if (fd >= 0 && is_ours(fd))
		return ucg_steal_fd(&fd);
	if (is_made)
		rmdir(path);
	return -1;
}

static bool try_folder(struct registry *registry, char *path)
{
	if (!path)
		return false;
	registry->folder_fd = open_folder(path);
	if (registry->folder_fd < 0) {
		free(path);
		return false;
	}
	registry->folder = path;
	return true;
}

__attribute__((format(printf, 1, 2))) static char *format(const char *text, ...)
{
	va_list args;
	char *path;
	int length;

	va_start(args, text);
	length = vasprintf(&path, text, args);
	va_end(args);
	return length < 0 ? NULL : path;
}

static bool find_folder(struct registry *registry)
{
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	unsigned uid = geteuid();

	if (runtime && *runtime == '/' &&
	    try_folder(registry, format("%s/ucgroupfs-%u", runtime, uid)))
		return true;
	if (try_folder(registry,
		       uid ? format("/run/user/%u/ucgroupfs", uid) : format("/run/ucgroupfs")))
		return true;
	return try_folder(registry, format("/tmp/ucgroupfs-%u", uid));
}

static void name_of(uint16_t hierarchy, char name[8])
{
	snprintf(name, 8, "%04x", (unsigned)hierarchy);
}

static int take_lock(struct registry *registry, uint16_t hierarchy)
{
	ucg_autoclose int fd = -1;

	name_of(hierarchy, registry->name);
	fd = openat(registry->folder_fd, registry->name,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* Somebody may be asking at this moment whether it is dead: he does not keep the lock. */
	if (flock(fd, LOCK_EX))
		return -errno;
	registry->lock_fd = ucg_steal_fd(&fd);
	return 0;
}

/* The folder stays as long as something is in it. */
static void forget_folder(struct registry *registry)
{
	if (registry->folder)
		rmdir(registry->folder);
	ucg_closep(&registry->folder_fd);
	free(registry->folder);
	*registry = (struct registry){.folder_fd = -1, .lock_fd = -1};
}

int registry_enter(struct registry *registry, uint16_t *hierarchyp)
{
	int error = -ENOENT;

	*registry = (struct registry){.folder_fd = -1, .lock_fd = -1};
	/* Either somebody has the number, or the last one to leave has taken the folder along. */
	for (unsigned i = 0; i < TRIES && (error == -EEXIST || error == -ENOENT); i++) {
		if (error == -ENOENT) {
			forget_folder(registry);
			find_folder(registry);
		}
		if (getrandom(hierarchyp, sizeof(*hierarchyp), 0) != sizeof(*hierarchyp))
			return -errno;
		error = registry->folder_fd < 0 ? 0 : take_lock(registry, *hierarchyp);
	}
	if (error)
		forget_folder(registry);
	return 0;
}

bool registry_is_dead(const struct registry *registry, uint16_t hierarchy)
{
	ucg_autoclose int fd = -1;
	char name[8];

	if (registry->folder_fd < 0)
		return false;
	name_of(hierarchy, name);
	fd = openat(registry->folder_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && is_ours(fd) && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

void registry_leave(struct registry *registry, bool clean)
{
	/* What can't be removed says that we are dead, and so we are. */
	if (registry->lock_fd >= 0 && clean)
		unlinkat(registry->folder_fd, registry->name, 0);
	ucg_closep(&registry->lock_fd);
	forget_folder(registry);
}
