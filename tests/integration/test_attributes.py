# SPDX-License-Identifier: MIT
"""chmod, chown, utimens and what they outlive (kernel behaviour §1.1)."""

import os
import time

import pytest

from support.group import errno_of
from support.waiting import wait_until

SECOND = 10**9
NODES = [".", "tasks", "notify_on_release"]


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("mode", [0o600, 0o444, 0o777, 0])
def test_chmod_is_seen(root, name, mode):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    directory = group.open(".", os.O_RDONLY)
    user(os.chmod, group.file(name), mode)
    status = user(os.fstat, directory) if name == "." else user(os.stat, group.file(name))
    assert status.st_mode & 0o7777 == mode


def test_sane_behavior_made_writable_still_refuses(root):
    user = root.hierarchy.user
    user(os.chmod, root.file("cgroup.sane_behavior"), 0o666)
    assert errno_of(root.write, "cgroup.sane_behavior", b"1") == "EINVAL"


def test_empty_write_to_sane_behavior_is_0(root):
    user = root.hierarchy.user
    user(os.chmod, root.file("cgroup.sane_behavior"), 0o666)
    descriptor = root.open("cgroup.sane_behavior", os.O_WRONLY)
    assert user(os.write, descriptor, b"") == 0


@pytest.mark.parametrize("name", NODES)
def test_utimens_is_seen(root, name):
    group = root.mkgroup("g")
    root.hierarchy.user(os.utime, group.file(name), ns=(123 * SECOND + 5, 456 * SECOND + 7))
    status = group.stat(name)
    assert (status.st_atime_ns, status.st_mtime_ns) == (123 * SECOND + 5, 456 * SECOND + 7)


@pytest.mark.parametrize("function, arguments", [
    (os.utime, (None,)), (os.utime, ((1, 1),)), (os.chmod, (0o700,)), (os.chown, (-1, -1)),
], ids=["now", "utime", "chmod", "chown"])
@pytest.mark.parametrize("name", [".", "tasks"])
def test_change_time_is_set_by(root, name, function, arguments):
    group = root.mkgroup("g")
    before = group.stat(name).st_ctime_ns

    def is_later():
        root.hierarchy.user(function, group.file(name), *arguments)
        return group.stat(name).st_ctime_ns > before

    wait_until(is_later, "a later change time")  # the clock of file times has a coarse tick


@pytest.mark.parametrize("name", NODES)
def test_attributes_outlive_rename(root, name):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    user(os.chmod, group.file(name), 0o700)
    user(os.utime, group.file(name), ns=(SECOND, 2 * SECOND))
    group.rename("renamed")
    status = group.stat(name)
    assert (status.st_mode & 0o7777, status.st_mtime_ns) == (0o700, 2 * SECOND)


def test_attributes_vanish_with_rmdir(root):
    group = root.mkgroup("g")
    root.hierarchy.user(os.chmod, group.file("tasks"), 0o600)
    group.rmdir()
    assert root.mkgroup("g").mode("tasks") == 0o644


def test_attributes_are_not_inherited(root):
    # root/g/h
    group = root.mkgroup("g")
    root.hierarchy.user(os.chmod, group.file("tasks"), 0o600)
    assert group.mkgroup("h").mode("tasks") == 0o644


def test_attributes_are_per_node(root):
    group = root.mkgroup("g")
    root.hierarchy.user(os.chmod, group.path, 0o700)
    root.hierarchy.user(os.chmod, group.file("tasks"), 0o600)
    assert [group.mode(name) for name in (".", "tasks", "cgroup.procs")] == [0o700, 0o600, 0o644]


def test_write_changes_no_time(root):
    group = root.mkgroup("g")
    root.hierarchy.user(os.utime, group.file("notify_on_release"), ns=(SECOND, SECOND))
    before = group.stat("notify_on_release")
    group.notify()
    after = group.stat("notify_on_release")
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)


def test_attach_changes_no_time(root, task):
    group = root.mkgroup("g")
    root.hierarchy.user(os.utime, group.path, ns=(SECOND, SECOND))
    before = group.stat()
    group.attach(task)
    assert group.stat().st_mtime_ns == before.st_mtime_ns


