/* SPDX-License-Identifier: MIT */
#ifndef ATTACK_CHAIN_H
#define ATTACK_CHAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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

/* So many chains, of which each has its first process as child of the caller. */
void chains_start(const char *shape, unsigned chains, uint32_t hops, uint64_t seed);

/* ---- for hops ---- */

_Noreturn void chain_end(bool is_failure);

/* After a fork that returned @child the caller goes on in the child alone. */
void chain_become(pid_t child);

/* What goes on with the chain after exec. */
struct chain_words {
	char left[16], random[24];
	char *argv[8];
};

char **chain_words(const struct chain *chain, struct chain_words *words);

/* Goes on with the chain in the program @path; returns only if that fails. */
void chain_exec(const struct chain *chain, const char *path);

#endif
