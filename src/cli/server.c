/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <urcu/urcu-memb.h>

#include "log.h"
#include "mount.h"
#include "ucgroupfs/fs.h"
#include "ucgroupfs/journal.h"
#include "ucgroupfs/release.h"
#include "ucgroupfs/scope.h"
#include "ucgroupfs/track.h"

/* The modules of one mount; each is handed its own part. */
struct server {
	const struct ucg_server_start *start;
	struct ucg_log *log;
	struct rlimit nofile; /* as it was before the tracker raised it: the agents' */
	int signal_fd;
	int ready_fd;
	bool keeper_died;
	struct ucg_journal journal;
	struct ucg_hierarchy *hierarchy;
	struct ucg_tracker *tracker;
	struct ucg_agent_thread *agents;
	struct ucg_fs *fs;
};

/* The tracker exists before the fs that its events go to. */
static void entered(void *context, struct ucg_group_id group)
{
	ucg_fs_entered(((struct server *)context)->fs, group);
}

static void emptied(void *context, struct ucg_group_id group)
{
	ucg_fs_emptied(((struct server *)context)->fs, group);
}

static void restated(void *context, struct ucg_group_id group)
{
	ucg_fs_restated(((struct server *)context)->fs, group);
}

static void resume(void *context)
{
	ucg_fs_resume(((struct server *)context)->fs);
}

static void tracker_is_ready(void *context)
{
	ucg_track_dispatch(((struct server *)context)->tracker);
}

/* One is enough: a second must not end what is served after the first. */
static void was_signalled(void *context)
{
	struct server *server = context;

	ucg_fs_unwatch(server->fs, server->signal_fd);
	ucg_fs_end(server->fs);
}

static void agents_have_ended(void *context)
{
	ucg_fs_end(((struct server *)context)->fs);
}

/* Nobody else would detach the mount now. */
static void keeper_is_dead(void *context)
{
	struct server *server = context;

	ucg_log(server->log, LOG_ERR, "the keeper died; unmounting '%s'",
		server->start->options->mountpoint);
	server->keeper_died = true;
	ucg_fs_unwatch(server->fs, server->start->keeper_pidfd);
	ucg_fs_end(server->fs);
}

static void is_serving(void *context)
{
	struct server *server = context;

	if (!server->start->options->foreground)
		ucg_sink_leave_terminal(server->start->sink);
	/* A failure means that the keeper is dead, which its pidfd tells. */
	if (write(server->ready_fd, "r", 1) < 0)
		errno = 0;
	close(server->ready_fd);
	server->ready_fd = -1;
}

/*
 * Every thread runs with all signals blocked, those aside that a fault of its own raises.  Children
 * are not waited for: agents leave no zombies.
 */
static int take_signals(struct server *server)
{
	const struct sigaction reap = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
	sigset_t all, ending;

	/* None of these can fail: the arguments are good. */
	sigaction(SIGCHLD, &reap, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigfillset(&all);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&all, faults[i]);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGHUP);
	server->signal_fd = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
	return server->signal_fd < 0 ? -errno : 0;
}

static int make_hierarchy(struct server *server)
{
	const struct ucg_options *options = server->start->options;
	struct ucg_hierarchy_config config = {
		.name = options->name,
		.release_agent = options->release_agent,
		.rules = options->rules,
		.clone_children = options->clone_children,
		.mounter_uid = geteuid(),
		.mounter_gid = getegid(),
		.root_mode = geteuid() == 0 ? 0555 : 0755,
	};
	int error;

	/* Can't fail: the clock exists. */
	clock_gettime(CLOCK_REALTIME, &config.now);
	error = ucg_hierarchy_new(&config, &server->hierarchy);
	if (!error)
		ucg_hierarchy_connect(server->hierarchy, &server->journal);
	return error;
}

static int start_tracking(struct server *server)
{
	const struct ucg_track_config config = {
		.log = server->log,
		.switched_off = server->start->options->without_probes,
		.events = {.entered = entered,
			   .emptied = emptied,
			   .restated = restated,
			   .resume = resume,
			   .context = server},
	};

	return ucg_track_new(&config, &server->tracker);
}

static int start_agents(struct server *server)
{
	const struct ucg_agent_config config = {
		.hierarchy = server->hierarchy,
		.log = server->log,
		.nofile = server->nofile,
	};

	return ucg_agent_start(&config, &server->agents);
}

