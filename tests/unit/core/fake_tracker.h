/* SPDX-License-Identifier: MIT */
#ifndef UCG_TEST_FAKE_TRACKER_H
#define UCG_TEST_FAKE_TRACKER_H

#include "world.h"

#include "ucgroupfs/tracker.h"

#define FAKE_TASKS 8

/* A tracker of a few tasks.  It writes down its calls, and does in `settle` what the test wants. */
struct fake_tracker {
	struct ucg_tracker tracker;
	struct ucg_task task[FAKE_TASKS];	  /* tid 0: none */
	struct ucg_task attached;		  /* as the last attach was given it */
	struct ucg_group_id in_group[FAKE_TASKS]; /* of the threads of a split process */
	struct ucg_pids pids;			  /* what list gives */
	size_t weakness[UCG_WEAKNESSES];
	struct ucg_text calls;
	int settle_result, attach_result, kill_result, list_result, number_result;
	pid_t shift; /* a caller sees our numbers less this, and none below 1 */
	/* Called by the next settle, once: a death becomes known. */
	void (*on_settle)(struct fake_tracker *fake);
	void (*on_attach)(struct fake_tracker *fake);
	struct world *world;
};

static inline struct fake_tracker *fake_of(struct ucg_tracker *tracker)
{
	return caa_container_of(tracker, struct fake_tracker, tracker);
}

static inline int fake_settle(struct ucg_tracker *tracker, struct ucg_group_id group,
			      uint64_t since_ns)
{
	struct fake_tracker *fake = fake_of(tracker);
	void (*hook)(struct fake_tracker *) = fake->on_settle;

	PRINT(&fake->calls, "settle %u @%u\n", (unsigned)group.value, (unsigned)since_ns);
	if (fake->settle_result)
		return fake->settle_result;
	fake->on_settle = NULL;
	if (hook)
		hook(fake);
	return 0;
}

static inline int fake_find(struct ucg_tracker *tracker, pid_t tid, bool whole_process,
			    struct ucg_task *task)
{
	struct fake_tracker *fake = fake_of(tracker);

	(void)whole_process;
	PRINT(&fake->calls, "find %d\n", (int)tid);
	for (size_t i = 0; i < FAKE_TASKS; i++) {
		if (fake->task[i].tid != tid)
			continue;
		*task = fake->task[i];
		return 0;
	}
	return -ESRCH;
}

static inline int fake_groups(struct ucg_tracker *tracker, const struct ucg_task *task,
			      struct ucg_group_ids *ids)
{
	struct fake_tracker *fake = fake_of(tracker);

	PRINT(&fake->calls, "groups of %d\n", (int)task->tgid);
	for (size_t i = 0; i < FAKE_TASKS && fake->in_group[i].value; i++)
		assert_int_equal(ucg_group_ids_append(ids, fake->in_group[i]), 0);
	return 0;
}

static inline int fake_attach(struct ucg_tracker *tracker, const struct ucg_task *task,
			      struct ucg_group_id to)
{
	struct fake_tracker *fake = fake_of(tracker);

	PRINT(&fake->calls, "attach %d to %u\n", (int)task->tid, (unsigned)to.value);
	fake->attached = *task;
	if (fake->on_attach)
		fake->on_attach(fake);
	return fake->attach_result;
}

static inline int fake_list(struct ucg_tracker *tracker, struct ucg_group_id group,
			    enum ucg_list_what what, uint64_t since_ns, struct ucg_pids *pids)
{
	struct fake_tracker *fake = fake_of(tracker);

	PRINT(&fake->calls, "list %s of %u @%u\n", what == UCG_LIST_TASKS ? "tasks" : "processes",
	      (unsigned)group.value, (unsigned)since_ns);
	if (fake->list_result)
		return fake->list_result;
	for (size_t i = 0; i < fake->pids.count; i++)
		assert_int_equal(ucg_pids_append(pids, fake->pids.pid[i]), 0);
	return 0;
}

static inline int fake_understand(struct ucg_tracker *tracker, pid_t caller, pid_t number,
				  pid_t *pidp)
{
	struct fake_tracker *fake = fake_of(tracker);

	(void)caller;
	*pidp = number + fake->shift;
	return fake->number_result;
}

static inline int fake_express(struct ucg_tracker *tracker, pid_t caller, struct ucg_pids *pids)
{
	struct fake_tracker *fake = fake_of(tracker);
	size_t kept = 0;

	(void)caller;
	for (size_t i = 0; i < pids->count; i++)
		if (pids->pid[i] > fake->shift)
			pids->pid[kept++] = pids->pid[i] - fake->shift;
	pids->count = kept;
	return fake->number_result;
}

static inline int fake_tracking(struct ucg_tracker *tracker, struct ucg_group_id group,
				uint64_t since_ns, size_t *count)
{
	struct fake_tracker *fake = fake_of(tracker);

	PRINT(&fake->calls, "tracking of %u @%u\n", (unsigned)group.value, (unsigned)since_ns);
	for (size_t i = 0; i < UCG_WEAKNESSES; i++)
		count[i] += fake->weakness[i];
	return fake->list_result;
}

static inline int fake_kill(struct ucg_tracker *tracker, struct ucg_group_id group)
{
	struct fake_tracker *fake = fake_of(tracker);

	PRINT(&fake->calls, "kill %u\n", (unsigned)group.value);
	return fake->kill_result;
}

static inline void fake_forget(struct ucg_tracker *tracker, struct ucg_group_id group)
{
	PRINT(&fake_of(tracker)->calls, "forget %u\n", (unsigned)group.value);
}

static inline void fake_end(void *context)
{
	struct fake_tracker *fake = context;

	ucg_pids_clear(&fake->pids);
	ucg_text_clear(&fake->calls);
}

static inline void fake_start(struct fake_tracker *fake, struct world *world)
{
	static const struct ucg_tracker_ops ops = {
		.settle = fake_settle,
		.find = fake_find,
		.groups = fake_groups,
		.attach = fake_attach,
		.list = fake_list,
		.understand = fake_understand,
		.express = fake_express,
		.tracking = fake_tracking,
		.kill = fake_kill,
		.forget = fake_forget,
	};

	*fake = (struct fake_tracker){.tracker.ops = &ops, .world = world};
	world->at_end = fake_end;
	world->context = fake;
}

/* The calls since the last look must be @expected, a line each. */
static inline void assert_calls(struct fake_tracker *fake, const char *expected)
{
	assert_string_equal(text_string(&fake->calls), expected);
	fake->calls.length = 0;
}

#endif
