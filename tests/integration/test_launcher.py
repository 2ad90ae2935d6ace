# SPDX-License-Identifier: MIT
"""ucgroupfs --launch: a reaper for all that a command starts (ours only)."""

import os
import signal
import subprocess

import pytest

from support.actor import Process, Shape
from support.waiting import wait_until

# Nothing but the reaper tells then whose child an orphan without marks is.
UNTOLD = "--without=fork-events,io-hints"

pytestmark = [pytest.mark.only("ours"), pytest.mark.arguments(UNTOLD)]


@pytest.fixture
def group(root):
    return root.mkgroup("g")


def launcher(hierarchy, group, *words):
    return [hierarchy.programs["daemon"], "--launch", group.path, *words]


def command(hierarchy, group, *words):
    return hierarchy.sandbox.as_user(launcher(hierarchy, group, *words))


def run(words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)


@pytest.fixture
def launch(hierarchy, group):
    """Runs a launcher to its end."""
    def launch(*words):
        return run(command(hierarchy, group, *words))
    return launch


class Launched(Shape):
    """A command that takes a shape; the launcher is its parent."""

    def __init__(self, words):
        # The launcher has the pid of what it is started by, the command says its own.  A test run in
        # the background may ignore the terminal's signals.
        words = ["env", "--default-signal=INT,QUIT", *words]
        self._program = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.launcher = Process(self._program.pid)
        Process.__init__(self, self.ids()[0])

    def end_input(self):
        self._program.stdin.close()

    def status(self):
        return self._program.wait(timeout=60)


@pytest.fixture
def launched(hierarchy, group):
    """Runs one that goes on."""
    def launched(shape):
        return Launched(command(hierarchy, group, hierarchy.programs["shapes"], shape))
    return launched


@pytest.fixture
def job(launched):
    return launched("wiped-daemon")


@pytest.fixture
def daemon(job):
    """One without marks, whose parent has ended before anybody has looked."""
    return Process(job.go()[0])


# ---- who is in the group ----

def test_command_runs_in_the_group(group, launch):
    result = launch("sh", "-c", 'echo $$; exec cat "$1"', "sh", f"{group.path}/cgroup.procs")
    own, *listed = result.stdout.split()
    assert own in listed, result
    assert len(listed) == 2, result


def test_launcher_and_command_are_listed(group, job):
    assert group.procs() == sorted([job.launcher.pid, job.pid])


def test_launcher_is_the_one_without_marks(group, job):
    assert group.read("cgroup.tracking") == b"no-hint 1\nunmarked 1\n"


@pytest.mark.arguments()
def test_launcher_has_neither_marker_nor_hint(group, job):
    assert group.read("cgroup.tracking") == b"unmarked 1\n"


def test_wiped_child_of_a_child_is_listed(group, launched):
    """Found in the same look as its parent."""
    job = launched("wiped-grandchild")
    assert group.procs() == sorted([job.launcher.pid, job.pid])
    family = job.go()
    assert group.procs() == sorted([job.launcher.pid, job.pid, *family])


@pytest.mark.arguments()
def test_wiped_orphan_is_listed_where_births_are_told(group, job, daemon):
    assert group.procs() == sorted([job.launcher.pid, job.pid, daemon.pid])


def test_launcher_leaves_the_group_that_it_was_in(hierarchy, root, group, launched):
    before = root.mkgroup("h")
    script = f'echo 0 > {before.path}/tasks && exec "$@"'
    words = launcher(hierarchy, group, hierarchy.programs["shapes"], "x")
    job = Launched(hierarchy.sandbox.as_user(["sh", "-c", script, "sh", *words]))
    assert (before.procs(), group.procs()) == ([], sorted([job.launcher.pid, job.pid]))


def test_launcher_keeps_the_limits_that_it_had(hierarchy, group):
    words = command(hierarchy, group, hierarchy.programs["shapes"], "x")
    job = Launched(["prlimit", "--locks=12345:", *words])
    with open(f"/proc/{job.launcher.pid}/limits", encoding="ascii") as file:
        assert [line.split()[3] for line in file if line.startswith("Max file locks")] == ["12345"]


def test_wiped_orphan_is_listed(group, job, daemon):
    assert group.procs() == sorted([job.launcher.pid, job.pid, daemon.pid])


def test_wiped_orphan_keeps_the_group(group, job, daemon):
    job.end()
    assert group.procs() == sorted([job.launcher.pid, daemon.pid])
    assert group.read("cgroup.events") == b"populated 1\n"


def test_group_is_released_when_the_last_descendant_ends(group, agent, launched):
    group.notify()
    job = launched("wiped-daemon")
    job.go()
    job.end()
    assert group.procs() != []
    job.end_input()
    assert agent.next().path == "/g"
    assert job.status() == 128 + signal.SIGKILL