def child_changes_times_of(group, by):
    # group/h
    before = group.stat().st_mtime_ns
    group.mkgroup("h", by=by).rmdir(by=by)
    return group.stat().st_mtime_ns > before


@pytest.mark.needs("no-root")
def test_child_changes_times_of_parent(root):
    group = root.mkgroup("g")
    wait_until(lambda: child_changes_times_of(group, None), "a later time of the parent")


@pytest.mark.open_to_all
def test_child_changes_no_time_of_a_parent_of_roots(root, admin):
    group = root.mkgroup("g", by=admin)
    before = group.stat()
    group.mkgroup("h", by=admin)
    wait_until(lambda: time.time_ns() > before.st_mtime_ns + SECOND // 50, "a tick of the clock")
    group.mkgroup("i", by=admin).rmdir(by=admin)
    assert group.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("change", ["mkdir", "rmdir"])
def test_child_changes_times_of_touched_parent(root, change):
    # root/g/old
    group = root.mkgroup("g")
    below = group.mkgroup("old")
    root.hierarchy.user(os.utime, group.path, ns=(SECOND, SECOND))
    if change == "mkdir":
        group.mkgroup("new")
    else:
        below.rmdir()
    assert group.stat().st_mtime_ns > SECOND


@pytest.mark.parametrize("name, is_set", [(".", True), ("tasks", False)])
def test_rmdir_sets_times_of_touched_group(root, name, is_set):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    user(os.utime, group.file(name), ns=(SECOND, SECOND))
    descriptor = group.open(name, os.O_RDONLY)
    group.rmdir()
    assert (user(os.fstat, descriptor).st_mtime_ns > SECOND) is is_set


def test_rename_of_child_changes_no_time_of_parent(root):
    # root/g/old
    group = root.mkgroup("g")
    below = group.mkgroup("old")
    root.hierarchy.user(os.utime, group.path, ns=(SECOND, SECOND))
    below.rename("new")
    assert group.stat().st_mtime_ns == SECOND


@pytest.mark.parametrize("name", NODES)
def test_chown_to_own_group_succeeds(root, sandbox, name):
    group = root.mkgroup("g")
    assert errno_of(root.hierarchy.user, os.chown, group.file(name), -1, sandbox.gid) == "ok"


@pytest.mark.needs("ids")
@pytest.mark.parametrize("uid, gid", [(0, -1), (2000, -1), (-1, 2000)])
def test_chown_to_others_is_eperm(root, uid, gid):
    group = root.mkgroup("g")
    assert errno_of(root.hierarchy.user, os.chown, group.path, uid, gid) == "EPERM"


def test_setgid_directory_passes_on_group_and_bit(root):
    # root/g/h
    group = root.mkgroup("g")
    root.hierarchy.user(os.chmod, group.path, 0o2755)
    assert group.mkgroup("h").mode() == 0o2755


@pytest.mark.parametrize("flags, expected", [
    (os.O_WRONLY, 0o6755), (os.O_WRONLY | os.O_TRUNC, 0o755), (os.O_RDONLY, 0o6755),
], ids=["write", "truncate", "read"])
def test_set_id_bits_after_opening_to(root, flags, expected):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    user(os.chmod, group.file("notify_on_release"), 0o6755)
    descriptor = group.open("notify_on_release", flags)
    if flags & os.O_WRONLY:
        user(os.write, descriptor, b"1")
    assert oct(group.mode("notify_on_release")) == oct(expected)


def test_mode_of_removed_group_can_be_set(root):
    group = root.mkgroup("g")
    directory = group.open(".", os.O_RDONLY)
    group.rmdir()
    user = root.hierarchy.user
    user(os.fchmod, directory, 0o700)
    assert user(os.fstat, directory).st_mode & 0o7777 == 0o700


def test_owner_of_directory_without_bits_is_refused(root):
    group = root.mkgroup("g")
    root.hierarchy.user(os.chmod, group.path, 0)
    assert [errno_of(group.list), errno_of(group.mkgroup, "x"), errno_of(group.stat, "tasks")] == \
        ["EACCES"] * 3
