/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/tracker.h"

const char *const ucg_weakness_names[UCG_WEAKNESSES] = {
	[UCG_NO_HINT] = "no-hint",	   [UCG_NO_MARKER] = "no-marker",
	[UCG_UNMARKED] = "unmarked",	   [UCG_UNPROVED] = "unproved",
	[UCG_UNSEEN_EXIT] = "unseen-exit", [UCG_CHOSEN_PIDS] = "chosen-pids",
};
