# SPDX-License-Identifier: MIT
"""Several users on one tree, which root mounted (kernel behaviour §1.3, §3): who may do what."""

import os
import shutil
import subprocess

import pytest

from support.actor import Actor
from support.group import errno_of, read_whole, write_once

pytestmark = pytest.mark.by_root

USER, OTHER = 1000, 2000
FILES = ("tasks", "cgroup.procs")


@pytest.fixture
def group(root, admin):
    """Root's, whose lists everybody may write."""
    group = root.mkgroup("g", by=admin)
    for name in FILES:
        admin(os.chmod, group.file(name), 0o666)
    return group


@pytest.fixture
def shared(root, admin):
    """Root's, in which everybody may make groups."""
    group = root.mkgroup("shared", by=admin)
    admin(os.chmod, group.path, 0o777)
    return group


# ---- who may move whom: the credentials of the opener ----

@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("opener, target, expected", [
    ((USER, USER, USER), (USER, USER, USER), "ok"),
    ((USER, USER, USER), (0, USER, 0), "EACCES"),
    ((USER, USER, USER), (OTHER, OTHER, OTHER), "EACCES"),
    ((USER, USER, USER), (OTHER, USER, OTHER), "EACCES"),
    ((USER, USER, USER), (0, 0, 0), "EACCES"),
    ((0, USER, 0), (OTHER, OTHER, OTHER), "EACCES"),
    ((USER, 0, USER), (OTHER, OTHER, OTHER), "ok"),
    ((USER, OTHER, USER), (OTHER, OTHER, OTHER), "ok"),
    ((OTHER, USER, OTHER), (OTHER, OTHER, OTHER), "EACCES"),
    ((0, 0, 0), (OTHER, OTHER, OTHER), "ok"),
    ((0, 0, 0), (USER, USER, USER), "ok"),
    ((0, 0, 0), (0, 0, 0), "ok"),
], ids=str)
def test_effective_user_of_the_opener_decides(hierarchy, group, file, opener, target, expected):
    mover, moved = hierarchy.task(opener), hierarchy.task(target)
    assert errno_of(group.write, file, str(moved.pid), by=mover) == expected
    assert group.tasks() == ([moved.pid] if expected == "ok" else [])


def test_root_without_capabilities_moves_anybody(hierarchy, group, admin):
    moved = hierarchy.task(OTHER)
    command = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--", "sh", "-c",
               f"echo {moved.pid} >{group.file('tasks')}"]
    admin(subprocess.run, command, check=True)
    assert group.tasks() == [moved.pid]


def test_what_root_opened_moves_anybody_whoever_writes(hierarchy, group, admin):
    writer, moved = hierarchy.task(USER), hierarchy.task(OTHER)
    descriptor = admin.give(group.open("tasks", by=admin), writer)
    writer(os.write, descriptor, b"%d" % moved.pid)
    assert group.tasks() == [moved.pid]


def test_what_a_user_opened_moves_no_others_whoever_writes(hierarchy, group, admin):
    opener, target = hierarchy.task(USER), hierarchy.task(OTHER)
    descriptor = opener.give(group.open("tasks", by=opener), admin)
    assert errno_of(admin, os.write, descriptor, b"%d" % target.pid) == "EACCES"
    assert errno_of(admin, os.write, descriptor, b"%d" % admin.pid) == "EACCES"
    assert group.tasks() == []


def test_0_through_what_root_opened_is_the_writer(hierarchy, group, admin):
    writer = hierarchy.task(USER)
    descriptor = admin.give(group.open("tasks", by=admin), writer)
    writer(os.write, descriptor, b"0")
    assert group.tasks() == [writer.pid]


def test_group_of_the_target_does_not_matter(hierarchy, root, group, admin):
    # root/{g,closed}
    closed = root.mkgroup("closed", mode=0o700, by=admin)
    moved = hierarchy.task(USER)
    closed.attach(moved, by=admin)
    group.attach(moved, by=moved)
    assert (admin(read_whole, closed.file("tasks")), group.tasks()) == (b"", [moved.pid])


def test_tasks_of_all_users_are_listed_and_released(hierarchy, root, group, agent, admin):
    admin(write_once, group.file("notify_on_release"), b"1")
    members = [hierarchy.task(uid) for uid in (0, USER, OTHER)]
    for member in members:
        group.attach(member, by=member)
    assert group.tasks() == sorted(member.pid for member in members)
    for member in members:
        member.end()
    assert agent.next().path == "/g"


def test_children_of_a_user_are_members(hierarchy, group):
    parent = hierarchy.task(OTHER)
    group.attach(parent, by=parent)
    child = parent.fork()
    assert group.tasks() == sorted([parent.pid, child.pid])


# ---- set-id programs ----

@pytest.fixture
def set_id_program(sandbox, admin):
    """A copy of tee(1), with the given owner and mode."""
    def copy(uid, gid, mode):
        path = os.path.join(sandbox.folder(), "tee")
        shutil.copy("/usr/bin/tee", path)
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        return path
    return copy


def write_by_program(actor, program, path, text):
    """True: it succeeded."""
    return actor(subprocess.run, [program, path], input=text, stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL).returncode == 0


def test_setuid_program_opens_as_its_owner(hierarchy, group, set_id_program):
    caller, moved = hierarchy.task(USER), hierarchy.task(OTHER)
    program = set_id_program(0, 0, 0o4755)
    assert write_by_program(caller, program, group.file("tasks"), b"%d" % moved.pid)
    assert group.tasks() == [moved.pid]


