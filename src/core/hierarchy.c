/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct ucg_agent_text *agent_text_new(const char *bytes, size_t length)
{
	struct ucg_agent_text *text = malloc(sizeof(*text) + length);

	if (!text)
		return NULL;
	text->length = length;
	memcpy(text->bytes, bytes, length);
	return text;
}

static struct cds_lfht *index_new(void)
{
	return cds_lfht_new_flavor(64, 64, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING,
				   &urcu_memb_flavor, NULL);
}

static struct ucg_group *root_new(const struct ucg_hierarchy_config *config)
{
	struct ucg_group_record record = {
		.id = UCG_ROOT_ID,
		.parent = UCG_ROOT_ID,
		.flags = UCG_GROUP_HAS_TASKS,
		.mode = config->root_mode,
		.uid = config->mounter_uid,
		.gid = config->mounter_gid,
		.made = config->now,
	};

	if (config->clone_children)
		record.flags |= UCG_GROUP_CLONE_CHILDREN;
	return ucg_group_new(NULL, &record, "", 0);
}

/* Everything of @hierarchy that can fail; what is there on failure is freed by the caller. */
static int fill(struct ucg_hierarchy *hierarchy, const struct ucg_hierarchy_config *config)
{
	const char *agent = config->release_agent;

	hierarchy->mounter = config->mounter_uid;
	hierarchy->rules = config->rules ? config->rules : &ucg_rules_current;
	hierarchy->next_group = UCG_ROOT_ID.value + 1;
	hierarchy->next_release = 1;
	hierarchy->name = strdup(config->name);
	atomic_store(&hierarchy->agent, agent_text_new(agent, strlen(agent)));
	hierarchy->by_id = index_new();
	hierarchy->by_name = index_new();
	hierarchy->by_xattr = index_new();
	hierarchy->root = root_new(config);
	if (!hierarchy->name || !atomic_load(&hierarchy->agent) || !hierarchy->by_id ||
	    !hierarchy->by_name || !hierarchy->by_xattr || !hierarchy->root)
		return -ENOMEM;
	ucg_group_publish(hierarchy, hierarchy->root);
	return 0;
}

int ucg_hierarchy_new(const struct ucg_hierarchy_config *config, struct ucg_hierarchy **hierarchyp)
{
	struct ucg_hierarchy *hierarchy = calloc(1, sizeof(*hierarchy));
	int error;

	if (!hierarchy)
		return -ENOMEM;
	ucg_release_init(hierarchy);
	error = fill(hierarchy, config);
	if (error) {
		/* Not in the index yet. */
		if (hierarchy->root)
			ucg_group_free(hierarchy->root);
		ucg_hierarchy_free(hierarchy);
		return error;
	}
	*hierarchyp = hierarchy;
	return 0;
}

/* Takes all groups out of the indices and chains them up by @sibling. */
static void gather_groups(struct ucg_hierarchy *hierarchy, struct cds_list_head *groups)
{
	struct cds_lfht_iter iter;
	struct ucg_group *group;

	urcu_memb_read_lock();
	/* Not cds_lfht_for_each_entry(): it computes an entry from the NULL at the end. */
	cds_lfht_first(hierarchy->by_id, &iter);
	while (cds_lfht_iter_get_node(&iter)) {
		group = caa_container_of(cds_lfht_iter_get_node(&iter), struct ucg_group, link);
		cds_lfht_next(hierarchy->by_id, &iter);
		cds_lfht_del(hierarchy->by_id, &group->link);
		if (group->parent && !ucg_group_is_removed(group))
			cds_lfht_del(hierarchy->by_name, &ucg_name_of(group)->link);
		ucg_xattrs_unindex(hierarchy, group);
		cds_list_add_tail(&group->sibling, groups);
	}
	urcu_memb_read_unlock();
}

static void index_free(struct cds_lfht *index)
{
	/* It is empty, so it can't fail; ends a resize that is under way. */
	if (index)
		cds_lfht_destroy(index, NULL);
}

struct ucg_hierarchy *ucg_hierarchy_free(struct ucg_hierarchy *hierarchy)
{
	struct ucg_group *group, *next;
	CDS_LIST_HEAD(groups);

	if (!hierarchy)
		return NULL;
	ucg_release_deinit(hierarchy);
	if (hierarchy->by_id && hierarchy->by_name && hierarchy->by_xattr)
		gather_groups(hierarchy, &groups);
	index_free(hierarchy->by_id);
	index_free(hierarchy->by_name);
	index_free(hierarchy->by_xattr);
	/* The indices first: a resize would still look at the nodes. */
	cds_list_for_each_entry_safe (group, next, &groups, sibling)
		ucg_group_free(group);
	urcu_memb_barrier();
	free(atomic_load(&hierarchy->agent));
	free(hierarchy->name);
	free(hierarchy);
	return NULL;
}

const char *ucg_hierarchy_name(const struct ucg_hierarchy *hierarchy)
{
	return hierarchy->name;
}

uid_t ucg_hierarchy_mounter(const struct ucg_hierarchy *hierarchy)
{
	return hierarchy->mounter;
}

const struct ucg_rules *ucg_hierarchy_rules(const struct ucg_hierarchy *hierarchy)
{
	return hierarchy->rules;
}

int ucg_hierarchy_agent(struct ucg_hierarchy *hierarchy, struct ucg_text *agent)
{
	const struct ucg_agent_text *text =
		atomic_load_explicit(&hierarchy->agent, memory_order_acquire);

	int error = ucg_text_append(agent, text->bytes, text->length);

	ucg_reader_is_done();
	return error;
}

int ucg_hierarchy_set_agent(struct ucg_hierarchy *hierarchy, const struct ucg_opener *opener,
			    const char *text, size_t length, struct ucg_change *change)
{
	struct ucg_image *image;

	if (opener->uid != hierarchy->mounter)
		return -EPERM;
	image = ucg_change_add(change, UCG_RECORD_AGENT);
	if (!image)
		return -ENOMEM;
	image->prepared = agent_text_new(text, length);
	if (!image->prepared)
		return -ENOMEM;
	return ucg_image_set_text(image, text, length);
}
