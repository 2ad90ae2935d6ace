# SPDX-License-Identifier: MIT
"""Creating or deleting anything that is no group (kernel behaviour §1.4)."""

import os
import stat

import pytest

from support.group import errno_of


def mknod(path, kind):
    os.mknod(path, kind | 0o644)


def create(path, flags):
    os.close(os.open(path, flags, 0o644))


@pytest.fixture
def attempt(hierarchy):
    def attempt(function, name, *arguments):
        return errno_of(hierarchy.user, function, hierarchy.root.file(name), *arguments)
    return attempt


@pytest.mark.parametrize("name, flags, expected", [
    ("new", os.O_WRONLY | os.O_CREAT, "EACCES"),
    ("new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, "EACCES"),
    ("tasks", os.O_WRONLY | os.O_CREAT, "ok"),
    ("tasks", os.O_WRONLY | os.O_CREAT | os.O_EXCL, "EEXIST"),
    (".", os.O_WRONLY | os.O_TMPFILE, "EOPNOTSUPP"),
    ("g", os.O_RDWR, "EISDIR"),
    ("g", os.O_RDONLY | os.O_CREAT, "EISDIR"),
    ("tasks", os.O_RDONLY | os.O_DIRECTORY, "ENOTDIR"),
])
def test_open_gives(root, attempt, name, flags, expected):
    root.mkgroup("g")
    assert attempt(create, name, flags) == expected


@pytest.mark.parametrize("name, kind, expected", [
    ("new", stat.S_IFREG, "EACCES"), ("new", stat.S_IFIFO, "EPERM"), ("new", stat.S_IFSOCK, "EPERM"),
    ("tasks", stat.S_IFREG, "EEXIST"), ("tasks", stat.S_IFIFO, "EEXIST"),
])
def test_mknod_gives(attempt, name, kind, expected):
    assert attempt(mknod, name, kind) == expected


def symlink(path):
    os.symlink("target", path)


@pytest.mark.parametrize("name, expected", [("new", "EPERM"), ("tasks", "EEXIST")])
def test_symlink_gives(attempt, name, expected):
    assert attempt(symlink, name) == expected


def link(path, old):
    os.link(old, path)


@pytest.mark.parametrize("name, expected", [("new", "EPERM"), ("notify_on_release", "EEXIST")])
def test_link_gives(root, attempt, name, expected):
    assert attempt(link, name, root.file("tasks")) == expected


@pytest.mark.parametrize("name, expected", [
    ("tasks", "EPERM"), ("g", "EISDIR"), ("missing", "ENOENT"), ("g/tasks", "EPERM"),
])
def test_unlink_gives(root, attempt, name, expected):
    root.mkgroup("g")
    assert attempt(os.unlink, name) == expected


@pytest.mark.parametrize("function, arguments", [
    (create, (os.O_WRONLY | os.O_CREAT,)), (mknod, (stat.S_IFREG,)), (mknod, (stat.S_IFIFO,)),
    (symlink, ()), (os.mkdir, ()),
])
def test_in_unwritable_directory_is_eacces(root, attempt, function, arguments):
    root.mkgroup("g", 0o555)
    assert attempt(function, "g/new", *arguments) == "EACCES"


def test_unlink_in_unwritable_directory_is_eacces(root, attempt):
    root.mkgroup("g", 0o555)
    assert attempt(os.unlink, "g/tasks") == "EACCES"


def execute(path):
    os.execve(path, [path], {})


def test_execve_of_control_file_is_eacces(root, task):
    assert errno_of(task, execute, root.file("tasks")) == "EACCES"


def test_read_of_directory_is_eisdir(root):
    descriptor = root.mkgroup("g").open(".", os.O_RDONLY)
    assert errno_of(root.hierarchy.user, os.read, descriptor, 10) == "EISDIR"


def test_nothing_refused_has_left_an_entry(root, attempt):
    before = sorted(root.list())
    attempt(create, "new", os.O_WRONLY | os.O_CREAT)
    attempt(mknod, "new", stat.S_IFIFO)
    attempt(symlink, "new")
    attempt(os.unlink, "tasks")
    assert sorted(root.list()) == before


def sync(path, function):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        function(descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("function", [os.fsync, os.fdatasync])
def test_sync_of_group_is_einval(root, attempt, function):
    root.mkgroup("g")
    assert attempt(sync, "g", function) == "EINVAL"
