/* SPDX-License-Identifier: MIT */
#ifndef TRACK_PROBE_H
#define TRACK_PROBE_H

#include <stdbool.h>

#include "ucgroupfs/track.h"

/* Is this feature of the kernel here?  Asked once, at start. */
bool probe_kernel(enum ucg_probe probe);

/*
 * May a process of ours choose its pids, or set the cursor?  It takes CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE over the pid namespace, which our tasks have if we have it.
 */
bool probe_pids_are_chosen(void);

#endif
