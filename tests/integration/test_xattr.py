# SPDX-License-Identifier: MIT
"""Extended attributes of directories and control files (kernel behaviour §1.6)."""

import itertools
import os
import re
import struct
import subprocess

import pytest

from support import container, libc, mounts
from support.group import errno_of, read_whole, write_once
from support.waiting import wait_until

NODES = [".", "tasks"]
NAMESPACES = ["user.x", "trusted.x", "security.x"]
CREATE, REPLACE = os.XATTR_CREATE, os.XATTR_REPLACE
USER_MAX = 128
VALUE_MAX = 65536
# Version 2 of security.capability: CAP_CHOWN, permitted and effective.
CAPABILITY = struct.pack("<5I", 0x02000001, 1, 0, 0, 0)
# Version 2 of a POSIX ACL: user::rwx, group::r-x, other::r-x.
ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", tag, bits, -1)
                                      for tag, bits in ((1, 7), (4, 5), (0x20, 5)))


class Node:
    """A directory or control file; what is done to it is done by `by`."""

    def __init__(self, path, by):
        self.path = path
        self.by = by

    def as_(self, by):
        return Node(self.path, by)

    def set(self, name, value=b"", flags=0):
        self.by(os.setxattr, self.path, name, value, flags)

    def get(self, name):
        return self.by(os.getxattr, self.path, name)

    def list(self):
        return self.by(os.listxattr, self.path)

    def remove(self, name):
        self.by(os.removexattr, self.path, name)


@pytest.fixture(params=NODES)
def node(request, root):
    """A node of a group."""
    group = root.mkgroup("g")
    return Node(group.file(request.param), root.hierarchy.user)


@pytest.fixture
def directory(root):
    return Node(root.mkgroup("g").path, root.hierarchy.user)


# ---- set, get, list, remove ----

@pytest.mark.quick
def test_value_set_is_got(node):
    node.set("user.x", b"\0value\xff")
    assert node.get("user.x") == b"\0value\xff"


def test_empty_value_is_kept(node):
    node.set("user.x", b"")
    assert node.list() == ["user.x"] and node.get("user.x") == b""


def test_value_is_replaced(node):
    node.set("user.x", b"a longer one")
    node.set("user.x", b"short")
    assert node.get("user.x") == b"short"


def test_removed_value_is_enodata(node):
    node.set("user.x")
    node.remove("user.x")
    assert errno_of(node.get, "user.x") == "ENODATA" and node.list() == []


@pytest.mark.parametrize("operation", ["get", "remove"])
def test_missing_one_is_enodata_to(node, operation):
    assert errno_of(getattr(node, operation), "user.x") == "ENODATA"


def test_list_of_none_is_empty(node):
    assert node.list() == []


def test_names_are_listed_from_the_last_to_the_first(node):
    names = ["user.b", "user.a", "user.ä", "user.B", "user.a b", "user.\x01", "user.bb"]
    for name in names:
        node.set(name)
    assert node.list() == sorted(names, key=os.fsencode, reverse=True)


@pytest.mark.parametrize("name", NODES)
def test_root_group_has_them_too(root, name):
    node = Node(root.file(name), root.hierarchy.user)
    node.set("user.x", b"value")
    assert (node.list(), node.get("user.x")) == (["user.x"], b"value")


def test_nodes_of_a_group_have_their_own(root):
    group = root.mkgroup("g")
    nodes = [Node(group.file(name), root.hierarchy.user) for name in (".", "tasks", "cgroup.procs")]
    for number, node in enumerate(nodes[:2]):
        node.set("user.x", b"%d" % number)
    assert [node.list() for node in nodes] == [["user.x"], ["user.x"], []]
    assert [node.get("user.x") for node in nodes[:2]] == [b"0", b"1"]


def test_they_are_not_inherited(root):
    # root/g/h
    group = root.mkgroup("g")
    Node(group.path, root.hierarchy.user).set("user.x")
    assert Node(group.mkgroup("h").path, root.hierarchy.user).list() == []


# ---- names, flags and lengths ----

