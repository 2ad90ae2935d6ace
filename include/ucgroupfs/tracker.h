/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_TRACKER_H
#define UCGROUPFS_TRACKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ucgroupfs/ids.h"
#include "ucgroupfs/text.h"

/*
 * What core and control need to know of processes: declared here, filled in by track, faked by the
 * unit tests.  All functions are called by the serving thread.
 *
 * Any of them may return -EINPROGRESS: nothing has been changed, full passes are under way on
 * another thread, and ucg_tracker_events.resume says when to call again with the same arguments.
 * @since_ns is the moment (CLOCK_MONOTONIC) at which the request arrived that wants to know: an
 * answer that was true at any moment after it will do, so the second call gets through.
 */

/* A task as found by its id. */
struct ucg_task {
	pid_t tid, tgid;
	uid_t uid, saved_uid; /* real and saved: the kernel's rule of attach looks at these */
	bool dead;	      /* zombie, or thread-group leader that has exited (then @alive_threads
				 may still be true) */
	bool alive_threads;   /* some thread of the process lives */
	bool unmovable;	      /* kernel thread bound to its CPUs, kthreadd */
	bool threaded;	      /* the process has more than one live thread */
	bool split;	      /* threads of it may be in different groups */
	bool alone;	      /* set by the caller before attach: this thread alone is to move */
	bool waits_for_us; /* set by the caller before attach: its only thread is the one that waits
			      for our answer, so it is not in the middle of a fork */
	struct ucg_group_id group; /* that the task is in */
};

/* All zero is an empty one. */
struct ucg_group_ids {
	struct ucg_group_id *id;
	size_t count, capacity;
};

/* Return: 0; -ENOMEM. */
int ucg_group_ids_append(struct ucg_group_ids *ids, struct ucg_group_id id);
/* Ascending, each once. */
void ucg_group_ids_sort(struct ucg_group_ids *ids);
void ucg_group_ids_clear(struct ucg_group_ids *ids);

/*
 * Why a group is followed less surely than exactly: words of cgroup.tracking, with the number of
 * members concerned.  A member carries its group twice, in a limit of its process and in the hint
 * of its I/O priority; each alone can be lost.
 */
enum ucg_weakness {
	UCG_NO_HINT,	 /* the limit alone: its children are lost if it resets its limits */
	UCG_NO_MARKER,	 /* the hint alone: ... if it sets its I/O priority */
	UCG_UNMARKED,	 /* neither: a child is lost if this one ends before it is looked at */
	UCG_UNPROVED,	 /* of another user, carries the marks, and has lost its parent */
	UCG_UNSEEN_EXIT, /* the last ones are leaders of processes that go on elsewhere: nothing
			    tells of their end, so a release may be late */
	UCG_CHOSEN_PIDS, /* may choose its pid, on a kernel that does not count pids */
	UCG_WEAKNESSES,
};
extern const char *const ucg_weakness_names[UCG_WEAKNESSES];

enum ucg_list_what { UCG_LIST_TASKS, UCG_LIST_PROCESSES };

struct ucg_tracker_ops;

struct ucg_tracker {
	const struct ucg_tracker_ops *ops;
};

struct ucg_tracker_ops {
	/* Every death and every fork before now that concerns @group is accounted for: events
	 * `entered` and `emptied` that are due have been delivered on return.
	 * Return: 0; -EINPROGRESS; -EMFILE never (see attach). */
	int (*settle)(struct ucg_tracker *tracker, struct ucg_group_id group, uint64_t since_ns);

	/* The task of this id; for a whole process the leader of its process, whose ids decide then
	 * (kernel behaviour §3).
	 * Return: 0; -ESRCH: no such task. */
	int (*find)(struct ucg_tracker *tracker, pid_t tid, bool whole_process,
		    struct ucg_task *task);

	/* The groups that live threads of a process are in, ascending, each once.
	 * Return: 0; -ESRCH; -ENOMEM; -EMFILE and the like. */
	int (*groups)(struct ucg_tracker *tracker, const struct ucg_task *task,
		      struct ucg_group_ids *ids);

	/* The task that is @number to @caller, who may live in a pid namespace below ours.
	 * Return: 0; -ESRCH: nobody is; -EACCES: his namespace can't be told, or he is 0; -EMFILE
	 * and the like: no means to ask. */
	int (*understand)(struct ucg_tracker *tracker, pid_t caller, pid_t number, pid_t *pidp);

	/* @pids become the numbers that @caller sees, ascending, without those that he can't see.
	 * Return: as above, but for -ESRCH. */
	int (*express)(struct ucg_tracker *tracker, pid_t caller, struct ucg_pids *pids);

	/* Is this one of capabilities(7) in effect for the task, in the initial user namespace?
	 * Where that can't be told, and for @tid 0: no. */
	bool (*is_capable)(struct ucg_tracker *tracker, pid_t tid, int capability);

	/* Moves the whole process of @task, or with @task->alone that thread; the caller has
	 * settled sources and target and has made sure that it is to move.  Delivers no event for
	 * @to: the caller knows.
	 * Return: 0; -ESRCH: gone meanwhile; -EPERM: can't be marked; -EBUSY: marked by two other
	 * hierarchies; -EOPNOTSUPP: no means to tell this thread from its process; -EMFILE,
	 * -ENOMEM: no means to hold it.  On an error it is where it was. */
	int (*attach)(struct ucg_tracker *tracker, const struct ucg_task *task,
		      struct ucg_group_id to);

	/* Ascending ids of the live tasks or processes of @group, settled first.
	 * Return: 0; -EINPROGRESS; -ENOMEM; -EMFILE and the like: /proc can't be read. */
	int (*list)(struct ucg_tracker *tracker, struct ucg_group_id group, enum ucg_list_what what,
		    uint64_t since_ns, struct ucg_pids *pids);

	/* How surely @group is followed: adds to @count, by enum ucg_weakness; all zero: exactly.
	 * Looks at each member.  For the root what was last known of all groups together.
	 * Return: as list. */
	int (*tracking)(struct ucg_tracker *tracker, struct ucg_group_id group, uint64_t since_ns,
			size_t *count);

	/* SIGKILL to every member of @group by pidfd, and to those found later until it is empty
	 * once; goes on behind the caller.  Return: 0; -EOPNOTSUPP: the root. */
	int (*kill)(struct ucg_tracker *tracker, struct ucg_group_id group);

	/* The group was removed: it is empty and stays so. */
	void (*forget)(struct ucg_tracker *tracker, struct ucg_group_id group);
};

/* What the tracker tells, from within its own calls or its dispatch; serving thread. */
struct ucg_tracker_events {
	/* A member was found in a group that was declared empty (a straggler of a move). */
	void (*entered)(void *context, struct ucg_group_id group);
	/* The last member is gone. */
	void (*emptied)(void *context, struct ucg_group_id group);
	/* What `tracking` says of the group may have changed. */
	void (*restated)(void *context, struct ucg_group_id group);
	/* What answered -EINPROGRESS is worth another call; not from within such a call. */
	void (*resume)(void *context);
	void *context;
};

/* Settles a group.  Nothing that the root shows or does depends on who has left it meanwhile.
 * Return: as the operation. */
static inline int ucg_tracker_settle(struct ucg_tracker *tracker, struct ucg_group_id group,
				     uint64_t since_ns)
{
	return group.value == UCG_ROOT_ID.value ? 0
						: tracker->ops->settle(tracker, group, since_ns);
}

#endif
