/* SPDX-License-Identifier: MIT */
/* The process connector on real forks: connector.h.  One socket and several. */
#include "processes.h"

#include <stdio.h>
#include <sys/socket.h>

#include "connector.h"

#define CHAINS 4
#define HOPS 200

/* What the kernel gives for this is room for some messages, and not for so many. */
#define SMALL_BUFFER 32768
#define MANY 128

struct told {
	struct nursery nursery;
	struct connector *connector; /* NULL: the kernel tells nobody here */
};

static int told_setup(void **state)
{
	struct told *told = calloc(1, sizeof(*told));
	unsigned sockets = *(unsigned *)*state;

	assert_non_null(told);
	nursery_init(&told->nursery);
	if (connector_is_open()) {
		assert_int_equal(connector_open(sockets, &told->connector), 0);
		assert_int_equal(told->connector->sockets, sockets);
	}
	*state = told;
	return 0;
}

static int told_teardown(void **state)
{
	struct told *told = *state;

	connector_close(told->connector);
	nursery_deinit(&told->nursery);
	free(told);
	return 0;
}

static struct told *need_connector(void **state)
{
	struct told *told = *state;

	if (told->connector)
		return told;
	print_message("the kernel tells nobody here of forks\n");
	skip();
	return NULL;
}

static void make_small(struct connector *connector)
{
	const int size = SMALL_BUFFER;

	for (unsigned i = 0; i < connector->sockets; i++)
		assert_int_equal(setsockopt(connector->socket[i], SOL_SOCKET, SO_RCVBUF, &size,
					    sizeof(size)),
				 0);
}

static void nothing(struct nursery *nursery, int argument)
{
	(void)nursery, (void)argument;
}

static pid_t spawn(struct told *told, body_fn *body)
{
	return nursery_spawn(&told->nursery, body, 0);
}

static pid_t spawn_and_reap(struct told *told)
{
	pid_t pid = spawn(told, nothing);

	reap(pid);
	return pid;
}

/* What comes of reading all that there is. */
struct children {
	size_t count; /* of ours */
	bool has_wanted;
	int error; /* the last one */
};

static struct children read_children(struct told *told, pid_t wanted)
{
	struct children children = {.count = 0};
	struct connector_fork fork;
	int answer;

	while ((answer = connector_read(told->connector, &fork)) != 0) {
		if (answer < 0)
			children.error = answer;
		else if (fork.parent == getpid())
			children.count++;
		children.has_wanted |=
			answer == 1 && fork.parent == getpid() && fork.child == wanted;
	}
	return children;
}

/* One child after the other; none is read before the last has ended. */
static struct children spawn_and_read(struct told *told, int count)
{
	pid_t last = 0;

	for (int i = 0; i < count; i++)
		last = spawn_and_reap(told);
	return read_children(told, last);
}

static void check_one_is_read(struct told *told)
{
	struct children children = spawn_and_read(told, 1);

	assert_int_equal(children.error, 0);
	assert_int_equal(children.count, 1);
	assert_true(children.has_wanted);
}

/* C2 */
static void a_fork_that_is_over_can_be_read(void **state)
{
	struct told *told = need_connector(state);

	for (int i = 0; i < 300; i++)
		check_one_is_read(told);
}

static void hop(struct nursery *nursery, int argument)
{
	(void)argument;
	for (int i = 0; i < HOPS; i++)
		hop_on();
	tell(nursery, getpid());
}

/* Who is known to descend from the chains' heads. */
struct kin {
	pid_t pid[CHAINS * (HOPS + 1)];
	size_t count;
};

static bool is_kin(const struct kin *kin, pid_t pid)
{
	for (size_t i = 0; i < kin->count; i++)
		if (kin->pid[i] == pid)
			return true;
	return false;
}

static void read_kin(struct told *told, struct kin *kin)
{
	struct connector_fork fork;
	int answer;

	while ((answer = connector_read(told->connector, &fork)) != 0) {
		assert_int_equal(answer, 1);
		if (fork.parent != getpid() && !is_kin(kin, fork.parent))
			continue;
		assert_false(is_kin(kin, fork.child));
		assert_true(kin->count < sizeof(kin->pid) / sizeof(kin->pid[0]));
		kin->pid[kin->count++] = fork.child;
	}
}

