/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "ucgroupfs/scope.h"

#define USER "user."
#define TRUSTED "trusted."
#define SECURITY "security."

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Whether attributes of this name are stored. */
static int check_name(const char *name)
{
	static const char *const prefixes[] = {USER, TRUSTED, SECURITY};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (has_prefix(name, prefixes[i]))
			return name[strlen(prefixes[i])] ? 0 : -EINVAL;
	return -EOPNOTSUPP;
}

/* ---- the index ---- */

struct xattr_key {
	struct ucg_node_id node;
	const char *name;
};

static unsigned long key_hash(const struct xattr_key *key)
{
	return ucg_index_hash(key->node.value, ucg_name_hash(key->name, strlen(key->name)));
}

static int matches_key(struct cds_lfht_node *node, const void *key)
{
	const struct ucg_xattr_entry *entry = caa_container_of(node, struct ucg_xattr_entry, link);
	const struct xattr_key *wanted = key;

	return entry->record.node.value == wanted->node.value && !strcmp(entry->text, wanted->name);
}

static struct ucg_xattr_entry *find(struct ucg_hierarchy *hierarchy, struct ucg_node_id node,
				    const char *name)
{
	struct xattr_key key = {.node = node, .name = name};
	struct cds_lfht_node *found;
	struct cds_lfht_iter iter;

	urcu_memb_read_lock();
	cds_lfht_lookup(hierarchy->by_xattr, key_hash(&key), matches_key, &key, &iter);
	found = cds_lfht_iter_get_node(&iter);
	urcu_memb_read_unlock();
	return found ? caa_container_of(found, struct ucg_xattr_entry, link) : NULL;
}

static void add_to_index(struct ucg_hierarchy *hierarchy, struct ucg_xattr_entry *entry)
{
	struct xattr_key key = {.node = entry->record.node, .name = entry->text};

	urcu_memb_read_lock();
	cds_lfht_add(hierarchy->by_xattr, key_hash(&key), &entry->link);
	urcu_memb_read_unlock();
}

static void remove_from_index(struct ucg_hierarchy *hierarchy, struct ucg_xattr_entry *entry)
{
	urcu_memb_read_lock();
	cds_lfht_del(hierarchy->by_xattr, &entry->link);
	urcu_memb_read_unlock();
}

void ucg_xattrs_unindex(struct ucg_hierarchy *hierarchy, struct ucg_group *group)
{
	struct ucg_xattr_entry *entry;

	for (struct ucg_node_entry *node = group->nodes; node; node = node->next)
		cds_list_for_each_entry (entry, &node->xattrs, of_node)
			remove_from_index(hierarchy, entry);
}

/* ---- the attributes of a node ---- */

static void entry_free(struct ucg_xattr_entry *entry)
{
	free(entry->text);
	free(entry);
}

static void free_entry_rcu(struct rcu_head *head)
{
	ucg_grace_is_over(head);
	entry_free(caa_container_of(head, struct ucg_xattr_entry, rcu));
}

void ucg_xattrs_free(struct ucg_node_entry *node)
{
	struct ucg_xattr_entry *entry, *next;

	cds_list_for_each_entry_safe (entry, next, &node->xattrs, of_node)
		entry_free(entry);
}

static void insert(struct ucg_hierarchy *hierarchy, struct ucg_node_entry *node,
		   struct ucg_xattr_entry *entry)
{
	add_to_index(hierarchy, entry);
	cds_list_add(&entry->of_node, &node->xattrs);
	if (!has_prefix(entry->text, USER))
		return;
	node->user_xattrs++;
	node->user_xattr_bytes += entry->record.value_length;
}

static void drop(struct ucg_hierarchy *hierarchy, struct ucg_node_entry *node,
		 struct ucg_xattr_entry *entry)
{
	remove_from_index(hierarchy, entry);
	cds_list_del(&entry->of_node);
	if (has_prefix(entry->text, USER)) {
		node->user_xattrs--;
		node->user_xattr_bytes -= entry->record.value_length;
	}
	ucg_free_after_grace(&entry->rcu, free_entry_rcu);
}

void ucg_xattr_apply(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		     struct ucg_image *image)
{
	struct ucg_node_entry *node = ucg_node_find(group, ucg_node_file(image->xattr.node));
	struct ucg_xattr_entry *old = find(hierarchy, image->xattr.node, image->text);
	struct ucg_xattr_entry *entry = ucg_steal_pointer(&image->prepared);

	if (old)
		drop(hierarchy, node, old);
	if (image->forget) {
		free(ucg_steal_pointer(&image->text));
		return;
	}
	entry->record = image->xattr;
	entry->text = ucg_steal_pointer(&image->text);
	insert(hierarchy, node, entry);
}

/* ---- set and remove ---- */

/* The kernel counts the new value before it takes the old one's place. */
static int check_room(const struct ucg_node_entry *node, const struct ucg_xattr *xattr)
{
	size_t count = node ? node->user_xattrs : 0, bytes = node ? node->user_xattr_bytes : 0;

	if (!has_prefix(xattr->name, USER))
		return 0;
	if (count >= UCG_XATTR_USER_MAX || xattr->length > UCG_XATTR_USER_BYTES_MAX - bytes)
		return -ENOSPC;
	return 0;
}

static int check_flags(const struct ucg_xattr_entry *old, int flags)
{
	if (old)
		return flags & XATTR_CREATE ? -EEXIST : 0;
	return flags & XATTR_REPLACE ? -ENODATA : 0;
}

