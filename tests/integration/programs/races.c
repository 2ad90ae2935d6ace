/* SPDX-License-Identifier: MIT */
/*
 * Eight threads at once on the same groups.  Usage: races SCENARIO TREE ROUNDS
 *
 * A round makes a group, lets all threads go at the same moment, each to its part, and compares
 * what they got with the outcomes that locks allow.  Prints "outcome NAME COUNT" for each outcome
 * seen, and "call NAME..." for each call of the release agent that has to come, for one of these
 * names ("call?" if it may); a violation is one line, and exit status 1.  Groups for which a call
 * has to come are left: when it is busy, the kernel frees a removed group before its worker has
 * come to the call, and gives that up.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WORKERS = 8,
	RESIDENTS = 1000, /* their list is longer than what one read(2) returns */
	SOME_OPERATIONS = 16,
	PLACES = 3,
};

static int tree; /* directory of the hierarchy */
static int round_number;
static char group[32];		     /* the round's */
static pid_t victims[WORKERS];	     /* single-threaded processes that are moved or killed */
static int files[WORKERS];	     /* opened before the start; 0: none */
static int results[WORKERS];	     /* 0 or the errno of each thread's part */
static unsigned seeds[WORKERS];	     /* of each thread's random numbers */
static char complaint[WORKERS][128]; /* what a thread saw that can't be */

/* ---- what is said ---- */

static struct {
	const char *name;
	int count;
} outcomes[8];

static void outcome(const char *name)
{
	int i = 0;

	while (outcomes[i].name && strcmp(outcomes[i].name, name) != 0)
		i++;
	outcomes[i].name = name;
	outcomes[i].count++;
}

static void say_outcomes(void)
{
	for (int i = 0; outcomes[i].name; i++)
		printf("outcome %s %d\n", outcomes[i].name, outcomes[i].count);
}

__attribute__((format(printf, 2, 3))) static void expect(bool condition, const char *format, ...)
{
	va_list args;

	if (condition)
		return;
	printf("round %d: ", round_number);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	for (int i = 0; i < WORKERS; i++)
		printf("%s %s",
		       i ? "," : "; results:", results[i] ? strerrorname_np(results[i]) : "ok");
	printf("\n");
	exit(1);
}

/* ---- the field's verbs; each returns 0 or the errno ---- */

static int error_of(int result)
{
	return result < 0 ? errno : 0;
}

static int make(const char *name)
{
	return error_of(mkdirat(tree, name, 0777));
}

static int removed(const char *name)
{
	return error_of(unlinkat(tree, name, AT_REMOVEDIR));
}

static bool exists(const char *name)
{
	return faccessat(tree, name, F_OK, 0) == 0;
}

static int write_text(int fd, const char *text)
{
	return error_of((int)write(fd, text, strlen(text)));
}

static int open_file(const char *name, const char *file, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", name, file);
	return openat(tree, path, flags | O_CLOEXEC);
}

static int store(const char *name, const char *file, const char *text)
{
	int fd = open_file(name, file, O_WRONLY);
	int error = error_of(fd);

	if (!error) {
		error = write_text(fd, text);
		close(fd);
	}
	return error;
}

static int write_pid(int fd, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return write_text(fd, text);
}

static int attach(const char *name, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return store(name, "tasks", text);
}

/* All of a file, with reads of @size bytes. */
static int load(const char *name, const char *file, size_t size, char *text, size_t capacity)
{
	int fd = open_file(name, file, O_RDONLY);
	int error = error_of(fd);
	size_t used = 0;
	ssize_t n = 1;

	while (!error && n > 0 && used + size < capacity) {
		n = read(fd, text + used, size);
		error = error_of((int)n);
		used += n > 0 ? (size_t)n : 0;
	}
	text[used] = '\0';
	if (fd >= 0)
		close(fd);
	return error;
}

static bool is_member(const char *name, pid_t pid)
{
	char text[4096], wanted[16];

	text[0] = '\n';
	if (load(name, "tasks", 1024, text + 1, sizeof(text) - 1))
		return false;
	snprintf(wanted, sizeof(wanted), "\n%d\n", pid);
	return strstr(text, wanted);
}

static pid_t new_victim(void)
{
	pid_t pid = fork();

	expect(pid >= 0, "fork: %s", strerror(errno));
	while (pid == 0)
		pause();
	return pid;
}

