/* SPDX-License-Identifier: MIT */
/* Chains in a container of the system's. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board.h"
#include "chain.h"
#include "jobs.h"

#define OWN_WORDS 5 /* inside BOARD SHAPE CHAINS HOPS SEED, less the first */

static const char *const bwrap[] = {"bwrap", "--dev-bind", "/", "/", "--unshare-all", NULL};
static const char *const unshare[] = {"unshare", "-Urpf", NULL};

_Noreturn void run_contained(char **argv)
{
	const char *const *command = strcmp(argv[0], "bwrap") == 0 ? bwrap : unshare;
	static char self[4096];
	const char *words[16];
	size_t count = 0;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		board->failures++;
	while (*command)
		words[count++] = *command++;
	words[count++] = self;
	words[count++] = "inside";
	words[count++] = board_path;
	for (int i = 1; i < OWN_WORDS; i++)
		words[count++] = argv[i];
	words[count] = NULL;
	board_pause();
	execvp(words[0], (char **)words);
	board->failures++;
	_exit(1);
}

/* The namespace lasts as long as this. */
_Noreturn void run_inside(char **argv)
{
	chains_start(argv[0], (unsigned)atoi(argv[1]), (uint32_t)atoi(argv[2]),
		     strtoull(argv[3], NULL, 10));
	while (board->chains > 0 || wait(NULL) > 0)
		usleep(1000);
	_exit(0);
}
