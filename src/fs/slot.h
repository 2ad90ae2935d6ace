/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_FS_SLOT_H
#define UCGROUPFS_FS_SLOT_H

#include <stddef.h>
#include <stdint.h>

#include <urcu/list.h>

/*
 * Slots: the memory into which requests are read.  A request stays in its slot, byte for byte as it
 * was read, until it is answered; so one that has to wait can be handled again from the start.
 */

/* Largest write that is negotiated; with less the kernel splits one writev(2) into several
 * commands. */
#define FS_MAX_WRITE (1u << 20)
/* The headers of the request come before the data. */
#define FS_SLOT_BYTES (FS_MAX_WRITE + 4096u)

enum fs_slot_state {
	FS_SLOT_FREE,
	FS_SLOT_ARMED,	/* read(2) may put a request here */
	FS_SLOT_FILLED, /* holds a request that has not been answered */
};

struct fs_slot {
	struct cds_list_head link; /* in @free or @parked of fs_slots, or in none */
	enum fs_slot_state state;
	size_t length;	   /* bytes of the request */
	uint64_t since_ns; /* when it was read, CLOCK_MONOTONIC */
	char *bytes;	   /* FS_SLOT_BYTES, from mmap(2): touched on demand */
};

/* Serving thread alone. */
struct fs_slots {
	struct cds_list_head free;
	struct cds_list_head parked; /* in order of arrival */
	size_t free_count;
};

/* One slot, whose pages are there already.  Return: 0; -ENOMEM. */
int fs_slots_init(struct fs_slots *slots);

/* Parked requests are dropped without an answer. */
void fs_slots_deinit(struct fs_slots *slots);

/* Makes sure that the next fs_slots_take() succeeds.  Return: 0; -ENOMEM. */
int fs_slots_reserve(struct fs_slots *slots);

/* An armed slot, in no list; NULL: no memory. */
struct fs_slot *fs_slots_take(struct fs_slots *slots);

/* The request was answered. */
void fs_slots_put(struct fs_slots *slots, struct fs_slot *slot);

/* The request has to wait: behind those that are parked already. */
void fs_slots_park(struct fs_slots *slots, struct fs_slot *slot);

/* The request that has been parked longest of those in @list, taken out of it; NULL: none. */
struct fs_slot *fs_slots_unpark(struct cds_list_head *list);

#endif
