# SPDX-License-Identifier: MIT
"""The release agent of a test, and what it was called with."""

import ast
import errno
import os
import select
import shutil
import socket

from . import waiting

SENTINEL = "zz-sentinel-"


class Call:
    """One execution, as the agent itself saw it."""

    def __init__(self, text):
        fields = dict(line.split("=", 1) for line in text.decode().splitlines())
        self.fields = {key: ast.literal_eval(value) for key, value in fields.items()}

    def __getattr__(self, name):
        return self.fields[name]

    @property
    def path(self):
        return os.fsdecode(self.argv[1])


class Agent:
    """A copy of the agent program, which sends a datagram to the socket beside it."""

    def __init__(self, program, folder, uid):
        self.path = os.path.join(folder, "agent")
        shutil.copy(program, self.path)
        os.chmod(self.path, 0o755)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path + ".sock")
        os.chown(self.path + ".sock", uid, -1)
        os.chmod(self.path + ".sock", 0o777)
        self._calls = []
        self._taken = 0
        self._sentinels = 0

    def close(self):
        self.let_go()
        self._socket.close()

    def hold(self):
        """From now on its executions live on after their report, until let_go()."""
        os.mkfifo(self.path + ".hold")
        os.chmod(self.path + ".hold", 0o644)

    def let_go(self):
        if not os.path.exists(self.path + ".hold"):
            return

        def is_read_by_none():
            self._drain()
            try:
                os.close(os.open(self.path + ".hold", os.O_WRONLY | os.O_NONBLOCK))
            except OSError as error:
                return error.errno == errno.ENXIO and not self._is_running()
            return False

        waiting.wait_until(is_read_by_none, f"the end of held calls of {self.path}")
        os.unlink(self.path + ".hold")

    def running(self):
        """Process ids of the executions under way."""
        return [int(pid) for pid in filter(str.isdigit, os.listdir("/proc")) if self._executes(pid)]

    def script(self, name, *lines):
        """An agent of its own that runs shell lines, then this agent with the same argument."""
        path = os.path.join(os.path.dirname(self.path), name)
        text = "\n".join(["#!/bin/sh", *lines, f'exec {self.path} "$1"', ""])
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def _receive(self, flags=0):
        call = Call(self._socket.recv(1 << 18, flags))
        self._calls.append(call)
        return call

    def _drain(self):
        while True:
            try:
                self._receive(socket.MSG_DONTWAIT)
            except BlockingIOError:
                return

    def next(self, deadline=waiting.DEADLINE):
        """Waits for the next call that no earlier next() has returned."""
        while self._taken == len(self._calls):
            waiting.wait_readable(self._socket, "a call of the release agent", deadline)
            self._receive()
        self._taken += 1
        return self._calls[self._taken - 1]

    def _executes(self, pid):
        try:
            return os.readlink(f"/proc/{pid}/exe") == self.path
        except OSError:
            return False

    def _is_running(self):
        """Is some copy of the program under way, that is: executed, its datagram not yet sent?"""
        return any(self._executes(pid) for pid in filter(str.isdigit, os.listdir("/proc")))

    def _is_quiet(self):
        self._drain()  # a full socket holds the senders up
        return not self._is_running()

    def barrier(self, hierarchy):
        """Every release that was due before now has led to its call, and the call is received.

        Agents are started in the order in which groups became due, in each queue of such groups, so
        that after the calls for sentinel groups all earlier ones are on their way; then they are
        awaited.
        """
        sentinels = [self._release_sentinel(hierarchy, cpus) for cpus in hierarchy.release_queues()]
        left = {group.name for group in sentinels}

        def are_called():
            self._drain()
            return left <= {call.path for call in self._calls}

        waiting.wait_until(are_called, f"the calls for the sentinels {left}")
        waiting.wait_until(lambda: not hierarchy.starting_agents(), "the start of earlier agents")
        waiting.wait_until(self._is_quiet, f"the end of all calls of {self.path}")
        self._drain()
        for group in sentinels:
            group.rmdir()

    def _release_sentinel(self, hierarchy, cpus):
        self._sentinels += 1
        group = hierarchy.root.mkgroup(f"{SENTINEL}{self._sentinels}").notify()
        sleeper = hierarchy.sleeper_in(group)
        if cpus:
            os.sched_setaffinity(sleeper.pid, cpus)
        sleeper.end()
        return group

    def receive_while(self, process):
        """Until a child has ended, so that no sender waits for room in the socket."""
        ended = os.pidfd_open(process.pid)
        try:
            while self._wait_for_either(ended):
                self._drain()
        finally:
            os.close(ended)

    def _wait_for_either(self, ended):
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        poller.register(ended, select.POLLIN)
        events = dict(poller.poll(waiting.DEADLINE * 1000))
        assert events, "neither a call nor the end of the process that makes them"
        return ended not in events

    def received(self):
        """The paths received so far, without a barrier: for an agent that is no longer in force."""
        waiting.wait_until(self._is_quiet, f"the end of all calls of {self.path}")
        return [call.path for call in self._calls]

    def so_far(self):
        """The paths received till now, without waiting for any."""
        self._drain()
        return [call.path for call in self._calls if not call.path.startswith("/" + SENTINEL)]

    def all_calls(self, hierarchy):
        self.barrier(hierarchy)
        return [call for call in self._calls if not call.path.startswith("/" + SENTINEL)]

    def calls(self, hierarchy):
        """The paths of all calls so far, each as often as it was called for; sorted."""
        return sorted(call.path for call in self.all_calls(hierarchy))
