/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_HIERARCHY_H
#define UCGROUPFS_HIERARCHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <sys/types.h>

#include <urcu/wfcqueue.h>

#include "ucgroupfs/change.h"
#include "ucgroupfs/ids.h"
#include "ucgroupfs/journal.h"
#include "ucgroupfs/record.h"
#include "ucgroupfs/rules.h"
#include "ucgroupfs/text.h"

/*
 * The model: a hierarchy of groups, their flags, and the rules of release.  Pure: no system call,
 * no clock, no /proc, no FUSE.  All changes are made by one thread, the serving thread, through
 * ucg_commit().  Other threads may call what says so under `Context:`, inside an RCU read section;
 * they see only heap nodes that never change and are freed after a grace period.
 *
 * The serving thread is registered with RCU (liburcu-memb) and calls outside of RCU read sections.
 * ucg_hierarchy_new() and the first commit start helper threads of liburcu, which inherit the
 * signal mask: so the process must not fork afterwards other than to exec.
 */

/* Length of the path that is given to an agent, at most; what becomes of longer ones is up to the
 * rules. */
#define UCG_AGENT_PATH_MAX 4095

struct ucg_hierarchy;
struct ucg_group;

struct ucg_hierarchy_config {
	const char *name;	       /* borrowed for the call */
	const char *release_agent;     /* borrowed for the call; "" for none */
	const struct ucg_rules *rules; /* borrowed for life; NULL: ucg_rules_current */
	bool clone_children;	       /* the root's flag */
	uid_t mounter_uid;	       /* who may write release_agent; owner of the root */
	gid_t mounter_gid;
	mode_t root_mode; /* 0755; 0555 if the mounter is uid 0 in its namespace */
	struct timespec now;
};

/* Credentials of whoever opened the file (its effective ids), as in the kernel. */
struct ucg_opener {
	uid_t uid;
	gid_t gid;
};

/* Attributes of a node as stat(2) shows them. */
struct ucg_attr {
	struct ucg_node_id node;
	mode_t mode; /* with the file type */
	uid_t uid;
	gid_t gid;
	nlink_t links;
	struct timespec atime, mtime, ctime;
};

/* Which attributes a ucg_node_set() sets; the others keep their values. */
enum ucg_attr_mask {
	UCG_ATTR_MODE = 1u << 0,
	UCG_ATTR_UID = 1u << 1,
	UCG_ATTR_GID = 1u << 2,
	UCG_ATTR_ATIME = 1u << 3,
	UCG_ATTR_MTIME = 1u << 4,
	UCG_ATTR_CTIME = 1u << 5,
};

/* ---- hierarchy ---- */

/**
 * ucg_hierarchy_new() - an empty hierarchy with its root group
 * @hierarchyp: out, caller's; end it with ucg_hierarchy_free()
 * Context: the thread is registered with RCU.
 * Return: 0; -ENOMEM.
 */
int ucg_hierarchy_new(const struct ucg_hierarchy_config *config, struct ucg_hierarchy **hierarchyp);

/* Frees all; returns NULL.  Context: serving thread, when no other thread reads any more. */
struct ucg_hierarchy *ucg_hierarchy_free(struct ucg_hierarchy *hierarchy);

/* Registers core's kinds of record (GROUP, NODE, XATTR, RELEASE, AGENT) with the journal. */
void ucg_hierarchy_connect(struct ucg_hierarchy *hierarchy, struct ucg_journal *journal);

const char *ucg_hierarchy_name(const struct ucg_hierarchy *hierarchy);
uid_t ucg_hierarchy_mounter(const struct ucg_hierarchy *hierarchy);
/* Context: any thread. */
const struct ucg_rules *ucg_hierarchy_rules(const struct ucg_hierarchy *hierarchy);

/* A copy of the agent's path, "" if none.  Context: any thread, RCU read section.
 * Return: 0; -ENOMEM. */
