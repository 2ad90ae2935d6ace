/* SPDX-License-Identifier: MIT */
#include "one_world.h"

#include <stdio.h>

static void furnish(void)
{
}

/* ---- a change is all there is, and nothing before it is committed ---- */

/* Runs after an operation that filled world.change: throws it away and compares with before. */
static void check_thrown_away(char *before)
{
	char *after;

	ucg_change_clear(&world.change);
	after = world_picture(&world);
	assert_string_equal(after, before);
	free(after);
	free(before);
}

/* What an operation returned, whose change is then thrown away. */
static void check_refused(int result, int expected, char *before)
{
	assert_int_equal(result, expected);
	check_thrown_away(before);
}

static int try_make(const char *parent, const char *name, bool reserved)
{
	struct ucg_group_id id;

	return ucg_group_make(world.hierarchy, world_group(&world, parent), name, strlen(name),
			      reserved, 0755, &world.user, world_now(&world), &id, &world.change);
}

static int try_remove(const char *path)
{
	return ucg_group_remove(world.hierarchy, world_group(&world, path), world_now(&world),
				&world.change);
}

static int try_rename(const char *path, const char *name, bool reserved)
{
	return ucg_group_rename(world.hierarchy, world_group(&world, path), name, strlen(name),
				reserved, &world.change);
}

static void a_change_thrown_away_leaves_no_trace(void **state)
{
	struct ucg_attr attr = {.mode = 0700, .uid = 7};
	char *before;

	(void)state;
	world_make(&world, "/", "a");
	world_make(&world, "/a", "b");
	world_notify(&world, "/a", true);
	before = world_picture(&world);
	assert_int_equal(try_make("/a", "c", false), 0);
	check_thrown_away(before);
	before = world_picture(&world);
	assert_int_equal(try_remove("/a/b"), 0);
	check_thrown_away(before);
	before = world_picture(&world);
	assert_int_equal(try_rename("/a", "z", false), 0);
	check_thrown_away(before);
	before = world_picture(&world);
	assert_int_equal(ucg_group_set_flag(world.hierarchy, world_group(&world, "/a"),
					    UCG_GROUP_NOTIFY, false, &world.change),
			 0);
	check_thrown_away(before);
	before = world_picture(&world);
	assert_int_equal(ucg_node_set(world.hierarchy, world_group(&world, "/a"), UCG_FILE_DIR, 0,
				      UCG_ATTR_MODE | UCG_ATTR_UID, &attr, &world.change),
			 0);
	check_thrown_away(before);
	before = world_picture(&world);
	assert_int_equal(
		ucg_hierarchy_set_agent(world.hierarchy, &world.user, "/x", 2, &world.change), 0);
	check_thrown_away(before);
	before = world_picture(&world);
	assert_int_equal(
		ucg_group_entered(world.hierarchy, world_group(&world, "/a/b"), &world.change), 0);
	check_thrown_away(before);
	assert_null(ucg_release_next(world.hierarchy));
}

/* An id is taken by the commit, so a change thrown away takes none. */
static void an_id_thrown_away_is_given_out_again(void **state)
{
	(void)state;
	assert_int_equal(try_make("/", "a", false), 0);
	ucg_change_clear(&world.change);
	assert_int_equal(ucg_group_id_of(world_make(&world, "/", "b")).value, 1);
}

/* ---- the root ---- */

static void the_root_is_as_configured(void **state)
{
	char *picture = world_picture(&world);

	(void)state;
	assert_string_equal(picture, "\n/ 0<0 ---T-- 0755 1000:1000 @1 "
				     "040755 1000:1000 links 2 a1 m1 c1 populated 1 children 0");
	free(picture);
	assert_string_equal(ucg_hierarchy_name(world.hierarchy), "test");
	assert_int_equal(ucg_hierarchy_mounter(world.hierarchy), MOUNTER);
	assert_true(ucg_group_is_root(ucg_hierarchy_root(world.hierarchy)));
	assert_null(ucg_group_parent(ucg_hierarchy_root(world.hierarchy)));
	assert_int_equal(
		ucg_node_id(ucg_group_id_of(ucg_hierarchy_root(world.hierarchy)), UCG_FILE_DIR)
			.value,
		1);
}

