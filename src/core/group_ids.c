/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "ucgroupfs/tracker.h"

int ucg_group_ids_append(struct ucg_group_ids *ids, struct ucg_group_id id)
{
	if (ids->count == ids->capacity) {
		size_t capacity = ids->capacity ? ids->capacity * 2 : 4;
		struct ucg_group_id *array = reallocarray(ids->id, capacity, sizeof(*array));

		if (!array)
			return -ENOMEM;
		ids->id = array;
		ids->capacity = capacity;
	}
	ids->id[ids->count++] = id;
	return 0;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = ((const struct ucg_group_id *)left)->value;
	uint64_t b = ((const struct ucg_group_id *)right)->value;

	return (a > b) - (a < b);
}

void ucg_group_ids_sort(struct ucg_group_ids *ids)
{
	size_t kept = 0;

	if (ids->count)
		qsort(ids->id, ids->count, sizeof(*ids->id), compare);
	for (size_t i = 0; i < ids->count; i++)
		if (!kept || ids->id[i].value != ids->id[kept - 1].value)
			ids->id[kept++] = ids->id[i];
	ids->count = kept;
}

void ucg_group_ids_clear(struct ucg_group_ids *ids)
{
	free(ids->id);
	*ids = (struct ucg_group_ids){0};
}
