/* SPDX-License-Identifier: MIT */
/*
 * usage: bench [--daemon PROGRAM] [--json FILE] [--only TEXT]
 *
 * Measures what design.md §7 aims at, as ratios: against the kernel's own cgroup v1, if started as
 * root, and where a request is measured against an empty FUSE filesystem.  The rounds of the sides
 * alternate.  As root it measures as an ordinary user, in a mount namespace of its own.
 */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The whole run, clean-up excepted, and after that it is cut off. */
#define LIMIT_S 165
/* No figure is begun after this, and no round of a figure that has had so much: a loaded machine
 * gets fewer figures, but it gets them. */
#define RUN_S 100
#define FIGURE_S 15

struct arguments {
	struct programs programs;
	FILE *json;	  /* NULL: none */
	const char *only; /* figures whose name contains this */
};

void fail(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	fprintf(stderr, "bench: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, error ? ": %s\n" : "\n", strerror(error));
	_exit(1);
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double elapsed_us(uint64_t since_ns)
{
	return (double)(now_ns() - since_ns) / 1000;
}

/* ---- measuring ---- */

static void for_each_side(struct bench *bench, const struct figure *figure,
			  void (*act)(struct bench *bench, struct side *side))
{
	for (int id = 0; act && id < SIDES; id++)
		if (figure->sides & 1u << id && bench->side[id].present)
			act(bench, &bench->side[id]);
}

/* Every second round in the opposite order. */
static void measure_round(struct bench *bench, int round, struct result *result)
{
	const struct figure *figure = result->figure;

	for (int i = 0; i < SIDES; i++) {
		int id = round % 2 ? SIDES - 1 - i : i;
		struct series *series = &result->side[id];

		if (figure->sides & 1u << id && bench->side[id].present)
			series->value[series->count++] = figure->measure(bench, &bench->side[id]);
	}
}

static void measure_figure(struct bench *bench, struct result *result)
{
	uint64_t start;

	for_each_side(bench, result->figure, result->figure->set_up);
	start = now_ns();
	for (int round = 0; round < result->figure->rounds; round++) {
		measure_round(bench, round, result);
		if (elapsed_us(start) > FIGURE_S * 1e6)
			break;
	}
	for_each_side(bench, result->figure, result->figure->tear_down);
}

/* Return: NULL: it can be measured now. */
static const char *reason_against(const struct figure *figure, uint64_t start_ns)
{
	if (!figure->measure)
		return figure->why_not;
	return elapsed_us(start_ns) > RUN_S * 1e6 ? "no time left" : NULL;
}

static void stop_servers(const struct bench *bench)
{
	for (int id = 0; id < SIDES; id++)
		if (bench->side[id].pid)
			server_stop(bench->side[id].pid, bench->side[id].path);
}

/* After each figure anew: a run that is cut off leaves what it has. */
static void write_json(FILE *file, const struct bench *bench, const struct result *results,
		       size_t count)
{
	if (!file)
		return;
	rewind(file);
	CHECK(!ftruncate(fileno(file), 0), "truncate the JSON file");
	json_print(file, bench, results, count);
	CHECK(!fflush(file), "write of the JSON file");
}

/* The measuring process: runs as the ordinary user. */
static int measure(const struct sandbox *sandbox, const struct arguments *arguments)
{
	struct bench bench = {.folder = sandbox->folder, .no_kernel = sandbox->no_kernel};
	struct result *results = calloc(figure_count, sizeof(*results));
	uint64_t start = now_ns();
	size_t count = 0;

	CHECK(results, "calloc");
	sandbox_drop_privilege(sandbox);
	sides_start(&bench);
	if (bench.no_kernel)
		printf("not measured against the kernel: %s\n", bench.no_kernel);
	table_print_head(stdout);
	for (size_t i = 0; i < figure_count; i++) {
		if (arguments->only && !strstr(figures[i].name, arguments->only))
			continue;
		results[count].figure = &figures[i];
		results[count].why_not = reason_against(&figures[i], start);
		if (!results[count].why_not)
			measure_figure(&bench, &results[count]);
		table_print(stdout, &results[count++]);
		write_json(arguments->json, &bench, results, count);
	}
	stop_servers(&bench);
	free(results);
	return 0;
}

/* ---- supervising ---- */

static void block_signals(sigset_t *blocked, sigset_t *before)
{
	sigemptyset(blocked);
	sigaddset(blocked, SIGCHLD);
	sigaddset(blocked, SIGINT);
	sigaddset(blocked, SIGTERM);
	sigaddset(blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, blocked, before);
}

/* Return: exit status of the measuring process; 1: it did not end by itself. */
static int supervise(pid_t measurer, const sigset_t *signals)
{
	uint64_t start = now_ns();

	for (;;) {
		double left_s = LIMIT_S - elapsed_us(start) / 1e6;
		struct timespec timeout = {.tv_sec = (time_t)(left_s > 0 ? left_s : 0),
					   .tv_nsec = 1};
		int number = sigtimedwait(signals, NULL, &timeout);
		int status;

		if (number < 0 && errno == EINTR)
			continue;
		if (number != SIGCHLD) {
			fprintf(stderr, "bench: %s\n",
				number < 0 ? "not done in time" : strsignal(number));
			return 1;
		}
		if (waitpid(measurer, &status, WNOHANG) == measurer)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
}

static int run(struct sandbox *sandbox, const struct arguments *arguments)
{
	sigset_t signals, before;
	pid_t pid;
	int status;

	block_signals(&signals, &before);
	CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0, "fork");
	if (!pid) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		exit(measure(sandbox, arguments));
	}
	status = supervise(pid, &signals);
	return sandbox_remove(sandbox) ? status : 1;
}

static void use(FILE *file)
{
	fprintf(file,
		"Usage: bench [--daemon PROGRAM] [--json FILE] [--only TEXT]\n"
		"Measure the daemon's speed in comparison with the kernel's cgroup v1 (as root)\n"
		"and with an empty FUSE filesystem.\n"
		"\n"
		"  --daemon PROGRAM  what is measured (default: that of the build)\n"
		"  --json FILE       write the figures there, too\n"
		"  --only TEXT       only figures whose name contains TEXT\n");
}

static void parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{"daemon", required_argument, NULL, 'd'},
		{"json", required_argument, NULL, 'j'},
		{"only", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};

	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
		switch (option) {
		case 'd':
			arguments->programs.daemon = optarg;
			break;
		case 'j':
			arguments->json = fopen(optarg, "we");
			CHECK(arguments->json, "open %s", optarg);
			break;
		case 'o':
			arguments->only = optarg;
			break;
		default:
			use(option == 'h' ? stdout : stderr);
			exit(option == 'h' ? 0 : 2);
		}
	}
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.programs = {BENCH_DAEMON, BENCH_EMPTY_FS, BENCH_AGENT}};
	struct sandbox sandbox = {.root = false};

	parse(argc, argv, &arguments);
	sandbox_make(&sandbox, &arguments.programs);
	return run(&sandbox, &arguments);
}
