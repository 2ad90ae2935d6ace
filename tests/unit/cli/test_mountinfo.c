/* SPDX-License-Identifier: MIT */
/* The table of mounts, proc(5). */
#include "cli_test.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "mountinfo.h"
#include "ucgroupfs/scope.h"

#define MOUNTS ucg_cleanup(ucg_mounts_clear) struct ucg_mounts

static struct ucg_mounts parse(const char *text)
{
	struct ucg_mounts mounts = {0};

	assert_int_equal(ucg_mounts_parse(strdup(text), &mounts), 0);
	return mounts;
}

/* Two mounts of uid 1000, one of root's of the same name; something on top of the second. */
static const char table[] =
	"22 27 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw\n"
	"27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
	"40 27 0:41 / /home/u/a\\040b\\134c rw,nosuid,nodev,relatime shared:8 master:3 - "
	"fuse.ucgroupfs work rw,user_id=1000,group_id=1000,default_permissions\n"
	"35 27 0:42 / /mnt rw - fuse.ucgroupfs jobs rw,user_id=0,group_id=0\n"
	"41 27 0:43 / /home/u/jobs rw - fuse.ucgroupfs jobs rw,user_id=1000,group_id=1000\n"
	"30 41 0:44 / /home/u/jobs rw - tmpfs none rw\n"
	"50 27 0:45 / /other rw - fuse.sshfs work rw,user_id=1000,group_id=1000\n";

static void fields_are_those_of_the_line(void **state)
{
	(void)state;
	MOUNTS mounts = parse(table);
	const struct ucg_mount_entry *entry = &mounts.entry[2];

	assert_int_equal(mounts.count, 7);
	assert_true(entry->device == makedev(0, 41));
	assert_string_equal(entry->mountpoint, "/home/u/a b\\c");
	assert_string_equal(entry->type, "fuse.ucgroupfs");
	assert_string_equal(entry->source, "work");
	assert_string_equal(entry->super_options,
			    "rw,user_id=1000,group_id=1000,default_permissions");
}

static void name_is_found_among_the_users_own(void **state)
{
	(void)state;
	MOUNTS mounts = parse(table);

	assert_ptr_equal(ucg_mounts_named(&mounts, "work", 1000), &mounts.entry[2]);
	assert_ptr_equal(ucg_mounts_named(&mounts, "jobs", 1000), &mounts.entry[4]);
	assert_ptr_equal(ucg_mounts_named(&mounts, "jobs", 0), &mounts.entry[3]);
	assert_null(ucg_mounts_named(&mounts, "work", 0));
	assert_null(ucg_mounts_named(&mounts, "work", 100));
	assert_null(ucg_mounts_named(&mounts, "wor", 1000));
	assert_null(ucg_mounts_named(&mounts, "sysfs", 0));
}

static void oldest_of_a_name_is_found(void **state)
{
	(void)state;
	MOUNTS mounts = parse("41 27 0:43 / /a rw - fuse.ucgroupfs x rw,user_id=5,group_id=5\n"
			      "40 27 0:44 / /b rw - fuse.ucgroupfs x rw,user_id=5,group_id=5\n");

	assert_ptr_equal(ucg_mounts_named(&mounts, "x", 5), &mounts.entry[0]);
}

static void youngest_at_a_path_is_found(void **state)
{
	(void)state;
	MOUNTS mounts = parse(table);

	assert_ptr_equal(ucg_mounts_at(&mounts, "/home/u/jobs"), &mounts.entry[5]);
	assert_ptr_equal(ucg_mounts_at(&mounts, "/home/u/a b\\c"), &mounts.entry[2]);
	assert_null(ucg_mounts_at(&mounts, "/home/u"));
}

static void other_forms_are_refused(void **state)
{
	static const char *const lines[] = {
		"22",
		"22 27",
		"22 27 0:20 / /sys",
		"22 27 0:20 / /sys rw shared:7",
		"22 27 0:20 / /sys rw - sysfs sysfs",
		"22 27 x:20 / /sys rw - sysfs sysfs rw",
		"22 27 0:20x / /sys rw - sysfs sysfs rw",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		MOUNTS mounts = {0};
		ucg_autofree char *text = strdup(lines[i]);
		int error = ucg_mounts_parse(text, &mounts);

		if (error != -EINVAL)
			fail_msg("\"%s\": expected %d, got %d", lines[i], -EINVAL, error);
	}
}

static void empty_table_has_no_mounts(void **state)
{
	(void)state;
	MOUNTS mounts = parse("");

	assert_int_equal(mounts.count, 0);
	assert_null(ucg_mounts_at(&mounts, "/"));
}

static void tables_of_any_length_are_read(void **state)
{
	static const char line[] = "22 27 0:20 / /sys rw - sysfs sysfs rw\n";
	ucg_autofree char *text = calloc(1000, sizeof(line));

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		memcpy(text + i * (sizeof(line) - 1), line, sizeof(line));
	MOUNTS mounts = parse(text);

	assert_int_equal(mounts.count, 1000);
}

static void own_table_is_read(void **state)
{
	MOUNTS mounts = {0};

	(void)state;
	assert_int_equal(ucg_mounts_read(&mounts), 0);
	assert_true(mounts.count > 0);
	assert_non_null(ucg_mounts_at(&mounts, "/proc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_those_of_the_line),
		cmocka_unit_test(name_is_found_among_the_users_own),
		cmocka_unit_test(oldest_of_a_name_is_found),
		cmocka_unit_test(youngest_at_a_path_is_found),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(empty_table_has_no_mounts),
		cmocka_unit_test(tables_of_any_length_are_read),
		cmocka_unit_test(own_table_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
