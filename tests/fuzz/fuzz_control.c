/* links: control journal core */
/* SPDX-License-Identifier: MIT */
/*
 * Any bytes written to any control file, in the root, in a group, in a removed one, by the rules of
 * either column: an errno that is documented, no change beside an error, and what is committed
 * reads back as text that ends.
 */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include <urcu/urcu-memb.h>

#include "ucgroupfs/control.h"
#include "ucgroupfs/journal.h"

const char *const fuzz_alphabet = "0123456789\x01\x02\x03\x04 \n\t/agentx+-";

#define MOUNTER 1000u

/* ---- a tracker that has three tasks, and sees all of them where they were put ---- */

struct tracker {
	struct ucg_tracker tracker;
	struct ucg_task task[3];
};

static int settle(struct ucg_tracker *tracker, struct ucg_group_id group, uint64_t since_ns)
{
	(void)tracker;
	FUZZ_CHECK(group.value, "the root was settled at %u", (unsigned)since_ns);
	return 0;
}

static struct ucg_task *task_of(struct ucg_tracker *tracker, pid_t tid)
{
	struct tracker *self = caa_container_of(tracker, struct tracker, tracker);

	return tid >= 1 && tid <= 3 ? &self->task[tid - 1] : NULL;
}

static int find(struct ucg_tracker *tracker, pid_t tid, bool whole_process, struct ucg_task *task)
{
	(void)whole_process;
	const struct ucg_task *found = task_of(tracker, tid);

	if (!found)
		return -ESRCH;
	*task = *found;
	return 0;
}

static int attach(struct ucg_tracker *tracker, const struct ucg_task *task, struct ucg_group_id to)
{
	task_of(tracker, task->tid)->group = to;
	return 0;
}

static int list(struct ucg_tracker *tracker, struct ucg_group_id group, enum ucg_list_what what,
		uint64_t since_ns, struct ucg_pids *pids)
{
	(void)what, (void)since_ns;
	for (pid_t tid = 1; tid <= 3; tid++)
		if (task_of(tracker, tid)->group.value == group.value)
			if (ucg_pids_append(pids, tid))
				return -ENOMEM;
	return 0;
}

static int understand(struct ucg_tracker *tracker, pid_t caller, pid_t number, pid_t *pidp)
{
	(void)tracker, (void)caller;
	*pidp = number;
	return 0;
}

static int express(struct ucg_tracker *tracker, pid_t caller, struct ucg_pids *pids)
{
	(void)tracker, (void)caller, (void)pids;
	return 0;
}

static int tracking(struct ucg_tracker *tracker, struct ucg_group_id group, uint64_t since_ns,
		    size_t *count)
{
	(void)tracker, (void)group, (void)since_ns;
	count[UCG_UNMARKED] = 7;
	return 0;
}

static int kill_group(struct ucg_tracker *tracker, struct ucg_group_id group)
{
	(void)tracker;
	return group.value ? 0 : -EOPNOTSUPP;
}

static const struct ucg_tracker_ops ops = {
	.settle = settle,
	.find = find,
	.attach = attach,
	.list = list,
	.understand = understand,
	.express = express,
	.tracking = tracking,
	.kill = kill_group,
};

/* ---- the world: the root, /a (1), and /b (2) that is removed and held ---- */

struct world {
	struct ucg_hierarchy *hierarchy;
	struct ucg_journal journal;
	struct ucg_group *group[3];
	struct tracker tracker;
};

static struct ucg_group *make(struct world *world, const char *name)
{
	struct ucg_change change = UCG_CHANGE_INIT;
	struct ucg_opener maker = {MOUNTER, MOUNTER};
	struct timespec now = {0};
	struct ucg_group_id id;

	FUZZ_CHECK(!ucg_group_make(world->hierarchy, world->group[0], name, strlen(name), false,
				   0755, &maker, now, &id, &change),
		   "can't make %s", name);
	ucg_commit(&world->journal, &change);
	ucg_change_clear(&change);
	return ucg_group_find(world->hierarchy, id);
}

static void remove_group(struct world *world, struct ucg_group *group)
{
	struct ucg_change change = UCG_CHANGE_INIT;
	struct timespec now = {0};

	FUZZ_CHECK(!ucg_group_emptied(world->hierarchy, group, &change), "can't empty");
	ucg_commit(&world->journal, &change);
	ucg_change_clear(&change);
	FUZZ_CHECK(!ucg_group_remove(world->hierarchy, group, now, &change), "can't remove");
	ucg_commit(&world->journal, &change);
	ucg_change_clear(&change);
}

