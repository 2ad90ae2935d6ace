# SPDX-License-Identifier: MIT
"""What tasks do, once in ours and once in the kernel's hierarchy; everything here runs in them."""

import os
import signal
import threading

from support import libc, waiting
from support.group import write_once

FILES = ("tasks", "cgroup.procs", "notify_on_release", "cgroup.clone_children", "release_agent",
         "cgroup.sane_behavior")
LISTS = ("tasks", "cgroup.procs")
OURS_ALONE = ("releasable", "cgroup.events", "cgroup.kill", "cgroup.tracking")
MOST = 1 << 16
FILE_TYPE = "0o10"
# No test takes so long after 1970, so a time that was set differs from one that was noted.
SET_TIMES_BEFORE = 10**6


def outcome(function, arguments):
    """(errno's name or "ok", result)"""
    try:
        return "ok", function(*arguments)
    except OSError as error:
        return libc.errno_name(error.errno), None


def both(function, first, second):
    return outcome(function, first), outcome(function, second)


def both_after(pids, function, first, second):
    kill_all(pids)
    return both(function, first, second)


def kill_all(pids):
    """And the deaths are awaited."""
    descriptors = [os.pidfd_open(pid) for pid in pids]
    for descriptor in descriptors:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    for descriptor in descriptors:
        waiting.wait_readable(descriptor, "end of a task")
        os.close(descriptor)


# ---- what is looked at, normalised ----

def status_of(result):
    """All of stat(2) that is comparable: see normal.NORMALISED."""
    when = result.st_mtime_ns // 10**9
    return (oct(result.st_mode), result.st_uid, result.st_gid, result.st_nlink, result.st_size,
            result.st_blocks, result.st_blksize, when if when < SET_TIMES_BEFORE else "now")


def status(path):
    return status_of(os.lstat(path))


def fstat(fd):
    return status_of(os.fstat(fd))


def statfs(path):
    return libc.statfs(path)[1:]


def names(path):
    """In the order in which they are listed; a path or a descriptor."""
    return [name for name in os.listdir(path) if name not in OURS_ALONE]


def path_of(fd, root):
    """As the kernel tells it, from the root of the hierarchy."""
    return os.readlink(f"/proc/self/fd/{fd}").removeprefix(root)


def read_whole(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(fd, MOST):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


# ---- what is done ----

def write_by_name(path, data, flags):
    return write_once(path, data, os.O_WRONLY | flags)


def write_in_pieces(fd, data):
    """Joined by the kernel to one command."""
    middle = len(data) // 2
    return os.writev(fd, [data[:middle], data[middle:]])


def open_file(path, flags, mode=0o666):
    return os.open(path, flags, mode)


def open_and_close(path, flags):
    os.close(os.open(path, flags, 0o666))


def set_times(path, seconds):
    os.utime(path, None if seconds is None else (seconds, seconds))


def make_in(fd, name):
    os.mkdir(name, dir_fd=fd)


def remove_in(fd, name):
    os.rmdir(name, dir_fd=fd)


def make_node(path, kind):
    os.mknod(path, kind | 0o644)


def fork_and_reap(count):
    """Children that live for a moment in the caller's group."""
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)


def start_and_await(count):
    """Threads that live for a moment in the caller's group; that they are joined does not mean
    that they have left it."""
    for _ in range(count):
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        path = f"/proc/self/task/{thread.native_id}"
        waiting.wait_until(lambda: not os.path.exists(path), f"the end of {path}")


def reap(pid):
    os.waitpid(pid, 0)


# ---- the whole tree ----

def known_alone(text, known):
    return b"".join(line for line in text.splitlines(keepends=True) if int(line) in known)


def contents_of(path, files, is_root, known):
    found = {name: read_whole(f"{path}/{name}") for name in files}
    if is_root:
        found.update({name: known_alone(found[name], known) for name in LISTS})
    return found


def look_at_group(path, is_root, contents, known):
    entries = names(path)
    statuses = {name: status(f"{path}/{name}") for name in entries}
    files = {name: found for name, found in statuses.items() if found[0].startswith(FILE_TYPE)}
    return {
        "status": status(path),
        "names": entries,
        **{f"status of {name}": found for name, found in files.items()},
        **(contents_of(path, files, is_root, known) if contents else {}),
    }


def look(root, contents, known):
    """Path from the root -> what is to be seen there; the files of which groups are read, None:
    of all."""
    seen = {}
    left = [""]
    while left:
        path = left.pop()
        with_contents = contents is None or path in contents
        found = look_at_group(root + path, not path, with_contents, known)
        seen[path] = found
        left += [f"{path}/{name}" for name in found["names"] if f"status of {name}" not in found]
    return seen
