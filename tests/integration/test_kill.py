# SPDX-License-Identifier: MIT
"""cgroup.kill, which only cgroup v2 has (design.md §2.2): all who are in the group die."""

import os

import pytest

from support.group import errno_of, write_once
from support.waiting import wait_until

pytestmark = pytest.mark.only("ours")


@pytest.fixture
def group(root):
    return root.mkgroup("g")


def test_kill_ends_all_members(hierarchy, group, task):
    # root/g/h
    group.attach(task)
    child = task.fork()
    below = hierarchy.sleeper_in(group.mkgroup("h"))
    group.write("cgroup.kill", "1")
    for process in (task, child, below):
        process.wait_dead()
    assert group.tasks() == []


def test_kill_by_a_member_ends_it_too(group, task):
    group.attach(task)
    child = task.fork()
    task.start(write_once, group.file("cgroup.kill"), b"1")
    for process in (task, child):
        process.wait_dead()
    assert group.tasks() == []


def read_for_ever(path, mark):
    """The mark is set when it is under way."""
    while True:
        with open(path, "rb") as file:
            file.read()
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT, 0o600))


def test_kill_of_members_in_the_midst_of_requests(hierarchy, root, group, sandbox):
    readers = [hierarchy.task() for _ in range(8)]
    marks = [os.path.join(sandbox.folder(), "mark") for _ in readers]
    for reader, mark in zip(readers, marks):
        group.attach(reader)
        reader.start(read_for_ever, group.file("tasks"), mark)
    wait_until(lambda: all(map(os.path.exists, marks)), "all to be reading")
    group.write("cgroup.kill", "1")
    for reader in readers:
        reader.wait_dead()
    assert (group.tasks(), root.mkgroup("h").tasks()) == ([], [])


@pytest.mark.parametrize("text, expected", [("0", "ERANGE"), ("2", "ERANGE"), ("x", "EINVAL")])
def test_kill_refuses(hierarchy, group, text, expected):
    sleeper = hierarchy.sleeper_in(group)
    assert errno_of(group.write, "cgroup.kill", text) == expected
    assert group.tasks() == [sleeper.pid]


def test_kill_cannot_be_read(group):
    assert group.mode("cgroup.kill") == 0o200
    assert errno_of(group.read, "cgroup.kill") == "EACCES"


def test_root_has_no_kill(root):
    assert errno_of(root.stat, "cgroup.kill") == "ENOENT"
