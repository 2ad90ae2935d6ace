/* SPDX-License-Identifier: MIT */
#include "fs_internal.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Descriptors looked after in one round; the rest comes in the next. */
#define ROUND 16
/* There is no event for memory that has become free. */
#define OWED_RETRY_MS 20

struct watch {
	struct cds_list_head link;
	int fd;
	void (*ready)(void *context);
	void *context;
};

static int add_to_epoll(struct ucg_fs *fs, int fd, void *pointer)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = pointer};

	return epoll_ctl(fs->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int fs_watch_device(struct ucg_fs *fs)
{
	return add_to_epoll(fs, fs->config.fuse_fd, NULL);
}

int ucg_fs_watch(struct ucg_fs *fs, int fd, void (*ready)(void *context), void *context)
{
	struct watch *watch = malloc(sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	*watch = (struct watch){.fd = fd, .ready = ready, .context = context};
	r = add_to_epoll(fs, fd, watch);
	if (r) {
		free(watch);
		return r;
	}
	cds_list_add(&watch->link, &fs->watches);
	return 0;
}

static void unwatch(struct ucg_fs *fs, struct watch *watch)
{
	/* Others may hold the descriptor's file open; here it must not fire any more.  Fails only
	 * if the owner has closed it, which does the same. */
	epoll_ctl(fs->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	cds_list_del(&watch->link);
	free(watch);
}

void ucg_fs_unwatch(struct ucg_fs *fs, int fd)
{
	struct watch *watch, *next;

	cds_list_for_each_entry_safe (watch, next, &fs->watches, link)
		if (watch->fd == fd)
			unwatch(fs, watch);
}

void fs_unwatch_all(struct ucg_fs *fs)
{
	struct watch *watch, *next;

	cds_list_for_each_entry_safe (watch, next, &fs->watches, link)
		unwatch(fs, watch);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	/* Cannot fail: the clock exists and &now is valid. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * INTERRUPT is answered here with ENOSYS, after which the kernel sends no more of them.  Nothing
 * here can be given up half-way: a request is answered at once, or it is parked until full passes
 * are over, and then its answer is worth having.  libfuse must not see it: it would look for the
 * interrupted request among those it knows, where a parked one is not, and hold the interrupt back
 * for the request's second coming.
 */
static bool is_interrupt(const struct fs_slot *slot)
{
	return ((const struct fuse_in_header *)(const void *)slot->bytes)->opcode == FUSE_INTERRUPT;
}

static void refuse_interrupt(struct ucg_fs *fs, const struct fs_slot *slot)
{
	const struct fuse_in_header *in = (const void *)slot->bytes;
	const struct fuse_out_header out = {
		.len = sizeof(out),
		.error = -ENOSYS,
		.unique = in->unique,
	};

	/* A failure means that the request or the mount is gone: nobody waits for the answer. */
	if (write(fuse_session_fd(fs->session), &out, sizeof(out)) < 0)
		return;
}

static void dispatch(struct ucg_fs *fs, struct fs_slot *slot)
{
	const struct fuse_buf buf = {.size = slot->length, .mem = slot->bytes, .fd = -1};

	fs->current = slot;
	if (is_interrupt(slot))
		refuse_interrupt(fs, slot);
	else
		fuse_session_process_buf(fs->session, &buf);
	if (fs->current)
		fs_slots_put(&fs->slots, slot);
	fs->current = NULL;
}

/* What an error of read(2) means.  Return: 0: go on; else the end of service, as its result in
 * @resultp says. */
static bool ends_service(int error, int *resultp)
{
	switch (error) {
	case EINTR:
	case EAGAIN: /* somebody else's dup of the descriptor was faster, or a false alarm */
	case ENOENT: /* the request was interrupted before it was read */
		return false;
	case ENODEV:
	case ECONNABORTED: /* the mount is gone */
		*resultp = 0;
		return true;
	default:
		*resultp = -error;
		return true;
	}
}

/* Reads and handles one request.  Return: 0; else service has ended with *@resultp. */
static bool serve_one(struct ucg_fs *fs, int *resultp)
{
	struct fs_slot *slot = fs_slots_take(&fs->slots);
	ssize_t length;

	if (!slot)
		return ends_service(ENOMEM, resultp);
	length = read(fuse_session_fd(fs->session), slot->bytes, FS_SLOT_BYTES);
	if (length < (ssize_t)sizeof(struct fuse_in_header)) {
		int error = length < 0 ? errno : EIO;

		fs_slots_put(&fs->slots, slot);
		return ends_service(error, resultp);
	}
	slot->length = (size_t)length;
	slot->since_ns = monotonic_ns();
	fs_spin_note(&fs->spin, slot->since_ns);
	slot->state = FS_SLOT_FILLED;
	dispatch(fs, slot);
	return false;
}

/* The parked ones again, in order of arrival; each may park again, behind. */
static void resume_parked(struct ucg_fs *fs)
{
	struct cds_list_head again;
	struct fs_slot *slot;

	if (!fs->resume)
		return;
	fs->resume = false;
	CDS_INIT_LIST_HEAD(&again);
	cds_list_splice(&fs->slots.parked, &again);
	CDS_INIT_LIST_HEAD(&fs->slots.parked);
	while ((slot = fs_slots_unpark(&again)))
		dispatch(fs, slot);
}

static int wait_ms(const struct ucg_fs *fs)
{
	if (fs->resume)
		return 0;
	return fs->owed_count ? OWED_RETRY_MS : -1;
}

/* Looks for a while without sleeping.  Return: as epoll_wait(2). */
static int spin(struct ucg_fs *fs, struct epoll_event *event)
{
	uint64_t end_ns = monotonic_ns() + FS_SPIN_NS;
	int count;

	do
		count = epoll_wait(fs->epoll_fd, event, ROUND, 0);
	while (!count && monotonic_ns() < end_ns);
	if (!count)
		fs_spin_was_in_vain(&fs->spin);
	return count;
}

static int wait_for_events(struct ucg_fs *fs, struct epoll_event *event)
{
	int timeout_ms = wait_ms(fs), count = 0;

	if (timeout_ms && fs_spin_pays(&fs->spin))
		count = spin(fs, event);
	return count ? count : epoll_wait(fs->epoll_fd, event, ROUND, timeout_ms);
}

/* Each descriptor that is ready is served once, so none starves another. */
static bool serve_ready(struct ucg_fs *fs, int *resultp)
{
	struct epoll_event event[ROUND];
	int count = wait_for_events(fs, event);

	if (count < 0)
		return ends_service(errno, resultp);
	for (int i = 0; i < count; i++) {
		struct watch *watch = event[i].data.ptr;

		if (watch)
			watch->ready(watch->context);
		else if (serve_one(fs, resultp))
			return true;
	}
	return false;
}

/* libfuse gives up a session whose INIT it does not understand. */
static bool has_failed(struct ucg_fs *fs, int *resultp)
{
	*resultp = fuse_session_exited(fs->session) ? -EPROTO : 0;
	return *resultp != 0;
}

int ucg_fs_serve(struct ucg_fs *fs, void (*ready)(void *context), void *context)
{
	int result = 0;

	fs->ended = false;
	while (!fs->ended && !has_failed(fs, &result) && !serve_ready(fs, &result)) {
		fs_pay_owed(fs);
		resume_parked(fs);
		ucg_release_collect(fs->config.hierarchy);
		if (fs->initialised && ready) {
			ready(context);
			ready = NULL;
		}
	}
	return result;
}

void ucg_fs_end(struct ucg_fs *fs)
{
	fs->ended = true;
}