@pytest.mark.parametrize("operation", ["set", "get", "remove"])
@pytest.mark.parametrize("name, expected", [
    ("user.", "EINVAL"), ("user", "EOPNOTSUPP"), ("User.x", "EOPNOTSUPP"), ("x", "EOPNOTSUPP"),
    ("foo.bar", "EOPNOTSUPP"), ("system.", "EOPNOTSUPP"), ("system.x", "EOPNOTSUPP"),
    ("", "ERANGE"), ("user." + "n" * 251, "ERANGE"),
], ids=lambda value: value[:20])
def test_name_gives(node, operation, name, expected):
    assert errno_of(getattr(node, operation), name) == expected


def test_name_of_255_bytes_is_taken(node):
    name = "user." + "n" * 250
    node.set(name)
    assert node.list() == [name]


@pytest.mark.parametrize("name, flags, expected", [
    ("user.there", 0, "ok"), ("user.there", CREATE, "EEXIST"), ("user.there", REPLACE, "ok"),
    ("user.new", 0, "ok"), ("user.new", CREATE, "ok"), ("user.new", REPLACE, "ENODATA"),
    ("user.there", CREATE | REPLACE, "EEXIST"), ("user.new", CREATE | REPLACE, "ENODATA"),
    ("user.there", 4, "EINVAL"), ("system.x", REPLACE, "EOPNOTSUPP"), ("user.", REPLACE, "EINVAL"),
])
def test_set_with_flags_gives(node, name, flags, expected):
    node.set("user.there", b"old")
    assert errno_of(node.set, name, b"new", flags) == expected
    assert node.get("user.there") == (b"new" if (name, expected) == ("user.there", "ok")
                                      else b"old")


def test_value_of_64_kib_is_taken(node):
    value = os.urandom(VALUE_MAX)
    node.set("user.x", value)
    assert node.get("user.x") == value


def test_longer_value_is_e2big(node):
    assert errno_of(node.set, "user.x", b"x" * (VALUE_MAX + 1)) == "E2BIG"


def lengths(path, name, sizes):
    """What getxattr(2) and listxattr(2) return to buffers of these sizes."""
    return [(libc.getxattr_length(path, name, size), libc.listxattr_length(path, size))
            for size in sizes]


def test_size_0_asks_for_the_length(node):
    node.set("user.x", b"12345")
    assert node.by(lengths, node.path, "user.x", [0, 7, 100]) == [(5, 7)] * 3


@pytest.mark.parametrize("function, arguments, size", [
    (libc.getxattr_length, ("user.x",), 4), (libc.listxattr_length, (), 6),
], ids=["get", "list"])
def test_buffer_too_small_is_erange(node, function, arguments, size):
    node.set("user.x", b"12345")
    assert errno_of(node.by, function, node.path, *arguments, size) == "ERANGE"


# ---- limits ----

def fill(path, count):
    for number in range(count):
        os.setxattr(path, f"user.{number}", b"")


@pytest.fixture
def full(node):
    """A node with as many of user.* as there may be."""
    node.by(fill, node.path, USER_MAX)
    return node


@pytest.mark.parametrize("name, flags", [
    ("user.new", 0), ("user.new", REPLACE), ("user.0", 0), ("user.0", CREATE), ("user.0", REPLACE),
])
def test_set_beside_128_is_enospc(full, name, flags):
    assert errno_of(full.set, name, b"", flags) == "ENOSPC"
    assert len(full.list()) == USER_MAX


def test_removal_makes_room(full):
    full.remove("user.0")
    full.set("user.1", b"replaced")
    full.set("user.new")
    assert errno_of(full.set, "user.newer") == "ENOSPC"


def test_limit_is_of_each_node(full, root):
    other = Node(root.mkgroup("other").path, full.by)
    assert errno_of(other.set, "user.x") == "ok"


@pytest.mark.parametrize("kept, name, length, expected", [
    (VALUE_MAX, "user.new", 0, "ok"), (VALUE_MAX, "user.new", 1, "ENOSPC"),
    (VALUE_MAX, "user.0", 1, "ENOSPC"), (VALUE_MAX, "user.0", 0, "ok"),
    (VALUE_MAX - 1, "user.0", 1, "ok"), (VALUE_MAX - 1, "user.0", 2, "ENOSPC"),
    (0, "user.0", VALUE_MAX, "ok"), (1, "user.0", VALUE_MAX, "ENOSPC"),
])
def test_beside_64_kib_and(node, kept, name, length, expected):
    """Of a value that is replaced the length counts as well."""
    node.set("user.0", b"x" * VALUE_MAX)
    node.set("user.1", b"x" * kept)
    assert errno_of(node.set, name, b"y" * length) == expected