int ucg_hierarchy_agent(struct ucg_hierarchy *hierarchy, struct ucg_text *agent);

/* The text is stored as given (control has stripped it).  Return: 0; -EPERM: @opener is not the
 * mounter; -ENOMEM.  Source: design.md §4. */
int ucg_hierarchy_set_agent(struct ucg_hierarchy *hierarchy, const struct ucg_opener *opener,
			    const char *text, size_t length, struct ucg_change *change);

/* ---- finding groups; Context: serving thread ---- */

struct ucg_group *ucg_hierarchy_root(struct ucg_hierarchy *hierarchy);
/* A removed group is found as long as it is pinned.  NULL: no such. */
struct ucg_group *ucg_group_find(struct ucg_hierarchy *hierarchy, struct ucg_group_id id);
struct ucg_group *ucg_group_child(struct ucg_hierarchy *hierarchy, const struct ucg_group *parent,
				  const char *name, size_t length);

/* The record, valid until the next commit. */
const struct ucg_group_record *ucg_group_record(const struct ucg_group *group);
static inline struct ucg_group_id ucg_group_id_of(const struct ucg_group *group)
{
	return ucg_group_record(group)->id;
}
bool ucg_group_is_root(const struct ucg_group *group);
bool ucg_group_is_removed(const struct ucg_group *group);
/* NULL: the root's. */
struct ucg_group *ucg_group_parent(const struct ucg_group *group);
/* Next group of the tree below (and with) @top, parents before their children: start with @top.
 * NULL: @group was the last.  No group of the tree may be removed meanwhile. */
struct ucg_group *ucg_group_next(const struct ucg_group *top, const struct ucg_group *group);
/* Has a live task of its own, as last settled. */
bool ucg_group_has_tasks(const struct ucg_group *group);
/* It or a descendant has a live task (the kernel's sense), as last settled.  The root always has
 * one. */
bool ucg_group_is_populated(const struct ucg_group *group);
size_t ucg_group_child_count(const struct ucg_group *group);
/* The name, NUL-terminated and *@length long; valid until the next commit. */
const char *ucg_group_name(const struct ucg_group *group, size_t *length);

/* The kernel's order of directory entries: by this hash of the name (31 bits; 0, 1 and INT_MAX are
 * never returned), then by name. */
uint32_t ucg_name_hash(const char *name, size_t length);

/* The children in the kernel's order of names.  Each has the position by which readdir goes on.
 * @entriesp: out, caller frees with free().  Return: 0; -ENOMEM. */
struct ucg_child_entry {
	struct ucg_group_id id;
	uint32_t hash;
};
int ucg_group_children(const struct ucg_group *group, struct ucg_child_entry **entriesp,
		       size_t *countp);
/* Grows with every mkdir, rmdir and rename in the group: tells whether a listing is outdated. */
uint64_t ucg_group_children_version(const struct ucg_group *group);

/* Path from the hierarchy's root, "/" + names, uncut, not NUL-terminated; also of a removed group.
 * Context: any thread, RCU read section.  Return: 0; -ENOENT: forgotten; -ENOMEM. */
int ucg_group_path(struct ucg_hierarchy *hierarchy, struct ucg_group_id id, struct ucg_text *path);

/* A removed group's record stays while it is pinned: by open handles, by nodes that FUSE's client
 * still knows (@count at once), by releases due, by removed groups below it that are pinned.  The
 * last unpinning of a removed group forgets it, and a removal without pins forgets it in the
 * commit.  Forgetting needs no change: which removed groups nobody holds can be told from the
 * records.
 * Context: serving thread. */
void ucg_group_pin(struct ucg_group *group, uint64_t count);
void ucg_group_unpin(struct ucg_hierarchy *hierarchy, struct ucg_group *group, uint64_t count);

/* ---- operations: each fills @change, and changes nothing itself.  Context: serving thread ---- */

