/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CONTROL_H
#define UCGROUPFS_CONTROL_H

#include "ucgroupfs/attach.h"
#include "ucgroupfs/hierarchy.h"
#include "ucgroupfs/log.h"
#include "ucgroupfs/text.h"
#include "ucgroupfs/tracker.h"

/*
 * The table of control files is the whole user interface: readdir, lookup, getattr, open, read,
 * write and poll derive from its rows.  Adding a file touches one row and its two functions.  A
 * row's number is part of inode numbers: new rows go to the end.
 *
 * Context of all functions: serving thread.  Those that settle may deliver the tracker's events, in
 * which other changes are committed, before they return or fill @change.
 */

enum ucg_presence {
	UCG_IN_ROOT = 1u << 0,
	UCG_IN_CHILD = 1u << 1,
	UCG_EVERYWHERE = UCG_IN_ROOT | UCG_IN_CHILD,
};

/* The surroundings of one read or write. */
struct ucg_control_call {
	struct ucg_hierarchy *hierarchy;
	struct ucg_tracker *tracker;
	struct ucg_log *log;
	struct ucg_group *group;
	struct ucg_opener opener; /* who opened the file */
	struct ucg_opener writer; /* who writes now */
	pid_t caller;		  /* thread that reads or writes now; 0: not of our pid namespace */
	uint64_t since_ns;	  /* when the request arrived; see tracker.h */
};

/* What wakes those who poll(2) a file, with POLLPRI: a change of its content. */
enum ucg_news { UCG_NEWS_NONE, UCG_NEWS_POPULATED, UCG_NEWS_TRACKING };

struct ucg_control_file {
	const char *name;
	mode_t mode;
	unsigned presence; /* enum ucg_presence */
	bool is_original;  /* Linux 2.6.24 has it */
	size_t max_write;  /* bytes; more is E2BIG, and so may be less, by the rules */
	bool is_list;	   /* served line by line up to a page, list handles (design.md §4) */
	enum ucg_news news;
	int (*show)(const struct ucg_control_call *call, struct ucg_text *text);
	int (*store)(const struct ucg_control_call *call, const char *text, size_t length,
		     struct ucg_change *change);
};

extern const struct ucg_control_file ucg_control_files[];
extern const size_t ucg_control_file_count;

/* Is the row present in this group, by the rules of the hierarchy? */
bool ucg_control_is_present(const struct ucg_control_file *file,
			    const struct ucg_hierarchy *hierarchy, const struct ucg_group *group);

/* The mode that the file has as long as nobody changes it. */
mode_t ucg_control_mode(const struct ucg_control_file *file, const struct ucg_hierarchy *hierarchy);

/* Row number by name among those present in @group; -ENOENT. */
int ucg_control_lookup(const struct ucg_hierarchy *hierarchy, const struct ucg_group *group,
		       const char *name, size_t length);

/**
 * ucg_control_read() - the whole text of a control file as of now, settled
 * Return: 0; -ENODEV: the group was removed; -EINPROGRESS; -EINVAL: no show; -ENOMEM.
 */
int ucg_control_read(const struct ucg_control_file *file, const struct ucg_control_call *call,
		     struct ucg_text *text);

/**
 * ucg_control_write() - one command
 * Checks in the kernel's order: -E2BIG, -ENODEV, then parsing; cuts at the first NUL; 0 bytes do
 * nothing, also where there is no store.  On 0 the caller commits @change and answers with the full
 * count; on an error it clears @change.
 * Return: 0; what the file's store returns; -EINVAL: no store.
 * Source: kernel behaviour §2.2, §9.
 */
int ucg_control_write(const struct ucg_control_file *file, const struct ucg_control_call *call,
		      const char *bytes, size_t length, struct ucg_change *change);

#endif
