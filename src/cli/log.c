/* SPDX-License-Identifier: MIT */
#include "log.h"
#include "line.h"

#include <errno.h>
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

/* A line is cut to what one write to a pipe takes whole. */
#define LINE_SIZE PIPE_BUF

/* In the report: the mount answers requests.  No line has this byte (line.h). */
static const char ready_mark = '\0';

static struct ucg_sink *sink_of(struct ucg_log *log)
{
	return (struct ucg_sink *)((char *)log - offsetof(struct ucg_sink, log));
}

/* Another process may fill the pipe between a poll and a write, so the write itself must not wait;
 * what can't promise that (terminals, files, pipes before 6.5) is polled. */
static bool write_at_once(int fd, const char *line, size_t length)
{
	struct iovec vector = {.iov_base = (void *)(uintptr_t)line, .iov_len = length};
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

static bool send_at_once(int socket, const char *line, size_t length)
{
	return send(socket, line, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}

static bool connect_syslog(int socket, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return connect(socket, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* The form that syslog(3) gives a message. */
static bool write_syslog(int socket, int priority, const char *text)
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
	if (send_at_once(socket, line, (size_t)length))
		return true;
	/* a restarted syslog daemon listens on a new socket of the same name */
	if (errno != ECONNREFUSED && errno != ENOTCONN && errno != ECONNRESET)
		return false;
	return connect_syslog(socket, UCG_SYSLOG_PATH) && send_at_once(socket, line, (size_t)length);
}

static bool write_locked(struct ucg_sink *sink, int priority, const char *text)
{
	char line[LINE_SIZE];
	int length;

	if (sink->fd < 0)
		return sink->socket >= 0 && write_syslog(sink->socket, priority, text);
	length = snprintf(line, sizeof(line), "ucgroupfs: %s%s\n",
			  priority == LOG_WARNING ? "warning: " : "", text);
	if (length >= (int)sizeof(line)) {
		length = sizeof(line) - 1;
		line[length - 1] = '\n';
	}
	return length > 0 && write_at_once(sink->fd, line, (size_t)length);
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

void ucg_sink_init(struct ucg_sink *sink, int fd, bool reporting)
{
	*sink = (struct ucg_sink){
		.log = {.vprint = print_line},
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.reporting = reporting,
		.fd = fd,
		.socket = -1,
	};
}

void ucg_sink_deinit(struct ucg_sink *sink)
{
	if (sink->reporting)
		close(sink->fd);
	if (sink->socket >= 0)
		close(sink->socket);
	pthread_mutex_destroy(&sink->mutex);
}

void ucg_sink_settle(struct ucg_sink *sink, const char *path)
{
	pthread_mutex_lock(&sink->mutex);
	if (sink->reporting) {
		/* taken while descriptors are left: the log is most wanted when there are none */
		sink->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (sink->socket >= 0)
			connect_syslog(sink->socket, path); /* else again with each line */
		close(sink->fd);
		sink->fd = -1;
		sink->reporting = false;
	}
	pthread_mutex_unlock(&sink->mutex);
}

int ucg_sink_report_ready(struct ucg_sink *sink)
{
	if (!sink->reporting || write(sink->fd, &ready_mark, 1) == 1)
		return 0;
	return -EPIPE;
}

int ucg_report_await(int fd)
{
	char bytes[LINE_SIZE];

	for (;;) {
		ssize_t length = read(fd, bytes, sizeof(bytes));
		const char *mark;

		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return 1;
		mark = memchr(bytes, ready_mark, (size_t)length);
		/* stderr is the user's: if it can't be written, there is nobody to tell */
		if (write(STDERR_FILENO, bytes, mark ? (size_t)(mark - bytes) : (size_t)length) < 0)
			continue;
		if (mark)
			return 0;
	}
}
