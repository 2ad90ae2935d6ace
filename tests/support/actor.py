# SPDX-License-Identifier: MIT
"""Tasks that do what a test tells them.

An Actor is a process, or a thread of one, that receives a function with arguments, calls it and
sends back its result or exception.  So a test can open a file as one user and write to it as
another, fork exactly when it wants to, and be several tasks at once.
"""

import os
import pickle
import select
import signal
import socket
import subprocess
import threading

from . import container, libc, waiting

MESSAGE = 1 << 20


class ActorDied(AssertionError):
    pass


# ---- inside the actor ----

_here = threading.local()
_sockets = set()
_received = []


def _serve(sock):
    _here.socket = sock
    _sockets.add(sock)
    while True:
        data, fds, _, _ = socket.recv_fds(sock, MESSAGE, 4)
        _received.extend(fds)
        command = pickle.loads(data) if data else None
        if command is None:
            return
        function, arguments, keywords = command
        try:
            reply = (True, function(*arguments, **keywords))
        except BaseException as error:  # all of them are results to the test
            reply = (False, error)
        sock.send(pickle.dumps(reply))


def _run_process(sock):
    try:
        _serve(sock)
    finally:
        os._exit(0)


def _fork():
    inherited = _received.pop()
    pid = os.fork()
    if pid == 0:
        for sock in _sockets:
            sock.close()
        _sockets.clear()
        _run_process(socket.socket(fileno=inherited))
    os.close(inherited)
    return pid


def _start_thread():
    sock = socket.socket(fileno=_received.pop())
    known = threading.Event()
    tids = []

    def run():
        tids.append(threading.get_native_id())
        known.set()
        _serve(sock)

    threading.Thread(target=run, daemon=True).start()
    known.wait()
    return tids[0]


def _exec(path, *words):
    os.dup2(_received.pop(), 1)
    os.execv(path, [path, *words])


def _keep_fd():
    return _received.pop()


def _send_fd(channel, fd):
    with socket.socket(fileno=channel) as sock:
        socket.send_fds(sock, [b"x"], [fd])


def become_alone(uids):
    """Other user ids for the calling thread, not for its process."""
    libc.set_thread_uids(*uids)
    libc.prctl(libc.PR_SET_DUMPABLE, 1)


def _become(ids):
    uids, gids, groups = ids
    if groups is None:
        libc.drop_capabilities()  # of a user namespace, whose root is an ordinary user
    else:
        os.setgroups(groups)
    os.setresgid(*gids)
    os.setresuid(*uids)
    libc.prctl(libc.PR_SET_DUMPABLE, 1)


# ---- what the test holds ----

class Process:
    """What a test holds of a process that it started."""

    held = []  # those of the test under way: a task ends with the last descriptor to it

    def __init__(self, pid):
        self.pid = self.tid = pid
        self._pidfd = os.pidfd_open(pid)
        self.held.append(self)

    def end(self):
        """SIGKILL, and the death awaited; the parent has not reaped it."""
        signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        self.wait_dead()
        return self

    def wait_dead(self):
        waiting.wait_readable(self._pidfd, f"end of process {self.pid}")

    def reap(self):
        """For children of the test run."""
        os.waitpid(self.pid, 0)

    def close(self):
        os.close(self._pidfd)

    @classmethod
    def let_go(cls):
        for process in cls.held:
            process.close()
        cls.held.clear()


class Sleeper(Process):
    """A task that does nothing but exist: cheaper than an Actor."""

    def __init__(self, program, ids):
        uids, gids, groups = ids
        words = [] if groups is None else [str(number) for number in (*uids, gids[0])]
        self._program = subprocess.Popen([program, "sleep", *words], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE)
        assert self._program.stdout.readline() == b"%d\n" % self._program.pid
        super().__init__(self._program.pid)

    def exit(self):
        """An ordinary exit, awaited."""
        self._program.stdin.close()
        self.wait_dead()
        return self

    def close(self):
        super().close()
        self._program.stdin.close()
        self._program.stdout.close()
        self._program.returncode = 0  # the container reaps


class Shape(Process):
    """A process of programs/shapes.c before it takes its shape."""

    def __init__(self, command):
        self._program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.ids() == [self._program.pid]
        super().__init__(self._program.pid)

    def ids(self):
        return [int(word) for word in self._program.stdout.readline().split()]

    def go(self):
        """Takes the shape; the ids that it reports."""
        self._program.stdin.write(b"x")
        self._program.stdin.flush()
        return self.ids()

    def close(self):
        super().close()
        self._program.stdin.close()
        self._program.stdout.close()
        self._program.returncode = 0  # the container reaps


