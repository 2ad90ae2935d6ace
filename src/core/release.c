/* SPDX-License-Identifier: MIT */
/*
 * The release list, and why a group is on it once at most and yet no transition is lost.
 *
 * group->on_release_list is the truth; UCG_GROUP_DUE is its shadow in the record, which a commit
 * writes.  The serving thread sets the first when it puts a release on the list; the agent thread
 * clears it when it takes the release off.  The shadow may so be set for longer; each new image of
 * the group is made from the truth, and the end of the release clears it.
 *
 * Guarantees:
 * 1. Only the serving thread puts releases on the list, and only if on_release_list is 0: never
 *    two of one group are on it.
 * 2. A transition that finds on_release_list 1 puts none.  The agent thread clears it by an
 *    exchange in ucg_release_next() before it looks at anything else of the group, and the serving
 *    thread reads it by a read-modify-write after the transition was committed.  Both are in one
 *    total order, and the read came first: so whatever the agent thread reads after its exchange,
 *    the agent's text, the group's path, and what the agent itself sees, is of after that
 *    transition.  One call reports both, as with a work item of the kernel that is pending still.
 * 3. A transition that finds it 0 puts one, though the agent for an earlier one may be about to
 *    be called: two calls, as in the kernel (kernel behaviour §6.2).
 * 4. A release is withdrawn by clearing on_release_list when its group is removed.  It is cleared
 *    once, as a removed group is never put on the list again: either by the serving thread, and the
 *    agent thread finds 0 in its exchange and calls nobody; or by the agent thread, and then the
 *    release was off the list before the removal.
 */
#include "model.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "ucgroupfs/scope.h"

/* A release with what the records need not know. */
struct ucg_release_entry {
	struct ucg_release release;
	struct ucg_group *group;	  /* immutable; pinned */
	struct ucg_release_entry *before; /* agent thread: became due before this one */
	_Atomic bool done;		  /* set by the agent thread, last */
};

static struct ucg_release_entry *entry_of(struct ucg_release *release)
{
	return caa_container_of(release, struct ucg_release_entry, release);
}

/* ---- rules ---- */

bool ucg_release_is_listed(struct ucg_group *group)
{
	/* A read-modify-write for guarantee 2. */
	return atomic_fetch_or(&group->on_release_list, 0);
}

void ucg_release_withdraw(struct ucg_group *group)
{
	atomic_store(&group->on_release_list, 0);
}

/* The root is never released: it has tasks always. */
static bool is_to_be_released(struct ucg_group *group, uint32_t flags, size_t children)
{
	const uint32_t both = UCG_GROUP_NOTIFY | UCG_GROUP_RELEASABLE;

	return (flags & both) == both && !(flags & (UCG_GROUP_HAS_TASKS | UCG_GROUP_REMOVED)) &&
	       !children && !ucg_release_is_listed(group);
}

static int add_release(struct ucg_hierarchy *hierarchy, struct ucg_group *group,
		       struct ucg_change *change)
{
	struct ucg_image *image = ucg_change_add(change, UCG_RECORD_RELEASE);
	struct ucg_release_entry *entry;

	if (!image)
		return -ENOMEM;
	image->release.id = hierarchy->next_release;
	image->release.group = group->record.id;
	image->prepared = entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->group = group;
	return 0;
}

int ucg_release_check(struct ucg_hierarchy *hierarchy, struct ucg_group *group, size_t children,
		      struct ucg_change *change)
{
	struct ucg_image *image = ucg_change_find_group(change, group->record.id);

	if (!image || !is_to_be_released(group, image->group.flags, children))
		return 0;
	image->group.flags |= UCG_GROUP_DUE;
	return add_release(hierarchy, group, change);
}

/* ---- the list ---- */

struct ucg_release_list *ucg_hierarchy_releases(struct ucg_hierarchy *hierarchy)
{
	return &hierarchy->due;
}

