# SPDX-License-Identifier: MIT
"""flock(2) and record locks, on directories and control files (kernel behaviour §1.5)."""

import fcntl
import os

import pytest

from support.group import errno_of

SHARED, EXCLUSIVE, UNLOCK = (kind | fcntl.LOCK_NB for kind in
                             (fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN))


class Holder:
    """A file that a task has open."""

    def __init__(self, task, path, flags):
        self.task = task
        self.descriptor = task(os.open, path, flags)

    def flock(self, kind):
        return errno_of(self.task, fcntl.flock, self.descriptor, kind)

    def lock_record(self, kind, length=0, start=0):
        return errno_of(self.task, fcntl.lockf, self.descriptor, kind, length, start)

    def close(self):
        self.task(os.close, self.descriptor)


@pytest.fixture
def holders(root, task):
    """The same file, open in two processes."""
    group = root.mkgroup("g")

    def holders(name, flags):
        return [Holder(by, group.file(name), flags) for by in (root.hierarchy.user, task)]
    return holders


NODES = pytest.mark.parametrize("name", [".", "tasks", "notify_on_release"])


@NODES
@pytest.mark.parametrize("first, second, expected", [
    (EXCLUSIVE, EXCLUSIVE, "EAGAIN"), (EXCLUSIVE, SHARED, "EAGAIN"), (SHARED, EXCLUSIVE, "EAGAIN"),
    (SHARED, SHARED, "ok"), (UNLOCK, EXCLUSIVE, "ok"),
], ids=["ex-ex", "ex-sh", "sh-ex", "sh-sh", "un-ex"])
def test_flock_beside_another_gives(holders, name, first, second, expected):
    one, other = holders(name, os.O_RDONLY)
    assert [one.flock(first), other.flock(second)] == ["ok", expected]


@NODES
@pytest.mark.parametrize("release", [lambda one: one.flock(UNLOCK), lambda one: one.flock(SHARED),
                                     Holder.close], ids=["unlock", "downgrade", "close"])
def test_flock_is_free_after(holders, name, release):
    one, other = holders(name, os.O_RDONLY)
    one.flock(EXCLUSIVE)
    release(one)
    assert other.flock(SHARED) == "ok"


@NODES
def test_flock_waits_for_its_turn(holders, name):
    one, other = holders(name, os.O_RDONLY)
    one.flock(EXCLUSIVE)
    other.task.start(fcntl.flock, other.descriptor, fcntl.LOCK_EX)
    one.flock(UNLOCK)
    assert errno_of(other.task.finish) == "ok" and one.flock(SHARED) == "EAGAIN"


def test_flocks_of_two_files_are_independent(root):
    group = root.mkgroup("g")
    one, other = (Holder(root.hierarchy.user, group.file(name), os.O_RDONLY)
                  for name in ("tasks", "cgroup.procs"))
    assert [one.flock(EXCLUSIVE), other.flock(EXCLUSIVE)] == ["ok", "ok"]


def test_end_of_its_process_frees_a_flock(holders):
    one, other = holders("tasks", os.O_RDONLY)
    other.flock(EXCLUSIVE)
    other.task.end()
    assert one.flock(EXCLUSIVE) == "ok"


@pytest.mark.parametrize("first, second, expected", [
    (EXCLUSIVE, EXCLUSIVE, "EAGAIN"), (EXCLUSIVE, SHARED, "EAGAIN"), (SHARED, EXCLUSIVE, "EAGAIN"),
    (SHARED, SHARED, "ok"),
], ids=["ex-ex", "ex-sh", "sh-ex", "sh-sh"])
def test_record_lock_beside_another_gives(holders, first, second, expected):
    one, other = holders("tasks", os.O_RDWR)
    assert [one.lock_record(first), other.lock_record(second)] == ["ok", expected]


def test_record_locks_of_other_bytes_do_not_matter(holders):
    one, other = holders("tasks", os.O_RDWR)
    assert [one.lock_record(EXCLUSIVE, 10), other.lock_record(EXCLUSIVE, 10, 10),
            other.lock_record(EXCLUSIVE, 10, 9)] == ["ok", "ok", "EAGAIN"]


def test_record_lock_waits_for_its_turn(holders):
    one, other = holders("tasks", os.O_RDWR)
    one.lock_record(EXCLUSIVE)
    other.task.start(fcntl.lockf, other.descriptor, fcntl.LOCK_EX)
    one.close()
    assert errno_of(other.task.finish) == "ok"


@pytest.mark.parametrize("name, flags, kind, expected", [
    (".", os.O_RDONLY, SHARED, "ok"), (".", os.O_RDONLY, EXCLUSIVE, "EBADF"),
    ("tasks", os.O_RDONLY, SHARED, "ok"), ("tasks", os.O_RDONLY, EXCLUSIVE, "EBADF"),
    ("tasks", os.O_WRONLY, EXCLUSIVE, "ok"), ("tasks", os.O_WRONLY, SHARED, "EBADF"),
])
def test_record_lock_needs_the_right_to_read_or_write(holders, name, flags, kind, expected):
    assert holders(name, flags)[0].lock_record(kind) == expected


@NODES
def test_lock_of_a_removed_group_still_works(root, name):
    group = root.mkgroup("g")
    one, other = (Holder(root.hierarchy.user, group.file(name), os.O_RDONLY) for _ in range(2))
    group.rmdir()
    assert [one.flock(EXCLUSIVE), other.flock(EXCLUSIVE)] == ["ok", "EAGAIN"]
