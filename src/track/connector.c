/* SPDX-License-Identifier: MIT */
#include "connector.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>

#include "cursor.h"
#include "ucgroupfs/scope.h"

/* What comes while we have no turn: some thousand forks.  The kernel gives twice what it is asked
 * for, and counts what it needs itself. */
#define ROOM (8 << 20)

#define EVENT_AT (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define FIELD_AT(field) (EVENT_AT + offsetof(struct proc_event, field))
#define EVENT_END (EVENT_AT + sizeof(struct proc_event))
#define FORK_END (FIELD_AT(event_data) + sizeof(struct fork_proc_event))
#define LOW_BYTE (BYTE_ORDER == LITTLE_ENDIAN ? 0 : sizeof(pid_t) - 1)

/* Forks of whole processes, those of whom the remainder is ours, and the answers. */
static bool attach_filter(int fd, unsigned sockets, unsigned number)
{
	/* Words are loaded as the network orders them. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD_AT(what)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_NONE), 8, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_FORK), 0, 8),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD_AT(event_data.fork.child_pid)),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD_AT(event_data.fork.child_tgid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FIELD_AT(event_data.fork.child_tgid) + LOW_BYTE),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, sockets),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

static void enlarge(int fd)
{
	const int size = ROOM / 2;

	/* The second gives as much as an ordinary user may have, and can't fail. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* The answers to others, and to our other sockets, come as well, and have another one. */
static uint32_t number_of(unsigned socket)
{
	return (uint32_t)getpid() * CONNECTOR_SOCKETS + socket;
}

static int tell(const struct connector *connector, unsigned socket, enum proc_cn_mcast_op operation)
{
	_Alignas(struct nlmsghdr) char
		text[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof(operation))] = {0};
	const struct nlmsghdr header = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof(operation)),
		.nlmsg_type = NLMSG_DONE,
	};
	const struct cn_msg message = {
		.id = {CN_IDX_PROC, CN_VAL_PROC},
		.ack = number_of(socket),
		.len = sizeof(operation),
	};

	memcpy(text, &header, sizeof(header));
	memcpy(text + NLMSG_HDRLEN, &message, sizeof(message));
	memcpy(text + EVENT_AT, &operation, sizeof(operation));
	return send(connector->socket[socket], text, header.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* Return: 1; 0: there is none; -ENOBUFS; -ENOMEM. */
static int read_notice(int fd, struct cn_msg *message, struct proc_event *event)
{
	_Alignas(struct nlmsghdr) char text[EVENT_END] = {0};
	struct sockaddr_nl sender = {0};

	for (;;) {
		socklen_t size = sizeof(sender);
		ssize_t length = recvfrom(fd, text, sizeof(text), MSG_DONTWAIT,
					  (struct sockaddr *)&sender, &size);

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return errno == EAGAIN ? 0 : -errno;
		/* What others than the kernel send is not believed. */
		if (sender.nl_pid || (size_t)length < FORK_END)
			continue;
		memcpy(message, text + NLMSG_HDRLEN, sizeof(*message));
		memcpy(event, text + EVENT_AT, sizeof(*event));
		return 1;
	}
}

/* Another clock than ours tells nothing: in a time namespace, for one. */
static bool is_of_our_clock(uint64_t ns, uint64_t since_ns)
{
	return ns >= since_ns && ns <= monotonic_ns();
}

/* The kernel answers while it is told; where it does not listen it says nothing at all. */
static int await_answer(const struct connector *connector, unsigned socket, uint64_t since_ns)
{
	struct proc_event event;
	struct cn_msg message;
	int answer;

	while ((answer = read_notice(connector->socket[socket], &message, &event)) == 1 ||
	       answer == -ENOBUFS)
		if (answer == 1 && event.what == PROC_EVENT_NONE &&
		    message.ack == number_of(socket) + 1)
			return is_of_our_clock(event.timestamp_ns, since_ns)
				       ? -(int)event.event_data.ack.err
				       : -EOPNOTSUPP;
	return answer ? answer : -EOPNOTSUPP;
}

/* How many like this one there is room enough in. */
static unsigned sockets_for_room(int fd)
{
	socklen_t length = sizeof(int);
	int size = 0;

	/* Can't fail. */
	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length);
	if (size >= ROOM)
		return 1;
	return size > ROOM / CONNECTOR_SOCKETS ? (unsigned)((ROOM + size - 1) / size)
					       : CONNECTOR_SOCKETS;
}

