/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "bell.h"
#include "probe.h"
#include "ucgroupfs/raw.h"
#include "spawn.h"

#define STACK_SIZE 16384

/* One child at a time, started as the agent thread does it. */
struct world {
	struct folder folder;
	struct ucg_spawn_setup setup;
	struct ucg_release_record record;
	struct ucg_spawn spawn[UCG_SPAWN_SLOTS];
	struct ucg_bell bell;
	char agent[128];
	char path[64];
	char *stack;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct rlimit nofile = {.rlim_cur = 77, .rlim_max = 0};
	struct rlimit now;

	assert_non_null(world);
	folder_make(&world->folder);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	nofile.rlim_max = now.rlim_max;
	ucg_spawn_setup_init(&world->setup, &nofile);
	world->record.id = 1;
	atomic_init(&world->record.state, UCG_RELEASE_DUE);
	folder_file(&world->folder, "probe", world->agent, sizeof(world->agent));
	strcpy(world->path, "/a group/\x01\t'\xc3\xa4");
	world->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	assert_ptr_not_equal(world->stack, MAP_FAILED);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	wait_for_agents();
	folder_remove(&world->folder);
	munmap(world->stack, STACK_SIZE);
	free(world);
	return 0;
}

static void start(struct world *world)
{
	struct ucg_spawn *child = &world->spawn[0];
	sigset_t all, before;

	child->setup = &world->setup;
	child->record = &world->record;
	child->argument[0] = world->agent;
	child->argument[1] = world->path;
	child->stack_top = world->stack + STACK_SIZE;
	sigfillset(&all);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &all, &before), 0);
	assert_int_equal(ucg_spawn_start(child), 0);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

static enum ucg_spawn_result spawn(struct world *world)
{
	struct ucg_spawn *child = &world->spawn[0];

	start(world);
	while (ucg_spawn_is_running(child))
		ucg_bell_wait_spawn(&world->bell, world->spawn);
	return ucg_spawn_result(child);
}

/* The probe's report: the lines that begin with @key, each followed by '|'. */
static const char *report(struct world *world, const char *key)
{
	static char found[16384];
	const char *line;

	found[0] = '\0';
	while (strcmp(line = next_line(&world->folder), "end")) {
		if (!strncmp(line, key, strlen(key)))
			strcat(strcat(found, line + strlen(key)), "|");
	}
	return found;
}

static const char *probe(struct world *world, const char *key)
{
	assert_int_equal(spawn(world), UCG_SPAWN_RUNS);
	return report(world, key);
}

static void agent_gets_its_name_and_the_path_and_nothing_else(void **state)
{
	struct world *world = *state;
	char expected[256];

	snprintf(expected, sizeof(expected), "%s|%s|", world->agent, world->path);
	assert_string_equal(probe(world, "argument "), expected);
}

static void agent_gets_exactly_two_environment_variables(void **state)
{
	assert_int_equal(setenv("STRANGER", "1", 1), 0);
	assert_string_equal(probe(*state, "environment "),
			    "HOME=/|PATH=/sbin:/bin:/usr/sbin:/usr/bin|");
}

static void agent_gets_no_descriptor(void **state)
{
	int inherited = dup(0); /* not close-on-exec */

	assert_true(inherited > 2);
	assert_string_equal(probe(*state, "descriptor "), "");
	close(inherited);
}

static void agent_opens_descriptor_0_first(void **state)
{
	assert_string_equal(probe(*state, "first descriptor "), "0|");
}

static void descriptors_of_the_daemon_stay_open(void **state)
{
	int mine = dup(0);

	assert_int_equal(spawn(*state), UCG_SPAWN_RUNS);
	assert_true(fcntl(mine, F_GETFD) >= 0);
	assert_true(fcntl(1, F_GETFD) >= 0);
	report(*state, "");
	close(mine);
}

