# SPDX-License-Identifier: MIT
"""What the agent's process gets (kernel behaviour §6.3), as far as both can give it."""

import os

import pytest


@pytest.mark.quick
def test_arguments_are_the_agent_and_the_path(agent, call):
    assert call.argv == [agent.path.encode(), b"/g"]


def test_environment_is_exactly_two_variables(call):
    assert call.environ == [b"HOME=/", b"PATH=/sbin:/bin:/usr/sbin:/usr/bin"]


def test_no_descriptor_is_open(call):
    assert call.fds == []


def test_directory_is_the_root(call):
    assert call.cwd == b"/"


def test_umask_is_022(call):
    assert call.umask == 0o022


def test_no_signal_is_blocked_ignored_or_pending(call):
    assert (call.blocked, call.ignored, call.pending) == ([], [], [])


def test_scheduling_is_ordinary(call):
    assert (call.policy, call.nice) == (0, 0)


def test_session_is_its_own(call):
    assert call.sid in (0, call.pid) and call.pgrp in (0, call.pid)


def test_rights_are_those_of_the_mounter(hierarchy, call):
    assert call.uids == hierarchy.mounter(os.getresuid)


def test_agent_is_in_the_root_group(hierarchy, root, agent):
    agent.hold()
    group = root.mkgroup("g").notify()
    hierarchy.sleeper_in(group).end()
    pid = agent.next().pid
    assert pid in root.procs() and group.procs() == []


def test_process_forked_by_agent_is_in_the_root_group(hierarchy, root, agent):
    pid_file = agent.path + ".child"
    hierarchy.set_agent(agent.script("forking", f"sleep 1000 & echo $! >{pid_file}"))
    group = root.mkgroup("g").notify()
    hierarchy.sleeper_in(group).end()
    agent.next()
    with open(pid_file, encoding="ascii") as file:
        pid = int(file.read())
    try:
        assert group.procs() == [] and pid in root.procs()
    finally:
        os.kill(pid, 9)


# ---- paths ----

@pytest.mark.parametrize("name", [
    b"with blank", b"'quotes\"", b"\ttab", b"\x01", "äöü".encode(), b"\xff\xfe", b"back\\slash",
    b"$HOME", b"a;b", b"%s", b"-x", b"x" * 255,
], ids=lambda name: repr(name)[:20])
def test_path_is_raw_bytes(hierarchy, root, agent, name):
    group = root.mkgroup(os.fsdecode(name)).notify()
    hierarchy.sleeper_in(group).end()
    assert agent.next().argv[1] == b"/" + name


def test_path_of_deep_group(hierarchy, root, agent):
    # root/a/b/c/d
    group = root.mkgroup("a").mkgroup("b").mkgroup("c").mkgroup("d").notify()
    hierarchy.sleeper_in(group).end()
    assert agent.next().path == "/a/b/c/d"


def test_too_long_path_is_cut_and_called_for(hierarchy, root, agent):
    # root/n.../n.../..., five names of 1,000 bytes
    user = hierarchy.user
    directory = root.open(".", os.O_RDONLY)
    for _ in range(5):
        user(os.mkdir, "n" * 1000, dir_fd=directory)
        directory = user(os.open, "n" * 1000, os.O_RDONLY, dir_fd=directory)

    def write(name, data):
        descriptor = user(os.open, name, os.O_WRONLY, dir_fd=directory)
        user(os.write, descriptor, data)

    sleeper = hierarchy.sleeper()
    write("notify_on_release", b"1")
    write("cgroup.procs", b"%d" % sleeper.pid)
    sleeper.end()
    assert agent.next().argv[1] == (b"/" + b"n" * 1000) * 4 + b"/" + b"n" * 90


# ---- the text of release_agent ----

def call_with(hierarchy, text):
    hierarchy.set_agent(text)
    hierarchy.sleeper_in(hierarchy.root.mkgroup("g").notify()).end()


def test_script_is_run_by_its_interpreter(hierarchy, agent):
    call_with(hierarchy, agent.script("script"))
    assert agent.next().path == "/g"


def test_relative_agent_is_resolved_from_the_root_directory(hierarchy, agent):
    call_with(hierarchy, agent.path[1:])
    assert agent.next().argv == [agent.path[1:].encode(), b"/g"]


def test_agent_with_dot_is_run_as_written(hierarchy, agent):
    call_with(hierarchy, "." + agent.path)
    assert agent.next().argv[0] == b"." + agent.path.encode()


@pytest.mark.parametrize("form", ["//{}", "{}/../agent-dir/../agent"])
def test_unusual_path_of_agent(hierarchy, agent, form):
    folder = os.path.dirname(agent.path)
    os.mkdir(os.path.join(folder, "agent-dir"))
    text = form.format(agent.path) if form.startswith("//") else f"{folder}/agent-dir/../agent"
    call_with(hierarchy, text)
    assert agent.next().argv[0] == text.encode()


def test_agent_by_symbolic_link(hierarchy, agent):
    os.symlink(agent.path, agent.path + "-link")
    call_with(hierarchy, agent.path + "-link")
    assert agent.next().argv[0] == (agent.path + "-link").encode()


def test_agent_with_blanks_in_its_path(hierarchy, sandbox):
    folder = os.path.join(sandbox.folder(), "with blank")
    os.mkdir(folder)
    agent = hierarchy.make_agent(folder)
    call_with(hierarchy, agent.path)
    assert agent.next().argv == [agent.path.encode(), b"/g"]


@pytest.mark.mount("release_agent=/missing/agent")
def test_agent_of_the_mount_option_can_be_replaced(hierarchy, agent):
    hierarchy.sleeper_in(hierarchy.root.mkgroup("g").notify()).end()
    assert agent.next().path == "/g"
