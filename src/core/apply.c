/* SPDX-License-Identifier: MIT */
/* How core's kinds of record become so.  Nothing here can fail: all was made ready before. */
#include "model.h"

#include <assert.h>
#include <stdlib.h>

#include "ucgroupfs/scope.h"

/* @group's `populated` has flipped: so may that of its ancestors. */
static void count_populated(const struct ucg_group *group)
{
	bool populated = ucg_group_is_populated(group);

	for (struct ucg_group *parent = group->parent; parent; parent = parent->parent) {
		bool before = ucg_group_is_populated(parent);

		if (populated)
			parent->populated_children++;
		else
			parent->populated_children--;
		if (ucg_group_is_populated(parent) == before)
			return;
	}
}

static void apply_new(struct ucg_hierarchy *hierarchy, struct ucg_image *image)
{
	struct ucg_group *group = ucg_steal_pointer(&image->prepared);

	assert(group->record.id.value >= hierarchy->next_group);
	hierarchy->next_group = group->record.id.value + 1;
	ucg_group_publish(hierarchy, group);
}

static void apply_removal(struct ucg_hierarchy *hierarchy, struct ucg_group *group)
{
	if (!(group->record.flags & UCG_GROUP_DUE))
		ucg_release_withdraw(group);
	ucg_group_unlink(hierarchy, group);
	ucg_group_forget_unpinned(hierarchy, group);
}

static void apply_to(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		     struct ucg_image *image)
{
	bool populated = ucg_group_is_populated(group), removed = ucg_group_is_removed(group);

	group->record = image->group;
	if (ucg_group_is_populated(group) != populated)
		count_populated(group);
	if (image->prepared) {
		ucg_name_replace(hierarchy, group, ucg_steal_pointer(&image->prepared));
		group->parent->children_version++;
	}
	if (!removed && ucg_group_is_removed(group))
		apply_removal(hierarchy, group);
}

static void apply_group(void *context, struct ucg_image *image)
{
	struct ucg_hierarchy *hierarchy = context;
	struct ucg_group *group = ucg_group_find(hierarchy, image->group.id);

	/* Forgetting has no images: see ucg_group_unpin(). */
	assert(!image->forget);
	if (!group)
		apply_new(hierarchy, image);
	else
		apply_to(hierarchy, group, image);
	free(ucg_steal_pointer(&image->text));
}

static void apply_node(void *context, struct ucg_image *image)
{
	struct ucg_group *group = ucg_group_find(context, ucg_node_group(image->node.id));

	assert(group);
	ucg_node_apply(group, image);
}

static void apply_xattr(void *context, struct ucg_image *image)
{
	struct ucg_group *group = ucg_group_find(context, ucg_node_group(image->xattr.node));

	assert(group);
	ucg_xattr_apply(context, group, image);
}

static void apply_release(void *context, struct ucg_image *image)
{
	ucg_release_apply(context, image);
}

static void free_agent_rcu(struct rcu_head *head)
{
	ucg_grace_is_over(head);
	free(caa_container_of(head, struct ucg_agent_text, rcu));
}

static void apply_agent(void *context, struct ucg_image *image)
{
	struct ucg_hierarchy *hierarchy = context;
	struct ucg_agent_text *agent = ucg_steal_pointer(&image->prepared);

	agent = atomic_exchange(&hierarchy->agent, agent);
	ucg_free_after_grace(&agent->rcu, free_agent_rcu);
	free(ucg_steal_pointer(&image->text));
}

void ucg_hierarchy_connect(struct ucg_hierarchy *hierarchy, struct ucg_journal *journal)
{
	journal->applier[UCG_RECORD_GROUP] = (struct ucg_applier){apply_group, hierarchy};
	journal->applier[UCG_RECORD_NODE] = (struct ucg_applier){apply_node, hierarchy};
	journal->applier[UCG_RECORD_XATTR] = (struct ucg_applier){apply_xattr, hierarchy};
	journal->applier[UCG_RECORD_RELEASE] = (struct ucg_applier){apply_release, hierarchy};
	journal->applier[UCG_RECORD_AGENT] = (struct ucg_applier){apply_agent, hierarchy};
}