static void agent_starts_in_the_root_directory(void **state)
{
	char before[4096], after[4096];

	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(((struct world *)*state)->folder.path), 0);
	assert_string_equal(probe(*state, "cwd "), "/|");
	assert_non_null(getcwd(after, sizeof(after)));
	assert_string_equal(after, ((struct world *)*state)->folder.path);
	assert_int_equal(chdir(before), 0);
}

static void agent_gets_umask_022(void **state)
{
	mode_t before = umask(0);

	assert_string_equal(probe(*state, "umask "), "022|");
	assert_int_equal(umask(before), 0);
}

static void agent_gets_no_signal_blocked(void **state)
{
	assert_string_equal(probe(*state, "SigBlk:"), "\t0000000000000000|");
}

static void agent_gets_no_signal_ignored(void **state)
{
	struct world *world = *state;
	const int ignored[] = {SIGPIPE, SIGHUP, SIGRTMAX};
	struct rlimit nofile = {1024, 1024};

	for (size_t i = 0; i < 3; i++)
		assert_true(signal(ignored[i], SIG_IGN) != SIG_ERR);
	ucg_spawn_setup_init(&world->setup, &nofile);
	assert_string_equal(probe(world, "SigIgn:"), "\t0000000000000000|");
	for (size_t i = 0; i < 3; i++)
		assert_true(signal(ignored[i], SIG_DFL) == SIG_IGN);
}

static void agent_leads_a_session_of_its_own(void **state)
{
	assert_string_equal(probe(*state, "session "), "own|");
}

static void agent_gets_the_limit_of_descriptors_from_before(void **state)
{
	assert_memory_equal(probe(*state, "nofile "), "4d ", 3);
}

/* The soft limit of @resource is a group's marker, as if the daemon were a member. */
static void assert_marker_cleared(struct world *world, __rlimit_resource_t resource,
				  const char *key)
{
	struct rlimit before, marked, now;
	char expected[64];

	assert_int_equal(getrlimit(resource, &before), 0);
	marked = (struct rlimit){UINT64_C(0x7563000100000002), before.rlim_max};
	snprintf(expected, sizeof(expected), "%llx %llx|", (unsigned long long)before.rlim_max,
		 (unsigned long long)before.rlim_max);
	assert_int_equal(setrlimit(resource, &marked), 0);
	assert_string_equal(probe(world, key), expected);
	assert_int_equal(getrlimit(resource, &now), 0);
	assert_int_equal(now.rlim_cur, marked.rlim_cur);
	assert_int_equal(setrlimit(resource, &before), 0);
}

static void agent_loses_the_marker_in_the_limit_of_locks(void **state)
{
	assert_marker_cleared(*state, RLIMIT_LOCKS, "locks ");
}

static void agent_loses_the_marker_in_the_limit_of_rss(void **state)
{
	assert_marker_cleared(*state, RLIMIT_RSS, "rss ");
}

static void agent_keeps_a_limit_that_is_no_marker(void **state)
{
	struct rlimit before, limited;

	assert_int_equal(getrlimit(RLIMIT_RSS, &before), 0);
	limited = (struct rlimit){UINT64_C(0x7562000100000002), before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_RSS, &limited), 0);
	assert_memory_equal(probe(*state, "rss "), "7562000100000002 ", 17);
	assert_int_equal(setrlimit(RLIMIT_RSS, &before), 0);
}

static void relative_agent_is_found_from_the_root_directory(void **state)
{
	struct world *world = *state;
	char expected[256];

	memmove(world->agent, world->agent + 1, strlen(world->agent));
	snprintf(expected, sizeof(expected), "%s|%s|", world->agent, world->path);
	assert_string_equal(probe(world, "argument "), expected);
}

static void start_claims_the_record(void **state)
{
	struct world *world = *state;

	assert_int_equal(spawn(world), UCG_SPAWN_RUNS);
	assert_int_equal(world->record.state, UCG_RELEASE_CLAIMED);
	report(world, "");
}

