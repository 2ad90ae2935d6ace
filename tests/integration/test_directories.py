# SPDX-License-Identifier: MIT
"""mkdir, rmdir, lookup, readdir (kernel behaviour §1.2, §1.7)."""

import os

import pytest

from support.group import Group, errno_of, read_whole, write_once

CHILD_FILES = {"tasks", "cgroup.procs", "notify_on_release", "cgroup.clone_children"}
ROOT_FILES = CHILD_FILES | {"release_agent", "cgroup.sane_behavior"}
OURS = {"releasable", "cgroup.events", "cgroup.kill", "cgroup.tracking"}


def kernel_files(names):
    """Without the files that are ours alone."""
    return set(names) - OURS


@pytest.mark.quick
def test_root_holds_its_files(root):
    assert kernel_files(root.list()) == ROOT_FILES


@pytest.mark.quick
def test_new_group_holds_its_files(root):
    assert kernel_files(root.mkgroup("g").list()) == CHILD_FILES


@pytest.mark.parametrize("name", ["release_agent", "cgroup.sane_behavior"])
def test_root_file_is_absent_in_child(root, name):
    assert errno_of(root.mkgroup("g").stat, name) == "ENOENT"


@pytest.mark.parametrize("name", ["release_agent", "cgroup.sane_behavior"])
def test_name_of_root_file_is_free_in_child(root, name):
    assert root.mkgroup("g").mkgroup(name).exists()


@pytest.mark.parametrize("name", [
    " ", "a b", "\t", "\x01", "'", '"', "\\", "a:b", "a,b", "*", "%s", "-x", ".hidden", "...",
    "äöü", os.fsdecode(b"\xff\xfe"), "cpu.shares", "cgroup.foo", "x" * 255,
], ids=lambda name: ascii(name)[:20])
def test_mkdir_takes_name(root, name):
    group = root.mkgroup(name)
    assert name in root.list() and kernel_files(group.list()) == CHILD_FILES


def test_mkdir_takes_trailing_slash(root):
    root.mkgroup("g/")
    assert "g" in root.list()


@pytest.mark.parametrize("length", [256, 1000, 4095])
def test_mkdir_takes_long_name(root, length):
    directory = root.open(".", os.O_RDONLY)
    name = "n" * length
    assert errno_of(root.hierarchy.user, os.mkdir, name, dir_fd=directory) == "ok"
    assert name in root.list()
    root.hierarchy.user(os.rmdir, name, dir_fd=directory)


def make_and_list(path, names):
    """The names that are there after groups of these names were made, and after they are removed."""
    directory = os.open(path, os.O_RDONLY)
    seen = []
    for function in (os.mkdir, os.rmdir):
        for name in names:
            function(name, dir_fd=directory)
        seen.append(set(os.listdir(os.fsencode(path))))
    os.close(directory)
    return seen


def test_name_may_be_any_byte(root):
    names = {bytes([byte]) for byte in range(1, 256)} - {b"/", b".", b"\n"}
    group = root.mkgroup("g")
    before = set(map(os.fsencode, group.list()))
    assert root.hierarchy.user(make_and_list, group.path, names) == [before | names, before]


