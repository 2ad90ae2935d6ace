# SPDX-License-Identifier: MIT
"""Generic operations on control files (kernel behaviour §1.1, §1.5)."""

import fcntl
import mmap
import os

import pytest

from support import libc
from support.group import errno_of

FILES = ["tasks", "cgroup.procs", "notify_on_release", "cgroup.clone_children"]
ROOT_FILES = FILES + ["release_agent"]


def with_file(path, flags, function, *arguments):
    """Opens, calls function(fd, ...), closes."""
    descriptor = os.open(path, flags)
    try:
        return function(descriptor, *arguments)
    finally:
        os.close(descriptor)


@pytest.fixture
def on_file(hierarchy):
    def on_file(group, name, function, *arguments, flags=os.O_RDWR):
        return hierarchy.user(with_file, group.file(name), flags, function, *arguments)
    return on_file


# ---- what stat says ----

@pytest.mark.parametrize("name", ROOT_FILES)
def test_mode_of_root_file(root, name):
    assert root.mode(name) == 0o644


def test_mode_of_sane_behavior(root):
    assert root.mode("cgroup.sane_behavior") == 0o444


@pytest.mark.parametrize("name", FILES)
def test_mode_of_file_ignores_mkdir_mode(root, name):
    assert root.mkgroup("g", 0o711).mode(name) == 0o644


@pytest.mark.parametrize("given, expected", [
    (0o777, 0o755), (0o700, 0o700), (0o500, 0o500), (0o1777, 0o1755), (0o7777, 0o1755),
    (0o6755, 0o755),
])
def test_mode_of_new_group(root, given, expected):
    assert root.mkgroup("g", given).mode() == expected


def mkdir_with_umask(path, mask):
    old = os.umask(mask)
    try:
        os.mkdir(path)
    finally:
        os.umask(old)


@pytest.mark.parametrize("mask, expected", [(0, 0o777), (0o077, 0o700), (0o027, 0o750)])
def test_umask_applies_to_new_group(root, mask, expected):
    root.hierarchy.user(mkdir_with_umask, root.file("g"), mask)
    assert root.child("g").mode() == expected


@pytest.mark.parametrize("name", [".", *FILES])
def test_new_group_belongs_to_its_creator(root, sandbox, name):
    status = root.mkgroup("g").stat(name)
    assert (status.st_uid, status.st_gid) == (sandbox.uid, sandbox.gid)


@pytest.mark.parametrize("name", [".", "tasks", "release_agent"])
def test_sizes_are_zero(root, name):
    status = root.stat(name)
    assert (status.st_size, status.st_blocks) == (0, 0)


@pytest.mark.parametrize("name", [".", "tasks"])
def test_block_size_is_4096(root, name):
    assert root.stat(name).st_blksize == 4096


def test_link_count_of_file_is_1(root):
    assert root.mkgroup("g").stat("tasks").st_nlink == 1


@pytest.mark.quick
def test_link_count_of_group_counts_children(root):
    # root/g/{h,i}
    group = root.mkgroup("g")
    assert group.stat().st_nlink == 2
    below = group.mkgroup("h")
    group.mkgroup("i")
    assert group.stat().st_nlink == 4
    below.rmdir()
    assert group.stat().st_nlink == 3


def test_all_nodes_are_on_one_device(root):
    group = root.mkgroup("g")
    assert len({root.stat().st_dev, root.stat("tasks").st_dev, group.stat().st_dev,
                group.stat("tasks").st_dev}) == 1


def test_inode_of_the_mount_point_is_1(root):
    assert root.stat().st_ino == 1


def test_inodes_grow_and_are_not_reused(root):
    seen = []
    for _ in range(5):
        group = root.mkgroup("g")
        seen.append(group.stat().st_ino)
        group.rmdir()
    assert seen == sorted(set(seen))


def test_inodes_within_the_tree_differ(root):
    group = root.mkgroup("g")
    nodes = [owner.stat(name).st_ino for owner in (root, group) for name in (".", *FILES)]
    assert len(nodes) == len(set(nodes))


def test_fstat_of_removed_group(root):
    group = root.mkgroup("g")
    directory = group.open(".", os.O_RDONLY)
    file = group.open("tasks")
    group.rmdir()
    user = root.hierarchy.user
    assert [user(os.fstat, fd).st_nlink for fd in (directory, file)] == [2, 1]