class Actor(Process):
    def __init__(self, sock, pid, tid=None):
        super().__init__(pid)
        self.tid = tid or pid
        self._socket = sock

    def close(self):
        super().close()
        self._socket.close()

    @classmethod
    def fork_here(cls, ids=None):
        """A child of the test run; ids = ((r, e, s) uids, (r, e, s) gids, groups)."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(theirs.fileno(), 3)
                os.closerange(4, os.sysconf("SC_OPEN_MAX"))
                null = os.open("/dev/null", os.O_RDWR)
                os.dup2(null, 0)
                os.close(null)
                os.setsid()
                os.umask(0o022)
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
                    signal.signal(number, signal.SIG_DFL)
                if ids:
                    _become(ids)
                _run_process(socket.socket(fileno=3))
            finally:
                os._exit(70)
        theirs.close()
        actor = cls(ours, pid)
        actor(os.getpid)  # it is the user's from here on
        return actor

    def start(self, function, *arguments, **keywords):
        self._socket.send(pickle.dumps((function, arguments, keywords)))

    def finish(self, deadline=waiting.DEADLINE):
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        poller.register(self._pidfd, select.POLLIN)
        events = dict(poller.poll(deadline * 1000))
        if not events:
            raise AssertionError(f"task {self.tid} has not answered within {deadline:g} s")
        data = self._socket.recv(MESSAGE) if self._socket.fileno() in events else b""
        if not data:
            raise ActorDied(f"task {self.tid} has ended")
        success, result = pickle.loads(data)
        if success:
            return result
        raise result

    def __call__(self, function, *arguments, **keywords):
        self.start(function, *arguments, **keywords)
        return self.finish()

    def _spawn(self, function):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            return ours, self._deliver(function, theirs)

    def fork(self):
        """A child of this task, in whatever group the kernel's inheritance puts it."""
        return Actor(*self._spawn(_fork))

    def fork_below(self):
        """A child of a task of a lower pid namespace: .number there, .pid here."""
        before = container.children(self.pid)
        sock, number = self._spawn(_fork)
        pid, = set(container.children(self.pid)) - set(before)
        child = Actor(sock, pid)
        child.number = number
        return child

    def thread(self):
        """One more thread of this process, as a task of its own."""
        sock, tid = self._spawn(_start_thread)
        return Actor(sock, self.pid, tid)

    def exec(self, program):
        """The process goes on as the program shapes, which does nothing: its actors are done."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                command = pickle.dumps((_exec, (program, "wait"), {}))
                socket.send_fds(self._socket, [command], [theirs.fileno()])
            waiting.wait_readable(ours, f"exec by task {self.tid}")
            assert ours.recv(100) == b"%d\n" % self.pid

    def thread_below(self):
        """One of a task of a lower pid namespace: .number there, .tid here."""
        before = os.listdir(f"/proc/{self.pid}/task")
        sock, number = self._spawn(_start_thread)
        tid, = set(os.listdir(f"/proc/{self.pid}/task")) - set(before)
        thread = Actor(sock, self.pid, int(tid))
        thread.number = number
        return thread

    def give(self, fd, to):
        """Passes an open file of this task to another; returns its number there."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            number = self._deliver(_keep_fd, theirs)
            self(_send_fd, number, fd)
            _, (here,), _, _ = socket.recv_fds(ours, 1, 1)
        try:
            return to._deliver(_keep_fd, here)
        finally:
            os.close(here)

    def _deliver(self, function, descriptor):
        number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
        socket.send_fds(self._socket, [pickle.dumps((function, (), {}))], [number])
        return self.finish()

    def exit(self):
        """An ordinary exit of the process or of the thread, awaited."""
        if self.tid == self.pid:
            self.start(os._exit, 0)
            self.wait_dead()
        else:
            self.start_exit()
            self.wait_gone()
        return self

    def start_exit(self):
        """Of a thread, not awaited."""
        self._socket.send(pickle.dumps(None))

    def wait_gone(self):
        waiting.wait_until(lambda: self.state() == "gone", f"end of thread {self.tid}")

    def exit_leader(self):
        """The leader's thread ends, the others live on."""
        self.start(libc.exit_thread)
        waiting.wait_until(lambda: self.state() == "Z", f"leader {self.tid} to be a zombie")

    def state(self):
        """The letter of the thread's state in /proc."""
        try:
            with open(f"/proc/{self.pid}/task/{self.tid}/stat", "rb") as file:
                return file.read().rsplit(b")", 1)[1].split()[0].decode()
        except OSError:
            return "gone"
