/* SPDX-License-Identifier: MIT */
#ifndef UCG_TEST_ONE_WORLD_H
#define UCG_TEST_ONE_WORLD_H

#include "world.h"

/* The world of a test program, made anew for each test, in one of the two columns of rules. */
static struct world world;

/* The program's own: puts in what all of its tests need. */
static void furnish(void);

static inline int start_by(const struct ucg_rules *rules)
{
	world_start_by(&world, rules);
	furnish();
	return 0;
}

static inline int start(void **state)
{
	(void)state;
	return start_by(&ucg_rules_current);
}

static inline int start_original(void **state)
{
	(void)state;
	return start_by(&ucg_rules_2_6_24);
}

static inline int end(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

#endif