# ---- what they outlive ----

@pytest.mark.quick
def test_they_outlive_rename(root):
    group = root.mkgroup("g")
    for name in NODES:
        Node(group.file(name), root.hierarchy.user).set("user.x", b"value")
    group.rename("renamed")
    assert [Node(group.file(name), root.hierarchy.user).get("user.x") for name in NODES] == \
        [b"value"] * 2


def test_they_vanish_with_rmdir(root):
    group = root.mkgroup("g")
    nodes = [Node(group.file(name), root.hierarchy.user) for name in NODES]
    for node in nodes:
        node.set("user.x")
    group.rmdir()
    root.mkgroup("g")
    assert [node.list() for node in nodes] == [[], []]


@pytest.mark.parametrize("name", NODES)
def test_descriptor_of_removed_group_keeps_them(root, name):
    group = root.mkgroup("g")
    node = Node(group.open(name, os.O_RDONLY), root.hierarchy.user)
    node.set("user.x", b"old")
    group.rmdir()
    node.set("user.y", b"new")
    assert [node.get(name) for name in node.list()] == [b"new", b"old"]
    node.remove("user.x")
    assert errno_of(node.get, "user.x") == "ENODATA"


@pytest.mark.parametrize("operation", ["set", "get", "list", "remove"])
def test_path_of_removed_group_is_enoent(root, operation):
    group = root.mkgroup("g")
    node = Node(group.path, root.hierarchy.user)
    group.rmdir()
    arguments = [] if operation == "list" else ["user.x"]
    assert errno_of(getattr(node, operation), *arguments) == "ENOENT"


def test_descriptor_of_a_path_is_ebadf(root):
    descriptor = root.mkgroup("g").open(".", os.O_PATH)
    assert errno_of(root.hierarchy.user, os.setxattr, descriptor, "user.x", b"") == "EBADF"


# ---- times ----

def times(group, name="."):
    status = group.stat(name)
    return status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns


@pytest.mark.needs("no-root")
@pytest.mark.parametrize("name", NODES)
def test_set_and_remove_change_no_time(root, name):
    group = root.mkgroup("g")
    before = times(group, name)
    node = Node(group.file(name), root.hierarchy.user)
    node.set("user.x")
    node.remove("user.x")
    assert times(group, name) == before


@pytest.mark.open_to_all
@pytest.mark.parametrize("name", NODES)
def test_first_one_begins_the_times_of_a_node_of_roots(root, admin, name):
    numbers = itertools.count()

    def are_later():
        group = root.mkgroup(f"g{next(numbers)}", by=admin)
        before = times(group, name)
        Node(group.file(name), admin).set("user.x")
        return all(new > old for new, old in zip(times(group, name), before))

    wait_until(are_later, "later times")  # the clock of file times has a coarse tick


# ---- who may ----

@pytest.mark.parametrize("mode, operation, name, expected", [
    (0o500, "set", "user.x", "EACCES"), (0o500, "remove", "user.x", "EACCES"),
    (0o500, "get", "user.x", "ok"), (0o500, "set", "user.", "EACCES"),
    (0o500, "set", "foo.x", "EACCES"), (0o500, "set", "system.x", "EOPNOTSUPP"),
    (0o300, "get", "user.x", "EACCES"), (0o300, "set", "user.x", "ok"),
    (0o300, "get", "foo.x", "EACCES"), (0o300, "list", None, "ok"),
])
def test_by_mode(directory, mode, operation, name, expected):
    directory.set("user.x")
    directory.by(os.chmod, directory.path, mode)
    arguments = [name] if name else []
    assert errno_of(getattr(directory, operation), *arguments) == expected


@pytest.mark.parametrize("name, operation, expected", [
    ("trusted.x", "set", "EPERM"), ("trusted.x", "get", "ENODATA"), ("trusted.x", "remove", "EPERM"),
    ("trusted.", "set", "EPERM"), ("security.x", "set", "EPERM"), ("security.x", "get", "ENODATA"),
    ("security.x", "remove", "EPERM"), ("security.", "get", "EINVAL"),
    ("security.capability", "set", "ok"), ("security.capability", "get", "ENODATA"),
    ("security.capability", "remove", "EPERM"),
])
def test_ordinary_user_gets(node, name, operation, expected):
    assert errno_of(getattr(node, operation), name) == expected


