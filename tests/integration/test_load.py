# SPDX-License-Identifier: MIT
"""Many groups, many forks, and what the daemon does meanwhile."""

import os
import re
import subprocess

import pytest

LOOP = r"""
cd "$1" || exit 1
i=0
while [ $i -lt $2 ]; do
	i=$((i + 1))
	mkdir g$i && echo 1 >g$i/notify_on_release || { echo "mkdir $i"; exit 1; }
	sh -c "echo \$\$ >g$i/tasks" || { echo "attach $i"; exit 1; }
	[ -z "$(cat g$i/tasks)" ] || { echo "tasks $i"; exit 1; }
	rmdir g$i || { echo "rmdir $i"; exit 1; }
done
"""


def run_loop(hierarchy, agent, count):
    """The shell's loop without a sleep; the agent's datagrams are received meanwhile."""
    command = hierarchy.sandbox.as_user(["sh", "-c", LOOP, "sh", hierarchy.path, str(count)])
    log = f"{hierarchy.folder}/loop"
    with open(log, "wb") as output:
        shell = subprocess.Popen(command, stdout=output, stderr=output)
    agent.receive_while(shell)
    with open(log, encoding="utf-8") as output:
        assert (shell.wait(), output.read()) == (0, "")
    return agent.calls(hierarchy)


@pytest.mark.quick
def test_loop_of_100_without_sleep(hierarchy, agent):
    assert run_loop(hierarchy, agent, 100) == sorted(f"/g{i}" for i in range(1, 101))


@pytest.mark.long
@pytest.mark.only("ours")
def test_loop_of_1000_without_sleep(hierarchy, agent):
    assert run_loop(hierarchy, agent, 1000) == sorted(f"/g{i}" for i in range(1, 1001))


# ---- what strace sees of keeper and server ----

class Strace:
    """System calls of the daemon's processes while the block runs."""

    def __init__(self, hierarchy):
        self._output = f"{hierarchy.folder}/strace"
        self._pids = hierarchy.servers()

    def __enter__(self):
        command = ["strace", "-f", "-o", self._output]
        for pid in self._pids:
            command += ["-p", str(pid)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        threads = sum(thread_count(pid) for pid in self._pids)
        attached = 0
        while attached < threads:
            line = self._process.stderr.readline()
            assert line, "strace can't attach"
            found = re.search(r"attached(?: with (\d+) threads)?", line)
            attached += int(found.group(1) or 1) if found else 0
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._process.stderr.close()

    def calls(self):
        """Without those that were under way when strace came: it shows them as resumed."""
        with open(self._output, encoding="ascii", errors="replace") as file:
            lines = [line.split(None, 1)[1].strip() for line in file if len(line.split(None, 1)) > 1]
        waiting = re.compile(r"(epoll_wait|epoll_pwait|ppoll|poll|futex|read|restart_syscall|"
                             r"waitid|pause|rt_sigtimedwait|clock_nanosleep|select|pselect6)\(.*"
                             r"(<unfinished \.\.\.>|<detached \.\.\.>|\)\s+= \?.*|[^)=]*)$")
        return [line for line in lines if not waiting.match(line)]


def thread_count(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return int(re.search(r"^Threads:\s+(\d+)", file.read(), re.MULTILINE).group(1))


@pytest.mark.only("ours")
def test_strace_sees_what_the_daemon_does(hierarchy, root):
    with Strace(hierarchy) as strace:
        root.mkgroup("g")
    assert any(re.match(r"(read|readv|write|writev)\(", call) for call in strace.calls())


@pytest.mark.unfit_for_tsan("its own thread never sleeps long")
@pytest.mark.only("ours")
def test_stat_of_what_is_cached_causes_no_system_call(hierarchy, root):
    paths = [root.mkgroup("g").path, root.child("g").file("tasks"), root.path]
    before = [hierarchy.user(os.stat, path) for path in paths]
    with Strace(hierarchy) as strace:
        assert [hierarchy.user(os.stat, path) for path in paths] == before
    assert strace.calls() == []


@pytest.mark.unfit_for_tsan("its own thread never sleeps long")
@pytest.mark.only("ours")
@pytest.mark.parametrize("groups, seconds", [
    (100, 2), pytest.param(1000, 10, marks=pytest.mark.long),
])
def test_idle_daemon_makes_no_system_call(hierarchy, root, groups, seconds):
    parent = hierarchy.shape("children", str(groups))
    for number, pid in enumerate(parent.go()):
        root.mkgroup(f"g{number}").notify().attach(pid)
    with Strace(hierarchy) as strace:
        # Silence has no event that could be awaited: the time is what is tested.
        subprocess.run(["sleep", str(seconds)], check=True)
    assert strace.calls() == []


@pytest.mark.unfit_for_tsan("its own thread never sleeps long")
@pytest.mark.only("ours")
@pytest.mark.parametrize("forks", [2000, pytest.param(100000, marks=pytest.mark.long)])
def test_forks_of_a_member_cause_no_system_call(hierarchy, root, forks):
    group = root.mkgroup("g").notify()
    parent = hierarchy.shape("forks", str(forks))
    group.attach(parent)
    assert group.procs() == [parent.pid]
    with Strace(hierarchy) as strace:
        assert parent.go() == [forks]
    assert strace.calls() == []
    assert group.procs() == [parent.pid]
