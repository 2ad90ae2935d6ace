/* SPDX-License-Identifier: MIT */
/* All of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "races.h"

enum {
	SOME_OPERATIONS = 16,
	PLACES = 3,
};

static void place(int number, char *name, size_t size)
{
	snprintf(name, size, "place-%d", number);
}

static int list_place(const char *name)
{
	char text[4096];

	return load(name, "tasks", 1024, text, sizeof(text));
}

/* Whether an operation may end so while others make, rename and remove the groups. */
static bool is_possible(int what, int error)
{
	static const int allowed[][4] = {
		{0, EEXIST},
		{0, ENOENT, EBUSY},
		{0, ENOENT, EEXIST},
		{0, ENOENT, ENODEV},
	};
	const int *errors = allowed[what < 3 ? what : 3];

	for (int i = 0; i < 4; i++)
		if (errors[i] == error)
			return true;
	return false;
}

static int operate(int worker, int what)
{
	pid_t victim = race.victims[rand_r(&race.seeds[worker]) % WORKERS];
	char name[32], other[32];

	place(rand_r(&race.seeds[worker]) % PLACES, name, sizeof(name));
	place(rand_r(&race.seeds[worker]) % PLACES, other, sizeof(other));
	switch (what) {
	case 0:
		return make(name);
	case 1:
		return removed(name);
	case 2:
		return error_of(renameat(race.tree, name, race.tree, other));
	case 3:
		return list_place(name);
	case 4:
		return store(name, "notify_on_release", worker % 2 ? "1" : "0");
	case 5:
		return attach(".", victim);
	default:
		return attach(name, victim);
	}
}

static int act_all(int worker)
{
	for (int i = 0; i < SOME_OPERATIONS; i++) {
		int what = rand_r(&race.seeds[worker]) % 8;
		int error = operate(worker, what);

		if (!is_possible(what, error))
			snprintf(race.complaint[worker], sizeof(race.complaint[worker]),
				 "operation %d ended in %s", what, strerrorname_np(error));
	}
	return 0;
}

static void check_all(void)
{
	char name[32];

	for (int i = 0; i < WORKERS; i++) {
		int groups = 0;

		expect(!race.complaint[i][0], "thread %d: %s", i, race.complaint[i]);
		for (int p = 0; p < PLACES; p++) {
			place(p, name, sizeof(name));
			groups += is_member(name, race.victims[i]);
		}
		expect(groups <= 1, "%d is in %d groups", race.victims[i], groups);
		outcome(groups ? "in-a-group" : "in-the-root");
	}
}

static void tear_down_all(void)
{
	char name[32];

	for (int i = 0; i < WORKERS; i++)
		end_victim(race.victims[i]);
	for (int p = 0; p < PLACES; p++) {
		place(p, name, sizeof(name));
		if (exists(name))
			remove_at_last(name);
	}
}

const struct scenario all = {
	.name = "all",
	.set_up = set_up_victims,
	.prepare = nothing,
	.act = act_all,
	.check = check_all,
	.tear_down = tear_down_all,
};
