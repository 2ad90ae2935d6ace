/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ucgroupfs/scope.h"

/* ---- life ---- */

struct ucg_group *ucg_group_new(struct ucg_group *parent, const struct ucg_group_record *record,
				const char *name, size_t length)
{
	struct ucg_group *group = calloc(1, sizeof(*group));
	struct ucg_name *first;

	if (!group)
		return NULL;
	first = ucg_name_new(group, name, length);
	if (!first) {
		free(group);
		return NULL;
	}
	cds_lfht_node_init(&group->link);
	CDS_INIT_LIST_HEAD(&group->sibling);
	CDS_INIT_LIST_HEAD(&group->children);
	group->parent = parent;
	group->record = *record;
	atomic_init(&group->name, first);
	atomic_store_explicit(&group->key, record->id.value, memory_order_release);
	return group;
}

void ucg_group_free(void *pointer)
{
	struct ucg_group *group = pointer;

	while (group->nodes) {
		struct ucg_node_entry *entry = group->nodes;

		group->nodes = entry->next;
		ucg_xattrs_free(entry);
		free(entry);
	}
	free(ucg_name_of(group));
	free(group);
}

static void free_group_rcu(struct rcu_head *head)
{
	ucg_grace_is_over(head);
	ucg_group_free(caa_container_of(head, struct ucg_group, rcu));
}

void ucg_group_publish(struct ucg_hierarchy *hierarchy, struct ucg_group *group)
{
	struct ucg_group *parent = group->parent;

	urcu_memb_read_lock();
	cds_lfht_add(hierarchy->by_id, group->record.id.value, &group->link);
	urcu_memb_read_unlock();
	if (!parent)
		return;
	ucg_name_index(hierarchy, ucg_name_of(group));
	cds_list_add_tail(&group->sibling, &parent->children);
	parent->child_count++;
	parent->children_version++;
	parent->pins++;
}

void ucg_group_unlink(struct ucg_hierarchy *hierarchy, struct ucg_group *group)
{
	ucg_name_unindex(hierarchy, ucg_name_of(group));
	cds_list_del(&group->sibling);
	group->parent->child_count--;
	group->parent->children_version++;
}

/* A loop, not a recursion: trees may be thousands of levels deep. */
void ucg_group_forget_unpinned(struct ucg_hierarchy *hierarchy, struct ucg_group *group)
{
	while (ucg_group_is_removed(group) && !group->pins) {
		struct ucg_group *parent = group->parent;

		ucg_xattrs_unindex(hierarchy, group);
		urcu_memb_read_lock();
		cds_lfht_del(hierarchy->by_id, &group->link);
		urcu_memb_read_unlock();
		ucg_free_after_grace(&group->rcu, free_group_rcu);
		/* The root is never removed, so there is a parent. */
		parent->pins--;
		group = parent;
	}
}

void ucg_group_pin(struct ucg_group *group, uint64_t count)
{
	group->pins += count;
}

void ucg_group_unpin(struct ucg_hierarchy *hierarchy, struct ucg_group *group, uint64_t count)
{
	assert(group->pins >= count);
	group->pins -= count;
	ucg_group_forget_unpinned(hierarchy, group);
}

/* ---- finding ---- */

struct ucg_group *ucg_hierarchy_root(struct ucg_hierarchy *hierarchy)
{
	return hierarchy->root;
}

static int matches_id(struct cds_lfht_node *node, const void *key)
{
	const struct ucg_group *group = caa_container_of(node, struct ucg_group, link);

	return atomic_load_explicit(&group->key, memory_order_acquire) == *(const uint64_t *)key;
}

struct ucg_group *ucg_group_find(struct ucg_hierarchy *hierarchy, struct ucg_group_id id)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	/* What is found stays: the serving thread alone forgets groups, or the caller reads. */
	urcu_memb_read_lock();
	cds_lfht_lookup(hierarchy->by_id, id.value, matches_id, &id.value, &iter);
	node = cds_lfht_iter_get_node(&iter);
	urcu_memb_read_unlock();
	return node ? caa_container_of(node, struct ucg_group, link) : NULL;
}

/* ---- what it is ---- */

