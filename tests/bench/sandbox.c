/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ucgroupfs/scope.h"

#define COPIED_MAX ((size_t)1 << 30)
#define PATIENCE_MS 5000

/* ---- making ---- */

static void path_in(const struct sandbox *sandbox, int id, const char *name, char *path,
		    size_t size)
{
	CHECK(snprintf(path, size, "%s/%s/%s", sandbox->folder, side_names[id], name) < (int)size,
	      "path of the folder too long");
}

static void give_to_user(const struct sandbox *sandbox, const char *path)
{
	if (sandbox->root)
		CHECK(!chown(path, sandbox->uid, sandbox->gid), "chown %s", path);
}

static void make_folder(const struct sandbox *sandbox, const char *path)
{
	CHECK(!mkdir(path, 0755), "mkdir %s", path);
	give_to_user(sandbox, path);
}

static void copy_program(const char *from, const char *to)
{
	ucg_autoclose int in = open(from, O_RDONLY | O_CLOEXEC);
	ucg_autoclose int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	ssize_t length;

	CHECK(in >= 0, "open %s", from);
	CHECK(out >= 0, "make %s", to);
	while ((length = sendfile(out, in, NULL, COPIED_MAX)) > 0)
		;
	CHECK(!length, "copy %s", from);
	CHECK(!fchmod(out, 0755), "chmod %s", to);
}

static void make_side(const struct sandbox *sandbox, int id, const struct programs *programs)
{
	char path[256];

	path_in(sandbox, id, "", path, sizeof(path));
	make_folder(sandbox, path);
	path_in(sandbox, id, "mnt", path, sizeof(path));
	make_folder(sandbox, path);
	path_in(sandbox, id, "again", path, sizeof(path));
	make_folder(sandbox, path);
	path_in(sandbox, id, "server", path, sizeof(path));
	if (id != KERNEL)
		copy_program(id == OURS ? programs->daemon : programs->empty_fs, path);
	if (id == BASE)
		return;
	path_in(sandbox, id, "agent", path, sizeof(path));
	copy_program(programs->agent, path);
	path_in(sandbox, id, "times", path, sizeof(path));
	CHECK(!mkfifo(path, 0600), "mkfifo %s", path);
	give_to_user(sandbox, path);
}

/* The ordinary user that root becomes: who called sudo, else nobody.  fusermount3 wants a passwd
 * entry. */
static void choose_user(struct sandbox *sandbox)
{
	const char *caller = getenv("SUDO_UID");
	const struct passwd *entry = NULL;

	sandbox->root = geteuid() == 0;
	sandbox->uid = getuid();
	sandbox->gid = getgid();
	if (!sandbox->root)
		return;
	if (caller && atoi(caller) > 0)
		entry = getpwuid((uid_t)atoi(caller));
	if (!entry)
		entry = getpwnam("nobody");
	errno = 0;
	CHECK(entry, "no ordinary user: neither SUDO_UID nor 'nobody' has a passwd entry");
	sandbox->uid = entry->pw_uid;
	sandbox->gid = entry->pw_gid;
}

static void make_namespace(void)
{
	CHECK(!unshare(CLONE_NEWNS), "private mount namespace");
	CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
}

/* Where /dev/fuse is root's alone, a node for everybody is bound over it, in our namespace. */
static void open_fuse_device(const struct sandbox *sandbox)
{
	struct stat device;
	char path[256];

	CHECK(!stat("/dev/fuse", &device), "stat /dev/fuse");
	if ((device.st_mode & 0006) == 0006)
		return;
	/* Not in the folder itself: that may lie on a filesystem without devices. */
	CHECK(snprintf(path, sizeof(path), "%s/dev", sandbox->folder) < (int)sizeof(path),
	      "path too long");
	CHECK(!mkdir(path, 0755), "mkdir %s", path);
	CHECK(!mount("ucg-bench", path, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755"),
	      "mount tmpfs on %s", path);
	strcat(path, "/fuse");
	CHECK(!mknod(path, S_IFCHR | 0666, device.st_rdev), "mknod %s", path);
	CHECK(!chmod(path, 0666), "chmod %s", path);
	CHECK(!mount(path, "/dev/fuse", NULL, MS_BIND, NULL), "bind over /dev/fuse");
}

static void give_kernel_files(const struct sandbox *sandbox, const char *path)
{
	static const char *const names[] = {".", "tasks", "cgroup.procs", "notify_on_release"};
	char file[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]);
		give_to_user(sandbox, file);
	}
	CHECK(!chmod(path, 0755), "chmod %s", path);
}

/* Its agents run in the first mount namespace, where our folder is the same. */
static void mount_kernel(struct sandbox *sandbox)
{
	char path[256], options[512];

	if (!sandbox->root) {
		sandbox->no_kernel = "only root may mount the kernel's cgroup v1";
		return;
	}
	path_in(sandbox, KERNEL, "mnt", path, sizeof(path));
	snprintf(sandbox->kernel_name, sizeof(sandbox->kernel_name), "ucg-bench-%d", getpid());
	snprintf(options, sizeof(options), "none,name=%s,release_agent=%s/kernel/agent",
		 sandbox->kernel_name, sandbox->folder);
	if (mount("ucg-bench", path, "cgroup", 0, options)) {
		sandbox->no_kernel = "mounting the kernel's cgroup v1 failed";
		sandbox->kernel_name[0] = '\0';
		return;
	}
	give_kernel_files(sandbox, path);
}

