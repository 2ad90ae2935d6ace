/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>
#include <stdlib.h>

/*
 * The tracker's events.  They come from within its calls, so also while a request is being settled,
 * and they can't be refused: one for which there is no memory is owed, and tried again before
 * anything else is served.
 */

/* Room is made ahead of need, so that it is there when memory is not. */
#define OWED_AHEAD 64

static int decide(struct ucg_fs *fs, const struct fs_owed *event, struct ucg_change *change)
{
	struct ucg_hierarchy *hierarchy = fs->config.hierarchy;
	struct ucg_group *group = ucg_group_find(hierarchy, event->group);
	int r;

	if (!group)
		return 0;
	r = event->emptied ? ucg_group_emptied(hierarchy, group, change)
			   : ucg_group_entered(hierarchy, group, change);
	return r ? r : fs_pollers_mark(fs, change);
}

static int apply(struct ucg_fs *fs, const struct fs_owed *event)
{
	struct ucg_change change = UCG_CHANGE_INIT;
	int r = decide(fs, event, &change);

	if (!r) {
		ucg_commit(fs->config.journal, &change);
		fs_pollers_notify(fs, &change);
	}
	ucg_change_clear(&change);
	return r;
}

static int make_room(struct ucg_fs *fs)
{
	size_t capacity = fs->owed_capacity ? fs->owed_capacity * 2 : 2 * OWED_AHEAD;
	struct fs_owed *owed;

	if (fs->owed_count + OWED_AHEAD <= fs->owed_capacity)
		return 0;
	owed = reallocarray(fs->owed, capacity, sizeof(*owed));
	if (!owed)
		return fs->owed_count < fs->owed_capacity ? 0 : -ENOMEM;
	fs->owed = owed;
	fs->owed_capacity = capacity;
	return 0;
}

int fs_owed_init(struct ucg_fs *fs)
{
	return make_room(fs);
}

static void owe(struct ucg_fs *fs, const struct fs_owed *event, int error)
{
	const char *what = event->emptied ? "emptied" : "entered";

	if (make_room(fs)) {
		ucg_log(fs->config.log, LOG_ERR,
			"group %llu was %s: lost, no memory for %zu events",
			(unsigned long long)event->group.value, what, fs->owed_count);
		return;
	}
	ucg_log(fs->config.log, LOG_ERR, "group %llu was %s: put off, error %d",
		(unsigned long long)event->group.value, what, -error);
	fs->owed[fs->owed_count++] = *event;
}

void fs_settle_owed(struct ucg_fs *fs)
{
	size_t done = 0;

	while (done < fs->owed_count && !apply(fs, &fs->owed[done]))
		done++;
	for (size_t i = done; i < fs->owed_count; i++)
		fs->owed[i - done] = fs->owed[i];
	fs->owed_count -= done;
}

static void deliver(struct ucg_fs *fs, struct fs_owed event)
{
	int r;

	/* Events of one group must not overtake each other. */
	fs_settle_owed(fs);
	r = fs->owed_count ? -ENOMEM : apply(fs, &event);
	if (r)
		owe(fs, &event, r);
}

void ucg_fs_entered(void *context, struct ucg_group_id group)
{
	deliver(context, (struct fs_owed){.group = group, .emptied = false});
}

void ucg_fs_emptied(void *context, struct ucg_group_id group)
{
	deliver(context, (struct fs_owed){.group = group, .emptied = true});
}

void ucg_fs_resume(void *context)
{
	struct ucg_fs *fs = context;

	fs->resume = true;
}
