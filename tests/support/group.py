# SPDX-License-Identifier: MIT
"""The field's verbs, spoken by tests."""

import os
import stat
import time

from . import libc, waiting


def errno_of(operation, *arguments, **keywords):
    """The name of the errno with which an operation fails, "ok" if it succeeds."""
    try:
        operation(*arguments, **keywords)
    except OSError as error:
        return libc.errno_name(error.errno)
    return "ok"


def read_whole(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def write_once(path, data, flags=os.O_WRONLY):
    """One write(2), as one command of a control file is."""
    fd = os.open(path, flags)
    try:
        return os.write(fd, data)
    finally:
        os.close(fd)


class Group:
    """A directory of the hierarchy; what is done to it is done by the user's task or by `by`."""

    def __init__(self, hierarchy, path):
        self.hierarchy = hierarchy
        self.path = path

    def __str__(self):
        return self.path

    def __fspath__(self):
        return self.path

    def _do(self, by, function, *arguments, **keywords):
        return (by or self.hierarchy.user)(function, *arguments, **keywords)

    @property
    def name(self):
        """As an agent is told it."""
        return self.path[len(self.hierarchy.path):] or "/"

    def file(self, name):
        return f"{self.path}/{name}"

    def mkgroup(self, name, mode=0o777, by=None):
        group = Group(self.hierarchy, self.file(name))
        self._do(by, os.mkdir, group.path, mode)
        return group

    def child(self, name):
        return Group(self.hierarchy, self.file(name))

    def rmdir(self, by=None):
        self._do(by, os.rmdir, self.path)

    def rename(self, name, by=None):
        new = os.path.join(os.path.dirname(self.path), name)
        self._do(by, os.rename, self.path, new)
        self.path = new

    def exists(self):
        return self._do(None, os.path.lexists, self.path)

    def list(self):
        return self._do(None, os.listdir, self.path)

    def stat(self, name="."):
        return self._do(None, os.stat, self.file(name))

    def mode(self, name="."):
        return stat.S_IMODE(self.stat(name).st_mode)

    def read(self, name, by=None):
        return self._do(by, read_whole, self.file(name))

    def write(self, name, data, by=None):
        data = data.encode() if isinstance(data, str) else data
        return self._do(by, write_once, self.file(name), data)

    def open(self, name, flags=os.O_RDWR, by=None):
        return self._do(by, os.open, self.file(name), flags)

    def attach(self, task, by=None):
        """The whole process of a task."""
        self.write(self.hierarchy.processes_file, str(getattr(task, "pid", task)), by)

    def attach_thread(self, task, by=None):
        self.write("tasks", str(getattr(task, "tid", task)), by)

    def tasks(self):
        return [int(line) for line in self.read("tasks").split()]

    def procs(self):
        return [int(line) for line in self.read("cgroup.procs").split()]

    def notify(self, value=1):
        self.write("notify_on_release", str(value))
        return self

    def enter(self, task):
        """The task moves itself, as a shell does with `echo 0 >tasks`."""
        task(write_once, self.file("tasks"), b"0")