def test_release_of_a_short_command(group, agent, launch):
    group.notify()
    assert launch("true").returncode == 0
    assert (group.procs(), agent.next().path) == ([], "/g")


def test_kill_reaches_wiped_orphans(group, job, daemon):
    group.write("cgroup.kill", "1")
    for process in (daemon, job, job.launcher):
        process.wait_dead()
    assert group.procs() == []


def test_member_kills_all_and_itself(hierarchy, group):
    """It is halted first, as it may have children without marks; the write is answered before."""
    script = f"sleep 1000 & echo 1 > {group.path}/cgroup.kill; sleep 1000"
    assert run(command(hierarchy, group, "sh", "-c", script)).returncode == -signal.SIGKILL
    wait_until(lambda: group.procs() == [], f"{group} to be empty")


# ---- as programs expect of who starts them ----

@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 128 + 9),
                                            ("kill $$", 128 + 15)])
def test_status_is_that_of_the_command(launch, script, status):
    assert launch("sh", "-c", script).returncode == status


def test_words_behind_the_command_are_its_own(launch):
    assert launch("printf", "%s.", "-f", "--help").stdout == "-f.--help."


@pytest.mark.parametrize("dash", [["--"], []])
def test_two_dashes_are_no_command(launch, dash):
    assert launch(*dash, "echo", "--").stdout == "--\n"


@pytest.mark.parametrize("number", ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2"])
def test_signal_is_passed_on(job, number):
    os.kill(job.launcher.pid, signal.Signals[f"SIG{number}"])
    job.wait_dead()
    assert job.status() == 128 + signal.Signals[f"SIG{number}"]


def test_signal_ends_a_launcher_that_waits_for_orphans(group, job, daemon):
    job.end()
    wait_until(lambda: job.pid not in group.procs(), "the end of the command")
    os.kill(job.launcher.pid, signal.SIGTERM)
    assert job.status() == 128 + signal.SIGTERM


def test_signal_right_after_the_end_of_the_command_ends_the_launcher(job, daemon):
    """Whether the launcher has reaped it or not."""
    job.end()
    os.kill(job.launcher.pid, signal.SIGTERM)
    assert job.status() == 128 + signal.SIGTERM


def test_signals_are_the_commands_as_they_were(launch):
    blocked = launch("grep", "^SigBlk", "/proc/self/status").stdout
    assert blocked.split() == ["SigBlk:", "0" * 16]


def test_descriptors_are_let_go(job):
    wait_until(lambda: sorted(os.listdir(f"/proc/{job.launcher.pid}/fd")) == ["0", "1", "2"],
               lambda: os.listdir(f"/proc/{job.launcher.pid}/fd"))


# ---- mistakes ----

def refused(result, status, *words):
    lines = result.stderr.splitlines()
    assert (result.returncode, len(lines), result.stdout) == (status, 1, ""), result
    assert lines[0].startswith("ucgroupfs: "), result
    assert not [word for word in words if word not in lines[0]], result
    return True


def test_missing_command_is_named(group, launch):
    assert refused(launch("/no/such"), 127, "/no/such", "No such file or directory")
    assert group.procs() == []


def test_command_that_can_not_run_is_named(group, launch):
    assert refused(launch("/etc"), 126, "/etc", "Permission denied")
    assert group.procs() == []


def test_launcher_without_command_is_refused(launch):
    assert refused(launch(), 1, "--launch", "command")


def test_launcher_with_other_options_is_refused(hierarchy, group):
    words = launcher(hierarchy, group, "true")
    words = hierarchy.sandbox.as_user([words[0], "-f", *words[1:]])
    assert refused(run(words), 1, "--launch", "-f")


@pytest.mark.parametrize("folder, words", [("/no/such", ["No such file or directory"]),
                                           ("/etc/passwd", ["Not a directory"]),
                                           ("/etc", ["cgroup.tracking"])])
def test_what_is_no_group_is_refused(hierarchy, folder, words):
    words = ["--launch", folder, *words]
    result = run(hierarchy.sandbox.as_user([hierarchy.programs["daemon"], "--launch", folder, "true"]))
    assert refused(result, 125, *words)


def test_root_has_no_launcher(hierarchy, root, job):
    """Although its cgroup.tracking says that there is an unmarked task."""
    result = run(command(hierarchy, root, "true"))
    assert refused(result, 125, "--launch", root.path, "root")


def test_launcher_with_children_is_refused(hierarchy, group):
    words = command(hierarchy, group, "true")
    script = '"$0" wait > /dev/null 2>&1 & exec "$@"'
    result = run(["sh", "-c", script, hierarchy.programs["shapes"], *words])
    assert refused(result, 125, "--launch", "children")
    assert group.procs() == []
