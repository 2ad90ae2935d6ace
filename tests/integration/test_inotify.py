# SPDX-License-Identifier: MIT
"""What inotify(7) tells (kernel behaviour §1.7)."""

import os

import pytest

from support import libc
from support.group import errno_of, read_whole, write_once


@pytest.fixture
def tree(root):
    # root/g/h
    root.mkgroup("g").mkgroup("h")
    return root


@pytest.fixture
def events(tree):
    """The events at a path that an operation brings about, be it successful or not."""
    user = tree.hierarchy.user

    def events(watched, function, *names):
        arguments = [tree.file(name) if isinstance(name, str) else name for name in names]
        descriptor = user(libc.inotify, tree.file(watched), libc.IN_ALL_EVENTS)
        events.outcome = errno_of(user, function, *arguments)
        return user(libc.inotify_events, descriptor)
    return events


# ---- directories ----

def test_mkdir_is_create(events):
    assert events(".", os.mkdir, "new") == [("CREATE|ISDIR", "new")]


def test_rmdir_is_delete(events):
    assert events("g", os.rmdir, "g/h") == [("DELETE|ISDIR", "h")]


def test_mkdir_further_below_is_nothing(events):
    assert events(".", os.mkdir, "g/new") == []


def test_rename_is_moved_from_and_moved_to(events):
    assert events(".", os.rename, "g", "new") == \
        [("MOVED_FROM|ISDIR", "g"), ("MOVED_TO|ISDIR", "new")]


def test_rename_is_move_self_to_the_group(events):
    assert events("g", os.rename, "g", "new") == [("MOVE_SELF", "")]


def test_rename_to_the_same_name_is_nothing(events):
    assert events(".", os.rename, "g", "g") == []


def test_rmdir_is_nothing_to_the_group(events):
    assert events("g/h", os.rmdir, "g/h") == []


def test_rmdir_is_nothing_to_a_file_of_the_group(events):
    assert events("g/h/tasks", os.rmdir, "g/h") == []


def test_list_is_open_access_and_close(events):
    assert events("g", os.listdir, "g") == \
        [("OPEN|ISDIR", ""), ("ACCESS|ISDIR", ""), ("CLOSE_NOWRITE|ISDIR", "")]


# ---- control files ----

def test_read_is_open_access_and_close(events):
    assert events("g/notify_on_release", read_whole, "g/notify_on_release") == \
        [("OPEN", ""), ("ACCESS", ""), ("CLOSE_NOWRITE", "")]


def test_read_of_an_empty_list_is_no_access(events):
    assert events("g/tasks", read_whole, "g/tasks") == [("OPEN", ""), ("CLOSE_NOWRITE", "")]


def test_write_is_open_modify_and_close(events):
    assert events("g/notify_on_release", write_once, "g/notify_on_release", b"1") == \
        [("OPEN", ""), ("MODIFY", ""), ("CLOSE_WRITE", "")]


@pytest.mark.parametrize("data, outcome", [(b"x", "EINVAL"), (b"", "ok")])
def test_write_without_effect_is_no_modify(events, data, outcome):
    assert events("g/notify_on_release", write_once, "g/notify_on_release", data) == \
        [("OPEN", ""), ("CLOSE_WRITE", "")]
    assert events.outcome == outcome


def test_events_of_a_file_have_its_name_in_the_directory(events):
    assert events("g", write_once, "g/notify_on_release", b"1") == \
        [(event, "notify_on_release") for event in ("OPEN", "MODIFY", "CLOSE_WRITE")]


def truncate(path):
    os.truncate(path, 0)


def open_truncating(path):
    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))


@pytest.mark.parametrize("function, rest", [
    (truncate, []), (open_truncating, [("OPEN", ""), ("CLOSE_WRITE", "")]),
])
def test_truncation_is_modify(events, function, rest):
    got = events("g/tasks", function, "g/tasks")
    assert got.count(("MODIFY", "")) == 1
    assert [event for event in got if event != ("MODIFY", "")] == rest


def chmod(path):
    os.chmod(path, 0o700)


def chown(path):
    os.chown(path, os.getuid(), os.getgid())


def set_xattr(path):
    os.setxattr(path, "user.x", b"")


@pytest.mark.parametrize("watched, name, event", [
    ("g", "g", ("ATTRIB|ISDIR", "")), (".", "g", ("ATTRIB|ISDIR", "g")),
    ("g/tasks", "g/tasks", ("ATTRIB", "")), ("g", "g/tasks", ("ATTRIB", "tasks")),
])
@pytest.mark.parametrize("function", [chmod, os.utime, chown, set_xattr])
def test_attribute_set_is_attrib(events, function, watched, name, event):
    assert events(watched, function, name) == [event]


def test_xattr_removed_is_attrib(tree, events):
    tree.hierarchy.user(os.setxattr, tree.file("g"), "user.x", b"")
    assert events("g", os.removexattr, "g", b"user.x") == [("ATTRIB|ISDIR", "")]


# ---- nothing ----

def create(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))


def set_unknown_xattr(path):
    os.setxattr(path, "unknown.x", b"")


@pytest.mark.parametrize("function, names", [
    (os.mkdir, ["g"]), (os.rmdir, ["g"]), (os.rmdir, ["tasks"]), (os.unlink, ["tasks"]),
    (create, ["new"]), (os.rename, ["tasks", "new"]), (os.rename, ["g", "tasks"]),
    (os.link, ["tasks", "new"]), (os.symlink, ["tasks", "new"]), (set_unknown_xattr, ["g"]),
])
def test_failed_operation_is_nothing(events, function, names):
    assert events(".", function, *names) == [] and events.outcome != "ok"


@pytest.mark.parametrize("function", [os.stat, os.listxattr])
def test_look_at_attributes_is_nothing(events, function):
    assert events("g", function, "g") == []


def write_id(path, task):
    write_once(path, b"%d" % task)


def test_attach_is_the_writers_modify_alone(events, task):
    assert events("g", write_id, "g/tasks", task.pid) == \
        [(event, "tasks") for event in ("OPEN", "MODIFY", "CLOSE_WRITE")]


def test_move_out_is_nothing(tree, events, task):
    tree.child("g").attach(task)
    assert events("g", write_id, "tasks", task.pid) == []


def test_exit_of_the_last_task_is_nothing(tree, task):
    group = tree.child("g")
    group.attach(task)
    user = tree.hierarchy.user
    watches = [user(libc.inotify, group.file(name), libc.IN_ALL_EVENTS) for name in (".", "tasks")]
    task.end()
    assert [user(libc.inotify_events, watch) for watch in watches] == [[], []]
