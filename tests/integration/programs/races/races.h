/* SPDX-License-Identifier: MIT */
/* What the files of this program share. */
#ifndef UCG_TEST_RACES_H
#define UCG_TEST_RACES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	WORKERS = 8,
};

struct race {
	int tree; /* directory of the hierarchy */
	int round_number;
	char group[32];		      /* the round's */
	pid_t victims[WORKERS];	      /* single-threaded processes that are moved or killed */
	int files[WORKERS];	      /* opened before the start; 0: none */
	int results[WORKERS];	      /* 0 or the errno of each thread's part */
	unsigned seeds[WORKERS];      /* of each thread's random numbers */
	char complaint[WORKERS][128]; /* what a thread saw that can't be */
};

extern struct race race;

/* say.c */
void outcome(const char *name);
void say_outcomes(void);
__attribute__((format(printf, 2, 3))) void expect(bool condition, const char *format, ...);

/* verbs.c */
int error_of(int result);
int make(const char *name);
int removed(const char *name);
bool exists(const char *name);
int open_file(const char *name, const char *file, int flags);
int store(const char *name, const char *file, const char *text);
int write_pid(int fd, pid_t pid);
int attach(const char *name, pid_t pid);
int load(const char *name, const char *file, size_t size, char *text, size_t capacity);
bool is_member(const char *name, pid_t pid);
pid_t new_victim(void);
void end_victim(pid_t pid);

/* parts.c */
bool is_first_kind(int worker);
int count(bool first_kind, int result);
void make_group(const char *flag);
void make_victims(int how_many);
void remove_at_last(const char *name);
void set_up_victims(void);
void nothing(void);

struct scenario {
	const char *name;
	void (*set_up)(void);
	void (*prepare)(void);
	int (*act)(int worker);
	void (*check)(void);
	void (*tear_down)(void);
};

/* groups.c */
extern const struct scenario attach_rmdir, mkdir_below, mkdir_rmdir;

/* ends.c */
extern const struct scenario rename_release, exit_rmdir, flag_kept, flag_cleared, flag_raised;

/* moves.c, list.c, all.c */
extern const struct scenario one_process, list, all;

#endif
