/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "ucgroupfs/scope.h"

struct ucg_node_entry *ucg_node_find(const struct ucg_group *group, unsigned file)
{
	for (struct ucg_node_entry *entry = group->nodes; entry; entry = entry->next)
		if (ucg_node_file(entry->record.id) == file)
			return entry;
	return NULL;
}

/* What the node is like as long as nobody changes it. */
static struct ucg_node_record node_as_made(const struct ucg_group *group, unsigned file,
					   mode_t table_mode)
{
	const struct ucg_group_record *record = &group->record;

	return (struct ucg_node_record){
		.id = ucg_node_id(record->id, file),
		.mode = file == UCG_FILE_DIR ? record->mode : (uint32_t)table_mode,
		.uid = record->uid,
		.gid = record->gid,
		.atime = record->made,
		.mtime = record->made,
		.ctime = record->made,
	};
}

static struct ucg_node_record node_as_is(const struct ucg_group *group, unsigned file,
					 mode_t table_mode)
{
	const struct ucg_node_entry *own = ucg_node_find(group, file);

	return own ? own->record : node_as_made(group, file, table_mode);
}

void ucg_node_attr(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		   mode_t table_mode, struct ucg_attr *attr)
{
	struct ucg_node_record node = node_as_is(group, file, table_mode);
	bool is_dir = file == UCG_FILE_DIR;

	(void)hierarchy;
	*attr = (struct ucg_attr){
		.node = node.id,
		.mode = (is_dir ? S_IFDIR : S_IFREG) | node.mode,
		.uid = node.uid,
		.gid = node.gid,
		.links = is_dir ? 2 + group->child_count : 1,
		.atime = node.atime,
		.mtime = node.mtime,
		.ctime = node.ctime,
	};
}

static void merge(struct ucg_node_record *node, unsigned mask, const struct ucg_attr *attr)
{
	if (mask & UCG_ATTR_MODE)
		node->mode = attr->mode & 07777;
	if (mask & UCG_ATTR_UID)
		node->uid = attr->uid;
	if (mask & UCG_ATTR_GID)
		node->gid = attr->gid;
	if (mask & UCG_ATTR_ATIME)
		node->atime = attr->atime;
	if (mask & UCG_ATTR_MTIME)
		node->mtime = attr->mtime;
	if (mask & UCG_ATTR_CTIME)
		node->ctime = attr->ctime;
}

static struct ucg_node_entry *entry_new(void)
{
	struct ucg_node_entry *entry = calloc(1, sizeof(*entry));

	if (entry)
		CDS_INIT_LIST_HEAD(&entry->xattrs);
	return entry;
}

int ucg_node_set(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		 mode_t table_mode, unsigned mask, const struct ucg_attr *attr,
		 struct ucg_change *change)
{
	struct ucg_image *image = ucg_change_add(change, UCG_RECORD_NODE);

	(void)hierarchy;
	if (!image)
		return -ENOMEM;
	image->node = node_as_is(group, file, table_mode);
	merge(&image->node, mask, attr);
	if (ucg_node_find(group, file))
		return 0;
	image->prepared = entry_new();
	return image->prepared ? 0 : -ENOMEM;
}

bool ucg_node_has_times(const struct ucg_group *group, unsigned file)
{
	return group->record.uid || group->record.gid || ucg_node_find(group, file);
}

int ucg_node_touch_dir(const struct ucg_group *group, struct timespec now,
		       struct ucg_change *change)
{
	struct ucg_attr attr = {.mtime = now, .ctime = now};

	if (!ucg_node_has_times(group, UCG_FILE_DIR))
		return 0;
	return ucg_node_set(NULL, group, UCG_FILE_DIR, 0, UCG_ATTR_MTIME | UCG_ATTR_CTIME, &attr,
			    change);
}

void ucg_node_apply(struct ucg_group *group, struct ucg_image *image)
{
	struct ucg_node_entry *own = ucg_node_find(group, ucg_node_file(image->node.id));

	if (!own) {
		own = ucg_steal_pointer(&image->prepared);
		own->next = group->nodes;
		group->nodes = own;
	}
	own->record = image->node;
}
