/* SPDX-License-Identifier: MIT */
#include "bell.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

/* The words to wait for, and the one to wait for where it can be one only. */
struct words {
	struct futex_waitv word[UCG_SPAWN_SLOTS + 1];
	unsigned count;
	unsigned first;
};

static void add_word(struct words *words, const _Atomic uint32_t *value, uint32_t expected,
		     uint32_t flags)
{
	words->word[words->count++] = (struct futex_waitv){
		.val = expected, .uaddr = (uintptr_t)value, .flags = FUTEX_32 | flags};
}

static void add_children(struct words *words, const struct ucg_spawn *spawn)
{
	uint64_t first_id = UINT64_MAX;

	for (size_t i = 0; i < UCG_SPAWN_SLOTS; i++) {
		if (!spawn[i].record)
			continue;
		if (spawn[i].record->id < first_id) {
			first_id = spawn[i].record->id;
			words->first = words->count;
		}
		add_word(words, &spawn[i].running, 1, 0);
	}
}

/* Woken, another value already, interrupted: in each case the caller looks again. */
static void wait_for_one(const struct futex_waitv *word)
{
	int operation = FUTEX_WAIT;

	if (word->flags & FUTEX_PRIVATE_FLAG)
		operation |= FUTEX_PRIVATE_FLAG;
	syscall(SYS_futex, (uintptr_t)word->uaddr, operation, (uint32_t)word->val, NULL, NULL, 0);
}

static void wait_for_any(struct ucg_bell *bell, struct words *words)
{
	if (words->count > 1 && !bell->no_waitv) {
		if (syscall(SYS_futex_waitv, words->word, words->count, 0, NULL, CLOCK_MONOTONIC) >=
		    0)
			return;
		/* A filter of system calls that has not heard of this one says EPERM. */
		if (errno != ENOSYS && errno != EPERM)
			return;
		bell->no_waitv = true;
	}
	wait_for_one(&words->word[words->first]);
}

void ucg_bell_ring(struct ucg_bell *bell)
{
	atomic_fetch_add(&bell->count, 1);
	/* Can't fail: the word is ours and aligned. */
	syscall(SYS_futex, &bell->count, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

void ucg_bell_wait(struct ucg_bell *bell, uint32_t seen, const struct ucg_spawn *spawn)
{
	struct words words = {.count = 0};

	add_children(&words, spawn);
	add_word(&words, &bell->count, seen, FUTEX_PRIVATE_FLAG);
	wait_for_any(bell, &words);
}

void ucg_bell_wait_spawn(struct ucg_bell *bell, const struct ucg_spawn *spawn)
{
	struct words words = {.count = 0};

	add_children(&words, spawn);
	if (words.count)
		wait_for_any(bell, &words);
}

bool ucg_bell_wait_until(struct ucg_bell *bell, uint32_t seen, uint64_t deadline_ns)
{
	struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
				    .tv_nsec = (long)(deadline_ns % NS_PER_S)};

	/* The clock of this operation is CLOCK_MONOTONIC, its time absolute. */
	return !syscall(SYS_futex, &bell->count, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen,
			&deadline, NULL, FUTEX_BITSET_MATCH_ANY) ||
	       errno != ETIMEDOUT;
}
