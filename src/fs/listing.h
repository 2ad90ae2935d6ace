/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_FS_LISTING_H
#define UCGROUPFS_FS_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ucgroupfs/hierarchy.h"

/*
 * What readdir gives, in order: `.`, `..`, then control files and groups mixed, by hash of the name
 * (kernel behaviour §1.7).  A position (d_off) is the hash of the entry that comes next, so it
 * means the same in a listing built later.  Names with equal hashes go by group id, and the later
 * of them have its low 31 bits above the hash: a position never names two entries, and a group made
 * meanwhile comes after those that were there.
 */

enum fs_entry_kind { FS_ENTRY_DOT, FS_ENTRY_DOTDOT, FS_ENTRY_CONTROL, FS_ENTRY_GROUP };

struct fs_entry {
	uint32_t hash;
	enum fs_entry_kind kind;
	uint64_t what; /* row of the table of control files, or group id */
};

/* All zero is a listing that has not been built. */
struct fs_listing {
	struct fs_entry *entry;
	size_t count, capacity;
	uint64_t version; /* of the group's children when it was built */
	size_t children;
};

/* The d_off after the last entry. */
#define FS_POSITION_END 2147483647

/* Return: 0; -ENOMEM, and the listing is as before. */
int fs_listing_add(struct fs_listing *listing, enum fs_entry_kind kind, uint32_t hash,
		   uint64_t what);
void fs_listing_sort(struct fs_listing *listing);

/* Everything in @group, replacing what @listing held.  Return: 0; -ENOMEM, as before. */
int fs_listing_build(struct fs_listing *listing, const struct ucg_hierarchy *hierarchy,
		     const struct ucg_group *group);

/**
 * fs_listing_lacks() - may there be entries in @group that @listing does not have?
 * Each mkdir, rmdir and rename counts one up in the version.  If the number of children fell by as
 * much as the version grew, there were only removals, and those are skipped entry by entry: so
 * removing all of a directory while listing it stays linear.
 */
bool fs_listing_lacks(const struct fs_listing *listing, const struct ucg_group *group);

/* Index of the first entry at or after @position. */
size_t fs_listing_find(const struct fs_listing *listing, off_t position);
off_t fs_listing_position(const struct fs_listing *listing, size_t index);

void fs_listing_clear(struct fs_listing *listing);

#endif
