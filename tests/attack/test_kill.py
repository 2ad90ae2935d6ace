# SPDX-License-Identifier: MIT
"""Jobs that fork without pause are ended by cgroup.kill: all of them, and nobody else."""

import signal

import pytest

from loads import QUIET_AND_LOADED, shapes_under_loads
from rounds import RANDOM, LaunchedRound, Round, UnmarkedRound
from support import waiting

HOPS = 2500  # of each chain, so that what gets away ends at some time
SHAPES = ("fork", "twins", "sibling", "daemon", "spawn", "vfork", "leader", "thread-exec",
          "namespaces")


def kill_in_the_midst(attack):
    attack.run_until(RANDOM.randrange(10, 50) * attack.chains)
    attack.pair.ours.write("cgroup.kill", "1")


def check_newcomer_lives(attack):
    """One who is attached when the write was answered is all that is left."""
    pair, newcomer = attack.pair, attack.judge.ours.sleeper()
    pair.attach(newcomer.pid)
    waiting.wait_until(lambda: pair.kernel.tasks() == [newcomer.pid],
                       lambda: f"{pair.kernel} to hold the newcomer alone ({attack.board})",
                       deadline=60)
    attack.judge.look_at_sleepers(pair, newcomer)
    newcomer.end()


def finish(attack):
    """No chain came to its end by itself."""
    attack.judge.await_release(attack.pair)
    assert attack.board.chains == attack.chains, f"some were not killed: {attack.board}"
    Round.finish(attack)


@pytest.mark.attack("cgroup-kill")
@shapes_under_loads(SHAPES, loaded=("twins",))
def test_chains_that_are_killed(judge, load, rounds, shape):
    for _ in range(rounds):
        attack = Round(judge, shape, chains=40, hops=HOPS)
        kill_in_the_midst(attack)
        finish(attack)


@pytest.mark.attack("cgroup-kill")
@QUIET_AND_LOADED
@pytest.mark.parametrize("shape", ["mixed"])
def test_newcomers_while_chains_are_killed(kernel_judge, load, rounds, shape):
    for _ in range(rounds):
        attack = Round(kernel_judge, shape, chains=40, hops=HOPS)
        # As long as there is a child, nothing is released in between.
        children = [group.mkgroup("child") for group in (attack.pair.ours, attack.pair.kernel)]
        kill_in_the_midst(attack)
        check_newcomer_lives(attack)
        for child in children:
            child.rmdir()
        finish(attack)


@pytest.mark.attack("kill-unmarked")
@QUIET_AND_LOADED
@pytest.mark.parametrize("shape", ["fork", "twins", "daemon", "spawn"])
def test_chains_without_marks_that_are_killed(judge, load, rounds, shape, sandbox):
    if not sandbox.is_root:
        pytest.skip("only root makes a program setuid root")
    for _ in range(rounds):
        attack = UnmarkedRound(judge, shape, chains=3, hops=HOPS)
        kill_in_the_midst(attack)
        finish(attack)


@pytest.mark.attack("kill-launched")
@pytest.mark.arguments("--without=fork-events,io-hints")
@QUIET_AND_LOADED
def test_chains_below_a_launcher_that_are_killed(kernel_judge, load, rounds):
    for _ in range(rounds):
        attack = LaunchedRound(kernel_judge, "wiped", chains=10, hops=HOPS)
        attack.job.status = -signal.SIGKILL  # that is the launcher, which is a member
        kill_in_the_midst(attack)
        finish(attack)
