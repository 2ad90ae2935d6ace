/* SPDX-License-Identifier: MIT */
/* The log never waits, loses nothing silently, and writes lines. */
#include "cli_test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "ucgroupfs/scope.h"

#define BUFFER_SIZE (2 * PIPE_BUF)

/* A log to a pipe, and a syslog daemon that this test plays. */
struct world {
	struct ucg_sink sink;
	int pipe[2];
	int daemon;
	char folder[32];
	char path[64];
	char line[BUFFER_SIZE];
};

static void listen_as_daemon(struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, world->path, sizeof(address.sun_path) - 1);
	world->daemon = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(world->daemon >= 0);
	assert_int_equal(bind(world->daemon, (struct sockaddr *)&address, sizeof(address)), 0);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	strcpy(world->folder, "/tmp/ucg-log-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->path, sizeof(world->path), "%s/log", world->folder);
	assert_int_equal(pipe2(world->pipe, O_CLOEXEC), 0);
	assert_int_equal(fcntl(world->pipe[0], F_SETFL, O_NONBLOCK), 0);
	ucg_sink_init_on(&world->sink, world->pipe[1], world->path);
	listen_as_daemon(world);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	ucg_sink_deinit(&world->sink);
	close(world->pipe[0]);
	close(world->pipe[1]);
	close(world->daemon);
	unlink(world->path);
	rmdir(world->folder);
	free(world);
	return 0;
}

/* What can be read at once, "" if nothing. */
static const char *read_now(struct world *world, int fd)
{
	ssize_t length = read(fd, world->line, sizeof(world->line) - 1);

	world->line[length > 0 ? length : 0] = '\0';
	return world->line;
}

static size_t drain(int fd)
{
	char bytes[65536];
	size_t total = 0;
	ssize_t length;

	while ((length = read(fd, bytes, sizeof(bytes))) > 0)
		total += (size_t)length;
	return total;
}

static void line_goes_to_the_stream(void **state)
{
	struct world *world = *state;

	ucg_log(&world->sink.log, LOG_ERR, "%s %d", "text", 1);
	assert_string_equal(read_now(world, world->pipe[0]), "ucgroupfs: text 1\n");
	assert_string_equal(read_now(world, world->daemon), "");
}

static void warning_says_so_on_the_stream(void **state)
{
	struct world *world = *state;

	ucg_log(&world->sink.log, LOG_WARNING, "text");
	assert_string_equal(read_now(world, world->pipe[0]), "ucgroupfs: warning: text\n");
}

static void control_characters_do_not_break_the_line(void **state)
{
	struct world *world = *state;

	ucg_log(&world->sink.log, LOG_ERR, "group '%s'", "a\nb\t\x7f\xc3\xa4");
	assert_string_equal(read_now(world, world->pipe[0]),
			    "ucgroupfs: group 'a\\012b\\011\\177\xc3\xa4'\n");
}

static void long_line_is_cut_to_what_a_pipe_takes_whole(void **state)
{
	struct world *world = *state;
	char text[2 * PIPE_BUF];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ucg_log(&world->sink.log, LOG_ERR, "%s", text);
	read_now(world, world->pipe[0]);
	assert_true(strlen(world->line) <= PIPE_BUF);
	assert_true(strlen(world->line) > PIPE_BUF - 20);
	assert_int_equal(world->line[strlen(world->line) - 1], '\n');
	assert_ptr_equal(strchr(world->line, '\n'), world->line + strlen(world->line) - 1);
}

