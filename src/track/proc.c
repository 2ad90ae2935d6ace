/* SPDX-License-Identifier: MIT */
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "hidden.h"
#include "ucgroupfs/scope.h"

/* The text behind `title` at the start of a line, or NULL. */
static const char *line_value(const char *text, const char *title)
{
	size_t length = strlen(title);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, title, length) == 0)
			return line + length;
	}
	return NULL;
}

static unsigned count_numbers(const char *value)
{
	unsigned count = 0;

	for (; *value && *value != '\n'; value++)
		if (*value >= '0' && *value <= '9' && (value[1] < '0' || value[1] > '9'))
			count++;
	return count;
}

unsigned proc_count_ns_pids(const char *text)
{
	const char *value = line_value(text, "NSpid:");

	return value ? count_numbers(value) : 0;
}

static bool parse_ids(const char *value, struct proc_ids *ids)
{
	return sscanf(value, "%u %u %u", &ids->real, &ids->effective, &ids->saved) == 3;
}

static uint64_t hexadecimal(const char *value)
{
	return value ? strtoull(value, NULL, 16) : 0;
}

int proc_parse_status(const char *text, struct proc_status *status)
{
	const char *state = line_value(text, "State:");
	const char *tgid = line_value(text, "Tgid:");
	const char *ppid = line_value(text, "PPid:");
	const char *uid = line_value(text, "Uid:");
	const char *gid = line_value(text, "Gid:");
	const char *threads = line_value(text, "Threads:");
	unsigned levels = proc_count_ns_pids(text);
	char letter;
	int tgid_value, ppid_value;
	struct proc_ids uids, gids;
	unsigned count;

	if (!state || !tgid || !ppid || !uid || !gid || !threads)
		return -EINVAL;
	if (sscanf(state, " %c", &letter) != 1 || sscanf(tgid, "%d", &tgid_value) != 1 ||
	    sscanf(ppid, "%d", &ppid_value) != 1 || sscanf(threads, "%u", &count) != 1 ||
	    !parse_ids(uid, &uids) || !parse_ids(gid, &gids))
		return -EINVAL;
	*status = (struct proc_status){
		.state = letter,
		.tgid = tgid_value,
		.ppid = ppid_value,
		.uid = uids,
		.gid = gids,
		.threads = count,
		.pid_levels = levels ? levels : 1,
		.has_memory = line_value(text, "VmSize:") != NULL,
		.permitted = hexadecimal(line_value(text, "CapPrm:")),
		.effective = hexadecimal(line_value(text, "CapEff:")),
	};
	return 0;
}

int proc_parse_ns_pid(const char *text, unsigned level, pid_t *numberp)
{
	const char *value = line_value(text, "NSpid:");
	char *end;
	long number = 0;

	for (unsigned at = 0; value && at < level; at++) {
		value += strspn(value, " \t");
		if (!*value || *value == '\n') {
			number = 0;
			break;
		}
		if (*value < '0' || *value > '9')
			return -EINVAL;
		errno = 0;
		number = strtol(value, &end, 10);
		if (errno || number > INT32_MAX)
			return -EINVAL;
		value = end;
	}
	*numberp = (pid_t)number;
	return 0;
}

int proc_parse_stat(const char *text, struct proc_stat *stat)
{
	/* The name of the command may hold blanks and parentheses: it ends at the last one. */
	const char *rest = strrchr(text, ')');
	char state;
	int ppid;
	unsigned flags, threads;
	unsigned long user_time;
	unsigned long long start;

	if (!rest)
		return -EINVAL;
	if (sscanf(rest + 1,
		   " %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %lu %*u %*d %*d %*d %*d %u %*d "
		   "%llu",
		   &state, &ppid, &flags, &user_time, &threads, &start) != 6)
		return -EINVAL;
	*stat = (struct proc_stat){.state = state,
				   .ppid = ppid,
				   .flags = flags,
				   .threads = threads,
				   .user_time = user_time,
				   .start = start};
	return 0;
}

