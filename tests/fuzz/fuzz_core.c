/* links: journal core */
/* SPDX-License-Identifier: MIT */
/*
 * Random operations on core beside a naive model of the same: an array of groups without any index,
 * count or list, in which each rule is worked out anew from design.md §2.2 and kernel behaviour §1
 * and, for the columns of rules, §9.
 */
#include "fuzz.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include <urcu/urcu-memb.h>

#include "ucgroupfs/hierarchy.h"
#include "ucgroupfs/journal.h"

const char *const fuzz_alphabet = "\x10\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d";

#define GROUPS 64
#define NAMES 4

/* ---- the model ---- */

struct model_group {
	unsigned parent;
	char name;
	bool removed, notify, releasable, has_tasks, listed;
	bool waits;	   /* has a place on the release list, listed or withdrawn */
	char xattr[NAMES]; /* value of user.a and so on of the directory; 0: none */
};

struct model {
	struct model_group group[GROUPS];
	unsigned count;
	unsigned listed[4 * GROUPS], first, last; /* the release list */
	bool is_original;			  /* Linux 2.6.24 */
};

static unsigned children_of(const struct model *model, unsigned parent)
{
	unsigned count = 0;

	for (unsigned i = 1; i < model->count; i++)
		count += !model->group[i].removed && model->group[i].parent == parent;
	return count;
}

static unsigned child_of(const struct model *model, unsigned parent, char name)
{
	for (unsigned i = 1; i < model->count; i++)
		if (!model->group[i].removed && model->group[i].parent == parent &&
		    model->group[i].name == name)
			return i;
	return 0;
}

static bool model_populated(const struct model *model, unsigned id)
{
	if (model->group[id].removed)
		return false;
	if (!id || model->group[id].has_tasks)
		return true;
	for (unsigned i = 1; i < model->count; i++)
		if (model->group[i].parent == id && model_populated(model, i))
			return true;
	return false;
}

static void model_check_release(struct model *model, unsigned id)
{
	struct model_group *group = &model->group[id];

	if (!id || group->removed || !group->notify || !group->releasable || group->has_tasks ||
	    children_of(model, id) || group->listed)
		return;
	group->listed = group->waits = true;
	model->listed[model->last++ % (4 * GROUPS)] = id;
}

/* ---- both ---- */

struct both {
	struct model model;
	uint64_t base; /* ids are counted from here in the model: the hierarchy stays for all inputs
			*/
	struct ucg_hierarchy *hierarchy;
	struct ucg_journal journal;
	struct ucg_change change;
	bool populated[GROUPS]; /* before the operation */
};

static struct ucg_group_id real_id(const struct both *both, unsigned id)
{
	return (struct ucg_group_id){id ? both->base + id : 0};
}

static struct ucg_group *group_of(struct both *both, unsigned id)
{
	return ucg_group_find(both->hierarchy, real_id(both, id));
}

static void note_populated(struct both *both)
{
	for (unsigned i = 0; i < both->model.count; i++)
		both->populated[i] = model_populated(&both->model, i);
}

static bool is_listed_as_changed(const struct both *both, unsigned id)
{
	unsigned times = 0;

	for (size_t i = 0; i < both->change.populated_count; i++)
		times += both->change.populated_changed[i].value == real_id(both, id).value;
	FUZZ_CHECK(times <= 1, "group %u is listed %u times", id, times);
	return times;
}

/* The model has made its step; the change must say so and, committed, agree with it. */
static void check_populated_changes(const struct both *both)
{
	for (unsigned i = 0; i < both->model.count; i++) {
		bool flipped = !both->model.group[i].removed &&
			       model_populated(&both->model, i) != both->populated[i];

		FUZZ_CHECK(flipped == is_listed_as_changed(both, i), "populated of group %u", i);
	}
}

static void finish(struct both *both, int error, int expected, bool commit)
{
	FUZZ_CHECK(error == expected, "expected %d, got %d", expected, error);
	if (commit && !error) {
		check_populated_changes(both);
		ucg_commit(&both->journal, &both->change);
	}
	ucg_change_clear(&both->change);
}

/* ---- operations: each on the model first ---- */

static int model_make(struct model *model, unsigned parent, char name)
{
	const struct model_group *above = &model->group[parent];

	if (above->removed)
		return -ENOENT;
	if (child_of(model, parent, name))
		return -EEXIST;
	model->group[model->count++] = (struct model_group){
		.parent = parent, .name = name, .notify = above->notify && !model->is_original};
	return 0;
}