@pytest.mark.parametrize("path", [".", "tasks"])
def test_statfs(root, path):
    kind, bsize, blocks, bfree, bavail, files, ffree, namelen, frsize = root.hierarchy.user(
        libc.statfs, root.file(path))
    assert (bsize, frsize, blocks, bfree, bavail, files, ffree) == (4096, 4096, 0, 0, 0, 0, 0)


def test_statfs_tells_names_of_255(root):
    assert root.hierarchy.user(libc.statfs, root.path)[7] == 255


# ---- open ----

@pytest.mark.parametrize("flag", ["O_APPEND", "O_NONBLOCK", "O_SYNC", "O_NOFOLLOW", "O_NOATIME",
                                  "O_TRUNC", "O_CLOEXEC"])
@pytest.mark.parametrize("name", FILES)
def test_open_takes_flag(root, name, flag):
    assert errno_of(root.mkgroup("g").open, name, os.O_RDWR | getattr(os, flag)) == "ok"


def test_open_with_o_path(root):
    descriptor = root.open("tasks", os.O_PATH)
    assert root.hierarchy.user(os.fstat, descriptor).st_ino == root.stat("tasks").st_ino


@pytest.mark.parametrize("name", FILES)
def test_open_with_o_direct_is_einval(root, name):
    assert errno_of(root.mkgroup("g").open, name, os.O_RDWR | os.O_DIRECT) == "EINVAL"


def test_read_of_write_only_is_ebadf(root, on_file):
    assert errno_of(on_file, root, "tasks", os.read, 10, flags=os.O_WRONLY) == "EBADF"


def test_write_of_read_only_is_ebadf(root, on_file):
    assert errno_of(on_file, root, "tasks", os.write, b"0", flags=os.O_RDONLY) == "EBADF"


def test_open_without_permission_is_eacces(root):
    group = root.mkgroup("g")
    root.hierarchy.user(os.chmod, group.file("notify_on_release"), 0o444)
    assert errno_of(group.open, "notify_on_release", os.O_WRONLY) == "EACCES"


def test_chmod_does_not_matter_to_open_file(root):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    descriptor = group.open("notify_on_release")
    user(os.chmod, group.file("notify_on_release"), 0)
    assert user(os.write, descriptor, b"1") == 1
    assert user(os.pread, descriptor, 10, 0) == b"1\n"


@pytest.mark.parametrize("mode, mask, expected", [
    (0o644, os.R_OK, True), (0o644, os.W_OK, True), (0o644, os.X_OK, False),
    (0o444, os.W_OK, False), (0o200, os.R_OK, False), (0o100, os.X_OK, False),
])
def test_access_goes_by_mode_bits(root, mode, mask, expected):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    user(os.chmod, group.file("tasks"), mode)
    assert user(os.access, group.file("tasks"), mask) is expected


# ---- truncation ----

@pytest.mark.parametrize("length", [0, 1, 5000])
@pytest.mark.parametrize("name", FILES)
def test_truncate_succeeds_and_changes_no_value(root, task, name, length):
    group = root.mkgroup("g").notify()
    group.attach(task)
    before = group.read(name)
    assert errno_of(root.hierarchy.user, os.truncate, group.file(name), length) == "ok"
    assert group.read(name) == before and group.stat(name).st_size == 0


@pytest.mark.parametrize("length", [0, 1, 5000])
def test_ftruncate_succeeds_and_changes_no_value(root, on_file, length):
    group = root.mkgroup("g").notify()
    assert errno_of(on_file, group, "notify_on_release", os.ftruncate, length) == "ok"
    assert group.read("notify_on_release") == b"1\n"
    assert group.stat("notify_on_release").st_size == 0


def test_o_trunc_changes_no_value(root, on_file):
    group = root.mkgroup("g").notify()
    assert on_file(group, "notify_on_release", os.read, 10, flags=os.O_RDWR | os.O_TRUNC) == b"1\n"


def open_with_o_trunc(path):
    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))


def ftruncate(path):
    with_file(path, os.O_WRONLY, os.ftruncate, 0)


def truncate(path):
    os.truncate(path, 0)


@pytest.mark.parametrize("function, is_set", [
    (open_with_o_trunc, True), (ftruncate, True), (truncate, False),
])
def test_truncation_sets_modification_time(root, function, is_set):
    path = root.mkgroup("g").file("tasks")
    user = root.hierarchy.user
    user(os.utime, path, ns=(10**9, 10**9))
    user(function, path)
    assert (user(os.stat, path).st_mtime_ns > 10**9) is is_set


# ---- offsets ----

