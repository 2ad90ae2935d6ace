/* SPDX-License-Identifier: MIT */
#ifndef UCG_TEST_WORLD_H
#define UCG_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/urcu-memb.h>

#include "ucgroupfs/hierarchy.h"

/*
 * A small world: one hierarchy, and a journal that applies.  Changes and whole trees are compared
 * as text, so that every field counts and a failure shows both sides.
 */
struct world {
	struct ucg_hierarchy *hierarchy;
	struct ucg_journal journal;
	struct ucg_change change; /* being filled */
	time_t now;
	struct ucg_opener user;
	/* Ends what was added to it, if anything was. */
	void (*at_end)(void *context);
	void *context;
};

#define MOUNTER 1000u

/* Set-up and tear-down of a whole program. */
static inline int world_register_thread(void **state)
{
	(void)state;
	urcu_memb_register_thread();
	return 0;
}

static inline int world_unregister_thread(void **state)
{
	(void)state;
	urcu_memb_unregister_thread();
	return 0;
}

static inline void world_start_with(struct world *world, const struct ucg_hierarchy_config *config)
{
	*world = (struct world){.now = 100, .user = {MOUNTER, MOUNTER}};
	assert_int_equal(ucg_hierarchy_new(config, &world->hierarchy), 0);
	ucg_hierarchy_connect(world->hierarchy, &world->journal);
}

static inline void world_start_by(struct world *world, const struct ucg_rules *rules)
{
	world_start_with(world, &(struct ucg_hierarchy_config){
					.name = "test",
					.release_agent = "",
					.rules = rules,
					.mounter_uid = MOUNTER,
					.mounter_gid = MOUNTER,
					.root_mode = 0755,
					.now = {.tv_sec = 1},
				});
}

static inline void world_start(struct world *world)
{
	world_start_by(world, &ucg_rules_current);
}

static inline void world_end(struct world *world)
{
	if (world->at_end)
		world->at_end(world->context);
	ucg_change_clear(&world->change);
	assert_null(ucg_hierarchy_free(world->hierarchy));
}

/* core is linked without the journal, so this is the commit of these tests. */
static inline void world_commit(struct world *world)
{
	for (size_t i = 0; i < world->change.image_count; i++) {
		struct ucg_image *image = &world->change.image[i];
		struct ucg_applier *applier = &world->journal.applier[image->kind];

		applier->apply(applier->context, image);
	}
	ucg_change_clear(&world->change);
}

/* ---- finding ---- */

static inline struct ucg_group *world_group(struct world *world, const char *path)
{
	struct ucg_group *group = ucg_hierarchy_root(world->hierarchy);

	while (group && *path) {
		size_t length;

		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length)
			group = ucg_group_child(world->hierarchy, group, path, length);
		path += length;
	}
	return group;
}

/* ---- operations that must succeed, each committed ---- */

static inline struct timespec world_now(struct world *world)
{
	return (struct timespec){.tv_sec = ++world->now};
}

static inline struct ucg_group *world_make_mode(struct world *world, const char *parent,
						const char *name, mode_t mode)
{
	struct ucg_group_id id;

	assert_int_equal(ucg_group_make(world->hierarchy, world_group(world, parent), name,
					strlen(name), false, mode, &world->user, world_now(world),
					&id, &world->change),
			 0);
	world_commit(world);
	return ucg_group_find(world->hierarchy, id);
}

static inline struct ucg_group *world_make(struct world *world, const char *parent,
					   const char *name)
{
	return world_make_mode(world, parent, name, 0755);
}

static inline void world_remove(struct world *world, const char *path)
{
	assert_int_equal(ucg_group_remove(world->hierarchy, world_group(world, path),
					  world_now(world), &world->change),
			 0);
	world_commit(world);
}

static inline void world_rename(struct world *world, const char *path, const char *name)
{
	assert_int_equal(ucg_group_rename(world->hierarchy, world_group(world, path), name,
					  strlen(name), false, &world->change),
			 0);
	world_commit(world);
}

static inline void world_notify(struct world *world, const char *path, bool value)
{
	assert_int_equal(ucg_group_set_flag(world->hierarchy, world_group(world, path),
					    UCG_GROUP_NOTIFY, value, &world->change),
			 0);
	world_commit(world);
}

static inline void world_enter(struct world *world, const char *path)
{
	assert_int_equal(
		ucg_group_entered(world->hierarchy, world_group(world, path), &world->change), 0);
	world_commit(world);
}

static inline void world_empty(struct world *world, const char *path)
{
	assert_int_equal(
		ucg_group_emptied(world->hierarchy, world_group(world, path), &world->change), 0);
	world_commit(world);
}

static inline void world_task_left(struct world *world, const char *path)
{
	assert_int_equal(
		ucg_group_task_left(world->hierarchy, world_group(world, path), &world->change), 0);
	world_commit(world);
}

static inline uint32_t world_flags(struct world *world, const char *path)
{
	return ucg_group_record(world_group(world, path))->flags;
}