static void make(struct both *both, unsigned parent, char name)
{
	struct ucg_opener maker = {1, 1};
	struct timespec now = {0};
	struct ucg_group_id id;
	int error, expected;

	if (both->model.count == GROUPS || !group_of(both, parent))
		return;
	expected = model_make(&both->model, parent, name);
	error = ucg_group_make(both->hierarchy, group_of(both, parent), &name, 1, false, 0755,
			       &maker, now, &id, &both->change);
	finish(both, error, expected, true);
	FUZZ_CHECK(error || id.value == real_id(both, both->model.count - 1).value, "id %u",
		   (unsigned)id.value);
}

static int model_remove(struct model *model, unsigned id)
{
	struct model_group *group = &model->group[id];

	if (group->removed)
		return -ENOENT;
	if (!id || group->has_tasks || children_of(model, id))
		return -EBUSY;
	group->removed = true;
	group->listed &= !model->is_original;
	model->group[group->parent].releasable = true;
	model_check_release(model, group->parent);
	return 0;
}

static void remove_group(struct both *both, unsigned id)
{
	struct ucg_group *group = group_of(both, id);
	struct timespec now = {0};
	int expected;

	if (!group)
		return;
	expected = model_remove(&both->model, id);
	finish(both, ucg_group_remove(both->hierarchy, group, now, &both->change), expected, true);
}

static int model_rename(struct model *model, unsigned id, char name)
{
	struct model_group *group = &model->group[id];
	unsigned other = child_of(model, group->parent, name);

	if (!id || group->removed)
		return -ENOENT;
	if (other && other != id)
		return -EEXIST;
	group->name = name;
	return 0;
}

static void rename_group(struct both *both, unsigned id, char name)
{
	struct ucg_group *group = group_of(both, id);
	int expected;

	if (!group)
		return;
	expected = model_rename(&both->model, id, name);
	finish(both, ucg_group_rename(both->hierarchy, group, &name, 1, false, &both->change),
	       expected, true);
}

static void set_notify(struct both *both, unsigned id, bool value)
{
	struct ucg_group *group = group_of(both, id);

	if (!group || both->model.group[id].removed)
		return;
	both->model.group[id].notify = value;
	both->model.group[id].releasable = false;
	finish(both,
	       ucg_group_set_flag(both->hierarchy, group, UCG_GROUP_NOTIFY, value, &both->change),
	       0, true);
}

static void enter(struct both *both, unsigned id)
{
	struct ucg_group *group = group_of(both, id);

	if (!group)
		return;
	if (id && !both->model.group[id].removed)
		both->model.group[id].has_tasks = true;
	finish(both, ucg_group_entered(both->hierarchy, group, &both->change), 0, true);
}

static void empty(struct both *both, unsigned id)
{
	struct model_group *model = &both->model.group[id];
	struct ucg_group *group = group_of(both, id);

	if (!group)
		return;
	if (id && model->has_tasks) {
		model->has_tasks = false;
		model->releasable |= model->notify;
		model_check_release(&both->model, id);
	}
	finish(both, ucg_group_emptied(both->hierarchy, group, &both->change), 0, true);
}

static void task_left(struct both *both, unsigned id)
{
	struct ucg_group *group = group_of(both, id);

	if (!group || both->model.group[id].removed)
		return;
	both->model.group[id].releasable = true;
	finish(both, ucg_group_task_left(both->hierarchy, group, &both->change), 0, true);
}

static const char *xattr_name(unsigned name)
{
	static const char *const names[NAMES] = {"user.a", "user.b", "user.c", "user.d"};

	return names[name];
}

static void set_xattr(struct both *both, unsigned id, unsigned name, unsigned flags)
{
	char value = (char)('0' + flags), *model = &both->model.group[id].xattr[name];
	const struct ucg_xattr xattr = {.name = xattr_name(name), .value = &value, .length = 1};
	struct ucg_group *group = group_of(both, id);
	struct timespec now = {0};
	int expected = 0;

	if (!group)
		return;
	if (*model && flags & XATTR_CREATE)
		expected = -EEXIST;
	else if (!*model && flags & XATTR_REPLACE)
		expected = -ENODATA;
	else
		*model = value;
	finish(both,
	       ucg_xattr_set(both->hierarchy, group, UCG_FILE_DIR, 0, &xattr, (int)flags, now,
			     &both->change),
	       expected, true);
}

static void remove_xattr(struct both *both, unsigned id, unsigned name)
{
	struct ucg_group *group = group_of(both, id);
	char *model = &both->model.group[id].xattr[name];
	int expected = *model ? 0 : -ENODATA;

	if (!group)
		return;
	*model = 0;
	finish(both,
	       ucg_xattr_remove(both->hierarchy, group, UCG_FILE_DIR, xattr_name(name),
				&both->change),
	       expected, true);
}

