/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/release.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <urcu/urcu-memb.h>

#include "bell.h"
#include "failures.h"
#include "spawn.h"
#include "ucgroupfs/scope.h"

/* The child between clone and exec needs a few hundred bytes. */
#define STACK_SIZE ((size_t)16 << 10)

/* Pauses between attempts while no process is to be had. */
#define PAUSE_FIRST_NS UINT64_C(10000000)
#define PAUSE_LAST_NS UINT64_C(1000000000)

#define NS_PER_S UINT64_C(1000000000)

/* One release whose exec is under way, or none. */
struct slot {
	struct ucg_release *release; /* NULL: free */
	struct ucg_text agent, path; /* NUL-terminated; the child reads them until its exec */
	bool is_called;		     /* there is somebody to be called */
};

/* All but @bell and @stopping belongs to the agent thread while that runs. */
struct ucg_agent_thread {
	struct ucg_hierarchy *hierarchy;
	struct ucg_log *log;
	pthread_t thread;
	struct ucg_bell bell;  /* any thread */
	_Atomic bool stopping; /* set once, by the serving thread, before it rings */
	int ended_fd;	       /* eventfd: rung by the thread when nothing is due any more */
	struct ucg_spawn_setup setup;
	struct slot slot[UCG_SPAWN_SLOTS];
	struct ucg_spawn spawn[UCG_SPAWN_SLOTS]; /* of the slot of the same index */
	char *stacks;
	size_t stacks_size;
	struct ucg_failures failures;
	bool told_of_pause; /* that there are delays is in the log since the last exec */
};

