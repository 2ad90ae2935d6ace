# SPDX-License-Identifier: MIT
"""Processes of programs/attack.c."""

import os
import subprocess

from board import Board

OTHER = 2000  # a user who has no part in it


class Program:
    program = "attack"

    def __init__(self, sandbox, programs, *words, as_root=False):
        command = [programs[self.program], *map(str, words)]
        if not as_root:
            command = sandbox.as_user(command)
        self._program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         bufsize=0)
        self.pid = self._program.pid
        self.first_line = self.read_line()

    def read_line(self):
        line = self._program.stdout.readline()
        assert line.endswith(b"\n"), f"{self._program.args} has ended"
        return line.decode().strip()

    def write(self, data):
        self._program.stdin.write(data)

    def end(self):
        self._program.kill()
        self._program.stdin.close()
        self._program.stdout.close()
        self._program.wait()


class Stranger(Program):
    """storm, failing, cycle, watch FILE or trace TID."""

    def cycle(self):
        """One whole cycle of pids goes by; the cursor before and after."""
        self.write(b"x")
        return tuple(map(int, self.read_line().split()))


class Forger(Program):
    """A process of another user that marks itself as the process `pid` is marked."""

    def __init__(self, sandbox, programs, pid, how="forge"):
        other = [f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups", "--"]
        super().__init__(sandbox, {"attack": "setpriv"}, *other, programs["attack"], how, pid,
                         as_root=True)

    def fork(self):
        """One more child, which lives as long."""
        self.write(b"x")
        self.read_line()


class Job(Program):
    """Its first process waits at the gate."""

    status = 0  # of what the job was started by, in the end

    def __init__(self, sandbox, programs, what, *words, as_root=False):
        self.folder = sandbox.folder()
        self.board = Board(os.path.join(self.folder, "board"),
                           0 if as_root else sandbox.uid)
        super().__init__(sandbox, programs, what, self.board.path, *words, as_root=as_root)
        self.pid = int(self.first_line)
        self.board.wait_paused(1)

    def end_container(self):
        """What lives of the job is killed."""
        self._program.stdin.close()

    def end(self):
        """Nothing of it is left."""
        self.end_container()
        self._program.stdout.close()
        assert self._program.wait(60) == self.status
        self.board.close()
