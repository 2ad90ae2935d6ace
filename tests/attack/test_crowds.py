# SPDX-License-Identifier: MIT
"""As many members as there may be, and more whenever one ends."""

import os
import resource
import signal

import pytest

from loads import QUIET_AND_LOADED
from rounds import RANDOM, Round
from support import waiting

PIDS = 500  # of a namespace; the machine's are left alone
TASKS = 200  # of the user, besides those that there are


class CrowdRound(Round):
    def __init__(self, judge, how, tasks):
        self._how, self._tasks = how, tasks
        super().__init__(judge, None, chains=0, hops=0)

    def words(self, _shape):
        return "crowd", self._how, self._tasks

    def fill_and_look(self):
        """All pause, and there is no room for more."""
        self.board.close_gate()
        waiting.wait_until(self._is_full, lambda: f"all places to be taken ({self.board})",
                           deadline=60)
        self.look()

    def _is_full(self):
        board = self.board
        return board.refused and not board.forking and board.paused == board.chains

    def churn(self):
        self.board.open_gate()
        self.run_until(self.board.hops + RANDOM.randrange(500, 1000))


def count_tasks(uid):
    """Threads of the user's, as RLIMIT_NPROC counts them."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid == uid:
                count += len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            pass
    return count


def limit(pid, tasks):
    _, hard = resource.prlimit(pid, resource.RLIMIT_NPROC)
    resource.prlimit(pid, resource.RLIMIT_NPROC, (tasks, hard))


@pytest.mark.attack("pids-full")
@QUIET_AND_LOADED
def test_all_pids_of_a_namespace(judge, load, rounds):
    for _ in range(rounds):
        attack = CrowdRound(judge, "namespace", PIDS)
        attack.run_until(100)
        attack.fill_and_look()
        attack.churn()
        attack.fill_and_look()
        os.killpg(attack.job.pid, signal.SIGKILL)
        attack.finish()


@pytest.mark.attack("user-full")
@QUIET_AND_LOADED
def test_all_tasks_of_the_user(judge, load, rounds):
    """A group that is due for release meanwhile is released when there is room for its agent."""
    if not judge.sandbox.is_root:
        pytest.skip("the test run is the same user's")
    for _ in range(rounds):
        tasks = count_tasks(judge.sandbox.uid) + TASKS
        other = judge.pair()
        sleeper = judge.ours.sleeper()
        other.attach(sleeper.pid)
        attack = CrowdRound(judge, "user", tasks)
        judge.ours.allowed_log = ["can't start the release agent yet: .*; trying again"]
        for pid in judge.servers():
            judge.ours.user(limit, pid, tasks)
        attack.run_until(100)
        attack.fill_and_look()
        sleeper.end()
        judge.look_at_sleepers(other)
        attack.churn()
        attack.fill_and_look()
        os.killpg(attack.job.pid, signal.SIGKILL)
        attack.finish()
        judge.await_release(other)
