# SPDX-License-Identifier: MIT
"""The file releasable, which the kernel dropped: when its bit is set and cleared (design.md §2.2)."""

import os

import pytest

from support.group import errno_of, write_once

pytestmark = pytest.mark.only("ours")


def releasable(group):
    text = group.read("releasable")
    assert text in (b"0\n", b"1\n")
    return text == b"1\n"


@pytest.fixture
def group(root):
    return root.mkgroup("g").notify()


@pytest.fixture
def set_group(hierarchy, group):
    """/g, whose bit is set."""
    hierarchy.sleeper_in(group).end()
    assert releasable(group)
    return group


@pytest.mark.quick
def test_mode_is_0444_everywhere(root, group):
    assert [root.mode("releasable"), group.mode("releasable")] == [0o444, 0o444]


def test_starts_at_0(root, group):
    assert [releasable(root), releasable(group)] == [False, False]


def test_write_is_refused_by_mode(group):
    assert errno_of(group.write, "releasable", "1") == "EACCES"


def test_write_in_spite_of_mode_is_einval(hierarchy, group):
    hierarchy.user(os.chmod, group.file("releasable"), 0o666)
    assert errno_of(group.write, "releasable", "0") == "EINVAL"


@pytest.mark.quick
def test_last_exit_with_flag_sets(hierarchy, group):
    sleeper = hierarchy.sleeper_in(group)
    assert not releasable(group)
    sleeper.end()
    assert releasable(group)


def test_last_exit_without_flag_does_not_set(hierarchy, group):
    group.notify(0)
    hierarchy.sleeper_in(group).end()
    assert not releasable(group)


def test_exit_of_one_of_two_does_not_set(hierarchy, group):
    first, _ = hierarchy.sleeper_in(group), hierarchy.sleeper_in(group)
    first.end()
    assert not releasable(group)


@pytest.mark.parametrize("flag", [0, 1])
@pytest.mark.parametrize("others", [0, 1])
def test_move_out_sets_whatever_flag_and_others(hierarchy, root, group, flag, others):
    group.notify(flag)
    sleepers = [hierarchy.sleeper_in(group) for _ in range(1 + others)]
    assert not releasable(group)
    root.attach(sleepers[0])
    assert releasable(group)


@pytest.mark.parametrize("flag", [0, 1])
def test_removal_of_child_sets_in_parent(group, flag):
    # root/g/h
    group.notify(flag)
    below = group.mkgroup("h")
    assert not releasable(group)
    below.rmdir()
    assert releasable(group)


def test_removal_of_one_of_two_children_sets(group):
    # root/g/{h,i}
    below = group.mkgroup("h")
    group.mkgroup("i")
    below.rmdir()
    assert releasable(group)


def test_last_exit_while_there_is_a_child_sets(hierarchy, group):
    # root/g/h
    group.mkgroup("h")
    hierarchy.sleeper_in(group).end()
    assert releasable(group)


def test_removal_of_grandchild_does_not_set(group):
    # root/g/h/i
    group.mkgroup("h").mkgroup("i").rmdir()
    assert not releasable(group)


def test_exit_in_child_does_not_set_in_parent(hierarchy, group):
    # root/g/h
    below = group.mkgroup("h")
    hierarchy.sleeper_in(below).end()
    assert releasable(below) and not releasable(group)


@pytest.mark.quick
@pytest.mark.parametrize("text", ["0", "1", "1\n", "+1", "0x1"])
def test_valid_write_to_flag_clears(set_group, text):
    set_group.write("notify_on_release", text)
    assert not releasable(set_group)


@pytest.mark.parametrize("text", [b"x", b"-1", b" 1", b"1" * 30, b"0" * 4097])
def test_invalid_write_to_flag_clears_nothing(set_group, text):
    assert errno_of(set_group.write, "notify_on_release", text) in ("EINVAL", "ERANGE", "E2BIG")
    assert releasable(set_group)


def test_empty_write_to_flag_clears_nothing(hierarchy, set_group):
    assert hierarchy.user(write_once, set_group.file("notify_on_release"), b"") == 0
    assert releasable(set_group)


def test_write_to_clone_children_clears_nothing(set_group):
    set_group.write("cgroup.clone_children", "1")
    assert releasable(set_group)


def test_new_task_clears_nothing(hierarchy, set_group):
    hierarchy.sleeper_in(set_group)
    assert releasable(set_group)


def test_call_of_agent_clears_nothing(hierarchy, agent, group):
    hierarchy.sleeper_in(group).end()
    assert agent.next().path == "/g"
    assert releasable(group)


def test_rename_clears_nothing(set_group):
    set_group.rename("renamed")
    assert releasable(set_group)


def test_move_into_own_group_sets_nothing(hierarchy, group):
    sleeper = hierarchy.sleeper_in(group)
    group.attach(sleeper)
    assert not releasable(group)


def test_refused_move_sets_nothing(hierarchy, root, group, stranger):
    errno_of(group.attach, stranger)
    assert not releasable(root)


def test_move_out_of_root_sets_its_bit(hierarchy, root, group):
    assert not releasable(root)
    hierarchy.sleeper_in(group)
    assert releasable(root)


def test_removal_of_top_level_group_sets_the_roots_bit(root, group):
    group.rmdir()
    assert releasable(root)


def test_bit_of_root_is_cleared_by_its_flag(hierarchy, root, group):
    hierarchy.sleeper_in(group)
    root.notify(0)
    assert not releasable(root)


def test_root_is_never_released_though_its_bit_is_set(hierarchy, root, agent, group):
    root.notify()
    hierarchy.sleeper_in(group)
    assert releasable(root)
    assert agent.calls(hierarchy) == []


def test_new_group_does_not_inherit_the_bit(set_group):
    # root/g/h
    assert not releasable(set_group.mkgroup("h"))


def test_move_of_a_process_with_threads_sets(root, group, task):
    task.thread()
    group.attach(task)
    root.attach(task)
    assert releasable(group)


def test_zombie_attached_sets_nothing(root, group, task):
    task.end()
    group.attach(task)
    assert [releasable(root), releasable(group)] == [False, False]


# ---- what is ours beyond both kernels ----

def events(group):
    return dict(line.split() for line in group.read("cgroup.events").decode().splitlines())


@pytest.mark.quick
def test_events_tell_populated(hierarchy, root, group):
    # root/g/h
    below = group.mkgroup("h")
    assert events(group)["populated"] == "0"
    sleeper = hierarchy.sleeper_in(below)
    assert [events(group)["populated"], events(below)["populated"]] == ["1", "1"]
    sleeper.end()
    assert [events(group)["populated"], events(below)["populated"]] == ["0", "0"]


def test_events_wake_a_poller(hierarchy, group, task):
    sleeper = hierarchy.sleeper_in(group)
    descriptor = task(os.open, group.file("cgroup.events"), os.O_RDONLY)
    assert task(os.read, descriptor, 100) == b"populated 1\n"
    task.start(wait_for_pri, descriptor)
    sleeper.end()
    assert task.finish() is True
    assert task(os.pread, descriptor, 100, 0) == b"populated 0\n"


def wait_for_pri(fd):
    import select
    poller = select.poll()
    poller.register(fd, select.POLLPRI)
    return bool(poller.poll(20000))
