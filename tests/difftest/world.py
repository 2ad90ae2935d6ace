# SPDX-License-Identifier: MIT
"""Both hierarchies, with the same processes in them, and each operation done in both.

Since the processes are the same ones, what ours and the kernel answer is equal byte by byte.
"""

import collections
import os

import doing
import model
from operations import Operations
from roots import (KernelRootsHierarchy, OurRootsHierarchy, SecondHierarchy,
                   SecondRootsHierarchy)
from support import container, mounts, waiting
from support.actor import Actor, ActorDied, Process
from terms import OTHER, USER, Difference, Open, Path, Root, Skipped

AGENT_FOLDERS = {"ours": "@", "kernel": "#"}  # in no other text, so that the paths compare


def first_difference(ours, kernel):
    """(where, ours, the kernel's), or None."""
    for path in sorted(set(ours) | set(kernel)):
        one, other = ours.get(path, {}), kernel.get(path, {})
        for what in sorted(set(one) | set(other)):
            if one.get(what) != other.get(what):
                return f"{path or '/'}: {what}", one.get(what), other.get(what)
    return None


class World(Operations):
    def __init__(self, sandbox, programs, as_root, kernel_alone=False):
        self.sandbox = sandbox
        self.programs = programs
        self.as_root = as_root
        self.kernel, self.ours = self._make_sides(kernel_alone)
        self.sides = (self.ours, self.kernel)
        self.kernels = [side for side in self.sides if isinstance(side, mounts.KernelHierarchy)]
        self.root = model.Group(None, "")
        self.tasks = {}
        self.handles = {}
        self.expected = collections.Counter()
        self.is_any_due = False
        self.prelude = None  # (task, ids of processes that it kills first)
        self.done = 0
        self._started = []

    def _make_sides(self, kernel_alone):
        where = self.sandbox, self.programs
        if self.as_root:
            return KernelRootsHierarchy(*where), (
                SecondRootsHierarchy(*where) if kernel_alone
                else OurRootsHierarchy(*where, as_root=True))
        return mounts.KernelHierarchy(*where), (
            SecondHierarchy(*where) if kernel_alone else mounts.OurHierarchy(*where, "allow_other"))

    # ---- begin and end ----

    def start(self):
        for side in self.sides:
            side.start()
            self._started.append(side)
        for uid in (0, USER, OTHER):
            process = model.Process(permanent=True)
            self._add_task(self._new_actor((uid,) * 3), (uid,) * 3, self.root, process)
        for side in self.sides:
            side.user = self.tasks[1].actor
        self._use_agents()

    def _new_actor(self, uids):
        return Actor.fork_here(self.sandbox.ids(uids))

    def _use_agents(self):
        folder = self.sandbox.folder()
        os.chmod(folder, 0o755)
        self.agents = {}
        self._agent_files = {}
        for side in self.sides:
            own = os.path.join(folder, AGENT_FOLDERS[side.kind])
            os.mkdir(own)
            self.agents[side.kind] = side.make_agent(own)
            # Opened now: modes of files change later.
            by = self.tasks[1 if self.as_root or side in self.kernels else 2].actor
            file = by(os.open, f"{side.path}/release_agent", os.O_WRONLY)
            self._agent_files[side.kind] = by, file
        self._restore_agents()

    def _restore_agents(self):
        for kind, (by, file) in self._agent_files.items():
            by(os.write, file, self.agents[kind].path.encode())

    def stop(self):
        ours = [pid for pid in self.ours.processes() if container.living(pid)]
        container.end_everything(self.sandbox.tasks() + ours)
        Process.let_go()
        for side in reversed(self._started):
            side.stop()

    # ---- one operation ----

    def run(self, operation):
        """False: skipped."""
        try:
            getattr(self, "do_" + operation.kind)(self._acting(operation.by), **operation.arguments)
        except Skipped:
            return False
        except ActorDied as error:
            raise Difference("no answer", error, "") from error
        self.done += operation.kind != "look"
        return True

    def _render(self, argument, side, by):
        if isinstance(argument, Path):
            if argument.path.startswith("/.."):
                raise Skipped  # out of the hierarchy
            return f"{self.sides[side].path}{argument.path}"
        if isinstance(argument, Open):
            return argument.handle.descriptors[by.process][side]
        if isinstance(argument, Root):
            return self.sides[side].path
        return argument

    def _in_both(self, by, function, *arguments):
        calls = [tuple(self._render(argument, side, by) for argument in arguments)
                 for side in range(len(self.sides))]
        prelude, self.prelude = self.prelude, None
        return by.actor(doing.both_after, prelude[1] if prelude else (), function, *calls)

    def _play_prelude(self):
        """Where nothing that is compared came after it."""
        if self.prelude:
            (actor, pids), self.prelude = self.prelude, None
            actor(doing.kill_all, pids)

    def both(self, by, function, *arguments):
        """The result where both succeed, None where both fail."""
        ours, kernel = self._in_both(by, function, *arguments)
        if ours[1] != kernel[1] and isinstance(kernel[1], bytes):
            kernel = kernel[0], kernel[1].replace(b"#", b"@")
        if ours != kernel:
            raise Difference(function.__name__, ours, kernel)
        return kernel

    def _succeeds(self, by, function, *arguments):
        return self.both(by, function, *arguments)[0] == "ok"

    # ---- finding ----

    def _task(self, number):
        task = self.tasks.get(number)
        if task is None or task.state != "live":
            raise Skipped
        return task

    def _acting(self, number):
        task = self._task(number)
        if task.idle:
            raise Skipped
        return task

    def _known(self, number):
        """Live or a zombie: its id is its own."""
        task = self.tasks.get(number)
        if task is None or task.state == "gone":
            raise Skipped
        return task

    def _handle(self, number, by):
        handle = self.handles.get(number)
        if handle is None or by.process not in handle.descriptors:
            raise Skipped
        return handle

    def _file_handle(self, number, by):
        handle = self._handle(number, by)
        if handle.file is None:
            raise Skipped
        return handle

    def _group_handle(self, number, by):
        handle = self._handle(number, by)
        if handle.file is not None:
            raise Skipped
        return handle

    def _group_of_file(self, path):
        """(group, name) of a control file; (None, name): there is none."""
        folder, _, name = path.rpartition("/")
        group = self.root.find(folder)
        there = name in doing.FILES and (group is self.root or name not in doing.FILES[4:])
        return group if there else None, name

    # ---- release ----

    def _before_leaving(self, *groups):
        if any(group.is_due for group in groups):
            self.await_calls()

    def _after_leaving(self, *groups):
        for group in groups:
            if group.is_to_be_released():
                group.is_due = self.is_any_due = True
                self.expected[group.path] += 1

    def _before_others_see_it(self):
        """Before a path or the agent changes."""
        if self.is_any_due:
            self.await_calls()

    def _calls(self, kind):
        return collections.Counter(self.agents[kind].so_far())

    def await_calls(self):
        """All that are due; that there are none besides is seen at the end."""
        self._play_prelude()
        for side in self.sides:
            self._await_calls_of(side.kind)
        for group in self.root.all():
            group.is_due = False
        self.is_any_due = False
        self._compare_calls()

    def _await_calls_of(self, kind):
        total = self.expected.total()
        try:
            waiting.wait_until(lambda: self._calls(kind).total() >= total, "calls of the agent")
        except AssertionError as error:
            raise Difference(f"calls of the agent ({kind} lacks some)", self._calls("ours"),
                             self._calls("kernel")) from error

    def _compare_calls(self):
        ours, kernel = self._calls("ours"), self._calls("kernel")
        if ours != kernel:
            raise Difference("calls of the agent", ours - kernel, kernel - ours)
        assert kernel == self.expected, f"the tester expected {self.expected}, not {kernel}"

    def conclude(self):
        self.look()
        self.await_calls()
        for side in self.sides:
            self.agents[side.kind].barrier(side)
        self._compare_calls()

    # ---- looks ----

    def look(self, contents=None):
        """At all names and attributes, and at the contents of files of some groups, None: all."""
        known = {task.tid for task in self.tasks.values() if task.state != "gone"}
        calls = [(side.path, contents, known) for side in self.sides]
        ours, kernel = self.tasks[1].actor(doing.both, doing.look, *calls)
        if ours[0] != "ok":
            raise Difference("a look at everything", ours, kernel)
        self._compare_looks(ours[1], kernel[1])

    def _compare_looks(self, ours, kernel):
        text = kernel[""].get("release_agent")
        if text:
            kernel[""]["release_agent"] = text.replace(b"#", b"@")
        found = first_difference(ours, kernel)
        if found:
            raise Difference(*found)
        self._check_model(kernel)

    def _check_model(self, kernel):
        groups = {group.path: group for group in self.root.all()}
        assert set(groups) == set(kernel), "the tester's own tree is wrong"
        for path, group in groups.items():
            self._check_group(group, kernel[path])

    @staticmethod
    def _check_group(group, seen):
        if "tasks" not in seen:
            return
        for file, ids in (("tasks", {task.tid for task in group.tasks}),
                          ("cgroup.procs", {task.pid for task in group.tasks})):
            found = [int(line) for line in seen[file].split()]
            assert sorted(ids) == found, f"the tester's {group.path}: {sorted(ids)}, not {found}"
        flag = b"%d\n" % group.notify
        assert seen["notify_on_release"] == flag, f"the tester's flag of {group.path} is wrong"
