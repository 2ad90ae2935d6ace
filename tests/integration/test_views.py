# SPDX-License-Identifier: MIT
"""No view of the tree is ever stale: other users', bind mounts', other mount namespaces'."""

import os
import stat

import pytest

from support import libc
from support.group import errno_of, read_whole, write_once

pytestmark = pytest.mark.by_root


def bound(hierarchy, sandbox, admin, request):
    """The tree a second time in this mount namespace; seen by root."""
    folder = sandbox.folder()
    libc.mount(hierarchy.path, folder, None, libc.MS_BIND)
    request.addfinalizer(lambda: libc.umount(folder))
    return admin, folder


def unshared(hierarchy, sandbox, admin, request):
    """The tree in a mount namespace that was made after the mount."""
    viewer = hierarchy.task(0)
    viewer(libc.unshare, libc.CLONE_NEWNS)
    return viewer, hierarchy.path


def others(hierarchy, sandbox, admin, request):
    """The tree, seen by another user."""
    return hierarchy.task(2000), hierarchy.path


@pytest.fixture(params=[bound, unshared, others])
def view(request, hierarchy, sandbox, admin):
    """see(function, path below the root): in that view, where all was looked at before."""
    viewer, folder = request.param(hierarchy, sandbox, admin, request)

    def see(function, path=".", *arguments):
        return viewer(function, f"{folder}/{path}", *arguments)
    return see


@pytest.fixture
def group(root, admin, view):
    """Looked at in each view, so whatever is cached is cached."""
    group = root.mkgroup("g", by=admin)
    view(os.stat, "g")
    view(os.stat, "g/tasks")
    view(os.listdir, "g")
    return group


def test_new_group_is_seen(root, admin, view, group):
    assert errno_of(view, os.stat, "g/new") == "ENOENT"
    group.mkgroup("new", by=admin)
    assert stat.S_ISDIR(view(os.stat, "g/new").st_mode)
    assert "new" in view(os.listdir, "g") and view(os.stat, "g").st_nlink == 3


def test_removed_group_is_gone(root, admin, view, group):
    group.rmdir(by=admin)
    assert [errno_of(view, os.stat, path) for path in ("g", "g/tasks")] == ["ENOENT"] * 2
    assert "g" not in view(os.listdir)


def test_group_made_again_is_the_new_one(root, admin, view, group):
    before = view(os.stat, "g").st_ino
    group.rmdir(by=admin)
    root.mkgroup("g", mode=0o700, by=admin)
    after = view(os.stat, "g")
    assert after.st_ino != before and stat.S_IMODE(after.st_mode) == 0o700


def test_renamed_group_has_its_new_name(root, admin, view, group):
    inode = view(os.stat, "g").st_ino
    group.rename("h", by=admin)
    assert errno_of(view, os.stat, "g") == "ENOENT"
    assert view(os.stat, "h").st_ino == view(os.stat, "h/.").st_ino == inode


@pytest.mark.parametrize("name", ["g", "g/tasks"])
def test_attributes_are_those_of_now(root, admin, view, group, name):
    path = root.file(name)
    admin(os.chmod, path, 0o744)
    admin(os.chown, path, 1000, 1000)
    admin(os.utime, path, ns=(10**18, 10**18))
    seen = view(os.stat, name)
    assert (stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid, seen.st_mtime_ns) \
        == (0o744, 1000, 1000, 10**18)


def test_values_are_those_of_now(root, admin, view, group):
    assert view(read_whole, "g/notify_on_release") == b"0\n"
    admin(write_once, group.file("notify_on_release"), b"1")
    assert view(read_whole, "g/notify_on_release") == b"1\n"


def test_tasks_are_those_of_now(hierarchy, admin, view, group):
    sleeper = hierarchy.sleeper(0)
    group.attach(sleeper, by=admin)
    assert view(read_whole, "g/tasks") == b"%d\n" % sleeper.pid
    sleeper.end()
    assert view(read_whole, "g/tasks") == b""