def test_ordinary_user_may_not_set_capabilities(node):
    assert errno_of(node.set, "security.capability", CAPABILITY) == "EPERM"


@pytest.mark.open_to_all
@pytest.mark.parametrize("name", NAMESPACES)
def test_root_sets_lists_gets_and_removes(node, admin, name):
    node = node.as_(admin)
    node.set(name, b"value")
    assert (node.list(), node.get(name)) == ([name], b"value")
    node.remove(name)
    assert node.list() == []


@pytest.mark.open_to_all
def test_root_sees_namespaces_from_the_last_to_the_first(node, admin):
    for name in NAMESPACES:
        node.as_(admin).set(name)
    assert node.as_(admin).list() == ["user.x", "trusted.x", "security.x"]


@pytest.mark.open_to_all
def test_others_do_not_see_trusted_ones(node, admin, stranger):
    for name in NAMESPACES:
        node.as_(admin).set(name)
    assert [node.list(), node.as_(stranger).list()] == [["user.x", "security.x"]] * 2
    assert errno_of(node.get, "trusted.x") == "ENODATA"


def list_without_privilege(path):
    """By root without its capabilities."""
    command = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--", "/usr/bin/python3", "-c",
               f"import os; print(*os.listxattr({path!r}))"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def list_in_user_namespace(path):
    """By the root of a user namespace of its own."""
    command = ["unshare", "--user", "--map-root-user", "--", "/usr/bin/python3", "-c",
               f"import os; print(*os.listxattr({path!r}))"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.open_to_all
@pytest.mark.parametrize("function", [list_without_privilege, list_in_user_namespace])
def test_trusted_ones_are_for_the_privileged_not_for_uid_0(node, admin, function):
    for name in NAMESPACES:
        node.as_(admin).set(name)
    assert function(node.path) == ["user.x", "security.x"]


@pytest.mark.open_to_all
def test_there_is_no_limit_for_root(full, admin):
    privileged = full.as_(admin)
    for number in range(200):
        privileged.set(f"trusted.{number}")
    privileged.set("trusted.long", b"x" * VALUE_MAX)
    privileged.set("security.long", b"x" * VALUE_MAX)
    assert len(privileged.list()) == USER_MAX + 202


def set_long_names(path, count):
    for number in range(count):
        os.setxattr(path, f"trusted.{number}".ljust(255, "x"), b"")


@pytest.mark.open_to_all
def test_list_of_more_than_64_kib_is_e2big(directory, admin):
    admin(set_long_names, directory.path, 256)
    assert len(directory.as_(admin).list()) == 256
    directory.as_(admin).set("trusted.x")
    assert errno_of(directory.as_(admin).list) == "E2BIG"


@pytest.mark.open_to_all
@pytest.mark.parametrize("mode, expected", [(0o755, "EACCES"), (0o777, "ok"), (0o1777, "EPERM")])
def test_stranger_sets_by_mode_of_directory(directory, stranger, mode, expected):
    directory.by(os.chmod, directory.path, mode)
    assert errno_of(directory.as_(stranger).set, "user.x") == expected


# ---- what belongs to the kernel ----

@pytest.mark.parametrize("name", ["system.posix_acl_access", "system.posix_acl_default"])
@pytest.mark.parametrize("value, expected", [(ACL, "EOPNOTSUPP"), (b"", "EOPNOTSUPP"),
                                             (b"?", "EINVAL")], ids=["acl", "empty", "malformed"])
def test_acl_of_directory_gives(directory, name, value, expected):
    assert errno_of(directory.set, name, value) == expected


@pytest.mark.parametrize("name", ["system.posix_acl_access", "system.posix_acl_default"])
def test_acl_of_file_gives(root, name):
    node = Node(root.file("tasks"), root.hierarchy.user)
    assert [errno_of(node.set, name, ACL), errno_of(node.get, name), errno_of(node.remove, name)] \
        == ["EOPNOTSUPP"] * 3


@pytest.mark.open_to_all
def test_acl_by_a_stranger_gives(directory, stranger):
    assert errno_of(directory.as_(stranger).set, "system.posix_acl_access", ACL) == "EOPNOTSUPP"


@pytest.mark.open_to_all
def test_write_leaves_capabilities(root, admin):
    group = root.mkgroup("g")
    node = Node(group.file("notify_on_release"), admin)
    node.set("security.capability", CAPABILITY)
    group.notify()
    assert node.get("security.capability") == CAPABILITY


def truncate(path):
    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))


