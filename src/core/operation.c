/* SPDX-License-Identifier: MIT */
/* What a user does to the tree: make, remove, rename, set a flag. */
#include "model.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool has_newline(const char *name, size_t length)
{
	return memchr(name, '\n', length);
}

/* ---- make ---- */

/* Kernel behaviour §1.1: the maker's, but a parent with S_ISGID hands down its gid and the bit. */
static void set_owner(struct ucg_group_record *record, const struct ucg_attr *parent, mode_t mode,
		      const struct ucg_opener *opener)
{
	record->mode = mode & (S_ISVTX | 0777);
	record->uid = opener->uid;
	record->gid = opener->gid;
	if (parent->mode & S_ISGID) {
		record->mode |= S_ISGID;
		record->gid = parent->gid;
	}
}

static int may_make(struct ucg_hierarchy *hierarchy, const struct ucg_group *parent,
		    const char *name, size_t length, bool reserved)
{
	if (ucg_group_is_removed(parent))
		return -ENOENT;
	if (reserved || ucg_group_child(hierarchy, parent, name, length))
		return -EEXIST;
	return has_newline(name, length) ? -EINVAL : 0;
}

static int add_new_group(struct ucg_group *parent, const struct ucg_group_record *record,
			 const char *name, size_t length, struct ucg_change *change)
{
	struct ucg_image *image = ucg_change_add(change, UCG_RECORD_GROUP);

	if (!image)
		return -ENOMEM;
	image->group = *record;
	image->discard = ucg_group_free;
	image->prepared = ucg_group_new(parent, record, name, length);
	if (!image->prepared)
		return -ENOMEM;
	return ucg_image_set_text(image, name, length);
}

int ucg_group_make(struct ucg_hierarchy *hierarchy, struct ucg_group *parent, const char *name,
		   size_t length, bool reserved, mode_t mode, const struct ucg_opener *opener,
		   struct timespec now, struct ucg_group_id *idp, struct ucg_change *change)
{
	int error = may_make(hierarchy, parent, name, length, reserved);
	struct ucg_group_record record = {
		.id = {hierarchy->next_group},
		.parent = parent->record.id,
		.flags = parent->record.flags & hierarchy->rules->inherited_flags,
		.made = now,
	};
	struct ucg_attr attr;

	if (error)
		return error;
	ucg_node_attr(hierarchy, parent, UCG_FILE_DIR, 0, &attr);
	set_owner(&record, &attr, mode, opener);
	error = add_new_group(parent, &record, name, length, change);
	if (error)
		return error;
	error = ucg_node_touch_dir(parent, now, change);
	if (error)
		return error;
	*idp = record.id;
	return 0;
}

/* ---- remove ---- */

static int may_remove(const struct ucg_group *group)
{
	if (ucg_group_is_removed(group))
		return -ENOENT;
	if (ucg_group_is_root(group) || ucg_group_has_tasks(group) || group->child_count)
		return -EBUSY;
	return 0;
}

/* design.md §2.2 (c). */
static int release_parent(struct ucg_hierarchy *hierarchy, struct ucg_group *parent,
			  struct ucg_change *change)
{
	struct ucg_image *image = ucg_change_group(change, parent);

	if (!image)
		return -ENOMEM;
	image->group.flags |= UCG_GROUP_RELEASABLE;
	return ucg_release_check(hierarchy, parent, parent->child_count - 1, change);
}

int ucg_group_remove(struct ucg_hierarchy *hierarchy, struct ucg_group *group, struct timespec now,
		     struct ucg_change *change)
{
	int error = may_remove(group);
	struct ucg_image *image;

	/* Its control files go with it, so its own times are set too, for those who hold it still.
	 * First: with the image that removes it, a group may be gone. */
	if (!error)
		error = ucg_node_touch_dir(group, now, change);
	if (error)
		return error;
	image = ucg_change_group(change, group);
	if (!image)
		return -ENOMEM;
	image->group.flags |= UCG_GROUP_REMOVED;
	if (hierarchy->rules->removal_withdraws_release)
		image->group.flags &= ~(uint32_t)UCG_GROUP_DUE;
	error = ucg_node_touch_dir(group->parent, now, change);
	if (error)
		return error;
	return release_parent(hierarchy, group->parent, change);
}

/* ---- rename ---- */

static bool is_named(const struct ucg_group *group, const char *name, size_t length)
{
	const struct ucg_name *own = ucg_name_of(group);

	return own->length == length && !memcmp(own->bytes, name, length);
}

static int may_rename(struct ucg_hierarchy *hierarchy, const struct ucg_group *group,
		      const char *name, size_t length, bool reserved)
{
	if (ucg_group_is_removed(group) || ucg_group_is_root(group))
		return -ENOENT;
	if (has_newline(name, length))
		return -EINVAL;
	if (reserved)
		return -ENOTDIR;
	return ucg_group_child(hierarchy, group->parent, name, length) ? -EEXIST : 0;
}

int ucg_group_rename(struct ucg_hierarchy *hierarchy, struct ucg_group *group, const char *name,
		     size_t length, bool reserved, struct ucg_change *change)
{
	struct ucg_image *image;
	int error;

	if (!ucg_group_is_removed(group) && is_named(group, name, length))
		return 0;
	error = may_rename(hierarchy, group, name, length, reserved);
	if (error)
		return error;
	image = ucg_change_group(change, group);
	if (!image)
		return -ENOMEM;
	image->prepared = ucg_name_new(group, name, length);
	if (!image->prepared)
		return -ENOMEM;
	return ucg_image_set_text(image, name, length);
}

/* ---- flags ---- */

/* design.md §2.2: a valid write to notify_on_release clears RELEASABLE, whatever was written. */
static uint32_t flags_after_write(uint32_t flags, enum ucg_group_flag flag, bool value)
{
	flags = value ? flags | flag : flags & ~(uint32_t)flag;
	if (flag == UCG_GROUP_NOTIFY)
		flags &= ~(uint32_t)UCG_GROUP_RELEASABLE;
	return flags;
}

int ucg_group_set_flag(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		       enum ucg_group_flag flag, bool value, struct ucg_change *change)
{
	uint32_t flags = flags_after_write(group->record.flags, flag, value);
	struct ucg_image *image;

	(void)hierarchy;
	if (flags == group->record.flags)
		return 0;
	image = ucg_change_group(change, group);
	if (!image)
		return -ENOMEM;
	image->group.flags = flags_after_write(image->group.flags, flag, value);
	return 0;
}
