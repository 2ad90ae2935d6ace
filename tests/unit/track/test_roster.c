/* SPDX-License-Identifier: MIT */
/* Who is known to be where.  The members are made up; where one is held, its pidfd is our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pidfd.h"
#include "roster.h"

#define HELD_MAX 3
#define MANY 10000

static const struct ucg_group_id id_a = {5}, id_b = {6};

static int setup(void **state)
{
	struct roster *roster = calloc(1, sizeof(*roster));
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	assert_non_null(roster);
	assert_true(epoll >= 0);
	assert_int_equal(roster_init(roster, epoll, HELD_MAX, false), 0);
	*state = roster;
	return 0;
}

static void empty_group(struct roster *roster, struct ucg_group_id id)
{
	struct tracked_group *group = roster_group(roster, id);
	struct member *member, *next_member;
	struct epoch *epoch, *next_epoch;

	if (!group)
		return;
	cds_list_for_each_entry_safe (member, next_member, &group->members, of_group)
		roster_remove(roster, member);
	cds_list_for_each_entry_safe (epoch, next_epoch, &group->epochs, of_group)
		roster_epoch_drop(roster, epoch);
	roster_group_drop(roster, group);
}

static int teardown(void **state)
{
	struct roster *roster = *state;
	int epoll = roster->epoll;

	empty_group(roster, id_a);
	empty_group(roster, id_b);
	assert_int_equal(roster->held_count, 0);
	roster_deinit(roster);
	close(epoll);
	free(roster);
	return 0;
}

static struct epoch_key key_of(enum marker_carrier carrier, uint64_t prior)
{
	return (struct epoch_key){.carrier = carrier, .prior = prior};
}

static struct epoch *epoch_of(struct roster *roster, struct ucg_group_id id)
{
	struct tracked_group *group = roster_group_need(roster, id);
	struct epoch *epoch;

	assert_non_null(group);
	epoch = roster_epoch_need(roster, group, key_of(MARKER_LOCKS, RLIM_INFINITY));
	assert_non_null(epoch);
	return epoch;
}

static int own_pidfd(void)
{
	int pidfd = pidfd_get(getpid());

	assert_true(pidfd >= 0);
	return pidfd;
}

static struct member *first_member(const struct tracked_group *group)
{
	return cds_list_first_entry(&group->members, struct member, of_group);
}

static void groups_are_made_once(void **state)
{
	struct roster *roster = *state;
	struct tracked_group *group;

	assert_null(roster_group(roster, id_a));
	group = roster_group_need(roster, id_a);
	assert_non_null(group);
	assert_ptr_equal(roster_group_need(roster, id_a), group);
	assert_ptr_equal(roster_group(roster, id_a), group);
	assert_null(roster_group(roster, id_b));
	assert_int_equal(group->id.value, id_a.value);
	assert_true(group->exact);
	assert_false(group->populated);
	assert_false(tracked_group_is_suspect(group));
}

static void an_epoch_is_for_one_group_carrier_and_prior_limit(void **state)
{
	struct roster *roster = *state;
	struct tracked_group *a = roster_group_need(roster, id_a);
	struct tracked_group *b = roster_group_need(roster, id_b);
	struct epoch *first = roster_epoch_need(roster, a, key_of(MARKER_LOCKS, 100));
	struct epoch *others[] = {
		roster_epoch_need(roster, a, key_of(MARKER_LOCKS, 101)),
		roster_epoch_need(roster, a, key_of(MARKER_RSS, 100)),
		roster_epoch_need(roster, b, key_of(MARKER_LOCKS, 100)),
	};

	assert_ptr_equal(roster_epoch_need(roster, a, key_of(MARKER_LOCKS, 100)), first);
	assert_ptr_equal(roster_epoch(roster, first->value), first);
	assert_ptr_equal(first->group, a);
	assert_int_equal(first->key.prior, 100);
	for (size_t i = 0; i < 3; i++) {
		assert_non_null(others[i]);
		assert_int_not_equal(others[i]->value, first->value);
	}
}

static void an_epoch_is_never_used_again(void **state)
{
	struct roster *roster = *state;
	uint32_t value = epoch_of(roster, id_a)->value;

	roster_epoch_drop(roster, roster_epoch(roster, value));
	assert_null(roster_epoch(roster, value));
	assert_int_not_equal(epoch_of(roster, id_a)->value, value);
}

static void epochs_that_are_used_up_are_no_memory(void **state)
{
	struct roster *roster = *state;
	struct tracked_group *group = roster_group_need(roster, id_a);

	roster->next_epoch = UINT32_MAX;
	assert_non_null(roster_epoch_need(roster, group, key_of(MARKER_LOCKS, 1)));
	assert_null(roster_epoch_need(roster, group, key_of(MARKER_LOCKS, 2)));
}

/* Forks in flight carry it still, so newcomers must be told from them. */
static void an_epoch_that_a_mover_left_is_given_to_nobody(void **state)
{
	struct roster *roster = *state;
	struct epoch *epoch = epoch_of(roster, id_a);

	epoch->mover_count = 1;
	assert_ptr_not_equal(epoch_of(roster, id_a), epoch);
	epoch->mover_count = 0;
}

