/* SPDX-License-Identifier: MIT */
/* Beside the board lie copies of this program that are root's: setuid (mode 4755), setgid (2755).
 */
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board.h"
#include "hops.h"

#define OTHER 2000
#define SHELL "/bin/sh"

/* Goes on in a copy of this program; both users and groups are as the kernel sets them. */
static _Noreturn void exec_copy(struct chain *chain, const char *name)
{
	chain_exec(chain, board_file(name));
	chain_end(true);
}

/* A setgid program, which prlimit from outside does not reach. */
void hop_setgid(struct chain *chain)
{
	chain_become(fork());
	exec_copy(chain, "setgid");
}

/* A setuid program that forks: (user, root, root). */
void hop_setuid(struct chain *chain)
{
	chain_become(fork());
	exec_copy(chain, "setuid");
}

/* A setuid program in two hops: the second begins with the rights that the first has gained. */
static void fork_with_root_rights(struct chain *chain)
{
	chain_become(fork());
	if (geteuid() != 0)
		exec_copy(chain, "setuid");
}

/* It becomes root altogether. */
void hop_setuid_root(struct chain *chain)
{
	fork_with_root_rights(chain);
	if (setresuid(0, 0, 0) != 0)
		chain_end(true);
}

/* It becomes another ordinary user. */
void hop_setuid_other(struct chain *chain)
{
	fork_with_root_rights(chain);
	if (setresuid(OTHER, OTHER, OTHER) != 0)
		chain_end(true);
}

/* ---- programs of the system ---- */

static const char *own_path(void)
{
	static char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length < 0)
		chain_end(true);
	path[length] = '\0';
	return path;
}

/* The user whose the attack is, whoever we are by now. */
static const char *own_name(void)
{
	struct stat info;
	const struct passwd *user = NULL;

	if (stat(board_path, &info) == 0)
		user = getpwuid(info.st_uid);
	if (!user)
		chain_end(true);
	return user->pw_name;
}

/* A shell command that goes on with the chain. */
static const char *command_of(const struct chain *chain)
{
	static char command[8192];
	struct chain_words words;
	char **argv = chain_words(chain, &words);

	snprintf(command, sizeof(command), "exec %s %s %s %s %s %s", own_path(), argv[1], argv[2],
		 argv[3], argv[4], argv[5]);
	return command;
}

static _Noreturn void exec_su(struct chain *chain, const char *user)
{
	execlp("su", "su", "-s", SHELL, user, "-c", command_of(chain), (char *)NULL);
	chain_end(true);
}

/* su to the same user: what is left of it can be marked. */
void hop_su(struct chain *chain)
{
	chain_become(fork());
	exec_su(chain, own_name());
}

void hop_su_root(struct chain *chain)
{
	chain_become(fork());
	exec_su(chain, "root");
}

void hop_sudo(struct chain *chain)
{
	chain_become(fork());
	execlp("sudo", "sudo", "-n", "-u", own_name(), SHELL, "-c", command_of(chain),
	       (char *)NULL);
	chain_end(true);
}

/* For root alone, so after a setuid program. */
void hop_runuser(struct chain *chain)
{
	fork_with_root_rights(chain);
	if (setresuid(0, 0, 0) != 0)
		chain_end(true);
	execlp("runuser", "runuser", "-u", own_name(), "--", SHELL, "-c", command_of(chain),
	       (char *)NULL);
	chain_end(true);
}