def chown(path):
    os.chown(path, 1, 1)


@pytest.mark.open_to_all
@pytest.mark.parametrize("function", [truncate, chown])
def test_capabilities_are_taken_away_by(root, admin, function):
    node = Node(root.mkgroup("g").file("tasks"), admin)
    node.set("security.capability", CAPABILITY)
    admin(function, node.path)
    assert node.list() == []


@pytest.mark.parametrize("operation", ["set", "remove"])
def test_read_only_mount_is_erofs(root, admin, operation):
    folder = root.hierarchy.sandbox.folder()
    group = root.mkgroup("g")
    libc.mount(root.path, folder, None, libc.MS_BIND)
    try:
        libc.mount(None, folder, None, libc.MS_REMOUNT | libc.MS_BIND | libc.MS_RDONLY)
        node = Node(f"{folder}{group.name}", root.hierarchy.user)
        assert errno_of(getattr(node, operation), "user.x") == "EROFS"
    finally:
        libc.umount(folder)


# ---- what they cost who has none ----

@pytest.fixture
def debugged(sandbox, programs, processes):
    """A hierarchy of ours that prints every request."""
    hierarchy = mounts.OurHierarchy(sandbox, programs, arguments=["-d"])
    hierarchy.allowed_log = [""]
    hierarchy.start()
    try:
        yield hierarchy
    finally:
        container.end_everything(sandbox.tasks() + hierarchy.processes())
        hierarchy.stop()


def count_requests(hierarchy, function, *arguments):
    """How many requests about extended attributes an operation sends."""
    before = len(re.findall(r"opcode: \w*XATTR ", hierarchy.log()))
    hierarchy.user(function, *arguments)
    return len(re.findall(r"opcode: \w*XATTR ", hierarchy.log())) - before


@pytest.mark.parametrize("flags, expected", [
    (os.O_WRONLY, 0), (os.O_RDWR, 0), (os.O_WRONLY | os.O_APPEND, 0), (os.O_WRONLY | os.O_TRUNC, 1),
], ids=["write", "read-write", "append", "truncate"])
def test_requests_that_a_write_sends_about_them(debugged, flags, expected):
    path = debugged.root.mkgroup("g").file("notify_on_release")
    assert count_requests(debugged, write_once, path, b"1", flags) == expected


def work(path):
    group = os.path.join(path, "g")
    os.mkdir(group)
    write_once(f"{group}/notify_on_release", b"1")
    read_whole(f"{group}/tasks")
    os.listdir(group)
    os.stat(group)
    os.rename(group, group + "2")
    os.rmdir(group + "2")


def test_other_operations_send_none_about_them(debugged):
    assert count_requests(debugged, work, debugged.path) == 0


# ---- times of what root made: the kernel keeps none until there is a reason ----

def list_them(path):
    os.listxattr(path)


def remove_none(path):
    assert errno_of(os.removexattr, path, "trusted.missing") == "ENODATA"


def replace_none(path):
    assert errno_of(os.setxattr, path, "trusted.missing", b"", os.XATTR_REPLACE) == "ENODATA"


def get_none(path):
    assert errno_of(os.getxattr, path, "trusted.missing") == "ENODATA"


def set_an_unknown_one(path):
    assert errno_of(os.setxattr, path, "unknown.x", b"") == "EOPNOTSUPP"


@pytest.mark.open_to_all
@pytest.mark.parametrize("name", [".", "tasks"])
@pytest.mark.parametrize("act, begins", [
    (list_them, True), (remove_none, True), (replace_none, True), (get_none, False),
    (set_an_unknown_one, False),
])
def test_times_of_roots_node_begin(root, admin, name, act, begins):
    group = root.mkgroup("g", by=admin)
    made = group.stat(name).st_mtime_ns
    admin(act, group.file(name))
    assert (group.stat(name).st_mtime_ns > made) == begins


@pytest.mark.open_to_all
@pytest.mark.parametrize("act, begins", [(list_them, True), (get_none, False)])
def test_times_of_roots_group_follow_its_children_from_then_on(root, admin, act, begins):
    group = root.mkgroup("g", by=admin)
    admin(act, group.path)
    before = group.stat().st_mtime_ns
    group.mkgroup("child", by=admin)
    assert (group.stat().st_mtime_ns > before) == begins
