/* SPDX-License-Identifier: MIT */
#include "helper.h"
#include "line.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "ucgroupfs/scope.h"

#define HELPER "fusermount3"

/* How well one file serves as the helper; the best on the way counts. */
enum fitness {
	HELPER_MISSING,
	HELPER_POWERLESS, /* neither setuid root nor with capabilities of its own */
	HELPER_FOREIGN,	  /* root's, who is nobody in our user namespace */
	HELPER_NOSUID,	  /* on a mount where that has no effect */
	HELPER_FIT,
};

/* Whose is what belongs to somebody without a number in our user namespace; proc(5). */
static uid_t overflow_uid(void)
{
	ucg_cleanup(ucg_fclosep) FILE *file = fopen("/proc/sys/kernel/overflowuid", "re");
	unsigned uid;

	return file && fscanf(file, "%u", &uid) == 1 ? uid : 65534;
}

static enum fitness rate(const char *path)
{
	struct stat attributes;
	struct statvfs filesystem;

	if (stat(path, &attributes) || access(path, X_OK))
		return HELPER_MISSING;
	if (attributes.st_mode & S_ISUID && attributes.st_uid == overflow_uid())
		return HELPER_FOREIGN;
	if (!(attributes.st_mode & S_ISUID && attributes.st_uid == 0) &&
	    getxattr(path, "security.capability", NULL, 0) <= 0)
		return HELPER_POWERLESS;
	if (statvfs(path, &filesystem) == 0 && filesystem.f_flag & ST_NOSUID)
		return HELPER_NOSUID;
	return HELPER_FIT;
}

/* libfuse tries the folder that it was built for first, then PATH. */
static int rate_all(enum fitness *bestp)
{
	const char *path = getenv("PATH");
	ucg_autofree char *folders = NULL;
	char *folder, *rest;

	*bestp = HELPER_MISSING;
	if (asprintf(&folders, "/usr/bin:%s", path ? path : "/bin") < 0) {
		folders = NULL; /* asprintf leaves it undefined */
		return -ENOMEM;
	}
	rest = folders;
	while ((folder = strsep(&rest, ":"))) {
		ucg_autofree char *file = NULL;
		enum fitness fitness;

		if (asprintf(&file, "%s/" HELPER, *folder ? folder : ".") < 0) {
			file = NULL;
			return -ENOMEM;
		}
		fitness = rate(file);
		if (fitness > *bestp)
			*bestp = fitness;
	}
	return 0;
}

static int check_program(char **messagep)
{
	enum fitness best;
	int error = rate_all(&best);

	if (error)
		return error;
	switch (best) {
	case HELPER_MISSING:
		return ucg_complain(messagep, HELPER ": not found in PATH; install it as root: "
						     "apt install fuse3");
	case HELPER_POWERLESS:
		return ucg_complain(messagep, HELPER ": not setuid root; make it so as root: "
						     "chmod 4755 $(command -v " HELPER ")");
	case HELPER_FOREIGN:
		return ucg_complain(messagep,
				    HELPER ": root, whose it is, is nobody in this user namespace, "
					   "so it can't mount; be root there: unshare -r");
	case HELPER_NOSUID:
		return ucg_complain(messagep,
				    HELPER ": on a file system that is mounted nosuid, so "
					   "it can't mount; install it elsewhere");
	case HELPER_FIT:
		break;
	}
	return 0;
}

int ucg_helper_check(uid_t uid, char **messagep)
{
	int error = check_program(messagep);

	if (error)
		return error;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return ucg_complain(messagep, HELPER ": can't mount because no_new_privs is set; "
						     "start from a process without it");
	if (!getpwuid(uid))
		return ucg_complain(messagep,
				    "uid %u: has no entry in the password database, so " HELPER
				    " refuses to mount; add one as root: useradd -u %u NAME",
				    uid, uid);
	return 0;
}