/* A hierarchy costs grace periods: so there is one for all inputs, and groups for each. */
static void start(struct world *world, const struct ucg_rules *rules)
{
	struct ucg_hierarchy_config config = {.name = "fuzz",
					      .release_agent = "",
					      .rules = rules,
					      .mounter_uid = MOUNTER,
					      .root_mode = 0755};

	FUZZ_CHECK(!ucg_hierarchy_new(&config, &world->hierarchy), "no hierarchy");
	ucg_hierarchy_connect(world->hierarchy, &world->journal);
	world->group[0] = ucg_hierarchy_root(world->hierarchy);
	world->tracker.tracker.ops = &ops;
}

static void set_up(struct world *world)
{
	world->group[1] = make(world, "a");
	world->group[2] = make(world, "b");
	ucg_group_pin(world->group[2], 1);
	remove_group(world, world->group[2]);
	for (int i = 0; i < 3; i++)
		world->tracker.task[i] = (struct ucg_task){.tid = i + 1,
							   .tgid = i + 1,
							   .uid = i == 2 ? 0 : MOUNTER,
							   .alive_threads = true,
							   .threaded = i == 1};
}

static void tidy_up(struct world *world)
{
	struct ucg_release *release;

	ucg_group_unpin(world->hierarchy, world->group[2], 1);
	remove_group(world, world->group[1]);
	while ((release = ucg_release_next(world->hierarchy)))
		ucg_release_done(world->hierarchy, release);
	ucg_release_collect(world->hierarchy);
}

/* ---- the test ---- */

static bool is_documented(int error)
{
	static const int known[] = {0,	    -E2BIG,  -ENODEV, -EINVAL,	   -ERANGE,
				    -EPERM, -EACCES, -ESRCH,  -EOPNOTSUPP, -EIO};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (error == known[i])
			return true;
	return false;
}

static void read_back(const struct ucg_control_file *file, const struct ucg_control_call *call)
{
	struct ucg_text text = {0};
	int error = ucg_control_read(file, call, &text);

	FUZZ_CHECK(error == 0 || error == -ENODEV || error == -EINVAL, "read of %s: %d", file->name,
		   error);
	if (!error && text.length)
		FUZZ_CHECK(text.bytes[text.length - 1] == '\n', "%s does not end", file->name);
	ucg_text_clear(&text);
}

static void write_once(struct world *world, struct fuzz_input *input)
{
	const struct ucg_control_file *file =
		&ucg_control_files[fuzz_byte(input) % ucg_control_file_count];
	struct ucg_group *group = world->group[fuzz_byte(input) % 3];
	struct ucg_control_call call = {
		.hierarchy = world->hierarchy,
		.tracker = &world->tracker.tracker,
		.group = group,
		.opener = {.uid = fuzz_byte(input) % 4 ? MOUNTER : 1},
		.writer = {.uid = MOUNTER},
		.caller = fuzz_byte(input) % 3,
	};
	struct ucg_change change = UCG_CHANGE_INIT;
	size_t length = fuzz_byte(input);
	char *bytes;
	int error;

	if (!ucg_control_is_present(file, world->hierarchy, group))
		return;
	length = length < input->left ? length : input->left;
	bytes = fuzz_copy(input->data, length);
	input->data += length;
	input->left -= length;
	error = ucg_control_write(file, &call, bytes, length, &change);
	FUZZ_CHECK(is_documented(error), "write to %s: %d", file->name, error);
	FUZZ_CHECK(!error || !change.image_count, "%s: a change beside %d", file->name, error);
	FUZZ_CHECK(!ucg_group_is_removed(group) || error == -ENODEV, "removed: %d", error);
	ucg_commit(&world->journal, &change);
	ucg_change_clear(&change);
	free(bytes);
	read_back(file, &call);
}

static void try_input(struct world *world, struct fuzz_input input)
{
	set_up(world);
	while (input.left)
		write_once(world, &input);
	tidy_up(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world current, original;
	struct fuzz_input input = {data, size};

	if (!current.hierarchy) {
		urcu_memb_register_thread();
		start(&current, &ucg_rules_current);
		start(&original, &ucg_rules_2_6_24);
	}
	try_input(&current, input);
	try_input(&original, input);
	return 0;
}
