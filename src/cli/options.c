/* SPDX-License-Identifier: MIT */
#include "options.h"
#include "line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ucgroupfs/scope.h"
#include "ucgroupfs/text.h"

static bool is_name_character(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

static int check_name(const char *option, const char *name, char **messagep)
{
	if (!*name)
		return ucg_complain(messagep, "option '%s': empty", option);
	if (strlen(name) > UCG_NAME_MAX)
		return ucg_complain(messagep, "option '%s': longer than %d bytes ('%s')", option,
				    UCG_NAME_MAX, name);
	for (const char *c = name; *c; c++) {
		if (!is_name_character(*c))
			return ucg_complain(
				messagep,
				"option '%s': only letters, digits and '_.-' are possible ('%s')",
				option, name);
	}
	return 0;
}

/* No process has the same pid in the same second, so no mount of this user has the same name. */
static int make_name(uid_t uid, char **namep)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now); /* can't fail: the clock exists */
	if (asprintf(namep, "ucg-%u-%d-%llx", uid, getpid(), (unsigned long long)now.tv_sec) >= 0)
		return 0;
	*namep = NULL;
	return -ENOMEM;
}

static int choose_name(const struct ucg_command *command, uid_t uid, struct ucg_options *options,
		       char **messagep)
{
	const char *argument = command->argument_count == 2 ? command->argument[0] : NULL;
	const char *name = command->name ? command->name : argument;
	int error = 0;

	if (!name)
		return make_name(uid, &options->name);
	if (command->name)
		error = check_name("name", command->name, messagep);
	if (!error && argument)
		error = check_name("NAME", argument, messagep);
	if (error)
		return error;
	if (argument && strcmp(argument, name) != 0)
		return ucg_complain(messagep, "option 'name': '%s' differs from NAME '%s'", name,
				    argument);
	options->name = strdup(name);
	return options->name ? 0 : -ENOMEM;
}

static int choose_mountpoint(const struct ucg_command *command, struct ucg_options *options,
			     char **messagep)
{
	size_t count = command->argument_count;

	if (count == 0)
		return ucg_complain(messagep, "MOUNTPOINT: missing; see ucgroupfs --help");
	if (count > 2)
		return ucg_complain(messagep, "argument '%s': one too many; see ucgroupfs --help",
				    command->argument[2]);
	if (!*command->argument[count - 1])
		return ucg_complain(messagep, "MOUNTPOINT: empty");
	options->mountpoint = strdup(command->argument[count - 1]);
	return options->mountpoint ? 0 : -ENOMEM;
}

static int refuse_compat(const char *name, char **messagep)
{
	ucg_cleanup(ucg_text_clear) struct ucg_text known = {0};

	for (const struct ucg_rules *const *column = ucg_rules_columns; *column; column++) {
		int error =
			ucg_text_printf(&known, "%s%s", known.length ? ", " : "", (*column)->name);

		if (error)
			return error;
	}
	return ucg_complain(messagep, "option 'compat': unknown value '%s'; known are: %.*s", name,
			    (int)known.length, known.bytes);
}

static int choose_rules(const struct ucg_command *command, struct ucg_options *options,
			char **messagep)
{
	if (!command->compat)
		return 0;
	options->rules = ucg_rules_find(command->compat);
	return options->rules ? 0 : refuse_compat(command->compat, messagep);
}

static int choose_agent(const struct ucg_command *command, struct ucg_options *options,
			char **messagep)
{
	const char *agent = command->release_agent;

	if (agent && !*agent && !options->rules->agent_option_may_be_empty)
		return ucg_complain(
			messagep,
			"option 'release_agent': has no value; write release_agent=VALUE");
	options->release_agent = strndup(agent ? agent : "", options->rules->agent_option_max);
	return options->release_agent ? 0 : -ENOMEM;
}

/*
 * What differs from a mount without flags, in the words that both libfuse and fusermount3 know.
 * suid and dev are root's to say: libfuse sets the opposite unasked, fusermount3 always.
 */
static int make_mount_options(const struct ucg_command *command, uid_t uid,
			      struct ucg_options *options)
{
	ucg_cleanup(ucg_text_clear) struct ucg_text text = {0};
	int error = ucg_text_printf(
		&text, "fsname=%s,subtype=ucgroupfs,default_permissions%s%s%s%s%s%s%s%s",
		options->name, options->allow_other ? ",allow_other" : "",
		command->read_only ? ",ro" : "",
		uid == 0 && command->suid == UCG_SAID_YES ? ",suid" : ",nosuid",
		uid == 0 && command->dev == UCG_SAID_YES ? ",dev" : ",nodev",
		command->noexec ? ",noexec" : "", command->noatime ? ",noatime" : "",
		command->sync ? ",sync" : "", command->dirsync ? ",dirsync" : "");

	if (!error)
		error = ucg_text_append(&text, "", 1);
	if (!error)
		options->mount_options = ucg_steal_pointer(&text.bytes);
	return error;
}

int ucg_options_agree(const struct ucg_command *command, uid_t uid, struct ucg_options *options,
		      char **messagep)
{
	int error;

	*messagep = NULL;
	options->clone_children = command->clone_children;
	options->foreground = command->foreground || command->debug;
	options->debug = command->debug;
	options->allow_other = command->allow_other || uid == 0;
	options->ready_fd = command->ready_fd;
	options->without_probes = command->without_probes;
	error = choose_mountpoint(command, options, messagep);
	if (!error)
		error = choose_name(command, uid, options, messagep);
	if (!error)
		error = make_mount_options(command, uid, options);
	if (!error)
		error = choose_rules(command, options, messagep);
	if (!error)
		error = choose_agent(command, options, messagep);
	return error;
}

void ucg_options_clear(struct ucg_options *options)
{
	free(options->name);
	free(options->mountpoint);
	free(options->release_agent);
	free(options->mount_options);
	*options = UCG_OPTIONS_INIT;
}
