/* SPDX-License-Identifier: MIT */
/* Texts of /proc, as kernels write them, and what is read out of them.  Source: proc(5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"

#define STATUS_HEAD "Name:\tsh\nUmask:\t0022\n"
#define STATUS_CAPS                                                                                \
	"CapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000200000\n"

struct status_row {
	const char *title;
	const char *text;
	int error;
	struct proc_status value;
};

static void check_status(const struct status_row *row)
{
	struct proc_status got = {0};
	const struct proc_status *want = &row->value;
	int error = proc_parse_status(row->text, &got);

	if (error != row->error)
		fail_msg("%s: expected error %d, got %d", row->title, row->error, error);
	if (error)
		return;
	if (got.state != want->state || got.tgid != want->tgid || got.ppid != want->ppid ||
	    memcmp(&got.uid, &want->uid, sizeof(got.uid)) != 0 ||
	    memcmp(&got.gid, &want->gid, sizeof(got.gid)) != 0 || got.threads != want->threads ||
	    got.pid_levels != want->pid_levels || got.has_memory != want->has_memory ||
	    got.permitted != want->permitted || got.effective != want->effective)
		fail_msg("%s: got state %c tgid %d ppid %d uids %u %u %u gids %u %u %u threads %u "
			 "levels %u "
			 "memory %d permitted %#llx effective %#llx",
			 row->title, got.state, got.tgid, got.ppid, got.uid.real, got.uid.effective,
			 got.uid.saved, got.gid.real, got.gid.effective, got.gid.saved, got.threads,
			 got.pid_levels, got.has_memory, (unsigned long long)got.permitted,
			 (unsigned long long)got.effective);
}

static void check_ns_pid(const char *text, unsigned level, int error, pid_t number)
{
	pid_t got = -1;

	assert_int_equal(proc_parse_ns_pid(text, level, &got), error);
	if (!error)
		assert_int_equal(got, number);
}

static void number_in_a_lower_pid_namespace_is_parsed(void **state)
{
	(void)state;
	check_ns_pid("NSpid:\t812\t35\t2\nNSpgid:\t812\t35\t2\n", 1, 0, 812);
	check_ns_pid("NSpid:\t812\t35\t2\nNSpgid:\t812\t35\t2\n", 3, 0, 2);
	check_ns_pid("NSpid:\t812\t35\t2\nNSpgid:\t812\t35\t2\n", 4, 0, 0);
	check_ns_pid("NSpid:\t812", 2, 0, 0);
	check_ns_pid("Pid:\t812\n", 1, 0, 0);
	check_ns_pid("NSpid:\tx\n", 1, -EINVAL, 0);
	check_ns_pid("NSpid:\t99999999999\n", 1, -EINVAL, 0);
}

static void status_is_parsed(void **state)
{
	static const struct status_row rows[] = {
		{.title = "a process",
		 .text = STATUS_HEAD
		 "State:\tS (sleeping)\nTgid:\t812\nNgid:\t0\nPid:\t812\n"
		 "PPid:\t1\nTracerPid:\t0\nUid:\t1000\t1001\t1002\t1003\n"
		 "Gid:\t5\t6\t7\t8\nFDSize:\t64\nNStgid:\t812\n"
		 "NSpid:\t812\nNSpgid:\t812\nNSsid:\t812\nKthread:\t0\n"
		 "VmPeak:\t 2576 kB\nVmSize:\t 2576 kB\nThreads:\t1\n" STATUS_CAPS,
		 .value = {'S',
			   812,
			   1,
			   {1000, 1001, 1002},
			   {5, 6, 7},
			   1,
			   1,
			   true,
			   0x1ffffffffff,
			   0x200000}},
		{.title = "a thread of several, two pid namespaces below ours",
		 .text = STATUS_HEAD
		 "State:\tR (running)\nTgid:\t7\nPid:\t9\nPPid:\t0\n"
		 "Uid:\t0\t0\t0\t0\nGid:\t5\t6\t7\t8\nNSpid:\t9\t35\t2\nVmSize:\t 2576 kB\n"
		 "Threads:\t12\n",
		 .value = {'R', 7, 0, {0, 0, 0}, {5, 6, 7}, 12, 3, true, 0, 0}},
		{.title = "a zombie",
		 .text = STATUS_HEAD
		 "State:\tZ (zombie)\nTgid:\t5\nPid:\t5\nPPid:\t4\n"
		 "Uid:\t1000\t1000\t1000\t1000\nGid:\t5\t6\t7\t8\nNSpid:\t5\nThreads:\t1\n"
		 "CapPrm:\t0000000000000000\n",
		 .value = {'Z', 5, 4, {1000, 1000, 1000}, {5, 6, 7}, 1, 1, false, 0, 0}},
		{.title = "a kernel thread",
		 .text = "Name:\tkworker/0:1H-kblockd\nState:\tI (idle)\nTgid:\t44\nPid:\t44\n"
			 "PPid:\t2\nUid:\t0\t0\t0\t0\nGid:\t5\t6\t7\t8\nNSpid:\t44\nThreads:"
			 "\t1\n" STATUS_CAPS,
		 .value = {'I', 44, 2, {0, 0, 0}, {5, 6, 7}, 1, 1, false, 0x1ffffffffff, 0x200000}},
		{.title = "a uid that nobody has",
		 .text = "State:\tS\nTgid:\t5\nPPid:\t4\nUid:\t4294967294\t1\t4294967295\t1\nGid:"
			 "\t5\t6\t7\t8\n"
			 "Threads:\t1\n",
		 .value = {'S', 5, 4, {4294967294u, 1, 4294967295u}, {5, 6, 7}, 1, 1, false, 0, 0}},
		{.title = "a name that looks like a line, as the kernel escapes it",
		 .text = "Name:\tx\\nState:\\tZ\nState:\tS\nTgid:\t5\nPPid:\t4\n"
			 "Uid:\t1\t1\t1\t1\nGid:\t5\t6\t7\t8\nThreads:\t1\n",
		 .value = {'S', 5, 4, {1, 1, 1}, {5, 6, 7}, 1, 1, false, 0, 0}},
		{.title = "nothing", .text = "", .error = -EINVAL},
		{.title = "another file", .text = "cpu 1 2 3\n", .error = -EINVAL},
		{.title = "no state",
		 .text = "Tgid:\t5\nPPid:\t4\nUid:\t1\t1\t1\t1\nGid:\t5\t6\t7\t8\nThreads:\t1\n",
		 .error = -EINVAL},
		{.title = "no threads",
		 .text = "State:\tS\nTgid:\t5\nPPid:\t4\nUid:\t1\t1\t1\t1\nGid:\t5\t6\t7\t8\n",
		 .error = -EINVAL},
		{.title = "two uids",
		 .text = "State:\tS\nTgid:\t5\nPPid:\t4\nUid:\t1\t1\nGid:\t5\t6\t7\t8\nThreads:"
			 "\t1\n",
		 .error = -EINVAL},
		{.title = "no group ids",
		 .text = "State:\tS\nTgid:\t5\nPPid:\t4\nUid:\t1\t1\t1\t1\nThreads:\t1\n",
		 .error = -EINVAL},
		{.title = "a tgid in words",
		 .text = "State:\tS\nTgid:\tfive\nPPid:\t4\nUid:\t1\t1\t1\t1\nGid:"
			 "\t5\t6\t7\t8\nThreads:\t1\n",
		 .error = -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_status(&rows[i]);
}

struct stat_row {
	const char *text;
	int error;
	struct proc_stat value;
};

#define STAT_TAIL " 4 5 5 0 -1 4194560 11 12 13 14 377 9 0 0 20 0 1 0 3055 2637824 394"

static void stat_is_parsed_whatever_the_name_of_the_command(void **state)
{
	static const struct stat_row rows[] = {
		{"5 (sh) S" STAT_TAIL, 0, {'S', 4, 4194560, 1, 377, 3055}},
		{"5 (my shell) R" STAT_TAIL, 0, {'R', 4, 4194560, 1, 377, 3055}},
		{"5 () Z" STAT_TAIL, 0, {'Z', 4, 4194560, 1, 377, 3055}},
		{"5 (a) b) (c) T" STAT_TAIL, 0, {'T', 4, 4194560, 1, 377, 3055}},
		{"5 (S 1 2 3) D" STAT_TAIL, 0, {'D', 4, 4194560, 1, 377, 3055}},
		{"5 (a\nb) I" STAT_TAIL, 0, {'I', 4, 4194560, 1, 377, 3055}},
		{"2 (many) S 0 0 0 0 -1 2129984 0 0 0 0 4294967296 3 0 0 20 0 17 0 5",
		 0,
		 {'S', 0, 2129984, 17, 4294967296u, 5}},
		{"2 (no start) S 0 0 0 0 -1 2129984 0 0 0 0 1 3 0 0 20 0 17 0", -EINVAL, {0}},
		{"2 (no threads) S 0 0 0 0 -1 2129984 0 0 0 0 1 3 0 0 20 0", -EINVAL, {0}},
		{"", -EINVAL, {0}},
		{"5 sh S" STAT_TAIL, -EINVAL, {0}},
		{"5 (sh)", -EINVAL, {0}},
		{"5 (sh) S 4 5 5", -EINVAL, {0}},
		{"5 (sh) S four 5 5 0 -1 4194560 1 1 1 1 377", -EINVAL, {0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct proc_stat got = {0};
		int error = proc_parse_stat(rows[i].text, &got);
		const struct proc_stat *want = &rows[i].value;

		if (error != rows[i].error || got.state != want->state || got.ppid != want->ppid ||
		    got.flags != want->flags || got.threads != want->threads ||
		    got.user_time != want->user_time || got.start != want->start)
			fail_msg("\"%s\": got error %d state %c ppid %d flags %u threads %u time "
				 "%llu start %llu",
				 rows[i].text, error, got.state ? got.state : '-', got.ppid,
				 got.flags, got.threads, (unsigned long long)got.user_time,
				 (unsigned long long)got.start);
	}
}

static void load_is_parsed(void **state)
{
	static const struct {
		const char *text;
		int error;
		struct proc_load value;
	} rows[] = {
		{"0.20 0.18 0.12 1/80 11206\n", 0, {80, 1, 11206}},
		{"130.01 9.18 0.00 120/30211 4194303\n", 0, {30211, 120, 4194303}},
		{"0.00 0.00 0.00 0/0 0\n", 0, {0, 0, 0}},
		{"", -EINVAL, {0}},
		{"0.20 0.18 0.12\n", -EINVAL, {0}},
		{"0.20 0.18 0.12 1/80\n", -EINVAL, {0}},
		{"0.20 0.18 0.12 1-80 7\n", -EINVAL, {0}},
		{"none\n", -EINVAL, {0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct proc_load got = {0};
		int error = proc_parse_load(rows[i].text, &got);

		if (error != rows[i].error || got.tasks != rows[i].value.tasks ||
		    got.last_pid != rows[i].value.last_pid)
			fail_msg("\"%s\": got error %d tasks %u last %d", rows[i].text, error,
				 got.tasks, got.last_pid);
	}
}

static void forks_are_parsed(void **state)
{
	static const struct {
		const char *text;
		int error;
		uint64_t value;
	} rows[] = {
		{"cpu  1 2 3\nctxt 9\nbtime 8\nprocesses 26442\nprocs_running 2\n", 0, 26442},
		{"processes 18446744073709551615\n", 0, UINT64_MAX},
		{"cpu  1 2 3\nprocesses_x 5\n", -EINVAL, 0},
		{"cpu  1 2 3 processes 5\n", -EINVAL, 0},
		{"processes many\n", -EINVAL, 0},
		{"", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t got = 0;
		int error = proc_parse_forks(rows[i].text, &got);

		if (error != rows[i].error || got != rows[i].value)
			fail_msg("\"%s\": got error %d forks %llu", rows[i].text, error,
				 (unsigned long long)got);
	}
}

#define LIMITS                                                                                     \
	"Limit                     Soft Limit           Hard Limit           Units     \n"         \
	"Max cpu time              unlimited            unlimited            seconds   \n"         \
	"Max resident set          12345                unlimited            bytes     \n"         \
	"Max open files            1024                 4096                 files     \n"         \
	"Max file locks            8458702321024368641  unlimited            locks     \n"

static void limits_are_parsed(void **state)
{
	static const struct {
		const char *text, *title;
		int error;
		uint64_t value;
	} rows[] = {
		{LIMITS, "Max file locks", 0, 8458702321024368641u},
		{LIMITS, "Max resident set", 0, 12345},
		{LIMITS, "Max cpu time", 0, RLIM_INFINITY},
		{LIMITS, "Max open files", 0, 1024},
		{"Max file locks            18446744073709551614 unlimited", "Max file locks", 0,
		 UINT64_MAX - 1},
		{LIMITS, "Max pending signals", -EINVAL, 0},
		{LIMITS, "Soft Limit", -EINVAL, 0},
		{"Max file locks            none       none\n", "Max file locks", -EINVAL, 0},
		{"Max file locks            -1         none\n", "Max file locks", -EINVAL, 0},
		{"Max file locks            99999999999999999999 1\n", "Max file locks", -EINVAL,
		 0},
		{"Max file locks", "Max file locks", -EINVAL, 0},
		{"", "Max file locks", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t got = 0;
		int error = proc_parse_limit(rows[i].text, rows[i].title, &got);

		if (error != rows[i].error || got != rows[i].value)
			fail_msg("row %zu, %s: expected %d, %llu, got %d, %llu", i, rows[i].title,
				 rows[i].error, (unsigned long long)rows[i].value, error,
				 (unsigned long long)got);
	}
}

static void mounts_that_hide_processes_are_told(void **state)
{
	static const struct {
		const char *line;
		int answer;
	} rows[] = {
		{"22 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw\n",
		 0},
		{"22 28 0:21 / /proc rw,relatime - proc proc rw\n", 0},
		{"22 28 0:21 / /proc rw - proc none rw,hidepid=invisible\n", 1},
		{"22 28 0:21 / /proc rw - proc proc rw,gid=4,hidepid=2\n", 1},
		{"22 28 0:21 / /proc rw - proc proc rw,hidepid=ptraceable,subset=pid\n", 1},
		{"22 28 0:21 / /proc rw - proc proc rw,subset=pid\n", 1},
		{"22 28 0:21 / /proc rw - proc proc rw,hidepid=0\n", 0},
		{"22 28 0:21 / /proc rw - proc proc rw,hidepid=off\n", 0},
		{"23 22 0:5 / /proc/sys ro - proc proc rw,hidepid=2\n", -ENOENT},
		{"23 22 0:5 /sys /proc/sys ro - proc proc rw\n", -ENOENT},
		{"23 22 0:5 / /process rw - proc proc rw,hidepid=2\n", -ENOENT},
		{"23 22 0:5 / /mnt/proc rw - proc proc rw,hidepid=2\n", -ENOENT},
		{"23 22 0:5 / /proc rw - tmpfs tmpfs rw,size=64k\n", -ENOENT},
		{"23 22 0:5 / /sys rw - sysfs sysfs rw\n", -ENOENT},
		{"23 22 0:5 / /proc rw\n", -ENOENT},
		{"\n", -ENOENT},
		{"", -ENOENT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int answer = proc_parse_mount(rows[i].line);

		if (answer != rows[i].answer)
			fail_msg("\"%s\": expected %d, got %d", rows[i].line, rows[i].answer,
				 answer);
	}
}

static void states_tell_dead_from_alive_and_outside_of_a_fork(void **state)
{
	(void)state;
	for (const char *dead = "ZXx"; *dead; dead++)
		assert_true(proc_state_is_dead(*dead) && proc_state_is_outside_fork(*dead));
	for (const char *asleep = "STtI"; *asleep; asleep++)
		assert_true(!proc_state_is_dead(*asleep) && proc_state_is_outside_fork(*asleep));
	for (const char *busy = "RD"; *busy; busy++)
		assert_true(!proc_state_is_dead(*busy) && !proc_state_is_outside_fork(*busy));
}

static void this_process_is_read(void **state)
{
	struct proc_status status;
	struct proc_stat stat;
	struct ucg_pids pids = {0};
	pid_t pid_max;

	(void)state;
	assert_int_equal(proc_read_status(getpid(), &status), 0);
	assert_int_equal(status.tgid, getpid());
	assert_int_equal(status.ppid, getppid());
	assert_int_equal(status.uid.real, getuid());
	assert_int_equal(status.gid.effective, getegid());
	assert_true(status.has_memory);
	assert_int_equal(proc_read_stat(getpid(), getpid(), &stat), 0);
	assert_int_equal(stat.ppid, getppid());
	assert_int_equal(stat.state, 'R');
	assert_int_equal(proc_read_threads(getpid(), &pids), 0);
	assert_int_equal(pids.count, status.threads);
	assert_int_equal(pids.pid[0], getpid());
	assert_int_equal(proc_read_pid_max(&pid_max), 0);
	assert_true(pid_max > getpid());
	ucg_pids_clear(&pids);
}

static void limits_of_this_process_are_read(void **state)
{
	struct rlimit limit;
	uint64_t soft;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(proc_read_limit(getpid(), "Max open files", &soft), 0);
	assert_int_equal(soft, limit.rlim_cur);
}

static void processes_are_listed_in_ascending_order(void **state)
{
	struct ucg_pids pids = {0};
	bool found = false;

	(void)state;
	assert_int_equal(proc_read_processes(&pids), 0);
	for (size_t i = 0; i < pids.count; i++) {
		assert_true(i == 0 || pids.pid[i - 1] < pids.pid[i]);
		found |= pids.pid[i] == getpid();
	}
	assert_true(found);
	ucg_pids_clear(&pids);
}

static void the_map_of_the_initial_user_namespace_is_told(void **state)
{
	(void)state;
	assert_true(proc_parse_uid_map("         0          0 4294967295\n"));
	assert_false(proc_parse_uid_map("         0     100000      65536\n"));
	assert_false(proc_parse_uid_map("         0       1000          1\n"));
	assert_false(proc_parse_uid_map("      1000       1000          1\n"));
	assert_false(proc_parse_uid_map("         0 4294967295 4294967295\n"));
	assert_false(proc_parse_uid_map("         0          0       1000\n"));
	assert_false(proc_parse_uid_map(""));
}

static void a_task_that_is_not_there_is_esrch(void **state)
{
	struct proc_status status;
	struct proc_stat stat;
	struct ucg_pids pids = {0};
	uint64_t soft;
	pid_t pid_max;

	(void)state;
	/* Never given out: the highest pid is pid_max - 1. */
	assert_int_equal(proc_read_pid_max(&pid_max), 0);
	assert_int_equal(proc_read_status(pid_max, &status), -ESRCH);
	assert_false(proc_is_in_initial_user_ns(pid_max));
	assert_int_equal(proc_read_stat(pid_max, pid_max, &stat), -ESRCH);
	assert_int_equal(proc_read_stat(getpid(), pid_max, &stat), -ESRCH);
	assert_int_equal(proc_read_limit(pid_max, "Max file locks", &soft), -ESRCH);
	assert_int_equal(proc_read_threads(pid_max, &pids), -ESRCH);
	assert_int_equal(pids.count, 0);
}

