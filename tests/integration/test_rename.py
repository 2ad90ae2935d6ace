# SPDX-License-Identifier: MIT
"""rename (kernel behaviour §1.3)."""

import os

import pytest

from support import libc
from support.group import errno_of


@pytest.fixture
def rename(hierarchy):
    def rename(old, new):
        return errno_of(hierarchy.user, os.rename, hierarchy.root.file(old),
                        hierarchy.root.file(new))
    return rename


@pytest.fixture
def tree(root):
    # root/{a/{b/c},full/x,empty}
    root.mkgroup("a").mkgroup("b").mkgroup("c")
    root.mkgroup("full").mkgroup("x")
    root.mkgroup("empty")
    return root


@pytest.mark.quick
def test_rename_keeps_inode(root):
    group = root.mkgroup("old")
    inode = group.stat().st_ino
    group.rename("new")
    assert group.stat().st_ino == inode
    assert "new" in root.list() and "old" not in root.list()


def test_rename_keeps_tasks(root, task):
    group = root.mkgroup("old")
    group.attach(task)
    group.rename("new")
    assert group.tasks() == [task.pid]


def test_rename_keeps_children(root):
    # root/g/h
    group = root.mkgroup("g")
    below = group.mkgroup("h")
    inode = below.stat().st_ino
    group.rename("renamed")
    assert group.stat("h").st_ino == inode


def test_rename_keeps_flags(root):
    group = root.mkgroup("g").notify()
    group.rename("renamed")
    assert group.read("notify_on_release") == b"1\n"


def test_open_file_follows_rename(root, task):
    group = root.mkgroup("g")
    descriptor = group.open("notify_on_release")
    group.rename("renamed")
    user = root.hierarchy.user
    user(os.write, descriptor, b"1")
    assert group.read("notify_on_release") == b"1\n"
    assert user(os.readlink, f"/proc/self/fd/{descriptor}") == group.file("notify_on_release")


@pytest.mark.parametrize("name", ["n" * 255, "with blank", "x/"], ids=["255", "blank", "slash"])
def test_rename_takes_name(tree, rename, name):
    assert rename("a", name) == "ok"


def test_rename_takes_long_name(root):
    root.mkgroup("g")
    name = "n" * 1000
    user = root.hierarchy.user
    directory = root.open(".", os.O_RDONLY)
    assert errno_of(user, os.rename, "g", name, src_dir_fd=directory,
                    dst_dir_fd=directory) == "ok"
    assert name in root.list()


@pytest.mark.parametrize("old, new, expected", [
    ("a", "empty", "EEXIST"), ("a", "full", "EEXIST"),
    ("a", "tasks", "ENOTDIR"), ("a", "release_agent", "ENOTDIR"),
    ("a/b", "b", "EIO"), ("a", "empty/a", "EIO"), ("a", "a/b/x", "EINVAL"), ("a", "a/x", "EINVAL"),
    ("a/b", "a", "ENOTEMPTY"), ("a/b/c", "a", "ENOTEMPTY"),
    ("a", "new\nline", "EINVAL"), ("tasks", "new\nline", "EINVAL"),
    ("tasks", "x", "ENOTDIR"), ("tasks", "notify_on_release", "ENOTDIR"),
    ("tasks", "a/x", "ENOTDIR"), ("tasks", "a/tasks", "ENOTDIR"), ("tasks", "a", "EISDIR"),
    ("a/tasks", "a", "ENOTEMPTY"), ("tasks", "tasks", "ok"), ("a", "a", "ok"),
    ("missing", "x", "ENOENT"), ("a", "missing/x", "ENOENT"), ("missing", "a", "ENOENT"),
    ("a/.", "x", "EBUSY"), ("a", ".", "EBUSY"),
], ids=lambda value: ascii(value)[1:-1])
def test_rename_gives(tree, rename, old, new, expected):
    assert rename(old, new) == expected


def test_rename_to_another_file_system_is_exdev(root):
    group = root.mkgroup("g")
    other = os.path.join(root.hierarchy.folder, "other")
    assert errno_of(root.hierarchy.user, os.rename, group.path, other) == "EXDEV"


def test_rename_from_another_file_system_is_exdev(root):
    other = os.path.join(root.hierarchy.folder, "other")
    root.hierarchy.user(os.mkdir, other)
    assert errno_of(root.hierarchy.user, os.rename, other, root.file("g")) == "EXDEV"


@pytest.mark.parametrize("new, flags, expected", [
    ("x", libc.RENAME_NOREPLACE, "EINVAL"), ("full", libc.RENAME_NOREPLACE, "EEXIST"),
    ("full", libc.RENAME_EXCHANGE, "EINVAL"), ("x", libc.RENAME_EXCHANGE, "ENOENT"),
])
def test_renameat2_flags_give(tree, new, flags, expected):
    assert errno_of(tree.hierarchy.user, libc.renameat2, tree.file("a"), tree.file(new),
                    flags) == expected


def test_rename_in_unwritable_parent_is_eacces(tree, rename):
    tree.hierarchy.user(os.chmod, tree.file("a"), 0o555)
    assert rename("a/b", "a/x") == "EACCES"


def test_failed_rename_changes_nothing(tree, rename):
    before = sorted(tree.list())
    assert rename("a", "full") == "EEXIST"
    assert sorted(tree.list()) == before