int proc_parse_load(const char *text, struct proc_load *load)
{
	unsigned running, tasks;
	int last;

	if (sscanf(text, "%*f %*f %*f %u/%u %d", &running, &tasks, &last) != 3)
		return -EINVAL;
	*load = (struct proc_load){.tasks = tasks, .running = running, .last_pid = last};
	return 0;
}

int proc_parse_forks(const char *text, uint64_t *forksp)
{
	const char *value = line_value(text, "processes ");
	unsigned long long forks;

	if (!value || sscanf(value, "%llu", &forks) != 1)
		return -EINVAL;
	*forksp = forks;
	return 0;
}

int proc_parse_limit(const char *text, const char *title, uint64_t *softp)
{
	const char *value = line_value(text, title);
	unsigned long long soft;

	if (!value)
		return -EINVAL;
	value += strspn(value, " ");
	if (strncmp(value, "unlimited", strlen("unlimited")) == 0) {
		*softp = RLIM_INFINITY;
		return 0;
	}
	if (*value < '0' || *value > '9')
		return -EINVAL;
	errno = 0;
	soft = strtoull(value, NULL, 10);
	if (errno)
		return -EINVAL;
	*softp = soft;
	return 0;
}

int proc_parse_mount(const char *line)
{
	char where[sizeof("/proc")] = "";
	const char *dash = strstr(line, " - ");
	const char *options;

	if (sscanf(line, "%*d %*d %*s %*s %5s", where) != 1 || strcmp(where, "/proc") != 0)
		return -ENOENT;
	/* A longer path, /proc/sys for one, was cut to the same five letters. */
	if (!strstr(line, " /proc ") || !dash || strncmp(dash, " - proc ", 8) != 0)
		return -ENOENT;
	options = strrchr(line, ' ');
	if (strstr(options, "subset="))
		return 1;
	return strstr(options, "hidepid=") && !strstr(options, "hidepid=0") &&
	       !strstr(options, "hidepid=off");
}

bool proc_parse_uid_map(const char *text)
{
	unsigned inside, outside, count;

	return sscanf(text, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

ssize_t proc_read_file(const char *path, char *buffer, size_t size)
{
	ucg_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, buffer + length, size - 1 - length);
		if (got < 0 && errno != EINTR)
			return -errno;
		length += got > 0 ? (size_t)got : 0;
	} while (got != 0 && length < size - 1);
	buffer[length] = '\0';
	return (ssize_t)length;
}

/* A task that is not there, or that a mount option hides from us, is one that we can't know. */
static int as_missing_task(int error)
{
	return error == -ENOENT || error == -EPERM || error == -EACCES ? -ESRCH : error;
}

static int read_task_file(pid_t tid, const char *name, char *buffer, size_t size)
{
	char path[96];
	ucg_autoclose int fd = -1;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return as_missing_task(-errno);
	/* The kernel makes the whole text of such a file at once, so one read gets all of it. */
	length = read(fd, buffer, size - 1);
	if (length < 0)
		return as_missing_task(-errno);
	buffer[length] = '\0';
	return 0;
}

int proc_read_status_in(pid_t tid, unsigned level, struct proc_status *status, pid_t *numberp)
{
	char text[8192];
	int error = read_task_file(tid, "status", text, sizeof(text));

	if (error == -ESRCH)
		return hidden_read_status(tid, level, status, numberp);
	if (!error)
		error = proc_parse_status(text, status);
	return error ? error : proc_parse_ns_pid(text, level, numberp);
}

int proc_read_status(pid_t tid, struct proc_status *status)
{
	pid_t number;

	return proc_read_status_in(tid, 1, status, &number);
}

bool proc_is_in_initial_user_ns(pid_t tid)
{
	char text[256];

	return !read_task_file(tid, "uid_map", text, sizeof(text)) && proc_parse_uid_map(text);
}

int proc_read_stat(pid_t tgid, pid_t tid, struct proc_stat *stat)
{
	char name[64], text[2048];
	int error;

	snprintf(name, sizeof(name), "task/%d/stat", tid);
	error = read_task_file(tgid, name, text, sizeof(text));
	return error ? error : proc_parse_stat(text, stat);
}

