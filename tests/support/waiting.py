# SPDX-License-Identifier: MIT
"""Waiting for a condition, never for a time."""

import select
import time

DEADLINE = 20.0  # seconds; reached only when a test fails


def wait_until(condition, what, deadline=DEADLINE):
    """Looks until condition() is true; the failure reports the last state seen.

    What is waited for may be a function that says it: as it is then, not now."""
    end = time.monotonic() + deadline
    while True:
        state = condition()
        if state:
            return state
        if time.monotonic() > end:
            said = what() if callable(what) else what
            raise AssertionError(f"not within {deadline:g} s: {said}; last seen: {state!r}")
        select.select([], [], [], 0.001)


def wait_readable(descriptor, what, deadline=DEADLINE):
    """Waits for an event on a descriptor (a pidfd, a socket, a pipe)."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    if not poller.poll(deadline * 1000):
        raise AssertionError(f"not within {deadline:g} s: {what}")
