/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>

/*
 * What can't be made or deleted, with the kernel's errno for it (kernel behaviour §1.4).  What is
 * not refused here has no callback at all: libfuse answers ENOSYS, the kernel turns that into its
 * own answer (fsync of a file and flush: success, fallocate: EOPNOTSUPP, ioctl: ENOTTY, seeking
 * data: ENXIO) and asks no more.
 */

void fs_refuse_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)fi;
	fuse_reply_err(req, EACCES);
}

void fs_refuse_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)parent;
	(void)name;
	(void)rdev;
	fuse_reply_err(req, S_ISREG(mode) ? EACCES : EPERM);
}

void fs_refuse_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	(void)parent;
	(void)name;
	fuse_reply_err(req, EPERM);
}

void fs_refuse_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	(void)ino;
	(void)new_parent;
	(void)new_name;
	fuse_reply_err(req, EPERM);
}

void fs_refuse_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	fuse_reply_err(req, EPERM);
}

/* The kernel's directories know no fsync(2), unlike its control files. */
void fs_refuse_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	(void)fi;
	fuse_reply_err(req, EINVAL);
}