/* The group whose turn it is; 0: none.  Those that were withdrawn are passed over. */
static unsigned model_take_release(struct model *model)
{
	while (model->first != model->last) {
		unsigned at = model->is_original ? --model->last : model->first++;
		struct model_group *group = &model->group[model->listed[at % (4 * GROUPS)]];

		group->waits = false;
		if (!group->listed)
			continue;
		group->listed = false;
		return model->listed[at % (4 * GROUPS)];
	}
	return 0;
}

/* The agent thread takes one; it must be the one that the model takes. */
static void take_release(struct both *both)
{
	struct ucg_release *release = ucg_release_next(both->hierarchy);
	unsigned id = model_take_release(&both->model);

	FUZZ_CHECK(!release == !id, "expected %u", id);
	if (release) {
		FUZZ_CHECK(release->record.group.value == real_id(both, id).value,
			   "expected %u, got %u", id, (unsigned)release->record.group.value);
		ucg_release_done(both->hierarchy, release);
	}
	ucg_release_collect(both->hierarchy);
}

/* Any operation, thrown away: the comparison after it must find nothing changed. */
static void throw_away(struct both *both, unsigned id)
{
	struct ucg_group *group = group_of(both, id);
	struct timespec now = {0};

	if (!group)
		return;
	ucg_group_remove(both->hierarchy, group, now, &both->change);
	ucg_change_clear(&both->change);
	ucg_group_emptied(both->hierarchy, group, &both->change);
	ucg_change_clear(&both->change);
	ucg_group_rename(both->hierarchy, group, "thrown", 6, false, &both->change);
	ucg_change_clear(&both->change);
	ucg_xattr_remove(both->hierarchy, group, UCG_FILE_DIR, xattr_name(0), &both->change);
	ucg_change_clear(&both->change);
}

/* ---- comparison ---- */

/* Removed groups are kept by a release or a child that are still there. */
static bool is_kept(const struct model *model, unsigned id)
{
	if (!model->group[id].removed || model->group[id].waits)
		return true;
	for (unsigned i = id + 1; i < model->count; i++)
		if (model->group[i].parent == id && is_kept(model, i))
			return true;
	return false;
}

static void compare_path(struct both *both, unsigned id)
{
	struct ucg_text path = {0};
	unsigned at = id;

	urcu_memb_read_lock();
	FUZZ_CHECK(!ucg_group_path(both->hierarchy, real_id(both, id), &path), "no path");
	urcu_memb_read_unlock();
	for (size_t end = path.length; at; at = both->model.group[at].parent, end -= 2)
		FUZZ_CHECK(end >= 2 && path.bytes[end - 2] == '/' &&
				   path.bytes[end - 1] == both->model.group[at].name,
			   "path of %u is \"%.*s\"", id, (int)path.length, path.bytes);
	ucg_text_clear(&path);
}

static void compare_group(struct both *both, unsigned id)
{
	const struct model_group *model = &both->model.group[id];
	struct ucg_group *group = group_of(both, id);
	uint32_t flags;

	FUZZ_CHECK(!group == !is_kept(&both->model, id), "group %u", id);
	if (!group)
		return;
	flags = ucg_group_record(group)->flags;
	FUZZ_CHECK(!(flags & UCG_GROUP_NOTIFY) == !model->notify, "notify of %u", id);
	FUZZ_CHECK(!(flags & UCG_GROUP_RELEASABLE) == !model->releasable, "releasable of %u", id);
	FUZZ_CHECK(!(flags & UCG_GROUP_REMOVED) == !model->removed, "removed of %u", id);
	FUZZ_CHECK(ucg_group_has_tasks(group) == (model->has_tasks || !id), "tasks of %u", id);
	FUZZ_CHECK(ucg_group_is_populated(group) == model_populated(&both->model, id),
		   "populated of %u", id);
	FUZZ_CHECK(ucg_group_child_count(group) == children_of(&both->model, id), "children of %u",
		   id);
	if (model->listed)
		FUZZ_CHECK(flags & UCG_GROUP_DUE, "due of %u", id);
	compare_path(both, id);
}

static void compare_names(struct both *both, unsigned id)
{
	const struct ucg_group *group = group_of(both, id);

	for (char name = 'a'; group && name < 'a' + NAMES; name++) {
		unsigned expected = child_of(&both->model, id, name);
		const struct ucg_group *child = ucg_group_child(both->hierarchy, group, &name, 1);

		FUZZ_CHECK(real_id(both, expected).value ==
				   (child ? ucg_group_id_of(child).value : 0),
			   "%c in %u", name, id);
	}
}