/**
 * ucg_group_make() - mkdir
 * @mode:   permission bits with the umask applied; S_ISUID and S_ISGID in it are dropped
 * @opener: fsuid and fsgid of the maker; a parent with S_ISGID hands its gid and S_ISGID down
 * @reserved: the name is that of a control file present in @parent
 * @idp:    out: the new group's id
 * Return: 0; -ENOENT: @parent was removed; -EEXIST; -EINVAL: newline in @name; -ENOMEM.
 * Source: kernel behaviour §1.1, §1.2, §4 (flags are the parent's, as far as the rules say).
 */
int ucg_group_make(struct ucg_hierarchy *hierarchy, struct ucg_group *parent, const char *name,
		   size_t length, bool reserved, mode_t mode, const struct ucg_opener *opener,
		   struct timespec now, struct ucg_group_id *idp, struct ucg_change *change);

/**
 * ucg_group_remove() - rmdir; the group must have been settled
 * Sets the parent's RELEASABLE and checks the parent for release (design.md §2.2 c).  Whether a
 * release of @group that is due is withdrawn is up to the rules; whether the caller may remove it
 * has been decided by default_permissions.
 * Return: 0; -ENOENT: it was removed already; -EBUSY: it has a task or a child group, or is the
 *         root; -ENOMEM.
 */
int ucg_group_remove(struct ucg_hierarchy *hierarchy, struct ucg_group *group, struct timespec now,
		     struct ucg_change *change);

/**
 * ucg_group_rename() - rename within the same parent; everything else is an error of the caller's
 * @reserved: the new name is that of a control file present in the parent
 * Return: 0, also for the name that it has; -ENOENT: it was removed; -EINVAL: newline; -ENOTDIR:
 *         @reserved; -EEXIST: a group has that name; -ENOMEM.
 */
int ucg_group_rename(struct ucg_hierarchy *hierarchy, struct ucg_group *group, const char *name,
		     size_t length, bool reserved, struct ucg_change *change);

/**
 * ucg_group_set_flag() - a valid write of 0 or 1 to a flag file
 * @flag: UCG_GROUP_NOTIFY (also clears RELEASABLE) or UCG_GROUP_CLONE_CHILDREN
 * Return: 0; -ENOMEM.
 */
int ucg_group_set_flag(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		       enum ucg_group_flag flag, bool value, struct ucg_change *change);

/**
 * ucg_group_task_left() - tasks were moved out of @group to another group (design.md §2.2 b)
 * Sets RELEASABLE.  Whether the group became empty comes later, as ucg_group_emptied().
 * Return: 0; -ENOMEM.
 */
int ucg_group_task_left(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
			struct ucg_change *change);

/* A task was attached, or found, in @group: HAS_TASKS, populated of its ancestors.  Nothing to do
 * if it has tasks already or is the root.  Return: 0; -ENOMEM. */
int ucg_group_entered(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		      struct ucg_change *change);

/**
 * ucg_group_emptied() - the tracker declares that the last task of @group is gone
 * Sets RELEASABLE if notify_on_release is 1 (design.md §2.2 a; where the last task was moved out
 * the bit is set already, so one rule serves both), and checks for release.  Nothing to do if it
 * has no tasks already or is the root.
 * Return: 0; -ENOMEM.
 */
int ucg_group_emptied(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		      struct ucg_change *change);

/* ---- attributes ---- */

/* @file: UCG_FILE_DIR or a control file, whose mode by the table is @table_mode. */
void ucg_node_attr(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		   mode_t table_mode, struct ucg_attr *attr);
/* Sets what @mask names from @attr; the node has attributes of its own from then on.
 * Return: 0; -ENOMEM. */
int ucg_node_set(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		 mode_t table_mode, unsigned mask, const struct ucg_attr *attr,
		 struct ucg_change *change);

/* ---- extended attributes ---- */

/* What one node may have of user.*: so many, and so many bytes of values.  There is no limit to the
 * other namespaces, which only the privileged can write.  Source: kernfs. */
