/* SPDX-License-Identifier: MIT */
#ifndef TRACK_PROC_H
#define TRACK_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ucgroupfs/text.h"

/*
 * What /proc says of tasks.  Parsing is apart from reading, so that it is tested as text -> value.
 * Source of the formats: proc(5).
 */

struct proc_ids {
	unsigned real, effective, saved;
};

/* /proc/PID/status, as far as it matters. */
struct proc_status {
	char state; /* R S D T t Z X I */
	pid_t tgid, ppid;
	struct proc_ids uid, gid;
	unsigned threads;	       /* of the process, a zombie leader included */
	unsigned pid_levels;	       /* numbers on the NSpid line: 1 for our own pid namespace */
	bool has_memory;	       /* a VmSize line; kernel threads and zombies have none */
	uint64_t permitted, effective; /* capabilities; 0 without such a line */
};

/* /proc/PID/stat, as far as it matters. */
struct proc_stat {
	char state;
	pid_t ppid;
	unsigned flags;	    /* PF_... of the kernel */
	unsigned threads;   /* of the process, a zombie leader included */
	uint64_t user_time; /* clock ticks */
	uint64_t start;	    /* of the thread, clock ticks since boot, rounded down */
};

/* /proc/loadavg: all that changes with every fork. */
struct proc_load {
	unsigned tasks;	  /* on the machine */
	unsigned running; /* of those, on a processor or waiting for one */
	pid_t last_pid;	  /* the cursor of pids in the reader's namespace */
};

/* Each parses NUL-terminated text.  Return: 0; -EINVAL: not the format. */
int proc_parse_status(const char *text, struct proc_status *status);
/* How many numbers the NSpid line has; 0: there is none. */
unsigned proc_count_ns_pids(const char *text);
/* The number on the NSpid line at @level, from 1; 0: there is none. */
int proc_parse_ns_pid(const char *text, unsigned level, pid_t *numberp);
int proc_parse_stat(const char *text, struct proc_stat *stat);
int proc_parse_load(const char *text, struct proc_load *load);
/* Forks since boot, from /proc/stat. */
int proc_parse_forks(const char *text, uint64_t *forksp);
/* Soft limit of the line that starts with @title in /proc/PID/limits. */
int proc_parse_limit(const char *text, const char *title, uint64_t *softp);
/* Does this line of /proc/self/mountinfo mount a proc at /proc that hides processes?
 * Return: 1: hides; 0: shows all; -ENOENT: another mount. */
int proc_parse_mount(const char *line);

/* Does this /proc/PID/uid_map map all ids to themselves, as that of the initial user namespace
 * does, and that of no other that an ordinary user could make? */
bool proc_parse_uid_map(const char *text);

/* Each reads one file.  Return: 0; -ESRCH: no such task (or hidden); -EMFILE and the like.  Of a
 * task that /proc hides its status is what hidden.h can know. */
int proc_read_status(pid_t tid, struct proc_status *status);
/* Besides, the task's number in its pid namespace at @level; 0: it has none. */
int proc_read_status_in(pid_t tid, unsigned level, struct proc_status *status, pid_t *numberp);
int proc_read_stat(pid_t tgid, pid_t tid, struct proc_stat *stat);
int proc_read_limit(pid_t tid, const char *title, uint64_t *softp);
/* Thread ids of a process that are alive, appended in /proc's order; of a process that /proc hides
 * its own alone. */
int proc_read_threads(pid_t tgid, struct ucg_pids *pids);
/* As far as its uid_map tells; what can't be read is no. */
bool proc_is_in_initial_user_ns(pid_t tid);
/* Is the thread there, and no zombie?  Return: 0: it lives; -ESRCH: not; -EMFILE and the like. */
int proc_check_alive(pid_t tgid, pid_t tid);
/* Is each thread of the process stopped, dead or in D state?  So is what can't be seen. */
bool proc_is_halted(pid_t tgid);
/* Has no thread of the process been left alive?  What can't be read is no. */
bool proc_is_all_dead(pid_t tgid);
int proc_read_pid_max(pid_t *pid_maxp);
/* Process ids in ascending order. */
int proc_read_processes(struct ucg_pids *pids);

/* A whole small file into a buffer, NUL-terminated.  Return: length; -errno. */
ssize_t proc_read_file(const char *path, char *buffer, size_t size);

static inline bool proc_state_is_dead(char state)
{
	return state == 'Z' || state == 'X' || state == 'x';
}

/* Interruptible sleep, stopped, idle or dead: a thread in this state is not inside a fork, for
 * fork sleeps uninterruptibly if at all. */
static inline bool proc_state_is_outside_fork(char state)
{
	return state == 'S' || state == 'T' || state == 't' || state == 'I' ||
	       proc_state_is_dead(state);
}

#endif
