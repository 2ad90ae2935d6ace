/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_RULES_H
#define UCGROUPFS_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Where the first version of the feature (Linux 2.6.24) and the current kernel disagree, the mount
 * option `compat` decides.  A field is one row of their differences, an instance one column; nobody
 * else asks which column it is.
 * Source: kernel behaviour §9.
 */
struct ucg_rules {
	const char *name; /* value of the option */

	uint32_t inherited_flags; /* enum ucg_group_flag: what a new group has from its parent */

	/* release */
	bool removal_withdraws_release; /* a removed group that is due is called for no more */
	bool latest_release_first;	/* of those that are due at once; else in their order */
	bool long_path_is_called;	/* cut to UCG_AGENT_PATH_MAX; else not called for */
	bool empty_agent_is_called;	/* its exec is tried, and fails */

	/* control files */
	bool has_newer_files;	/* besides the original ones */
	mode_t file_mode;	/* of every file; 0: each has its own */
	size_t command_max;	/* bytes of a write; more is E2BIG.  A file may take less */
	bool flag_is_scanned;	/* decimal digits at the beginning, else 0; else strict */
	bool pid_is_scanned;	/* as by "%d"; else strict */
	bool agent_is_stripped; /* of white space; else of a newline that ends the write */

	/* attach */
	bool writer_is_asked; /* for its credentials; else whoever opened the file */
	bool zero_is_allowed; /* to everybody: the writer may move itself; else asked as well */
	bool unmovable_comes_first; /* EINVAL for it, before anybody's credentials count */
	bool dead_is_missing;	    /* ESRCH for a task that has exited; else nothing to do */

	/* the mount option release_agent */
	bool agent_option_may_be_empty;
	size_t agent_option_max; /* bytes; the rest is cut off */
};

extern const struct ucg_rules ucg_rules_current, ucg_rules_2_6_24;

/* All columns, the default first; NULL behind the last. */
extern const struct ucg_rules *const ucg_rules_columns[];

/* The column of that name; NULL: none. */
const struct ucg_rules *ucg_rules_find(const char *name);

#endif