static void clone_children_of_the_root_is_an_option(void **state)
{
	struct world other;

	(void)state;
	world_start_with(&other, &(struct ucg_hierarchy_config){.name = "n",
								.release_agent = "/agent",
								.clone_children = true,
								.root_mode = 0555});
	assert_int_equal(world_flags(&other, "/"), UCG_GROUP_CLONE_CHILDREN | UCG_GROUP_HAS_TASKS);
	assert_int_equal(ucg_group_record(ucg_hierarchy_root(other.hierarchy))->mode, 0555);
	assert_null(ucg_hierarchy_free(other.hierarchy));
}

/* ---- make ---- */

static void a_new_group_is_an_image_beside_the_times_of_its_parent(void **state)
{
	(void)state;
	assert_int_equal(try_make("/", "a", false), 0);
	assert_change(&world.change, "group 1<0 ------ 0755 1000:1000 @101 'a'\n"
				     "node 0/1 0755 1000:1000 a1 m101 c101\n");
	world_commit(&world);
	assert_int_equal(try_make("/a", "b", false), 0);
	assert_change(&world.change, "group 2<1 ------ 0755 1000:1000 @102 'b'\n"
				     "node 1/1 0755 1000:1000 a101 m102 c102\n");
}

static void a_new_group_is_found_by_id_name_and_path(void **state)
{
	struct ucg_group *a = world_make(&world, "/", "a");
	struct ucg_group *b = world_make(&world, "/a", "b");
	struct ucg_text path = {0};
	size_t length;

	(void)state;
	assert_ptr_equal(ucg_group_find(world.hierarchy, ucg_group_id_of(b)), b);
	assert_ptr_equal(world_group(&world, "/a/b"), b);
	assert_ptr_equal(ucg_group_parent(b), a);
	assert_null(world_group(&world, "/b"));
	assert_string_equal(ucg_group_name(b, &length), "b");
	assert_int_equal(length, 1);
	PRINT(&path, "path ");
	urcu_memb_read_lock();
	assert_int_equal(ucg_group_path(world.hierarchy, ucg_group_id_of(b), &path), 0);
	urcu_memb_read_unlock();
	assert_string_equal(text_string(&path), "path /a/b");
	ucg_text_clear(&path);
}

static void make_refuses_what_the_kernel_refuses(void **state)
{
	struct ucg_group *gone = world_make(&world, "/", "gone");
	struct ucg_group_id id;

	(void)state;
	world_make(&world, "/", "a");
	ucg_group_pin(gone, 1);
	world_remove(&world, "/gone");
	check_refused(try_make("/", "a", false), -EEXIST, world_picture(&world));
	check_refused(try_make("/", "tasks", true), -EEXIST, world_picture(&world));
	check_refused(try_make("/", "x\ny", false), -EINVAL, world_picture(&world));
	check_refused(ucg_group_make(world.hierarchy, gone, "x", 1, false, 0755, &world.user,
				     world_now(&world), &id, &world.change),
		      -ENOENT, world_picture(&world));
	assert_int_equal(try_make("/", "gone", false), 0);
	ucg_change_clear(&world.change);
	ucg_group_unpin(world.hierarchy, gone, 1);
}

static void the_same_name_is_free_below_another_parent(void **state)
{
	(void)state;
	world_make(&world, "/", "a");
	assert_ptr_not_equal(world_make(&world, "/a", "a"), world_group(&world, "/a"));
	assert_non_null(world_group(&world, "/a/a"));
}

static void names_may_be_long_and_of_any_bytes(void **state)
{
	char name[4096];

	(void)state;
	memset(name, 'n', 4095);
	name[4095] = '\0';
	world_make(&world, "/", name);
	world_make(&world, "/", "\x01 \\:%s\xff");
	assert_non_null(world_group(&world, name));
	assert_non_null(world_group(&world, "\x01 \\:%s\xff"));
	name[4094] = 'm';
	assert_null(world_group(&world, name));
}

static void the_mode_keeps_sticky_and_drops_setid(void **state)
{
	(void)state;
	assert_int_equal(ucg_group_record(world_make_mode(&world, "/", "a", 07755))->mode, 01755);
	assert_int_equal(ucg_group_record(world_make_mode(&world, "/", "b", 0))->mode, 0);
}

static void the_owner_is_the_maker(void **state)
{
	struct ucg_group *group;

	(void)state;
	world.user = (struct ucg_opener){2000, 3000};
	group = world_make(&world, "/", "a");
	assert_int_equal(ucg_group_record(group)->uid, 2000);
	assert_int_equal(ucg_group_record(group)->gid, 3000);
}

