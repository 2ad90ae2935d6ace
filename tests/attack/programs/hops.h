/* SPDX-License-Identifier: MIT */
#ifndef ATTACK_HOPS_H
#define ATTACK_HOPS_H

#include <stdint.h>

/* A chain: one process at a time, which makes the next and ends. */
struct chain {
	const char *shape;
	uint32_t left; /* hops */
	uint64_t random;
};

/* The next random number. */
uint32_t chain_random(struct chain *chain);

/* Makes all hops that are left; the last process of the chain ends in here. */
_Noreturn void chain_run(struct chain *chain);

/* Is there a shape of this name? */
int chain_shape_exists(const char *name);

#endif
