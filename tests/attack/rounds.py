# SPDX-License-Identifier: MIT
"""One job from its attachment to its release."""

import os
import random
import shlex
import shutil

from job import Job
from support import waiting

RANDOM = random.Random(int(os.environ.get("UCG_SEED", "1")))


def put_copy(path, program, mode):
    shutil.copy(program, path)
    os.chown(path, 0, 0)
    os.chmod(path, mode)


class Round:
    """One job in a pair of groups of its own."""

    def __init__(self, judge, shape, chains, hops, prepare=None):
        self.judge = judge
        self.chains, self.hops = chains, hops
        self.pair = judge.pair()
        self.job = Job(judge.sandbox, self.programs(), *self.words(shape), as_root=judge.as_root)
        self.board = self.job.board
        judge.jobs.append(self.job)
        if prepare:
            prepare(self.job)
        self.attach()
        self.look()
        self.board.open_gate()

    def programs(self):
        return self.judge.programs

    def words(self, shape):
        """Of programs/attack.c."""
        return "chains", shape, self.chains, self.hops, RANDOM.randrange(1 << 32)

    def attach(self):
        self.pair.attach(self.job.pid)

    def look(self):
        self.judge.look(self.pair, self.board)

    def run_until(self, hops):
        """Until so many hops were made, or all; for as long as there is progress."""
        while not (self.board.hops >= hops or self.is_over()):
            before = self.board.hops
            waiting.wait_until(lambda: self.board.hops >= min(hops, before + 100) or
                               self.is_over(), lambda: f"hop {hops} ({self.board})", deadline=60)

    def is_over(self):
        return self.board.chains == 0 and self.board.hops > 0

    def pause_and_look(self):
        self.board.close_gate()
        self.look()

    def go_on(self, looks):
        """To the end, with looks at random moments, the first one when the chains are under way."""
        everything = self.chains * self.hops
        for hop in sorted(RANDOM.randint(1, everything) for _ in range(looks)):
            self.run_until(hop)
            if RANDOM.random() < 0.3:
                self.judge.glance(self.pair, self.board)
            else:
                self.pause_and_look()
                self.board.open_gate()
        self.run_until(everything + 1)

    def finish(self):
        self.judge.await_release(self.pair)
        self.judge.count("rounds")
        self.judge.count("forks", self.board.hops)
        assert self.board.failures == 0, f"forks have failed: {self.board}"
        self.judge.end_jobs()


class UnmarkedRound(Round):
    """The whole job is a setuid program of root."""

    def programs(self):
        path = os.path.join(self.judge.sandbox.folder(), "setuid")
        put_copy(path, self.judge.programs["attack"], 0o4755)
        return {**self.judge.programs, "attack": path}

    def attach(self):
        super().attach()
        assert self.pair.ours.read("cgroup.tracking") == b"unmarked 1\n"


class MixedRound(Round):
    """With processes that the board does not know: programs of the system's."""

    def look(self):
        self.judge.look_at_all(self.pair)


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


class LaunchedRound(MixedRound):
    """Started by a launcher, which is a member too."""

    def programs(self):
        path = os.path.join(self.judge.sandbox.folder(), "launched")
        words = [self.judge.programs["daemon"], "--launch", self.pair.ours.path,
                 self.judge.programs["attack"]]
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        os.chmod(path, 0o755)
        return {**self.judge.programs, "attack": path}

    def attach(self):
        container = parent(self.job.pid)
        for pid in (parent(container), container, self.job.pid):
            self.pair.kernel.attach(pid)

    def finish(self):
        self.job.end_container()
        super().finish()


class ContainedRound(MixedRound):
    """In a container."""

    def __init__(self, judge, how, shape, chains, hops):
        self.how = how
        super().__init__(judge, shape, chains, hops)

    def words(self, shape):
        what, *words = super().words(shape)
        assert what == "chains"
        return "contained", self.how, *words


class ThreadRound(Round):
    """A single thread is attached; it `end`s by exit or exec."""

    def __init__(self, judge, shape, chains, hops, end):
        self.end = end
        super().__init__(judge, shape, chains, hops)

    def words(self, shape):
        _, *words = super().words(shape)
        return "thread", *words, self.end

    def attach(self):
        self.pair.attach_thread(self.board.thread)
