/* SPDX-License-Identifier: MIT */
/* Scenarios in which a group's last tasks end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "races.h"

/* ---- the group's end against rename and rmdir ---- */

/* Victims for the threads of the first kind, in the group. */
static void prepare_members(void)
{
	make_group("1");
	for (int i = 0; i < WORKERS; i += 2) {
		race.victims[i] = new_victim();
		expect(attach(race.group, race.victims[i]) == 0, "attach: %s", strerror(errno));
	}
}

static void new_name(int worker, char *name, size_t size)
{
	snprintf(name, size, "%s-%d", race.group, worker);
}

static int act_rename_release(int worker)
{
	char name[64];

	new_name(worker, name, sizeof(name));
	if (!is_first_kind(worker))
		return error_of(renameat(race.tree, race.group, race.tree, name));
	end_victim(race.victims[worker]);
	return 0;
}

static void check_rename_release(void)
{
	char name[64];

	expect(count(false, 0) == 1 && count(false, ENOENT) == WORKERS / 2 - 1, "not renamed once");
	for (int i = 1; i < WORKERS; i += 2) {
		new_name(i, name, sizeof(name));
		if (race.results[i] == 0)
			printf("call %s %s\n", race.group, name);
	}
	outcome("renamed");
}

const struct scenario rename_release = {
	.name = "rename-release",
	.set_up = nothing,
	.prepare = prepare_members,
	.act = act_rename_release,
	.check = check_rename_release,
	.tear_down = nothing,
};

static int act_exit_rmdir(int worker)
{
	int error;

	if (is_first_kind(worker)) {
		end_victim(race.victims[worker]);
		return 0;
	}
	do
		error = removed(race.group);
	while (error == EBUSY);
	return error;
}

static void check_exit_rmdir(void)
{
	expect(count(false, 0) == 1 && count(false, ENOENT) == WORKERS / 2 - 1, "not removed once");
	printf("call %s\n", race.group);
	outcome("removed");
}

const struct scenario exit_rmdir = {
	.name = "exit-rmdir",
	.set_up = nothing,
	.prepare = prepare_members,
	.act = act_exit_rmdir,
	.check = check_exit_rmdir,
	.tear_down = nothing,
};

/* ---- writes of the flag against the last exit ---- */

static const char *flag_before, *flag_after;

static void keep_flag(void)
{
	flag_before = flag_after = "1";
}

static void clear_flag(void)
{
	flag_before = "1";
	flag_after = "0";
}

static void raise_flag(void)
{
	flag_before = "0";
	flag_after = "1";
}

static void prepare_flag(void)
{
	make_group(flag_before);
	race.victims[0] = new_victim();
	expect(attach(race.group, race.victims[0]) == 0, "attach: %s", strerror(errno));
}

static int act_flag(int worker)
{
	if (worker > 0)
		return store(race.group, "notify_on_release", flag_after);
	end_victim(race.victims[0]);
	return 0;
}

static void check_flag(void)
{
	char text[64];

	for (int i = 0; i < WORKERS; i++)
		expect(race.results[i] == 0, "write");
	expect(load(race.group, "notify_on_release", 16, text, sizeof(text)) == 0 &&
		       text[0] == flag_after[0],
	       "the flag reads %s", text);
	printf("%s %s\n", flag_before == flag_after ? "call" : "call?", race.group);
	outcome("written");
}

const struct scenario flag_kept = {
	.name = "flag-kept",
	.set_up = keep_flag,
	.prepare = prepare_flag,
	.act = act_flag,
	.check = check_flag,
	.tear_down = nothing,
};

const struct scenario flag_cleared = {
	.name = "flag-cleared",
	.set_up = clear_flag,
	.prepare = prepare_flag,
	.act = act_flag,
	.check = check_flag,
	.tear_down = nothing,
};

const struct scenario flag_raised = {
	.name = "flag-raised",
	.set_up = raise_flag,
	.prepare = prepare_flag,
	.act = act_flag,
	.check = check_flag,
	.tear_down = nothing,
};