struct relay {
	pthread_attr_t detached;
};

static void *hand_over(void *argument)
{
	struct relay *relay = argument;
	pthread_t next;

	while (pthread_create(&next, &relay->detached, hand_over, relay))
		sched_yield();
	return NULL;
}

/* Its leader ends, and then each thread that has made the next one. */
static _Noreturn void be_a_relay(void)
{
	struct relay relay;

	pthread_attr_init(&relay.detached);
	pthread_attr_setdetachstate(&relay.detached, PTHREAD_CREATE_DETACHED);
	hand_over(&relay);
	for (;;)
		syscall(SYS_exit, 0);
}

static void a_process_whose_threads_take_turns_is_not_dead(void **state)
{
	pid_t pid = fork();
	siginfo_t ended;
	int looks = 0;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		be_a_relay();
	while (proc_check_alive(pid, pid) != -ESRCH)
		sched_yield();
	while (looks < 3000 && !proc_is_all_dead(pid))
		looks++;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT), 0);
	if (looks < 3000)
		fail_msg("look %d: expected a thread alive, got none", looks);
	assert_true(proc_is_all_dead(pid));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(proc_is_all_dead(pid));
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Without the C library's knowledge, so that no sanitizer has a thread in it. */
static pid_t fork_raw(unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

static void die_with(pid_t parent)
{
	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (syscall(SYS_getppid) != parent)
		syscall(SYS_exit_group, 0);
}

static void a_process_is_halted_when_it_has_stopped(void **state)
{
	pid_t test = getpid(), pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		die_with(test);
	while (pid == 0)
		pause();
	assert_false(proc_is_halted(pid));
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_true(proc_is_halted(pid));
	end(pid);
	assert_true(proc_is_halted(pid));
}

static _Noreturn void wait_for_a_child_of_vfork(pid_t test)
{
	pid_t parent = (pid_t)syscall(SYS_getpid);

	die_with(test);
	if (fork_raw(CLONE_VFORK) == 0)
		die_with(parent);
	for (;;)
		syscall(SYS_pause);
}

static void a_process_is_halted_that_waits_for_a_child_of_its_vfork(void **state)
{
	struct proc_stat stat = {0};
	pid_t test = getpid(), pid = fork_raw(0);

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		wait_for_a_child_of_vfork(test);
	while (stat.state != 'D')
		assert_int_equal(proc_read_stat(pid, pid, &stat), 0);
	assert_true(proc_is_halted(pid));
	end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_parsed),
		cmocka_unit_test(number_in_a_lower_pid_namespace_is_parsed),
		cmocka_unit_test(stat_is_parsed_whatever_the_name_of_the_command),
		cmocka_unit_test(load_is_parsed),
		cmocka_unit_test(forks_are_parsed),
		cmocka_unit_test(the_map_of_the_initial_user_namespace_is_told),
		cmocka_unit_test(limits_are_parsed),
		cmocka_unit_test(mounts_that_hide_processes_are_told),
		cmocka_unit_test(states_tell_dead_from_alive_and_outside_of_a_fork),
		cmocka_unit_test(this_process_is_read),
		cmocka_unit_test(limits_of_this_process_are_read),
		cmocka_unit_test(processes_are_listed_in_ascending_order),
		cmocka_unit_test(a_task_that_is_not_there_is_esrch),
		cmocka_unit_test(a_process_whose_threads_take_turns_is_not_dead),
		cmocka_unit_test(a_process_is_halted_when_it_has_stopped),
		cmocka_unit_test(a_process_is_halted_that_waits_for_a_child_of_its_vfork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
