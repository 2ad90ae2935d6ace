/* SPDX-License-Identifier: MIT */
#include "connector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>

#include "ucgroupfs/scope.h"

/* What comes while we have no turn: some thousand forks, if we may have so much. */
#define BUFFER_SIZE (4 << 20)

#define EVENT_AT (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define FIELD_AT(field) (EVENT_AT + offsetof(struct proc_event, field))
#define EVENT_END (EVENT_AT + sizeof(struct proc_event))
#define FORK_END (FIELD_AT(event_data) + sizeof(struct fork_proc_event))

static bool attach_filter(int fd)
{
	/* Words are loaded as the network orders them. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD_AT(what)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_NONE), 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_FORK), 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD_AT(event_data.fork.child_pid)),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD_AT(event_data.fork.child_tgid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
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
	const int size = BUFFER_SIZE;

	/* The second gives as much as an ordinary user may have, and can't fail. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* The answers to others come to us as well, and have another one. */
static uint32_t our_number(void)
{
	return (uint32_t)getpid();
}

static int tell(int fd, enum proc_cn_mcast_op operation)
{
	_Alignas(struct nlmsghdr) char
		text[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof(operation))] = {0};
	const struct nlmsghdr header = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof(operation)),
		.nlmsg_type = NLMSG_DONE,
	};
	const struct cn_msg message = {
		.id = {CN_IDX_PROC, CN_VAL_PROC},
		.ack = our_number(),
		.len = sizeof(operation),
	};

	memcpy(text, &header, sizeof(header));
	memcpy(text + NLMSG_HDRLEN, &message, sizeof(message));
	memcpy(text + EVENT_AT, &operation, sizeof(operation));
	return send(fd, text, header.nlmsg_len, 0) < 0 ? -errno : 0;
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

/* The kernel answers while it is told; where it does not listen it says nothing at all. */
static int await_answer(int fd)
{
	struct proc_event event;
	struct cn_msg message;
	int answer;

	while ((answer = read_notice(fd, &message, &event)) == 1 || answer == -ENOBUFS)
		if (answer == 1 && event.what == PROC_EVENT_NONE && message.ack == our_number() + 1)
			return -(int)event.event_data.ack.err;
	return answer ? answer : -EOPNOTSUPP;
}

int connector_open(void)
{
	ucg_autoclose int fd =
		socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	int error;

	if (fd < 0)
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -EOPNOTSUPP : -errno;
	enlarge(fd);
	if (!attach_filter(fd) || bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	error = tell(fd, PROC_CN_MCAST_LISTEN);
	if (!error)
		error = await_answer(fd);
	return error ? error : ucg_steal_fd(&fd);
}

int connector_read(int fd, struct connector_fork *fork)
{
	struct proc_event event;
	struct cn_msg message;
	int answer;

	do
		answer = read_notice(fd, &message, &event);
	while (answer == 1 && event.what != PROC_EVENT_FORK);
	if (answer == 1)
		*fork = (struct connector_fork){
			.parent = event.event_data.fork.parent_tgid,
			.child = event.event_data.fork.child_tgid,
			.ns = event.timestamp_ns,
		};
	return answer;
}

void connector_close(int *fdp)
{
	/* Before 6.6 the kernel counts on being told. */
	if (*fdp >= 0)
		tell(*fdp, PROC_CN_MCAST_IGNORE);
	ucg_closep(fdp);
	*fdp = -1;
}

bool connector_is_open(void)
{
	int fd = connector_open();
	bool is_open = fd >= 0;

	connector_close(&fd);
	return is_open;
}
