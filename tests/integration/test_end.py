# SPDX-License-Identifier: MIT
"""How a mount ends, and that nothing is left of it (ours only)."""

import os
import resource
import signal
import subprocess

import pytest

from support import container, libc, mounts
from support.group import errno_of
from support.waiting import wait_until

pytestmark = pytest.mark.only("ours")

LIMIT = (12345678, resource.RLIM_INFINITY)


def limit_of(hierarchy, process):
    """(soft, hard), asked for by the user: root may lack CAP_SYS_RESOURCE."""
    return hierarchy.user(resource.prlimit, process.pid, libc.RLIMIT_LOCKS)


def set_limit(hierarchy, process):
    hierarchy.user(resource.prlimit, process.pid, libc.RLIMIT_LOCKS, LIMIT)


def fusermount(hierarchy):
    command = hierarchy.sandbox.as_user(["fusermount3", "-u", hierarchy.path])
    subprocess.run(command, check=True)


def umount(hierarchy):
    hierarchy.sandbox.need("root")
    libc.umount(hierarchy.path)


def signal_keeper(number):
    def end(hierarchy):
        hierarchy.daemon.send_signal(number)
    return end


def signal_server(number):
    def end(hierarchy):
        server = hierarchy.servers()[1]
        os.kill(server, number)
    return end


ENDS = {
    "SIGTERM": signal_keeper(signal.SIGTERM), "SIGINT": signal_keeper(signal.SIGINT),
    "SIGHUP": signal_keeper(signal.SIGHUP), "SIGTERM-to-server": signal_server(signal.SIGTERM),
    "SIGINT-to-server": signal_server(signal.SIGINT), "fusermount3": fusermount, "umount": umount,
}


@pytest.fixture(params=ENDS)
def end(request, hierarchy):
    """Ends the mount in one of the ways; returns the daemon's exit status."""
    hierarchy.allowed_log = ["populated"]

    def end():
        pids = hierarchy.servers()
        assert len(pids) == 2, "keeper and server"
        ENDS[request.param](hierarchy)
        status = hierarchy.daemon.wait(20)
        wait_until(lambda: not any(map(container.living, pids)), "the end of keeper and server")
        assert not mounts.is_mounted(hierarchy.path)
        return status
    return end


@pytest.mark.quick
def test_end_without_groups(end):
    assert end() == 0


def test_end_gives_members_their_limit_back(hierarchy, root, end):
    sleeper = hierarchy.sleeper()
    set_limit(hierarchy, sleeper)
    root.mkgroup("g").attach(sleeper)
    assert limit_of(hierarchy, sleeper) != LIMIT, "the marker"
    assert end() == 0
    assert limit_of(hierarchy, sleeper) == LIMIT and container.living(sleeper.pid)


def test_end_gives_descendants_their_limit_back(hierarchy, root, task, end):
    # root/g/h
    before = limit_of(hierarchy, task)
    group = root.mkgroup("g")
    group.mkgroup("h").attach(task)
    tasks = [task]
    for _ in range(3):
        tasks.append(tasks[-1].fork())
    assert all(limit_of(hierarchy, one) != before for one in tasks), "the markers"
    assert end() == 0
    assert [limit_of(hierarchy, one) for one in tasks] == [before] * 4


def test_end_runs_due_releases_first(hierarchy, root, agent, end):
    names = [f"/g{number}" for number in range(10)]
    for name in names:
        hierarchy.sleeper_in(root.mkgroup(name[1:]).notify()).end()
    assert end() == 0
    wait_until(lambda: sorted(agent.received()) == names, "the calls for all groups")


def test_end_with_hanging_agent(hierarchy, root, agent, end):
    agent.hold()
    hierarchy.sleeper_in(root.mkgroup("g").notify()).end()
    pid = agent.next().pid
    assert end() == 0
    assert container.living(pid), "the agent is nobody's to end"


def has_signal_pending(pid, number):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        masks = dict(line.split(":\t") for line in file.read().splitlines() if ":\t" in line)
    return bool((int(masks["SigPnd"], 16) | int(masks["ShdPnd"], 16)) >> number - 1 & 1)


