/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_SERVER_H
#define UCGROUPFS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct ucg_rules;
struct ucg_sink;

/* What the command line says, checked: plain values, owned by main. */
struct ucg_options {
	char *name;		       /* of the hierarchy */
	char *mountpoint;	       /* as written, then absolute (ucg_preflight()) */
	char *release_agent;	       /* "" for none */
	const struct ucg_rules *rules; /* borrowed for life: those of compat */
	char *mount_options; /* for libfuse's mount: "fsname=NAME,subtype=ucgroupfs,..." */
	bool clone_children;
	bool foreground;
	bool debug;
	bool allow_other;
	int ready_fd; /* -1: none */
	unsigned without_probes;
};

/* What the server gets from its keeper. */
struct ucg_server_start {
	const struct ucg_options *options; /* borrowed for life */
	struct ucg_sink *sink;		   /* borrowed for life: where the log goes */
	int fuse_fd;			   /* /dev/fuse, mounted; the server's from here on */
	int ready_fd;	  /* one byte is written here when requests are answered, then closed */
	int keeper_pidfd; /* the server ends, and detaches the mount, when this process dies */
	dev_t device;	  /* of the mount: tells it from another on the same mount point */
};

/**
 * ucg_server_run() - the serving process: connects the modules, serves until the mount ends
 * Ends in order when the mount is gone, at SIGTERM, SIGINT and SIGHUP, and at the keeper's death:
 * the releases that are due run, the markers of all members are taken back.
 * Context: a process of its own with one thread.
 * Return: exit status of the process: 0: ended in order; 1: the log says why not.
 */
int ucg_server_run(const struct ucg_server_start *start);

/**
 * ucg_keeper_run() - the keeping process: mounts, starts the server, unmounts when it is gone
 * @sink:      its log, and the server's; leaves the terminal when the mount answers requests
 * @report_fd: one byte is written here when the mount answers requests, then it is closed; -1: none
 *
 * SIGTERM, SIGINT and SIGHUP are passed on to the server.
 * Context: a process with one thread.
 * Return: exit status of the process: 0: ended in order; 1: the sink was told why not.
 */
int ucg_keeper_run(const struct ucg_options *options, struct ucg_sink *sink, int report_fd);

#endif
