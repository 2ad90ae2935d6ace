/* SPDX-License-Identifier: MIT */
#ifndef TRACK_LIMIT_H
#define TRACK_LIMIT_H

#include <sys/resource.h>
#include <sys/types.h>

/**
 * limit_access() - prlimit(2), for root also without CAP_SYS_RESOURCE
 * The kernel asks for that capability, or that the caller's real ids are all six ids of the
 * process.  Root of a container often lacks it, and then sends a child that takes these ids.  What
 * the child does takes microseconds; its new user could stop it, so it is not waited for for ever.
 * @pid: process or thread id
 * @new: NULL: only read
 * Return: 0; -ESRCH; -EPERM; -EINVAL; -EAGAIN, -ENOMEM: no child to be had.
 */
int limit_access(pid_t pid, __rlimit_resource_t resource, const struct rlimit *new,
		 struct rlimit *old);

#endif
