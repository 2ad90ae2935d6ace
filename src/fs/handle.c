/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <errno.h>
#include <stdlib.h>

#include <fuse_lowlevel.h>

/*
 * The tables are touched by one thread and resized by it, so a node that was taken out can be freed
 * at once: nobody can still be walking over it.
 */
#define FIRST_BUCKETS 64

static struct cds_lfht *table_new(void)
{
	return cds_lfht_new_flavor(FIRST_BUCKETS, FIRST_BUCKETS, 0, 0, &urcu_memb_flavor, NULL);
}

int fs_handles_init(struct fs_handles *handles, struct ucg_hierarchy *hierarchy)
{
	*handles = (struct fs_handles){
		.hierarchy = hierarchy,
		.by_id = table_new(),
		.by_node = table_new(),
		.buckets_by_id = FIRST_BUCKETS,
		.buckets_by_node = FIRST_BUCKETS,
		.next_id = 1,
	};
	if (handles->by_id && handles->by_node)
		return 0;
	fs_handles_deinit(handles);
	return -ENOMEM;
}

/* Ids count up: as they are they spread best. */
static unsigned long hash_id(struct ucg_handle_id id)
{
	return (unsigned long)id.value;
}

static unsigned long hash_node(struct ucg_node_id node)
{
	return (unsigned long)ucg_node_group(node).value;
}

static int match_id(struct cds_lfht_node *node, const void *key)
{
	const struct fs_handle *handle = caa_container_of(node, struct fs_handle, by_id);

	return handle->record.id.value == ((const struct ucg_handle_id *)key)->value;
}

static int match_node(struct cds_lfht_node *node, const void *key)
{
	const struct fs_handle *handle = caa_container_of(node, struct fs_handle, by_node);

	return handle->record.node.value == ((const struct ucg_node_id *)key)->value;
}

/* Never shrunk: what it takes is bounded by the most handles that were ever open at once. */
static void grow(struct cds_lfht *table, size_t count, size_t *buckets)
{
	if (count <= *buckets)
		return;
	*buckets *= 2;
	cds_lfht_resize(table, *buckets);
}

static void insert(struct fs_handles *handles, struct fs_handle *handle)
{
	urcu_memb_read_lock();
	cds_lfht_add(handles->by_id, hash_id(handle->record.id), &handle->by_id);
	if (handle->of_node)
		cds_lfht_add(handles->by_node, hash_node(handle->record.node), &handle->by_node);
	urcu_memb_read_unlock();
	grow(handles->by_id, ++handles->count_by_id, &handles->buckets_by_id);
	if (handle->of_node)
		grow(handles->by_node, ++handles->count_by_node, &handles->buckets_by_node);
}

static void handle_free(struct fs_handle *handle)
{
	if (handle->poller)
		fuse_pollhandle_destroy(handle->poller);
	ucg_text_clear(&handle->text);
	fs_listing_clear(&handle->listing);
	free(handle);
}

static void drop(struct fs_handles *handles, struct fs_handle *handle)
{
	urcu_memb_read_lock();
	cds_lfht_del(handles->by_id, &handle->by_id);
	if (handle->of_node)
		cds_lfht_del(handles->by_node, &handle->by_node);
	urcu_memb_read_unlock();
	handles->count_by_id--;
	handles->count_by_node -= handle->of_node;
	ucg_group_unpin(handles->hierarchy, handle->group, 1);
	handle_free(handle);
}

static void drop_all(struct fs_handles *handles)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	urcu_memb_read_lock();
	cds_lfht_for_each(handles->by_id, &iter, node)
		drop(handles, caa_container_of(node, struct fs_handle, by_id));
	urcu_memb_read_unlock();
}

static void table_free(struct cds_lfht *table)
{
	/* Cannot fail: it is empty and nobody else knows it. */
	if (table)
		cds_lfht_destroy(table, NULL);
}

void fs_handles_deinit(struct fs_handles *handles)
{
	if (handles->by_id)
		drop_all(handles);
	table_free(handles->by_id);
	table_free(handles->by_node);
	*handles = (struct fs_handles){0};
}

static void apply_new(struct fs_handles *handles, struct ucg_image *image)
{
	struct fs_handle *handle = image->prepared;

	image->prepared = NULL;
	handle->record = image->handle;
	ucg_group_pin(handle->group, 1);
	insert(handles, handle);
}

void fs_handles_apply(void *context, struct ucg_image *image)
{
	struct fs_handles *handles = context;
	struct fs_handle *handle;

	if (image->prepared) {
		apply_new(handles, image);
		return;
	}
	handle = fs_handle_find(handles, image->handle.id);
	if (!handle)
		return;
	if (image->forget)
		drop(handles, handle);
	else
		handle->record = image->handle;
}

int fs_handle_prepare(struct fs_handles *handles, struct ucg_group *group, unsigned file,
		      bool of_node, const struct ucg_opener *opener, pid_t pid,
		      struct ucg_handle_id *idp, struct ucg_change *change)
{
	struct ucg_image *image = ucg_change_add(change, UCG_RECORD_HANDLE);
	struct fs_handle *handle;

	if (!image)
		return -ENOMEM;
	handle = malloc(sizeof(*handle));
	if (!handle)
		return -ENOMEM;
	*handle = (struct fs_handle){.group = group, .of_node = of_node};
	image->prepared = handle;
	image->handle = (struct ucg_handle_record){
		.id = {handles->next_id++},
		.node = ucg_node_id(ucg_group_id_of(group), file),
		.opener_uid = opener->uid,
		.opener_gid = opener->gid,
		.opener_pid = (uint32_t)pid,
	};
	*idp = image->handle.id;
	return 0;
}

struct fs_handle *fs_handle_find(struct fs_handles *handles, struct ucg_handle_id id)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	urcu_memb_read_lock();
	cds_lfht_lookup(handles->by_id, hash_id(id), match_id, &id, &iter);
	urcu_memb_read_unlock();
	node = cds_lfht_iter_get_node(&iter);
	return node ? caa_container_of(node, struct fs_handle, by_id) : NULL;
}

struct ucg_handle_record *fs_handle_image(const struct fs_handle *handle, struct ucg_change *change)
{
	struct ucg_image *image = ucg_change_add(change, UCG_RECORD_HANDLE);

	if (!image)
		return NULL;
	image->handle = handle->record;
	return &image->handle;
}

int fs_handles_visit(struct fs_handles *handles, struct ucg_node_id id,
		     int (*visit)(struct fs_handle *handle, void *context), void *context)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	int r = 0;

	if (!handles->count_by_node)
		return 0;
	urcu_memb_read_lock();
	cds_lfht_for_each_duplicate(handles->by_node, hash_node(id), match_node, &id, &iter, node)
	{
		r = visit(caa_container_of(node, struct fs_handle, by_node), context);
		if (r)
			break;
	}
	urcu_memb_read_unlock();
	return r;
}
