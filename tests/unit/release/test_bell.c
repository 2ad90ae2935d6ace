/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bell.h"
#include "ucgroupfs/raw.h"

#define STACK_SIZE 16384

/* ---- what stands in for libc's call: a kernel or a filter without futex_waitv() ---- */

static _Atomic int waitv_errno, waitv_calls;
/* Gets a byte when the call is refused: only then may the child end that is waited for instead. */
static int refused_pipe;

long syscall(long number, ...)
{
	long (*real)(long, ...);
	long argument[6];
	va_list rest;

	if (number == SYS_futex_waitv) {
		waitv_calls++;
		if (waitv_errno) {
			if (write(refused_pipe, "x", 1) != 1)
				abort();
			errno = waitv_errno;
			return -1;
		}
	}
	*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	va_start(rest, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(rest, long);
	va_end(rest);
	return real(number, argument[0], argument[1], argument[2], argument[3], argument[4],
		    argument[5]);
}

/* ---- children that run until they are told to end ---- */

struct world {
	struct ucg_bell bell;
	struct ucg_release_record record[UCG_SPAWN_SLOTS];
	struct ucg_spawn spawn[UCG_SPAWN_SLOTS];
	char *stack[UCG_SPAWN_SLOTS];
	int end[UCG_SPAWN_SLOTS]; /* write end of the child's pipe, -1: none */
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	waitv_errno = 0;
	waitv_calls = 0;
	for (size_t i = 0; i < UCG_SPAWN_SLOTS; i++) {
		world->record[i].id = i + 1;
		world->end[i] = -1;
	}
	*state = world;
	return 0;
}

/* Its only argument is the read end of a pipe. */
UCG_CHILD_CODE static int read_end(void *argument)
{
	char byte;

	ucg_raw_syscall(SYS_read, *(int *)argument, (long)&byte, 1, 0);
	ucg_raw_syscall(SYS_exit_group, 0, 0, 0, 0);
	return 0;
}

static void start_child(struct world *world, size_t index)
{
	struct ucg_spawn *spawn = &world->spawn[index];
	int ends[2];
	/* At the far end of the stack, which the child does not reach. */
	int *argument;

	assert_int_equal(pipe(ends), 0);
	world->stack[index] = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	assert_ptr_not_equal(world->stack[index], MAP_FAILED);
	argument = (int *)(void *)world->stack[index];
	*argument = ends[0];
	world->end[index] = ends[1];
	spawn->record = &world->record[index];
	atomic_store(&spawn->running, 1);
	/* With a copy of the descriptors; so it has the write end, too, and waits for a byte. */
	assert_true(ucg_clone(read_end, world->stack[index] + STACK_SIZE,
			      CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, argument, NULL, NULL,
			      &spawn->running) >= 0);
	close(ends[0]);
}

static void end_child(struct world *world, size_t index)
{
	assert_int_equal(write(world->end[index], "x", 1), 1);
	close(world->end[index]);
	world->end[index] = -1;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < UCG_SPAWN_SLOTS; i++)
		if (world->end[i] >= 0)
			end_child(world, i);
	while (waitpid(-1, NULL, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < UCG_SPAWN_SLOTS; i++)
		if (world->stack[i])
			munmap(world->stack[i], STACK_SIZE);
	free(world);
	return 0;
}

/* Somebody who acts while we sleep. */
static void *ring_once(void *world)
{
	ucg_bell_ring(&((struct world *)world)->bell);
	return NULL;
}

static void *end_second_child(void *world)
{
	end_child(world, 1);
	return NULL;
}

static void wait_for_ring(struct world *world, uint32_t seen)
{
	while (ucg_bell_count(&world->bell) == seen)
		ucg_bell_wait(&world->bell, seen, world->spawn);
}

/* ---- tests ---- */

static void ring_before_the_wait_is_not_missed(void **state)
{
	struct world *world = *state;
	uint32_t seen = ucg_bell_count(&world->bell);

	ucg_bell_ring(&world->bell);
	ucg_bell_wait(&world->bell, seen, world->spawn);
	assert_int_equal(ucg_bell_count(&world->bell), seen + 1);
}

static void ring_during_the_wait_ends_it(void **state)
{
	struct world *world = *state;
	pthread_t other;

	assert_int_equal(pthread_create(&other, NULL, ring_once, world), 0);
	wait_for_ring(world, 0);
	pthread_join(other, NULL);
}

static void ring_ends_the_wait_while_children_run(void **state)
{
	struct world *world = *state;
	pthread_t other;

	start_child(world, 0);
	start_child(world, 1);
	assert_int_equal(pthread_create(&other, NULL, ring_once, world), 0);
	wait_for_ring(world, 0);
	pthread_join(other, NULL);
	assert_true(ucg_spawn_is_running(&world->spawn[0]));
}

static void any_child_that_is_through_ends_the_wait(void **state)
{
	struct world *world = *state;
	pthread_t other;

	start_child(world, 0);
	start_child(world, 1);
	assert_int_equal(pthread_create(&other, NULL, end_second_child, world), 0);
	while (ucg_spawn_is_running(&world->spawn[1]))
		ucg_bell_wait_spawn(&world->bell, world->spawn);
	pthread_join(other, NULL);
	assert_true(ucg_spawn_is_running(&world->spawn[0]));
}

static void child_that_is_through_before_the_wait_ends_it(void **state)
{
	struct world *world = *state;

	start_child(world, 0);
	start_child(world, 1);
	end_child(world, 1);
	while (ucg_spawn_is_running(&world->spawn[1]))
		sched_yield(); /* any wait by the bell would be what is tested */
	ucg_bell_wait(&world->bell, ucg_bell_count(&world->bell), world->spawn);
	assert_true(ucg_spawn_is_running(&world->spawn[0]));
}

/* Without futex_waitv() the first child is waited for, whatever its slot. */
static void assert_first_child_ends_the_wait(struct world *world, int error)
{
	world->record[1].id = 0;
	start_child(world, 0);
	start_child(world, 1);
	waitv_errno = error;
	refused_pipe = world->end[1];
	while (ucg_spawn_is_running(&world->spawn[1]))
		ucg_bell_wait(&world->bell, 0, world->spawn);
	assert_int_equal(waitv_calls, 1);
	close(world->end[1]);
	world->end[1] = -1;
}

static void on_an_old_kernel_the_first_child_ends_the_wait(void **state)
{
	assert_first_child_ends_the_wait(*state, ENOSYS);
}

static void under_an_old_filter_the_first_child_ends_the_wait(void **state)
{
	assert_first_child_ends_the_wait(*state, EPERM);
}

static void wait_ends_at_its_deadline(void **state)
{
	struct world *world = *state;
	struct timespec now;
	uint64_t now_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	while (ucg_bell_wait_until(&world->bell, 0, now_ns + 1000000))
		; /* interrupted */
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_true((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec >= now_ns + 1000000);
}

static void ring_ends_the_wait_before_its_deadline(void **state)
{
	struct world *world = *state;

	ucg_bell_ring(&world->bell);
	assert_true(ucg_bell_wait_until(&world->bell, 0, UINT64_C(1) << 60));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
	const struct CMUnitTest tests[] = {
		TEST(ring_before_the_wait_is_not_missed),
		TEST(ring_during_the_wait_ends_it),
		TEST(ring_ends_the_wait_while_children_run),
		TEST(any_child_that_is_through_ends_the_wait),
		TEST(child_that_is_through_before_the_wait_ends_it),
		TEST(on_an_old_kernel_the_first_child_ends_the_wait),
		TEST(under_an_old_filter_the_first_child_ends_the_wait),
		TEST(wait_ends_at_its_deadline),
		TEST(ring_ends_the_wait_before_its_deadline),
	};

	if (sigaction(SIGCHLD, &action, NULL))
		return 1;
	alarm(60); /* a wait that does not end is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
