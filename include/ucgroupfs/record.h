/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_RECORD_H
#define UCGROUPFS_RECORD_H

#include <stdint.h>
#include <time.h>

#include "ucgroupfs/ids.h"

/*
 * The state of a mount as records: fixed size, addressed by id, without pointers (design.md §6).
 * Texts of variable length (a name, an agent's path) travel beside the record in the change.
 * Only ucg_commit() writes them; heap nodes and indices are built over them and can be rebuilt.
 */

enum ucg_group_flag {
	UCG_GROUP_NOTIFY = 1u << 0,	    /* notify_on_release */
	UCG_GROUP_RELEASABLE = 1u << 1,	    /* design.md §2.2 */
	UCG_GROUP_CLONE_CHILDREN = 1u << 2, /* cgroup.clone_children */
	UCG_GROUP_HAS_TASKS = 1u << 3,	    /* a live task of its own; as last settled */
	UCG_GROUP_DUE = 1u << 4,	    /* on the release list */
	UCG_GROUP_REMOVED = 1u << 5,
};

struct ucg_group_record {
	struct ucg_group_id id;
	struct ucg_group_id parent; /* the root's is itself */
	uint32_t flags;		    /* enum ucg_group_flag */
	uint32_t mode;	      /* of the directory as made: permission bits, S_ISVTX, S_ISGID */
	uint32_t uid, gid;    /* of the maker: directory and files */
	struct timespec made; /* all times of a node that nobody changed */
};

/* Attributes of a node, where anything of them was ever changed. */
struct ucg_node_record {
	struct ucg_node_id id;
	uint32_t mode; /* permission bits only */
	uint32_t uid, gid;
	struct timespec atime, mtime, ctime;
};

/* An extended attribute of a node that has a record.  @text of its image is the name, a NUL, and
 * the value; the end of an attribute has the name alone. */
struct ucg_xattr_record {
	struct ucg_node_id node;
	uint32_t name_length, value_length;
};

/* One open file. */
struct ucg_handle_record {
	struct ucg_handle_id id; /* 0: free */
	struct ucg_node_id node;
	uint32_t opener_uid, opener_gid; /* effective, at open(2) */
	uint32_t opener_pid;		 /* for messages only */
	uint32_t flags;			 /* enum ucg_handle_flag */
	uint64_t poll_handle;		 /* FUSE's kh of the waiting poller, 0: none */
	uint64_t offset;		 /* list files: read so far ... */
	uint64_t next_id;		 /* ... and the id at or after which it goes on */
};

enum ucg_handle_flag {
	UCG_HANDLE_READ_ONCE = 1u << 0, /* a record was read: POLLERR|POLLPRI is gone */
};

/* One call of the agent that is due.  @state alone changes after it was published. */
enum ucg_release_state {
	UCG_RELEASE_DUE = 1,
	UCG_RELEASE_CLAIMED = 2, /* compare-and-swap by the agent's process just before exec */
};

struct ucg_release_record {
	uint64_t id; /* grows with every release: the order of the list */
	struct ucg_group_id group;
	_Atomic uint32_t state;
};

#endif
