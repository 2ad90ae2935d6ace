/* links: track */
/* SPDX-License-Identifier: MIT */
/* /proc/PID/stat, /proc/stat and /proc/loadavg; the first also as the name of a command. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "proc.h"

const char *const fuzz_alphabet = "0123456789 ()RSDZTI-./\nprocesses ";

static void check_name(const char *name)
{
	struct proc_stat stat;
	char *text;

	if (asprintf(&text, "7 (%s) S 6 7 7 0 -1 64 1 2 3 4 55 6 0 0 20 0 8 0 9 10 11\n", name) < 0)
		abort();
	FUZZ_CHECK(proc_parse_stat(text, &stat) == 0, "name \"%s\"", name);
	FUZZ_CHECK(stat.state == 'S' && stat.ppid == 6 && stat.flags == 64 && stat.user_time == 55,
		   "name \"%s\"", name);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	char *text = strndup(copy, size);
	struct proc_stat stat;
	struct proc_load load;
	uint64_t forks;
	int error;

	error = proc_parse_stat(text, &stat);
	FUZZ_CHECK(error == 0 || error == -EINVAL, "stat: got %d", error);
	error = proc_parse_load(text, &load);
	FUZZ_CHECK(error == 0 || error == -EINVAL, "loadavg: got %d", error);
	error = proc_parse_forks(text, &forks);
	FUZZ_CHECK(error == 0 || error == -EINVAL, "forks: got %d", error);
	check_name(text);
	free(text);
	free(copy);
	return 0;
}
