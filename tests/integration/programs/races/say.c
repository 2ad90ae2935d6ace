/* SPDX-License-Identifier: MIT */
/* What is said. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "races.h"

static struct {
	const char *name;
	int count;
} outcomes[8];

void outcome(const char *name)
{
	int i = 0;

	while (outcomes[i].name && strcmp(outcomes[i].name, name) != 0)
		i++;
	outcomes[i].name = name;
	outcomes[i].count++;
}

void say_outcomes(void)
{
	for (int i = 0; outcomes[i].name; i++)
		printf("outcome %s %d\n", outcomes[i].name, outcomes[i].count);
}

void expect(bool condition, const char *format, ...)
{
	va_list args;

	if (condition)
		return;
	printf("round %d: ", race.round_number);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	for (int i = 0; i < WORKERS; i++)
		printf("%s %s", i ? "," : "; results:",
		       race.results[i] ? strerrorname_np(race.results[i]) : "ok");
	printf("\n");
	exit(1);
}