static void a_forwarded_epoch_means_the_other_group(void **state)
{
	struct roster *roster = *state;
	struct epoch *epoch = epoch_of(roster, id_a);
	struct tracked_group *b = roster_group_need(roster, id_b);

	roster_epoch_forward(roster, epoch, b);
	assert_ptr_equal(roster_epoch(roster, epoch->value), epoch);
	assert_ptr_equal(epoch->group, b);
	assert_true(epoch->is_forwarded);
	assert_ptr_not_equal(epoch_of(roster, id_a), epoch);
}

static void an_epoch_can_be_forwarded_to_the_root(void **state)
{
	struct roster *roster = *state;
	struct epoch *epoch = epoch_of(roster, id_a);

	roster_epoch_forward(roster, epoch, NULL);
	assert_null(epoch->group);
	assert_ptr_equal(roster_epoch(roster, epoch->value), epoch);
	roster_epoch_drop(roster, epoch);
}

static void members_are_counted(void **state)
{
	struct roster *roster = *state;
	struct epoch *a = epoch_of(roster, id_a), *b = epoch_of(roster, id_b);
	struct member *first = roster_add(roster, 1001, -1, a, NULL);
	struct member *second = roster_add(roster, 1002, own_pidfd(), a, NULL);

	assert_non_null(first);
	assert_ptr_equal(roster_member(roster, 1001), first);
	assert_ptr_equal(roster_member(roster, 1002), second);
	assert_null(roster_member(roster, 1003));
	assert_int_equal(a->group->member_count, 2);
	assert_int_equal(a->group->held_count, 1);
	assert_int_equal(a->member_count, 2);

	roster_move(roster, second, b);
	assert_int_equal(a->group->member_count, 1);
	assert_int_equal(a->group->held_count, 0);
	assert_int_equal(a->member_count, 1);
	assert_int_equal(b->group->member_count, 1);
	assert_int_equal(b->group->held_count, 1);
	assert_int_equal(b->member_count, 1);
	assert_ptr_equal(second->epoch, b);

	roster_remove(roster, second);
	assert_null(roster_member(roster, 1002));
	assert_int_equal(b->group->member_count, 0);
	assert_int_equal(b->group->held_count, 0);
	assert_int_equal(roster->held_count, 0);
}

