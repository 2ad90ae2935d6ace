/* SPDX-License-Identifier: MIT */
#ifndef UCG_TEST_ONE_WORLD_H
#define UCG_TEST_ONE_WORLD_H

#include "world.h"

/* For tests that need nothing but a world each. */
static struct world world;

static int start(void **state)
{
	(void)state;
	world_start(&world);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

#endif