/* Its death, awaited. */
static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- parts of scenarios ---- */

static bool is_first_kind(int worker)
{
	return worker % 2 == 0;
}

/* How many threads of one kind got this result. */
static int count(bool first_kind, int result)
{
	int found = 0;

	for (int i = 0; i < WORKERS; i++)
		found += is_first_kind(i) == first_kind && results[i] == result;
	return found;
}

static void make_group(const char *flag)
{
	expect(make(group) == 0, "mkdir: %s", strerror(errno));
	expect(store(group, "notify_on_release", flag) == 0, "flag: %s", strerror(errno));
}

static void make_victims(int how_many)
{
	for (int i = 0; i < how_many; i++)
		victims[i] = new_victim();
}

static void remove_at_last(const char *name)
{
	int error = removed(name);

	expect(error == 0, "rmdir of %s at the end: %s", name, strerror(error));
}

/* Victims for the threads of the first kind, in the group. */
static void prepare_members(void)
{
	make_group("1");
	for (int i = 0; i < WORKERS; i += 2) {
		victims[i] = new_victim();
		expect(attach(group, victims[i]) == 0, "attach: %s", strerror(errno));
	}
}

/* ---- attach against rmdir ---- */

static void set_up_victims(void)
{
	make_victims(WORKERS);
}

/* Half of those who attach have the file open already. */
static void prepare_attach_rmdir(void)
{
	make_group("0");
	for (int i = 0; i < WORKERS; i += 4) {
		files[i] = open_file(group, "tasks", O_WRONLY);
		expect(files[i] > 0, "open: %s", strerror(errno));
	}
}

static int act_attach_rmdir(int worker)
{
	if (!is_first_kind(worker))
		return removed(group);
	return files[worker] ? write_pid(files[worker], victims[worker])
			     : attach(group, victims[worker]);
}

static void close_files(void)
{
	for (int i = 0; i < WORKERS; i++) {
		if (files[i])
			close(files[i]);
		files[i] = 0;
	}
}

static void check_attached(void)
{
	expect(count(false, EBUSY) == WORKERS / 2, "rmdir of a group with tasks");
	for (int i = 0; i < WORKERS; i += 2) {
		expect(is_member(group, victims[i]), "%d is not listed", victims[i]);
		expect(attach(".", victims[i]) == 0, "back to the root: %s", strerror(errno));
	}
	remove_at_last(group);
	outcome("attached");
}

static void check_attach_rmdir(void)
{
	close_files();
	if (count(true, 0) == WORKERS / 2) {
		check_attached();
		return;
	}
	expect(count(true, ENODEV) + count(true, ENOENT) == WORKERS / 2,
	       "attached to a removed group");
	expect(count(false, 0) == 1 && count(false, ENOENT) == WORKERS / 2 - 1, "not removed once");
	outcome("removed");
}

/* ---- mkdir in a group against its rmdir ---- */

static void prepare_group(void)
{
	make_group("0");
}

static void child_name(char *name, size_t size)
{
	snprintf(name, size, "%s/child", group);
}

static int act_mkdir_below(int worker)
{
	char child[64];

	child_name(child, sizeof(child));
	return is_first_kind(worker) ? make(child) : removed(group);
}

static void check_mkdir_below(void)
{
	char child[64];

	child_name(child, sizeof(child));
	if (count(true, 0) == 0) {
		expect(count(true, ENOENT) == WORKERS / 2, "mkdir in a removed group");
		expect(count(false, 0) == 1 && count(false, ENOENT) == WORKERS / 2 - 1,
		       "not removed once");
		outcome("removed");
		return;
	}
	expect(count(true, 0) == 1 && count(true, EEXIST) == WORKERS / 2 - 1, "not made once");
	expect(count(false, EBUSY) == WORKERS / 2, "rmdir of a group with a child");
	remove_at_last(child);
	remove_at_last(group);
	outcome("made");
}

/* ---- mkdir against rmdir of one name ---- */

static int balance; /* 1: the group exists */

static int act_mkdir_rmdir(int worker)
{
	return is_first_kind(worker) ? make("one") : removed("one");
}

