# SPDX-License-Identifier: MIT
"""The next operation, chosen by what the world is like: much of it does something."""

import os
import random

import doing
import texts
from operation import Operation

NAMES = ["a", "b", "c", "d", "x y", "\u00e9", ".h", "cpu.shares", "%s:,*\\", "n" * 255]
ODD_NAMES = ["tasks", "notify_on_release", "release_agent", "cgroup.sane_behavior", "n" * 300,
             "new\nline", ".", "..", "", "a/", "a/x", "missing/x"]
FILE_MODES = [0, 0o200, 0o400, 0o444, 0o600, 0o644, 0o644, 0o666, 0o666, 0o755, 0o1755, 0o711,
              0o1777, 0o4755, 0o2755, 0o6777, 0o4644]
GROUP_MODES = [0o555, 0o700, 0o755, 0o755, 0o777, 0o777, 0o1777, 0o2777, 0o7777, 0, 0o311, 0o444]
OPEN_FLAGS = [os.O_RDONLY, os.O_RDWR, os.O_RDWR, os.O_RDWR, os.O_WRONLY]
MORE_FLAGS = [0, 0, 0, 0, os.O_TRUNC, os.O_APPEND, os.O_CREAT, os.O_CREAT | os.O_EXCL,
              os.O_DIRECTORY, os.O_NONBLOCK, os.O_SYNC, os.O_NOFOLLOW]
UIDS = [0, 1000, 2000, -1]
TASK_UIDS = [(0, 0, 0), (1000,) * 3, (2000,) * 3, (1000, 0, 0), (0, 1000, 0), (2000, 1000, 1000)]
SIZES = [0, 1, 1, 2, 3, 5, 10, 4096, 100000]
OFFSETS = [0, 0, 0, 1, 2, 3, 6, 100, 2**31 - 1]
MOST_TASKS, MOST_GROUPS, MOST_HANDLES = 11, 9, 14
MOST_THREADS = 8  # beyond leaders

WEIGHTS = {
    "mkdir": 12, "rmdir": 12, "rename": 6, "renameat2": 1, "make_in": 2, "remove_in": 2,
    "chmod": 4, "chown": 3, "utime": 3, "stat": 2, "access": 2, "truncate": 1, "names": 2,
    "statfs": 1, "unlink": 1, "symlink": 1, "link": 1, "mknod": 1, "open_and_close": 2,
    "read_whole": 6, "write_flag": 14, "write_list": 24, "write_agent": 2,
    "open": 12, "close": 2, "give": 2, "read": 13, "pread": 9, "lseek": 6, "write_open": 15,
    "poll": 4, "fstat": 2, "fchmod": 1, "ftruncate": 1, "fsync": 1, "path_of": 2, "names_in": 2,
    "start": 3, "fork": 9, "churn": 2, "end": 8, "end_and": 6, "reap": 4, "await_calls": 1,
}

THREAD_WEIGHTS = {"thread": 14, "move_thread": 24, "gather": 8, "enter": 8, "fork_by_thread": 6,
                  "churn_threads": 2, "end_thread": 9, "exec": 5}