void sandbox_make(struct sandbox *sandbox, const struct programs *programs)
{
	choose_user(sandbox);
	strcpy(sandbox->folder, "/tmp/ucg-bench-XXXXXX");
	CHECK(mkdtemp(sandbox->folder), "mkdtemp");
	CHECK(!chmod(sandbox->folder, 0755), "chmod of the folder");
	if (sandbox->root) {
		make_namespace();
		open_fuse_device(sandbox);
	}
	for (int id = 0; id < SIDES; id++)
		make_side(sandbox, id, programs);
	mount_kernel(sandbox);
}

void sandbox_drop_privilege(const struct sandbox *sandbox)
{
	if (!sandbox->root)
		return;
	CHECK(!setgroups(0, NULL), "setgroups");
	CHECK(!setresgid(sandbox->gid, sandbox->gid, sandbox->gid), "setresgid");
	CHECK(!setresuid(sandbox->uid, sandbox->uid, sandbox->uid), "setresuid");
	/* As a process that was started by this user is. */
	CHECK(!prctl(PR_SET_DUMPABLE, 1), "prctl");
}

/* ---- removing ---- */

static void signal_children(int number)
{
	FILE *file = fopen("/proc/thread-self/children", "re");
	pid_t pid;

	while (file && fscanf(file, "%d", &pid) == 1)
		kill(pid, number); /* ESRCH can't be: nobody else waits for our children */
	if (file)
		fclose(file);
}

/* Return: true: there is no child any more.  We are a subreaper, so no descendant either. */
static bool reap_children(int patience_ms)
{
	uint64_t start = now_ns();

	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0 && errno == ECHILD)
			return true;
		if (pid > 0)
			continue;
		if (elapsed_us(start) > patience_ms * 1000.0)
			return false;
		poll(NULL, 0, 2); /* children of ours that die hand us theirs: no event says when */
	}
}

/* In generations: the children of one that has ended are ours then. */
static bool end_children(void)
{
	for (int generation = 0; generation < 3; generation++) {
		signal_children(SIGTERM);
		if (reap_children(PATIENCE_MS / 3))
			return true;
	}
	for (int generation = 0; generation < 10; generation++) {
		signal_children(SIGKILL);
		if (reap_children(PATIENCE_MS / 10))
			return true;
	}
	return false;
}

static int remove_group(const char *path, const struct stat *attributes, int type, struct FTW *ftw)
{
	(void)attributes;
	/* The mount's root is the kernel's to remove; files go with their group. */
	if (type == FTW_DP && ftw->level)
		return rmdir(path) && errno != ENOENT;
	return 0;
}

static bool retry(bool (*attempt)(const char *path, const char *options), const char *path,
		  const char *options)
{
	uint64_t start = now_ns();

	while (!attempt(path, options)) {
		if (elapsed_us(start) > PATIENCE_MS * 1000.0)
			return false;
		poll(NULL, 0, 5); /* the kernel lets go of dead tasks and groups in its own time */
	}
	return true;
}

static bool remove_groups(const char *path, const char *options)
{
	(void)options;
	return !nftw(path, remove_group, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static bool can_remount(const char *path, const char *options)
{
	return !mount("ucg-bench", path, "cgroup", MS_REMOUNT, options);
}

/* A hierarchy that is unmounted while groups are still being freed lives on for ever: a remount is
 * refused until they are gone. */
static bool remove_kernel(const struct sandbox *sandbox)
{
	char path[256], options[512];
	bool clean;

	if (!sandbox->kernel_name[0])
		return true;
	path_in(sandbox, KERNEL, "mnt", path, sizeof(path));
	snprintf(options, sizeof(options), "none,name=%s,release_agent=%s/kernel/agent",
		 sandbox->kernel_name, sandbox->folder);
	clean = retry(remove_groups, path, NULL) && retry(can_remount, path, options);
	return !umount2(path, MNT_DETACH) && clean;
}

static void unmount_one(const struct sandbox *sandbox, const char *path)
{
	pid_t pid;

	if (sandbox->root) {
		umount2(path, MNT_DETACH); /* EINVAL: it is unmounted already */
		return;
	}
	pid = fork();
	if (!pid) {
		execlp("fusermount3", "fusermount3", "-u", "-z", "-q", path, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void unmount_servers(const struct sandbox *sandbox)
{
	char path[256];

	for (int id = 0; id < SIDES; id++) {
		if (id == KERNEL)
			continue;
		path_in(sandbox, id, "mnt", path, sizeof(path));
		unmount_one(sandbox, path);
		path_in(sandbox, id, "again", path, sizeof(path));
		unmount_one(sandbox, path);
	}
}

static int remove_entry(const char *path, const struct stat *attributes, int type, struct FTW *ftw)
{
	(void)attributes, (void)type, (void)ftw;
	return remove(path);
}

bool sandbox_remove(const struct sandbox *sandbox)
{
	char path[256];
	bool clean = end_children();

	unmount_servers(sandbox);
	clean &= remove_kernel(sandbox);
	if (sandbox->root && umount2("/dev/fuse", MNT_DETACH) == 0) {
		snprintf(path, sizeof(path), "%s/dev", sandbox->folder);
		clean &= !umount2(path, MNT_DETACH);
	}
	clean &= !nftw(sandbox->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (!clean)
		fprintf(stderr, "bench: something is left of %s or of hierarchy %s\n",
			sandbox->folder, sandbox->kernel_name);
	return clean;
}