static void wake(void *context)
{
	struct ucg_agent_thread *thread = context;

	ucg_bell_ring(&thread->bell);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* this clock exists always */
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static bool read_section_enter(void)
{
	urcu_memb_read_lock();
	return true;
}

static void read_section_leave(const bool *entered)
{
	if (*entered)
		urcu_memb_read_unlock();
}

/* Agent and path as they are now, the moment at which the kernel takes them, too. */
static int copy_texts(struct ucg_hierarchy *hierarchy, struct slot *slot)
{
	ucg_cleanup(read_section_leave) bool section __attribute__((unused)) = read_section_enter();
	int error;

	slot->agent.length = slot->path.length = 0;
	error = ucg_hierarchy_agent(hierarchy, &slot->agent);
	if (error)
		return error;
	return ucg_group_path(hierarchy, slot->release->record.group, &slot->path);
}

static bool is_to_be_called(const struct ucg_rules *rules, const struct slot *slot)
{
	if (!slot->agent.length && !rules->empty_agent_is_called)
		return false;
	return slot->path.length <= UCG_AGENT_PATH_MAX || rules->long_path_is_called;
}

static int end_texts(struct slot *slot)
{
	int error = ucg_text_append(&slot->agent, "", 1);

	if (error)
		return error;
	if (slot->path.length > UCG_AGENT_PATH_MAX)
		slot->path.length = UCG_AGENT_PATH_MAX;
	return ucg_text_append(&slot->path, "", 1);
}

/* Return: 0: the child is on its way, or nobody is to be called; -errno: worth another attempt;
 * -ENOENT: nobody knows the group. */
static int attempt(struct ucg_agent_thread *thread, size_t index)
{
	struct slot *slot = &thread->slot[index];
	struct ucg_spawn *spawn = &thread->spawn[index];
	int error = copy_texts(thread->hierarchy, slot);

	if (error)
		return error;
	slot->is_called = is_to_be_called(ucg_hierarchy_rules(thread->hierarchy), slot);
	if (!slot->is_called)
		return 0;
	error = end_texts(slot);
	if (error)
		return error;
	spawn->argument[0] = slot->agent.bytes;
	spawn->argument[1] = slot->path.bytes;
	spawn->record = &slot->release->record;
	return ucg_spawn_start(spawn);
}

static void tell_of_pause(struct ucg_agent_thread *thread, const char *why)
{
	if (thread->told_of_pause)
		return;
	thread->told_of_pause = true;
	ucg_log(thread->log, LOG_ERR, "can't start the release agent yet: %s; trying again", why);
}

static void report_lost(const struct ucg_agent_thread *thread, const struct ucg_release *release,
			const char *why)
{
	ucg_log(thread->log, LOG_ERR,
		"can't start the release agent: %s; group %llu was released without a call", why,
		(unsigned long long)release->record.group.value);
}

/* Return: false: the thread is asked to stop. */
static bool pause_ns(struct ucg_agent_thread *thread, uint64_t length_ns)
{
	uint64_t deadline = now_ns() + length_ns;

	for (;;) {
		uint32_t seen = ucg_bell_count(&thread->bell);

		if (atomic_load(&thread->stopping))
			return false;
		if (!ucg_bell_wait_until(&thread->bell, seen, deadline))
			return true;
	}
}

/* Attempts with growing pauses: nothing tells when a process is to be had again.  Nothing is lost
 * for it but time, unless the thread is asked to stop. */
static int start(struct ucg_agent_thread *thread, size_t index)
{
	uint64_t pause = PAUSE_FIRST_NS;
	char buffer[128];
	int error;

	for (;;) {
		error = attempt(thread, index);
		if (!error || error == -ENOENT)
			break;
		tell_of_pause(thread, strerror_r(-error, buffer, sizeof(buffer)));
		if (!pause_ns(thread, pause))
			break;
		pause = pause * 2 < PAUSE_LAST_NS ? pause * 2 : PAUSE_LAST_NS;
	}
	return error;
}

static void finish(struct ucg_agent_thread *thread, size_t index)
{
	struct ucg_release *release = thread->slot[index].release;

	thread->slot[index].release = NULL;
	thread->spawn[index].record = NULL;
	ucg_release_done(thread->hierarchy, release);
}

static void run(struct ucg_agent_thread *thread, size_t index)
{
	struct slot *slot = &thread->slot[index];
	int error = start(thread, index);
	char buffer[128];

	if (error)
		report_lost(thread, slot->release, strerror_r(-error, buffer, sizeof(buffer)));
	if (error || !slot->is_called)
		finish(thread, index);
}

/* A child was killed before it could become the agent.  What kills one, a stranger or a filter of
 * system calls, may kill the next: not without a pause. */
static void run_again(struct ucg_agent_thread *thread, size_t index)
{
	const char *why = "its process was killed before the exec";

	tell_of_pause(thread, why);
	if (pause_ns(thread, PAUSE_FIRST_NS)) {
		run(thread, index);
		return;
	}
	report_lost(thread, thread->slot[index].release, why);
	finish(thread, index);
}

/* The child of a slot is through. */
static void collect_one(struct ucg_agent_thread *thread, size_t index)
{
	const struct ucg_spawn *spawn = &thread->spawn[index];

	switch (ucg_spawn_result(spawn)) {
	case UCG_SPAWN_KILLED:
		run_again(thread, index);
		return;
	case UCG_SPAWN_FAILED:
		ucg_failures_report(&thread->failures, spawn->argument[0], spawn->argument[1],
				    -spawn->error);
		break;
	case UCG_SPAWN_RUNS:
		thread->told_of_pause = false;
		ucg_failures_forget(&thread->failures);
		break;
	case UCG_SPAWN_CLAIMED:
		break;
	}
	finish(thread, index);
}

static void collect(struct ucg_agent_thread *thread)
{
	for (size_t i = 0; i < UCG_SPAWN_SLOTS; i++) {
		if (thread->slot[i].release && !ucg_spawn_is_running(&thread->spawn[i]))
			collect_one(thread, i);
	}
}

static bool find_free(const struct ucg_agent_thread *thread, size_t *indexp)
{
	for (size_t i = 0; i < UCG_SPAWN_SLOTS; i++) {
		if (!thread->slot[i].release) {
			*indexp = i;
			return true;
		}
	}
	return false;
}

static bool is_busy(const struct ucg_agent_thread *thread)
{
	for (size_t i = 0; i < UCG_SPAWN_SLOTS; i++) {
		if (thread->slot[i].release)
			return true;
	}
	return false;
}

static size_t wait_for_free(struct ucg_agent_thread *thread)
{
	size_t index;

	collect(thread);
	while (!find_free(thread, &index)) {
		ucg_bell_wait_spawn(&thread->bell, thread->spawn);
		collect(thread);
	}
	return index;
}

/* A free slot before a release: once off the list, the group may be put on it again. */
static void run_due(struct ucg_agent_thread *thread)
{
	for (;;) {
		size_t index = wait_for_free(thread);
		struct ucg_release *release = ucg_release_next(thread->hierarchy);

		if (!release)
			return;
		thread->slot[index].release = release;
		run(thread, index);
	}
}

static void *agent_main(void *argument)
{
	urcu_memb_register_thread();
	struct ucg_agent_thread *thread = argument;

	for (;;) {
		/* In this order: a stop that is not seen now rings after the count was taken. */
		uint32_t seen = ucg_bell_count(&thread->bell);
		bool stopping = atomic_load(&thread->stopping);

		run_due(thread);
		if (stopping && !is_busy(thread))
			break;
		ucg_bell_wait(&thread->bell, seen, thread->spawn);
	}
	urcu_memb_unregister_thread();
	/* Can't fail: the counter is far from its limit. */
	eventfd_write(thread->ended_fd, 1);
	return NULL;
}

static int make_stacks(struct ucg_agent_thread *thread)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE); /* known on every system */
	size_t stride = guard + STACK_SIZE;

	thread->stacks_size = stride * UCG_SPAWN_SLOTS;
	thread->stacks = mmap(NULL, thread->stacks_size, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (thread->stacks == MAP_FAILED)
		return -ENOMEM;
	for (size_t i = 0; i < UCG_SPAWN_SLOTS; i++) {
		char *stack = thread->stacks + i * stride + guard;

		if (mprotect(stack, STACK_SIZE, PROT_READ | PROT_WRITE))
			return -ENOMEM;
		thread->spawn[i].stack_top = stack + STACK_SIZE;
		thread->spawn[i].setup = &thread->setup;
	}
	return 0;
}

