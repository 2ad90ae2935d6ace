# SPDX-License-Identifier: MIT
"""Where new tasks start, and who is listed (kernel behaviour §4, §5)."""

import os
import signal

import pytest

from support.group import errno_of, read_whole
from support.waiting import wait_until


@pytest.fixture
def member(root, task):
    """A task in /g."""
    root.mkgroup("g").attach(task)
    return task


@pytest.fixture
def group(root, member):
    return root.child("g")


@pytest.mark.quick
def test_fork_inherits(group, member):
    child = member.fork()
    assert group.procs() == sorted([member.pid, child.pid])


def test_double_fork_and_setsid_inherit(group, member):
    child = member.fork()
    child(os.setsid)
    daemon = child.fork()
    child.exit()
    member.exit()
    assert group.procs() == [daemon.pid]


def test_generations_inherit(group, member):
    tasks = [member]
    for _ in range(6):
        tasks.append(tasks[-1].fork())
    assert group.procs() == sorted(task.pid for task in tasks)


def test_orphan_of_a_dead_line_is_listed(group, member):
    task = member
    for _ in range(6):
        child = task.fork()
        task.end()
        task = child
    assert group.procs() == [task.pid]


def test_new_thread_inherits(group, member):
    thread = member.thread()
    assert group.tasks() == sorted([member.tid, thread.tid])
    assert group.procs() == [member.pid]


def test_fork_by_a_thread_inherits(group, member):
    child = member.thread().fork()
    assert group.procs() == sorted([member.pid, child.pid])


@pytest.mark.parametrize("flag", [0, 1], ids=["same-session", "new-session"])
def test_posix_spawn_inherits(group, member, flag):
    pid = member(spawn_sleep, flag)
    assert group.procs() == sorted([member.pid, pid])


def spawn_sleep(setsid):
    return os.posix_spawn("/bin/sleep", ["sleep", "1000"], {}, setsid=bool(setsid))


def test_cleared_environment_and_working_directory_do_not_matter(group, member):
    member(os.chdir, "/")
    pid = member(os.posix_spawn, "/usr/bin/env", ["env", "-i", "/bin/sleep", "1000"], {})
    assert group.procs() == sorted([member.pid, pid])


def test_moving_the_parent_leaves_the_children(root, group, member):
    # root/{g,h}
    child = member.fork()
    other = root.mkgroup("h")
    other.attach(member)
    assert (group.procs(), other.procs()) == ([child.pid], [member.pid])
    grandchild = child.fork()
    assert group.procs() == sorted([child.pid, grandchild.pid])


def test_child_of_a_moved_task_starts_in_the_new_group(root, group, member):
    # root/{g,h}
    other = root.mkgroup("h")
    other.attach(member)
    child = member.fork()
    assert (group.procs(), other.procs()) == ([], sorted([member.pid, child.pid]))


def test_child_of_a_task_moved_to_the_root_is_in_the_root(root, group, member):
    root.attach(member)
    child = member.fork()
    assert group.procs() == [] and child.pid in root.procs()


@pytest.mark.quick
def test_exec_keeps_the_group(hierarchy, root):
    group = root.mkgroup("g")
    program = hierarchy.shape("exec")
    group.attach(program)
    assert program.go() == [program.pid]
    assert group.tasks() == [program.pid]


def test_exec_by_another_thread_keeps_the_process(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    program = hierarchy.shape("thread-exec")
    group.attach(program)
    assert program.go() == [program.pid]
    assert group.tasks() == [program.pid]
    assert agent.calls(hierarchy) == []


def test_vfork_child_is_listed_with_its_suspended_parent(hierarchy, root):
    group = root.mkgroup("g")
    program = hierarchy.shape("vfork")
    group.attach(program)
    parent, child = program.go()
    assert group.procs() == sorted([parent, child])


def test_vfork_child_alone_keeps_group_populated(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    program = hierarchy.shape("vfork")
    group.attach(program)
    parent, child = program.go()
    os.kill(parent, signal.SIGKILL)
    wait_until(lambda: parent not in group.procs(), "the end of the parent")
    assert group.procs() == [child]
    assert agent.calls(hierarchy) == []


# ---- who is listed ----

def test_stopped_task_is_listed(group, member):
    os.kill(member.pid, signal.SIGSTOP)
    assert group.tasks() == [member.pid]
    assert errno_of(group.rmdir) == "EBUSY"


def test_zombie_is_not_listed(group, member):
    assert group.tasks() == [member.pid]
    member.end()
    assert (group.tasks(), group.procs()) == ([], [])


def test_zombie_of_a_living_parent_is_not_listed(group, member):
    child = member.fork()
    assert child.pid in group.procs()
    child.exit()
    assert group.procs() == [member.pid]


def test_exited_thread_is_not_listed(group, member):
    thread = member.thread()
    assert thread.tid in group.tasks()
    thread.exit()
    assert group.tasks() == [member.tid]


def test_zombie_leader_is_listed_as_process_not_as_task(group, member):
    thread = member.thread()
    member.exit_leader()
    assert (group.tasks(), group.procs()) == ([thread.tid], [member.pid])


def test_children_groups_tasks_are_not_included(root, group, member):
    # root/g/h
    below = group.mkgroup("h")
    child = member.fork()
    below.attach(child)
    assert (group.procs(), below.procs()) == ([member.pid], [child.pid])


def test_root_lists_who_is_in_no_group(hierarchy, root, group, member):
    other = hierarchy.sleeper()
    listed = root.procs()
    assert other.pid in listed and 1 in listed and member.pid not in listed


def test_root_lists_kernel_threads(root):
    assert 2 in root.procs()


def test_lists_are_ascending(hierarchy, root):
    group = root.mkgroup("g")
    sleepers = [hierarchy.sleeper() for _ in range(8)]
    for sleeper in reversed(sleepers):
        group.attach(sleeper)
    listed = group.read("tasks")
    assert listed == b"".join(b"%d\n" % pid for pid in sorted(s.pid for s in sleepers))


def test_root_list_is_ascending(root):
    listed = root.procs()
    assert listed == sorted(set(listed))


def test_empty_group_lists_nothing(root):
    group = root.mkgroup("g")
    assert (group.read("tasks"), group.read("cgroup.procs")) == (b"", b"")


def test_long_list_comes_in_whole_lines(hierarchy, root):
    group = root.mkgroup("g")
    parent = hierarchy.shape("children", "900")
    group.attach(parent)
    pids = sorted([parent.pid, *parent.go()])
    descriptor = group.open("tasks")
    parts = []
    while part := hierarchy.user(os.read, descriptor, 100000):
        parts.append(part)
    assert b"".join(parts) == b"".join(b"%d\n" % pid for pid in pids)
    assert all(part.endswith(b"\n") for part in parts) and len(parts) > 1


def test_members_list_themselves(group, member):
    assert member(read_whole, group.file("tasks")) == b"%d\n" % member.pid


def test_process_with_many_threads_is_one_process(group, member):
    threads = [member.thread() for _ in range(20)]
    assert group.procs() == [member.pid]
    assert group.tasks() == sorted([member.tid] + [thread.tid for thread in threads])
