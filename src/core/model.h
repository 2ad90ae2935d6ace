/* SPDX-License-Identifier: MIT */
#ifndef UCG_CORE_MODEL_H
#define UCG_CORE_MODEL_H

#include <stdatomic.h>

#include <urcu/urcu-memb.h>
#include <urcu/list.h>
#include <urcu/rculfhash.h>

#include "race.h"
#include "ucgroupfs/hierarchy.h"

/*
 * The heap nodes over the records.  Who may touch a field is said at the field:
 *   immutable       written before the node is published
 *   RCU             published by replacement, read by any thread inside an RCU read section
 *   serving thread  nobody else reads or writes it
 * What other threads read is stored with release and loaded with acquire order, because liburcu
 * before 0.15 hides its own barriers from the compiler's race detector.
 */

/* A group's name: replaced as a whole by a rename, so that it can be in the index under its key. */
struct ucg_name {
	struct cds_lfht_node link; /* hierarchy->by_name; serving thread */
	struct rcu_head rcu;	   /* serving thread, then liburcu */
	struct ucg_group *group;   /* immutable */
	uint32_t hash;		   /* immutable; ucg_name_hash() */
	uint32_t length;	   /* immutable */
	char bytes[];		   /* immutable, NUL-terminated */
};

/* Attributes of one node of a group that differ from those by which it was made.  Serving thread.
 */
struct ucg_node_entry {
	struct ucg_node_entry *next;
	struct cds_list_head xattrs;
	uint32_t user_xattrs, user_xattr_bytes; /* of @xattrs, what counts for the limits */
	struct ucg_node_record record;
};

/* An extended attribute: replaced as a whole. */
struct ucg_xattr_entry {
	struct cds_lfht_node link;    /* hierarchy->by_xattr; serving thread */
	struct cds_list_head of_node; /* in the node's @xattrs; serving thread */
	struct rcu_head rcu;	      /* serving thread, then liburcu */
	struct ucg_xattr_record record;
	char *text; /* name, NUL, value */
};

struct ucg_group {
	_Atomic uint64_t key;		  /* immutable; the id, as other threads read it */
	struct ucg_group *parent;	  /* immutable; NULL: the root.  Pinned by its children */
	_Atomic(struct ucg_name *) name;  /* RCU */
	_Atomic uint32_t on_release_list; /* see release.c */
	struct cds_lfht_node link;	  /* hierarchy->by_id; RCU */
	struct rcu_head rcu;		  /* serving thread, then liburcu */
	/* All that follows: serving thread. */
	struct ucg_group_record record;
	struct cds_list_head sibling; /* in the parent's @children, unless removed */
	struct cds_list_head children;
	size_t child_count;	   /* entries of @children */
	size_t populated_children; /* those of @children that are populated */
	uint64_t children_version;
	uint64_t pins; /* given by ucg_group_pin(), and one a child not yet forgotten */
	struct ucg_node_entry *nodes; /* at most one per file */
};

/* The agent's path. */
struct ucg_agent_text {
	struct rcu_head rcu;
	size_t length; /* immutable */
	char bytes[];  /* immutable */
};

struct ucg_hierarchy {
	char *name;				/* immutable */
	uid_t mounter;				/* immutable */
	const struct ucg_rules *rules;		/* immutable */
	_Atomic(struct ucg_agent_text *) agent; /* RCU */
	struct cds_lfht *by_id;			/* all groups that are not forgotten */
	struct cds_lfht *by_name;		/* names of all but the root and removed groups */
	struct cds_lfht *by_xattr;		/* all extended attributes */
	struct ucg_group *root;
	uint64_t next_group, next_release; /* serving thread */
	struct ucg_release_list due;
	struct ucg_release_entry *latest_due; /* agent thread; see release.c */
	struct __cds_wfcq_head
		done_head; /* filled by the agent thread, emptied by the serving one */
	struct cds_wfcq_tail done_tail;
};

/* ---- change.c ---- */