static struct ucg_agent_thread *thread_free(struct ucg_agent_thread *thread)
{
	if (!thread)
		return NULL;
	for (size_t i = 0; i < UCG_SPAWN_SLOTS; i++) {
		ucg_text_clear(&thread->slot[i].agent);
		ucg_text_clear(&thread->slot[i].path);
	}
	ucg_failures_clear(&thread->failures);
	ucg_closep(&thread->ended_fd);
	if (thread->stacks != MAP_FAILED)
		munmap(thread->stacks, thread->stacks_size); /* ours: can't fail */
	free(thread);
	return NULL;
}

static void thread_freep(struct ucg_agent_thread **threadp)
{
	*threadp = thread_free(*threadp);
}

int ucg_agent_start(const struct ucg_agent_config *config, struct ucg_agent_thread **threadp)
{
	ucg_cleanup(thread_freep) struct ucg_agent_thread *thread = calloc(1, sizeof(*thread));
	struct ucg_release_list *list = ucg_hierarchy_releases(config->hierarchy);
	int error;

	if (!thread)
		return -ENOMEM;
	thread->hierarchy = config->hierarchy;
	thread->log = thread->failures.log = config->log;
	thread->stacks = MAP_FAILED;
	thread->ended_fd = eventfd(0, EFD_CLOEXEC);
	if (thread->ended_fd < 0)
		return -errno;
	ucg_spawn_setup_init(&thread->setup, &config->nofile);
	error = make_stacks(thread);
	if (error)
		return error;
	error = pthread_create(&thread->thread, NULL, agent_main, thread);
	if (error)
		return -error;
	list->wake = wake;
	list->context = thread;
	*threadp = ucg_steal_pointer(&thread);
	return 0;
}

int ucg_agent_end(struct ucg_agent_thread *thread)
{
	atomic_store(&thread->stopping, true);
	ucg_bell_ring(&thread->bell);
	return thread->ended_fd;
}

struct ucg_agent_thread *ucg_agent_stop(struct ucg_agent_thread *thread)
{
	struct ucg_release_list *list;

	if (!thread)
		return NULL;
	list = ucg_hierarchy_releases(thread->hierarchy);
	ucg_agent_end(thread);
	pthread_join(thread->thread, NULL); /* joinable, ours, joined once: can't fail */
	list->wake = NULL;
	list->context = NULL;
	return thread_free(thread);
}
