# SPDX-License-Identifier: MIT
"""Programs that were written for the kernel's cgroup v1 file system, as packaged and unchanged."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess

import pytest

from support import libc, mounts, waiting
from support.namespaces import unshare

SESSION = os.path.join(os.path.dirname(__file__), "programs", "session.sh")
PF_EXITING = 4
SYSTEMD_AGENT = "/lib/systemd/systemd-cgroups-agent"


def require(program, package):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed: apt-get install {package}")


def run(command, **keywords):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL, **keywords)


# ---- libcgroup ----

class Libcgroup:
    """Its tools, run by the user where the hierarchy is the only one of type cgroup: they find
    hierarchies by /proc/mounts."""

    def __init__(self, hierarchy):
        self._name = f"name={hierarchy.name}"
        self._mounts = f"{hierarchy.folder}/mounts"
        with open(self._mounts, "w", encoding="utf-8") as file:
            file.write(f"cgroup {hierarchy.path} cgroup rw,relatime,{self._name} 0 0\n")
        self._prefix = [*unshare(hierarchy.sandbox, "-U", "-r", "-m"), "sh", "-c",
                        'mount --bind "$0" /proc/$$/mounts && exec "$@"', self._mounts]

    def at(self, path):
        """A group, in the words of libcgroup."""
        return f"{self._name}:{path}"

    def __call__(self, *words):
        """Exit status, standard output and standard error."""
        result = run([*self._prefix, *words])
        return result.returncode, result.stdout, result.stderr


@pytest.fixture
def libcgroup(hierarchy):
    require("cgcreate", "cgroup-tools")
    return Libcgroup(hierarchy)


def test_lscgroup_lists_all_groups(root, libcgroup):
    root.mkgroup("job").mkgroup("step")
    status, output, errors = libcgroup("lscgroup")
    assert (status, errors) == (0, "")
    assert output.splitlines() == [libcgroup.at(path) for path in ("/", "/job", "/job/step")]


def test_cgcreate_makes_a_group_with_its_parents(root, libcgroup):
    assert libcgroup("cgcreate", "-g", libcgroup.at("/job/step")) == (0, "", "")
    assert root.child("job/step").tasks() == []


def test_cgcreate_sets_the_modes_asked_for(root, libcgroup):
    words = ["-d", "750", "-f", "640", "-s", "600", "-g", libcgroup.at("/job")]
    assert libcgroup("cgcreate", *words) == (0, "", "")
    job = root.child("job")
    modes = [job.mode(), job.mode("notify_on_release"), job.mode("tasks")]
    assert modes == [0o750, 0o640, 0o600]


def test_cgexec_runs_a_program_in_the_group(root, libcgroup):
    job = root.mkgroup("job")
    status, output, errors = libcgroup("cgexec", "-g", libcgroup.at("/job"), "sh", "-c",
                                       f"echo $$; exec cat {job.path}/tasks")
    assert (status, errors) == (0, "")
    itself, *members = output.splitlines()
    assert members == [itself]


def test_end_of_cgexec_releases_the_group(hierarchy, root, agent, libcgroup):
    root.mkgroup("job").notify()
    assert libcgroup("cgexec", "-g", libcgroup.at("/job"), "true") == (0, "", "")
    assert agent.calls(hierarchy) == ["/job"]


def test_cgexec_into_a_missing_group_fails(libcgroup):
    status, _, errors = libcgroup("cgexec", "-g", libcgroup.at("/none"), "true")
    assert (status, errors) == (82, "cgroup change of group failed\n")


def test_cgclassify_moves_a_process(hierarchy, root, libcgroup):
    job = root.mkgroup("job")
    sleeper = hierarchy.sleeper()
    assert libcgroup("cgclassify", "-g", libcgroup.at("/job"), str(sleeper.pid)) == (0, "", "")
    assert job.tasks() == [sleeper.pid]


def test_cgdelete_removes_a_group(root, libcgroup):
    root.mkgroup("job")
    assert libcgroup("cgdelete", libcgroup.at("/job")) == (0, "", "")
    assert not root.child("job").exists()


def test_cgdelete_moves_tasks_to_the_parent(hierarchy, root, libcgroup):
    job = root.mkgroup("job")
    sleeper = hierarchy.sleeper_in(job.mkgroup("step"))
    assert libcgroup("cgdelete", libcgroup.at("/job/step")) == (0, "", "")
    assert not job.child("step").exists()
    assert job.tasks() == [sleeper.pid]


def test_cgdelete_of_a_group_with_a_child_is_busy(root, libcgroup):
    root.mkgroup("job").mkgroup("step")
    status, _, errors = libcgroup("cgdelete", libcgroup.at("/job"))
    assert (status, errors) == (
        96, "cgdelete: cannot remove group '/job': Device or resource busy\n")


def test_cgdelete_removes_a_tree(hierarchy, root, libcgroup):
    sleeper = hierarchy.sleeper_in(root.mkgroup("job").mkgroup("step"))
    assert libcgroup("cgdelete", "-r", libcgroup.at("/job")) == (0, "", "")
    assert not root.child("job").exists()
    assert sleeper.pid in root.tasks()


# ---- release agents ----

@pytest.fixture
def systemd_socket(sandbox):
    """The socket to which systemd's agent tells the path; bound over in this mount namespace."""
    if not os.access(SYSTEMD_AGENT, os.X_OK):
        pytest.skip(f"{SYSTEMD_AGENT} is not installed")
    sandbox.need("system")
    run_folder = sandbox.folder()
    os.mkdir(f"{run_folder}/systemd")
    libc.mount(run_folder, "/run", None, libc.MS_BIND)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind("/run/systemd/cgroups-agent")
            os.chmod("/run/systemd/cgroups-agent", 0o777)
            server.settimeout(waiting.DEADLINE)
            yield server
    finally:
        libc.umount("/run", libc.MNT_DETACH)


