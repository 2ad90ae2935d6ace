/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's kernfs_name_hash(), with its unsigned char of Linux 6.2 and later: bytes above 0x7f
 * had other hashes before. */
uint32_t ucg_name_hash(const char *name, size_t length)
{
	uint64_t state = 0;
	uint32_t hash;

	for (size_t i = 0; i < length; i++) {
		uint64_t c = (unsigned char)name[i];

		state = (state + (c << 4) + (c >> 4)) * 11;
	}
	hash = (uint32_t)((state * UINT64_C(0x61C8864680B583EB)) >> 32) & INT_MAX;
	if (hash < 2)
		hash += 2;
	if (hash >= INT_MAX)
		hash = INT_MAX - 1;
	return hash;
}

unsigned long ucg_index_hash(uint64_t id, uint32_t name_hash)
{
	uint64_t mixed = (id + 1) * UINT64_C(0x9E3779B97F4A7C15);

	return (unsigned long)(mixed >> 32) ^ name_hash;
}

struct name_key {
	const struct ucg_group *parent;
	const char *bytes;
	size_t length;
};

static unsigned long index_hash(const struct ucg_group *parent, uint32_t name_hash)
{
	return ucg_index_hash(parent->record.id.value, name_hash);
}

static int matches_name(struct cds_lfht_node *node, const void *key)
{
	const struct ucg_name *name = caa_container_of(node, struct ucg_name, link);
	const struct name_key *wanted = key;

	return name->group->parent == wanted->parent && name->length == wanted->length &&
	       !memcmp(name->bytes, wanted->bytes, wanted->length);
}

struct ucg_group *ucg_group_child(struct ucg_hierarchy *hierarchy, const struct ucg_group *parent,
				  const char *name, size_t length)
{
	struct name_key key = {.parent = parent, .bytes = name, .length = length};
	unsigned long hash = index_hash(parent, ucg_name_hash(name, length));
	struct ucg_group *group = NULL;
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	urcu_memb_read_lock();
	cds_lfht_lookup(hierarchy->by_name, hash, matches_name, &key, &iter);
	node = cds_lfht_iter_get_node(&iter);
	if (node)
		group = caa_container_of(node, struct ucg_name, link)->group;
	urcu_memb_read_unlock();
	return group;
}

struct ucg_name *ucg_name_new(struct ucg_group *group, const char *bytes, size_t length)
{
	struct ucg_name *name = malloc(sizeof(*name) + length + 1);

	if (!name)
		return NULL;
	cds_lfht_node_init(&name->link);
	name->group = group;
	name->hash = ucg_name_hash(bytes, length);
	name->length = (uint32_t)length;
	memcpy(name->bytes, bytes, length);
	name->bytes[length] = '\0';
	return name;
}

struct ucg_name *ucg_name_of(const struct ucg_group *group)
{
	return atomic_load_explicit(&group->name, memory_order_acquire);
}

const char *ucg_group_name(const struct ucg_group *group, size_t *length)
{
	const struct ucg_name *name = ucg_name_of(group);

	*length = name->length;
	return name->bytes;
}

void ucg_name_index(struct ucg_hierarchy *hierarchy, struct ucg_name *name)
{
	urcu_memb_read_lock();
	cds_lfht_add(hierarchy->by_name, index_hash(name->group->parent, name->hash), &name->link);
	urcu_memb_read_unlock();
}

void ucg_name_unindex(struct ucg_hierarchy *hierarchy, struct ucg_name *name)
{
	urcu_memb_read_lock();
	cds_lfht_del(hierarchy->by_name, &name->link);
	urcu_memb_read_unlock();
}

static void free_name_rcu(struct rcu_head *head)
{
	ucg_grace_is_over(head);
	free(caa_container_of(head, struct ucg_name, rcu));
}

void ucg_name_replace(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		      struct ucg_name *name)
{
	struct ucg_name *old = ucg_name_of(group);

	ucg_name_unindex(hierarchy, old);
	atomic_store_explicit(&group->name, name, memory_order_release);
	ucg_name_index(hierarchy, name);
	ucg_free_after_grace(&old->rcu, free_name_rcu);
}
