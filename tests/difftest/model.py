# SPDX-License-Identifier: MIT
"""What the tester knows: enough to choose operations, and to know when a call is due.

It follows what the kernel answered; that it is right is checked against the kernel at each look.
"""

import os


class Group:
    def __init__(self, parent, name):
        self.parent = parent
        self.name = name
        self.children = {}
        self.tasks = set()
        self.notify = parent.notify if parent else False
        self.removed = False
        self.version = 0  # of its tasks
        self.is_due = False  # a call may be under way

    @property
    def path(self):
        return "" if self.parent is None else f"{self.parent.path}/{self.name}"

    def is_to_be_released(self):
        return bool(self.parent and self.notify and not self.removed and not self.tasks
                    and not self.children)

    def all(self):
        """Itself and all below."""
        found = [self]
        for group in found:
            found += group.children.values()
        return found

    def find(self, path):
        """None: there is no such group."""
        group = self
        for name in path.split("/"):
            if name in ("", "."):
                continue
            if group is None:
                return None
            group = group.parent if name == ".." else group.children.get(name)
        return group

    def make(self, name):
        self.children[name] = Group(self, name)

    def remove(self):
        self.removed = True
        del self.parent.children[self.name]

    def rename(self, name):
        del self.parent.children[self.name]
        self.name = name
        self.parent.children[name] = self


class Process:
    """Its threads, of which the first is the leader."""

    def __init__(self, parent=None, permanent=False):
        self.parent = parent
        self.permanent = permanent
        self.threads = []

    @property
    def leader(self):
        return self.threads[0]

    @property
    def live(self):
        return [task for task in self.threads if task.state == "live"]

    @property
    def acting(self):
        """A thread that does what it is told, or None."""
        return next((task for task in self.live if not task.idle), None)

    @property
    def groups(self):
        """Each in which it has a thread, once, in the order of threads."""
        return list(dict.fromkeys(task.group for task in self.live))

    def becomes(self, task):
        """The process of one thread that exec makes of it, under the leader's id."""
        for other in self.threads:
            if other is not task:
                other.state = "gone"
        self.threads = [task]
        task.idle = True
        task.actor.tid = task.pid
        task.group.version += 1


class Task:
    """A thread in both hierarchies at once."""

    def __init__(self, number, actor, uids, group, process):
        self.number = number
        self.actor = actor
        self.uids = uids
        self.group = group
        self.process = process
        self.state = "live"  # zombie: a leader that has ended; gone: its id is free
        self.idle = False  # alive, but executes another program
        process.threads.append(self)
        group.tasks.add(self)
        group.version += 1

    @property
    def name(self):
        return f"T{self.number}"

    @property
    def pid(self):
        return self.actor.pid

    @property
    def tid(self):
        return self.actor.tid

    @property
    def is_leader(self):
        return self.process.leader is self

    @property
    def uid(self):
        return self.uids[1]

    def may_be_moved_by(self, uid):
        return uid in (0, self.uids[0], self.uids[2])

    def leave(self):
        self.group.tasks.discard(self)
        self.group.version += 1

    def enter(self, group):
        self.group = group
        group.tasks.add(self)
        group.version += 1


class Handle:
    """An open file of ours and one of the kernel's: the descriptors, by the process they are of."""

    def __init__(self, number, group, file, uid, flags):
        self.number = number
        self.group = group
        self.file = file  # None: the group itself
        self.uid = uid  # of the opener
        self.can_be_written = flags & os.O_ACCMODE != os.O_RDONLY
        self.appends = bool(flags & os.O_APPEND)
        self.descriptors = {}
        self.position = 0  # None: see normal.NORMALISED
        self.was_read = False
        self.version = None  # of the group's tasks, as the pass under way shows them

    @property
    def name(self):
        return f"H{self.number}"
