/* SPDX-License-Identifier: MIT */
/* Which hierarchies are known to be dead: registry.h. */
#include "processes.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "registry.h"

/* Of nobody else. */
#define USER 61234

/* The next numbers that are drawn; after them they are random. */
static const uint16_t *next_drawn;
static size_t drawn_left;
/* Removed before the next number is drawn. */
static const char *doomed_folder;

/* In place of the C library's. */
ssize_t getrandom(void *buffer, size_t size, unsigned flags)
{
	if (doomed_folder) {
		assert_int_equal(rmdir(doomed_folder), 0);
		doomed_folder = NULL;
	}
	if (!drawn_left || size != sizeof(*next_drawn))
		return syscall(SYS_getrandom, buffer, size, flags);
	memcpy(buffer, next_drawn++, size);
	drawn_left--;
	return (ssize_t)size;
}

struct bench {
	struct nursery nursery;
	char runtime[32];  /* XDG_RUNTIME_DIR */
	char folder[64];   /* of the registry, if it is there */
	struct registry a; /* entered */
	uint16_t number;
};

static void path_of(const struct bench *bench, uint16_t number, char path[80])
{
	snprintf(path, 80, "%s/%04x", bench->folder, number);
}

static bool exists(const char *path)
{
	struct stat attributes;

	return lstat(path, &attributes) == 0;
}

static bool file_exists(const struct bench *bench, uint16_t number)
{
	char path[80];

	path_of(bench, number, path);
	return exists(path);
}

/* Where the registry's folder is to be, with nobody in it. */
static int setup_without(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	nursery_init(&bench->nursery);
	snprintf(bench->runtime, sizeof(bench->runtime), "/tmp/ucg-test-XXXXXX");
	assert_non_null(mkdtemp(bench->runtime));
	snprintf(bench->folder, sizeof(bench->folder), "%s/ucgroupfs-%u", bench->runtime,
		 geteuid());
	assert_int_equal(setenv("XDG_RUNTIME_DIR", bench->runtime, 1), 0);
	bench->a = (struct registry){.folder_fd = -1, .lock_fd = -1};
	*state = bench;
	return 0;
}

static int setup(void **state)
{
	struct bench *bench;

	setup_without(state);
	bench = *state;
	assert_int_equal(registry_enter(&bench->a, &bench->number), 0);
	return 0;
}

static void remove_folder(struct bench *bench)
{
	DIR *folder = opendir(bench->folder);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	if (rmdir(bench->folder))
		unlink(bench->folder);
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	int result;

	registry_leave(&bench->a, true);
	nursery_deinit(&bench->nursery);
	if (exists(bench->folder))
		remove_folder(bench);
	result = rmdir(bench->runtime);
	free(bench);
	return result;
}

/* ---- being in it ---- */

static void entering_makes_a_file_that_is_locked(void **state)
{
	struct bench *bench = *state;
	struct stat folder, file;
	char path[80];
	int fd;

	path_of(bench, bench->number, path);
	assert_int_equal(stat(bench->folder, &folder), 0);
	assert_int_equal(folder.st_mode, S_IFDIR | 0700);
	assert_int_equal(folder.st_uid, geteuid());
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode, S_IFREG | 0600);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(fd);
}

static void two_have_different_numbers_and_are_alive_to_each_other(void **state)
{
	struct bench *bench = *state;
	struct registry b;
	uint16_t number;

	assert_int_equal(registry_enter(&b, &number), 0);
	assert_int_not_equal(number, bench->number);
	assert_true(file_exists(bench, bench->number) && file_exists(bench, number));
	assert_false(registry_is_dead(&bench->a, number));
	assert_false(registry_is_dead(&b, bench->number));
	registry_leave(&b, true);
}

static void one_is_alive_to_itself(void **state)
{
	struct bench *bench = *state;

	assert_false(registry_is_dead(&bench->a, bench->number));
}

/* Asking takes the lock of one that is dead, for a moment. */
static void asking_leaves_no_lock_behind(void **state)
{
	struct bench *bench = *state;
	struct registry b;
	uint16_t number;

	assert_int_equal(registry_enter(&b, &number), 0);
	registry_leave(&b, false);
	for (int i = 0; i < 3; i++)
		assert_true(registry_is_dead(&bench->a, number));
}

static void a_number_without_a_file_is_not_dead(void **state)
{
	struct bench *bench = *state;

	for (unsigned number = 0; number <= UINT16_MAX; number++)
		if (registry_is_dead(&bench->a, (uint16_t)number))
			fail_msg("%04x is dead", number);
}

/* ---- leaving it ---- */

