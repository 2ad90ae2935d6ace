/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_SCOPE_H
#define UCGROUPFS_SCOPE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Scope-based clean-up, the one style of this program: declare and acquire in one statement, the
 * order of declaration is the order of undoing, never mixed with goto in one function.
 */
#define ucg_cleanup(function) __attribute__((cleanup(function)))

static inline void ucg_freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void ucg_closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void ucg_fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* Memory freed, descriptor closed, at the end of the scope. */
#define ucg_autofree ucg_cleanup(ucg_freep)
#define ucg_autoclose ucg_cleanup(ucg_closep)

/* Hand a value over: the variable loses it, so the scope's end undoes nothing. */
static inline int ucg_steal_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

static inline void *ucg_steal_pointer(void *pointer)
{
	void *value = *(void **)pointer;

	*(void **)pointer = NULL;
	return value;
}

#endif
