/* SPDX-License-Identifier: MIT */
#include "log.h"
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ucgroupfs/scope.h"

/* A line is cut to what one write to a pipe takes whole. */
#define LINE_SIZE PIPE_BUF

static struct ucg_sink *sink_of(struct ucg_log *log)
{
	return (struct ucg_sink *)((char *)log - offsetof(struct ucg_sink, log));
}

/* Another process may fill the pipe between a poll and a write, so the write itself must not wait;
 * what can't promise that (a terminal, a file, a pipe before 6.5) has been polled at least. */
static bool write_at_once(int fd, char *line, size_t length)
{
	const struct iovec vector = {.iov_base = line, .iov_len = length};
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	ssize_t sent = send(fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && errno == ENOTSOCK) {
		if (poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT))
			return false;
		sent = pwritev2(fd, &vector, 1, -1, RWF_NOWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EPIPE)
			sent = write(fd, line, length);
	}
	return sent == (ssize_t)length;
}

static bool connect_syslog(const struct ucg_sink *sink)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, sink->syslog_path, sizeof(address.sun_path) - 1);
	return connect(sink->socket, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool send_at_once(int socket, const char *line, size_t length)
{
	return send(socket, line, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}

/* The form that syslog(3) gives a message. */
static bool write_syslog(const struct ucg_sink *sink, int priority, const char *text)
{
	char line[LINE_SIZE + 64];
	char stamp[32];
	time_t now = time(NULL);
	struct tm parts;
	int length;

	if (!localtime_r(&now, &parts) || !strftime(stamp, sizeof(stamp), "%h %e %T", &parts))
		return false;
	length = snprintf(line, sizeof(line), "<%d>%s ucgroupfs[%d]: %s", LOG_DAEMON | priority,
			  stamp, getpid(), text);
	if (length < 0 || (size_t)length >= sizeof(line))
		return false;
	if (send_at_once(sink->socket, line, (size_t)length))
		return true;
	/* a syslog daemon that was started again listens on a new socket of the same name */
	if (errno != ECONNREFUSED && errno != ENOTCONN && errno != ECONNRESET)
		return false;
	return connect_syslog(sink) && send_at_once(sink->socket, line, (size_t)length);
}

static bool write_stream(const struct ucg_sink *sink, int priority, const char *text)
{
	char line[LINE_SIZE];
	int length = snprintf(line, sizeof(line), "ucgroupfs: %s%s\n",
			      priority == LOG_WARNING ? "warning: " : "", text);

	if (length < 0)
		return false;
	if ((size_t)length >= sizeof(line)) {
		length = sizeof(line) - 1;
		line[length - 1] = '\n';
	}
	return write_at_once(sink->stream, line, (size_t)length);
}

static bool write_locked(const struct ucg_sink *sink, int priority, const char *text)
{
	if (sink->stream >= 0)
		return write_stream(sink, priority, text);
	return sink->socket >= 0 && write_syslog(sink, priority, text);
}

static void emit_locked(struct ucg_sink *sink, int priority, const char *text)
{
	char notice[64];

	if (sink->dropped) {
		snprintf(notice, sizeof(notice), "%lu lines were lost: the log was full",
			 sink->dropped);
		if (!write_locked(sink, LOG_WARNING, notice)) {
			sink->dropped++;
			return;
		}
		sink->dropped = 0;
	}
	if (!write_locked(sink, priority, text))
		sink->dropped++;
}

__attribute__((format(printf, 3, 0))) static void print_line(struct ucg_log *log, int priority,
							     const char *format, va_list args)
{
	struct ucg_sink *sink = sink_of(log);
	char raw[LINE_SIZE];
	char text[LINE_SIZE];
	int saved = errno;

	if (vsnprintf(raw, sizeof(raw), format, args) >= 0) {
		ucg_line_escape(text, sizeof(text), raw);
		pthread_mutex_lock(&sink->mutex);
		emit_locked(sink, priority, text);
		pthread_mutex_unlock(&sink->mutex);
	}
	errno = saved;
}

void ucg_sink_init_on(struct ucg_sink *sink, int stream, const char *syslog_path)
{
	*sink = (struct ucg_sink){
		.log = {.vprint = print_line},
		.syslog_path = syslog_path,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.stream = stream,
		.socket = -1,
	};
}

void ucg_sink_init(struct ucg_sink *sink)
{
	ucg_sink_init_on(sink, STDERR_FILENO, "/dev/log");
}

void ucg_sink_deinit(struct ucg_sink *sink)
{
	if (sink->socket >= 0)
		close(sink->socket);
	pthread_mutex_destroy(&sink->mutex);
}

void ucg_sink_use_syslog(struct ucg_sink *sink)
{
	pthread_mutex_lock(&sink->mutex);
	sink->stream = -1;
	if (sink->socket < 0) {
		/* taken while there are descriptors: the log is most wanted when there are none */
		sink->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (sink->socket >= 0)
			connect_syslog(sink); /* if it fails: again with each line */
	}
	pthread_mutex_unlock(&sink->mutex);
}

void ucg_sink_leave_terminal(struct ucg_sink *sink)
{
	ucg_autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ucg_sink_use_syslog(sink);
	/* Without /dev/null they are kept: closed, their numbers would soon be something else's. */
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
}
