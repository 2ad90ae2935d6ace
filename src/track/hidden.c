/* SPDX-License-Identifier: MIT */
#include "hidden.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pidfd.h"
#include "ucgroupfs/scope.h"

int hidden_who_by_rights(pid_t pid, struct pidfd_who *who)
{
	ucg_autoclose int pidfd = pidfd_get(pid);
	unsigned uid = getuid(), gid = getgid();
	struct rlimit limit;

	/* A thread that is not the leader has none. */
	if (pidfd < 0 || geteuid() == 0 || prlimit(pid, RLIMIT_LOCKS, NULL, &limit))
		return -ESRCH;
	*who = (struct pidfd_who){
		.tgid = pid,
		.uid = {uid, uid, uid},
		.gid = {gid, gid, gid},
	};
	return 0;
}

static struct proc_ids ids_of(const unsigned *three)
{
	return (struct proc_ids){three[0], three[1], three[2]};
}

/* What the kernel tells of a descriptor of ours it hides from nobody. */
static int read_numbers(int pidfd, unsigned level, unsigned *levelsp, pid_t *numberp)
{
	char path[64], text[1024];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	length = proc_read_file(path, text, sizeof(text));
	if (length < 0)
		return (int)length;
	*levelsp = proc_count_ns_pids(text);
	return *levelsp ? proc_parse_ns_pid(text, level, numberp) : -ESRCH;
}

int hidden_read_status(pid_t tid, unsigned level, struct proc_status *status, pid_t *numberp)
{
	ucg_autoclose int pidfd = pidfd_get_task(tid);
	struct pidfd_who who;
	unsigned levels;
	int error;

	if (pidfd < 0)
		return pidfd_lacks_means(errno) ? -errno : -ESRCH;
	error = pidfd_who(pidfd, &who);
	if (error)
		error = error == -ESRCH ? error : hidden_who_by_rights(tid, &who);
	if (!error)
		error = read_numbers(pidfd, level, &levels, numberp);
	if (error)
		return error;
	*status = (struct proc_status){
		.state = pidfd_is_dead(pidfd) ? 'Z' : 'R',
		.tgid = who.tgid,
		.ppid = who.ppid,
		.uid = ids_of(who.uid),
		.gid = ids_of(who.gid),
		.threads = 1,
		.pid_levels = levels,
		.has_memory = true,
	};
	return 0;
}

bool hidden_process_lives(pid_t tgid)
{
	ucg_autoclose int pidfd = pidfd_get(tgid);

	return pidfd >= 0 && !pidfd_is_dead(pidfd);
}
