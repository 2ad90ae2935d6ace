# SPDX-License-Identifier: MIT
"""The same by shell, as everybody who may mount: user, root, root of an own namespace."""

import os
import resource
import signal
import subprocess

import pytest

from support import container, libc, mounts
from support.group import errno_of
from support.namespaces import unshare

SMOKE = os.path.join(os.path.dirname(__file__), "programs", "smoke.sh")


def run_smoke(programs, folder, wrapper, daemon=None):
    command = [*wrapper, "sh", SMOKE, daemon or programs["daemon"], folder]
    # Where a namespace ends with its first process, so does the daemon, in whatever it is doing; and
    # the 0 of one user namespace does not take the registry of another's.
    environment = {**os.environ, "XDG_RUNTIME_DIR": folder}
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                            cwd="/", stdin=subprocess.DEVNULL, env=environment)
    got = (result.returncode, result.stdout, result.stderr)
    assert got == (0, "smoke: all as expected\n", ""), daemon
    assert not mounts.is_mounted(os.path.join(folder, "tree"))


@pytest.mark.quick
def test_as_user(sandbox, programs, processes):
    run_smoke(programs, sandbox.folder(), sandbox.as_user(["env"]))


def test_as_root(sandbox, programs, processes):
    sandbox.need("root")
    run_smoke(programs, sandbox.folder(), [])


@pytest.mark.quick
def test_as_root_of_user_and_mount_namespace(sandbox, programs, processes):
    run_smoke(programs, sandbox.folder(), unshare(sandbox, "-U", "-r", "-m"))


def test_as_root_of_user_mount_and_pid_namespace(sandbox, programs, processes):
    wrapper = unshare(sandbox, "-U", "-r", "-p", "-f", "-m", "--mount-proc")
    run_smoke(programs, sandbox.folder(), wrapper)


def optional_features(programs, sandbox):
    """As the program lists them."""
    result = subprocess.run([programs["daemon"], "--without=?", sandbox.base], capture_output=True,
                            text=True, check=False)
    return result.stderr.strip().split("known are: ")[1].split(", ")