static void check_mkdir_rmdir(void)
{
	balance += count(true, 0) - count(false, 0);
	expect(count(true, 0) + count(true, EEXIST) == WORKERS / 2, "mkdir");
	expect(count(false, 0) + count(false, ENOENT) == WORKERS / 2, "rmdir");
	expect(balance == exists("one"), "made %d times more than removed", balance);
	outcome(count(true, 0) > 1 ? "made-again" : "made-once");
}

static void tear_down_mkdir_rmdir(void)
{
	if (balance)
		remove_at_last("one");
}

/* ---- the group's end against rename and rmdir ---- */

static void new_name(int worker, char *name, size_t size)
{
	snprintf(name, size, "%s-%d", group, worker);
}

static int act_rename_release(int worker)
{
	char name[64];

	new_name(worker, name, sizeof(name));
	if (!is_first_kind(worker))
		return error_of(renameat(tree, group, tree, name));
	end(victims[worker]);
	return 0;
}

static void check_rename_release(void)
{
	char name[64];

	expect(count(false, 0) == 1 && count(false, ENOENT) == WORKERS / 2 - 1, "not renamed once");
	for (int i = 1; i < WORKERS; i += 2) {
		new_name(i, name, sizeof(name));
		if (results[i] == 0)
			printf("call %s %s\n", group, name);
	}
	outcome("renamed");
}

static int act_exit_rmdir(int worker)
{
	int error;

	if (is_first_kind(worker)) {
		end(victims[worker]);
		return 0;
	}
	do
		error = removed(group);
	while (error == EBUSY);
	return error;
}

static void check_exit_rmdir(void)
{
	expect(count(false, 0) == 1 && count(false, ENOENT) == WORKERS / 2 - 1, "not removed once");
	printf("call %s\n", group);
	outcome("removed");
}

/* ---- attaches of one process to different groups ---- */

static void group_of(int worker, char *name, size_t size)
{
	snprintf(name, size, "%s-%d", group, worker);
}

static void prepare_one_process(void)
{
	char name[64];

	victims[0] = new_victim();
	for (int i = 0; i < WORKERS; i++) {
		group_of(i, name, sizeof(name));
		expect(make(name) == 0, "mkdir: %s", strerror(errno));
		expect(store(name, "notify_on_release", "1") == 0, "flag: %s", strerror(errno));
	}
}

static int act_one_process(int worker)
{
	char name[64];

	group_of(worker, name, sizeof(name));
	return attach(name, victims[0]);
}

/* Each attach succeeds, so the process was in each group once, and is in the last still. */
static void check_one_process(void)
{
	char name[64];
	int holder = -1;

	for (int i = 0; i < WORKERS; i++) {
		group_of(i, name, sizeof(name));
		expect(results[i] == 0, "attach to %s", name);
		printf("call %s\n", name);
		if (!is_member(name, victims[0]))
			continue;
		expect(holder < 0, "in groups %d and %d at once", holder, i);
		holder = i;
	}
	expect(holder >= 0, "in no group");
	group_of(holder, name, sizeof(name));
	expect(removed(name) == EBUSY, "rmdir of the group that holds the process");
	end(victims[0]);
	expect(!is_member(name, victims[0]), "%d is listed after its end", victims[0]);
	outcome("in-one");
}

/* ---- writes of the flag against the last exit ---- */

static const char *flag_before, *flag_after;

static void keep_flag(void)
{
	flag_before = flag_after = "1";
}

static void clear_flag(void)
{
	flag_before = "1";
	flag_after = "0";
}

static void raise_flag(void)
{
	flag_before = "0";
	flag_after = "1";
}

static void prepare_flag(void)
{
	make_group(flag_before);
	victims[0] = new_victim();
	expect(attach(group, victims[0]) == 0, "attach: %s", strerror(errno));
}

static int act_flag(int worker)
{
	if (worker > 0)
		return store(group, "notify_on_release", flag_after);
	end(victims[0]);
	return 0;
}

static void check_flag(void)
{
	char text[64];

	for (int i = 0; i < WORKERS; i++)
		expect(results[i] == 0, "write");
	expect(load(group, "notify_on_release", 16, text, sizeof(text)) == 0 &&
		       text[0] == flag_after[0],
	       "the flag reads %s", text);
	printf("%s %s\n", flag_before == flag_after ? "call" : "call?", group);
	outcome("written");
}

/* ---- reads of a list while it changes ---- */

