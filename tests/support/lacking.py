# SPDX-License-Identifier: MIT
"""What a test may lack where it is not the machine's root that runs it: the whole list.

The results of a run in namespaces of a user's own (tests/inside.py) are those of a run by root, but
for the tests that are skipped for one of these reasons; --listed-skips sees to it.
"""

import collections
import os

Row = collections.namedtuple("Row", "reason is_there")  # the latter asked of the sandbox

INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # the kernel's PROC_PID_INIT_INO


def is_root(sandbox):
    return sandbox.is_root


def is_not_uid_0(sandbox):
    return sandbox.uid != 0


def has_every_id(_):
    """As only the initial user namespace has."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return [line.split() for line in file] == [["0", "0", str(2 ** 32 - 1)]]


def has_kernel_threads(_):
    return os.readlink("/proc/self/ns/pid") == INITIAL_PID_NAMESPACE


def are_forks_told(sandbox):
    """To the daemon, that is: by the process connector."""
    release = tuple(int(number) for number in os.uname().release.split(".")[:2])
    return has_every_id(sandbox) and has_kernel_threads(sandbox) and release >= (6, 6)


LACKING = {
    "kernel": Row("no kernel oracle: only root mounts the kernel's cgroup v1 file system", is_root),
    "users": Row("one uid: only root has tasks of several users", is_root),
    "root": Row("one uid: only root mounts, or looks, as somebody who is not the user", is_root),
    "system": Row("one uid: only root puts something in the place of a file of the system",
                  is_root),
    "ids": Row("one uid: the others have no number in this user namespace", has_every_id),
    "no-root": Row("one uid, and it is 0: what it makes is root's", is_not_uid_0),
    "kthreads": Row("own pid namespace: it has no kernel threads, and its init is the user's",
                    has_kernel_threads),
    "forks": Row("own user and pid namespace, or a kernel before 6.6: it tells nobody of forks",
                 are_forks_told),
    "few-pids": Row("own pid namespace, of 4194304 pids: a pass over them waits for a machine where "
                    "nothing is forked meanwhile", has_kernel_threads),
}