#define UCG_XATTR_USER_MAX 128
#define UCG_XATTR_USER_BYTES_MAX (128 << 10)

struct ucg_xattr {
	const char *name; /* NUL-terminated, with its prefix */
	const void *value;
	size_t length;
};

/**
 * ucg_xattr_touch() - what listing attributes, and trying to change one, does to a node
 * Where the kernel kept no times (root's nodes that nobody changed) they begin: @now is all of
 * them.
 * @begunp: out: so it is here
 * Return: 0; -ENOMEM.
 * Source: kernfs.
 */
int ucg_xattr_touch(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		    mode_t table_mode, struct timespec now, bool *begunp,
		    struct ucg_change *change);

/**
 * ucg_xattr_set() - setxattr
 * @flags: XATTR_CREATE, XATTR_REPLACE
 * The node gets a record, and is touched.
 * Return, in this order: -EOPNOTSUPP: the name has no prefix of those that are stored (user.,
 *         trusted., security.); -EINVAL: nothing follows it; -ENOSPC: there is no room in user.*
 *         for one more value of this length, even if it is to replace one; -EEXIST, -ENODATA: by
 *         the flags; -ENOMEM; 0.
 * Source: kernel behaviour §1.6.
 */
int ucg_xattr_set(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		  mode_t table_mode, const struct ucg_xattr *xattr, int flags, struct timespec now,
		  struct ucg_change *change);

/* Return: 0; -EOPNOTSUPP, -EINVAL: as above; -ENODATA: no such; -ENOMEM. */
int ucg_xattr_remove(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		     const char *name, struct ucg_change *change);

/* @xattr: out: borrowed, valid until the next commit.
 * Return: 0; -EOPNOTSUPP, -EINVAL: as above; -ENODATA: no such. */
int ucg_xattr_get(struct ucg_hierarchy *hierarchy, const struct ucg_group *group, unsigned file,
		  const char *name, struct ucg_xattr *xattr);

/* Appends the names of all, each with its NUL, in the kernel's order: from the last by strcmp(3) to
 * the first.  @trusted: those of trusted.* too.  Return: 0; -ENOMEM. */
int ucg_xattr_list(const struct ucg_group *group, unsigned file, bool trusted,
		   struct ucg_text *names);

/* Whether @trusted makes a difference. */
bool ucg_xattr_has_trusted(const struct ucg_group *group, unsigned file);

/* ---- the release list ---- */

/* One release due.  Published by the commit, given back with ucg_release_done(), freed by
 * ucg_release_collect().  @record.group is immutable; the group is pinned as long.  One that is
 * withdrawn is still there until the agent thread comes by. */
struct ucg_release {
	struct cds_wfcq_node link;
	struct ucg_release_record record;
};

/* The queue that core fills and the agent thread empties.  @wake (NULL: none) is called by the
 * serving thread after a release was put on it; filled in by main. */
struct ucg_release_list {
	struct cds_wfcq_head head;
	struct cds_wfcq_tail tail;
	void (*wake)(void *context);
	void *context;
};

struct ucg_release_list *ucg_hierarchy_releases(struct ucg_hierarchy *hierarchy);

/**
 * ucg_release_next() - take the release off the list whose turn it is by the rules
 * From here on the group may be put on the list again (kernel behaviour §6.2).
 * Context: the agent thread alone, RCU read section not needed; does not block.
 * Return: the release, to be given to ucg_release_done(); NULL: the list is empty.
 */
struct ucg_release *ucg_release_next(struct ucg_hierarchy *hierarchy);

/* The agent runs, or can't.  Context: the agent thread.  The record is forgotten and the group
 * unpinned by the serving thread when it next calls ucg_release_collect(). */
void ucg_release_done(struct ucg_hierarchy *hierarchy, struct ucg_release *release);

/* Forgets releases that are done.  Context: serving thread, at any time (e.g. once a commit). */
void ucg_release_collect(struct ucg_hierarchy *hierarchy);

#endif
