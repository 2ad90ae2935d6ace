/* links: track */
/* SPDX-License-Identifier: MIT */
/* /proc/PID/status: alone, and as the name of a command before a known rest. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "proc.h"

const char *const fuzz_alphabet = "State:\tSZ\nTgid:\nPPid:\nUid:\nGid:\t0123456789\nThreads:\n"
				  "NSpid:\t12\nVmSize:\nCapPrm:\t0f -";

static char *with_rest(const char *name)
{
	char *text;

	if (asprintf(&text,
		     "Name:\t%s\nState:\tS (sleeping)\nTgid:\t7\nPPid:\t6\nUid:\t1\t2\t3\t4\n"
		     "Gid:\t5\t6\t7\t8\n"
		     "NSpid:\t7\t1\nVmSize:\t9 kB\nThreads:\t5\nCapPrm:\t00000000000000ff\n"
		     "CapEff:\t000000000000007f\n",
		     name) < 0)
		abort();
	return text;
}

/* The kernel escapes what would end the line. */
static void check_name(char *name)
{
	struct proc_status status;
	char *text;

	for (char *c = name; *c; c++)
		if (*c == '\n')
			*c = 'n';
	text = with_rest(name);
	FUZZ_CHECK(proc_parse_status(text, &status) == 0, "name \"%s\"", name);
	FUZZ_CHECK(status.state == 'S' && status.tgid == 7 && status.ppid == 6 &&
			   status.uid.real == 1 && status.uid.saved == 3 &&
			   status.gid.effective == 6 && status.threads == 5 &&
			   status.pid_levels == 2 && status.has_memory &&
			   status.permitted == 0xff && status.effective == 0x7f,
		   "name \"%s\"", name);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	char *text = strndup(copy, size);
	struct proc_status status;
	pid_t number = -1;
	int error = proc_parse_status(text, &status);

	FUZZ_CHECK(error == 0 || error == -EINVAL, "got %d", error);
	error = proc_parse_ns_pid(text, 2, &number);
	FUZZ_CHECK(error == -EINVAL || (error == 0 && number >= 0), "got %d", error);
	check_name(text);
	free(text);
	free(copy);
	return 0;
}