def test_agent_inside_the_mount_does_not_hold_up_the_end(hierarchy, root):
    # Its exec asks us for the path, and comes in the same round as the end.
    hierarchy.expected_log = ["release agent"]
    root.write("release_agent", f"{hierarchy.path}/nobody/agent", by=hierarchy.mounter)
    sleeper = hierarchy.sleeper_in(root.mkgroup("g").notify())
    server = hierarchy.servers()[1]
    os.kill(server, signal.SIGSTOP)
    try:
        sleeper.end()
        hierarchy.daemon.send_signal(signal.SIGTERM)
        wait_until(lambda: has_signal_pending(server, signal.SIGTERM), "the keeper's signal")
    finally:
        os.kill(server, signal.SIGCONT)
    assert hierarchy.daemon.wait(20) == 0
    assert not mounts.is_mounted(hierarchy.path)
    assert "No such file or directory" in hierarchy.log()


def test_end_by_fusermount_of_busy_tree_is_refused(hierarchy, root):
    root.open("tasks")
    command = hierarchy.sandbox.as_user(["fusermount3", "-u", hierarchy.path])
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
    assert root.mkgroup("g").exists()


def test_sigterm_detaches_busy_tree(hierarchy, root):
    descriptor = root.open("notify_on_release")
    assert hierarchy.end_daemon() == 0
    assert not mounts.is_mounted(hierarchy.path)
    assert errno_of(hierarchy.user, os.read, descriptor, 10) in ("ENOTCONN", "ECONNABORTED")


def test_lazy_unmount_ends_the_daemon(hierarchy):
    command = hierarchy.sandbox.as_user(["fusermount3", "-u", "-z", hierarchy.path])
    subprocess.run(command, check=True)
    assert hierarchy.daemon.wait(20) == 0


def test_populated_groups_dropped_are_logged(hierarchy, root):
    hierarchy.expected_log = ["populated"]
    sleeper = hierarchy.sleeper_in(root.mkgroup("g"))
    assert root.child("g").tasks() == [sleeper.pid]
    assert hierarchy.end_daemon() == 0
    assert "1 populated" in hierarchy.log()


def test_move_to_the_root_gives_the_limit_back(hierarchy, root):
    sleeper = hierarchy.sleeper()
    set_limit(hierarchy, sleeper)
    root.mkgroup("g").attach(sleeper)
    assert limit_of(hierarchy, sleeper) != LIMIT
    root.attach(sleeper)
    assert limit_of(hierarchy, sleeper) == LIMIT


def test_limit_survives_moves_between_groups(hierarchy, root):
    sleeper = hierarchy.sleeper()
    set_limit(hierarchy, sleeper)
    for name in "abc":
        root.mkgroup(name).attach(sleeper)
    root.attach(sleeper)
    assert limit_of(hierarchy, sleeper) == LIMIT


def test_hard_limit_is_never_touched(hierarchy, root):
    sleeper = hierarchy.sleeper()
    hard = limit_of(hierarchy, sleeper)[1]
    root.mkgroup("g").attach(sleeper)
    assert limit_of(hierarchy, sleeper)[1] == hard


def test_tree_can_be_mounted_again(hierarchy, root):
    root.mkgroup("g").notify()
    assert hierarchy.end_daemon() == 0
    hierarchy.start()
    assert "g" not in root.list()
    assert root.mkgroup("g").read("notify_on_release") == b"0\n"


def test_agent_carries_no_marker(hierarchy, root, agent):
    before = resource.getrlimit(libc.RLIMIT_LOCKS)
    hierarchy.sleeper_in(root.mkgroup("g").notify()).end()
    assert agent.next().locks == before


def test_agent_has_the_limit_of_open_files_of_the_mounter(hierarchy, root, agent):
    hierarchy.sleeper_in(root.mkgroup("g").notify()).end()
    assert agent.next().nofile == resource.getrlimit(resource.RLIMIT_NOFILE)


def test_server_killed_ends_the_mount_with_a_message(hierarchy):
    hierarchy.expected_log = ["server"]
    os.kill(hierarchy.servers()[1], signal.SIGKILL)
    assert hierarchy.daemon.wait(20) == 1
    assert not mounts.is_mounted(hierarchy.path)
    assert "server" in hierarchy.log()
    hierarchy.daemon = None


def test_keeper_killed_ends_the_mount(hierarchy):
    keeper, server = hierarchy.servers()
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: not container.living(server), "the end of the server")
    wait_until(lambda: not mounts.is_mounted(hierarchy.path), "the end of the mount")
    hierarchy.daemon.wait()
    hierarchy.daemon = None
