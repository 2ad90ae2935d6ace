# SPDX-License-Identifier: MIT
"""What happens between a transition and the call of the agent (kernel behaviour §6.2)."""

import os
import signal

import pytest

from support import libc
from support.waiting import wait_readable, wait_until


@pytest.fixture
def emptied(hierarchy, root, agent):
    """/g, from which the last task has just gone."""
    group = root.mkgroup("g").notify()
    hierarchy.sleeper_in(group).end()
    assert group.tasks() == []
    return group


def test_populated_again_is_called_for_anyway(hierarchy, agent, emptied):
    hierarchy.sleeper_in(emptied)
    assert agent.calls(hierarchy) == ["/g"]


def test_flag_cleared_afterwards_is_called_for_anyway(hierarchy, agent, emptied):
    emptied.notify(0)
    assert agent.calls(hierarchy) == ["/g"]


def test_child_made_afterwards_is_called_for_anyway(hierarchy, agent, emptied):
    emptied.mkgroup("h")
    assert agent.calls(hierarchy) == ["/g"]


@pytest.mark.quick
def test_removed_afterwards_is_called_for_anyway(hierarchy, agent, emptied):
    emptied.rmdir()
    assert agent.calls(hierarchy) == ["/g"]


def test_renamed_afterwards_is_called_for_once(hierarchy, agent, emptied):
    emptied.rename("renamed")
    assert agent.calls(hierarchy) in (["/g"], ["/renamed"])


def test_removed_and_made_again_is_called_for_once(hierarchy, root, agent, emptied):
    emptied.rmdir()
    root.mkgroup("g")
    assert agent.calls(hierarchy) == ["/g"]


def test_agent_replaced_afterwards_leaves_one_call(hierarchy, agent, emptied):
    other = hierarchy.use_agent()
    assert sorted(other.calls(hierarchy) + agent.received()) == ["/g"]


def test_agent_cleared_afterwards_leaves_at_most_one_call(hierarchy, agent, emptied):
    hierarchy.set_agent("\n")
    hierarchy.set_agent(agent.path)
    assert agent.calls(hierarchy) in ([], ["/g"])


def test_rapid_moves_call_at_least_once(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    sleeper = hierarchy.sleeper()
    for _ in range(50):
        group.attach(sleeper)
        root.attach(sleeper)
    calls = agent.calls(hierarchy)
    assert set(calls) == {"/g"} and len(calls) <= 50


def test_each_transition_after_a_call_is_called_for(hierarchy, root, agent):
    group = root.mkgroup("g").notify()
    sleeper = hierarchy.sleeper()
    for _ in range(5):
        group.attach(sleeper)
        root.attach(sleeper)
        agent.next()
    assert agent.calls(hierarchy) == ["/g"] * 5


def test_broken_agent_repaired_afterwards_is_not_tried_again(hierarchy, root, agent):
    hierarchy.expected_log = ["agent"]
    broken = agent.path + "-broken"
    with open(broken, "w", encoding="utf-8") as file:
        file.write("no program\n")
    os.chmod(broken, 0o755)
    closed = libc.inotify(broken, libc.IN_CLOSE_NOWRITE)
    hierarchy.set_agent(broken)
    hierarchy.sleeper_in(root.mkgroup("g").notify()).end()
    wait_readable(closed, "the attempt to execute the broken agent")
    os.close(closed)
    hierarchy.set_agent(agent.path)
    assert agent.calls(hierarchy) == []


@pytest.mark.parametrize("kind", ["missing", "directory", "not-executable", "empty", "bad-interpreter",
                                  "bare-name"])
def test_agent_that_cannot_be_run_hinders_no_later_call(hierarchy, root, agent, kind):
    hierarchy.expected_log = ["agent"]
    path = make_broken(os.path.dirname(agent.path), kind)
    hierarchy.set_agent(path)
    hierarchy.sleeper_in(root.mkgroup("g").notify()).end()
    assert root.child("g").tasks() == []
    hierarchy.set_agent(agent.path)
    hierarchy.sleeper_in(root.mkgroup("h").notify()).end()
    assert "/h" in agent.calls(hierarchy)


@pytest.mark.only("ours")
def test_agent_that_cannot_be_run_is_logged_once(hierarchy, root, agent):
    path = make_broken(os.path.dirname(agent.path), "not-executable")
    hierarchy.expected_log = [f"{path}.*Permission denied"]
    hierarchy.set_agent(path)
    for name in "abc":
        hierarchy.sleeper_in(root.mkgroup(name).notify()).end()
        assert root.child(name).tasks() == []
    hierarchy.set_agent(agent.path)
    agent.barrier(hierarchy)
    assert len(hierarchy.log().splitlines()) == 1


def make_broken(folder, kind):
    if kind == "bare-name":
        return "true"
    path = os.path.join(folder, kind)
    if kind == "directory":
        os.mkdir(path)
    elif kind != "missing":
        with open(path, "w", encoding="utf-8") as file:
            file.write("" if kind == "empty" else "#!/missing/interpreter\n")
        os.chmod(path, 0o644 if kind == "not-executable" else 0o755)
    return path


# ---- agents that take their time ----

def test_hanging_agent_blocks_nothing(hierarchy, root, agent):
    agent.hold()
    names = [f"/g{number}" for number in range(20)]
    for name in names:
        hierarchy.sleeper_in(root.mkgroup(name[1:]).notify()).end()
    assert sorted(agent.next().path for _ in names) == sorted(names)
    assert len(agent.running()) == 20
    assert root.child("g0").tasks() == []
    agent.let_go()
    assert agent.calls(hierarchy) == sorted(names)


def test_ended_agents_leave_no_zombie(hierarchy, root, agent):
    for number in range(5):
        hierarchy.sleeper_in(root.mkgroup(f"g{number}").notify()).end()
    pids = [agent.next().pid for _ in range(5)]
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids),
               "the agents to be reaped")


def test_agent_killed_is_no_trouble(hierarchy, root, agent):
    agent.hold()
    hierarchy.sleeper_in(root.mkgroup("g").notify()).end()
    os.kill(agent.next().pid, signal.SIGKILL)
    agent.let_go()
    assert agent.calls(hierarchy) == ["/g"]


def test_agent_that_removes_its_group_cascades_upwards(hierarchy, root, agent):
    # root/a/b/c
    below = root.mkgroup("a").notify().mkgroup("b").mkgroup("c")
    tree = f"/proc/{hierarchy.user.pid}/root{root.path}"  # the kernel's agent has no such mount
    hierarchy.set_agent(agent.script("remover", f'rmdir "{tree}$1"'))
    hierarchy.sleeper_in(below).end()
    # each call removes its group before it reports, so the reports may overtake one another
    assert sorted(agent.next().path for _ in range(3)) == ["/a", "/a/b", "/a/b/c"]
    wait_until(lambda: "a" not in root.list(), "the removal of /a")
