/* SPDX-License-Identifier: MIT */
#include "limit.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>

#include "pidfd.h"
#include "proc.h"
#include "ucgroupfs/raw.h"
#include "ucgroupfs/scope.h"

/* For a child that makes three system calls. */
#define PATIENCE_MS 100

struct errand {
	struct proc_status owner; /* of the process */
	pid_t pid;
	__rlimit_resource_t resource;
	const struct rlimit *new;
	struct rlimit *old;
	long result; /* 0; -errno */
};

UCG_CHILD_CODE static int run(void *argument)
{
	struct errand *errand = argument;
	long uid = errand->owner.uid.real, gid = errand->owner.gid.real, result;

	result = ucg_raw_syscall(SYS_setresgid, gid, gid, gid, 0);
	if (!result)
		result = ucg_raw_syscall(SYS_setresuid, uid, uid, uid, 0);
	if (!result)
		result = ucg_raw_syscall(SYS_prlimit64, errand->pid, errand->resource,
					 (long)errand->new, (long)errand->old);
	errand->result = result;
	ucg_raw_syscall(SYS_exit, 0, 0, 0, 0);
	return 0;
}

static void await(int pidfd)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};
	int ready;

	do
		ready = poll(&end, 1, PATIENCE_MS);
	while (ready < 0 && errno == EINTR);
	/* Fails only if it has ended since. */
	if (ready == 0)
		pidfd_kill(pidfd, SIGKILL);
	pidfd_reap(pidfd);
}

/*
 * The child shares our memory, which its new user can't get at through it: with the change of its
 * effective user id the kernel makes that memory undumpable, so nobody without CAP_SYS_PTRACE may
 * trace any process that has it.
 */
static int send_child(struct errand *errand)
{
	_Alignas(16) char stack[4096];
	ucg_autoclose int pidfd = -1;

	if (ucg_clone(run, stack + sizeof(stack),
		      CLONE_VM | CLONE_FILES | CLONE_PIDFD | UCG_SPAWN_FLAGS | SIGCHLD, errand,
		      &pidfd) < 0)
		return -errno;
	await(pidfd);
	return (int)errand->result;
}

static bool is_one(const struct proc_ids *ids)
{
	return ids->real == ids->effective && ids->real == ids->saved;
}

int limit_access(pid_t pid, __rlimit_resource_t resource, const struct rlimit *new,
		 struct rlimit *old)
{
	struct errand errand = {
		.pid = pid,
		.resource = resource,
		.new = new,
		.old = old,
		.result = -EPERM, /* if it is killed before it can tell */
	};
	int error;

	if (prlimit(pid, resource, new, old) == 0)
		return 0;
	if (errno != EPERM || geteuid() != 0)
		return -errno;
	error = proc_read_status(pid, &errand.owner);
	if (error)
		return error;
	if (!is_one(&errand.owner.uid) || !is_one(&errand.owner.gid))
		return -EPERM;
	return send_child(&errand);
}