static int add_socket(struct connector *connector, unsigned number)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	struct epoll_event event = {.events = EPOLLIN};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);

	if (fd < 0)
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -EOPNOTSUPP : -errno;
	connector->socket[number] = event.data.fd = fd;
	enlarge(fd);
	if (!connector->sockets)
		connector->sockets = sockets_for_room(fd);
	if (!attach_filter(fd, connector->sockets, number) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    epoll_ctl(connector->epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return 0;
}

static int have_told(struct connector *connector)
{
	unsigned socket = connector->told;
	uint64_t since_ns = monotonic_ns();
	int error = tell(connector, socket, PROC_CN_MCAST_LISTEN);

	if (error)
		return error;
	connector->told++;
	return await_answer(connector, socket, since_ns);
}

static int set_up(struct connector *connector)
{
	unsigned number = 0;
	int error;

	connector->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (connector->epoll < 0)
		return -errno;
	do
		error = add_socket(connector, number++);
	while (!error && number < connector->sockets);
	while (!error && connector->told < connector->sockets)
		error = have_told(connector);
	return error;
}

int connector_open(unsigned sockets, struct connector **connectorp)
{
	struct connector *connector = calloc(1, sizeof(*connector));
	int error;

	if (!connector)
		return -ENOMEM;
	for (unsigned i = 0; i < CONNECTOR_SOCKETS; i++)
		connector->socket[i] = -1;
	connector->sockets = sockets < CONNECTOR_SOCKETS ? sockets : CONNECTOR_SOCKETS;
	error = set_up(connector);
	if (error) {
		connector_close(connector);
		return error;
	}
	*connectorp = connector;
	return 0;
}

int connector_fd(const struct connector *connector)
{
	return connector->epoll;
}

/* Room for one more.  Return: 0; -ENOMEM: the message stays where it is. */
static int reserve(struct connector *connector)
{
	size_t capacity = connector->capacity ? 2 * connector->capacity : 64;
	struct connector_fork *fork;

	if (connector->count < connector->capacity)
		return 0;
	fork = reallocarray(connector->fork, capacity, sizeof(*fork));
	if (!fork)
		return -ENOMEM;
	connector->fork = fork;
	connector->capacity = capacity;
	return 0;
}

/* One message.  Return: 1: there may be another one of before @until_ns; 0: there is not; -ENOMEM
 * and the like. */
static int read_one(struct connector *connector, int fd, uint64_t until_ns)
{
	struct proc_event event;
	struct cn_msg message;
	int answer = reserve(connector);

	if (!answer)
		answer = read_notice(fd, &message, &event);
	if (answer == -ENOBUFS) {
		connector->has_lost = true;
		return 1;
	}
	if (answer != 1 || event.what != PROC_EVENT_FORK)
		return answer;
	connector->fork[connector->count++] = (struct connector_fork){
		.parent = event.event_data.fork.parent_tgid,
		.child = event.event_data.fork.child_tgid,
		.ns = event.timestamp_ns,
	};
	return event.timestamp_ns <= until_ns;
}

static int compare_times(const void *left, const void *right)
{
	uint64_t a = ((const struct connector_fork *)left)->ns;
	uint64_t b = ((const struct connector_fork *)right)->ns;

	return (a > b) - (a < b);
}

static void forget_handed_out(struct connector *connector)
{
	connector->count -= connector->first;
	/* Few: those of after the last round began. */
	if (connector->count)
		memmove(connector->fork, connector->fork + connector->first,
			connector->count * sizeof(*connector->fork));
	connector->first = 0;
}

/* C1.  Return: 1: something has come of it; 0: nothing; -ENOMEM and the like. */
static int read_round(struct connector *connector)
{
	struct epoll_event events[CONNECTOR_SOCKETS];
	uint64_t now_ns = monotonic_ns();
	/* Can't fail: it does not wait. */
	int ready = epoll_wait(connector->epoll, events, CONNECTOR_SOCKETS, 0);
	int answer = 0;

	forget_handed_out(connector);
	for (int i = 0; i < ready && answer >= 0; i++)
		do
			answer = read_one(connector, events[i].data.fd, now_ns);
		while (answer == 1);
	if (connector->count)
		qsort(connector->fork, connector->count, sizeof(*connector->fork), compare_times);
	if (answer < 0)
		return answer;
	connector->until_ns = now_ns;
	return connector->count || connector->has_lost;
}

static bool has_due(const struct connector *connector)
{
	return connector->first < connector->count &&
	       connector->fork[connector->first].ns <= connector->until_ns;
}

int connector_read(struct connector *connector, struct connector_fork *fork)
{
	while (!has_due(connector)) {
		int answer = read_round(connector);

		if (answer <= 0)
			return answer;
		if (connector->has_lost) {
			connector->has_lost = false;
			return -ENOBUFS;
		}
	}
	*fork = connector->fork[connector->first++];
	return 1;
}

void connector_close(struct connector *connector)
{
	if (!connector)
		return;
	/* Before 6.6 the kernel counts on being told. */
	for (unsigned i = 0; i < connector->told; i++)
		tell(connector, i, PROC_CN_MCAST_IGNORE);
	for (unsigned i = 0; i < CONNECTOR_SOCKETS; i++)
		ucg_closep(&connector->socket[i]);
	ucg_closep(&connector->epoll);
	free(connector->fork);
	free(connector);
}

bool connector_is_open(void)
{
	struct connector *connector = NULL;
	bool is_open = connector_open(1, &connector) == 0;

	connector_close(connector);
	return is_open;
}
