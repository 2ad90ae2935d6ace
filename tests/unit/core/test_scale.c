/* SPDX-License-Identifier: MIT */
/* Sizes: a hundred thousand groups side by side, and a chain too deep to recurse into.  What a step
 * costs with many groups and with few is a figure of the benchmark. */
#include "one_world.h"

#include <malloc.h>
#include <stdio.h>

#define GROUPS 100000
#define TENTH (GROUPS / 10)
#define DEPTH 50000 /* under ASan a recursion would need more than the usual stack of 8 MiB */

static void furnish(void)
{
}

static const char *name_of(unsigned i)
{
	static char name[16];

	snprintf(name, sizeof(name), "job%u", i);
	return name;
}

static struct ucg_group *make_in(struct ucg_group *parent, const char *name)
{
	struct ucg_group_id id;

	assert_int_equal(ucg_group_make(world.hierarchy, parent, name, strlen(name), false, 0755,
					&world.user, world_now(&world), &id, &world.change),
			 0);
	world_commit(&world);
	return ucg_group_find(world.hierarchy, id);
}

static void remove_group(struct ucg_group *group)
{
	assert_int_equal(ucg_group_remove(world.hierarchy, group, world_now(&world), &world.change),
			 0);
	world_commit(&world);
}

static void check_all_are_listed_once(const struct ucg_group *parent)
{
	struct ucg_child_entry *entries;
	size_t count;

	assert_int_equal(ucg_group_children(parent, &entries, &count), 0);
	assert_int_equal(count, GROUPS);
	for (size_t i = 1; i < count; i++) {
		assert_true(entries[i - 1].hash <= entries[i].hash);
		assert_int_not_equal(entries[i - 1].id.value, entries[i].id.value);
	}
	free(entries);
}

static void for_all_groups(void (*step)(unsigned i))
{
	for (unsigned i = 0; i < GROUPS; i++)
		step(i);
}

static void make_step(unsigned i)
{
	make_in(ucg_hierarchy_root(world.hierarchy), name_of(i));
}

static void find_step(unsigned i)
{
	const char *name = name_of(i);
	struct ucg_group *group = ucg_group_child(
		world.hierarchy, ucg_hierarchy_root(world.hierarchy), name, strlen(name));

	assert_non_null(group);
	assert_int_equal(ucg_group_id_of(group).value, i + 1);
	assert_ptr_equal(ucg_group_find(world.hierarchy, (struct ucg_group_id){i + 1}), group);
}

static void remove_step(unsigned i)
{
	remove_group(ucg_group_find(world.hierarchy, (struct ucg_group_id){GROUPS - i}));
}

static void a_hundred_thousand_siblings_come_and_go(void **state)
{
	struct ucg_group *root = ucg_hierarchy_root(world.hierarchy);

	(void)state;
	for_all_groups(make_step);
	assert_int_equal(ucg_group_child_count(root), GROUPS);
	check_all_are_listed_once(root);
	for_all_groups(find_step);
	for_all_groups(remove_step);
	assert_int_equal(ucg_group_child_count(root), 0);
}

/* A chain: populated and forgotten over its whole length, by one task and one pin at its end. */
static void a_deep_chain_is_populated_and_forgotten_from_its_end(void **state)
{
	struct ucg_group *top = ucg_hierarchy_root(world.hierarchy), *group = top;
	struct ucg_text path = {0};

	(void)state;
	for (unsigned i = 0; i < DEPTH; i++)
		group = make_in(group, "d");
	assert_int_equal(ucg_group_entered(world.hierarchy, group, &world.change), 0);
	assert_int_equal(world.change.populated_count, DEPTH);
	world_commit(&world);
	assert_int_equal(ucg_group_emptied(world.hierarchy, group, &world.change), 0);
	world_commit(&world);
	urcu_memb_read_lock();
	assert_int_equal(ucg_group_path(world.hierarchy, ucg_group_id_of(group), &path), 0);
	urcu_memb_read_unlock();
	assert_int_equal(path.length, 2 * DEPTH);
	ucg_text_clear(&path);
	ucg_group_pin(group, 1);
	for (struct ucg_group *next = group; next != top; next = ucg_group_parent(next))
		remove_group(next);
	assert_non_null(ucg_group_find(world.hierarchy, (struct ucg_group_id){1}));
	ucg_group_unpin(world.hierarchy, group, 1);
	assert_null(ucg_group_find(world.hierarchy, (struct ucg_group_id){1}));
}

static size_t heap_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* design.md §7: at most 1 KiB a group, of which the journal's record takes a part. */
static void a_group_costs_less_than_half_a_kib(void **state)
{
	size_t before = heap_in_use(), used;

	(void)state;
	if (!before) /* a sanitizer's heap does not say */
		skip();
	for (unsigned i = 0; i < TENTH; i++)
		make_in(ucg_hierarchy_root(world.hierarchy), name_of(i));
	used = (heap_in_use() - before) / TENTH;
	print_message("a group costs %zu bytes\n", used);
	assert_in_range(used, sizeof(struct ucg_group_record), 512);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hundred_thousand_siblings_come_and_go),
		TEST(a_deep_chain_is_populated_and_forgotten_from_its_end),
		TEST(a_group_costs_less_than_half_a_kib),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
