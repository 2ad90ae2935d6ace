/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* More free ones than this are unmapped: a burst of parked requests is rare. */
#define FREE_MAX 4

static struct fs_slot *slot_new(int mmap_flags)
{
	struct fs_slot *slot = malloc(sizeof(*slot));

	if (!slot)
		return NULL;
	*slot = (struct fs_slot){.state = FS_SLOT_FREE};
	slot->bytes = mmap(NULL, FS_SLOT_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | mmap_flags, -1, 0);
	if (slot->bytes == MAP_FAILED) {
		free(slot);
		return NULL;
	}
	return slot;
}

static void slot_free(struct fs_slot *slot)
{
	/* Cannot fail: a whole mapping of our own. */
	munmap(slot->bytes, FS_SLOT_BYTES);
	free(slot);
}

static void add_free(struct fs_slots *slots, struct fs_slot *slot)
{
	slot->state = FS_SLOT_FREE;
	slot->length = 0;
	/* First in, first out of the processor's caches: the list is a stack. */
	cds_list_add(&slot->link, &slots->free);
	slots->free_count++;
}

int fs_slots_init(struct fs_slots *slots)
{
	struct fs_slot *slot;

	CDS_INIT_LIST_HEAD(&slots->free);
	CDS_INIT_LIST_HEAD(&slots->parked);
	slots->free_count = 0;
	slot = slot_new(MAP_POPULATE);
	if (!slot)
		return -ENOMEM;
	add_free(slots, slot);
	return 0;
}

static void free_all(struct cds_list_head *list)
{
	struct fs_slot *slot, *next;

	cds_list_for_each_entry_safe (slot, next, list, link)
		slot_free(slot);
	CDS_INIT_LIST_HEAD(list);
}

void fs_slots_deinit(struct fs_slots *slots)
{
	free_all(&slots->free);
	free_all(&slots->parked);
	slots->free_count = 0;
}

int fs_slots_reserve(struct fs_slots *slots)
{
	struct fs_slot *slot;

	if (!cds_list_empty(&slots->free))
		return 0;
	slot = slot_new(0);
	if (!slot)
		return -ENOMEM;
	add_free(slots, slot);
	return 0;
}

struct fs_slot *fs_slots_take(struct fs_slots *slots)
{
	struct fs_slot *slot;

	if (fs_slots_reserve(slots))
		return NULL;
	slot = cds_list_first_entry(&slots->free, struct fs_slot, link);
	cds_list_del(&slot->link);
	slots->free_count--;
	slot->state = FS_SLOT_ARMED;
	slot->length = 0;
	return slot;
}

void fs_slots_put(struct fs_slots *slots, struct fs_slot *slot)
{
	if (slots->free_count >= FREE_MAX) {
		slot_free(slot);
		return;
	}
	add_free(slots, slot);
}

void fs_slots_park(struct fs_slots *slots, struct fs_slot *slot)
{
	cds_list_add_tail(&slot->link, &slots->parked);
}

struct fs_slot *fs_slots_unpark(struct cds_list_head *list)
{
	struct fs_slot *slot;

	if (cds_list_empty(list))
		return NULL;
	slot = cds_list_first_entry(list, struct fs_slot, link);
	cds_list_del(&slot->link);
	return slot;
}