static void a_setgid_parent_hands_down_its_gid_and_the_bit(void **state)
{
	struct ucg_attr attr = {.mode = 02775, .gid = 50};

	(void)state;
	world_make(&world, "/", "a");
	assert_int_equal(ucg_node_set(world.hierarchy, world_group(&world, "/a"), UCG_FILE_DIR, 0,
				      UCG_ATTR_MODE | UCG_ATTR_GID, &attr, &world.change),
			 0);
	world_commit(&world);
	world_make(&world, "/a", "b");
	assert_int_equal(try_make("/a/b", "c", false), 0);
	assert_change(&world.change, "group 3<2 ------ 2755 1000:50 @103 'c'\n"
				     "node 2/1 2755 1000:50 a102 m103 c103\n");
}

static void flags_are_inherited_at_make_time_alone(void **state)
{
	(void)state;
	world_make(&world, "/", "a");
	world_notify(&world, "/a", true);
	assert_int_equal(ucg_group_set_flag(world.hierarchy, world_group(&world, "/a"),
					    UCG_GROUP_CLONE_CHILDREN, true, &world.change),
			 0);
	world_commit(&world);
	world_task_left(&world, "/a");
	world_enter(&world, "/a");
	world_make(&world, "/a", "b");
	assert_int_equal(world_flags(&world, "/a/b"), UCG_GROUP_NOTIFY | UCG_GROUP_CLONE_CHILDREN);
	world_notify(&world, "/a", false);
	assert_int_equal(world_flags(&world, "/a/b"), UCG_GROUP_NOTIFY | UCG_GROUP_CLONE_CHILDREN);
}

/* ---- remove ---- */

static void a_removal_touches_the_group_and_its_parent(void **state)
{
	(void)state;
	world_make(&world, "/", "a");
	world_make(&world, "/a", "b");
	assert_int_equal(try_remove("/a/b"), 0);
	assert_change(&world.change, "node 2/1 0755 1000:1000 a102 m103 c103\n"
				     "group 2<1 -----X 0755 1000:1000 @102\n"
				     "node 1/1 0755 1000:1000 a101 m103 c103\n"
				     "group 1<0 -R---- 0755 1000:1000 @101\n");
	world_commit(&world);
	assert_null(world_group(&world, "/a/b"));
	assert_null(ucg_group_find(world.hierarchy, (struct ucg_group_id){2}));
	assert_int_equal(ucg_group_child_count(world_group(&world, "/a")), 0);
}

static void remove_refuses_what_the_kernel_refuses(void **state)
{
	struct ucg_group *gone;

	(void)state;
	world_make(&world, "/", "parent");
	world_make(&world, "/parent", "child");
	world_make(&world, "/", "busy");
	world_enter(&world, "/busy");
	gone = world_make(&world, "/", "gone");
	ucg_group_pin(gone, 1);
	world_remove(&world, "/gone");
	check_refused(try_remove("/parent"), -EBUSY, world_picture(&world));
	check_refused(try_remove("/busy"), -EBUSY, world_picture(&world));
	check_refused(try_remove("/"), -EBUSY, world_picture(&world));
	check_refused(ucg_group_remove(world.hierarchy, gone, world_now(&world), &world.change),
		      -ENOENT, world_picture(&world));
	ucg_group_unpin(world.hierarchy, gone, 1);
}

static void the_name_of_a_removed_group_is_free_and_its_id_is_not(void **state)
{
	struct ucg_group_id old = ucg_group_id_of(world_make(&world, "/", "a"));

	(void)state;
	world_remove(&world, "/a");
	assert_int_not_equal(ucg_group_id_of(world_make(&world, "/", "a")).value, old.value);
	assert_null(ucg_group_find(world.hierarchy, old));
}

/* ---- pins ---- */

static int path_of(struct ucg_group_id id, struct ucg_text *path)
{
	int error;

	path->length = 0;
	urcu_memb_read_lock();
	error = ucg_group_path(world.hierarchy, id, path);
	urcu_memb_read_unlock();
	return error;
}