class Generator:
    def __init__(self, seed, world, threads):
        self.random = random.Random(seed)
        self.world = world
        self.weights = {**WEIGHTS, **THREAD_WEIGHTS} if threads else WEIGHTS
        self.numbers = 0
        # Looks make everything up to date, so that in half of the runs they are rare.
        self.looks_each_time = seed % 2 == 0
        # Rules meet where much is done to one group.
        self.focus = world.root

    def next(self):
        if self.chance(0.07):
            self.focus = self.of(self.world.root.all())
        while True:
            kind = self.random.choices(list(self.weights), self.weights.values())[0]
            operation = getattr(self, kind)()
            if operation:
                return operation

    def look(self):
        """None: there is none after this operation."""
        if self.chance(0.04):
            return Operation("look", 1, {})
        if not self.looks_each_time:
            return None
        paths = [group.path for group in self.world.root.all()[1:]]
        return Operation("look", 1, {"contents": self.random.sample(paths, min(2, len(paths)))})

    # ---- choices ----

    def one(self, *choices):
        return self.random.choice(choices)

    def chance(self, probability):
        return self.random.random() < probability

    def of(self, items):
        items = list(items)
        return self.random.choice(items) if items else None

    def live(self):
        return [task for task in self.world.tasks.values() if task.state == "live"]

    def acting(self):
        return [task for task in self.live() if not task.idle]

    def mortal(self):
        return [task for task in self.live() if not task.process.permanent]

    def has_room(self):
        """For one more process."""
        return sum(task.is_leader for task in self.live()) <= MOST_TASKS

    def mounter(self):
        return 1 if self.world.as_root else 2

    def by(self):
        """Most often somebody who may."""
        if self.chance(0.6):
            return self.mounter()
        return self.of(self.acting()).number

    def group(self):
        if self.chance(0.5) and not self.focus.removed:
            return self.focus
        return self.of(self.world.root.all())

    def child(self):
        return self.of(self.world.root.all()[1:])

    def some_group(self):
        if self.chance(0.06):
            return self.group().path + "/" + self.of(ODD_NAMES)
        return self.group().path or "/"

    def file(self):
        if self.chance(0.05):
            return self.group().path + "/" + self.of(NAMES)
        group = self.group()
        return f"{group.path}/{self.of(doing.FILES[:4] if group.parent else doing.FILES)}"

    def node(self):
        return self.file() if self.chance(0.5) else self.some_group()

    def name(self):
        return self.of(ODD_NAMES if self.chance(0.1) else NAMES)

    def number(self):
        self.numbers += 1
        return self.numbers

    def handle(self, is_group=False):
        """(number of one, a task that has it)"""
        found = [(handle, task) for handle in self.world.handles.values()
                 for process in handle.descriptors for task in process.live
                 if (handle.file is None) is is_group]
        for is_better in (lambda handle: handle.group is self.focus, lambda handle: handle.was_read):
            better = [(handle, task) for handle, task in found if is_better(handle)]
            found = better if better and self.chance(0.5) else found
        handle, task = self.of(found) or (None, None)
        return handle and (handle.number, task.number)

    def with_handle(self, kind, is_group=False, **arguments):
        found = self.handle(is_group)
        return found and Operation(kind, found[1], {"handle": found[0], **arguments})

    # ---- tree ----

    def mkdir(self):
        if len(self.world.root.all()) > MOST_GROUPS and self.chance(0.9):
            return None
        path = f"{self.group().path}/{self.name()}"
        return Operation("mkdir", self.by(), {"path": path, "mode": self.of(GROUP_MODES)})

    def rmdir(self):
        path = self.some_group()
        if self.chance(0.5):
            empty = [group.path for group in self.world.root.all()[1:]
                     if not group.tasks and not group.children]
            path = self.of(empty) or path
        return Operation("rmdir", self.by(), {"path": path})

    def _names_to_rename(self):
        child = self.child()
        if child is None or self.chance(0.1):
            return self.node(), self.node()
        if self.chance(0.25):
            return child.path, self.of(child.parent.children.values()).path
        if self.chance(0.75):
            return child.path, f"{child.parent.path}/{self.name()}"
        return child.path, f"{self.group().path}/{self.name()}"

    def rename(self):
        old, new = self._names_to_rename()
        return Operation("rename", self.by(), {"old": old, "new": new})

    def renameat2(self):
        old, new = self._names_to_rename()
        return Operation("renameat2", self.by(), {"old": old, "new": new,
                                                  "flags": self.one(1, 2, 4, 3)})

    def make_in(self):
        return self.with_handle("make_in", True, name=self.of(NAMES))

    def remove_in(self):
        return self.with_handle("remove_in", True, name=self.of(NAMES))

    # ---- attributes and refusals ----

    def _on_node(self, kind, **arguments):
        return Operation(kind, self.by(), {"path": self.node(), **arguments})

    def chmod(self):
        path = self.node()
        modes = GROUP_MODES if self.world.root.find(path) else FILE_MODES
        return Operation("chmod", self.by(), {"path": path, "mode": self.of(modes)})

    def chown(self):
        return self._on_node("chown", uid=self.of(UIDS), gid=self.of(UIDS))

    def utime(self):
        return self._on_node("utime", seconds=self.one(None, 1000, 2000))

    def stat(self):
        return self._on_node("stat")

    def access(self):
        return self._on_node("access", mode=self.random.randrange(8))

    def truncate(self):
        return self._on_node("truncate", length=self.one(0, 1, 5000))

    def names(self):
        return self._on_node("names")

    def statfs(self):
        return self._on_node("statfs")

    def unlink(self):
        return self._on_node("unlink")

    def symlink(self):
        path = self.node() if self.chance(0.3) else f"{self.group().path}/{self.name()}"
        return Operation("symlink", self.by(), {"path": path})

    def link(self):
        return Operation("link", self.by(), {"old": self.node(),
                                             "new": f"{self.group().path}/{self.name()}"})

    def mknod(self):
        path = self.node() if self.chance(0.3) else f"{self.group().path}/{self.name()}"
        return Operation("mknod", self.by(), {"path": path, "kind": self.one("file", "fifo")})

    def open_and_close(self):
        return self._on_node("open_and_close", flags=self.of(OPEN_FLAGS) | self.of(MORE_FLAGS))

    # ---- reading and writing by name ----

    def read_whole(self):
        return Operation("read_whole", self.by(), {"path": self.file()})

    def _flag_text(self):
        return self.of(texts.FLAGS if self.chance(0.7) else texts.BAD_FLAGS)

    def write_flag(self):
        name = self.one("notify_on_release", "notify_on_release", "cgroup.clone_children")
        text = self.of(["1", "1\n"]) if self.chance(0.4) else self._flag_text()
        return Operation("write", self.by(), {"path": f"{self.group().path}/{name}", "text": text,
                                              "flags": self.of(MORE_FLAGS[:6])})

    def _list_text(self):
        """(text, number of a task or None)"""
        known = [task.number for task in self.world.tasks.values() if task.state != "gone"]
        dice = self.random.random()
        if dice < 0.6:
            return self.of(texts.MOVES), self.of(known)
        if dice < 0.7:
            return self.of(texts.SELF), None
        if dice < 0.92:
            return self.of(texts.BAD_PIDS), self.of(known)
        return self.of(texts.NOBODY + texts.KTHREADD + texts.INIT), None

    def _writer_of_list(self, text):
        return self.of(self.acting()).number if text in texts.SELF else self.by()

    def write_list(self):
        text, task = self._list_text()
        path = f"{self.group().path}/{self.of(doing.LISTS)}"
        return Operation("write", self._writer_of_list(text),
                         {"path": path, "text": text, "task": task, "flags": 0})

    def write_agent(self):
        text = self.of(texts.AGENTS)
        return Operation("write", self.by(), {"path": "/release_agent", "text": text})

    # ---- open files ----

    def open(self):
        if sum(bool(handle.descriptors) for handle in self.world.handles.values()) > MOST_HANDLES:
            return None
        path, flags = self.file(), self.of(OPEN_FLAGS) | self.of(MORE_FLAGS)
        if self.chance(0.15):
            path, flags = self.some_group(), os.O_RDONLY
        return Operation("open", self.by(), {"handle": self.number() + 100, "path": path,
                                             "flags": flags})

    def close(self):
        return self.with_handle("close", self.chance(0.2))

    def give(self):
        return self.with_handle("give", to=self.of(self.acting()).number)

    def read(self):
        return self.with_handle("read", size=self.of(SIZES))

    def pread(self):
        return self.with_handle("pread", size=self.of(SIZES), offset=self.of(OFFSETS))

    def lseek(self):
        offset, whence = self.of([(0, 0), (0, 0), (0, 0), (0, 0), (0, 1), (0, 2), (1, 0), (3, 0), (7, 1), (-1, 0),
                                  (-1, 1), (-1, 2), (0, 3), (0, 4), (2**31 - 1, 0), (100, 0)])
        return self.with_handle("lseek", offset=offset, whence=whence)

    def write_open(self):
        found = self.handle()
        if found is None:
            return None
        handle, by = found
        text, task = self._text_for(self.world.handles[handle].file)
        return Operation("write_open", by, {"handle": handle, "text": text, "task": task,
                                            "way": self.one("write", "write", "pwrite", "writev")})

    def _text_for(self, file):
        if self.chance(0.05):
            return "", None
        if file in doing.LISTS:
            return self._list_text()
        return (self.of(texts.AGENTS) if file == "release_agent" else self._flag_text()), None

    def poll(self):
        return self.with_handle("poll", self.chance(0.1))

    def fstat(self):
        return self.with_handle("fstat", self.chance(0.3))

    def fchmod(self):
        return self.with_handle("fchmod", self.chance(0.3), mode=self.of(FILE_MODES))

    def ftruncate(self):
        return self.with_handle("ftruncate", length=self.one(0, 1, 5000))

    def fsync(self):
        return self.with_handle("fsync", self.chance(0.3))

    def path_of(self):
        return self.with_handle("path_of", self.chance(0.3))

    def names_in(self):
        return self.with_handle("names_in", True)

    # ---- tasks ----

    def start(self):
        if not self.has_room():
            return None
        uids = self.of(TASK_UIDS)
        if self.chance(0.6):
            uids = (0 if self.world.as_root else 1000,) * 3
        return Operation("start", 1, {"task": self.number() + 100, "uids": uids})

    def fork(self):
        if not self.has_room():
            return None
        return Operation("fork", self.of(self.acting()).number, {"task": self.number() + 100})

    def thread(self):
        if sum(not task.is_leader for task in self.live()) >= MOST_THREADS:
            return None
        acting = self.acting()
        mortal = [task for task in self.movable(acting) if not task.process.permanent]
        by = self.of(mortal) if mortal and self.chance(0.8) else self.of(acting)
        return Operation("thread", by.number, {"task": self.number() + 100})

    def fork_by_thread(self):
        task = self.of_several(self.acting())
        if task is None or not self.has_room():
            return None
        return Operation("fork", task.number, {"task": self.number() + 100})

    def churn(self):
        return Operation("churn", self.of(self.acting()).number, {"count": self.one(1, 2, 5)})

    def churn_threads(self):
        return Operation("churn_threads", self.of(self.acting()).number, {"count": self.one(1, 2)})

    def movable(self, tasks):
        """By the mounter."""
        uid = self.world.tasks[self.mounter()].uid
        return [task for task in tasks if task.may_be_moved_by(uid)]

    def of_several(self, tasks):
        """One that has threads beside it, or had."""
        tasks = [task for task in tasks if len(task.process.threads) > 1]
        spread = [task for task in tasks if len(task.process.groups) > 1]
        return self.of(spread if spread and self.chance(0.6) else tasks)

    def _write_thread(self, file, by, task, text):
        path = f"{self.group().path}/{file}"
        return Operation("write", by, {"path": path, "text": text, "task": task, "flags": 0})

    def move_thread(self):
        known = [task for task in self.world.tasks.values() if task.state != "gone"]
        task = self.of_several(self.movable(known))
        return task and self._write_thread("tasks", self.mounter(), task.number, "%n")

    def gather(self):
        task = self.of_several(self.movable(self.live()))
        return task and self._write_thread("cgroup.procs", self.mounter(), task.number, "%n")

    def enter(self):
        task = self.of_several(self.movable(self.acting()))
        return task and self._write_thread(self.of(doing.LISTS), task.number, None, "0")

    def end_thread(self):
        acting = self.acting()
        dead = [task for task in acting if task.process.leader.state != "live"]
        leaders = [task for task in acting if task.is_leader and not task.process.permanent]
        task = self.of_several(self.one(acting, dead, leaders))
        return task and Operation("end_thread", 1, {"task": task.number})

    def exec(self):
        tasks = [task for task in self.mortal() if not task.idle]
        task = self.of_several(tasks) if self.chance(0.8) else self.of(tasks)
        return task and Operation("exec", task.number, {})

    def end(self):
        task = self.of(self.mortal())
        return task and Operation("end", 1, {"task": task.number,
                                             "way": self.one("exit", "kill")})

    def end_and(self):
        task = self.of(self.mortal())
        if task is None:
            return None
        then = self._at_once_after_the_end_of(task)
        victims = [task]
        if self.chance(0.6):
            victims = [other for other in self.mortal() if other.group is task.group]
            self.random.shuffle(victims)
        return then and Operation("end_and", 1, {
            "tasks": [victim.number for victim in victims], "then": str(then)})

    def _at_once_after_the_end_of(self, task):
        path = task.group.path
        if self.chance(0.4):
            return Operation("rmdir", 1, {"path": path or "/"})
        if self.chance(0.4):
            return Operation("read_whole", 1, {"path": f"{path}/{self.of(doing.LISTS)}"})
        if self.chance(0.5):
            return Operation("write", 1, {"path": f"{path}/notify_on_release",
                                          "text": self.one("0", "1"), "flags": 0})
        return self.one(self.write_list, self.rename)()._replace(by=1)

    def reap(self):
        task = self.of(task for task in self.world.tasks.values()
                       if task.state == "zombie" and not task.process.live)
        return task and Operation("reap", 1, {"task": task.number})

    def await_calls(self):
        return Operation("await_calls", 1, {})