@pytest.mark.parametrize("offset, whence, expected", [
    (0, os.SEEK_SET, 0), (5, os.SEEK_SET, 5), (2**31 - 1, os.SEEK_SET, 2**31 - 1),
    (7, os.SEEK_CUR, 7), (0, os.SEEK_END, 0),
])
@pytest.mark.parametrize("name", FILES)
def test_lseek_goes(root, on_file, name, offset, whence, expected):
    assert on_file(root.mkgroup("g"), name, os.lseek, offset, whence) == expected


@pytest.mark.parametrize("offset, whence, expected", [
    (-1, os.SEEK_SET, "EINVAL"), (2**31, os.SEEK_SET, "EINVAL"), (-1, os.SEEK_CUR, "EINVAL"),
    (-1, os.SEEK_END, "EINVAL"), (0, os.SEEK_DATA, "ENXIO"), (0, os.SEEK_HOLE, "ENXIO"),
])
def test_lseek_refuses(root, on_file, offset, whence, expected):
    assert errno_of(on_file, root.mkgroup("g"), "tasks", os.lseek, offset, whence) == expected


@pytest.mark.parametrize("offset", [2, 3, 4096, 2**31, 2**40])
def test_pread_beyond_the_end_is_empty(root, on_file, offset):
    assert on_file(root.mkgroup("g"), "notify_on_release", os.pread, 10, offset) == b""


def read_bytes_singly(fd):
    parts = []
    while part := os.read(fd, 1):
        parts.append(part)
    return b"".join(parts)


def test_reads_of_one_byte_give_the_whole(root, task, on_file):
    group = root.mkgroup("g")
    group.attach(task)
    assert on_file(group, "tasks", read_bytes_singly) == b"%d\n" % task.pid


def test_pread_gives_exact_slices(root, task, on_file):
    group = root.mkgroup("g")
    group.attach(task)
    text = b"%d\n" % task.pid
    for start in range(len(text)):
        assert on_file(group, "tasks", os.pread, 2, start) == text[start:start + 2]


def write_twice(fd, first, second):
    return os.write(fd, first), os.write(fd, second), os.lseek(fd, 0, os.SEEK_CUR)


def test_each_write_is_one_command_and_advances(root, on_file):
    group = root.mkgroup("g")
    assert on_file(group, "notify_on_release", write_twice, b"1\n", b"0\n") == (2, 2, 4)
    assert group.read("notify_on_release") == b"0\n"


def test_pwrite_ignores_the_offset(root, on_file):
    group = root.mkgroup("g")
    assert on_file(group, "notify_on_release", os.pwrite, b"1", 100) == 1
    assert group.read("notify_on_release") == b"1\n"


def test_o_append_does_not_matter(root, on_file):
    group = root.mkgroup("g")
    flags = os.O_WRONLY | os.O_APPEND
    assert on_file(group, "notify_on_release", os.write, b"1", flags=flags) == 1
    assert group.read("notify_on_release") == b"1\n"


def test_pwrite_of_read_only_is_espipe(root, on_file):
    assert errno_of(on_file, root, "tasks", os.pwrite, b"0", 0, flags=os.O_RDONLY) == "ESPIPE"


def test_o_append_advances_by_what_is_written(root, on_file):
    group = root.mkgroup("g")
    flags = os.O_WRONLY | os.O_APPEND
    assert on_file(group, "notify_on_release", write_twice, b"1\n", b"0\n", flags=flags) == (2, 2, 4)
    assert on_file(group, "notify_on_release", write_twice, b"1", b"0", flags=flags) == (1, 1, 2)


def read_change_read(fd, path):
    """One byte; the value is changed; the rest; and once more from 0."""
    first = os.read(fd, 1)
    with open(path, "wb", buffering=0) as file:
        file.write(b"1")
    rest = os.read(fd, 10)
    end = os.read(fd, 10)
    os.lseek(fd, 0, os.SEEK_SET)
    return first, rest, end, os.read(fd, 10)


def test_rest_of_a_value_is_that_of_its_first_byte(root, on_file):
    group = root.mkgroup("g")
    path = group.file("notify_on_release")
    assert on_file(group, "notify_on_release", read_change_read, path) == \
        (b"0", b"\n", b"", b"1\n")


# ---- everything else ----

@pytest.mark.parametrize("protection", [mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE])
@pytest.mark.parametrize("kind", [mmap.MAP_SHARED, mmap.MAP_PRIVATE])
def test_mmap_is_enodev(root, on_file, kind, protection):
    assert errno_of(on_file, root, "tasks", libc.mmap, protection, kind) == "ENODEV"