# The kernel's agent runs in the namespaces of the machine, where the socket is systemd's own.
@pytest.mark.only("ours")
def test_agent_of_systemd_sends_the_path_of_the_group(systemd_socket, hierarchy, root):
    hierarchy.set_agent(SYSTEMD_AGENT)
    service = root.mkgroup("system.slice").mkgroup("cron.service").notify()
    hierarchy.sleeper_in(service).end()
    assert systemd_socket.recv(4096) == b"/system.slice/cron.service"


# In the manner of the agent that OpenRC has for its services.
OPENRC_AGENT = """
PATH=/bin:/usr/bin:/sbin:/usr/sbin
if [ -d ${cgroup}/"$1" ]; then
	rmdir ${cgroup}/"$1"
fi
"""


def test_agent_like_that_of_openrc_collapses_the_service_that_ended_alone(hierarchy, root, agent):
    tree = f"/proc/{hierarchy.user.pid}/root{root.path}"  # the kernel's agent has no such mount
    hierarchy.set_agent(agent.script("openrc", f"cgroup={tree}", OPENRC_AGENT))
    root.notify()
    hierarchy.sleeper_in(root.mkgroup("cron"))
    daemon = hierarchy.sleeper_in(root.mkgroup("sshd").mkgroup("session").mkgroup("shell"))
    daemon.end()
    # each call removes its group before it reports, so the reports may overtake one another
    calls = sorted(agent.next().path for _ in range(3))
    assert calls == ["/sshd", "/sshd/session", "/sshd/session/shell"]
    assert "sshd" not in root.list() and "cron" in root.list()


# ---- uWSGI ----

