# SPDX-License-Identifier: MIT
"""Numbers are those of the pid namespace of whoever reads or writes (kernel behaviour §2.1, §3)."""

import pytest

from support import libc
from support.group import errno_of


@pytest.fixture
def first(task):
    """The first process of a pid namespace below ours."""
    task(libc.unshare, libc.CLONE_NEWUSER | libc.CLONE_NEWPID)
    return task.fork()


@pytest.fixture
def second(first):
    """Its child, which it knows as 2."""
    child = first.fork_below()
    assert child.number == 2 != child.pid
    return child


@pytest.fixture
def group(root, hierarchy, first, second):
    """/g with both of them and a task of our namespace."""
    group = root.mkgroup("g")
    for member in (first, second, hierarchy.sleeper()):
        group.attach(member)
    return group


def read_by(group, task):
    return [group.read(name, by=task) for name in ("tasks", "cgroup.procs")]


def test_reader_sees_his_numbers(group, first):
    assert read_by(group, first) == [b"1\n2\n"] * 2


def test_reader_above_sees_all(group, first, second):
    assert len(group.tasks()) == 3 and {first.pid, second.pid} < set(group.procs())


def test_reader_sees_none_of_a_namespace_above(root, hierarchy, first):
    group = root.mkgroup("outside")
    hierarchy.sleeper_in(group)
    assert read_by(group, first) == [b""] * 2


def test_reader_sees_none_of_another_namespace(root, hierarchy, first):
    other = hierarchy.task()
    other(libc.unshare, libc.CLONE_NEWUSER | libc.CLONE_NEWPID)
    group = root.mkgroup("elsewhere")
    group.attach(other.fork())
    assert read_by(group, first) == [b""] * 2


def test_reader_sees_a_namespace_below_his(group, first, second):
    second(libc.unshare, libc.CLONE_NEWPID)
    third = second.fork_below()
    assert read_by(group, first) == [b"1\n2\n3\n"] * 2
    assert read_by(group, third) == [b"1\n"] * 2


def test_threads_have_numbers_of_their_own(group, second):
    second.thread()
    assert group.read("tasks", by=second) == b"1\n2\n3\n"
    assert group.read("cgroup.procs", by=second) == b"1\n2\n"


def test_number_written_is_the_writers(root, first, second):
    group = root.mkgroup("g")
    group.attach(second.number, by=first)
    assert group.procs() == [second.pid]


def test_writer_may_name_himself(root, second):
    group = root.mkgroup("g")
    group.attach(second.number, by=second)
    assert group.procs() == [second.pid]


def test_writer_may_write_0(root, second):
    group = root.mkgroup("g")
    group.attach(0, by=second)
    assert group.procs() == [second.pid]


def test_writer_names_nobody_above(root, hierarchy, first):
    group = root.mkgroup("g")
    sleeper = hierarchy.sleeper()
    assert errno_of(group.attach, sleeper.pid, by=first) == "ESRCH"
    assert group.procs() == []


@pytest.mark.only("ours")
@pytest.mark.arguments("--without=pidns-numbers")
def test_proc_tells_numbers_where_the_kernel_does_not(root, hierarchy, group, first, second):
    assert read_by(group, first) == [b"1\n2\n"] * 2
    other = root.mkgroup("other")
    other.attach(second.number, by=first)
    assert other.procs() == [second.pid]
    assert errno_of(other.attach, hierarchy.sleeper().pid, by=first) == "ESRCH"
    second(libc.unshare, libc.CLONE_NEWPID)
    third = second.fork_below()
    assert [read_by(other, task) for task in (first, third)] == [[b"2\n3\n"] * 2, [b"1\n"] * 2]