static void leaving_in_good_order_removes_file_and_folder(void **state)
{
	struct bench *bench = *state;

	registry_leave(&bench->a, true);
	assert_false(file_exists(bench, bench->number));
	assert_false(exists(bench->folder));
}

static void the_folder_stays_while_others_are_in_it(void **state)
{
	struct bench *bench = *state;
	struct registry b;
	uint16_t number;

	assert_int_equal(registry_enter(&b, &number), 0);
	registry_leave(&bench->a, true);
	assert_false(file_exists(bench, bench->number));
	assert_true(file_exists(bench, number));
	registry_leave(&b, true);
	assert_false(exists(bench->folder));
}

static void who_leaves_marks_behind_leaves_its_file_and_is_dead(void **state)
{
	struct bench *bench = *state;
	struct registry b;
	uint16_t number;

	assert_int_equal(registry_enter(&b, &number), 0);
	registry_leave(&b, false);
	assert_true(file_exists(bench, number));
	assert_true(registry_is_dead(&bench->a, number));
}

static void who_has_left_knows_of_no_dead(void **state)
{
	struct bench *bench = *state;
	struct registry b;
	uint16_t number;

	assert_int_equal(registry_enter(&b, &number), 0);
	registry_leave(&b, false);
	registry_leave(&bench->a, true);
	assert_false(registry_is_dead(&bench->a, number));
}

/* ---- death ---- */

static void enter_and_stay(struct nursery *nursery, int with_child)
{
	struct report report = {.pid = getpid()};
	struct registry registry;
	uint16_t number;

	if (registry_enter(&registry, &number))
		_exit(1);
	if (with_child) {
		pid_t child = fork();

		if (child == 0)
			stay(nursery, 0);
		report.after = child;
	}
	report.before = number;
	if (write(nursery->report[1], &report, sizeof(report)) != sizeof(report))
		_exit(1);
	stay(nursery, 0);
}

static void one_whose_server_was_killed_is_dead(void **state)
{
	struct bench *bench = *state;
	pid_t pid = nursery_spawn(&bench->nursery, enter_and_stay, false);
	uint16_t number = (uint16_t)await_report(&bench->nursery).before;

	assert_false(registry_is_dead(&bench->a, number));
	kill_and_reap(pid);
	assert_true(registry_is_dead(&bench->a, number));
}

/* A process that the server has made and that has its descriptors still. */
static void one_whose_lock_a_child_has_is_not_dead(void **state)
{
	struct bench *bench = *state;
	pid_t pid = nursery_spawn(&bench->nursery, enter_and_stay, true);
	struct report report = await_report(&bench->nursery);
	uint16_t number = (uint16_t)report.before;

	kill_and_reap(pid);
	assert_false(registry_is_dead(&bench->a, number));
	kill_and_reap(report.after);
	assert_true(registry_is_dead(&bench->a, number));
}

