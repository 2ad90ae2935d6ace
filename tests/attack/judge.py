# SPDX-License-Identifier: MIT
"""What must never happen, counted, with the kernel's own hierarchy as the judge.

A job sits in a group of ours and in one of the same path of a hierarchy of the kernel.
"""

import os
import shutil

from support import container, mounts, waiting
from support.actor import Actor

COLUMNS = ("rounds", "forks", "looks", "escapes", "extra", "false", "lost", "doubled")
MUST_BE_NONE = ("escapes", "extra", "false", "lost", "doubled")
CALL_WITHIN_S = 60


class CountingAgent:
    """A copy of programs/agent.c, which appends its calls to a file."""

    def __init__(self, program, folder, kernel_path):
        self.path = os.path.join(folder, "agent")
        shutil.copy(program, self.path)
        os.chmod(self.path, 0o755)
        with open(self.path + ".log", "wb"):
            os.chmod(self.path + ".log", 0o666)
        if kernel_path:
            os.symlink(kernel_path, self.path + ".kernel")

    def calls(self):
        """(path, how many lived) of each call."""
        with open(self.path + ".log", encoding="utf-8") as file:
            return [tuple(line.split()) for line in file.read().splitlines()]

    def calls_of(self, group):
        return [call for call in self.calls() if call[0] == group.name]

    def is_running(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == self.path:
                    return True
            except OSError:
                pass
        return False


class Pair:
    """The same group in both hierarchies."""

    def __init__(self, judge, name):
        self.judge = judge
        self.ours = judge.ours.root.mkgroup(name).notify()
        self.kernel = judge.kernel.root.mkgroup(name).notify() if judge.kernel else None

    def attach(self, pid):
        if self.kernel:
            self.kernel.attach(pid)
        self.ours.attach(pid)

    def attach_thread(self, tid):
        if self.kernel:
            self.kernel.attach_thread(tid)
        self.ours.attach_thread(tid)


class Judge:
    def __init__(self, sandbox, programs, row, as_root, kernel_alone, outer=None, arguments=()):
        self.outer = outer
        self.sandbox = sandbox
        self.programs = programs
        self.row = row
        self.as_root = as_root
        self.kernel = mounts.KernelHierarchy(sandbox, programs) if sandbox.is_root else None
        self.ours = (mounts.KernelHierarchy(sandbox, programs) if kernel_alone else
                     mounts.OurHierarchy(sandbox, programs, arguments=arguments, as_root=as_root))
        self._pairs = []
        self._false = {}  # calls that were seen while tasks lived
        self._started = []
        self.before_release = []  # functions
        self.jobs = []

    # ---- begin and end ----

    def start(self):
        for hierarchy in filter(None, (self.kernel, self.ours)):
            hierarchy.start()
            self._started.append(hierarchy)
            # Of its own, so that a request that hangs is no trouble to the tests that follow.
            hierarchy.user = Actor.fork_here(self.sandbox.ids(0 if self.as_root else None))
        # The judge's path is known now, as the agent wants it.
        self.agent = CountingAgent(self.programs["attack_agent"], self.sandbox.folder(),
                                   self.kernel.path if self.kernel else None)
        self.ours.set_agent(self.agent.path)
        self.kernel_agent = None
        if self.kernel:
            self.kernel_agent = CountingAgent(self.programs["attack_agent"],
                                              self.sandbox.folder(), None)
            self.kernel.set_agent(self.kernel_agent.path)

    def end_jobs(self):
        while self.jobs:
            self.jobs.pop().end()

    def stop(self):
        self.end_jobs()
        for hierarchy in reversed(self._started):
            if hierarchy.kind == "kernel" and self.outer is None:
                container.end_everything(self.sandbox.tasks() + self._servers())
            hierarchy.stop()

    def servers(self):
        """Keeper and server of ours."""
        return self.ours.servers() if self.ours.kind == "ours" else []

    def _servers(self):
        """Processes of our daemon that are children of the test run."""
        daemon = getattr(self.ours, "daemon", None)
        return [daemon.pid] if daemon and daemon.poll() is None else []

    def pair(self):
        pair = Pair(self, f"g{len(self._pairs) + 1}")
        self._pairs.append(pair)
        return pair

    def count(self, column, number=1):
        self.row[column] += number

    # ---- looks ----

    def look(self, pair, board):
        """While the job is paused: ours must list exactly what lives.

        Forkers may be exiting still, others be about to say that they live, and the first process
        of a pid namespace whose chain was over is about to end: the judge says when the ids on the
        board are all there is.  What comes or goes between two looks at it is not judged."""
        self.count("looks")
        group = pair.kernel or pair.ours

        def still():
            where = board.where()
            return where if (group.procs(), group.tasks()) == where else None

        def both():
            before = still()
            listed = before and (pair.ours.procs(), pair.ours.tasks())
            return (listed, before) if before and still() == before else None

        listed, living = waiting.wait_until(both,
                                            lambda: f"{group} to hold what is paused ({board})")
        for file, ours, theirs in zip(("cgroup.procs", "tasks"), listed, living):
            self._compare(file, ours, theirs)
        self._expect_none(pair, lambda: board.where()[1])

    def look_at_sleepers(self, pair, *sleepers):
        """Processes that do nothing are all that belongs to it."""
        self.count("looks")
        pids = sorted(sleeper.pid for sleeper in sleepers)
        self._compare("tasks", pair.ours.tasks(), pids)
        self._compare("cgroup.procs", pair.ours.procs(), pids)
        self._expect_none(pair, lambda: pids)

    def look_at_all(self, *pairs):
        """While everything stands still, whatever it is: ours must list what the kernel does."""
        self.count("looks")
        for pair in pairs:
            for file in ("tasks", "cgroup.procs"):
                self._compare_with_kernel(pair, file)
            self._expect_none(pair, pair.kernel.tasks)

    def _compare_with_kernel(self, pair, file):
        """What comes or goes between two looks at the kernel's list is not judged."""
        def ids_of(group):
            return [int(line) for line in group.read(file).split()]

        def both():
            before = ids_of(pair.kernel)
            listed = ids_of(pair.ours)
            return (listed, before) if ids_of(pair.kernel) == before else None

        self._compare(file, *waiting.wait_until(both, f"{pair.kernel} to stand still"))

    def _compare(self, file, listed, living):
        if listed == living:
            return
        missing, extra = set(living) - set(listed), set(listed) - set(living)
        self.count("escapes", len(missing))
        self.count("extra", len(extra) + (not missing and not extra))
        raise AssertionError(f"{file} misses {sorted(missing)}, has in addition {sorted(extra)}")

    def glance(self, pair, board):
        """While the job goes on: what is listed is gone already, but nothing was released."""
        self.count("looks")
        pair.ours.tasks()
        self._expect_none(pair, lambda: board.chains)

    def _expect_none(self, pair, living):
        """No call so far, if somebody lives after that."""
        calls = self.agent.calls_of(pair.ours)
        if calls and living():
            self._false[pair] = len(calls)
            raise AssertionError(f"released while tasks live: {calls}")

    # ---- the end of a job ----

    def await_release(self, pair):
        """All of the job is gone, or about to be: one call, and nobody lives when it comes."""
        if pair.kernel:
            waiting.wait_until(lambda: not pair.kernel.tasks(), f"{pair.kernel} to be empty",
                               deadline=60)
        for prepare in self.before_release:
            prepare()
        waiting.wait_until(lambda: self.agent.calls_of(pair.ours), f"release of {pair.ours}",
                           CALL_WITHIN_S)
        assert pair.ours.tasks() == [] and pair.ours.procs() == []

    def conclude(self):
        """After all rounds: each group was released once, with nobody left in it."""
        self._barrier()
        for pair in self._pairs:
            calls = self.agent.calls_of(pair.ours)
            false = max(self._false.get(pair, 0), sum(live not in ("0", "-") for _, live in calls))
            due = len(calls) - false - self._wanted_calls(pair)
            self.count("false", false)
            self.count("doubled", max(0, due))
            self.count("lost", max(0, -due - false))
        bad = {column: self.row[column] for column in MUST_BE_NONE if self.row[column]}
        assert not bad, f"{bad}; calls: {self.agent.calls()}"

    def _wanted_calls(self, pair):
        return len(self.kernel_agent.calls_of(pair.kernel)) if pair.kernel else 1

    def _barrier(self):
        """All that was due before now has been called: a group released after it has."""
        for hierarchy, agent in ((self.ours, self.agent), (self.kernel, self.kernel_agent)):
            if hierarchy is None:
                continue
            group = hierarchy.root.mkgroup("barrier").notify()
            sleeper = hierarchy.sleeper(0 if self.as_root else None)
            group.attach(sleeper)
            sleeper.end()
            waiting.wait_until(lambda: agent.calls_of(group), f"release of {group}")
            waiting.wait_until(lambda: not agent.is_running(), "the end of all agents")