def test_name_may_be_of_any_length_and_bytes(root):
    group = root.mkgroup("g")
    allowed = bytes(byte for byte in range(1, 256) if byte not in b"/\n")
    letters = allowed * (4095 // len(allowed) + 1)
    names = {letters[:length] for length in (1, 2, 3, 254, 255, 256, 257, 1023, 1024, 1025, 2048,
                                             3072, 4094, 4095)}
    before = set(map(os.fsencode, group.list()))
    assert root.hierarchy.user(make_and_list, group.path, names) == [before | names, before]


@pytest.mark.parametrize("name, expected", [
    ("a\nb", "EINVAL"), ("\n", "EINVAL"), (".", "EEXIST"), ("..", "EEXIST"),
    ("tasks", "EEXIST"), ("notify_on_release", "EEXIST"), ("release_agent", "EEXIST"),
    ("taken", "EEXIST"), ("missing/x", "ENOENT"), ("tasks/x", "ENOTDIR"),
    ("x" * 4096, "ENAMETOOLONG"),
], ids=lambda value: ascii(value)[:20])
def test_mkdir_refuses(root, name, expected):
    root.mkgroup("taken")
    assert errno_of(root.mkgroup, name) == expected


def test_mkdir_of_empty_name_is_enoent(root):
    directory = root.open(".", os.O_RDONLY)
    assert errno_of(root.hierarchy.user, os.mkdir, "", dir_fd=directory) == "ENOENT"


def test_lookup_of_missing_long_name_is_enoent(root):
    assert errno_of(root.stat, "m" * 300) == "ENOENT"


def test_mkdir_in_unwritable_directory_is_eacces(root):
    group = root.mkgroup("g", 0o555)
    assert errno_of(group.mkgroup, "x") == "EACCES"


def test_mkdir_through_descriptor_of_removed_group_is_enoent(root):
    group = root.mkgroup("g")
    directory = group.open(".", os.O_RDONLY)
    group.rmdir()
    assert errno_of(root.hierarchy.user, os.mkdir, "x", dir_fd=directory) == "ENOENT"


def test_removed_group_lists_nothing(root):
    group = root.mkgroup("g")
    directory = group.open(".", os.O_RDONLY)
    group.rmdir()
    assert root.hierarchy.user(os.listdir, directory) == []


def test_getcwd_in_removed_group_is_enoent(root, task):
    group = root.mkgroup("g")
    task(os.chdir, group.path)
    group.rmdir()
    assert errno_of(task, os.getcwd) == "ENOENT"


LEVEL = "d" * 20


def descend(path, depth):
    """Makes that many levels, and ends in the last one."""
    os.chdir(path)
    for _ in range(depth):
        os.mkdir(LEVEL)
        os.chdir(LEVEL)


def ascend(depth):
    for _ in range(depth):
        os.chdir("..")
        os.rmdir(LEVEL)


def check_depth(root, task, depth):
    # root/d/d/d/...: deeper than a path of PATH_MAX
    user = root.hierarchy.user
    user(descend, root.path, depth)
    assert kernel_files(user(os.listdir, ".")) == CHILD_FILES
    user(write_once, "cgroup.procs", b"%d" % task.pid)
    assert user(read_whole, "tasks") == b"%d\n" % task.pid
    assert errno_of(user, ascend, 1) == "EBUSY"
    task.end()
    user(os.chdir, LEVEL)
    user(ascend, depth)
    assert kernel_files(root.list()) == ROOT_FILES


def test_depth_of_300_levels(root, task):
    check_depth(root, task, 300)


@pytest.mark.only("ours")  # the kernel can do it too, but takes a minute to forget them
def test_depth_of_5000_levels(root, task):
    check_depth(root, task, 5000)


def test_many_siblings_are_all_listed(root):
    names = {f"g{number}" for number in range(500)}
    for name in names:
        root.mkgroup(name)
    listed = root.list()
    assert set(listed) - kernel_files(listed) <= OURS
    assert kernel_files(listed) - ROOT_FILES == names
    assert len(listed) == len(set(listed))


# ---- rmdir ----

@pytest.mark.quick
def test_rmdir_of_empty_group(root):
    group = root.mkgroup("g")
    group.rmdir()
    assert not group.exists() and "g" not in root.list()


@pytest.mark.quick
def test_rmdir_with_live_task_is_ebusy(root, task):
    group = root.mkgroup("g")
    group.attach(task)
    assert errno_of(group.rmdir) == "EBUSY"


def test_rmdir_with_live_thread_is_ebusy_after_leader_exit(root, task):
    group = root.mkgroup("g")
    thread = task.thread()
    group.attach(task)
    task.exit_leader()
    assert errno_of(group.rmdir) == "EBUSY"
    thread.end()
    assert errno_of(group.rmdir) == "ok"


def test_rmdir_with_child_group_is_ebusy(root):
    # root/g/h
    group = root.mkgroup("g")
    group.mkgroup("h")
    assert errno_of(group.rmdir) == "EBUSY"


def test_rmdir_with_zombie_only_succeeds(root, task):
    group = root.mkgroup("g")
    group.attach(task)
    assert errno_of(group.rmdir) == "EBUSY"
    task.end()
    assert errno_of(group.rmdir) == "ok"


def test_rmdir_with_open_file_succeeds(root):
    group = root.mkgroup("g")
    group.open("tasks")
    assert errno_of(group.rmdir) == "ok"


def test_rmdir_of_working_directory_succeeds(root, task):
    group = root.mkgroup("g")
    task(os.chdir, group.path)
    assert errno_of(group.rmdir) == "ok"


@pytest.mark.parametrize("name, expected", [
    ("g/.", "EINVAL"), ("g/..", "ENOTEMPTY"), ("g/tasks", "ENOTDIR"), ("tasks", "ENOTDIR"),
    ("missing", "ENOENT"), ("", "EBUSY"),
])
def test_rmdir_refuses(root, name, expected):
    root.mkgroup("g")
    assert errno_of(root.hierarchy.user, os.rmdir, root.file(name)) == expected


def test_rmdir_of_dot_is_einval(root, task):
    task(os.chdir, root.mkgroup("g").path)
    assert errno_of(task, os.rmdir, ".") == "EINVAL"


def test_rmdir_in_unwritable_parent_is_eacces(root):
    # root/g/h
    group = root.mkgroup("g")
    below = group.mkgroup("h")
    root.hierarchy.user(os.chmod, group.path, 0o555)
    assert errno_of(below.rmdir) == "EACCES"


def test_name_is_free_again_after_rmdir(root, task):
    group = root.mkgroup("g").notify()
    group.rmdir()
    group = root.mkgroup("g")
    assert group.read("notify_on_release") == b"0\n"


def test_rmdir_racing_an_attach_has_two_outcomes(root, task):
    user = root.hierarchy.user
    outcomes = set()
    for _ in range(100):
        group = root.mkgroup("g")
        descriptor = task(os.open, group.file("tasks"), os.O_WRONLY)
        task.start(os.write, descriptor, b"0")
        removed = errno_of(group.rmdir)
        outcomes.add((errno_of(task.finish), removed))
        task(os.close, descriptor)
        root.attach(task)
        if removed != "ok":
            group.rmdir()
    assert outcomes <= {("ok", "EBUSY"), ("ENODEV", "ok")}, user.pid


# ---- readdir ----

def scan(path):
    with os.scandir(path) as entries:
        return {entry.name: (entry.is_dir(follow_symlinks=False), entry.inode())
                for entry in entries}


def test_readdir_tells_types(root):
    root.mkgroup("g")
    entries = root.hierarchy.user(scan, root.path)
    assert entries["g"][0] and not entries["tasks"][0]


def test_readdir_and_stat_agree_on_inodes(root):
    root.mkgroup("g")
    entries = root.hierarchy.user(scan, root.path)
    assert {name: inode for name, (_, inode) in entries.items()} == \
        {name: root.stat(name).st_ino for name in entries}


def test_readdir_order_is_stable(root):
    for number in range(50):
        root.mkgroup(f"g{number}")
    assert root.list() == root.list()


def remove_while_listing(path):
    """Names seen when all groups are removed after the first entry."""
    seen = []
    with os.scandir(path) as entries:
        for entry in entries:
            seen.append(entry.name)
            if len(seen) == 1:
                for number in range(2000):
                    os.rmdir(f"{path}/group-with-a-long-name-{number}")
    return seen


def test_removed_entries_not_yet_listed_are_skipped(root):
    for number in range(2000):
        root.mkgroup(f"group-with-a-long-name-{number}")
    seen = root.hierarchy.user(remove_while_listing, root.path)
    assert len(set(seen)) < 2000


def test_rm_of_a_tree_bottom_up(root):
    # root/a/{b/{c,d},e}
    a = root.mkgroup("a")
    b = a.mkgroup("b")
    b.mkgroup("c")
    b.mkgroup("d")
    a.mkgroup("e")
    for folder, _, _ in sorted(root.hierarchy.user(walk, a.path), reverse=True):
        Group(root.hierarchy, folder).rmdir()
    assert not a.exists()


def walk(path):
    return list(os.walk(path))
