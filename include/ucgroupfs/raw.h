/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_RAW_H
#define UCGROUPFS_RAW_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * System calls for a child that shares our memory (CLONE_VM).
 *
 * Having no CLONE_SETTLS, it also shares the thread-local storage of the thread that made it, which
 * goes on running beside it.  libc's wrappers store errno there, so child and thread would
 * overwrite each other's.  Therefore:
 *
 * 1. The child makes its calls through ucg_raw_syscall() alone, which returns -errno and touches no
 *    memory but what the call is given.  It calls no function of libc.
 * 2. The stack protector only reads thread-local storage.  Sanitizers would write theirs, so
 *    whatever the child runs is UCG_CHILD_CODE.
 * 3. Where ucg_raw_syscall() is not written for the processor it is syscall(2) of libc, and
 *    CLONE_VFORK stops the thread until the child is through: nobody runs beside it, and errno is
 *    dead in the thread across its clone().
 */

#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define UCG_CHILD_CODE __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef UCG_CHILD_CODE
#define UCG_CHILD_CODE __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

/*
 * libc's clone().  The thread sanitizer puts a function of its own in the place of that name, which
 * takes every child for that of a fork; libc exports it under a second one.
 */
#if defined(__SANITIZE_THREAD__)
int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);
#define ucg_clone __clone
#else
#define ucg_clone clone
#endif

/* As the kernel's rt_sig* calls want to be told. */
#define UCG_RAW_SIGSET_SIZE ((_NSIG - 1) / 8)

#if defined(__x86_64__) && defined(__LP64__) && !defined(UCG_SPAWN_PORTABLE)

#define UCG_SPAWN_FLAGS 0

UCG_CHILD_CODE static inline long ucg_raw_syscall(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__) && !defined(UCG_SPAWN_PORTABLE)

#define UCG_SPAWN_FLAGS 0

UCG_CHILD_CODE static inline long ucg_raw_syscall(long number, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory", "cc");
	return x0;
}

#else

#define UCG_SPAWN_FLAGS CLONE_VFORK

UCG_CHILD_CODE static inline long ucg_raw_syscall(long number, long a, long b, long c, long d)
{
	long result = syscall(number, a, b, c, d);

	return result == -1 ? -errno : result;
}

#endif

#endif