def test_where_its_own_proc_hides_processes(sandbox, programs, processes):
    wrapper = [*unshare(sandbox, "-U", "-r", "-p", "-f", "-m"), "sh", "-c",
               'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]
    run_smoke(programs, sandbox.folder(), wrapper)


def run_smoke_without(sandbox, programs, features):
    folder = sandbox.folder()
    daemon = os.path.join(folder, f"without-{features}")
    with open(daemon, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {programs["daemon"]} --without={features} "$@"\n')
    os.chmod(daemon, 0o755)
    run_smoke(programs, folder, sandbox.as_user(["env"]), daemon)


def test_without_each_optional_feature(sandbox, programs, processes):
    features = optional_features(programs, sandbox)
    assert len(features) >= 3
    features.remove("whole-proc")
    for names in [*features, ",".join(features)]:
        run_smoke_without(sandbox, programs, names)


@pytest.mark.needs("few-pids")
def test_without_whole_proc(sandbox, programs, processes):
    for names in ["whole-proc", ",".join(optional_features(programs, sandbox))]:
        run_smoke_without(sandbox, programs, names)


def test_with_ignored_signals_and_strict_umask(sandbox, programs, processes):
    wrapper = sandbox.as_user(["env", "--ignore-signal=INT,HUP,PIPE,CHLD,USR1", "sh", "-c",
                               'umask 077; exec "$@"', "sh"])
    run_smoke(programs, sandbox.folder(), wrapper)


def test_with_standard_descriptors_closed(sandbox, programs, processes):
    folder = sandbox.folder()
    daemon = os.path.join(folder, "daemon")
    with open(daemon, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {programs["daemon"]} "$@" <&- >&- 2>&-\n')
    os.chmod(daemon, 0o755)
    run_smoke(programs, folder, sandbox.as_user(["env"]), daemon)


def stop(*hierarchies):
    """Their tasks, then they."""
    hierarchies[0].sandbox.tidy_tasks()
    daemons = [pid for hierarchy in hierarchies for pid in hierarchy.processes()]
    container.end_everything(hierarchies[0].sandbox.tasks() + daemons)
    for hierarchy in hierarchies:
        hierarchy.stop()


# ---- a mount by root ----

@pytest.fixture
def roots(sandbox, programs, processes):
    """A hierarchy of ours that root mounted, with the same vocabulary."""
    sandbox.need("root")
    hierarchy = mounts.OurHierarchy(sandbox, programs, as_root=True)
    hierarchy.start()
    yield hierarchy
    stop(hierarchy)


def test_root_mounted_directory_is_0555_of_root(roots):
    status = roots.root.stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o555, 0, 0)


def test_root_mounted_tree_is_open_to_users(sandbox, roots):
    assert "tasks" in sandbox.user(os.listdir, roots.path)


def test_users_task_in_delegated_group_of_roots_mount(sandbox, roots):
    group = roots.root.mkgroup("g")
    for name in (".", "tasks", "cgroup.procs"):
        os.chown(group.file(name), sandbox.uid, sandbox.gid)
    sleeper = roots.sleeper()
    group.attach(sleeper, by=sandbox.user)
    assert group.tasks() == [sleeper.pid]


def test_agent_of_roots_mount_runs_as_root(roots):
    agent = roots.use_agent()
    sleeper = roots.sleeper(0)
    roots.root.mkgroup("g").notify().attach(sleeper)
    sleeper.end()
    assert agent.next().uids == (0, 0, 0)


def test_user_may_not_set_agent_of_roots_mount(sandbox, roots):
    os.chmod(roots.root.file("release_agent"), 0o666)
    with pytest.raises(PermissionError):
        roots.root.write("release_agent", "/bin/true", by=sandbox.user)
    assert roots.root.read("release_agent") == b"\n"


# ---- two mounts of one user ----

def test_two_hierarchies_hold_different_processes(sandbox, programs, processes):
    first, second = (mounts.OurHierarchy(sandbox, programs) for _ in range(2))
    first.start()
    second.start()
    try:
        groups = [hierarchy.root.mkgroup("g") for hierarchy in (first, second)]
        sleepers = [first.sleeper_in(groups[0]), second.sleeper_in(groups[1])]
        assert [group.tasks() for group in groups] == [[sleeper.pid] for sleeper in sleepers]
    finally:
        stop(first, second)


def test_marker_left_by_a_killed_daemon_is_no_hindrance(sandbox, programs, processes):
    dead = mounts.OurHierarchy(sandbox, programs)
    dead.start()
    sleeper = dead.sleeper_in(dead.root.mkgroup("g"))
    marked = sandbox.user(resource.prlimit, sleeper.pid, libc.RLIMIT_LOCKS)
    servers = dead.servers()
    for number in (signal.SIGSTOP, signal.SIGKILL):  # so that neither learns of the other's end
        for pid in servers:
            os.kill(pid, number)
    dead.daemon.wait()
    assert sandbox.user(resource.prlimit, sleeper.pid, libc.RLIMIT_LOCKS) == marked
    assert marked != resource.getrlimit(libc.RLIMIT_LOCKS), "the marker that is left"
    sandbox.detach(dead.path)
    hierarchy = mounts.OurHierarchy(sandbox, programs)
    hierarchy.start()
    try:
        group = hierarchy.root.mkgroup("g")
        group.attach(sleeper)
        assert group.tasks() == [sleeper.pid]
        sleeper.end()
        assert group.tasks() == []
    finally:
        stop(hierarchy)


def test_exhausted_descriptors_fail_the_attach_alone(sandbox, programs, processes):
    hierarchy = mounts.OurHierarchy(sandbox, programs)
    hierarchy.limits = {"nofile": 64}
    hierarchy.start()
    try:
        sleepers = [hierarchy.sleeper() for _ in range(80)]
        outcomes = []
        for number, sleeper in enumerate(sleepers):
            group = hierarchy.root.mkgroup(f"g{number}")
            try:
                group.attach(sleeper)
                outcomes.append((group, sleeper))
            except OSError as error:
                assert libc.errno_name(error.errno) == "EMFILE"
        assert 0 < len(outcomes) < len(sleepers)
        assert all(group.tasks() == [sleeper.pid] for group, sleeper in outcomes)
    finally:
        stop(hierarchy)
