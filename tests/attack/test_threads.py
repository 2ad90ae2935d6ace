# SPDX-License-Identifier: MIT
"""Single threads as members, attached through tasks: what they make belongs to their group, while
the rest of their process does not."""

import pytest

from job import Job
from loads import QUIET_AND_LOADED
from rounds import RANDOM, ThreadRound

SHAPES = (pytest.param("fork", marks=pytest.mark.long), "mixed")


@pytest.mark.attack("thread-exit")
@QUIET_AND_LOADED
@pytest.mark.parametrize("shape", SHAPES)
def test_thread_that_makes_chains_and_exits(judge, load, rounds, shape):
    """The group is released although the process of the thread lives on."""
    for _ in range(rounds):
        attack = ThreadRound(judge, shape, chains=10, hops=15, end="exit")
        attack.go_on(looks=4)
        attack.finish()


@pytest.mark.attack("thread-exit")
@QUIET_AND_LOADED
def test_thread_that_exits(judge, load, rounds):
    """It is all that there ever was in its group."""
    for _ in range(rounds):
        attack = ThreadRound(judge, "fork", chains=0, hops=0, end="exit")
        attack.finish()


@pytest.mark.attack("thread-exec-own")
@QUIET_AND_LOADED
@pytest.mark.parametrize("shape", SHAPES)
def test_thread_that_executes_a_program(judge, load, rounds, shape):
    """The program is the thread's, and so a member: the process that it was in is gone."""
    for _ in range(rounds):
        attack = ThreadRound(judge, shape, chains=5, hops=15, end="exec")
        attack.go_on(looks=4)
        attack.finish()


@pytest.mark.attack("threads-apart")
@QUIET_AND_LOADED
def test_threads_of_a_process_in_two_groups(kernel_judge, load, rounds):
    """A program executed by one takes the process out of the group of the other."""
    judge = kernel_judge
    for _ in range(rounds):
        leaders, threads = judge.pair(), judge.pair()
        job = Job(judge.sandbox, judge.programs, "thread", "fork", 5, 15, RANDOM.randrange(1 << 32),
                  "exec")
        judge.jobs.append(job)
        leaders.attach(job.pid)
        threads.attach_thread(job.board.thread)
        judge.look_at_all(leaders, threads)
        job.board.open_gate()
        judge.await_release(leaders)
        job.board.close_gate()
        judge.look_at_all(leaders, threads)
        job.board.open_gate()
        judge.await_release(threads)
        judge.count("rounds")
        judge.count("forks", job.board.hops)
        judge.end_jobs()