/* The alarm ends a test that waits. */
static void full_stream_drops_and_counts(void **state)
{
	struct world *world = *state;
	size_t lines = 0;

	alarm(20);
	while (world->sink.dropped < 3 && ++lines < 1000000)
		ucg_log(&world->sink.log, LOG_ERR, "line");
	alarm(0);
	assert_int_equal(world->sink.dropped, 3);
	assert_int_equal(drain(world->pipe[0]), (lines - 3) * strlen("ucgroupfs: line\n"));
	ucg_log(&world->sink.log, LOG_ERR, "again");
	assert_string_equal(read_now(world, world->pipe[0]),
			    "ucgroupfs: warning: 3 lines were lost: the log was full\n"
			    "ucgroupfs: again\n");
	ucg_log(&world->sink.log, LOG_ERR, "again");
	assert_string_equal(read_now(world, world->pipe[0]), "ucgroupfs: again\n");
}

/* What is behind stderr may be a socket, too. */
static void full_socket_drops_and_counts(void **state)
{
	struct world *world = *state;
	struct ucg_sink sink;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ucg_sink_init_on(&sink, pair[0], world->path);
	alarm(20);
	for (size_t i = 0; sink.dropped < 3 && i < 1000000; i++)
		ucg_log(&sink.log, LOG_ERR, "line");
	alarm(0);
	assert_int_equal(sink.dropped, 3);
	ucg_sink_deinit(&sink);
	close(pair[0]);
	close(pair[1]);
}

static void line_goes_to_syslog_in_its_form(void **state)
{
	struct world *world = *state;
	char month[4], clock[9];
	int priority, day, pid, length = 0;

	ucg_sink_use_syslog(&world->sink);
	ucg_log(&world->sink.log, LOG_WARNING, "text");
	read_now(world, world->daemon);
	if (sscanf(world->line, "<%d>%3s %d %8s ucgroupfs[%d]: text%n", &priority, month, &day,
		   clock, &pid, &length) != 5)
		fail_msg("not in the form of syslog(3): \"%s\"", world->line);
	assert_int_equal(priority, LOG_DAEMON | LOG_WARNING);
	assert_int_equal(pid, getpid());
	assert_int_equal(length, strlen(world->line));
	assert_string_equal(read_now(world, world->pipe[0]), "");
}

static void full_syslog_drops_and_counts(void **state)
{
	struct world *world = *state;

	ucg_sink_use_syslog(&world->sink);
	alarm(20);
	for (size_t i = 0; world->sink.dropped < 3 && i < 100000; i++)
		ucg_log(&world->sink.log, LOG_ERR, "line");
	alarm(0);
	assert_int_equal(world->sink.dropped, 3);
	drain(world->daemon);
	ucg_log(&world->sink.log, LOG_ERR, "again");
	assert_non_null(strstr(read_now(world, world->daemon), "3 lines were lost"));
	assert_non_null(strstr(read_now(world, world->daemon), "again"));
}

static void restarted_syslog_is_found_again(void **state)
{
	struct world *world = *state;

	ucg_sink_use_syslog(&world->sink);
	close(world->daemon);
	unlink(world->path);
	ucg_log(&world->sink.log, LOG_ERR, "nobody listens");
	assert_int_equal(world->sink.dropped, 1);
	listen_as_daemon(world);
	ucg_log(&world->sink.log, LOG_ERR, "again");
	assert_non_null(strstr(read_now(world, world->daemon), "1 lines were lost"));
	assert_non_null(strstr(read_now(world, world->daemon), "again"));
}

static void errno_is_the_callers(void **state)
{
	struct world *world = *state;

	close(world->pipe[1]);
	errno = ENOTTY;
	ucg_log(&world->sink.log, LOG_ERR, "text");
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(world->sink.dropped, 1);
	world->pipe[1] = -1;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(line_goes_to_the_stream),
		TEST(warning_says_so_on_the_stream),
		TEST(control_characters_do_not_break_the_line),
		TEST(long_line_is_cut_to_what_a_pipe_takes_whole),
		TEST(full_stream_drops_and_counts),
		TEST(full_socket_drops_and_counts),
		TEST(line_goes_to_syslog_in_its_form),
		TEST(full_syslog_drops_and_counts),
		TEST(restarted_syslog_is_found_again),
		TEST(errno_is_the_callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
