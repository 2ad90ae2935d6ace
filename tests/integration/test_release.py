# SPDX-License-Identifier: MIT
"""When the release agent is called (kernel behaviour §6.1)."""

import os
import signal

import pytest

from support.group import errno_of, write_once
from support.waiting import wait_until


@pytest.mark.quick
def test_last_exit_calls_once(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    hierarchy.sleeper_in(group).exit()
    assert agent.calls(hierarchy) == ["/g"]


def test_last_death_by_sigkill_calls_once(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    hierarchy.sleeper_in(group).end()
    assert agent.calls(hierarchy) == ["/g"]


def test_reaping_adds_no_call(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    task = hierarchy.sleeper_in(group).end()
    agent.barrier(hierarchy)
    task.reap()
    assert agent.calls(hierarchy) == ["/g"]


@pytest.mark.quick
@pytest.mark.parametrize("file", ["tasks", "cgroup.procs"])
def test_last_move_away_calls_once(hierarchy, root, agent, file):
    group = root.mkgroup("g").notify()
    task = hierarchy.sleeper_in(group)
    root.write(file, str(task.pid))
    assert agent.calls(hierarchy) == ["/g"]


def test_move_between_siblings_calls_for_the_source(hierarchy, root, agent):
    # root/{g,h}
    g, h = (root.mkgroup(name).notify() for name in "gh")
    task = hierarchy.sleeper_in(g)
    h.attach(task)
    assert agent.calls(hierarchy) == ["/g"]


def test_only_the_last_of_several_exits_calls(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    tasks = [hierarchy.sleeper_in(group) for _ in range(3)]
    for task in tasks[:2]:
        task.exit()
    assert agent.calls(hierarchy) == []
    tasks[2].exit()
    assert agent.calls(hierarchy) == ["/g"]


def test_only_the_last_of_several_moves_calls(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    tasks = [hierarchy.sleeper_in(group) for _ in range(2)]
    root.attach(tasks[0])
    assert agent.calls(hierarchy) == []
    root.attach(tasks[1])
    assert agent.calls(hierarchy) == ["/g"]


def test_exit_of_one_thread_calls_nothing(hierarchy, root, task, agent):
    group = root.mkgroup("g").notify()
    thread = task.thread()
    group.attach(task)
    thread.exit()
    assert agent.calls(hierarchy) == []


def test_exit_of_leader_with_live_thread_calls_nothing(hierarchy, root, task, agent):
    group = root.mkgroup("g").notify()
    thread = task.thread()
    group.attach(task)
    task.exit_leader()
    assert agent.calls(hierarchy) == []
    thread.end()
    assert agent.calls(hierarchy) == ["/g"]


def test_orphan_keeps_group_populated(hierarchy, root, task, agent):
    group = root.mkgroup("g").notify()
    group.attach(task)
    child = task.fork()
    task.exit()
    assert agent.calls(hierarchy) == []
    child.exit()
    assert agent.calls(hierarchy) == ["/g"]


def test_last_child_removed_calls_for_parent(hierarchy, root, agent):
    # root/g/h
    group = root.mkgroup("g")
    below = group.mkgroup("h")
    group.notify()
    below.rmdir()
    assert agent.calls(hierarchy) == ["/g"]


@pytest.mark.parametrize("flag", ["0", "1"])
def test_flag_of_removed_child_does_not_matter(hierarchy, root, agent, flag):
    # root/g/h
    group = root.mkgroup("g").notify()
    below = group.mkgroup("h")
    below.write("notify_on_release", flag)
    below.rmdir()
    assert agent.calls(hierarchy) == ["/g"]


def test_one_of_two_children_removed_calls_nothing(hierarchy, root, agent):
    # root/g/{h,i}
    group = root.mkgroup("g").notify()
    h, i = group.mkgroup("h"), group.mkgroup("i")
    h.rmdir()
    assert agent.calls(hierarchy) == []
    i.rmdir()
    assert agent.calls(hierarchy) == ["/g"]


def test_child_removed_while_parent_has_task_calls_nothing(hierarchy, root, agent):
    # root/g/h
    group = root.mkgroup("g").notify()
    below = group.mkgroup("h")
    task = hierarchy.sleeper_in(group)
    below.rmdir()
    assert agent.calls(hierarchy) == []
    task.exit()
    assert agent.calls(hierarchy) == ["/g"]


def test_exit_while_group_has_child_calls_nothing(hierarchy, root, agent):
    # root/g/h
    group = root.mkgroup("g").notify()
    below = group.mkgroup("h")
    hierarchy.sleeper_in(group).exit()
    assert agent.calls(hierarchy) == []
    below.rmdir()
    assert agent.calls(hierarchy) == ["/g"]


@pytest.mark.quick
@pytest.mark.parametrize("way", ["exit", "end"])
def test_child_made_right_after_the_last_exit_comes_too_late(hierarchy, root, agent, way):
    """For the group was due already."""
    groups = [root.mkgroup(f"g{i}").notify() for i in range(20)]
    for group in groups:
        getattr(hierarchy.sleeper_in(group), way)()
        group.mkgroup("child")
    assert sorted(agent.calls(hierarchy)) == sorted(group.name for group in groups)


# Root's tasks may choose their pids, so that it takes a moment to know that none is left.
@pytest.mark.by_root
def test_child_made_right_after_the_last_move_comes_too_late(hierarchy, root, agent):
    groups = [root.mkgroup(f"g{i}").notify() for i in range(20)]
    for group in groups:
        task = hierarchy.sleeper_in(group)
        root.attach(task)
        group.mkgroup("child")
    assert sorted(agent.calls(hierarchy)) == sorted(group.name for group in groups)


def test_failed_rmdir_calls_nothing(hierarchy, root, agent):
    # root/g/h
    group = root.mkgroup("g").notify()
    below = group.mkgroup("h")
    hierarchy.sleeper_in(below)
    assert errno_of(below.rmdir) == "EBUSY"
    assert agent.calls(hierarchy) == []


def test_child_emptied_calls_only_for_child(hierarchy, root, agent):
    # root/g/h
    group = root.mkgroup("g").notify()
    below = group.mkgroup("h")
    hierarchy.sleeper_in(below).exit()
    assert agent.calls(hierarchy) == ["/g/h"]


def test_child_without_flag_emptied_calls_nothing(hierarchy, root, agent):
    # root/g/h
    group = root.mkgroup("g").notify()
    below = group.mkgroup("h")
    below.notify(0)
    hierarchy.sleeper_in(below).exit()
    assert agent.calls(hierarchy) == []


def test_rmdir_of_emptied_group_calls_nothing_more(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    hierarchy.sleeper_in(group).exit()
    agent.barrier(hierarchy)
    group.rmdir()
    assert agent.calls(hierarchy) == ["/g"]


def test_grandchild_removed_calls_for_its_parent_only(hierarchy, root, agent):
    # root/g/h/i
    group = root.mkgroup("g").notify()
    below = group.mkgroup("h")
    below.mkgroup("i").rmdir()
    assert agent.calls(hierarchy) == ["/g/h"]
    below.rmdir()
    assert agent.calls(hierarchy) == ["/g", "/g/h"]


def test_flag_set_on_unused_group_calls_nothing(hierarchy, root, agent):
    root.mkgroup("g").notify()
    assert agent.calls(hierarchy) == []


def test_flag_set_after_emptying_calls_nothing(hierarchy, root, agent):
    group = root.mkgroup("g")
    hierarchy.sleeper_in(group).exit()
    group.notify()
    assert agent.calls(hierarchy) == []


def test_flag_rewritten_calls_nothing(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    hierarchy.sleeper_in(group).exit()
    agent.barrier(hierarchy)
    group.notify()
    assert agent.calls(hierarchy) == ["/g"]


def test_flag_set_while_task_is_inside_counts(hierarchy, root, agent):
    group = root.mkgroup("g")
    task = hierarchy.sleeper_in(group)
    group.notify()
    task.exit()
    assert agent.calls(hierarchy) == ["/g"]


def test_flag_cleared_while_task_is_inside_counts(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    task = hierarchy.sleeper_in(group)
    group.notify(0)
    task.exit()
    assert agent.calls(hierarchy) == []


@pytest.mark.parametrize("file", ["tasks", "cgroup.procs"])
def test_move_into_own_group_calls_nothing(hierarchy, root, agent, file):
    group = root.mkgroup("g").notify()
    task = hierarchy.sleeper_in(group)
    group.write(file, str(task.pid))
    assert agent.calls(hierarchy) == []


def test_group_made_and_removed_unused_calls_nothing(hierarchy, root, agent):
    root.mkgroup("g").notify().rmdir()
    assert agent.calls(hierarchy) == []


def test_root_is_never_released(hierarchy, root, agent):
    root.notify()
    root.mkgroup("g").rmdir()
    task = hierarchy.task()
    root.attach(task)
    task.exit()
    assert agent.calls(hierarchy) == []


def test_group_is_released_again_after_reuse(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    for count in range(1, 4):
        hierarchy.sleeper_in(group).exit()
        assert agent.calls(hierarchy) == ["/g"] * count


def test_agent_of_renamed_group_is_told_the_new_name(hierarchy, root, agent):
    group = root.mkgroup("old").notify()
    task = hierarchy.sleeper_in(group)
    group.rename("new")
    task.exit()
    assert agent.calls(hierarchy) == ["/new"]


def test_name_of_parent_renamed_is_told(hierarchy, root, agent):
    # root/g/h
    group = root.mkgroup("g")
    below = group.mkgroup("h").notify()
    task = hierarchy.sleeper_in(below)
    group.rename("renamed")
    task.exit()
    assert agent.calls(hierarchy) == ["/renamed/h"]


def test_whole_process_moved_calls_once(hierarchy, root, task, agent):
    group = root.mkgroup("g").notify()
    for _ in range(3):
        task.thread()
    group.attach(task)
    root.attach(task)
    assert agent.calls(hierarchy) == ["/g"]


def test_process_of_several_threads_killed_calls_once(hierarchy, root, task, agent):
    group = root.mkgroup("g").notify()
    for _ in range(3):
        task.thread()
    group.attach(task)
    task.end()
    assert agent.calls(hierarchy) == ["/g"]


def test_failed_exec_in_group_calls_nothing(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    task = hierarchy.task()
    group.attach(task)
    assert errno_of(task, os.execv, "/missing", ["/missing"]) == "ENOENT"
    assert agent.calls(hierarchy) == []


def test_self_attach_then_exit_calls_once(hierarchy, root, task, agent):
    group = root.mkgroup("g").notify()
    task(write_once, group.file("tasks"), b"0")
    task.exit()
    assert agent.calls(hierarchy) == ["/g"]


def test_100_groups_emptied_at_once_call_once_each(hierarchy, root, agent):
    names = [f"/g{number:03}" for number in range(100)]
    sleepers = [hierarchy.sleeper_in(root.mkgroup(name[1:]).notify()) for name in names]
    for sleeper in sleepers:
        os.kill(sleeper.pid, signal.SIGKILL)
    # Seen of the kernel: a sentinel that died later was called for before 42 of these.
    wait_until(lambda: len(agent.so_far()) >= len(names),
               lambda: f"a call for each group ({len(agent.so_far())} so far)")
    assert agent.calls(hierarchy) == names