class Uwsgi:
    """A master with two workers, as root of an own user namespace: others get no group."""

    def __init__(self, hierarchy, group):
        self._orders = f"{hierarchy.folder}/orders"
        words = ["uwsgi-core", "--master", "--processes", "2", "--socket",
                 f"{hierarchy.folder}/uwsgi", "--master-fifo", self._orders,
                 "--worker-reload-mercy", "1", "--cgroup", group.path, "--cgroup-opt",
                 "notify_on_release=1"]
        self._log = f"{hierarchy.folder}/uwsgi.log"
        with open(self._log, "wb") as log:
            self._master = subprocess.Popen([*unshare(hierarchy.sandbox, "-U", "-r"), *words],
                                            cwd=hierarchy.folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        waiting.wait_until(lambda: group.exists() and len(group.tasks()) == 3,
                           "two workers and their master in the group")

    def pids(self):
        return sorted([self._master.pid, *children_of(self._master.pid)])

    def end(self):
        """By an order that waits until the master is ready for it."""
        waiting.wait_until(lambda: os.path.exists(self._orders), "the master's FIFO")
        with open(self._orders, "wb") as orders:
            orders.write(b"Q")
        status = self._master.wait(waiting.DEADLINE)
        with open(self._log, encoding="utf-8", errors="replace") as log:
            assert status == 0, log.read()


@pytest.fixture
def uwsgi(hierarchy, root):
    require("uwsgi-core", "uwsgi-core")
    return Uwsgi(hierarchy, root.child("web"))


def test_uwsgi_is_in_the_group_that_it_makes(root, uwsgi):
    assert root.child("web").tasks() == uwsgi.pids()
    assert root.child("web").read("notify_on_release") == b"1\n"


def test_end_of_uwsgi_releases_its_group(hierarchy, root, agent, uwsgi):
    uwsgi.end()
    assert root.child("web").tasks() == []
    assert agent.calls(hierarchy) == ["/web"]


# ---- stress-ng ----

def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def descendants_of(pid):
    found = [pid]
    for parent in found:
        found += children_of(parent)
    return found


def stat_of(pid):
    """The fields of /proc/PID/stat from the state on; None: there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rsplit(b")", 1)[1].split()
    except OSError:
        return None


def is_exiting(pid):
    """Or a zombie, or gone."""
    fields = stat_of(pid)
    return fields is None or int(fields[6]) & PF_EXITING


def has_reaped(pid):
    """Has it had children that touched memory?"""
    fields = stat_of(pid)
    return fields is not None and int(fields[8]) > 0


class Load:
    """stress-ng that forks as fast as it can, from two processes, until it is told to end."""

    def __init__(self, hierarchy):
        command = ["stress-ng", "--fork", "2", "--timeout", "0", "--temp-path", hierarchy.folder]
        self._log = f"{hierarchy.folder}/stress-ng"
        with open(self._log, "wb") as log:
            self._main = subprocess.Popen(hierarchy.sandbox.as_user(command), cwd=hierarchy.folder,
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self._main.pid
        waiting.wait_until(self._is_forking, "two processes of stress-ng that fork")

    def _is_forking(self):
        return [has_reaped(pid) for pid in children_of(self.pid)] == [True, True]

    def move_to(self, group):
        """With all children, while none are born.  It resets all limits when it starts, so it can't
        be started in a group of ours."""
        forkers = children_of(self.pid)
        for pid in forkers:
            os.kill(pid, signal.SIGSTOP)
        waiting.wait_until(lambda: all(stat_of(pid)[0] == b"T" for pid in forkers), "the stop")
        for pid in descendants_of(self.pid):
            with contextlib.suppress(ProcessLookupError):
                group.attach(pid)
        for pid in forkers:
            os.kill(pid, signal.SIGCONT)

    def living(self):
        return {pid for pid in descendants_of(self.pid) if not is_exiting(pid)}

    def end(self):
        self._main.terminate()
        status = self._main.wait(waiting.DEADLINE)
        with open(self._log, encoding="utf-8", errors="replace") as log:
            assert status == 0, log.read()


@pytest.fixture
def load(hierarchy, root, agent):
    require("stress-ng", "stress-ng")
    forking = Load(hierarchy)
    forking.move_to(root.mkgroup("load").notify())
    return forking


@pytest.mark.parametrize("name", ["tasks", "cgroup.procs"])
def test_list_is_complete_while_stress_ng_forks(root, load, name):
    for _ in range(50):
        before = load.living()
        listed = {int(line) for line in root.child("load").read(name).split()}
        assert before & load.living() <= listed


def test_end_of_stress_ng_releases_its_group_once(hierarchy, root, agent, load):
    load.end()
    assert root.child("load").tasks() == []
    assert agent.calls(hierarchy) == ["/load"]


# ---- a shell script ----

def run_session(mounted, prefix, names_agent):
    """What programs/session.sh returns and prints; its release agent writes to a FIFO."""
    news, agent = f"{mounted.folder}/news", f"{mounted.folder}/reporter"
    os.mkfifo(news)
    os.chmod(news, 0o666)
    with open(agent, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\necho "$1" >{news}\n')
    os.chmod(agent, 0o755)
    words = ["sh", SESSION, mounted.path, news]
    if names_agent:
        words.append(agent)
    else:
        mounted.set_agent(agent)
    result = run([*prefix, *words], cwd="/", env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
    return result.returncode, result.stdout.splitlines(), result.stderr.splitlines()


def run_session_on_both(sandbox, programs, as_root):
    sandbox.need("kernel")
    prefix = [] if as_root else sandbox.as_user([])
    results = []
    for mounted in (mounts.KernelHierarchy(sandbox, programs),
                    mounts.OurHierarchy(sandbox, programs, as_root=as_root)):
        with mounts.started(mounted):
            results.append(run_session(mounted, prefix, names_agent=as_root))
    return results


def test_script_of_root_sees_no_difference(sandbox, programs, processes):
    kernel, ours = run_session_on_both(sandbox, programs, as_root=True)
    assert kernel[1][-1] == "released /jobs"
    assert ours == kernel


# Only root names the kernel's agent.
def test_script_of_a_user_sees_no_difference(sandbox, programs, processes):
    kernel, ours = run_session_on_both(sandbox, programs, as_root=False)
    assert kernel[1][-1] == "released /jobs"
    assert ours == kernel
