/* SPDX-License-Identifier: MIT */
#ifndef UCGROUPFS_CLI_COMMAND_H
#define UCGROUPFS_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The command line, option by option: the syntax of each, and nothing of whether they agree
 * (options.h does that).  Texts are owned by the command; all zero but ready_fd is an empty one.
 */

enum ucg_action { UCG_ACTION_MOUNT, UCG_ACTION_LAUNCH, UCG_ACTION_HELP, UCG_ACTION_VERSION };

/* A generic mount flag that may be left unsaid. */
enum ucg_said { UCG_UNSAID, UCG_SAID_NO, UCG_SAID_YES };

/* NAME and MOUNTPOINT; a third one is kept for the message. */
#define UCG_ARGUMENTS_MAX 3

struct ucg_command {
	enum ucg_action action;
	char *argument[UCG_ARGUMENTS_MAX];
	size_t argument_count;
	char *name;
	char *release_agent; /* may be empty */
	char *compat;
	unsigned without_probes;
	const char *group;    /* to launch @program in; both are the caller's */
	char *const *program; /* NULL at its end */
	int ready_fd;	      /* -1: not given */
	bool foreground;
	bool debug;
	/* Words of -o, as the table in words.c sets them. */
	int clone_children;
	int allow_other;
	int read_only;
	int suid, dev; /* enum ucg_said */
	int noexec, noatime, sync, dirsync;
};

#define UCG_COMMAND_INIT ((struct ucg_command){.ready_fd = -1})

/**
 * ucg_command_parse() - take the command line apart
 * @command:  UCG_COMMAND_INIT; end it with ucg_command_clear() whatever is returned
 * @messagep: out: on -EINVAL the line that says what is wrong, caller's (line.h)
 * Options may come after the arguments.  Uses getopt's state.
 * Return: 0; -EINVAL; -ENOMEM.
 */
int ucg_command_parse(int argc, char **argv, struct ucg_command *command, char **messagep);

/* The items of one -o; same contract.  Source: kernel behaviour §7. */
int ucg_words_parse(struct ucg_command *command, const char *items, char **messagep);

void ucg_command_clear(struct ucg_command *command);

#endif
