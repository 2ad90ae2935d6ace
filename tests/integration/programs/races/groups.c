/* SPDX-License-Identifier: MIT */
/* Scenarios in which groups are made and removed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "races.h"

/* ---- attach against rmdir ---- */

/* Half of those who attach have the file open already. */
static void prepare_attach_rmdir(void)
{
	make_group("0");
	for (int i = 0; i < WORKERS; i += 4) {
		race.files[i] = open_file(race.group, "tasks", O_WRONLY);
		expect(race.files[i] > 0, "open: %s", strerror(errno));
	}
}

static int act_attach_rmdir(int worker)
{
	if (!is_first_kind(worker))
		return removed(race.group);
	return race.files[worker] ? write_pid(race.files[worker], race.victims[worker])
				  : attach(race.group, race.victims[worker]);
}

static void close_files(void)
{
	for (int i = 0; i < WORKERS; i++) {
		if (race.files[i])
			close(race.files[i]);
		race.files[i] = 0;
	}
}

static void check_attached(void)
{
	expect(count(false, EBUSY) == WORKERS / 2, "rmdir of a group with tasks");
	for (int i = 0; i < WORKERS; i += 2) {
		expect(is_member(race.group, race.victims[i]), "%d is not listed", race.victims[i]);
		expect(attach(".", race.victims[i]) == 0, "back to the root: %s", strerror(errno));
	}
	remove_at_last(race.group);
	outcome("attached");
}

static void check_attach_rmdir(void)
{
	close_files();
	if (count(true, 0) == WORKERS / 2) {
		check_attached();
		return;
	}
	expect(count(true, ENODEV) + count(true, ENOENT) == WORKERS / 2,
	       "attached to a removed group");
	expect(count(false, 0) == 1 && count(false, ENOENT) == WORKERS / 2 - 1, "not removed once");
	outcome("removed");
}

const struct scenario attach_rmdir = {
	.name = "attach-rmdir",
	.set_up = set_up_victims,
	.prepare = prepare_attach_rmdir,
	.act = act_attach_rmdir,
	.check = check_attach_rmdir,
	.tear_down = nothing,
};

/* ---- mkdir in a group against its rmdir ---- */

static void prepare_group(void)
{
	make_group("0");
}

static void child_name(char *name, size_t size)
{
	snprintf(name, size, "%s/child", race.group);
}

static int act_mkdir_below(int worker)
{
	char child[64];

	child_name(child, sizeof(child));
	return is_first_kind(worker) ? make(child) : removed(race.group);
}

static void check_mkdir_below(void)
{
	char child[64];

	child_name(child, sizeof(child));
	if (count(true, 0) == 0) {
		expect(count(true, ENOENT) == WORKERS / 2, "mkdir in a removed group");
		expect(count(false, 0) == 1 && count(false, ENOENT) == WORKERS / 2 - 1,
		       "not removed once");
		outcome("removed");
		return;
	}
	expect(count(true, 0) == 1 && count(true, EEXIST) == WORKERS / 2 - 1, "not made once");
	expect(count(false, EBUSY) == WORKERS / 2, "rmdir of a group with a child");
	remove_at_last(child);
	remove_at_last(race.group);
	outcome("made");
}

const struct scenario mkdir_below = {
	.name = "mkdir-below",
	.set_up = nothing,
	.prepare = prepare_group,
	.act = act_mkdir_below,
	.check = check_mkdir_below,
	.tear_down = nothing,
};

/* ---- mkdir against rmdir of one name ---- */

static int balance; /* 1: the group exists */

static int act_mkdir_rmdir(int worker)
{
	return is_first_kind(worker) ? make("one") : removed("one");
}

static void check_mkdir_rmdir(void)
{
	balance += count(true, 0) - count(false, 0);
	expect(count(true, 0) + count(true, EEXIST) == WORKERS / 2, "mkdir");
	expect(count(false, 0) + count(false, ENOENT) == WORKERS / 2, "rmdir");
	expect(balance == exists("one"), "made %d times more than removed", balance);
	outcome(count(true, 0) > 1 ? "made-again" : "made-once");
}

static void tear_down_mkdir_rmdir(void)
{
	if (balance)
		remove_at_last("one");
}

const struct scenario mkdir_rmdir = {
	.name = "mkdir-rmdir",
	.set_up = nothing,
	.prepare = nothing,
	.act = act_mkdir_rmdir,
	.check = check_mkdir_rmdir,
	.tear_down = tear_down_mkdir_rmdir,
};