const struct ucg_group_record *ucg_group_record(const struct ucg_group *group)
{
	return &group->record;
}

bool ucg_group_is_root(const struct ucg_group *group)
{
	return !group->parent;
}

bool ucg_group_is_removed(const struct ucg_group *group)
{
	return group->record.flags & UCG_GROUP_REMOVED;
}

bool ucg_group_has_tasks(const struct ucg_group *group)
{
	return group->record.flags & UCG_GROUP_HAS_TASKS;
}

bool ucg_group_is_populated(const struct ucg_group *group)
{
	return ucg_group_has_tasks(group) || group->populated_children;
}

struct ucg_group *ucg_group_parent(const struct ucg_group *group)
{
	return group->parent;
}

/* ---- children ---- */

size_t ucg_group_child_count(const struct ucg_group *group)
{
	return group->child_count;
}

uint64_t ucg_group_children_version(const struct ucg_group *group)
{
	return group->children_version;
}

struct ucg_group *ucg_group_next(const struct ucg_group *top, const struct ucg_group *group)
{
	if (group->child_count)
		return cds_list_first_entry(&group->children, struct ucg_group, sibling);
	while (group != top) {
		struct cds_list_head *next = group->sibling.next;

		if (next != &group->parent->children)
			return cds_list_entry(next, struct ucg_group, sibling);
		group = group->parent;
	}
	return NULL;
}

static int compare_names(const void *left, const void *right)
{
	const struct ucg_name *a = *(struct ucg_name *const *)left;
	const struct ucg_name *b = *(struct ucg_name *const *)right;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return strcmp(a->bytes, b->bytes);
}

/* The names of the children in the kernel's order. */
static void sorted_names(const struct ucg_group *group, const struct ucg_name **names)
{
	const struct ucg_group *child;
	size_t count = 0;

	cds_list_for_each_entry (child, &group->children, sibling)
		names[count++] = ucg_name_of(child);
	assert(count == group->child_count);
	qsort(names, count, sizeof(*names), compare_names);
}

int ucg_group_children(const struct ucg_group *group, struct ucg_child_entry **entriesp,
		       size_t *countp)
{
	ucg_autofree const struct ucg_name **names = calloc(group->child_count + 1, sizeof(*names));
	struct ucg_child_entry *entries = calloc(group->child_count + 1, sizeof(*entries));

	if (!names || !entries) {
		free(entries);
		return -ENOMEM;
	}
	sorted_names(group, names);
	for (size_t i = 0; i < group->child_count; i++) {
		entries[i].id = names[i]->group->record.id;
		entries[i].hash = names[i]->hash;
	}
	*entriesp = entries;
	*countp = group->child_count;
	return 0;
}

/* ---- path ---- */

/* Appends "/NAME" backwards. */
static int append_reversed(struct ucg_text *text, const struct ucg_name *name)
{
	int error = ucg_text_reserve(text, name->length + 1);

	if (error)
		return error;
	for (size_t i = name->length; i-- > 0;)
		text->bytes[text->length++] = name->bytes[i];
	text->bytes[text->length++] = '/';
	return 0;
}

static void reverse(char *bytes, size_t length)
{
	for (size_t i = 0; i < length / 2; i++) {
		char swapped = bytes[i];

		bytes[i] = bytes[length - 1 - i];
		bytes[length - 1 - i] = swapped;
	}
}

/* Upwards, each name loaded once: a rename meanwhile shows its old or its new name. */
static int append_path_reversed(struct ucg_text *text, const struct ucg_group *group)
{
	for (; group->parent; group = group->parent) {
		int error = append_reversed(text, ucg_name_of(group));

		if (error)
			return error;
	}
	return 0;
}

int ucg_group_path(struct ucg_hierarchy *hierarchy, struct ucg_group_id id, struct ucg_text *path)
{
	const struct ucg_group *group = ucg_group_find(hierarchy, id);
	size_t start = path->length;
	int error;

	if (!group)
		return -ENOENT;
	if (!group->parent)
		return ucg_text_append(path, "/", 1);
	error = append_path_reversed(path, group);
	ucg_reader_is_done();
	if (error) {
		path->length = start;
		return error;
	}
	reverse(path->bytes + start, path->length - start);
	return 0;
}
