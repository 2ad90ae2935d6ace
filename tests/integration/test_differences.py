# SPDX-License-Identifier: MIT
"""What the kernel does and ours may not, where no other test shows it: rows of differences.py."""

import os
import subprocess

import pytest

from support import libc
from support.group import errno_of, read_whole


# ---- the mount ----

def test_statfs_tells_the_type(root):
    kind = root.hierarchy.user(subprocess.check_output, ["stat", "-f", "-c", "%t", root.path])
    assert kind == b"27e0eb\n"


def test_table_of_mounts_tells_the_type(hierarchy):
    lines = read_whole("/proc/self/mounts").decode().splitlines()
    assert [line.split()[2] for line in lines if line.split()[1] == hierarchy.path] == ["cgroup"]


def test_remount_changes_the_agent(hierarchy, root, admin):
    options = f"none,name={hierarchy.name},release_agent=/changed"
    errno_of(admin, libc.mount, "none", hierarchy.path, "cgroup", libc.MS_REMOUNT, options)
    assert root.read("release_agent") == b"/changed\n"


def test_groups_outlive_the_mount(hierarchy, root):
    root.mkgroup("g")
    hierarchy.mount_again()
    assert root.child("g").exists()


def test_hierarchy_is_mounted_a_second_time(hierarchy, root, sandbox):
    root.mkgroup("g")
    second = sandbox.folder()
    os.chown(second, sandbox.uid, sandbox.gid)
    with hierarchy.mounted_at(second) as is_mounted:
        assert is_mounted and sorted(os.listdir(second)) == sorted(root.list())


def test_proc_shows_the_group_of_a_task(hierarchy, root, task):
    root.mkgroup("g").attach(task)
    lines = read_whole(f"/proc/{task.pid}/cgroup").decode().splitlines()
    assert [line.split(":", 1)[1] for line in lines if hierarchy.name in line] \
        == [f"name={hierarchy.name}:/g"]


# ---- the tree ----

@pytest.mark.needs("no-root")
def test_root_directory_is_0555(hierarchy):
    assert oct(hierarchy.root_mode) == oct(0o555)


@pytest.mark.parametrize("name", ["releasable", "cgroup.events", "cgroup.kill", "cgroup.tracking"])
def test_group_can_be_named(root, name):
    assert errno_of(root.mkgroup("g").mkgroup, name) == "ok"


# ---- tasks ----

def test_list_is_shown_again_as_it_was(hierarchy, root, task):
    group = root.mkgroup("g")
    group.attach(task)
    late = hierarchy.sleeper()
    descriptor = group.open("tasks", os.O_RDONLY)
    hierarchy.user(os.read, descriptor, 4096)
    group.attach(late)
    assert hierarchy.user(os.pread, descriptor, 4096, 0).split() == [b"%d" % task.pid]


# ---- the agent ----

def test_agent_is_set_by_the_privileged_alone(hierarchy, root):
    assert errno_of(root.write, "release_agent", "/x", by=hierarchy.user) == "EPERM"


@pytest.mark.needs("no-root")
def test_agent_runs_as_root(call):
    assert call.uids == (0, 0, 0)


def test_agent_is_a_child_of_a_kernel_thread(call):
    assert call.ppid == 0 or not os.path.exists(f"/proc/{call.ppid}/exe")


def test_agent_is_in_session_0(call):
    assert call.sid == 0
