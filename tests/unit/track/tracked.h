/* SPDX-License-Identifier: MIT */
#ifndef UCG_TEST_TRACKED_H
#define UCG_TEST_TRACKED_H

#include "processes.h"

#include <stdio.h>

#include <urcu/urcu-memb.h>

#include "ucgroupfs/track.h"

/*
 * A tracker with a nursery: what the loop and core are to it.  Events are counted by group, the log
 * is kept, and whatever has to be waited for is waited for at the tracker's descriptor.
 */
#define GROUPS 128

#define A ((struct ucg_group_id){1})
#define B ((struct ucg_group_id){2})
#define C ((struct ucg_group_id){3})

struct tracked {
	struct nursery nursery;
	struct ucg_tracker *tracker;
	unsigned emptied[GROUPS], entered[GROUPS], restated[GROUPS], resumed;
	struct ucg_log log;
	char lines[1024]; /* of the log, as far as they fit */
	bool may_log;	  /* the test expects warnings */
};

static inline void count_entered(void *context, struct ucg_group_id group)
{
	((struct tracked *)context)->entered[group.value]++;
}

static inline void count_emptied(void *context, struct ucg_group_id group)
{
	((struct tracked *)context)->emptied[group.value]++;
}

static inline void count_restated(void *context, struct ucg_group_id group)
{
	((struct tracked *)context)->restated[group.value]++;
}

static inline void count_resumed(void *context)
{
	((struct tracked *)context)->resumed++;
}

__attribute__((format(printf, 3, 0))) static inline void
keep_line(struct ucg_log *log, int priority, const char *format, va_list args)
{
	struct tracked *tracked = (struct tracked *)((char *)log - offsetof(struct tracked, log));
	size_t length = strlen(tracked->lines);

	(void)priority;
	vsnprintf(tracked->lines + length, sizeof(tracked->lines) - length, format, args);
	length = strlen(tracked->lines);
	snprintf(tracked->lines + length, sizeof(tracked->lines) - length, "\n");
}

static inline void tracked_start(struct tracked *tracked, unsigned switched_off)
{
	struct ucg_track_config config = {
		.log = &tracked->log,
		.switched_off = switched_off,
		.events = {count_entered, count_emptied, count_restated, count_resumed, tracked},
	};

	tracked->log.vprint = keep_line;
	nursery_init(&tracked->nursery);
	assert_int_equal(ucg_track_new(&config, &tracked->tracker), 0);
}

/* Return: how many groups were populated. */
static inline size_t tracked_stop(struct tracked *tracked)
{
	size_t left = 0;

	if (tracked->tracker)
		tracked->tracker = ucg_track_stop(tracked->tracker, &left);
	return left;
}

/* Set-up and tear-down of a test; *state is a mask of probes that are switched off, or NULL. */
static inline int tracked_setup(void **state)
{
	struct tracked *tracked = calloc(1, sizeof(*tracked));
	const unsigned *switched_off = *state;

	assert_non_null(tracked);
	tracked_start(tracked, switched_off ? *switched_off : 0);
	*state = tracked;
	return 0;
}

static inline int tracked_teardown(void **state)
{
	struct tracked *tracked = *state;
	bool is_quiet = tracked->may_log || !tracked->lines[0];

	tracked_stop(tracked);
	nursery_deinit(&tracked->nursery);
	if (!is_quiet)
		print_error("the log holds: %s", tracked->lines);
	free(tracked);
	return is_quiet ? 0 : -1;
}

static inline int register_thread(void **state)
{
	(void)state;
	urcu_memb_register_thread();
	return 0;
}

static inline int unregister_thread(void **state)
{
	(void)state;
	urcu_memb_unregister_thread();
	return 0;
}

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* One turn of the loop. */
static inline void turn(struct tracked *tracked, const char *what)
{
	if (!is_readable(ucg_track_fd(tracked->tracker), DEADLINE_MS))
		fail_msg("%s: the tracker was silent for %d ms; log: %s", what, DEADLINE_MS,
			 tracked->lines);
	ucg_track_dispatch(tracked->tracker);
}

/* All that the tracker has to do now is done. */
static inline void turn_while_busy(struct tracked *tracked)
{
	while (is_readable(ucg_track_fd(tracked->tracker), 0))
		ucg_track_dispatch(tracked->tracker);
}

static inline void settle(struct tracked *tracked, struct ucg_group_id group)
{
	int64_t deadline = now_ms() + DEADLINE_MS;
	uint64_t since_ns = now_ns();
	int error;

	while ((error = tracked->tracker->ops->settle(tracked->tracker, group, since_ns)) ==
	       -EINPROGRESS) {
		if (now_ms() > deadline)
			fail_msg("group %d has not settled for %d ms", (int)group.value,
				 DEADLINE_MS);
		turn(tracked, "settle");
	}
	assert_int_equal(error, 0);
}

