/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* What we want of the kernel and of libfuse, whose defaults differ by version. */
static void init(void *userdata, struct fuse_conn_info *conn)
{
	struct ucg_fs *fs = userdata;

	/* One writev(2) is one command: the larger the better, up to what a slot holds. */
	if (conn->max_write > FS_MAX_WRITE)
		conn->max_write = FS_MAX_WRITE;
	/* O_TRUNC comes with the open, where it only sets times. */
	conn->want |= conn->capable & FUSE_CAP_ATOMIC_O_TRUNC;
	/* The kernel itself clears setuid and setgid bits (chown), as a SETATTR of the mode.
	 * Requests are read, not spliced: they must lie whole in the slot. */
	conn->want &= ~(unsigned)(FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_SPLICE_READ |
				  FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
	fs->initialised = true;
}

static const struct fuse_lowlevel_ops operations = {
	.init = init,
	.lookup = fs_lookup,
	.forget = fs_forget,
	.forget_multi = fs_forget_multi,
	.getattr = fs_getattr,
	.setattr = fs_setattr,
	.statfs = fs_statfs,
	.mkdir = fs_mkdir,
	.rmdir = fs_rmdir,
	.rename = fs_rename,
	.open = fs_open,
	.read = fs_read,
	.write = fs_write,
	.release = fs_close,
	.poll = fs_poll,
	.opendir = fs_open_dir,
	.readdir = fs_read_dir,
	.releasedir = fs_close,
	.setxattr = fs_set_xattr,
	.getxattr = fs_get_xattr,
	.listxattr = fs_list_xattr,
	.removexattr = fs_remove_xattr,
	.create = fs_refuse_create,
	.mknod = fs_refuse_mknod,
	.symlink = fs_refuse_symlink,
	.link = fs_refuse_link,
	.unlink = fs_refuse_unlink,
	.fsyncdir = fs_refuse_fsyncdir,
};

static struct fuse_session *session_new(struct ucg_fs *fs)
{
	char name[] = "ucgroupfs", debug[] = "-d";
	char *argv[] = {name, debug, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(fs->config.debug ? 2 : 1, argv);
	struct fuse_session *session = fuse_session_new(&args, &operations, sizeof(operations), fs);

	/* Parsing copied them if there was an option. */
	fuse_opt_free_args(&args);
	return session;
}

/* Reads must not block: one descriptor of several is served in turn.  The keeper's copy shares the
 * flag, and never reads. */
static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* From a success on, the descriptor belongs to the session, which closes it when it is destroyed;
 * a session on /dev/fd/N knows no mount point and so never unmounts. */
static int adopt_device(struct ucg_fs *fs)
{
	char path[sizeof("/dev/fd/") + 3 * sizeof(int)];

	snprintf(path, sizeof(path), "/dev/fd/%d", fs->config.fuse_fd);
	return fuse_session_mount(fs->session, path) ? -EINVAL : 0;
}

static int set_up(struct ucg_fs *fs)
{
	int r = set_nonblocking(fs->config.fuse_fd);

	if (!r)
		r = fs_slots_init(&fs->slots);
	if (!r)
		r = fs_handles_init(&fs->handles, fs->config.hierarchy);
	if (!r)
		r = fs_owed_init(fs);
	if (r)
		return r;
	fs_spin_init(&fs->spin);
	fs->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (fs->epoll_fd < 0)
		return -errno;
	fs->session = session_new(fs);
	if (!fs->session)
		return -ENOMEM;
	r = fs_watch_device(fs);
	/* What can't be waited for is not /dev/fuse. */
	if (r)
		return r == -EPERM ? -EINVAL : r;
	return adopt_device(fs);
}

static void connect_journal(struct ucg_fs *fs)
{
	fs->config.journal->applier[UCG_RECORD_HANDLE] = (struct ucg_applier){
		.apply = fs_handles_apply,
		.context = &fs->handles,
	};
}

int ucg_fs_new(const struct ucg_fs_config *config, struct ucg_fs **fsp)
{
	struct ucg_fs *fs = malloc(sizeof(*fs));
	int r;

	if (!fs)
		return -ENOMEM;
	*fs = (struct ucg_fs){.config = *config, .epoll_fd = -1};
	CDS_INIT_LIST_HEAD(&fs->watches);
	CDS_INIT_LIST_HEAD(&fs->slots.free);
	CDS_INIT_LIST_HEAD(&fs->slots.parked);
	r = set_up(fs);
	if (r) {
		ucg_fs_free(fs);
		return r;
	}
	connect_journal(fs);
	*fsp = fs;
	return 0;
}

struct ucg_fs *ucg_fs_free(struct ucg_fs *fs)
{
	fs_unwatch_all(fs);
	if (fs->epoll_fd >= 0)
		close(fs->epoll_fd);
	fs_handles_deinit(&fs->handles);
	fs_slots_deinit(&fs->slots);
	if (fs->session)
		fuse_session_destroy(fs->session);
	free(fs->owed);
	free(fs);
	return NULL;
}
