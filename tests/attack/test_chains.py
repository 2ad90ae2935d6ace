# SPDX-License-Identifier: MIT
"""Jobs whose processes fork the next and end, in every way there is: no process may escape from its
group, and the group is released once, when the last one is gone."""

import os
import random
import signal

import pytest

from job import Job, Stranger
from support import waiting

SHAPES = ("fork", "twins", "sibling", "session", "spawn", "vfork", "leader", "thread-exec",
          "namespaces", "mixed")
SHAPES_UNDER_LOADS = [
    *((shape, load) for shape in SHAPES for load in ("quiet", "loaded")),
    ("fork", "wrapping"), ("mixed", "wrapping"),
    *(pytest.param(shape, "wrapping", marks=pytest.mark.long) for shape in SHAPES[1:-1]),
]
QUIET_AND_LONG_LOADED = ["quiet", pytest.param("loaded", marks=pytest.mark.long)]
RANDOM = random.Random(int(os.environ.get("UCG_SEED", "1")))


def rounds_of(load, is_long):
    if is_long:
        return 10 if load == "quiet" else 5
    return 1


def size(is_long):
    return {"chains": 25, "hops": 200 if is_long else 40}


class Round:
    """One job in a pair of groups of its own."""

    def __init__(self, judge, shape, chains, hops):
        self.judge = judge
        self.chains, self.hops = chains, hops
        self.pair = judge.pair()
        self.job = Job(judge.sandbox, judge.programs, "chains", shape, chains, hops,
                       RANDOM.randrange(1 << 32), as_root=judge.as_root)
        self.board = self.job.board
        judge.jobs.append(self.job)
        self.pair.attach(self.job.pid)
        judge.look(self.pair, self.board)
        self.board.open_gate()

    def run_until(self, hops):
        """Until so many hops were made, or all; for as long as there is progress."""
        while not (self.board.hops >= hops or self.is_over()):
            before = self.board.hops
            waiting.wait_until(lambda: self.board.hops >= min(hops, before + 100) or
                               self.is_over(), f"hop {hops} ({self.board})", deadline=60)

    def is_over(self):
        return self.board.chains == 0 and self.board.hops > 0

    def pause_and_look(self):
        self.board.close_gate()
        self.judge.look(self.pair, self.board)

    def go_on(self, looks):
        """To the end, with looks at random moments."""
        everything = self.chains * self.hops
        for hop in sorted(RANDOM.randrange(everything) for _ in range(looks)):
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


@pytest.mark.parametrize("shape, load", SHAPES_UNDER_LOADS, indirect=["load"])
def test_chains_are_followed(judge, load, is_long, shape):
    for _ in range(rounds_of(load, is_long)):
        attack = Round(judge, shape, **size(is_long))
        attack.go_on(looks=5)
        attack.finish()


@pytest.mark.parametrize("load", ["quiet", "starved"], indirect=True)
@pytest.mark.parametrize("shape", SHAPES)
def test_single_chain_is_followed(judge, load, is_long, shape):
    """There is never a known member that lives for long: the group is all but declared empty again
    and again."""
    for _ in range(rounds_of(load, is_long)):
        attack = Round(judge, shape, chains=1, hops=4000 if is_long else 600)
        attack.go_on(looks=3)
        attack.finish()


@pytest.mark.parametrize("load", QUIET_AND_LONG_LOADED, indirect=True)
@pytest.mark.parametrize("shape", ["fork", "twins", "vfork"])
def test_chains_that_are_watched(judge, load, is_long, shape, sandbox, attack_programs):
    """Somebody reads tasks without pause: slots are looked at in every state of a fork, also after
    the kernel has taken the pid and before it answers for it."""
    for _ in range(rounds_of(load, is_long)):
        attack = Round(judge, shape, chains=1, hops=5000 if is_long else 1000)
        watch = Stranger(sandbox, attack_programs, "watch", attack.pair.ours.file("tasks"))
        attack.go_on(looks=3)
        watch.end()
        attack.finish()


@pytest.mark.parametrize("load", QUIET_AND_LONG_LOADED, indirect=True)
def test_ten_long_chains(judge, load, is_long):
    for _ in range(3 if is_long else 1):
        attack = Round(judge, "fork", chains=10, hops=5000 if is_long else 500)
        attack.go_on(looks=8)
        attack.finish()


@pytest.mark.parametrize("load", ["quiet", "loaded"], indirect=True)
@pytest.mark.parametrize("shape", ["fork", "twins"])
@pytest.mark.parametrize("when", ["paused", "forking"])
def test_killed_all_at_once(judge, load, is_long, shape, when):
    for _ in range(rounds_of(load, is_long)):
        attack = Round(judge, shape, chains=150, hops=1_000_000)
        attack.run_until(RANDOM.randrange(500, 3000))
        attack.pause_and_look()
        if when == "forking":
            attack.board.open_gate()
            attack.run_until(attack.board.hops + RANDOM.randrange(500))
        os.killpg(attack.job.pid, signal.SIGKILL)
        attack.finish()


@pytest.mark.parametrize("load", QUIET_AND_LONG_LOADED, indirect=True)
def test_whole_cycle_of_pids_between_looks(judge, load, is_long, sandbox, attack_programs):
    """By forks that fail, so that the cursor stands where it was."""
    stranger = Stranger(sandbox, attack_programs, "cycle")
    for _ in range(rounds_of(load, is_long)):
        attack = Round(judge, "mixed", chains=20, hops=60)
        for hop in (200, 600) if is_long else (400,):
            attack.run_until(hop)
            attack.board.close_gate()
            stranger.cycle()
            judge.look(attack.pair, attack.board)
            stranger.cycle()
            attack.board.open_gate()
        attack.go_on(looks=2)
        attack.finish()
    stranger.end()


@pytest.mark.as_root
@pytest.mark.parametrize("load", ["quiet", "loaded"], indirect=True)
def test_pids_of_their_own_choice(judge, load, is_long):
    for _ in range(rounds_of(load, is_long)):
        attack = Round(judge, "set-tid", **size(is_long))
        attack.go_on(looks=5)
        attack.finish()
