# SPDX-License-Identifier: MIT
"""Everything that a test started, ended as a whole: the test run is their subreaper."""

import os
import signal

from . import libc, waiting


def become_subreaper():
    libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)


def children(pid="self"):
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
            found += [int(child) for child in file.read().split()]
    return found


def end_everything(but=()):
    """Kills and reaps all descendants; orphans of the killed become children and follow."""
    while True:
        left = set(children()) - set(but)
        for pid in left:
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            try:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                waiting.wait_readable(descriptor, f"death of {pid} by SIGKILL ({state_of(pid)})")
            finally:
                os.close(descriptor)
        for pid in left:
            os.waitpid(pid, 0)
        if not left:
            return


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            head, tail = file.read().rsplit(b")", 1)
    except OSError:
        return f"{pid} gone"
    return f"{head.decode(errors='replace')}) {tail.split()[0].decode()}"


def living(pid):
    """Is there a process with this id that is not a zombie?"""
    return not state_of(pid).endswith(("gone", ") Z", ") X"))
