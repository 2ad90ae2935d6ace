# SPDX-License-Identifier: MIT
"""The two hierarchies that every test is run against: ours, and the kernel's as the oracle."""

import contextlib
import errno
import itertools
import os
import re
import signal
import subprocess

from . import container, libc, waiting
from .actor import Actor, Shape, Sleeper
from .agent import Agent
from .group import Group

_numbers = itertools.count(1)
PREFIX = f"ucgtest-{os.getpid()}-"
CONTROL_FILES = ("tasks", "cgroup.procs", "notify_on_release", "cgroup.clone_children",
                 "release_agent", "cgroup.sane_behavior")


class Hierarchy:
    """What both have in common; `user` is a task of the ordinary user that everything is done by,
    `mounter` one of whoever mounted."""

    processes_file = "cgroup.procs"  # to which a process is written to be moved

    def __init__(self, sandbox, programs, options=""):
        self.sandbox = sandbox
        self.programs = programs
        self.options = options
        self.name = f"{PREFIX}{next(_numbers)}"
        self.folder = sandbox.folder()
        self.path = os.path.join(self.folder, "mnt")
        os.mkdir(self.path)
        os.chown(self.path, sandbox.uid, sandbox.gid)
        self.root = Group(self, self.path)
        self.user = sandbox.user
        self._agents = []

    def task(self, uid=None):
        """A new process in the root group, of the ordinary user or of `uid`."""
        return Actor.fork_here(self.sandbox.ids(uid))

    def sleeper(self, uid=None):
        return Sleeper(self.programs["shapes"], self.sandbox.ids(uid))

    def sleeper_in(self, group):
        sleeper = self.sleeper()
        group.attach(sleeper)
        return sleeper

    def use_agent(self):
        """Makes a fresh agent the release agent of the hierarchy."""
        agent = self.make_agent()
        self.set_agent(agent.path)
        return agent

    def make_agent(self, folder=None):
        folder = folder or self.sandbox.folder()
        agent = Agent(self.programs["agent"], folder, self.sandbox.uid)
        self._agents.append(agent)
        return agent

    def set_agent(self, text):
        self.root.write("release_agent", text, by=self.mounter)

    def shape(self, *words):
        """One of the processes of programs/shapes.c, which takes its shape when told go()."""
        return Shape(self.sandbox.as_user([self.programs["shapes"], *words]))

    def _close_agents(self):
        for agent in self._agents:
            agent.close()


class KernelHierarchy(Hierarchy):
    kind = "kernel"

    def start(self):
        data = f"none,name={self.name}" + (f",{self.options}" if self.options else "")
        libc.mount("ucgtest", self.path, "cgroup", 0, data)
        self.root_mode = os.stat(self.path).st_mode & 0o7777
        for name in (".",) + CONTROL_FILES:
            os.chown(self.root.file(name), self.sandbox.uid, self.sandbox.gid)
        os.chmod(self.path, 0o755)
        self.mounter = self.sandbox.root

    def mount_again(self):
        libc.umount(self.path)
        self.start()

    @contextlib.contextmanager
    def mounted_at(self, path):
        """Once more, there."""
        libc.mount("ucgtest", path, "cgroup", 0, f"none,name={self.name}")
        try:
            yield True
        finally:
            libc.umount(path)

    def stop(self):
        """After all tasks have ended, as for ours."""
        self._close_agents()
        remove_kernel_hierarchy(self.path)

    def processes(self):
        return []

    def release_queues(self):
        """The kernel queues a group that is due on the CPU on which it became so."""
        return [{cpu} for cpu in sorted(os.sched_getaffinity(0))]

    def starting_agents(self):
        """Children of kthreadd's that are no kernel threads and have not executed anything yet."""
        return [pid for pid in filter(str.isdigit, os.listdir("/proc")) if is_helper(pid)]

    def log(self):
        return ""


def _remove_groups(path):
    for _, groups, _, descriptor in os.fwalk(path, topdown=False):  # paths may be too long
        for group in groups:
            os.rmdir(group, dir_fd=descriptor)


def remove_kernel_hierarchy(path):
    if is_mounted(path):
        try:
            _remove_groups(path)
            libc.umount(path)
        finally:
            if is_mounted(path):
                libc.umount(path, libc.MNT_DETACH)


def left_kernel_hierarchies():
    with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        return re.findall(r"^\d+:name=(ucgtest-\d+-\d+):", file.read(), re.MULTILINE)


def forget_kernel_hierarchies(folder):
    """A hierarchy unmounted right after an rmdir lives on in the kernel until it is mounted and
    unmounted once more; those of earlier runs whose process is gone are cleaned up as well."""
    for name in left_kernel_hierarchies():
        if name.startswith(PREFIX) or not os.path.exists(f"/proc/{name.split('-')[1]}"):
            libc.mount("ucgtest", folder, "cgroup", 0, f"none,name={name}")
            _remove_groups(folder)
            # A remount is refused as long as groups are left, removed ones included.
            waiting.wait_until(lambda: _can_remount(folder, name), f"the end of groups of {name}")
            libc.umount(folder)


