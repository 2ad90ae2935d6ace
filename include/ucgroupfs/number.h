/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_NUMBER_H
#define UCGROUPFS_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The parsers of what is written to control files, with the kernel's strictness.  @text need not be
 * NUL-terminated; bytes after the first NUL have been cut off by the caller.
 */

/* A pid: white space stripped on both ends, then kstrtoint(…, 0) and not negative.
 * Return: 0; -EINVAL (also for what does not fit).  Source: kernel behaviour §2.3. */
int ucg_parse_pid(const char *text, size_t length, pid_t *pidp);

/* An integer: white space stripped on both ends, then kstrtoint(…, 0).
 * Return: 0; -EINVAL; -ERANGE.  Source: kernel cgroup_kill_write(). */
int ucg_parse_int(const char *text, size_t length, int *valuep);

/* A flag: kstrtoull(…, 0); any nonzero value is true.
 * Return: 0; -EINVAL; -ERANGE.  Source: kernel behaviour §2.4. */
int ucg_parse_flag(const char *text, size_t length, bool *valuep);

/* The same as by "%d" of Linux 2.6.24: white space skipped, a '-', decimal digits, and the rest
 * does not matter; modulo 2^32.  Return: 0; -EIO: no number; -ESRCH: it is negative, as no pid is.
 * Source: kernel behaviour §9. */
int ucg_scan_pid(const char *text, size_t length, pid_t *pidp);

/* The same as by simple_strtoul() of Linux 2.6.24: decimal digits at the beginning, modulo 2^64;
 * none are 0.  Source: kernel behaviour §9. */
bool ucg_scan_flag(const char *text, size_t length);

/* White space stripped on both ends, as the kernel's strstrip() sees it (also byte 0xA0). */
void ucg_strip(const char **textp, size_t *lengthp);

#endif