@pytest.mark.parametrize("mode", [0, 1, 3], ids=["allocate", "keep-size", "punch-hole"])
def test_fallocate_is_eopnotsupp(root, on_file, mode):
    assert errno_of(on_file, root, "tasks", libc.fallocate, mode, 0, 4096) == "EOPNOTSUPP"


@pytest.mark.parametrize("function", [os.fsync, os.fdatasync])
def test_sync_succeeds(root, on_file, function):
    assert errno_of(on_file, root, "tasks", function) == "ok"


@pytest.mark.parametrize("request_, expected", [
    (0x5401, "ENOTTY"), (0x80086601, "ENOTTY"), (0xabcd, "ENOTTY"),
], ids=["TCGETS", "GETFLAGS", "unknown"])
def test_ioctl_gives(root, on_file, request_, expected):
    assert errno_of(on_file, root, "tasks", fcntl.ioctl, request_, b"\0" * 64) == expected


def splice_in(fd, data):
    source, sink = os.pipe()
    os.write(sink, data)
    try:
        return os.splice(source, fd, len(data))
    finally:
        os.close(source)
        os.close(sink)


def test_splice_into_a_file_is_a_command(root, on_file):
    group = root.mkgroup("g")
    assert on_file(group, "notify_on_release", splice_in, b"1\n") == 2
    assert group.read("notify_on_release") == b"1\n"


def send_out(fd):
    source, sink = os.pipe()
    try:
        os.sendfile(sink, fd, None, 100)
        return os.read(source, 100)
    finally:
        os.close(source)
        os.close(sink)


def test_sendfile_reads_a_file(root, on_file):
    assert on_file(root.mkgroup("g").notify(), "notify_on_release", send_out) == b"1\n"


# ---- a file that is open when its group goes ----

@pytest.mark.parametrize("name", FILES)
def test_open_file_of_removed_group_is_enodev(root, name):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    descriptor = group.open(name)
    group.rmdir()
    assert [errno_of(user, os.read, descriptor, 10), errno_of(user, os.pread, descriptor, 10, 0),
            errno_of(user, os.write, descriptor, b"0"),
            errno_of(user, os.write, descriptor, b"junk")] == ["ENODEV"] * 4


def test_empty_write_to_removed_group_is_enodev(root):
    group = root.mkgroup("g")
    descriptor = group.open("tasks")
    group.rmdir()
    assert errno_of(root.hierarchy.user, os.write, descriptor, b"") == "ENODEV"


def test_too_long_write_to_removed_group_is_e2big(root):
    group = root.mkgroup("g")
    descriptor = group.open("tasks")
    group.rmdir()
    assert errno_of(root.hierarchy.user, os.write, descriptor, b"0" * 4097) == "E2BIG"


def test_lseek_in_removed_group_is_enodev(root):
    group = root.mkgroup("g")
    descriptor = group.open("tasks")
    group.rmdir()
    assert errno_of(root.hierarchy.user, os.lseek, descriptor, 0, os.SEEK_SET) == "ENODEV"


def test_value_begun_before_rmdir_is_read_to_its_end(root):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    descriptor = group.open("notify_on_release")
    assert user(os.read, descriptor, 1) == b"0"
    group.rmdir()
    assert user(os.read, descriptor, 10) == b"\n"


def test_value_begun_before_rmdir_is_lost_by_a_failed_read(root):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    descriptor = group.open("notify_on_release")
    assert user(os.read, descriptor, 1) == b"0"
    group.rmdir()
    assert errno_of(user, os.pread, descriptor, 10, 0) == "ENODEV"
    assert errno_of(user, os.read, descriptor, 10) == "ENODEV"


def test_attributes_of_open_file_of_removed_group_can_be_set(root):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    descriptor = group.open("tasks")
    group.rmdir()
    assert [errno_of(user, os.fchmod, descriptor, 0o600),
            errno_of(user, os.ftruncate, descriptor, 0)] == ["ok", "ok"]


def test_reopening_a_file_of_removed_group_is_enodev(root):
    group = root.mkgroup("g")
    user = root.hierarchy.user
    descriptor = group.open("tasks")
    group.rmdir()
    assert errno_of(user, os.open, f"/proc/self/fd/{descriptor}", os.O_RDONLY) == "ENODEV"


def test_new_group_of_the_same_name_does_not_revive_open_file(root):
    group = root.mkgroup("g")
    descriptor = group.open("tasks")
    group.rmdir()
    root.mkgroup("g")
    assert errno_of(root.hierarchy.user, os.read, descriptor, 10) == "ENODEV"