/* ---- text ---- */

#define PRINT(text, ...) assert_int_equal(ucg_text_printf(text, __VA_ARGS__), 0)

/* Of what @text says so far, valid until it grows. */
static inline const char *text_string(struct ucg_text *text)
{
	assert_int_equal(ucg_text_reserve(text, 1), 0);
	text->bytes[text->length] = '\0';
	return text->bytes;
}

/* A letter for each flag, in the order of the bits. */
static inline void print_group_record(struct ucg_text *text, const struct ucg_group_record *record)
{
	static const char letters[] = "NRCTDX";
	char flags[] = "------";

	for (size_t i = 0; letters[i]; i++)
		if (record->flags & 1u << i)
			flags[i] = letters[i];
	PRINT(text, "%u<%u %s %04o %u:%u @%ld", (unsigned)record->id.value,
	      (unsigned)record->parent.value, flags, record->mode, record->uid, record->gid,
	      (long)record->made.tv_sec);
}

static inline void print_xattr(struct ucg_text *text, const struct ucg_image *image)
{
	const struct ucg_xattr_record *record = &image->xattr;

	assert_int_equal(image->text_length, record->name_length + 1 + record->value_length);
	PRINT(text, "xattr %u/%u %s '%s'='%.*s'\n", (unsigned)ucg_node_group(record->node).value,
	      ucg_node_file(record->node), image->forget ? "forget" : "set", image->text,
	      (int)record->value_length, image->text + record->name_length + 1);
}

static inline void print_image(struct ucg_text *text, const struct ucg_image *image)
{
	switch (image->kind) {
	case UCG_RECORD_GROUP:
		PRINT(text, "group ");
		print_group_record(text, &image->group);
		break;
	case UCG_RECORD_NODE:
		PRINT(text, "node %u/%u %04o %u:%u a%ld m%ld c%ld",
		      (unsigned)ucg_node_group(image->node.id).value, ucg_node_file(image->node.id),
		      image->node.mode, image->node.uid, image->node.gid,
		      (long)image->node.atime.tv_sec, (long)image->node.mtime.tv_sec,
		      (long)image->node.ctime.tv_sec);
		break;
	case UCG_RECORD_XATTR:
		print_xattr(text, image);
		return;
	case UCG_RECORD_RELEASE:
		PRINT(text, "release %u of %u", (unsigned)image->release.id,
		      (unsigned)image->release.group.value);
		break;
	case UCG_RECORD_AGENT:
		PRINT(text, "agent");
		break;
	default:
		fail_msg("kind %d is not core's", image->kind);
	}
	if (image->forget)
		PRINT(text, " forget");
	if (image->text) {
		assert_int_equal(strlen(image->text), image->text_length);
		PRINT(text, " '%s'", image->text);
	}
	PRINT(text, "\n");
}

/* The whole change must be @expected: a line an image, and one of ids if populated changed. */
static inline void assert_change(const struct ucg_change *change, const char *expected)
{
	struct ucg_text text = {0};

	for (size_t i = 0; i < change->image_count; i++)
		print_image(&text, &change->image[i]);
	if (change->populated_count)
		PRINT(&text, "populated");
	for (size_t i = 0; i < change->populated_count; i++)
		PRINT(&text, " %u", (unsigned)change->populated_changed[i].value);
	if (change->populated_count)
		PRINT(&text, "\n");
	assert_string_equal(text_string(&text), expected);
	ucg_text_clear(&text);
}

static inline void print_attr(struct ucg_text *text, struct world *world,
			      const struct ucg_group *group, unsigned file, mode_t table_mode)
{
	struct ucg_attr attr;

	ucg_node_attr(world->hierarchy, group, file, table_mode, &attr);
	PRINT(text, "%06o %u:%u links %u a%ld m%ld c%ld", attr.mode, attr.uid, attr.gid,
	      (unsigned)attr.links, (long)attr.atime.tv_sec, (long)attr.mtime.tv_sec,
	      (long)attr.ctime.tv_sec);
}

/* Everything there is to see of the world, one line a group. */
static inline char *world_picture(struct world *world)
{
	struct ucg_group *root = ucg_hierarchy_root(world->hierarchy);
	struct ucg_text text = {0};

	urcu_memb_read_lock();
	assert_int_equal(ucg_hierarchy_agent(world->hierarchy, &text), 0);
	for (struct ucg_group *group = root; group; group = ucg_group_next(root, group)) {
		PRINT(&text, "\n");
		assert_int_equal(ucg_group_path(world->hierarchy, ucg_group_id_of(group), &text),
				 0);
		PRINT(&text, " ");
		print_group_record(&text, ucg_group_record(group));
		PRINT(&text, " ");
		print_attr(&text, world, group, UCG_FILE_DIR, 0);
		PRINT(&text, " populated %d children %u", ucg_group_is_populated(group),
		      (unsigned)ucg_group_child_count(group));
	}
	urcu_memb_read_unlock();
	text_string(&text);
	return text.bytes;
}

#endif