static int make_fs(struct server *server)
{
	const struct ucg_fs_config config = {
		.fuse_fd = server->start->fuse_fd,
		.hierarchy = server->hierarchy,
		.tracker = server->tracker,
		.journal = &server->journal,
		.log = server->log,
		.debug = server->start->options->debug,
	};
	int error = ucg_fs_new(&config, &server->fs);

	if (!error)
		error = ucg_fs_watch(server->fs, ucg_track_fd(server->tracker), tracker_is_ready,
				     server);
	if (!error)
		error = ucg_fs_watch(server->fs, server->signal_fd, was_signalled, server);
	if (!error)
		error = ucg_fs_watch(server->fs, server->start->keeper_pidfd, keeper_is_dead,
				     server);
	return error;
}

/* Return: 0; -errno, and the log says what could not be started. */
static int start_modules(struct server *server)
{
	static const struct {
		const char *what;
		int (*start)(struct server *server);
	} modules[] = {
		{"signals", take_signals},    {"hierarchy", make_hierarchy},
		{"tracking", start_tracking}, {"agent thread", start_agents},
		{"requests", make_fs},
	};

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		int error = modules[i].start(server);

		if (!error)
			continue;
		ucg_log(server->log, LOG_ERR, "can't start (%s): %s", modules[i].what,
			strerror(-error));
		return error;
	}
	return 0;
}

static void stop_tracking(struct server *server)
{
	size_t left = 0;

	server->tracker = ucg_track_stop(server->tracker, &left);
	if (left)
		ucg_log(server->log, LOG_WARNING,
			"'%s' was unmounted with %zu populated group%s, whose tasks are in no "
			"group "
			"any more",
			server->start->options->name, left, left == 1 ? "" : "s");
}

/* In the order in which nothing is lost: agents that are due run first; markers are taken back when
 * nobody attaches any more. */
static void stop_modules(struct server *server)
{
	if (server->agents)
		server->agents = ucg_agent_stop(server->agents);
	if (server->fs)
		server->fs = ucg_fs_free(server->fs);
	if (server->tracker)
		stop_tracking(server);
	if (server->hierarchy)
		server->hierarchy = ucg_hierarchy_free(server->hierarchy);
	ucg_closep(&server->signal_fd);
	ucg_closep(&server->ready_fd);
}

/* What is due at the end runs first, and is served meanwhile: an agent's path may lead into the
 * mount.  Without memory for a watch, the agents run unserved (stop_modules()). */
static void run_due_agents(struct server *server)
{
	int ended_fd;

	/* Groups that emptied just before the end are released like any other. */
	ucg_track_settle(server->tracker);
	ended_fd = ucg_agent_end(server->agents);
	if (ucg_fs_watch(server->fs, ended_fd, agents_have_ended, server))
		return;
	ucg_fs_serve(server->fs, NULL, NULL);
	ucg_fs_unwatch(server->fs, ended_fd);
}

static int serve(struct server *server)
{
	int error = start_modules(server);

	if (error)
		return error;
	error = ucg_fs_serve(server->fs, is_serving, server);
	if (error)
		ucg_log(server->log, LOG_ERR, "/dev/fuse: %s", strerror(-error));
	run_due_agents(server);
	return error;
}

/*
 * A core dump would hold up the keeper, and everybody who waits for a reply, by seconds.  Agents
 * inherit the soft limit of 0, which is what the kernel's own agents have (kernel behaviour §6.3);
 * the hard one is left to them.
 */
static void take_limits(struct server *server)
{
	struct rlimit core;

	/* None of these can fail: the resources are known, and a limit may be lowered. */
	getrlimit(RLIMIT_NOFILE, &server->nofile);
	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = 0;
	setrlimit(RLIMIT_CORE, &core);
}

/* The keeper would have done it. */
static void detach(const struct server *server)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	const char *mountpoint = server->start->options->mountpoint;
	int error;

	sigaction(SIGCHLD, &standard, NULL); /* can't fail: the arguments are good */
	error = ucg_mount_detach(mountpoint, server->start->device);
	if (error)
		ucg_log(server->log, LOG_ERR, "can't unmount '%s': %s; try fusermount3 -u -z",
			mountpoint, strerror(-error));
}

int ucg_server_run(const struct ucg_server_start *start)
{
	struct server server = {
		.start = start,
		.log = &start->sink->log,
		.signal_fd = -1,
		.ready_fd = start->ready_fd,
	};
	int error;

	urcu_memb_register_thread();
	take_limits(&server);
	error = serve(&server);
	stop_modules(&server);
	if (server.keeper_died)
		detach(&server);
	urcu_memb_barrier();
	urcu_memb_unregister_thread();
	return error || server.keeper_died ? EXIT_FAILURE : EXIT_SUCCESS;
}
