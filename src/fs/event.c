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

/* The news of an event that changes nothing else. */
static enum ucg_news news_of(enum fs_owed_what what)
{
	switch (what) {
	case FS_OWED_RESTATED:
		return UCG_NEWS_TRACKING;
	case FS_OWED_WAKING:
		return UCG_NEWS_POPULATED;
	default:
		return UCG_NEWS_NONE;
	}
}

static int decide(struct ucg_fs *fs, const struct fs_owed *event, struct ucg_change *change)
{
	struct ucg_hierarchy *hierarchy = fs->config.hierarchy;
	struct ucg_group *group = ucg_group_find(hierarchy, event->group);
	int r = 0;

	if (!group)
		return 0;
	switch (event->what) {
	case FS_OWED_ENTERED:
		r = ucg_group_entered(hierarchy, group, change);
		break;
	case FS_OWED_EMPTIED:
		r = ucg_group_emptied(hierarchy, group, change);
		break;
	case FS_OWED_RESTATED:
	case FS_OWED_WAKING:
		return fs_pollers_mark(fs, event->group, news_of(event->what), change);
	}
	return r ? r : fs_pollers_mark_all(fs, change);
}

static int apply(struct ucg_fs *fs, const struct fs_owed *event)
{
	struct ucg_change change = UCG_CHANGE_INIT;
	int r = decide(fs, event, &change);

	if (!r) {
		ucg_commit(fs->config.journal, &change);
		fs_pollers_notify_all(fs, &change);
		if (news_of(event->what))
			fs_pollers_notify(fs, event->group, news_of(event->what));
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

void fs_owe(struct ucg_fs *fs, enum fs_owed_what what, struct ucg_group_id group)
{
	static const char *const name[] = {
		[FS_OWED_ENTERED] = "entered",
		[FS_OWED_EMPTIED] = "emptied",
		[FS_OWED_RESTATED] = "change of tracking",
		[FS_OWED_WAKING] = "waking of pollers",
	};

	if (make_room(fs)) {
		ucg_log(fs->config.log, LOG_ERR, "group %llu: %s: lost, no memory",
			(unsigned long long)group.value, name[what]);
		return;
	}
	ucg_log(fs->config.log, LOG_ERR, "group %llu: %s: put off, no memory",
		(unsigned long long)group.value, name[what]);
	fs->owed[fs->owed_count++] = (struct fs_owed){.what = what, .group = group};
}

void fs_pay_owed(struct ucg_fs *fs)
{
	size_t done = 0;

	while (done < fs->owed_count && !apply(fs, &fs->owed[done]))
		done++;
	for (size_t i = done; i < fs->owed_count; i++)
		fs->owed[i - done] = fs->owed[i];
	fs->owed_count -= done;
}

static void deliver(struct ucg_fs *fs, enum fs_owed_what what, struct ucg_group_id group)
{
	const struct fs_owed event = {.what = what, .group = group};

	/* Events of one group must not overtake each other. */
	fs_pay_owed(fs);
	if (fs->owed_count || apply(fs, &event))
		fs_owe(fs, what, group);
}

void ucg_fs_entered(void *context, struct ucg_group_id group)
{
	deliver(context, FS_OWED_ENTERED, group);
}

void ucg_fs_emptied(void *context, struct ucg_group_id group)
{
	deliver(context, FS_OWED_EMPTIED, group);
}

void ucg_fs_restated(void *context, struct ucg_group_id group)
{
	deliver(context, FS_OWED_RESTATED, group);
}

void ucg_fs_resume(void *context)
{
	struct ucg_fs *fs = context;

	fs->resume = true;
}
