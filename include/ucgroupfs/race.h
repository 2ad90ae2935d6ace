/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_RACE_H
#define UCGROUPFS_RACE_H

/*
 * What the race detector must be told of grace periods, because liburcu does so only from 0.15 on.
 * Nothing of this is there in other builds.  A reader that is through releases one fictitious lock,
 * the callback that frees a node acquires it: so an access that was not over then is still found.
 */
#if defined(__has_feature)
#define UCG_HAS_FEATURE(feature) __has_feature(feature)
#else
#define UCG_HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_THREAD__) || UCG_HAS_FEATURE(thread_sanitizer)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define UCG_RACE_ACQUIRE(address) __tsan_acquire((void *)(address))
#define UCG_RACE_RELEASE(address) __tsan_release((void *)(address))
#else
#define UCG_RACE_ACQUIRE(address) ((void)(address))
#define UCG_RACE_RELEASE(address) ((void)(address))
#endif

#include <urcu/urcu-memb.h>

/* The lock: an address that all of core agrees on. */
#define UCG_RACE_GRACE ((const void *)&urcu_memb_flavor)

/* The last access of a read section was made. */
static inline void ucg_reader_is_done(void)
{
	UCG_RACE_RELEASE(UCG_RACE_GRACE);
}

/* Frees by @function after a grace period, which begins with ucg_grace_is_over(). */
static inline void ucg_free_after_grace(struct rcu_head *head, void (*function)(struct rcu_head *))
{
	UCG_RACE_RELEASE(head);
	urcu_memb_call_rcu(head, function);
}

static inline void ucg_grace_is_over(struct rcu_head *head)
{
	UCG_RACE_ACQUIRE(head);
	UCG_RACE_ACQUIRE(UCG_RACE_GRACE);
}

#endif
