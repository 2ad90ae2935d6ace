/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_JOURNAL_H
#define UCGROUPFS_JOURNAL_H

#include "ucgroupfs/change.h"

/* One per mount.  All zero but the appliers, which main fills in before the first commit. */
struct ucg_journal {
	struct ucg_applier applier[UCG_RECORD_KINDS];
};

/**
 * ucg_commit() - make a change so: the only place where a record of the mount is written
 * @journal: the mount's
 * @change:  borrowed; images are applied in their order; populated_changed stays for the caller
 * Context: serving thread.  Does not block, cannot fail.
 */
void ucg_commit(struct ucg_journal *journal, struct ucg_change *change);

#endif
