/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "line.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ucgroupfs/scope.h"
#include "ucgroupfs/text.h"
#include "ucgroupfs/track.h"

enum {
	OPTION_ARGUMENT = 1, /* what getopt returns for an argument, by the '-' below */
	OPTION_READY_FD = 256,
	OPTION_WITHOUT,
	OPTION_LAUNCH,
};

/* '-': arguments are returned in their place, whatever POSIXLY_CORRECT says, as mount.fuse3 puts
 * its -o behind them; ':': a missing value is told from an unknown option. */
static const char short_options[] = "-:fdo:hV";

static const struct option long_options[] = {
	{"foreground", no_argument, NULL, 'f'},
	{"debug", no_argument, NULL, 'd'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"ready-fd", required_argument, NULL, OPTION_READY_FD},
	{"without", required_argument, NULL, OPTION_WITHOUT},
	{"launch", required_argument, NULL, OPTION_LAUNCH},
	{NULL, 0, NULL, 0},
};

static int add_argument(struct ucg_command *command, const char *text)
{
	char *copy;

	if (command->argument_count == UCG_ARGUMENTS_MAX)
		return 0; /* refused already for the third */
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	command->argument[command->argument_count++] = copy;
	return 0;
}

static int parse_ready_fd(struct ucg_command *command, const char *text, char **messagep)
{
	char *end;
	long value;

	if (command->ready_fd >= 0)
		return ucg_complain(messagep, "option '--ready-fd': given twice ('%d', then '%s')",
				    command->ready_fd, text);
	errno = 0;
	value = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value > INT_MAX)
		return ucg_complain(messagep,
				    "option '--ready-fd': not the number of a descriptor ('%s')",
				    text);
	command->ready_fd = (int)value;
	return 0;
}

static int refuse_probe(const char *probe, char **messagep)
{
	ucg_cleanup(ucg_text_clear) struct ucg_text known = {0};

	for (unsigned i = 0; i < UCG_PROBES; i++) {
		int error = ucg_text_printf(&known, "%s%s", i ? ", " : "", ucg_probe_names[i]);

		if (error)
			return error;
	}
	return ucg_complain(messagep, "option '--without': unknown probe '%s'; known are: %.*s",
			    probe, (int)known.length, known.bytes);
}

static int parse_probe(struct ucg_command *command, const char *probe, char **messagep)
{
	for (unsigned i = 0; i < UCG_PROBES; i++) {
		if (strcmp(probe, ucg_probe_names[i]) != 0)
			continue;
		command->without_probes |= 1u << i;
		return 0;
	}
	return refuse_probe(probe, messagep);
}

static int parse_without(struct ucg_command *command, const char *probes, char **messagep)
{
	ucg_autofree char *copy = strdup(probes);
	char *rest = copy;
	char *probe;

	if (!copy)
		return -ENOMEM;
	while ((probe = strsep(&rest, ","))) {
		int error = parse_probe(command, probe, messagep);

		if (error)
			return error;
	}
	return 0;
}

/* What follows is the command, whose options are its own. */
static int parse_launch(struct ucg_command *command, const char *group, char *const *argv,
			char **messagep)
{
	bool is_first = optind == 2 || argv[2] == group;

	if (!is_first)
		return ucg_complain(
			messagep, "option '--launch': goes without other options ('%s')", argv[1]);
	command->program = argv + optind;
	if (*command->program && strcmp(*command->program, "--") == 0)
		command->program++;
	if (!*command->program)
		return ucg_complain(messagep, "option '--launch': no command to run in '%s'",
				    group);
	command->group = group;
	command->action = UCG_ACTION_LAUNCH;
	return 0;
}

static int refuse_option(int code, char *const *argv, char **messagep)
{
	/* getopt has the letter of a short option only; a long one is the word it has just read */
	const char *reason = code == ':' ? "has no value" : "unknown; see ucgroupfs --help";
	char letter[] = {'-', (char)optopt, '\0'};
	bool is_long = optopt == 0 || optopt >= 256 || strncmp(argv[optind - 1], "--", 2) == 0;

	if (is_long && code != ':' && optopt != 0)
		reason = "takes no value";
	return ucg_complain(messagep, "option '%s': %s", is_long ? argv[optind - 1] : letter,
			    reason);
}

static int parse_option(struct ucg_command *command, int code, char *const *argv, char **messagep)
{
	switch (code) {
	case OPTION_ARGUMENT:
		return add_argument(command, optarg);
	case 'f':
		command->foreground = true;
		return 0;
	case 'd':
		command->debug = true;
		return 0;
	case 'h':
		command->action = UCG_ACTION_HELP;
		return 0;
	case 'V':
		command->action = UCG_ACTION_VERSION;
		return 0;
	case 'o':
		return ucg_words_parse(command, optarg, messagep);
	case OPTION_READY_FD:
		return parse_ready_fd(command, optarg, messagep);
	case OPTION_WITHOUT:
		return parse_without(command, optarg, messagep);
	case OPTION_LAUNCH:
		return parse_launch(command, optarg, argv, messagep);
	default:
		return refuse_option(code, argv, messagep);
	}
}

int ucg_command_parse(int argc, char **argv, struct ucg_command *command, char **messagep)
{
	int error = 0;
	int code;

	*messagep = NULL;
	optind = 0; /* glibc: start anew, also in a process that has parsed before */
	opterr = 0;
	while (!error && command->action == UCG_ACTION_MOUNT &&
	       (code = getopt_long(argc, argv, short_options, long_options, NULL)) != -1)
		error = parse_option(command, code, argv, messagep);
	while (!error && command->action == UCG_ACTION_MOUNT && optind < argc)
		error = add_argument(command, argv[optind++]); /* behind "--" */
	return error;
}

void ucg_command_clear(struct ucg_command *command)
{
	for (size_t i = 0; i < command->argument_count; i++)
		free(command->argument[i]);
	free(command->name);
	free(command->release_agent);
	free(command->compat);
	*command = UCG_COMMAND_INIT;
}
