/* SPDX-License-Identifier: MIT */
#ifndef UCG_TEST_UNMARKABLE_H
#define UCG_TEST_UNMARKABLE_H

#include "tracked.h"

#include <linux/capability.h>

#include "marker.h"
#include "track_internal.h"

/* Of nobody else. */
#define USER 61234
#define OTHER 61235

static inline void need_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("only root can make processes of other users\n");
	skip();
}

/* So processes of other users are as out of reach as to anybody else, and pids come in order. */
static inline int give_up_capabilities(void **state)
{
	static const unsigned gone[] = {CAP_SYS_RESOURCE, CAP_SYS_NICE, CAP_SYS_ADMIN,
					CAP_CHECKPOINT_RESTORE};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	register_thread(state);
	if (syscall(SYS_capget, &header, data))
		return -1;
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		data[gone[i] / 32].effective &= ~(1u << gone[i] % 32);
		data[gone[i] / 32].permitted &= ~(1u << gone[i] % 32);
	}
	return (int)syscall(SYS_capset, &header, data);
}

static inline void become(uid_t real, uid_t effective, uid_t saved)
{
	if (setresgid(USER, USER, USER) || setresuid(real, effective, saved))
		_exit(1);
}

/* As a setuid program is while it runs: no mark can be written on it. */
static inline void be_unmarkable(struct nursery *nursery, int children)
{
	become(USER, OTHER, OTHER);
	tell(nursery, getpid());
	fork_by_gate(nursery, children);
}

static inline pid_t unmarkable(struct tracked *tracked, int children)
{
	pid_t pid = nursery_spawn(&tracked->nursery, be_unmarkable, children);

	await_report(&tracked->nursery);
	return pid;
}

static inline struct roster *roster(struct tracked *tracked)
{
	return &track_of(tracked->tracker)->roster;
}

static inline void check_state(struct tracked *tracked, pid_t pid, enum mark_state state)
{
	struct member *member = roster_member(roster(tracked), pid);

	if (!member)
		fail_msg("process %d is no member", pid);
	if (member->state != state)
		fail_msg("process %d: expected state %d, got %d", pid, (int)state,
			 (int)member->state);
}

#endif