static void a_removed_group_stays_while_it_is_pinned(void **state)
{
	struct ucg_group *group = world_make(&world, "/", "a");
	struct ucg_group_id id = ucg_group_id_of(group);
	struct ucg_text path = {0};

	(void)state;
	ucg_group_pin(group, 3);
	world_remove(&world, "/a");
	assert_ptr_equal(ucg_group_find(world.hierarchy, id), group);
	assert_true(ucg_group_is_removed(group));
	ucg_group_unpin(world.hierarchy, group, 2);
	assert_int_equal(path_of(id, &path), 0);
	assert_string_equal(text_string(&path), "/a");
	ucg_group_unpin(world.hierarchy, group, 1);
	assert_null(ucg_group_find(world.hierarchy, id));
	assert_int_equal(path_of(id, &path), -ENOENT);
	ucg_text_clear(&path);
}

static void a_group_that_is_not_removed_needs_no_pin(void **state)
{
	struct ucg_group *group = world_make(&world, "/", "a");

	(void)state;
	ucg_group_pin(group, 1);
	ucg_group_unpin(world.hierarchy, group, 1);
	assert_ptr_equal(world_group(&world, "/a"), group);
}

static void a_pinned_group_keeps_its_removed_ancestors(void **state)
{
	struct ucg_text path = {0};
	struct ucg_group_id a, b;
	struct ucg_group *c;

	(void)state;
	a = ucg_group_id_of(world_make(&world, "/", "a"));
	b = ucg_group_id_of(world_make(&world, "/a", "b"));
	c = world_make(&world, "/a/b", "c");
	ucg_group_pin(c, 1);
	world_remove(&world, "/a/b/c");
	world_remove(&world, "/a/b");
	world_remove(&world, "/a");
	assert_int_equal(path_of(ucg_group_id_of(c), &path), 0);
	assert_string_equal(text_string(&path), "/a/b/c");
	assert_non_null(ucg_group_find(world.hierarchy, a));
	assert_non_null(ucg_group_find(world.hierarchy, b));
	ucg_group_unpin(world.hierarchy, c, 1);
	assert_null(ucg_group_find(world.hierarchy, a));
	assert_null(ucg_group_find(world.hierarchy, b));
	ucg_text_clear(&path);
}

/* ---- rename ---- */

static void a_rename_is_one_image_with_the_name(void **state)
{
	struct ucg_group *group = world_make(&world, "/", "a");

	(void)state;
	assert_int_equal(try_rename("/a", "new", false), 0);
	assert_change(&world.change, "group 1<0 ------ 0755 1000:1000 @101 'new'\n");
	world_commit(&world);
	assert_null(world_group(&world, "/a"));
	assert_ptr_equal(world_group(&world, "/new"), group);
}

static void a_rename_shows_in_the_paths_below(void **state)
{
	struct ucg_text path = {0};
	struct ucg_group_id b;

	(void)state;
	world_make(&world, "/", "a");
	b = ucg_group_id_of(world_make(&world, "/a", "b"));
	world_rename(&world, "/a", "somewhat longer");
	assert_int_equal(path_of(b, &path), 0);
	assert_string_equal(text_string(&path), "/somewhat longer/b");
	ucg_text_clear(&path);
}

static void rename_refuses_what_the_kernel_refuses(void **state)
{
	(void)state;
	world_make(&world, "/", "a");
	world_make(&world, "/", "b");
	check_refused(try_rename("/a", "b", false), -EEXIST, world_picture(&world));
	check_refused(try_rename("/a", "tasks", true), -ENOTDIR, world_picture(&world));
	check_refused(try_rename("/a", "x\n", false), -EINVAL, world_picture(&world));
	check_refused(try_rename("/a", "\n", true), -EINVAL, world_picture(&world));
	check_refused(try_rename("/", "x", false), -ENOENT, world_picture(&world));
}

static void a_rename_to_the_name_it_has_changes_nothing(void **state)
{
	(void)state;
	world_make(&world, "/", "a");
	assert_int_equal(try_rename("/a", "a", false), 0);
	assert_change(&world.change, "");
}

/* ---- flags ---- */