static inline void await_emptied(struct tracked *tracked, struct ucg_group_id group, unsigned times)
{
	int64_t deadline = now_ms() + DEADLINE_MS;

	while (tracked->emptied[group.value] < times) {
		if (now_ms() > deadline)
			fail_msg("group %d: expected to be emptied %u times within %d ms, got %u",
				 (int)group.value, times, DEADLINE_MS,
				 tracked->emptied[group.value]);
		turn(tracked, "await_emptied");
	}
	assert_int_equal(tracked->emptied[group.value], times);
}

static inline struct ucg_task find(struct tracked *tracked, pid_t tid)
{
	struct ucg_task task;

	assert_int_equal(tracked->tracker->ops->find(tracked->tracker, tid, false, &task), 0);
	return task;
}

/* As core does it. */
static inline int try_attach(struct tracked *tracked, pid_t tid, struct ucg_group_id to)
{
	struct ucg_task task;
	int error = tracked->tracker->ops->find(tracked->tracker, tid, false, &task);

	if (error)
		return error;
	settle(tracked, task.group);
	settle(tracked, to);
	return tracked->tracker->ops->attach(tracked->tracker, &task, to);
}

static inline void attach(struct tracked *tracked, pid_t tid, struct ucg_group_id to)
{
	assert_int_equal(try_attach(tracked, tid, to), 0);
}

/* @count: by enum ucg_weakness, zero before. */
static inline void count_weakness(struct tracked *tracked, struct ucg_group_id group, size_t *count)
{
	uint64_t since_ns = now_ns();
	int error;

	while ((error = tracked->tracker->ops->tracking(tracked->tracker, group, since_ns,
							count)) == -EINPROGRESS)
		turn(tracked, "tracking");
	assert_int_equal(error, 0);
}

static inline struct ucg_pids list(struct tracked *tracked, struct ucg_group_id group,
				   enum ucg_list_what what)
{
	int64_t deadline = now_ms() + DEADLINE_MS;
	uint64_t since_ns = now_ns();
	struct ucg_pids pids = {0};
	int error;

	while ((error = tracked->tracker->ops->list(tracked->tracker, group, what, since_ns,
						    &pids)) == -EINPROGRESS) {
		assert_int_equal(pids.count, 0);
		assert_true(now_ms() < deadline);
		turn(tracked, "list");
	}
	assert_int_equal(error, 0);
	return pids;
}

static inline bool holds(const struct ucg_pids *pids, pid_t pid)
{
	for (size_t i = 0; i < pids->count; i++)
		if (pids->pid[i] == pid)
			return true;
	return false;
}

static inline void show(char *text, size_t size, const pid_t *pids, size_t count)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, " %d", pids[i]);
}

static inline void check_list(struct tracked *tracked, struct ucg_group_id group,
			      enum ucg_list_what what, const pid_t *pids, size_t count)
{
	struct ucg_pids wanted = {0}, got = list(tracked, group, what);
	char wanted_text[400], got_text[400];

	for (size_t i = 0; i < count; i++)
		assert_int_equal(ucg_pids_append(&wanted, pids[i]), 0);
	ucg_pids_sort(&wanted);
	show(wanted_text, sizeof(wanted_text), wanted.pid, wanted.count);
	show(got_text, sizeof(got_text), got.pid, got.count);
	if (wanted.count != got.count ||
	    (count && memcmp(wanted.pid, got.pid, count * sizeof(*pids)) != 0))
		fail_msg("group %d: expected%s, got%s", (int)group.value, wanted_text, got_text);
	ucg_pids_clear(&wanted);
	ucg_pids_clear(&got);
}

#define CHECK_TASKS(tracked, group, ...)                                                           \
	check_list(tracked, group, UCG_LIST_TASKS, (const pid_t[]){__VA_ARGS__},                   \
		   sizeof((const pid_t[]){__VA_ARGS__}) / sizeof(pid_t))
#define CHECK_PROCESSES(tracked, group, ...)                                                       \
	check_list(tracked, group, UCG_LIST_PROCESSES, (const pid_t[]){__VA_ARGS__},               \
		   sizeof((const pid_t[]){__VA_ARGS__}) / sizeof(pid_t))

/* Empty, and said so @times times, now and whatever the tracker still has to do. */
static inline void check_empty(struct tracked *tracked, struct ucg_group_id group, unsigned times)
{
	check_list(tracked, group, UCG_LIST_PROCESSES, NULL, 0);
	check_list(tracked, group, UCG_LIST_TASKS, NULL, 0);
	turn_while_busy(tracked);
	assert_int_equal(tracked->emptied[group.value], times);
}

#endif
