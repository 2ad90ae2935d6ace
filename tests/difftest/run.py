# SPDX-License-Identifier: MIT
"""Runs of a seed or of a script, and how a failing one is made short."""

import time

import pytest

from generate import Generator
from operation import Script
from support import mounts
from world import World

SHRINK_S = 180
TIDY_EVERY = 50


class Failure(Exception):
    def __init__(self, script, error):
        super().__init__(f"{type(error).__name__}: {error}")
        self.script = script
        self.error = error


class Runner:
    """What all runs of a session have in common."""

    def __init__(self, sandbox, programs, threads, kernel_alone):
        self.sandbox = sandbox
        self.programs = programs
        self.threads = threads
        self.kernel_alone = kernel_alone
        self.operations = 0
        self.worlds = 0

    def _with_world(self, script, do):
        world = World(self.sandbox, self.programs, script.as_root, self.kernel_alone)
        failures = []
        try:
            self._note(failures, self._play, world, do)
        finally:
            self.operations += world.done
            self._note(failures, world.stop)
            self._tidy()
        if failures:
            raise Failure(script, failures[0]) from failures[0]

    @staticmethod
    def _play(world, do):
        world.start()
        do(world)
        world.conclude()

    @staticmethod
    def _note(failures, function, *arguments):
        """The first failure is what a run fails by, not what the end of the world adds to it."""
        try:
            function(*arguments)
        except pytest.exit.Exception:
            raise
        except Exception as error:
            failures.append(error)

    def _tidy(self):
        """The kernel's hierarchies live on for a while, and each makes every fork dearer."""
        self.worlds += 1
        if self.worlds % TIDY_EVERY == 0 and mounts.left_kernel_hierarchies():
            mounts.forget_kernel_hierarchies(self.sandbox.folder())

    def run_seed(self, seed, count):
        script = Script(seed % 3 == 0, [])

        def do(world):
            generator = Generator(seed, world, self.threads)
            while world.done < count:
                self._do(world, script, generator.next())
                look = generator.look()
                if look:
                    self._do(world, script, look)

        self._with_world(script, do)

    @staticmethod
    def _do(world, script, operation):
        script.operations.append(operation)
        if not world.run(operation):
            script.operations.pop()

    def run_script(self, script):
        def do(world):
            for operation in script.operations:
                world.run(operation)

        self._with_world(script, do)

    # ---- shrinking ----

    def _fails(self, script):
        try:
            self.run_script(script)
        except Failure as failure:
            return failure
        return None

    def shrink(self, failure):
        """Delta debugging: leaves out ever smaller parts as long as it fails without them."""
        end = time.monotonic() + SHRINK_S
        best = failure
        size = len(best.script.operations) // 2
        while size and time.monotonic() < end:
            shorter = self._leave_out(best, size, end)
            size = size if shorter is not best and size == 1 else size // 2
            best = shorter
        return best

    def _leave_out(self, best, size, end):
        start = 0
        while start < len(best.script.operations) and time.monotonic() < end:
            rest = best.script.operations[:start] + best.script.operations[start + size:]
            shorter = self._fails(Script(best.script.as_root, rest))
            best = shorter or best
            start += 0 if shorter else size
        return best
