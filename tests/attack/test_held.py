# SPDX-License-Identifier: MIT
"""Forks and exits that somebody holds in the midst."""

import os
import signal

import pytest

from job import Job, Stranger
from loads import QUIET_AND_LOADED, QUIET_AND_LONG_LOADED
from pages import FaultPages, FilePages
from rounds import MixedRound
from support import waiting

SHAPES = pytest.mark.parametrize("shape", ["held-unborn", "held-born"])
PAGES = pytest.mark.parametrize(
    "pages", [pytest.param(FilePages, id="file"),
              pytest.param(FaultPages, id="fault", marks=pytest.mark.as_root)])


class HeldRound(MixedRound):
    """A chain whose forks stand still until the test lets them go on."""

    def __init__(self, judge, shape, hops, pages):
        self._make_pages = pages
        super().__init__(judge, shape, chains=1, hops=hops, prepare=self._prepare)

    def _prepare(self, job):
        self.pages = self._make_pages(self.judge.sandbox, self.judge.programs, job.folder)
        self.judge.jobs.append(self.pages)  # it ends before the job, whose forks wait for it


@QUIET_AND_LOADED
@PAGES
@SHAPES
def test_forks_that_are_held(kernel_judge, load, rounds, is_long, shape, pages, sandbox,
                             attack_programs):
    """However long, and with all pids going by: who forks is a member all the time, and so is the
    child as soon as it is visible."""
    cycle = Stranger(sandbox, attack_programs, "cycle")
    has_time = is_long or (load == "quiet" and shape == "held-unborn" and pages is FilePages)
    for _ in range(rounds):
        attack = HeldRound(kernel_judge, shape, hops=4, pages=pages)
        for hop in range(4):
            attack.pages.wait_held()
            attack.look()
            if hop == 1 and has_time:
                cycle.cycle()
                attack.look()
            attack.pages.let_go()
        attack.finish()
    cycle.end()


@pytest.mark.attack("held-killed")
@QUIET_AND_LONG_LOADED
@PAGES
@SHAPES
def test_killed_while_its_fork_is_held(kernel_judge, load, rounds, shape, pages):
    """What the kernel makes of the fork is its business; nothing of it may be left."""
    for _ in range(rounds):
        attack = HeldRound(kernel_judge, shape, hops=3, pages=pages)
        attack.pages.wait_held()
        attack.pages.let_go()
        attack.pages.wait_held()
        os.killpg(attack.job.pid, signal.SIGKILL)
        attack.look()
        attack.pages.let_go()
        attack.finish()


def hold_thread(judge):
    """The pair of a process whose last thread is a zombie that a tracer holds."""
    pair = judge.pair()
    job = Job(judge.sandbox, judge.programs, "zombie")
    judge.jobs.append(job)
    pair.attach(job.pid)
    judge.look(pair, job.board)
    judge.jobs.append(Stranger(judge.sandbox, judge.programs, "trace", job.board.thread))
    job.board.open_gate()
    waiting.wait_until(lambda: not pair.kernel.tasks(), f"{pair.kernel} to be empty")
    return pair


@pytest.mark.attack("zombie-thread")
@QUIET_AND_LOADED
def test_thread_held_after_its_exit_is_no_member(kernel_judge, load, rounds):
    """Whoever looks sees that there is none, and so does the agent then: no event tells of it."""
    for _ in range(rounds):
        pair = hold_thread(kernel_judge)
        kernel_judge.look_at_all(pair)
        kernel_judge.await_release(pair)
        kernel_judge.count("rounds")
        kernel_judge.end_jobs()