static struct known {
	pid_t pid;
	bool resident; /* never moves */
} known[RESIDENTS + WORKERS];

static int by_pid(const void *a, const void *b)
{
	const struct known *left = a, *right = b;

	return (left->pid > right->pid) - (left->pid < right->pid);
}

/* The residents are born in the group. */
static void set_up_list(void)
{
	expect(make("list") == 0, "mkdir: %s", strerror(errno));
	make_victims(WORKERS);
	expect(attach("list", getpid()) == 0, "attach: %s", strerror(errno));
	for (int i = 0; i < RESIDENTS; i++)
		known[i] = (struct known){.pid = new_victim(), .resident = true};
	expect(attach(".", getpid()) == 0, "back to the root: %s", strerror(errno));
	for (int i = 0; i < WORKERS; i++)
		known[RESIDENTS + i].pid = victims[i];
	qsort(known, RESIDENTS + WORKERS, sizeof(*known), by_pid);
}

/* The residents all, strangers none, ascending: both lists are walked in step. */
static void check_list(const char *text, char *fault, size_t size)
{
	const struct known *next = known, *end = known + RESIDENTS + WORKERS;
	char *rest;

	fault[0] = '\0';
	for (; *text && !fault[0]; text = *rest == '\n' ? rest + 1 : rest) {
		pid_t pid = (pid_t)strtol(text, &rest, 10);

		for (; next < end && next->pid < pid && !next->resident; next++)
			;
		if (next < end && next->pid == pid && rest != text)
			next++;
		else
			snprintf(fault, size, "%.20s listed, where %d was due", text,
				 next < end ? next->pid : -1);
	}
	for (; next < end && !fault[0]; next++)
		if (next->resident)
			snprintf(fault, size, "%d is not listed", next->pid);
}

static int read_list(int worker)
{
	static const char *const names[] = {"tasks", "cgroup.procs"};
	static const size_t sizes[] = {100, 4096, 65536};
	static __thread char text[RESIDENTS * 16 + 65536 + 4096];
	int number = round_number + worker / 2;
	int error = load("list", names[number % 2], sizes[number % 3], text, sizeof(text));

	if (!error)
		check_list(text, complaint[worker], sizeof(complaint[worker]));
	return error;
}

static int act_list(int worker)
{
	int error;

	if (is_first_kind(worker))
		return read_list(worker);
	error = attach("list", victims[worker]);
	return error ? error : attach(".", victims[worker]);
}

static void check_list_round(void)
{
	for (int i = 0; i < WORKERS; i++) {
		expect(results[i] == 0, "read or attach");
		expect(!complaint[i][0], "thread %d: %s", i, complaint[i]);
	}
	outcome("read");
}

static void tear_down_list(void)
{
	for (int i = 0; i < RESIDENTS + WORKERS; i++)
		end(known[i].pid);
	remove_at_last("list");
}

/* ---- all of it ---- */

static void place(int number, char *name, size_t size)
{
	snprintf(name, size, "place-%d", number);
}

static int list_place(const char *name)
{
	char text[4096];

	return load(name, "tasks", 1024, text, sizeof(text));
}

/* Whether an operation may end so while others make, rename and remove the groups. */
static bool is_possible(int what, int error)
{
	static const int allowed[][4] = {
		{0, EEXIST},
		{0, ENOENT, EBUSY},
		{0, ENOENT, EEXIST},
		{0, ENOENT, ENODEV},
	};
	const int *errors = allowed[what < 3 ? what : 3];

	for (int i = 0; i < 4; i++)
		if (errors[i] == error)
			return true;
	return false;
}

static int operate(int worker, int what)
{
	pid_t victim = victims[rand_r(&seeds[worker]) % WORKERS];
	char name[32], other[32];

	place(rand_r(&seeds[worker]) % PLACES, name, sizeof(name));
	place(rand_r(&seeds[worker]) % PLACES, other, sizeof(other));
	switch (what) {
	case 0:
		return make(name);
	case 1:
		return removed(name);
	case 2:
		return error_of(renameat(tree, name, tree, other));
	case 3:
		return list_place(name);
	case 4:
		return store(name, "notify_on_release", worker % 2 ? "1" : "0");
	case 5:
		return attach(".", victim);
	default:
		return attach(name, victim);
	}
}