static void compare_xattr(struct both *both, unsigned id, unsigned name)
{
	char expected = both->model.group[id].xattr[name];
	struct ucg_xattr xattr;
	int error = ucg_xattr_get(both->hierarchy, group_of(both, id), UCG_FILE_DIR,
				  xattr_name(name), &xattr);

	FUZZ_CHECK(error == (expected ? 0 : -ENODATA), "%s of %u: %d", xattr_name(name), id, error);
	FUZZ_CHECK(error || (xattr.length == 1 && *(const char *)xattr.value == expected),
		   "value of %s of %u", xattr_name(name), id);
}

static void compare_xattrs(struct both *both, unsigned id)
{
	struct ucg_text names = {0};
	size_t at = 0;

	if (!group_of(both, id))
		return;
	FUZZ_CHECK(!ucg_xattr_list(group_of(both, id), UCG_FILE_DIR, false, &names), "no list");
	for (unsigned name = NAMES; name-- > 0;) {
		compare_xattr(both, id, name);
		if (!both->model.group[id].xattr[name])
			continue;
		FUZZ_CHECK(at < names.length && !strcmp(names.bytes + at, xattr_name(name)),
			   "list of %u lacks %s", id, xattr_name(name));
		at += strlen(xattr_name(name)) + 1;
	}
	FUZZ_CHECK(at == names.length, "list of %u is longer", id);
	ucg_text_clear(&names);
}

static void compare(struct both *both)
{
	for (unsigned id = 0; id < both->model.count; id++) {
		compare_group(both, id);
		compare_names(both, id);
		compare_xattrs(both, id);
	}
}

/* ---- the test ---- */

static void step(struct both *both, struct fuzz_input *input)
{
	unsigned operation = fuzz_byte(input) % 14;
	unsigned id = fuzz_byte(input) % both->model.count;

	note_populated(both);
	switch (operation) {
	case 0:
	case 1:
	case 2:
		make(both, id, (char)('a' + fuzz_byte(input) % NAMES));
		break;
	case 3:
		remove_group(both, id);
		break;
	case 4:
		rename_group(both, id, (char)('a' + fuzz_byte(input) % NAMES));
		break;
	case 5:
		set_notify(both, id, fuzz_byte(input) % 4);
		break;
	case 6:
	case 7:
		enter(both, id);
		break;
	case 8:
		empty(both, id);
		break;
	case 9:
		task_left(both, id);
		break;
	case 10:
		take_release(both);
		break;
	case 11:
		set_xattr(both, id, fuzz_byte(input) % NAMES,
			  fuzz_byte(input) & (XATTR_CREATE | XATTR_REPLACE));
		break;
	case 12:
		remove_xattr(both, id, fuzz_byte(input) % NAMES);
		break;
	default:
		throw_away(both, id);
		break;
	}
}

/* A hierarchy costs grace periods: so there is one, and each input leaves it as it was. */
static void start(struct both *both, const struct ucg_rules *rules)
{
	struct ucg_hierarchy_config config = {
		.name = "fuzz", .release_agent = "", .rules = rules, .root_mode = 0755};

	FUZZ_CHECK(!ucg_hierarchy_new(&config, &both->hierarchy), "no hierarchy");
	ucg_hierarchy_connect(both->hierarchy, &both->journal);
}

static void tidy_up(struct both *both)
{
	for (unsigned id = both->model.count - 1; id; id--) {
		note_populated(both);
		empty(both, id);
		note_populated(both);
		remove_group(both, id);
	}
	note_populated(both);
	set_notify(both, 0, false);
	for (unsigned name = 0; name < NAMES; name++)
		remove_xattr(both, 0, name);
	while (both->model.first != both->model.last)
		take_release(both);
	compare(both);
	for (unsigned id = 1; id < both->model.count; id++)
		FUZZ_CHECK(!group_of(both, id), "group %u is kept", id);
	both->base += both->model.count - 1;
}

static void try_input(struct both *both, struct fuzz_input input)
{
	both->model = (struct model){
		.count = 1,
		.is_original = ucg_hierarchy_rules(both->hierarchy) == &ucg_rules_2_6_24,
	};
	while (input.left) {
		step(both, &input);
		compare(both);
	}
	tidy_up(both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct both current, original;
	struct fuzz_input input = {data, size < 400 ? size : 400};

	if (!current.hierarchy) {
		urcu_memb_register_thread();
		start(&current, &ucg_rules_current);
		start(&original, &ucg_rules_2_6_24);
	}
	try_input(&current, input);
	try_input(&original, input);
	return 0;
}
