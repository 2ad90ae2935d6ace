# SPDX-License-Identifier: MIT
"""All operations: what is done in both hierarchies, and what the tester then knows."""

import collections
import os
import stat

import doing
import texts
from model import Handle, Process, Task
from operation import parse
from support import libc
from terms import USER, Difference, Open, Path, Root, Skipped

CAP_SYS_RESOURCE = 24

# What is written, to which file of which group, and which task is to move by it.
Command = collections.namedtuple("Command", "bytes group file text target")


def has_capability(number):
    with open("/proc/self/status", encoding="ascii") as file:
        effective = next(line.split()[1] for line in file if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> number & 1)


class Operations:
    """Of a World: the base of it, to keep the two apart."""

    # ---- tree ----

    def do_mkdir(self, by, path, mode):
        if self._succeeds(by, os.mkdir, Path(path), mode):
            folder, _, name = path.rstrip("/").rpartition("/")
            self.root.find(folder).make(name)

    def do_rmdir(self, by, path):
        group = self.root.find(path)
        if group and group.parent:
            self._before_leaving(group.parent)
        if self._succeeds(by, os.rmdir, Path(path)):
            self._removed(group)

    def _removed(self, group):
        group.remove()
        self._after_leaving(group.parent)

    def do_rename(self, by, old, new):
        group = self.root.find(old)
        self._before_others_see_it()
        if self._succeeds(by, os.rename, Path(old), Path(new)) and group and group.parent:
            group.rename(new.rstrip("/").rpartition("/")[2])

    def do_renameat2(self, by, old, new, flags):
        self.both(by, libc.renameat2, Path(old), Path(new), flags)

    def do_make_in(self, by, handle, name):
        group = self._group_handle(handle, by).group
        if self._succeeds(by, doing.make_in, Open(self.handles[handle]), name):
            group.make(name)

    def do_remove_in(self, by, handle, name):
        group = self._group_handle(handle, by).group
        self._before_leaving(group)
        if self._succeeds(by, doing.remove_in, Open(self.handles[handle]), name):
            self._removed(group.children[name])

    # ---- attributes and refusals ----

    def do_chmod(self, by, path, mode):
        self.both(by, os.chmod, Path(path), mode)

    def do_chown(self, by, path, uid, gid):
        self.both(by, os.chown, Path(path), uid, gid)

    def do_utime(self, by, path, seconds):
        self.both(by, doing.set_times, Path(path), seconds)

    def do_stat(self, by, path):
        self.both(by, doing.status, Path(path))

    def do_access(self, by, path, mode):
        if mode & os.X_OK and self.root.find(path) is None:
            raise Skipped
        self.both(by, os.access, Path(path), mode)

    def do_truncate(self, by, path, length):
        self.both(by, os.truncate, Path(path), length)

    def do_names(self, by, path):
        self.both(by, doing.names, Path(path))

    def do_statfs(self, by, path):
        self.both(by, doing.statfs, Path(path))

    def do_unlink(self, by, path):
        self.both(by, os.unlink, Path(path))

    def do_symlink(self, by, path):
        self.both(by, os.symlink, "target", Path(path))

    def do_link(self, by, old, new):
        self.both(by, os.link, Path(old), Path(new))

    def do_mknod(self, by, path, kind):
        kinds = {"file": stat.S_IFREG, "fifo": stat.S_IFIFO}
        self.both(by, doing.make_node, Path(path), kinds[kind])

    def do_open_and_close(self, by, path, flags):
        self.both(by, doing.open_and_close, Path(path), flags)

    # ---- reading and writing by name ----

    def do_read_whole(self, by, path):
        group, name = self._group_of_file(path)
        if group is self.root and name in doing.LISTS:
            raise Skipped
        self.both(by, doing.read_whole, Path(path))

    def do_write(self, by, path, text, task=None, flags=0):
        group, name = self._group_of_file(path)
        command = self._command(by, group, name, by.uid, text, task)
        if self._succeeds(by, doing.write_by_name, Path(path), command.bytes, flags):
            self._written(command)

    def _command(self, by, group, name, uid, text, number):
        """uid is the opener's."""
        target = self._known(number) if number is not None else None
        data = texts.render(text, target.tid if target else 0)
        if text in texts.SELF:
            target = by
        if name == "release_agent" and not self.as_root:
            raise Skipped
        if text in texts.INIT and uid == 0:
            raise Skipped
        if name in doing.LISTS and target:
            self._check_is_comparable(target, uid)
            self._before_leaving(*self._sources(target, name))
        if name == "release_agent":
            self._before_others_see_it()
        return Command(data, group, name, text, target)

    def _check_is_comparable(self, target, uid):
        """A user may not set limits of others; root may, but without CAP_SYS_RESOURCE only of
        tasks that have one user id."""
        is_one = len(set(target.uids)) == 1
        is_markable = is_one if self.as_root else is_one and target.uids[0] == USER
        may_any = self.as_root and has_capability(CAP_SYS_RESOURCE)
        if target.may_be_moved_by(uid) and not is_markable and not may_any:
            raise Skipped

    @staticmethod
    def _moving(target, file):
        """The threads that move when the target is written to this file."""
        if file == "cgroup.procs":
            return target.process.live
        return [target] if target.state == "live" else []

    def _sources(self, target, file):
        return dict.fromkeys(task.group for task in self._moving(target, file))

    def _written(self, command):
        if command.file in doing.LISTS and command.text in texts.MOVES + texts.SELF:
            self._moved(self._moving(command.target, command.file), command.group)
        elif command.file == "notify_on_release" and command.bytes:
            command.group.notify = texts.is_set(command.bytes)
        elif command.file == "release_agent":
            self._restore_agents()

    def _moved(self, tasks, group):
        moving = [task for task in tasks if task.group is not group]
        sources = dict.fromkeys(task.group for task in moving)
        for task in moving:
            task.leave()
            task.enter(group)
        self._after_leaving(*sources)

    # ---- open files ----

    def do_open(self, by, handle, path, flags):
        is_group = self.root.find(path) is not None
        group, name = (self.root.find(path), None) if is_group else self._group_of_file(path)
        ours, kernel = self._in_both(by, doing.open_file, Path(path), flags)
        if ours[0] != kernel[0]:
            raise Difference("open", ours, kernel)
        if kernel[0] == "ok":
            opened = Handle(handle, group, name, by.uid, flags)
            opened.descriptors[by.process] = (ours[1], kernel[1])
            self.handles[handle] = opened

    def do_close(self, by, handle):
        opened = self._handle(handle, by)
        self.both(by, os.close, Open(opened))
        del opened.descriptors[by.process]

    def do_give(self, by, handle, to):
        """To a task that may not be able to open it."""
        opened, to = self._handle(handle, by), self._acting(to)
        if to.process in opened.descriptors:
            raise Skipped
        opened.descriptors[to.process] = tuple(by.actor.give(fd, to.actor)
                                               for fd in opened.descriptors[by.process])

    def do_read(self, by, handle, size):
        opened = self._file_handle(handle, by)
        if opened.position is None:
            raise Skipped
        self._before_read(opened, opened.position)
        status, data = self.both(by, os.read, Open(opened), size)
        if status == "ok":
            opened.position += len(data)
            opened.was_read = True

    def do_pread(self, by, handle, size, offset):
        opened = self._file_handle(handle, by)
        self._before_read(opened, offset)
        status, _ = self.both(by, os.pread, Open(opened), size, offset)
        if status == "ok":
            opened.was_read = True

    def _before_read(self, opened, offset):
        if opened.file not in doing.LISTS or opened.group.removed:
            return
        if opened.group is self.root:
            raise Skipped
        if not opened.was_read or offset == 0:
            self._refresh(opened)
            opened.version = opened.group.version
        elif opened.version != opened.group.version:
            raise Skipped

    def _refresh(self, opened):
        for side in self.kernels if opened.was_read else ():
            path = f"{side.path}{opened.group.path}/{opened.file}"
            self.tasks[1].actor(doing.read_whole, path)

    def do_lseek(self, by, handle, offset, whence):
        opened = self._file_handle(handle, by)
        if opened.group.removed or not self._is_answered_alike(opened, offset, whence):
            raise Skipped
        status, position = self.both(by, os.lseek, Open(opened), offset, whence)
        if status == "ok":
            opened.position = position

    @staticmethod
    def _is_answered_alike(opened, offset, whence):
        if whence != os.SEEK_CUR:
            return True
        return opened.position is not None and opened.position + offset < 1 << 31

    def do_write_open(self, by, handle, text, task=None, way="write"):
        opened = self._file_handle(handle, by)
        if not text and opened.group.removed or way == "pwrite" and not opened.can_be_written:
            raise Skipped
        command = self._command(by, opened.group, opened.file, opened.uid, text, task)
        function, more = {"write": (os.write, ()), "pwrite": (os.pwrite, (7,)),
                          "writev": (doing.write_in_pieces, ())}[way]
        if self._succeeds(by, function, Open(opened), command.bytes, *more):
            self._has_moved_on(opened, len(command.bytes), way)
            self._written(command)

    @staticmethod
    def _has_moved_on(opened, length, way):
        if opened.appends:
            opened.position = None
        elif way != "pwrite":
            opened.position += length

    def do_poll(self, by, handle):
        self.both(by, libc.poll_now, Open(self._handle(handle, by)))

    def do_fstat(self, by, handle):
        self.both(by, doing.fstat, Open(self._handle(handle, by)))

    def do_fchmod(self, by, handle, mode):
        self.both(by, os.fchmod, Open(self._handle(handle, by)), mode)

    def do_ftruncate(self, by, handle, length):
        self.both(by, os.ftruncate, Open(self._file_handle(handle, by)), length)

    def do_fsync(self, by, handle):
        self.both(by, os.fsync, Open(self._handle(handle, by)))

    def do_path_of(self, by, handle):
        opened = self._handle(handle, by)
        if opened.group.removed:
            raise Skipped
        self.both(by, doing.path_of, Open(opened), Root())

    def do_names_in(self, by, handle):
        self.both(by, doing.names, Open(self._group_handle(handle, by)))

    # ---- tasks ----

    def _add_task(self, actor, uids, group, process, number=None):
        number = number or len(self.tasks) + 1
        self.tasks[number] = Task(number, actor, uids, group, process)
        return self.tasks[number]

    def do_start(self, by, task, uids):
        """A new process in the root group; `by` has no part in it."""
        if task in self.tasks:
            raise Skipped
        self._add_task(self._new_actor(tuple(uids)), tuple(uids), self.root, Process(), task)

    def do_fork(self, by, task):
        if task in self.tasks:
            raise Skipped
        child = self._add_task(by.actor.fork(), by.uids, by.group, Process(by.process), task)
        for handle in self.handles.values():
            if by.process in handle.descriptors:
                handle.descriptors[child.process] = handle.descriptors[by.process]

    def do_thread(self, by, task):
        if task in self.tasks:
            raise Skipped
        self._add_task(by.actor.thread(), by.uids, by.group, by.process, task)

    def do_exec(self, by):
        """By any thread; what it executes does nothing more."""
        if by.process.permanent:
            raise Skipped
        others = [task for task in by.process.live if task is not by]
        groups = dict.fromkeys(task.group for task in others)
        self._before_leaving(*groups)
        by.actor.exec(self.programs["shapes"])
        for task in others:
            task.leave()
        by.process.becomes(by)
        self._forget_descriptors(by.process)
        self._after_leaving(*groups)

    def do_churn(self, by, count):
        """Processes that live for a moment."""
        by.actor(doing.fork_and_reap, count)
        by.group.version += 1

    def do_churn_threads(self, by, count):
        """Threads that live for a moment."""
        by.actor(doing.start_and_await, count)
        by.group.version += 1

    def do_end(self, by, task, way):
        process = self._task(task).process
        if process.permanent:
            raise Skipped
        groups = process.groups
        self._before_leaving(*groups)
        acting = process.acting
        if way == "exit" and acting:
            acting.actor.start(os._exit, 0)
            acting.actor.wait_dead()
        else:
            process.leader.actor.end()
        self._is_dead(process)
        self._after_leaving(*groups)

    def do_end_thread(self, by, task):
        """It alone; with the last one ends the process."""
        task = self._acting(task)
        process = task.process
        is_last = len(process.live) == 1
        if task.is_leader and (is_last or process.permanent):
            raise Skipped
        self._before_leaving(task.group)
        if task.is_leader:
            task.actor.exit_leader()
        else:
            task.actor.exit()
        if is_last:
            task.actor.wait_dead()
            self._is_dead(process)
        else:
            self._has_ended(task)
        self._after_leaving(task.group)

    def do_end_and(self, by, tasks, then):
        """Kills, and at once the next thing, by the same task."""
        victims = list(dict.fromkeys(self._task(task).process for task in tasks))
        then = parse(then)
        if any(process.permanent for process in victims):
            raise Skipped
        groups = dict.fromkeys(group for process in victims for group in process.groups)
        self._before_leaving(*groups)
        self.prelude = by.actor, [process.leader.pid for process in victims]
        for process in victims:
            self._is_dead(process)
        self._after_leaving(*groups)
        try:
            getattr(self, "do_" + then.kind)(by, **then.arguments)
        except Skipped:
            self._play_prelude()

    @staticmethod
    def _has_ended(task):
        task.state = "zombie" if task.is_leader else "gone"
        task.leave()

    def _is_dead(self, process):
        for task in process.live:
            self._has_ended(task)
        self._forget_descriptors(process)
        for task in self.tasks.values():
            if task.process.parent is process:
                task.process.parent = None

    def _forget_descriptors(self, process):
        for handle in self.handles.values():
            handle.descriptors.pop(process, None)

    def do_reap(self, by, task):
        """By its parent, or by the test run, which orphans are given to."""
        task = self._known(task)
        if task.process.live:
            raise Skipped
        parent = task.process.parent
        if parent is None:
            os.waitpid(task.pid, 0)
        elif parent.acting:
            parent.acting.actor(doing.reap, task.pid)
        else:
            raise Skipped
        task.state = "gone"

    def do_await_calls(self, by):
        self.await_calls()

    def do_look(self, by, contents=None):
        self.look(contents)