static void a_write_to_notify_clears_releasable_whatever_it_writes(void **state)
{
	struct ucg_group *group = world_make(&world, "/", "a");

	(void)state;
	for (unsigned value = 0; value < 2; value++) {
		world_notify(&world, "/a", value);
		world_task_left(&world, "/a");
		assert_int_equal(world_flags(&world, "/a"), UCG_GROUP_RELEASABLE | value);
		assert_int_equal(ucg_group_set_flag(world.hierarchy, group, UCG_GROUP_NOTIFY, value,
						    &world.change),
				 0);
		assert_change(&world.change, value ? "group 1<0 N----- 0755 1000:1000 @101\n"
						   : "group 1<0 ------ 0755 1000:1000 @101\n");
		world_commit(&world);
	}
}

static void a_write_to_clone_children_leaves_releasable(void **state)
{
	struct ucg_group *group = world_make(&world, "/", "a");

	(void)state;
	world_task_left(&world, "/a");
	assert_int_equal(ucg_group_set_flag(world.hierarchy, group, UCG_GROUP_CLONE_CHILDREN, true,
					    &world.change),
			 0);
	assert_change(&world.change, "group 1<0 -RC--- 0755 1000:1000 @101\n");
}

static void a_flag_written_again_changes_nothing(void **state)
{
	struct ucg_group *group = world_make(&world, "/", "a");

	(void)state;
	assert_int_equal(
		ucg_group_set_flag(world.hierarchy, group, UCG_GROUP_NOTIFY, false, &world.change),
		0);
	assert_change(&world.change, "");
}

/* ---- agent ---- */

static void the_agent_is_replaced_as_a_whole(void **state)
{
	struct ucg_text agent = {0};

	(void)state;
	assert_int_equal(
		ucg_hierarchy_set_agent(world.hierarchy, &world.user, "/a\nb", 4, &world.change),
		0);
	assert_change(&world.change, "agent '/a\nb'\n");
	world_commit(&world);
	urcu_memb_read_lock();
	assert_int_equal(ucg_hierarchy_agent(world.hierarchy, &agent), 0);
	urcu_memb_read_unlock();
	assert_string_equal(text_string(&agent), "/a\nb");
	ucg_text_clear(&agent);
}

static void nobody_but_the_mounter_sets_the_agent(void **state)
{
	static const uid_t others[] = {0, 1001};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ucg_opener opener = {others[i], MOUNTER};

		assert_int_equal(
			ucg_hierarchy_set_agent(world.hierarchy, &opener, "/x", 2, &world.change),
			-EPERM);
		assert_change(&world.change, "");
	}
}

/* ---- children ---- */

/* In the order of hashes that getdents64() of the kernel's cgroup v1 showed (Linux 6.18). */
static void children_come_in_the_kernels_order(void **state)
{
	static const char *const made[] = {"a", "b", "job-1", "\xc3\xa4\xff", "\x80", "zz\xa0"};
	static const char *const order[] = {"\x80", "job-1", "a", "\xc3\xa4\xff", "zz\xa0", "b"};
	struct ucg_child_entry *entries;
	size_t count, length;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		world_make(&world, "/", made[i]);
	assert_int_equal(ucg_group_children(ucg_hierarchy_root(world.hierarchy), &entries, &count),
			 0);
	assert_int_equal(count, 6);
	for (size_t i = 0; i < 6; i++) {
		struct ucg_group *group = ucg_group_find(world.hierarchy, entries[i].id);

		assert_string_equal(ucg_group_name(group, &length), order[i]);
		assert_int_equal(entries[i].hash, ucg_name_hash(order[i], strlen(order[i])));
	}
	free(entries);
}

static void no_children_is_an_empty_list(void **state)
{
	struct ucg_child_entry *entries = NULL;
	size_t count = 1;

	(void)state;
	assert_int_equal(ucg_group_children(ucg_hierarchy_root(world.hierarchy), &entries, &count),
			 0);
	assert_int_equal(count, 0);
	free(entries);
}

static void the_version_grows_with_what_a_listing_shows(void **state)
{
	struct ucg_group *root = ucg_hierarchy_root(world.hierarchy);
	uint64_t version = ucg_group_children_version(root);

	(void)state;
	world_make(&world, "/", "a");
	assert_true(ucg_group_children_version(root) > version);
	version = ucg_group_children_version(root);
	world_rename(&world, "/a", "b");
	assert_true(ucg_group_children_version(root) > version);
	version = ucg_group_children_version(root);
	world_make(&world, "/b", "c");
	world_notify(&world, "/b", true);
	assert_int_equal(ucg_group_children_version(root), version);
	world_remove(&world, "/b/c");
	world_remove(&world, "/b");
	assert_true(ucg_group_children_version(root) > version);
}

