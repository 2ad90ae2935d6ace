/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/journal.h"

#include <assert.h>

void ucg_commit(struct ucg_journal *journal, struct ucg_change *change)
{
	for (size_t i = 0; i < change->image_count; i++) {
		struct ucg_image *image = &change->image[i];
		const struct ucg_applier *applier = &journal->applier[image->kind];

		assert(applier->apply);
		applier->apply(applier->context, image);
	}
}
