/* SPDX-License-Identifier: MIT */
/*
 * Eight threads at once on the same groups.  Usage: races SCENARIO TREE ROUNDS
 *
 * A round makes a group, lets all threads go at the same moment, each to its part, and compares
 * what they got with the outcomes that locks allow.  Prints "outcome NAME COUNT" for each outcome
 * seen, and "call NAME..." for each call of the release agent that has to come, for one of these
 * names ("call?" if it may); a violation is one line, and exit status 1.  Groups for which a call
 * has to come are left: when it is busy, the kernel frees a removed group before its worker has
 * come to the call, and gives that up.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "races.h"

struct race race;

static const struct scenario *const scenarios[] = {
	&attach_rmdir, &mkdir_below,  &mkdir_rmdir, &rename_release, &exit_rmdir, &one_process,
	&flag_kept,    &flag_cleared, &flag_raised, &list,	     &all,
};

static const struct scenario *scenario;
static pthread_barrier_t start, finish;

/* Threads that come from a barrier run in much the same order each time. */
static void dawdle(int worker)
{
	for (volatile int i = rand_r(&race.seeds[worker]) % 20000; i > 0; i--)
		;
}

static void *work(void *argument)
{
	int worker = *(int *)argument;

	for (;;) {
		pthread_barrier_wait(&start);
		dawdle(worker);
		race.results[worker] = scenario->act(worker);
		pthread_barrier_wait(&finish);
	}
	return NULL;
}

static void start_workers(void)
{
	static int numbers[WORKERS];
	pthread_t thread;

	pthread_barrier_init(&start, NULL, WORKERS + 1);
	pthread_barrier_init(&finish, NULL, WORKERS + 1);
	for (int i = 0; i < WORKERS; i++) {
		numbers[i] = i;
		race.seeds[i] = (unsigned)i;
		expect(pthread_create(&thread, NULL, work, &numbers[i]) == 0, "pthread_create");
	}
}

static void run(int rounds)
{
	scenario->set_up();
	start_workers();
	for (race.round_number = 1; race.round_number <= rounds; race.round_number++) {
		snprintf(race.group, sizeof(race.group), "g%d", race.round_number);
		scenario->prepare();
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&finish);
		scenario->check();
	}
	scenario->tear_down();
	say_outcomes();
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 4 && i < sizeof(scenarios) / sizeof(*scenarios); i++)
		if (strcmp(argv[1], scenarios[i]->name) == 0)
			scenario = scenarios[i];
	race.tree = scenario ? open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (race.tree < 0) {
		fprintf(stderr, "usage: races SCENARIO TREE ROUNDS\n");
		return 2;
	}
	run(atoi(argv[3]));
	return 0;
}