static void the_walk_takes_parents_before_children_and_ends(void **state)
{
	struct ucg_text seen = {0};
	struct ucg_group *top;
	size_t length;

	(void)state;
	world_make(&world, "/", "before");
	world_make(&world, "/", "a");
	world_make(&world, "/", "after");
	world_make(&world, "/a", "b");
	world_make(&world, "/a/b", "c");
	world_make(&world, "/a", "d");
	top = world_group(&world, "/a");
	for (struct ucg_group *group = top; group; group = ucg_group_next(top, group))
		PRINT(&seen, "%s ", ucg_group_name(group, &length));
	assert_string_equal(text_string(&seen), "a b c d ");
	ucg_text_clear(&seen);
}

/* ---- hash ---- */

static void hashes_are_the_kernels(void **state)
{
	/* d_off of the entry before, in getdents64() of a named hierarchy, Linux 6.18. */
	static const struct {
		const char *name;
		uint32_t hash;
	} seen[] = {
		{"cgroup.procs", 116541448},
		{"\x80", 186016890},
		{"job-1", 228931047},
		{"cgroup.sane_behavior", 297754990},
		{"a", 573381588},
		{"\xc3\xa4\xff", 986367373},
		{"zz\xa0", 1182089265},
		{"tasks", 1245728267},
		{"b", 1544121420},
		{"notify_on_release", 1666327798},
		{"release_agent", 1729169699},
		{"cgroup.clone_children", 1997737949},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		assert_int_equal(ucg_name_hash(seen[i].name, strlen(seen[i].name)), seen[i].hash);
}

static void reserved_hashes_are_never_returned(void **state)
{
	(void)state;
	/* The empty name alone has the sum 0, which readdir keeps for "." */
	assert_int_equal(ucg_name_hash("", 0), 2);
	for (unsigned i = 0; i < 100000; i++) {
		char name[16];
		int length = snprintf(name, sizeof(name), "%u", i);
		uint32_t hash = ucg_name_hash(name, (size_t)length);

		assert_in_range(hash, 2, INT32_MAX - 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_thrown_away_leaves_no_trace),
		TEST(an_id_thrown_away_is_given_out_again),
		TEST(the_root_is_as_configured),
		TEST(clone_children_of_the_root_is_an_option),
		TEST(a_new_group_is_an_image_beside_the_times_of_its_parent),
		TEST(a_new_group_is_found_by_id_name_and_path),
		TEST(make_refuses_what_the_kernel_refuses),
		TEST(the_same_name_is_free_below_another_parent),
		TEST(names_may_be_long_and_of_any_bytes),
		TEST(the_mode_keeps_sticky_and_drops_setid),
		TEST(the_owner_is_the_maker),
		TEST(a_setgid_parent_hands_down_its_gid_and_the_bit),
		TEST(flags_are_inherited_at_make_time_alone),
		TEST(a_removal_touches_the_group_and_its_parent),
		TEST(remove_refuses_what_the_kernel_refuses),
		TEST(the_name_of_a_removed_group_is_free_and_its_id_is_not),
		TEST(a_removed_group_stays_while_it_is_pinned),
		TEST(a_group_that_is_not_removed_needs_no_pin),
		TEST(a_pinned_group_keeps_its_removed_ancestors),
		TEST(a_rename_is_one_image_with_the_name),
		TEST(a_rename_shows_in_the_paths_below),
		TEST(rename_refuses_what_the_kernel_refuses),
		TEST(a_rename_to_the_name_it_has_changes_nothing),
		TEST(a_write_to_notify_clears_releasable_whatever_it_writes),
		TEST(a_write_to_clone_children_leaves_releasable),
		TEST(a_flag_written_again_changes_nothing),
		TEST(the_agent_is_replaced_as_a_whole),
		TEST(nobody_but_the_mounter_sets_the_agent),
		TEST(children_come_in_the_kernels_order),
		TEST(no_children_is_an_empty_list),
		TEST(the_version_grows_with_what_a_listing_shows),
		TEST(the_walk_takes_parents_before_children_and_ends),
		cmocka_unit_test(hashes_are_the_kernels),
		cmocka_unit_test(reserved_hashes_are_never_returned),
	};

	return cmocka_run_group_tests(tests, world_register_thread, world_unregister_thread);
}
