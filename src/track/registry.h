/* SPDX-License-Identifier: MIT */
#ifndef TRACK_REGISTRY_H
#define TRACK_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Which hierarchies live: one file each, named by the number that its markers carry, locked by its
 * server as long as that lives, and removed when it has taken back all its marks.  The folder is
 * the user's, in $XDG_RUNTIME_DIR, /run/user/UID, root's /run, or else /tmp.
 *
 * D1. A hierarchy is dead if the registry has its file and nobody holds the lock.  For its server
 *     made the file, which nobody else can as long as it is there, and took the lock before it
 *     marked anything; the kernel drops the lock with the server's last descriptor of it, so at
 *     the server's end, however that comes about.  Its markers mean nothing to anybody then.
 * D2. Whatever has no file there counts as alive: that of another user, or of a container that has
 *     a folder of its own.  A number is random, so that one of those has the number of a dead one
 *     of ours happens once in 65,536 times.
 */
struct registry {
	int folder_fd; /* -1: there is none */
	int lock_fd;
	char *folder; /* its path, owned */
	char name[8];
};

/**
 * registry_enter() - take a number for a hierarchy, and be registered as alive
 * Return: 0; -errno of getrandom.  Without a folder to be had @registry->folder_fd is -1, and the
 * number is random all the same.
 */
int registry_enter(struct registry *registry, uint16_t *hierarchyp);

/* Is this hierarchy known to be dead (D1)? */
bool registry_is_dead(const struct registry *registry, uint16_t hierarchy);

/* @clean: no mark of ours is left. */
void registry_leave(struct registry *registry, bool clean);

#endif
