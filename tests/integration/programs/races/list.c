/* SPDX-License-Identifier: MIT */
/* Reads of a list while it changes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "races.h"

enum {
	RESIDENTS = 1000, /* their list is longer than what one read(2) returns */
};

static struct known {
	pid_t pid;
	bool resident; /* never moves */
} known[RESIDENTS + WORKERS];

static int by_pid(const void *a, const void *b)
{
	const struct known *left = a, *right = b;

	return (left->pid > right->pid) - (left->pid < right->pid);
}

/* The residents are born in the group. */
static void set_up_list(void)
{
	expect(make("list") == 0, "mkdir: %s", strerror(errno));
	make_victims(WORKERS);
	expect(attach("list", getpid()) == 0, "attach: %s", strerror(errno));
	for (int i = 0; i < RESIDENTS; i++)
		known[i] = (struct known){.pid = new_victim(), .resident = true};
	expect(attach(".", getpid()) == 0, "back to the root: %s", strerror(errno));
	for (int i = 0; i < WORKERS; i++)
		known[RESIDENTS + i].pid = race.victims[i];
	qsort(known, RESIDENTS + WORKERS, sizeof(*known), by_pid);
}

/* The residents all, strangers none, ascending: both lists are walked in step. */
static void check_list(const char *text, char *fault, size_t size)
{
	const struct known *next = known, *end = known + RESIDENTS + WORKERS;
	char *rest;

	fault[0] = '\0';
	for (; *text && !fault[0]; text = *rest == '\n' ? rest + 1 : rest) {
		pid_t pid = (pid_t)strtol(text, &rest, 10);

		for (; next < end && next->pid < pid && !next->resident; next++)
			;
		if (next < end && next->pid == pid && rest != text)
			next++;
		else
			snprintf(fault, size, "%.20s listed, where %d was due", text,
				 next < end ? next->pid : -1);
	}
	for (; next < end && !fault[0]; next++)
		if (next->resident)
			snprintf(fault, size, "%d is not listed", next->pid);
}

static int read_list(int worker)
{
	static const char *const names[] = {"tasks", "cgroup.procs"};
	static const size_t sizes[] = {100, 4096, 65536};
	static __thread char text[RESIDENTS * 16 + 65536 + 4096];
	int number = race.round_number + worker / 2;
	int error = load("list", names[number % 2], sizes[number % 3], text, sizeof(text));

	if (!error)
		check_list(text, race.complaint[worker], sizeof(race.complaint[worker]));
	return error;
}

static int act_list(int worker)
{
	int error;

	if (is_first_kind(worker))
		return read_list(worker);
	error = attach("list", race.victims[worker]);
	return error ? error : attach(".", race.victims[worker]);
}

static void check_list_round(void)
{
	for (int i = 0; i < WORKERS; i++) {
		expect(race.results[i] == 0, "read or attach");
		expect(!race.complaint[i][0], "thread %d: %s", i, race.complaint[i]);
	}
	outcome("read");
}

static void tear_down_list(void)
{
	for (int i = 0; i < RESIDENTS + WORKERS; i++)
		end_victim(known[i].pid);
	remove_at_last("list");
}

const struct scenario list = {
	.name = "list",
	.set_up = set_up_list,
	.prepare = nothing,
	.act = act_list,
	.check = check_list_round,
	.tear_down = tear_down_list,
};