static int act_all(int worker)
{
	for (int i = 0; i < SOME_OPERATIONS; i++) {
		int what = rand_r(&seeds[worker]) % 8;
		int error = operate(worker, what);

		if (!is_possible(what, error))
			snprintf(complaint[worker], sizeof(complaint[worker]),
				 "operation %d ended in %s", what, strerrorname_np(error));
	}
	return 0;
}

static void check_all(void)
{
	char name[32];

	for (int i = 0; i < WORKERS; i++) {
		int groups = 0;

		expect(!complaint[i][0], "thread %d: %s", i, complaint[i]);
		for (int p = 0; p < PLACES; p++) {
			place(p, name, sizeof(name));
			groups += is_member(name, victims[i]);
		}
		expect(groups <= 1, "%d is in %d groups", victims[i], groups);
		outcome(groups ? "in-a-group" : "in-the-root");
	}
}

static void tear_down_all(void)
{
	char name[32];

	for (int i = 0; i < WORKERS; i++)
		end(victims[i]);
	for (int p = 0; p < PLACES; p++) {
		place(p, name, sizeof(name));
		if (exists(name))
			remove_at_last(name);
	}
}

/* ---- rounds ---- */

static void nothing(void)
{
}

static const struct scenario {
	const char *name;
	void (*set_up)(void);
	void (*prepare)(void);
	int (*act)(int worker);
	void (*check)(void);
	void (*tear_down)(void);
} scenarios[] = {
	{"attach-rmdir", set_up_victims, prepare_attach_rmdir, act_attach_rmdir, check_attach_rmdir,
	 nothing},
	{"mkdir-below", nothing, prepare_group, act_mkdir_below, check_mkdir_below, nothing},
	{"mkdir-rmdir", nothing, nothing, act_mkdir_rmdir, check_mkdir_rmdir,
	 tear_down_mkdir_rmdir},
	{"rename-release", nothing, prepare_members, act_rename_release, check_rename_release,
	 nothing},
	{"exit-rmdir", nothing, prepare_members, act_exit_rmdir, check_exit_rmdir, nothing},
	{"one-process", nothing, prepare_one_process, act_one_process, check_one_process, nothing},
	{"flag-kept", keep_flag, prepare_flag, act_flag, check_flag, nothing},
	{"flag-cleared", clear_flag, prepare_flag, act_flag, check_flag, nothing},
	{"flag-raised", raise_flag, prepare_flag, act_flag, check_flag, nothing},
	{"list", set_up_list, nothing, act_list, check_list_round, tear_down_list},
	{"all", set_up_victims, nothing, act_all, check_all, tear_down_all},
};

static const struct scenario *scenario;
static pthread_barrier_t start, finish;

/* Threads that come from a barrier run in much the same order each time. */
static void dawdle(int worker)
{
	for (volatile int i = rand_r(&seeds[worker]) % 20000; i > 0; i--)
		;
}

static void *work(void *argument)
{
	int worker = *(int *)argument;

	for (;;) {
		pthread_barrier_wait(&start);
		dawdle(worker);
		results[worker] = scenario->act(worker);
		pthread_barrier_wait(&finish);
	}
	return NULL;
}

static void start_workers(void)
{
	static int numbers[WORKERS];
	pthread_t thread;

	pthread_barrier_init(&start, NULL, WORKERS + 1);
	pthread_barrier_init(&finish, NULL, WORKERS + 1);
	for (int i = 0; i < WORKERS; i++) {
		numbers[i] = i;
		seeds[i] = (unsigned)i;
		expect(pthread_create(&thread, NULL, work, &numbers[i]) == 0, "pthread_create");
	}
}

static void run(int rounds)
{
	scenario->set_up();
	start_workers();
	for (round_number = 1; round_number <= rounds; round_number++) {
		snprintf(group, sizeof(group), "g%d", round_number);
		scenario->prepare();
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&finish);
		scenario->check();
	}
	scenario->tear_down();
	say_outcomes();
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 4 && i < sizeof(scenarios) / sizeof(*scenarios); i++)
		if (strcmp(argv[1], scenarios[i].name) == 0)
			scenario = &scenarios[i];
	tree = scenario ? open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (tree < 0) {
		fprintf(stderr, "usage: races SCENARIO TREE ROUNDS\n");
		return 2;
	}
	run(atoi(argv[3]));
	return 0;
}