/* The attribute needs a record of its node; where the kernel kept no times, they begin with it. */
static int own_node(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		    mode_t table_mode, struct timespec now, struct ucg_change *change)
{
	const unsigned times = UCG_ATTR_ATIME | UCG_ATTR_MTIME | UCG_ATTR_CTIME;
	const struct ucg_attr attr = {.atime = now, .mtime = now, .ctime = now};

	if (ucg_node_find(group, file))
		return 0;
	return ucg_node_set(hierarchy, group, file, table_mode,
			    ucg_node_has_times(group, file) ? 0 : times, &attr, change);
}

int ucg_xattr_touch(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		    mode_t table_mode, struct timespec now, bool *begunp, struct ucg_change *change)
{
	*begunp = !ucg_node_has_times(group, file);
	return *begunp ? own_node(hierarchy, group, file, table_mode, now, change) : 0;
}

static int set_text(struct ucg_image *image, const struct ucg_xattr *xattr)
{
	struct ucg_xattr_record *record = &image->xattr;

	record->name_length = (uint32_t)strlen(xattr->name);
	record->value_length = (uint32_t)xattr->length;
	image->text_length = record->name_length + 1 + xattr->length;
	image->text = malloc(image->text_length);
	if (!image->text)
		return -ENOMEM;
	memcpy(image->text, xattr->name, record->name_length + 1);
	if (xattr->length)
		memcpy(image->text + record->name_length + 1, xattr->value, xattr->length);
	return 0;
}

int ucg_xattr_set(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		  mode_t table_mode, const struct ucg_xattr *xattr, int flags, struct timespec now,
		  struct ucg_change *change)
{
	struct ucg_node_id id = ucg_node_id(group->record.id, file);
	int error = check_name(xattr->name);
	struct ucg_image *image;

	if (!error)
		error = check_room(ucg_node_find(group, file), xattr);
	if (!error)
		error = check_flags(find(hierarchy, id, xattr->name), flags);
	if (!error)
		error = own_node(hierarchy, group, file, table_mode, now, change);
	if (error)
		return error;
	image = ucg_change_add(change, UCG_RECORD_XATTR);
	if (!image)
		return -ENOMEM;
	image->xattr.node = id;
	image->prepared = calloc(1, sizeof(struct ucg_xattr_entry));
	return image->prepared ? set_text(image, xattr) : -ENOMEM;
}

int ucg_xattr_remove(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		     const char *name, struct ucg_change *change)
{
	const struct ucg_xattr xattr = {.name = name};
	struct ucg_node_id id = ucg_node_id(group->record.id, file);
	int error = check_name(name);
	struct ucg_image *image;

	if (error)
		return error;
	if (!find(hierarchy, id, name))
		return -ENODATA;
	image = ucg_change_add(change, UCG_RECORD_XATTR);
	if (!image)
		return -ENOMEM;
	image->forget = true;
	image->xattr.node = id;
	return set_text(image, &xattr);
}

/* ---- get and list ---- */

int ucg_xattr_get(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		  const char *name, struct ucg_xattr *xattr)
{
	const struct ucg_xattr_entry *entry;
	int error = check_name(name);

	if (error)
		return error;
	entry = find(hierarchy, ucg_node_id(group->record.id, file), name);
	if (!entry)
		return -ENODATA;
	*xattr = (struct ucg_xattr){
		.name = entry->text,
		.value = entry->text + entry->record.name_length + 1,
		.length = entry->record.value_length,
	};
	return 0;
}

static int compare_descending(const void *left, const void *right)
{
	const struct ucg_xattr_entry *a = *(struct ucg_xattr_entry *const *)left;
	const struct ucg_xattr_entry *b = *(struct ucg_xattr_entry *const *)right;

	return strcmp(b->text, a->text);
}

static bool is_listed(const struct ucg_xattr_entry *entry, bool trusted)
{
	return trusted || !has_prefix(entry->text, TRUSTED);
}

/* Those of a node that are listed, sorted; NULL: no memory. */
static struct ucg_xattr_entry **sorted(const struct ucg_node_entry *node, bool trusted,
				       size_t *countp)
{
	struct ucg_xattr_entry *entry, **entries;
	size_t count = 0;

	cds_list_for_each_entry (entry, &node->xattrs, of_node)
		count += is_listed(entry, trusted);
	entries = calloc(count + 1, sizeof(*entries));
	if (!entries)
		return NULL;
	count = 0;
	cds_list_for_each_entry (entry, &node->xattrs, of_node)
		if (is_listed(entry, trusted))
			entries[count++] = entry;
	qsort(entries, count, sizeof(*entries), compare_descending);
	*countp = count;
	return entries;
}

int ucg_xattr_list(const struct ucg_group *group, unsigned file, bool trusted,
		   struct ucg_text *names)
{
	ucg_autofree struct ucg_xattr_entry **entries = NULL;
	const struct ucg_node_entry *node = ucg_node_find(group, file);
	size_t count = 0;
	int error = 0;

	if (!node)
		return 0;
	entries = sorted(node, trusted, &count);
	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; !error && i < count; i++)
		error = ucg_text_append(names, entries[i]->text,
					entries[i]->record.name_length + 1);
	return error;
}

bool ucg_xattr_has_trusted(const struct ucg_group *group, unsigned file)
{
	const struct ucg_node_entry *node = ucg_node_find(group, file);
	const struct ucg_xattr_entry *entry;

	if (!node)
		return false;
	cds_list_for_each_entry (entry, &node->xattrs, of_node)
		if (has_prefix(entry->text, TRUSTED))
			return true;
	return false;
}
