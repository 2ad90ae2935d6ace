/* SPDX-License-Identifier: MIT */
#ifndef UCG_BENCH_H
#define UCG_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/*
 * The benchmark: every figure is measured on several sides in alternating rounds of one run.  What
 * goes wrong ends the measuring process with a message; the supervising one cleans up.
 */

enum side_id {
	OURS,	/* the daemon */
	KERNEL, /* its own cgroup v1 */
	BASE,	/* what costs least: an empty FUSE filesystem, or a task in no group */
	SIDES,
};

/* Tasks that sleep until they are told to end. */
struct herd {
	pid_t *pid;
	size_t count;
	int hold; /* write end of their pipe: closing it ends them */
};

struct side {
	enum side_id id;
	bool present;
	char path[256]; /* of the mount */
	int times;	/* FIFO of the side's agent; -1: none */
	pid_t pid;	/* server's parent process, 0: none */
	/* State of the figure under way. */
	int fd[2];
	struct herd herd;
};

struct bench {
	const char *folder;
	const char *no_kernel; /* why the kernel's side can't be measured; NULL: it can */
	struct side side[SIDES];
};

/* One row of the result. */
struct figure {
	const char *name;
	const char *unit;
	const char *base; /* what side BASE is */
	unsigned sides;	  /* on which it is measured: bits 1u << enum side_id */
	int rounds;
	void (*set_up)(struct bench *bench, struct side *side);	   /* or NULL */
	double (*measure)(struct bench *bench, struct side *side); /* one round; NULL: can't be */
	void (*tear_down)(struct bench *bench, struct side *side); /* or NULL */
	const char *why_not;					   /* why it can't be measured */
};

extern const struct figure figures[];
extern const size_t figure_count;

/* Ends the process with a message if @condition is false; errno's text is added. */
#define CHECK(condition, ...)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail(__VA_ARGS__);                                                         \
	} while (0)
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

uint64_t now_ns(void);
double elapsed_us(uint64_t since_ns);

/* ---- sides (side.c) ---- */

/* Starts the servers as the calling user; the kernel's side is mounted already. */
void sides_start(struct bench *bench);
/* Starts one more server of the kind of @side on @path, until it is ready.  Return: its pid. */
pid_t server_start(const struct bench *bench, enum side_id id, const char *path, const char *name);
void server_stop(pid_t pid, const char *path);

extern const char *const side_names[SIDES];
void file_of(const struct side *side, const char *group, const char *file, char *path, size_t size);
void group_make(const struct side *side, const char *group);
/* Waits until the kernel has let go of its dead tasks. */
void group_remove(const struct side *side, const char *group);
void group_write(const struct side *side, const char *group, const char *file, const char *text);
void group_attach(const struct side *side, const char *group, pid_t pid);
/* A control file to measure requests by, opened read-write. */
int open_request_file(const struct side *side);
void request_file(const struct side *side, char *path, size_t size);

/* The last of the times that the next @count agents report.  Ends the process if none does within
 * ten seconds. */
uint64_t last_agent_ns(const struct side *side, size_t count);

/* Times that the side's processes have gone to sleep so far, once they all sleep. */
uint64_t wake_ups(const struct side *side);
/* Resident memory of the side's largest process, bytes. */
uint64_t resident_bytes(const struct side *side);

/* ---- herd (herd.c) ---- */

void herd_start(struct herd *herd, size_t count);
/* Tells them to end.  herd_reap() waits for them. */
void herd_release(struct herd *herd);
void herd_reap(struct herd *herd);

/* ---- table (table.c) ---- */

struct series {
	double value[16];
	int count;
};

struct result {
	const struct figure *figure;
	const char *why_not; /* why it was not measured; NULL: it was */
	struct series side[SIDES];
};

void table_print_head(FILE *file);
void table_print(FILE *file, const struct result *result);
void json_print(FILE *file, const struct bench *bench, const struct result *results, size_t count);

/* ---- supervision (sandbox.c) ---- */

/*
 * A folder with, for each side, the mount point "mnt", and the FIFO "times" and a copy of the
 * program "agent" for those that have one; copies of the servers; mount points "again" for more
 * servers.  Copies, because the ordinary user may not be able to reach the build directory.
 */
struct programs {
	const char *daemon, *empty_fs, *agent;
};

struct sandbox {
	uid_t uid;
	gid_t gid;
	bool root;
	char folder[128];
	char kernel_name[64];
	const char *no_kernel;
};

/* Makes the folder and, as root, a private mount namespace with the kernel's hierarchy in it. */
void sandbox_make(struct sandbox *sandbox, const struct programs *programs);
/* Becomes the ordinary user for good. */
void sandbox_drop_privilege(const struct sandbox *sandbox);
/* Ends all descendants, unmounts, removes the folder; says what could not be undone.
 * Return: false: something is left. */
bool sandbox_remove(const struct sandbox *sandbox);

#endif
