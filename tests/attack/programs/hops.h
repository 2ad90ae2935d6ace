/* SPDX-License-Identifier: MIT */
#ifndef ATTACK_HOPS_H
#define ATTACK_HOPS_H

#include "chain.h"

/* Hops: each returns in the next process of the chain, or goes on there in a program, and ends the
 * process that called it. */

/* hops.c: in every way that there is */
void hop_fork(struct chain *chain);
void hop_twins(struct chain *chain);
void hop_sibling(struct chain *chain);
void hop_session(struct chain *chain);
void hop_daemon(struct chain *chain);
void hop_spawn(struct chain *chain);
void hop_vfork(struct chain *chain);
void hop_leader(struct chain *chain);
void hop_thread_exec(struct chain *chain);
void hop_set_tid(struct chain *chain);
void hop_mixed(struct chain *chain);

/* hops_failing.c: after forks that fail */
void hop_refused(struct chain *chain);
void hop_burn(struct chain *chain);

/* hops_halted.c: while somebody holds the process, or the fork */
void hop_traced(struct chain *chain);
void hop_held_unborn(struct chain *chain);
void hop_held_born(struct chain *chain);

/* hops_wiped.c: by processes that change what marks them */
void hop_limits(struct chain *chain);
void hop_wiped(struct chain *chain);
void hop_lowered(struct chain *chain);
void hop_ionice(struct chain *chain);
void hop_copy(struct chain *chain);

/* hops_users.c: through programs that change who the process is */
void hop_setgid(struct chain *chain);
void hop_setuid(struct chain *chain);
void hop_setuid_root(struct chain *chain);
void hop_setuid_other(struct chain *chain);
void hop_su(struct chain *chain);
void hop_su_root(struct chain *chain);
void hop_sudo(struct chain *chain);
void hop_runuser(struct chain *chain);

#endif