def test_program_without_the_bit_opens_as_its_caller(hierarchy, group, set_id_program):
    caller, target = hierarchy.task(USER), hierarchy.task(OTHER)
    program = set_id_program(0, 0, 0o755)
    assert not write_by_program(caller, program, group.file("tasks"), b"%d" % target.pid)
    assert group.tasks() == []


def test_setgid_program_may_write_what_its_group_may(root, hierarchy, admin, set_id_program):
    group = root.mkgroup("g", by=admin)
    admin(os.chown, group.file("tasks"), 0, OTHER)
    admin(os.chmod, group.file("tasks"), 0o664)
    caller = hierarchy.task(USER)
    moved = b"%d" % caller.pid
    assert not write_by_program(caller, set_id_program(0, OTHER, 0o755), group.file("tasks"), moved)
    assert write_by_program(caller, set_id_program(0, OTHER, 0o2755), group.file("tasks"), moved)
    assert group.tasks() == [caller.pid]


# ---- directories ----

def test_anybody_may_make_and_remove_in_an_open_directory(hierarchy, shared):
    first, second = hierarchy.task(USER), hierarchy.task(OTHER)
    made = shared.mkgroup("g", by=first)
    assert made.stat().st_uid == USER
    made.rmdir(by=second)
    assert not made.exists()


def test_nobody_else_may_make_in_a_closed_directory(hierarchy, root, admin):
    group = root.mkgroup("closed", mode=0o755, by=admin)
    below = group.mkgroup("below", by=admin)
    user = hierarchy.task(USER)
    assert [errno_of(group.mkgroup, "x", by=user), errno_of(below.rmdir, by=user),
            errno_of(below.rename, "y", by=user)] == ["EACCES"] * 3


def test_sticky_directory_lets_the_owner_alone_remove_and_rename(hierarchy, shared, admin):
    admin(os.chmod, shared.path, 0o1777)
    first, second = hierarchy.task(USER), hierarchy.task(OTHER)
    made = shared.mkgroup("g", by=first)
    assert [errno_of(made.rmdir, by=second), errno_of(made.rename, "h", by=second)] == ["EPERM"] * 2
    made.rename("h", by=first)
    made.rmdir(by=first)


def test_owner_of_a_sticky_directory_may_remove(hierarchy, shared, admin):
    first, second = hierarchy.task(USER), hierarchy.task(OTHER)
    admin(os.chown, shared.path, OTHER, OTHER)
    admin(os.chmod, shared.path, 0o1777)
    made = shared.mkgroup("g", by=first)
    made.rmdir(by=second)
    assert not made.exists()


def test_setgid_directory_gives_its_group_to_what_is_made(hierarchy, shared, admin):
    admin(os.chown, shared.path, 0, OTHER)
    admin(os.chmod, shared.path, 0o2777)
    made = shared.mkgroup("g", by=hierarchy.task(USER))
    below = made.stat()
    assert (below.st_uid, below.st_gid, below.st_mode & 0o2000) == (USER, OTHER, 0o2000)


# ---- supplementary groups ----

@pytest.fixture
def member_of(sandbox):
    """A task of the user that is in these groups too."""
    return lambda *gids: Actor.fork_here((((USER,) * 3, (USER,) * 3, list(gids))))


def test_supplementary_group_may_write_what_its_group_may(root, admin, member_of):
    group = root.mkgroup("g", by=admin)
    admin(os.chown, group.file("tasks"), 0, OTHER)
    admin(os.chmod, group.file("tasks"), 0o664)
    member, stranger = member_of(OTHER), member_of()
    assert errno_of(group.write, "tasks", "0", by=stranger) == "EACCES"
    group.write("tasks", "0", by=member)
    assert group.tasks() == [member.pid]


def test_owner_may_give_to_own_supplementary_group_alone(shared, member_of):
    member = member_of(OTHER)
    made = shared.mkgroup("g", by=member)
    assert [errno_of(member, os.chown, made.path, -1, gid) for gid in (OTHER, 3000)] \
        == ["ok", "EPERM"]
    assert made.stat().st_gid == OTHER


# ---- attributes ----

@pytest.mark.parametrize("function, arguments, expected", [
    (os.chmod, (0o777,), "EPERM"), (os.chown, (OTHER, -1), "EPERM"), (os.utime, ((1, 1),), "EPERM"),
    (os.utime, (), "EACCES"),
], ids=["chmod", "chown", "utime", "utime-now"])
@pytest.mark.parametrize("name", [".", "tasks"])
def test_attributes_are_the_owners(hierarchy, shared, function, arguments, expected, name):
    made = shared.mkgroup("g", mode=0o755, by=hierarchy.task(USER))
    assert errno_of(hierarchy.task(OTHER), function, made.file(name), *arguments) == expected


def test_flags_of_anothers_group_are_closed(hierarchy, shared):
    made = shared.mkgroup("g", by=hierarchy.task(USER))
    assert errno_of(made.write, "notify_on_release", "1", by=hierarchy.task(OTHER)) == "EACCES"


@pytest.mark.parametrize("uid", [USER, OTHER])
def test_agent_is_not_set_by_users_whatever_the_mode(hierarchy, root, admin, uid):
    admin(os.chmod, root.file("release_agent"), 0o666)
    assert errno_of(root.write, "release_agent", "/x", by=hierarchy.task(uid)) == "EPERM"
    assert root.read("release_agent") == b"\n"
