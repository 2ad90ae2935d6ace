/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "board.h"
#include "hops.h"
#include "strangers.h"

#define REFUSED 5

/* After forks that RLIMIT_NPROC forbids. */
void hop_refused(struct chain *chain)
{
	struct rlimit before, none;

	(void)chain;
	getrlimit(RLIMIT_NPROC, &before);
	none = before;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NPROC, &none);
	for (int i = 0; i < REFUSED; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (child > 0 || errno != EAGAIN)
			board->failures++;
	}
	setrlimit(RLIMIT_NPROC, &before);
	chain_become(fork());
}

/* After forks that fail, one for each pid that there is. */
void hop_burn(struct chain *chain)
{
	(void)chain;
	if (burn_cycle(NULL, NULL) != 0)
		chain_end(true);
	chain_become(fork());
}