def _can_remount(folder, name):
    try:
        libc.mount("ucgtest", folder, "cgroup", libc.MS_REMOUNT, f"none,name={name}")
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


class OurHierarchy(Hierarchy):
    kind = "ours"
    expected_log = ()  # regular expressions of lines that the test brings about
    allowed_log = ()  # and of those that it may bring about

    def __init__(self, sandbox, programs, options="", arguments=(), as_root=False):
        super().__init__(sandbox, programs, options)
        if "compat=2.6.24" in options.split(","):
            self.processes_file = "tasks"
        self.arguments = list(arguments)
        self.as_root = as_root
        self.limits = {}  # of resources, for the daemon
        self.daemon = None
        self._log = os.path.join(self.folder, "log")

    def command(self):
        options = f"name={self.name}" + (f",{self.options}" if self.options else "")
        return [self.programs["daemon"], "-f", *self.arguments, "-o", options, self.path]

    def start(self):
        ready, theirs = os.pipe()
        command = self.command()
        command[2:2] = ["--ready-fd", str(theirs)]
        if not self.as_root:
            command = self.sandbox.as_user(command)
        if self.limits:
            words = [f"--{name}={value}" for name, value in self.limits.items()]
            command = ["prlimit", *words, "--", *command]
        with open(self._log, "wb") as log:
            self.daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log, pass_fds=[theirs], cwd="/")
        os.close(theirs)
        try:
            waiting.wait_readable(ready, "the daemon to be ready")
            self.ready_line = os.read(ready, 100)
        finally:
            os.close(ready)
        assert self.ready_line.endswith(b"\n"), f"{command}: not ready\n{self.log()}"
        self.mounter = self.user = self.sandbox.root if self.as_root else self.sandbox.user
        self.root_mode = self.root.mode()
        if self.sandbox.uid == 0 and not self.as_root:
            os.chmod(self.path, 0o755)  # what an ordinary user's is

    def mount_again(self):
        assert self.end_daemon() == 0, self.log()
        self.start()

    @contextlib.contextmanager
    def mounted_at(self, path):
        """Once more, there, in vain."""
        command = self.sandbox.as_user([*self.command()[:-1], path])
        command.remove("-f")
        yield subprocess.run(command, capture_output=True, check=False).returncode == 0

    def processes(self):
        """Children of the test run."""
        return [self.daemon.pid] if self.daemon else []

    def servers(self):
        """Process ids of keeper and server; a child of the server's is no third."""
        keeper = self.daemon.pid
        with open(f"/proc/{keeper}/task/{keeper}/children", encoding="ascii") as file:
            return [keeper, *map(int, file.read().split())]

    def release_queues(self):
        return [None]

    def starting_agents(self):
        """Children of the server that do not run their agent yet."""
        server = self.servers()[-1]
        program = os.readlink(f"/proc/{server}/exe")
        return [pid for pid in container.children(server) if executable_of(pid) == program]

    def log(self):
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def end_daemon(self, number=signal.SIGTERM):
        self.daemon.send_signal(number)
        return self.daemon.wait(waiting.DEADLINE)

    def stop(self):
        self._close_agents()
        if self.daemon is None:
            return
        status = self.daemon.poll()
        if status is None:
            status = self.end_daemon()
        mounted = is_mounted(self.path)
        if mounted:
            libc.umount(self.path, libc.MNT_DETACH)
        assert status == 0, f"exit status {status} of the daemon\n{self.log()}"
        assert not mounted, f"{self.path} is still mounted\n{self.log()}"
        self.check_log()

    def check_log(self):
        lines = [line for line in self.log().splitlines()
                 if not any(re.search(pattern, line) for pattern in self.allowed_log)]
        for pattern in self.expected_log:
            matching = [line for line in lines if re.search(pattern, line)]
            assert matching, f"the log lacks {pattern!r}:\n{self.log()}"
            lines = [line for line in lines if line not in matching]
        assert not lines, "in the log of the daemon: " + "\n".join(lines)


KTHREADD = 2
PF_FORKNOEXEC, PF_KTHREAD = 0x40, 0x200000


def is_helper(pid):
    """A process that the kernel has made to execute a program."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rsplit(b")", 1)[1].split()
    except OSError:
        return False
    parent, flags = int(fields[1]), int(fields[6])
    return parent == KTHREADD and flags & (PF_FORKNOEXEC | PF_KTHREAD) == PF_FORKNOEXEC


def executable_of(pid):
    """None: it has ended."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def is_mounted(path):
    with open("/proc/self/mountinfo", "rb") as file:
        return any(line.split()[4] == os.fsencode(path) for line in file)


@contextlib.contextmanager
def started(hierarchy):
    """Mounted for the block; with it ends everything that was started there."""
    sandbox = hierarchy.sandbox
    try:
        hierarchy.start()
        yield
    finally:
        sandbox.tidy_tasks()
        container.end_everything(sandbox.tasks() + hierarchy.processes())
        hierarchy.stop()