/* C1: a child that is told of before its parent is not counted. */
static void each_is_told_once_and_after_its_parent(void **state)
{
	struct told *told = need_connector(state);
	struct kin kin = {.count = 0};
	int ended = 0;

	for (int i = 0; i < CHAINS; i++)
		spawn(told, hop);
	while (ended < CHAINS) {
		read_kin(told, &kin);
		if (!is_readable(told->nursery.report[0], 0))
			continue;
		await_report(&told->nursery);
		ended++;
	}
	read_kin(told, &kin);
	assert_int_equal(kin.count, CHAINS * (HOPS + 1));
}

/* The same where nothing is read before all is over. */
static void so_it_is_if_all_are_read_at_once(void **state)
{
	struct told *told = need_connector(state);
	struct kin kin = {.count = 0};

	for (int i = 0; i < CHAINS; i++)
		spawn(told, hop);
	for (int i = 0; i < CHAINS; i++)
		await_report(&told->nursery);
	read_kin(told, &kin);
	assert_int_equal(kin.count, CHAINS * (HOPS + 1));
}

static void what_has_no_room_is_said_to_be_lost(void **state)
{
	struct told *told = need_connector(state);
	struct children children;

	make_small(told->connector);
	children = spawn_and_read(told, MANY);
	assert_int_equal(children.error, -ENOBUFS);
	assert_in_range(children.count, 1, MANY - 1);
	/* And then it goes on. */
	check_one_is_read(told);
}

static void several_sockets_have_room_for_what_one_has_not(void **state)
{
	struct told *told = need_connector(state);
	struct children children;

	make_small(told->connector);
	children = spawn_and_read(told, MANY);
	assert_int_equal(children.error, 0);
	assert_int_equal(children.count, MANY);
}

static void it_can_be_polled(void **state)
{
	struct told *told = need_connector(state);

	read_children(told, 0);
	spawn_and_reap(told);
	assert_true(is_readable(connector_fd(told->connector), 0));
}

/* In a time namespace whose clock is an hour ahead.  Exit status: 0: nothing is told. */
static void open_an_hour_ahead(struct nursery *nursery, int argument)
{
	const char *text = "monotonic 3600 0";
	FILE *file;
	pid_t child;
	int status;

	(void)nursery, (void)argument;
	if (unshare(CLONE_NEWTIME))
		_exit(2);
	file = fopen("/proc/self/timens_offsets", "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		_exit(2);
	child = fork();
	if (child == 0)
		_exit(connector_is_open());
	_exit(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
		      ? WEXITSTATUS(status)
		      : 2);
}

static void nothing_is_told_by_another_clock(void **state)
{
	struct told *told = need_connector(state);
	int status;

	if (waitpid(spawn(told, open_an_hour_ahead), &status, 0) < 0)
		fail();
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2) {
		print_message("only root can make a time namespace\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TOLD(name, sockets)                                                                        \
	((struct CMUnitTest){#name "/" #sockets, name, told_setup, told_teardown, &(sockets)})

int main(void)
{
	static unsigned one = 1, several = CONNECTOR_SOCKETS;
	const struct CMUnitTest tests[] = {
		TOLD(a_fork_that_is_over_can_be_read, one),
		TOLD(a_fork_that_is_over_can_be_read, several),
		TOLD(each_is_told_once_and_after_its_parent, one),
		TOLD(each_is_told_once_and_after_its_parent, several),
		TOLD(so_it_is_if_all_are_read_at_once, one),
		TOLD(so_it_is_if_all_are_read_at_once, several),
		TOLD(what_has_no_room_is_said_to_be_lost, one),
		TOLD(several_sockets_have_room_for_what_one_has_not, several),
		TOLD(it_can_be_polled, one),
		TOLD(it_can_be_polled, several),
		TOLD(nothing_is_told_by_another_clock, one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