static void claimed_record_is_not_run_again(void **state)
{
	struct world *world = *state;

	atomic_store(&world->record.state, UCG_RELEASE_CLAIMED);
	assert_int_equal(spawn(world), UCG_SPAWN_CLAIMED);
	wait_for_agents();
	assert_no_report(&world->folder);
}

static void assert_exec_fails(struct world *world, const char *agent, int error)
{
	strcpy(world->agent, agent);
	assert_int_equal(spawn(world), UCG_SPAWN_FAILED);
	assert_int_equal(world->spawn[0].error, -error);
}

static void missing_agent_fails_with_enoent(void **state)
{
	assert_exec_fails(*state, "/nonexistent/agent", ENOENT);
}

static void directory_as_agent_fails_with_eacces(void **state)
{
	assert_exec_fails(*state, "/tmp", EACCES);
}

static void bare_name_is_not_searched_in_the_path(void **state)
{
	assert_exec_fails(*state, "true", ENOENT);
}

static void script_without_interpreter_is_given_to_no_shell(void **state)
{
	struct world *world = *state;
	char script[128];

	folder_add_script(&world->folder, "script", "echo called > reports\n");
	folder_file(&world->folder, "script", script, sizeof(script));
	assert_exec_fails(world, script, ENOEXEC);
}

static void failing_child_leaves_our_errno_alone(void **state)
{
	struct world *world = *state;

	if (UCG_SPAWN_FLAGS & CLONE_VFORK)
		skip(); /* nobody runs beside the child here */
	strcpy(world->agent, "/nonexistent/agent");
	start(world);
	errno = 0;
	while (ucg_spawn_is_running(&world->spawn[0]))
		; /* any call to wait by would set errno itself */
	assert_int_equal(errno, 0);
	assert_int_equal(world->spawn[0].error, -ENOENT);
}

/* From now on, in this process and its children, close_range() is not known. */
static void forbid_close_range(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = 4, .filter = code};

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

static void without_close_range_agent_gets_no_descriptor_either(void **state)
{
	struct world *world = *state;
	struct rlimit nofile;
	pid_t child;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &nofile), 0);
	ucg_spawn_setup_init(&world->setup, &nofile);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		forbid_close_range();
		_exit(spawn(world) != UCG_SPAWN_RUNS || fcntl(0, F_GETFD) < 0);
	}
	assert_string_equal(report(world, "descriptor "), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv, char **environment)
{
	const struct CMUnitTest tests[] = {
		TEST(agent_gets_its_name_and_the_path_and_nothing_else),
		TEST(agent_gets_exactly_two_environment_variables),
		TEST(agent_gets_no_descriptor),
		TEST(agent_opens_descriptor_0_first),
		TEST(descriptors_of_the_daemon_stay_open),
		TEST(agent_starts_in_the_root_directory),
		TEST(agent_gets_umask_022),
		TEST(agent_gets_no_signal_blocked),
		TEST(agent_gets_no_signal_ignored),
		TEST(agent_leads_a_session_of_its_own),
		TEST(agent_gets_the_limit_of_descriptors_from_before),
		TEST(agent_loses_the_marker_in_the_limit_of_locks),
		TEST(agent_loses_the_marker_in_the_limit_of_rss),
		TEST(agent_keeps_a_limit_that_is_no_marker),
		TEST(relative_agent_is_found_from_the_root_directory),
		TEST(start_claims_the_record),
		TEST(claimed_record_is_not_run_again),
		TEST(missing_agent_fails_with_enoent),
		TEST(directory_as_agent_fails_with_eacces),
		TEST(bare_name_is_not_searched_in_the_path),
		TEST(script_without_interpreter_is_given_to_no_shell),
		TEST(failing_child_leaves_our_errno_alone),
		TEST(without_close_range_agent_gets_no_descriptor_either),
	};

	if (is_probe(argv[0]))
		return probe_main(argc, argv, environment);
	reap_agents_unseen();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
