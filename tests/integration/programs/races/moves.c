/* SPDX-License-Identifier: MIT */
/* Attaches of one process to different groups. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "races.h"

static void group_of(int worker, char *name, size_t size)
{
	snprintf(name, size, "%s-%d", race.group, worker);
}

static void prepare_one_process(void)
{
	char name[64];

	race.victims[0] = new_victim();
	for (int i = 0; i < WORKERS; i++) {
		group_of(i, name, sizeof(name));
		expect(make(name) == 0, "mkdir: %s", strerror(errno));
		expect(store(name, "notify_on_release", "1") == 0, "flag: %s", strerror(errno));
	}
}

static int act_one_process(int worker)
{
	char name[64];

	group_of(worker, name, sizeof(name));
	return attach(name, race.victims[0]);
}

/* Each attach succeeds, so the process was in each group once, and is in the last still. */
static void check_one_process(void)
{
	char name[64];
	int holder = -1;

	for (int i = 0; i < WORKERS; i++) {
		group_of(i, name, sizeof(name));
		expect(race.results[i] == 0, "attach to %s", name);
		printf("call %s\n", name);
		if (!is_member(name, race.victims[0]))
			continue;
		expect(holder < 0, "in groups %d and %d at once", holder, i);
		holder = i;
	}
	expect(holder >= 0, "in no group");
	group_of(holder, name, sizeof(name));
	expect(removed(name) == EBUSY, "rmdir of the group that holds the process");
	end_victim(race.victims[0]);
	expect(!is_member(name, race.victims[0]), "%d is listed after its end", race.victims[0]);
	outcome("in-one");
}

const struct scenario one_process = {
	.name = "one-process",
	.set_up = nothing,
	.prepare = prepare_one_process,
	.act = act_one_process,
	.check = check_one_process,
	.tear_down = nothing,
};
