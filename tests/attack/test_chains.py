# SPDX-License-Identifier: MIT
"""Jobs whose processes fork the next and end, in every way there is: no process may escape from its
group, and the group is released once, when the last one is gone."""

import os
import shutil
import signal

import pytest

from job import Stranger
from loads import QUIET_AND_LOADED, QUIET_AND_LONG_LOADED
from rounds import RANDOM, ContainedRound, Round
from support import container, waiting

SHAPES = ("fork", "twins", "sibling", "session", "daemon", "spawn", "vfork", "leader",
          "thread-exec", "namespaces", "mixed")
SHAPES_UNDER_LOADS = [
    *((shape, load) for shape in SHAPES for load in ("quiet", "loaded")),
    ("fork", "wrapping"), ("mixed", "wrapping"),
    *(pytest.param(shape, "wrapping", marks=pytest.mark.long) for shape in SHAPES[1:-1]),
]
SIZE = {"chains": 25, "hops": 40}
EXPENSIVE = ("spawn", "vfork", "thread-exec")  # a hop executes a program


@pytest.mark.parametrize("shape, load", SHAPES_UNDER_LOADS, indirect=["load"])
def test_chains_are_followed(judge, load, rounds, shape):
    for _ in range(rounds):
        attack = Round(judge, shape, **SIZE)
        attack.go_on(looks=5)
        attack.finish()


@pytest.mark.parametrize("load", ["quiet", "starved"], indirect=True)
@pytest.mark.parametrize("shape", SHAPES)
def test_single_chain_is_followed(judge, load, rounds, shape):
    """There is never a known member that lives for long: the group is all but declared empty again
    and again."""
    for _ in range(rounds):
        attack = Round(judge, shape, chains=1, hops=300 if shape in EXPENSIVE else 600)
        attack.go_on(looks=3)
        attack.finish()


@pytest.mark.attack("watched")
@QUIET_AND_LONG_LOADED
@pytest.mark.parametrize("shape", ["fork", "twins", "vfork"])
def test_chains_that_are_watched(judge, load, rounds, shape, sandbox, attack_programs):
    """Somebody reads tasks without pause: slots are looked at in every state of a fork, also after
    the kernel has taken the pid and before it answers for it."""
    for _ in range(rounds):
        attack = Round(judge, shape, chains=1, hops=1000)
        watch = Stranger(sandbox, attack_programs, "watch", attack.pair.ours.file("tasks"))
        attack.go_on(looks=3)
        watch.end()
        attack.finish()


@pytest.mark.attack("long")
@QUIET_AND_LONG_LOADED
def test_ten_long_chains(judge, load, is_long):
    for _ in range(3 if is_long else 1):
        attack = Round(judge, "fork", chains=10, hops=5000 if is_long else 500)
        attack.go_on(looks=8)
        attack.finish()


@pytest.mark.long
@pytest.mark.attack("long")
@QUIET_AND_LOADED
def test_fifty_chains_of_a_thousand_hops(judge, load, rounds):
    for _ in range(rounds):
        attack = Round(judge, "fork", chains=50, hops=1000)
        attack.go_on(looks=5)
        attack.finish()


@pytest.mark.long
@pytest.mark.attack("long")
def test_fifty_chains_of_a_hundred_thousand_hops(judge):
    attack = Round(judge, "fork", chains=50, hops=100_000)
    attack.go_on(looks=100)
    attack.finish()


@pytest.mark.attack("killed")
@QUIET_AND_LOADED
@pytest.mark.parametrize("shape", ["fork", "twins"])
@pytest.mark.parametrize("when", ["paused", "forking"])
def test_killed_all_at_once(judge, load, rounds, shape, when):
    for _ in range(rounds):
        attack = Round(judge, shape, chains=150, hops=1_000_000)
        attack.run_until(RANDOM.randrange(500, 3000))
        attack.pause_and_look()
        if when == "forking":
            attack.board.open_gate()
            attack.run_until(attack.board.hops + RANDOM.randrange(500))
        os.killpg(attack.job.pid, signal.SIGKILL)
        attack.finish()


@pytest.mark.attack("cycle")
@QUIET_AND_LONG_LOADED
def test_whole_cycles_of_pids_between_looks(judge, load, rounds, sandbox, attack_programs):
    """By forks that fail, so that the cursor stands where it was."""
    stranger = Stranger(sandbox, attack_programs, "cycle")
    for _ in range(rounds):
        attack = Round(judge, "mixed", chains=20, hops=60)
        attack.run_until(400)
        attack.board.close_gate()
        stranger.cycle()
        stranger.cycle()
        attack.look()
        stranger.cycle()
        attack.board.open_gate()
        attack.go_on(looks=2)
        attack.finish()
    stranger.end()


@QUIET_AND_LONG_LOADED
@pytest.mark.parametrize("shape", ["burn"])
def test_members_that_burn_cycles_of_pids(judge, load, rounds, is_long, shape):
    for _ in range(rounds):
        attack = Round(judge, shape, chains=1, hops=3 if is_long else 1)
        attack.go_on(looks=2)
        attack.finish()


@QUIET_AND_LOADED
@pytest.mark.parametrize("shape", ["refused", "traced"])
def test_forks_that_others_interfere_with(judge, load, rounds, shape):
    for _ in range(rounds):
        attack = Round(judge, shape, chains=10, hops=15)
        attack.go_on(looks=4)
        attack.finish()


def is_stopped(pair):
    """Every process is; one that is about to end has no state that counts."""
    return all(container.state_of(pid).endswith((") T", ") Z", "gone"))
               for pid in pair.kernel.procs())


@pytest.mark.attack("stopped")
@QUIET_AND_LOADED
@pytest.mark.parametrize("shape", [pytest.param("fork", marks=pytest.mark.long), "twins"])
def test_stopped_in_the_midst_of_forks(kernel_judge, load, rounds, shape):
    for _ in range(rounds):
        attack = Round(kernel_judge, shape, chains=40, hops=1_000_000)
        for hop in (200, 700, 1200):
            attack.run_until(hop)
            os.killpg(attack.job.pid, signal.SIGSTOP)
            waiting.wait_until(lambda: is_stopped(attack.pair), "all to be stopped")
            kernel_judge.look_at_all(attack.pair)
            os.killpg(attack.job.pid, signal.SIGCONT)
        os.killpg(attack.job.pid, signal.SIGSTOP)
        waiting.wait_until(lambda: is_stopped(attack.pair), "all to be stopped")
        os.killpg(attack.job.pid, signal.SIGKILL)
        attack.finish()


@QUIET_AND_LOADED
@pytest.mark.parametrize("how", [pytest.param(how, marks=pytest.mark.attack(how))
                                 for how in ("bwrap", "unshare")])
def test_chains_in_a_container(kernel_judge, load, rounds, how):
    if shutil.which(how) is None:
        pytest.skip(f"{how} is not installed")
    for _ in range(rounds):
        attack = ContainedRound(kernel_judge, how, "mixed", chains=10, hops=15)
        attack.go_on(looks=4)
        attack.finish()


@pytest.mark.as_root
@QUIET_AND_LOADED
@pytest.mark.parametrize("shape", ["set-tid"])
def test_pids_of_their_own_choice(judge, load, rounds, shape):
    for _ in range(rounds):
        attack = Round(judge, shape, **SIZE)
        attack.go_on(looks=5)
        attack.finish()
