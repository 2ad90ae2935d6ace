# SPDX-License-Identifier: MIT
"""A /proc that hides processes: those of others, and those of the user that are not dumpable."""

import resource

import pytest

from support import libc
from support.group import errno_of, read_whole
from test_contexts import run_smoke

pytestmark = pytest.mark.needs("system")

each_hidepid = pytest.mark.parametrize("hidepid", ["noaccess", "invisible", "ptraceable"],
                                       indirect=True)


@pytest.fixture(autouse=True)
def hidepid(request, sandbox):
    """Over the /proc of the test's mount namespace; root sees through it."""
    libc.mount("proc", "/proc", "proc", 0, f"hidepid={getattr(request, 'param', 'invisible')}")
    yield
    libc.umount("/proc")


@pytest.fixture
def task(task):
    """A process of the user's, undumpable."""
    task(libc.prctl, libc.PR_SET_DUMPABLE, 0)
    return task


@each_hidepid
def test_undumpable_process_is_hidden_from_its_user(hierarchy, task):
    path = f"/proc/{task.pid}/limits"
    assert errno_of(hierarchy.user, read_whole, path) in ("EPERM", "ENOENT", "EACCES")


@each_hidepid
@pytest.mark.parametrize("file", ["tasks", "cgroup.procs"])
def test_undumpable_process_is_attached(root, task, file):
    group = root.mkgroup("g")
    group.write(file, str(task.pid))
    assert (group.tasks(), group.procs()) == ([task.pid], [task.pid])


@pytest.mark.only("ours")
@pytest.mark.arguments("--without=io-hints")
def test_undumpable_process_that_can_not_be_marked_is_listed(root, task):
    """How many threads it has can't be known."""
    for kind in (libc.RLIMIT_LOCKS, resource.RLIMIT_RSS):
        task(resource.setrlimit, kind, (0, 0))
    group = root.mkgroup("g")
    group.attach(task)
    assert (group.tasks(), group.procs()) == ([task.pid], [task.pid])
    assert group.read("cgroup.tracking") == b"unmarked 1\n"
    task.end()
    assert group.procs() == []


def test_undumpable_process_attaches_itself(root, task):
    group = root.mkgroup("g")
    group.enter(task)
    assert group.tasks() == [task.pid]


@each_hidepid
def test_undumpable_process_reads_lists(root, hierarchy, task):
    group = root.mkgroup("g")
    sleeper = hierarchy.sleeper_in(group)
    assert group.read("tasks", by=task) == b"%d\n" % sleeper.pid


def test_undumpable_process_names_another(root, hierarchy, task):
    group = root.mkgroup("g")
    sleeper = hierarchy.sleeper()
    group.attach(sleeper, by=task)
    assert group.procs() == [sleeper.pid]


def test_undumpable_process_moves_on(root, task):
    first, second = root.mkgroup("a"), root.mkgroup("b")
    first.attach(task)
    second.attach(task)
    assert (first.tasks(), second.tasks()) == ([], [task.pid])
    root.attach(task)
    assert second.tasks() == []


def test_child_of_undumpable_process_inherits(root, task):
    group = root.mkgroup("g")
    group.attach(task)
    child = task.fork()
    assert group.procs() == sorted([task.pid, child.pid])
    task.end()
    assert group.procs() == [child.pid]
    assert errno_of(group.rmdir) == "EBUSY"


def test_end_of_the_last_hidden_member_is_a_release(root, hierarchy, agent, task):
    group = root.mkgroup("g").notify()
    group.attach(task)
    child = task.fork()
    task.end()
    assert agent.calls(hierarchy) == []
    child.end()
    assert agent.calls(hierarchy) == ["/g"]


def test_member_that_becomes_undumpable_stays_listed(root, hierarchy):
    group = root.mkgroup("g")
    member = hierarchy.task()
    member.thread()
    group.attach(member)
    member(libc.prctl, libc.PR_SET_DUMPABLE, 0)
    assert group.procs() == [member.pid]
    assert member.pid in group.tasks()


def test_undumpable_member_of_a_pid_namespace_below_has_its_number_there(root, hierarchy):
    first = hierarchy.task()
    first(libc.unshare, libc.CLONE_NEWUSER | libc.CLONE_NEWPID)
    reader = first.fork()
    member = reader.fork_below()
    member(libc.prctl, libc.PR_SET_DUMPABLE, 0)
    group = root.mkgroup("g")
    group.attach(member.number, by=reader)
    assert group.tasks() == [member.pid]
    assert group.read("tasks", by=reader) == b"2\n"


def test_process_of_another_user_is_eacces(root, stranger):
    assert errno_of(root.mkgroup("g").attach, stranger) == "EACCES"


def test_init_is_eacces(root):
    assert errno_of(root.mkgroup("g").attach, 1) == "EACCES"


def test_missing_process_is_esrch(root, hierarchy):
    sleeper = hierarchy.sleeper().end()
    sleeper.reap()
    assert errno_of(root.mkgroup("g").attach, sleeper.pid) == "ESRCH"


def test_whole_way_as_user(sandbox, programs, processes):
    run_smoke(programs, sandbox.folder(), sandbox.as_user(["env"]))


def test_whole_way_as_root(sandbox, programs, processes):
    run_smoke(programs, sandbox.folder(), [])
