/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include <errno.h>
#include <stdlib.h>

#include "ucgroupfs/control.h"
#include "ucgroupfs/scope.h"

#include <string.h>

/* Hashes of names are never 0, 1 or INT_MAX. */
#define HASH_DOT 0u
#define HASH_DOTDOT 1u

#define TIE_SHIFT 32
#define TIE_MASK 0x7fffffffu

static uint32_t entry_tie(const struct fs_entry *entry)
{
	return entry->kind == FS_ENTRY_GROUP ? (uint32_t)(entry->what & TIE_MASK) : 0;
}

static int compare(uint32_t hash_a, uint32_t tie_a, uint32_t hash_b, uint32_t tie_b)
{
	if (hash_a != hash_b)
		return hash_a < hash_b ? -1 : 1;
	return (tie_a > tie_b) - (tie_a < tie_b);
}

static int compare_entries(const void *a, const void *b)
{
	const struct fs_entry *left = a, *right = b;

	return compare(left->hash, entry_tie(left), right->hash, entry_tie(right));
}

int fs_listing_add(struct fs_listing *listing, enum fs_entry_kind kind, uint32_t hash,
		   uint64_t what)
{
	if (listing->count == listing->capacity) {
		size_t capacity = listing->capacity ? listing->capacity * 2 : 16;
		struct fs_entry *entry =
			reallocarray(listing->entry, capacity, sizeof(*listing->entry));

		if (!entry)
			return -ENOMEM;
		listing->entry = entry;
		listing->capacity = capacity;
	}
	listing->entry[listing->count++] =
		(struct fs_entry){.hash = hash, .kind = kind, .what = what};
	return 0;
}

void fs_listing_sort(struct fs_listing *listing)
{
	if (listing->count)
		qsort(listing->entry, listing->count, sizeof(*listing->entry), compare_entries);
}

static int add_controls(struct fs_listing *listing, const struct ucg_hierarchy *hierarchy,
			const struct ucg_group *group)
{
	for (size_t row = 0; row < ucg_control_file_count; row++) {
		const struct ucg_control_file *file = &ucg_control_files[row];
		int r;

		if (!ucg_control_is_present(file, hierarchy, group))
			continue;
		r = fs_listing_add(listing, FS_ENTRY_CONTROL,
				   ucg_name_hash(file->name, strlen(file->name)), row);
		if (r)
			return r;
	}
	return 0;
}

static int add_children(struct fs_listing *listing, const struct ucg_group *group)
{
	ucg_autofree struct ucg_child_entry *child = NULL;
	size_t count = 0;
	int r = ucg_group_children(group, &child, &count);

	for (size_t i = 0; !r && i < count; i++)
		r = fs_listing_add(listing, FS_ENTRY_GROUP, child[i].hash, child[i].id.value);
	return r;
}

static int fill(struct fs_listing *listing, const struct ucg_hierarchy *hierarchy,
		const struct ucg_group *group)
{
	int r = fs_listing_add(listing, FS_ENTRY_DOT, HASH_DOT, 0);

	if (!r)
		r = fs_listing_add(listing, FS_ENTRY_DOTDOT, HASH_DOTDOT, 0);
	if (!r && !ucg_group_is_removed(group))
		r = add_controls(listing, hierarchy, group);
	if (!r && !ucg_group_is_removed(group))
		r = add_children(listing, group);
	return r;
}

int fs_listing_build(struct fs_listing *listing, const struct ucg_hierarchy *hierarchy,
		     const struct ucg_group *group)
{
	struct fs_listing built = {
		.version = ucg_group_children_version(group),
		.children = ucg_group_child_count(group),
	};
	int r = fill(&built, hierarchy, group);

	if (r) {
		fs_listing_clear(&built);
		return r;
	}
	fs_listing_sort(&built);
	fs_listing_clear(listing);
	*listing = built;
	return 0;
}

bool fs_listing_lacks(const struct fs_listing *listing, const struct ucg_group *group)
{
	uint64_t grown = ucg_group_children_version(group) - listing->version;
	size_t children = ucg_group_child_count(group);

	return !listing->entry || children > listing->children ||
	       grown != listing->children - children;
}

size_t fs_listing_find(const struct fs_listing *listing, off_t position)
{
	uint32_t hash = (uint32_t)position;
	uint32_t tie = (uint32_t)((uint64_t)position >> TIE_SHIFT);
	size_t low = 0, high = listing->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct fs_entry *entry = &listing->entry[middle];

		if (compare(entry->hash, entry_tie(entry), hash, tie) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

off_t fs_listing_position(const struct fs_listing *listing, size_t index)
{
	const struct fs_entry *entry;

	if (index >= listing->count)
		return FS_POSITION_END;
	entry = &listing->entry[index];
	if (index == 0 || entry[-1].hash != entry->hash)
		return (off_t)entry->hash;
	return (off_t)((uint64_t)entry_tie(entry) << TIE_SHIFT | entry->hash);
}

void fs_listing_clear(struct fs_listing *listing)
{
	free(listing->entry);
	*listing = (struct fs_listing){0};
}
