/* SPDX-License-Identifier: MIT */
#include "chain.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "hops.h"
#include "namespaces.h"

#define NAMESPACES_DEEP 3

/* One attack each; what they do is said where they are. */
static const struct shape {
	const char *name;
	void (*hop)(struct chain *chain);
	bool in_mixed;
} shapes[] = {
	/* hops.c */
	{"fork", hop_fork, true},
	{"twins", hop_twins, true},
	{"sibling", hop_sibling, true},
	{"session", hop_session, true},
	{"daemon", hop_daemon, true},
	{"spawn", hop_spawn, true},
	{"vfork", hop_vfork, true},
	{"leader", hop_leader, true},
	{"thread-exec", hop_thread_exec, true},
	{"set-tid", hop_set_tid, false},
	{"namespaces", hop_fork, false},
	/* hops_failing.c */
	{"refused", hop_refused, false},
	{"burn", hop_burn, false},
	/* hops_halted.c */
	{"traced", hop_traced, false},
	{"held-unborn", hop_held_unborn, false},
	{"held-born", hop_held_born, false},
	/* hops_wiped.c */
	{"limits", hop_limits, false},
	{"wiped", hop_wiped, false},
	{"lowered", hop_lowered, false},
	{"ionice", hop_ionice, false},
	{"copy", hop_copy, false},
	/* hops_users.c */
	{"setgid", hop_setgid, false},
	{"setuid", hop_setuid, false},
	{"setuid-root", hop_setuid_root, false},
	{"setuid-other", hop_setuid_other, false},
	{"su", hop_su, false},
	{"su-root", hop_su_root, false},
	{"sudo", hop_sudo, false},
	{"runuser", hop_runuser, false},
	{"mixed", hop_mixed, false},
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

uint32_t chain_random(struct chain *chain)
{
	chain->random = chain->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(chain->random >> 33);
}

_Noreturn void chain_end(bool is_failure)
{
	if (is_failure)
		board->failures++;
	board->chains--;
	_exit(0);
}

void chain_become(pid_t child)
{
	if (child < 0)
		chain_end(true);
	if (child > 0)
		_exit(0);
}

char **chain_words(const struct chain *chain, struct chain_words *words)
{
	char **argv = words->argv;

	snprintf(words->left, sizeof(words->left), "%u", chain->left);
	snprintf(words->random, sizeof(words->random), "%llu", (unsigned long long)chain->random);
	*argv++ = (char *)"attack";
	*argv++ = (char *)"resume";
	*argv++ = (char *)board_path;
	*argv++ = (char *)chain->shape;
	*argv++ = words->left;
	*argv++ = words->random;
	*argv = NULL;
	return words->argv;
}

void chain_exec(const struct chain *chain, const char *path)
{
	struct chain_words words;

	execv(path, chain_words(chain, &words));
}

void hop_mixed(struct chain *chain)
{
	const struct shape *shape;

	do
		shape = &shapes[chain_random(chain) % SHAPES];
	while (!shape->in_mixed);
	shape->hop(chain);
}

static const struct shape *find_shape(const char *name)
{
	for (size_t i = 0; i < SHAPES; i++)
		if (strcmp(shapes[i].name, name) == 0)
			return &shapes[i];
	return NULL;
}

int chain_shape_exists(const char *name)
{
	return find_shape(name) != NULL;
}

_Noreturn void chain_run(struct chain *chain)
{
	void (*hop)(struct chain *) = find_shape(chain->shape)->hop;

	for (;;) {
		board_pause();
		if (chain->left == 0)
			chain_end(false);
		chain->left--;
		board->hops++;
		hop(chain);
	}
}

static _Noreturn void start_chain(struct chain *chain)
{
	if (strcmp(chain->shape, "namespaces") == 0)
		enter_namespaces(1 + chain_random(chain) % NAMESPACES_DEEP);
	chain_run(chain);
}

void chains_start(const char *shape, unsigned chains, uint32_t hops, uint64_t seed)
{
	struct chain chain = {.shape = shape, .left = hops};

	board->chains += chains;
	for (unsigned i = 0; i < chains; i++) {
		chain.random = seed + i;
		for (int j = 0; j < 8; j++)
			chain_random(&chain);
		pid_t child = fork();

		if (child == 0)
			start_chain(&chain);
		if (child < 0) {
			board->chains--;
			board->failures++;
		}
	}
}