static void held_members_stand_before_the_others(void **state)
{
	struct roster *roster = *state;
	struct epoch *epoch = epoch_of(roster, id_a);
	struct member *held;

	roster_add(roster, 1001, -1, epoch, NULL);
	held = roster_add(roster, 1002, own_pidfd(), epoch, NULL);
	roster_add(roster, 1003, -1, epoch, NULL);
	assert_ptr_equal(first_member(epoch->group), held);
	/* Also one that is held later. */
	held = roster_member(roster, 1003);
	assert_int_equal(roster_hold(roster, held, own_pidfd()), 0);
	assert_ptr_equal(first_member(epoch->group), held);
	assert_int_equal(epoch->group->held_count, 2);
	assert_int_equal(epoch->group->member_count, 3);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void a_member_beyond_the_descriptors_is_known_but_not_held(void **state)
{
	struct roster *roster = *state;
	struct epoch *epoch = epoch_of(roster, id_a);
	int pidfd = -1;

	for (pid_t pid = 1001; pid <= 1001 + HELD_MAX; pid++) {
		pidfd = own_pidfd();
		assert_non_null(roster_add(roster, pid, pidfd, epoch, NULL));
	}
	assert_int_equal(roster->held_count, HELD_MAX);
	assert_int_equal(roster_member(roster, 1001 + HELD_MAX)->pidfd, -1);
	assert_false(is_open(pidfd));
	pidfd = own_pidfd();
	assert_int_equal(roster_hold(roster, roster_member(roster, 1001 + HELD_MAX), pidfd),
			 -EMFILE);
	assert_false(is_open(pidfd));
	assert_int_equal(epoch->group->held_count, HELD_MAX);
}

static void all_but_the_witness_can_be_spared(void **state)
{
	struct roster *roster = *state;
	struct epoch *a = epoch_of(roster, id_a), *b = epoch_of(roster, id_b);

	roster_add(roster, 1001, own_pidfd(), a, NULL);
	roster_add(roster, 1002, own_pidfd(), a, NULL);
	roster_add(roster, 1003, own_pidfd(), b, NULL);
	assert_true(roster_spare(roster));
	assert_int_equal(a->group->held_count, 1);
	assert_int_equal(a->group->member_count, 2);
	assert_int_equal(b->group->held_count, 1);
	assert_int_equal(roster->held_count, 2);
	assert_false(roster_spare(roster));
	assert_true(first_member(a->group)->pidfd >= 0);
	assert_true(first_member(b->group)->pidfd >= 0);
}

static void a_member_that_is_let_go_closes_its_pidfd(void **state)
{
	struct roster *roster = *state;
	int pidfd = own_pidfd();
	struct member *member = roster_add(roster, 1001, pidfd, epoch_of(roster, id_a), NULL);

	assert_true(is_open(pidfd));
	roster_remove(roster, member);
	assert_false(is_open(pidfd));
}

static void many_members_need_no_descriptors(void **state)
{
	struct roster *roster = *state;
	struct epoch *a = epoch_of(roster, id_a), *b = epoch_of(roster, id_b);

	for (pid_t pid = 1; pid <= MANY; pid++)
		assert_non_null(roster_add(roster, pid, pid % 100 ? -1 : own_pidfd(), a, NULL));
	assert_int_equal(a->group->member_count, MANY);
	assert_int_equal(roster->held_count, HELD_MAX);
	for (pid_t pid = 1; pid <= MANY; pid += 2)
		roster_move(roster, roster_member(roster, pid), b);
	for (pid_t pid = 1; pid <= MANY; pid++)
		assert_ptr_equal(roster_member(roster, pid)->epoch, pid % 2 ? b : a);
	assert_int_equal(a->group->member_count, MANY / 2);
	assert_int_equal(b->member_count, MANY / 2);
	for (pid_t pid = 1; pid <= MANY; pid++)
		roster_remove(roster, roster_member(roster, pid));
	assert_int_equal(a->group->member_count + b->group->member_count, 0);
	assert_null(roster_member(roster, 1));
}

static int register_thread(void **state)
{
	(void)state;
	urcu_memb_register_thread();
	return 0;
}

static int unregister_thread(void **state)
{
	(void)state;
	urcu_memb_unregister_thread();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(groups_are_made_once),
		TEST(an_epoch_is_for_one_group_carrier_and_prior_limit),
		TEST(an_epoch_is_never_used_again),
		TEST(epochs_that_are_used_up_are_no_memory),
		TEST(an_epoch_that_a_mover_left_is_given_to_nobody),
		TEST(a_forwarded_epoch_means_the_other_group),
		TEST(an_epoch_can_be_forwarded_to_the_root),
		TEST(members_are_counted),
		TEST(held_members_stand_before_the_others),
		TEST(a_member_beyond_the_descriptors_is_known_but_not_held),
		TEST(all_but_the_witness_can_be_spared),
		TEST(a_member_that_is_let_go_closes_its_pidfd),
		TEST(many_members_need_no_descriptors),
	};

	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}