static void a_new_one_does_not_get_the_number_of_one_that_is_there(void **state)
{
	struct bench *bench = *state;
	uint16_t dead = (uint16_t)(bench->number + 1), fresh = (uint16_t)(bench->number + 2),
		 number;
	const uint16_t drawn[] = {bench->number, dead, fresh};
	struct registry b;
	char path[80];

	path_of(bench, dead, path);
	close(open(path, O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	next_drawn = drawn;
	drawn_left = 3;
	assert_int_equal(registry_enter(&b, &number), 0);
	assert_int_equal(number, fresh);
	assert_true(registry_is_dead(&bench->a, dead));
	registry_leave(&b, true);
}

static void where_no_number_is_free_it_does_without_the_folder(void **state)
{
	struct bench *bench = *state;
	uint16_t drawn[64], number;
	struct registry b;

	for (size_t i = 0; i < 64; i++)
		drawn[i] = bench->number;
	next_drawn = drawn;
	drawn_left = 64;
	assert_int_equal(registry_enter(&b, &number), 0);
	assert_int_equal(b.folder_fd, -1);
	assert_true(file_exists(bench, bench->number));
	registry_leave(&b, true);
	assert_true(file_exists(bench, bench->number));
}

/* By another one, the last to leave. */
static void a_folder_that_is_removed_meanwhile_is_made_again(void **state)
{
	struct bench *bench = *state;

	doomed_folder = bench->folder;
	assert_int_equal(registry_enter(&bench->a, &bench->number), 0);
	assert_string_equal(bench->a.folder, bench->folder);
	assert_true(file_exists(bench, bench->number));
}

/* ---- what is not believed ---- */

static void enter_elsewhere(struct bench *bench)
{
	assert_int_equal(registry_enter(&bench->a, &bench->number), 0);
	if (bench->a.folder)
		assert_string_not_equal(bench->a.folder, bench->folder);
	assert_false(file_exists(bench, bench->number));
}

static void the_folder_of_another_user_is_not_taken(void **state)
{
	struct bench *bench = *state;

	if (geteuid()) {
		print_message("only root can make a folder another user's\n");
		skip();
	}
	assert_int_equal(mkdir(bench->folder, 0777), 0);
	assert_int_equal(chown(bench->folder, USER, USER), 0);
	enter_elsewhere(bench);
}

static void a_link_to_a_folder_is_not_taken(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(symlink(".", bench->folder), 0);
	enter_elsewhere(bench);
	assert_int_equal(unlink(bench->folder), 0);
}

static void the_file_of_another_user_is_not_believed(void **state)
{
	struct bench *bench = *state;
	uint16_t number = (uint16_t)(bench->number + 1);
	char path[80];

	if (geteuid()) {
		print_message("only root can make a file another user's\n");
		skip();
	}
	path_of(bench, number, path);
	close(open(path, O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	assert_true(registry_is_dead(&bench->a, number));
	assert_int_equal(chown(path, USER, USER), 0);
	assert_false(registry_is_dead(&bench->a, number));
}

static void a_link_to_a_file_is_not_believed(void **state)
{
	struct bench *bench = *state;
	uint16_t number = (uint16_t)(bench->number + 1), other = (uint16_t)(bench->number + 2);
	char path[80], target[8];

	path_of(bench, other, path);
	close(open(path, O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	assert_true(registry_is_dead(&bench->a, other));
	snprintf(target, sizeof(target), "%04x", other);
	path_of(bench, number, path);
	assert_int_equal(symlink(target, path), 0);
	assert_false(registry_is_dead(&bench->a, number));
}

static void a_runtime_folder_without_a_whole_path_is_not_taken(void **state)
{
	struct bench *bench = *state;
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(chdir(bench->runtime), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", ".", 1), 0);
	enter_elsewhere(bench);
	assert_false(exists(bench->folder));
	assert_int_equal(fchdir(here), 0);
	close(here);
}

/* In an empty tree. */
static void enter_nowhere(struct nursery *nursery, int argument)
{
	struct registry registry;
	uint16_t number;
	int faults = 0;

	(void)argument;
	if ((geteuid() && unshare(CLONE_NEWUSER)) || chroot(nursery->shared)) {
		tell(nursery, -1);
		return;
	}
	setenv("XDG_RUNTIME_DIR", "/none", 1);
	faults += registry_enter(&registry, &number) != 0;
	faults += registry.folder_fd != -1 || registry.lock_fd != -1 || registry.folder;
	faults += registry_is_dead(&registry, number);
	registry_leave(&registry, true);
	tell(nursery, faults);
}

static void without_any_folder_there_is_a_number_all_the_same(void **state)
{
	struct bench *bench = *state;
	struct report report;

	strcpy(bench->nursery.shared, bench->runtime);
	nursery_spawn(&bench->nursery, enter_nowhere, 0);
	report = await_report(&bench->nursery);
	if (report.pid < 0) {
		print_message("no root directory of one's own to be had\n");
		skip();
	}
	assert_int_equal(report.pid, 0);
}

#define IN(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define OUTSIDE(name) cmocka_unit_test_setup_teardown(name, setup_without, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN(entering_makes_a_file_that_is_locked),
		IN(two_have_different_numbers_and_are_alive_to_each_other),
		IN(one_is_alive_to_itself),
		IN(asking_leaves_no_lock_behind),
		IN(a_number_without_a_file_is_not_dead),
		IN(leaving_in_good_order_removes_file_and_folder),
		IN(the_folder_stays_while_others_are_in_it),
		IN(who_leaves_marks_behind_leaves_its_file_and_is_dead),
		IN(who_has_left_knows_of_no_dead),
		IN(one_whose_server_was_killed_is_dead),
		IN(one_whose_lock_a_child_has_is_not_dead),
		IN(a_new_one_does_not_get_the_number_of_one_that_is_there),
		IN(where_no_number_is_free_it_does_without_the_folder),
		OUTSIDE(a_folder_that_is_removed_meanwhile_is_made_again),
		OUTSIDE(the_folder_of_another_user_is_not_taken),
		OUTSIDE(a_link_to_a_folder_is_not_taken),
		IN(the_file_of_another_user_is_not_believed),
		IN(a_link_to_a_file_is_not_believed),
		OUTSIDE(a_runtime_folder_without_a_whole_path_is_not_taken),
		OUTSIDE(without_any_folder_there_is_a_number_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
