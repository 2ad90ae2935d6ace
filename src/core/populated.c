/* SPDX-License-Identifier: MIT */
/*
 * Who has tasks.  HAS_TASKS of a group is kept here as the tracker tells it; `populated` of a group
 * follows from it and from the count of populated children, which the commit keeps.
 */
#include "model.h"

#include <assert.h>
#include <errno.h>

/* Lists the groups whose `populated` flips when HAS_TASKS of @group does: @group if no child keeps
 * it populated, then each ancestor that has no other reason to be.  The root has tasks always. */
static int list_flips(const struct ucg_group *group, bool entering, struct ucg_change *change)
{
	/* Flips of two moves would have to be reckoned together. */
	assert(!change->populated_count);
	if (group->populated_children)
		return 0;
	for (;;) {
		int error = ucg_change_add_populated(change, group->record.id);
		const struct ucg_group *parent = group->parent;

		if (error)
			return error;
		if (ucg_group_has_tasks(parent) || parent->populated_children > !entering)
			return 0;
		group = parent;
	}
}

int ucg_group_entered(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		      struct ucg_change *change)
{
	struct ucg_image *image;

	(void)hierarchy;
	/* A removed group was empty and can't be entered any more: what is said of it is late. */
	if (ucg_group_has_tasks(group) || ucg_group_is_removed(group))
		return 0;
	image = ucg_change_group(change, group);
	if (!image)
		return -ENOMEM;
	image->group.flags |= UCG_GROUP_HAS_TASKS;
	return list_flips(group, true, change);
}

int ucg_group_task_left(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
			struct ucg_change *change)
{
	struct ucg_image *image;

	(void)hierarchy;
	if (group->record.flags & UCG_GROUP_RELEASABLE)
		return 0;
	image = ucg_change_group(change, group);
	if (!image)
		return -ENOMEM;
	image->group.flags |= UCG_GROUP_RELEASABLE;
	return 0;
}

/* design.md §2.2 (a). */
static uint32_t flags_after_last_task(uint32_t flags)
{
	flags &= ~(uint32_t)UCG_GROUP_HAS_TASKS;
	if (flags & UCG_GROUP_NOTIFY)
		flags |= UCG_GROUP_RELEASABLE;
	return flags;
}

int ucg_group_emptied(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		      struct ucg_change *change)
{
	struct ucg_image *image;
	int error;

	if (!ucg_group_has_tasks(group) || ucg_group_is_root(group))
		return 0;
	image = ucg_change_group(change, group);
	if (!image)
		return -ENOMEM;
	image->group.flags = flags_after_last_task(image->group.flags);
	error = list_flips(group, false, change);
	if (error)
		return error;
	return ucg_release_check(hierarchy, group, group->child_count, change);
}