void ucg_release_apply(struct ucg_hierarchy *hierarchy, struct ucg_image *image)
{
	struct ucg_release_entry *entry = ucg_steal_pointer(&image->prepared);
	struct ucg_release_list *list = &hierarchy->due;

	hierarchy->next_release = image->release.id + 1;
	ucg_group_pin(entry->group, 1);
	atomic_store(&entry->group->on_release_list, 1);
	entry->release.record.id = image->release.id;
	entry->release.record.group = image->release.group;
	cds_wfcq_node_init(&entry->release.link);
	atomic_store_explicit(&entry->release.record.state, UCG_RELEASE_DUE, memory_order_release);
	cds_wfcq_enqueue(&list->head, &list->tail, &entry->release.link);
	if (list->wake)
		list->wake(list->context);
}

/* First of a queue, or NULL.  One that is half-way on counts as absent: nobody waits for the other
 * thread here, and it tells when it is through. */
static struct ucg_release *take(cds_wfcq_head_ptr_t head, struct cds_wfcq_tail *tail)
{
	struct cds_wfcq_node *node = __cds_wfcq_dequeue_nonblocking(head, tail);

	if (!node || node == CDS_WFCQ_WOULDBLOCK)
		return NULL;
	return caa_container_of(node, struct ucg_release, link);
}

static struct ucg_release *take_first(struct ucg_hierarchy *hierarchy)
{
	struct ucg_release *release =
		take((cds_wfcq_head_ptr_t){.h = &hierarchy->due.head}, &hierarchy->due.tail);

	/* Pairs with the store in ucg_release_apply(): all of the entry is there. */
	if (release)
		(void)atomic_load_explicit(&release->record.state, memory_order_acquire);
	return release;
}

/* All that is due is turned over, to a stack of the agent thread's. */
static struct ucg_release *take_latest(struct ucg_hierarchy *hierarchy)
{
	struct ucg_release_entry *latest;
	struct ucg_release *release;

	while ((release = take_first(hierarchy))) {
		entry_of(release)->before = hierarchy->latest_due;
		hierarchy->latest_due = entry_of(release);
	}
	latest = hierarchy->latest_due;
	if (!latest)
		return NULL;
	hierarchy->latest_due = latest->before;
	return &latest->release;
}

static struct ucg_release *take_by_rule(struct ucg_hierarchy *hierarchy)
{
	return hierarchy->rules->latest_release_first ? take_latest(hierarchy)
						      : take_first(hierarchy);
}

struct ucg_release *ucg_release_next(struct ucg_hierarchy *hierarchy)
{
	struct ucg_release *release;

	while ((release = take_by_rule(hierarchy))) {
		if (atomic_exchange(&entry_of(release)->group->on_release_list, 0))
			return release;
		ucg_release_done(hierarchy, release);
	}
	return NULL;
}

void ucg_release_done(struct ucg_hierarchy *hierarchy, struct ucg_release *release)
{
	cds_wfcq_node_init(&release->link);
	atomic_store_explicit(&entry_of(release)->done, true, memory_order_release);
	cds_wfcq_enqueue(&hierarchy->done_head, &hierarchy->done_tail, &release->link);
}

static void forget_release(struct ucg_hierarchy *hierarchy, struct ucg_release_entry *entry)
{
	struct ucg_group *group = entry->group;

	assert(atomic_load_explicit(&entry->done, memory_order_acquire));
	if (!ucg_release_is_listed(group))
		group->record.flags &= ~(uint32_t)UCG_GROUP_DUE;
	free(entry);
	ucg_group_unpin(hierarchy, group, 1);
}

void ucg_release_collect(struct ucg_hierarchy *hierarchy)
{
	struct ucg_release *release;

	while ((release = take((cds_wfcq_head_ptr_t){._h = &hierarchy->done_head},
			       &hierarchy->done_tail)))
		forget_release(hierarchy, entry_of(release));
}

void ucg_release_init(struct ucg_hierarchy *hierarchy)
{
	cds_wfcq_init(&hierarchy->due.head, &hierarchy->due.tail);
	__cds_wfcq_init(&hierarchy->done_head, &hierarchy->done_tail);
}

void ucg_release_deinit(struct ucg_hierarchy *hierarchy)
{
	struct ucg_release *release;

	ucg_release_collect(hierarchy);
	/* What is due still was dropped by whoever ends the hierarchy without an agent thread. */
	while ((release = take_by_rule(hierarchy)))
		free(entry_of(release));
	cds_wfcq_destroy(&hierarchy->due.head, &hierarchy->due.tail);
}
