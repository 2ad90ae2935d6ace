# SPDX-License-Identifier: MIT
"""Two ucgroupfs over the same processes."""

import os

import pytest

from job import Job
from judge import Judge
from loads import QUIET_AND_LOADED
from rounds import RANDOM
from support import waiting


ENTER = """#!/bin/sh
for group in {groups}; do echo 0 >"$group/cgroup.procs" || exit 1; done
exec {daemon} "$@"
"""


def enter_groups(judge, pair):
    """A daemon that begins as a member of groups."""
    path = os.path.join(judge.sandbox.folder(), "daemon")
    with open(path, "w", encoding="utf-8") as file:
        file.write(ENTER.format(groups=f"{pair.kernel} {pair.ours}",
                                daemon=judge.programs["daemon"]))
    os.chmod(path, 0o755)
    return path


@pytest.fixture
def second(kernel_judge, pytestconfig):
    """Starts the judge of a second ucgroupfs, whose daemon is a member of a pair or not."""
    judges = []

    def start(pair=None):
        programs = dict(kernel_judge.programs)
        if pair:
            programs["daemon"] = enter_groups(kernel_judge, pair)
        judge = Judge(kernel_judge.sandbox, programs, kernel_judge.row, False,
                      pytestconfig.getoption("--kernel-alone"), outer=kernel_judge)
        judges.append(judge)
        judge.start()
        return judge

    def end():
        while judges:
            judge = judges.pop()
            try:
                judge.conclude()
            finally:
                judge.stop()

    start.end = end
    yield start
    end()


class NestedRound:
    """A job that is in a pair of either."""

    def __init__(self, outer, inner, outer_pair):
        self.judges = outer, inner
        self.pairs = outer_pair, inner.pair()
        self.job = Job(outer.sandbox, outer.programs, "chains", "mixed", 10, 15,
                       RANDOM.randrange(1 << 32))
        self.board = self.job.board
        outer.jobs.append(self.job)
        for pair in self.pairs:
            pair.attach(self.job.pid)
        self.look()
        self.board.open_gate()

    def look(self):
        for judge, pair in zip(self.judges, self.pairs):
            judge.look_at_all(pair)

    def go_on(self, looks):
        for hop in sorted(RANDOM.randint(1, 150) for _ in range(looks)):
            waiting.wait_until(lambda hop=hop: self.board.hops >= hop,
                               lambda hop=hop: f"hop {hop} ({self.board})",
                               deadline=60)
            self.board.close_gate()
            self.look()
            self.board.open_gate()

    def finish(self):
        """The inner group is released; the outer one may have other members."""
        outer, inner = self.judges
        inner.await_release(self.pairs[1])
        outer.count("rounds")
        outer.count("forks", self.board.hops)
        assert self.board.failures == 0, f"forks have failed: {self.board}"
        outer.end_jobs()


@pytest.mark.attack("nested")
@QUIET_AND_LOADED
def test_members_of_two_at_once(kernel_judge, second, load, rounds):
    inner = second()
    for _ in range(rounds):
        pair = kernel_judge.pair()
        attack = NestedRound(kernel_judge, inner, pair)
        attack.go_on(looks=4)
        attack.finish()
        kernel_judge.await_release(pair)


@pytest.mark.attack("daemon-inside")
@QUIET_AND_LOADED
def test_daemon_that_is_a_member(kernel_judge, second, load, rounds):
    """Its keeper, server and agents are members too, and the last ones to go."""
    for _ in range(rounds):
        pair = kernel_judge.pair()
        inner = second(pair)
        attack = NestedRound(kernel_judge, inner, pair)
        attack.go_on(looks=4)
        attack.finish()
        second.end()
        kernel_judge.await_release(pair)
