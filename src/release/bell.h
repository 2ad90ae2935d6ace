/* SPDX-License-Identifier: MIT */
#ifndef UCG_RELEASE_BELL_H
#define UCG_RELEASE_BELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spawn.h"

/*
 * What the agent thread sleeps on: a counter that anybody may ring, and the children that it has
 * started and not yet looked at since they were through (their record is not NULL).  Neither a ring
 * nor a child that comes between the look for work and the wait is missed: the kernel compares the
 * words before it puts the thread to sleep.
 *
 * Before Linux 5.16 a call can wait for one word only.  There, while children run, the thread waits
 * for the one started first alone: exec is short, and then it listens to the bell again.
 */
struct ucg_bell {
	_Atomic uint32_t count;
	bool no_waitv; /* agent thread: this kernel has no futex_waitv() */
};

/* Context: any thread. */
void ucg_bell_ring(struct ucg_bell *bell);

static inline uint32_t ucg_bell_count(const struct ucg_bell *bell)
{
	return atomic_load(&bell->count);
}

/**
 * ucg_bell_wait() - sleep until the bell rings or a child is through
 * @seen:  the bell's count when the caller last looked for work
 * @spawn: the children, UCG_SPAWN_SLOTS of them
 * May return early.  Context: agent thread.
 */
void ucg_bell_wait(struct ucg_bell *bell, uint32_t seen, const struct ucg_spawn *spawn);

/* Sleep until a child is through, deaf to the bell; not at all if there is none.  May return early.
 */
void ucg_bell_wait_spawn(struct ucg_bell *bell, const struct ucg_spawn *spawn);

/* Sleep until the bell rings, but no longer than to @deadline_ns of CLOCK_MONOTONIC.
 * Return: false: the time is over. */
bool ucg_bell_wait_until(struct ucg_bell *bell, uint32_t seen, uint64_t deadline_ns);

#endif
