/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_IDS_H
#define UCGROUPFS_IDS_H

#include <stdint.h>

/*
 * The identifiers, and what each can be turned into.  They are one-member structs, so that the
 * compiler refuses a mix-up.  None is a pointer: each must mean something to the next server.
 *
 * group id   one per group for the life of the hierarchy, never reused; the root's is 0.
 *            -> group: ucg_group_find()
 * node id    a group and one of its files: FUSE node id and inode number at once.
 *            -> group id and file by arithmetic; any (group, file) -> node id
 * handle id  one per open(2) of a node; -> handle record, nothing else
 * epoch      32 bits of the marker that a process carries -> group, by the tracker alone
 * pid        always of the daemon's own pid namespace inside; control translates at its edge
 */
struct ucg_group_id {
	uint64_t value;
};

struct ucg_node_id {
	uint64_t value;
};

struct ucg_handle_id {
	uint64_t value;
};

#define UCG_ROOT_ID ((struct ucg_group_id){0})

/* Bits of a node id that say which file of the group: 0 is never used, 1 is the directory
 * (so that the root directory is FUSE's node 1), 2 + n is row n of the table of control files. */
#define UCG_FILE_BITS 5
#define UCG_FILE_DIR 1u
#define UCG_FILE_CONTROL(row) ((unsigned)(row) + 2u)

static inline struct ucg_node_id ucg_node_id(struct ucg_group_id group, unsigned file)
{
	return (struct ucg_node_id){group.value << UCG_FILE_BITS | file};
}

static inline struct ucg_group_id ucg_node_group(struct ucg_node_id node)
{
	return (struct ucg_group_id){node.value >> UCG_FILE_BITS};
}

static inline unsigned ucg_node_file(struct ucg_node_id node)
{
	return (unsigned)(node.value & ((1u << UCG_FILE_BITS) - 1));
}

#endif