int proc_read_limit(pid_t tid, const char *title, uint64_t *softp)
{
	char text[4096];
	int error = read_task_file(tid, "limits", text, sizeof(text));

	return error ? error : proc_parse_limit(text, title, softp);
}

static void closedirp(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

/* Entries of a directory whose names are numbers. */
static int read_numbers(const char *path, struct ucg_pids *pids)
{
	ucg_cleanup(closedirp) DIR *directory = opendir(path);
	struct dirent *entry;
	int error;

	if (!directory)
		return as_missing_task(-errno);
	while (errno = 0, (entry = readdir(directory))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		error = ucg_pids_append(pids, (pid_t)strtol(entry->d_name, NULL, 10));
		if (error)
			return error;
	}
	return as_missing_task(-errno);
}

/* All threads that there are, zombies too. */
static int read_tasks(pid_t tgid, struct ucg_pids *pids)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", tgid);
	return read_numbers(path, pids);
}

int proc_read_threads(pid_t tgid, struct ucg_pids *pids)
{
	size_t before = pids->count;
	struct proc_stat leader;
	int error = read_tasks(tgid, pids);

	if (error == -ESRCH && hidden_process_lives(tgid))
		return ucg_pids_append(pids, tgid);
	if (error)
		return error;
	/* A thread that exits leaves at once; only the leader stays as a zombie, as first entry. */
	if (pids->count > before && pids->pid[before] == tgid &&
	    (proc_read_stat(tgid, tgid, &leader) || proc_state_is_dead(leader.state))) {
		memmove(&pids->pid[before], &pids->pid[before + 1],
			(pids->count - before - 1) * sizeof(pids->pid[0]));
		pids->count--;
	}
	return 0;
}

int proc_check_alive(pid_t tgid, pid_t tid)
{
	struct proc_stat stat;
	int error = proc_read_stat(tgid, tid, &stat);

	if (error == -ESRCH && tid == tgid && hidden_process_lives(tgid))
		return 0;
	if (error)
		return error;
	return proc_state_is_dead(stat.state) ? -ESRCH : 0;
}

static bool state_is_halted(char state)
{
	return state == 'T' || state == 't' || state == 'D' || proc_state_is_dead(state);
}

bool proc_is_halted(pid_t tgid)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids threads = {0};
	int error = read_tasks(tgid, &threads);

	for (size_t i = 0; i < threads.count; i++) {
		struct proc_stat stat;

		if (proc_read_stat(tgid, threads.pid[i], &stat) == 0 &&
		    !state_is_halted(stat.state))
			return false;
	}
	return !error || error == -ESRCH;
}

/* Lists all threads that there are.  Return: whether all of them are dead. */
static bool list_dead(pid_t tgid, struct ucg_pids *threads)
{
	if (read_tasks(tgid, threads))
		return false;
	for (size_t i = 0; i < threads->count; i++)
		if (proc_check_alive(tgid, threads->pid[i]) != -ESRCH)
			return false;
	return true;
}

/*
 * A list ends with a thread that lived when its successor was asked for, as new ones are put behind
 * it; but by the time that it is looked at it may have made another one and ended, or have become
 * the leader by an exec.  In the first case it is gone, and the next list is another one.  In the
 * second the leader lives when that list is looked at: an exec takes longer than that.
 */
bool proc_is_all_dead(pid_t tgid)
{
	ucg_cleanup(ucg_pids_clear) struct ucg_pids first = {0}, second = {0};

	return list_dead(tgid, &first) && list_dead(tgid, &second) && first.count == second.count &&
	       (!first.count ||
		memcmp(first.pid, second.pid, first.count * sizeof(first.pid[0])) == 0);
}

int proc_read_pid_max(pid_t *pid_maxp)
{
	char text[32];
	ssize_t length = proc_read_file("/proc/sys/kernel/pid_max", text, sizeof(text));
	long value;

	if (length < 0)
		return (int)length;
	value = strtol(text, NULL, 10);
	if (value <= 0 || value > INT32_MAX)
		return -EINVAL;
	*pid_maxp = (pid_t)value;
	return 0;
}

int proc_read_processes(struct ucg_pids *pids)
{
	return read_numbers("/proc", pids);
}
