/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_MOUNTINFO_H
#define UCGROUPFS_CLI_MOUNTINFO_H

#include <stddef.h>
#include <sys/types.h>

/* The table of mounts, /proc/self/mountinfo, as far as it is wanted.  Older mounts stand first. */

#define UCG_MOUNT_TYPE "fuse.ucgroupfs"

struct ucg_mount_entry {
	dev_t device;
	/* unescaped; into ucg_mounts.text */
	const char *mountpoint;
	const char *type;
	const char *source;
	const char *super_options;
};

/* All zero is a valid empty one. */
struct ucg_mounts {
	struct ucg_mount_entry *entry;
	size_t count, capacity;
	char *text;
};

/**
 * ucg_mounts_parse() - take the table's text apart
 * @text:   from malloc, taken over on success alone; changed in any case
 * @mounts: all zero; end it with ucg_mounts_clear()
 * Return: 0; -EINVAL: not in the form of proc(5); -ENOMEM.
 */
int ucg_mounts_parse(char *text, struct ucg_mounts *mounts);

/* The table as of now.  Return: 0; as above; -errno: no /proc/self/mountinfo. */
int ucg_mounts_read(struct ucg_mounts *mounts);
void ucg_mounts_clear(struct ucg_mounts *mounts);

/* The oldest mount of ours with that name that @uid has made; NULL: none. */
const struct ucg_mount_entry *ucg_mounts_named(const struct ucg_mounts *mounts, const char *name,
					       uid_t uid);
/* What one sees at @mountpoint: the youngest mount there; NULL: none. */
const struct ucg_mount_entry *ucg_mounts_at(const struct ucg_mounts *mounts,
					    const char *mountpoint);

#endif
