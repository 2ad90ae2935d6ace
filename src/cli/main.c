/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "help.h"
#include "launcher.h"
#include "line.h"
#include "options.h"
#include "preflight.h"
#include "start.h"
#include "ucgroupfs/scope.h"

static int fail(char *message)
{
	ucg_line_tell(message);
	free(message);
	return EXIT_FAILURE;
}

static int print(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int mount_as(const struct ucg_command *command)
{
	ucg_cleanup(ucg_options_clear) struct ucg_options options = UCG_OPTIONS_INIT;
	char *message = NULL;
	int error = ucg_options_agree(command, geteuid(), &options, &message);

	if (!error)
		error = ucg_preflight(&options, geteuid(), &message);
	return error ? fail(message) : ucg_start(&options);
}

/* Where one of the standard descriptors is closed, /dev/fuse would get its number. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	ucg_cleanup(ucg_command_clear) struct ucg_command command = UCG_COMMAND_INIT;
	char *message = NULL;

	open_standard();
	if (ucg_command_parse(argc, argv, &command, &message))
		return fail(message);
	switch (command.action) {
	case UCG_ACTION_HELP:
		return print(ucg_help_text);
	case UCG_ACTION_VERSION:
		return print("ucgroupfs " UCG_VERSION "\n");
	case UCG_ACTION_LAUNCH:
		return ucg_launcher_run(command.group, command.program);
	case UCG_ACTION_MOUNT:
		break;
	}
	return mount_as(&command);
}
