/* SPDX-License-Identifier: MIT */
/* Parts of scenarios. */
#include <errno.h>
#include <string.h>

#include "races.h"

bool is_first_kind(int worker)
{
	return worker % 2 == 0;
}

/* How many threads of one kind got this result. */
int count(bool first_kind, int result)
{
	int found = 0;

	for (int i = 0; i < WORKERS; i++)
		found += is_first_kind(i) == first_kind && race.results[i] == result;
	return found;
}

void make_group(const char *flag)
{
	expect(make(race.group) == 0, "mkdir: %s", strerror(errno));
	expect(store(race.group, "notify_on_release", flag) == 0, "flag: %s", strerror(errno));
}

void make_victims(int how_many)
{
	for (int i = 0; i < how_many; i++)
		race.victims[i] = new_victim();
}

void remove_at_last(const char *name)
{
	int error = removed(name);

	expect(error == 0, "rmdir of %s at the end: %s", name, strerror(error));
}

void set_up_victims(void)
{
	make_victims(WORKERS);
}

void nothing(void)
{
}
