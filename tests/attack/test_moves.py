# SPDX-License-Identifier: MIT
"""A large process is moved while it forks: the child belongs where the kernel puts it.

The kernel copies the limits of the parent, and so its marker, before it copies the page tables,
which takes tens of milliseconds at this size; it decides about the child's group after that.
"""

import os
import signal

import pytest

from job import Job
from support import container, waiting

MIB = 1024
TRIES = 4  # for each round that counts


def wait_for(board, word):
    waiting.wait_until(lambda: getattr(board, word), lambda: f"{word} of {board}", deadline=60)


def group_of(pid, pairs, which):
    found = [name for name, pair in pairs.items() if pid in getattr(pair, which).procs()]
    assert len(found) <= 1, f"{pid} is in several groups: {found}"
    return found[0] if found else None


class Move:
    """From one pair of groups to another, in the midst of a fork."""

    def __init__(self, judge, has_company):
        self.judge = judge
        self.pairs = {"from": judge.pair(), "to": judge.pair()}
        self.company = []
        if has_company:
            for pair in self.pairs.values():
                sleeper = judge.ours.sleeper()
                pair.attach(sleeper.pid)
                self.company.append(sleeper)
        self.job = Job(judge.sandbox, judge.programs, "mover", MIB)
        self.board = self.job.board
        judge.jobs.append(self.job)
        self.pairs["from"].attach(self.job.pid)

    def make(self, parent_dies):
        """Was the fork still under way after the second of the two moves?"""
        self.board.open_gate()
        while not self.board.forking:
            pass
        # The kernel first: as soon as ours has moved the last one, its agent looks whether anybody
        # lives in the kernel's group.
        self.pairs["to"].attach(self.job.pid)
        is_in_flight = not self.board.child
        wait_for(self.board, "forked" if parent_dies else "child")
        if parent_dies:
            kill(self.job.pid)
        wait_for(self.board, "child")
        return is_in_flight

    def compare(self):
        child = self.board.child
        where = {which: group_of(child, self.pairs, which) for which in ("ours", "kernel")}
        self.judge.count("looks")
        if where["ours"] != where["kernel"]:
            self.judge.count("escapes")
        assert where["ours"] == where["kernel"] == "to", f"the child is in {where}"

    def end(self):
        """What is left of it dies, and both groups are released."""
        for sleeper in self.company:
            sleeper.end()
        for pid in (self.board.child, self.job.pid):
            if container.living(pid):
                kill(pid)
        for pair in self.pairs.values():
            self.judge.await_release(pair)
        self.judge.end_jobs()


def kill(pid):
    descriptor = os.pidfd_open(pid)
    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    waiting.wait_readable(descriptor, f"end of {pid}")
    os.close(descriptor)


@pytest.mark.attack("moved")
@pytest.mark.parametrize("parent_dies", [False, True], ids=["parent-lives", "parent-dies"])
@pytest.mark.parametrize("has_company", [False, True], ids=["alone", "in-company"])
def test_parent_moved_while_it_forks(kernel_judge, is_long, has_company, parent_dies):
    judge = kernel_judge
    wanted = 15 if is_long else 2
    for _ in range(wanted * TRIES):
        if judge.row["rounds"] == wanted:
            break
        move = Move(judge, has_company)
        if move.make(parent_dies):
            move.compare()
            judge.count("rounds")
            judge.count("forks")
        move.end()
    assert judge.row["rounds"] == wanted, "the moves were too late for the forks"
