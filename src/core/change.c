/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int grow(void **arrayp, size_t *capacityp, size_t wanted, size_t size)
{
	size_t capacity = *capacityp ? *capacityp : 4;
	void *array;

	if (wanted <= *capacityp)
		return 0;
	while (capacity < wanted)
		capacity *= 2;
	array = reallocarray(*arrayp, capacity, size);
	if (!array)
		return -ENOMEM;
	*arrayp = array;
	*capacityp = capacity;
	return 0;
}

int ucg_change_reserve(struct ucg_change *change, size_t images, size_t populated)
{
	void *image = change->image, *ids = change->populated_changed;
	int error;

	error = grow(&image, &change->image_capacity, change->image_count + images,
		     sizeof(*change->image));
	if (error)
		return error;
	change->image = image;
	error = grow(&ids, &change->populated_capacity, change->populated_count + populated,
		     sizeof(*change->populated_changed));
	if (error)
		return error;
	change->populated_changed = ids;
	return 0;
}

struct ucg_image *ucg_change_add(struct ucg_change *change, enum ucg_record_kind kind)
{
	struct ucg_image *image;

	if (ucg_change_reserve(change, 1, 0))
		return NULL;
	image = &change->image[change->image_count++];
	*image = (struct ucg_image){.kind = kind};
	return image;
}

int ucg_change_add_populated(struct ucg_change *change, struct ucg_group_id id)
{
	int error = ucg_change_reserve(change, 0, 1);

	if (error)
		return error;
	change->populated_changed[change->populated_count++] = id;
	return 0;
}

struct ucg_image *ucg_change_find_group(struct ucg_change *change, struct ucg_group_id id)
{
	for (size_t i = 0; i < change->image_count; i++) {
		struct ucg_image *image = &change->image[i];

		if (image->kind == UCG_RECORD_GROUP && image->group.id.value == id.value)
			return image;
	}
	return NULL;
}

struct ucg_image *ucg_change_group(struct ucg_change *change, struct ucg_group *group)
{
	struct ucg_image *image = ucg_change_find_group(change, group->record.id);

	if (image)
		return image;
	image = ucg_change_add(change, UCG_RECORD_GROUP);
	if (!image)
		return NULL;
	image->group = group->record;
	if (!ucg_release_is_listed(group))
		image->group.flags &= ~(uint32_t)UCG_GROUP_DUE;
	return image;
}

int ucg_image_set_text(struct ucg_image *image, const char *text, size_t length)
{
	image->text = malloc(length + 1);
	if (!image->text)
		return -ENOMEM;
	memcpy(image->text, text, length);
	image->text[length] = '\0';
	image->text_length = length;
	return 0;
}

static void image_clear(struct ucg_image *image)
{
	free(image->text);
	if (image->prepared && image->discard)
		image->discard(image->prepared);
	else
		free(image->prepared);
}

void ucg_change_clear(struct ucg_change *change)
{
	for (size_t i = 0; i < change->image_count; i++)
		image_clear(&change->image[i]);
	free(change->image);
	free(change->populated_changed);
	*change = UCG_CHANGE_INIT;
}