/* Room for so many more entries: adding them can't fail afterwards.  Return: 0; -ENOMEM. */
int ucg_change_reserve(struct ucg_change *change, size_t images, size_t populated);
int ucg_change_add_populated(struct ucg_change *change, struct ucg_group_id id);
/* The group's image in the change, made from its record if there is none yet; NULL: no memory. */
struct ucg_image *ucg_change_group(struct ucg_change *change, struct ucg_group *group);
/* Gives the image a text of its own, NUL-terminated.  Return: 0; -ENOMEM. */
int ucg_image_set_text(struct ucg_image *image, const char *text, size_t length);

/* ---- name.c ---- */

/* What is found by an id and a name is indexed by this hash of both. */
unsigned long ucg_index_hash(uint64_t id, uint32_t name_hash);
/* NULL: no memory. */
struct ucg_name *ucg_name_new(struct ucg_group *group, const char *bytes, size_t length);
void ucg_name_index(struct ucg_hierarchy *hierarchy, struct ucg_name *name);
void ucg_name_unindex(struct ucg_hierarchy *hierarchy, struct ucg_name *name);
/* The name as it is now.  Context: serving thread, or RCU read section. */
struct ucg_name *ucg_name_of(const struct ucg_group *group);
/* Takes the place of the group's name, which is freed after a grace period. */
void ucg_name_replace(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		      struct ucg_name *name);

/* ---- group.c ---- */

/* A group in no index yet, with @record; NULL: no memory. */
struct ucg_group *ucg_group_new(struct ucg_group *parent, const struct ucg_group_record *record,
				const char *name, size_t length);
/* Frees a group that nobody can see any more; void * for struct ucg_image. */
void ucg_group_free(void *group);
/* Makes a new group visible. */
void ucg_group_publish(struct ucg_hierarchy *hierarchy, struct ucg_group *group);
/* Takes a removed group out of its parent and of the index by name. */
void ucg_group_unlink(struct ucg_hierarchy *hierarchy, struct ucg_group *group);
/* Forgets a removed group that nobody pins, then its ancestors for which the same holds now. */
void ucg_group_forget_unpinned(struct ucg_hierarchy *hierarchy, struct ucg_group *group);

/* ---- node.c ---- */

struct ucg_node_entry *ucg_node_find(const struct ucg_group *group, unsigned file);
/* Whether the kernel keeps times for the node.  Otherwise they are made up for its inode, until
 * somebody changes an attribute; and they are kept from the start if anybody but root made the
 * group, whose owner is such a change.  Source: cgroup_kn_set_ugid(), kernfs. */
bool ucg_node_has_times(const struct ucg_group *group, unsigned file);
/* A child of the directory has come or gone.  Return: 0; -ENOMEM. */
int ucg_node_touch_dir(const struct ucg_group *group, struct timespec now,
		       struct ucg_change *change);
void ucg_node_apply(struct ucg_group *group, struct ucg_image *image);

/* ---- xattr.c ---- */

void ucg_xattr_apply(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		     struct ucg_image *image);
/* Takes all attributes of a group out of the index, before the group is freed. */
void ucg_xattrs_unindex(struct ucg_hierarchy *hierarchy, struct ucg_group *group);
/* Frees those of a node that nobody can see any more. */
void ucg_xattrs_free(struct ucg_node_entry *node);

/* ---- release.c ---- */

/* Puts @group on the release list if the image that the change has of it, and @children, say so.
 * Return: 0; -ENOMEM. */
int ucg_release_check(struct ucg_hierarchy *hierarchy, struct ucg_group *group, size_t children,
		      struct ucg_change *change);
/* What UCG_GROUP_DUE ought to be. */
bool ucg_release_is_listed(struct ucg_group *group);
/* The group is on the release list no more. */
void ucg_release_withdraw(struct ucg_group *group);
void ucg_release_init(struct ucg_hierarchy *hierarchy);
void ucg_release_deinit(struct ucg_hierarchy *hierarchy);
void ucg_release_apply(struct ucg_hierarchy *hierarchy, struct ucg_image *image);

#endif
