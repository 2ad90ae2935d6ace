# SPDX-License-Identifier: MIT
"""The system calls that Python 3.11 does not wrap."""

import ctypes
import errno
import os
import struct

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT = 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_DUMPABLE, PR_SET_SECUREBITS, PR_SET_CHILD_SUBREAPER = 4, 28, 36
SECBIT_NOROOT = 1
CAPABILITY_VERSION = 0x20080522
SYS_EXIT, SYS_SETRESUID, SYS_GETDENTS64, SYS_RENAMEAT2 = 60, 117, 217, 316
SYS_IOPRIO_SET, SYS_IOPRIO_GET = 251, 252
IOPRIO_WHO_PROCESS = 1
SYS_IO_URING_SETUP = 425
IORING_SETUP_SQPOLL = 2
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
RLIMIT_LOCKS = 10
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
AT_FDCWD = -100

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result, *names):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), *names)
    return result


def unshare(flags):
    _checked(_libc.unshare(flags))


def prctl(option, value):
    _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def drop_capabilities():
    """For good: executing a program as uid 0 gives none back either."""
    try:
        prctl(PR_SET_SECUREBITS, SECBIT_NOROOT)
    except PermissionError:
        assert os.geteuid() != 0
    header = struct.pack("Ii", CAPABILITY_VERSION, 0)
    _checked(_libc.capset(header, bytes(24)))


def mount(source, target, fstype, flags=0, data=None):
    arguments = [None if a is None else os.fsencode(a) for a in (source, target, fstype)]
    text = None if data is None else os.fsencode(data)
    _checked(_libc.mount(*arguments, ctypes.c_ulong(flags), text), target)


def umount(target, flags=0):
    _checked(_libc.umount2(os.fsencode(target), flags), target)


def renameat2(old, new, flags):
    _checked(_libc.syscall(SYS_RENAMEAT2, AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new),
                           flags), old, None, new)


def exit_thread():
    """Ends the calling thread alone, also when it is the leader; never returns."""
    _libc.syscall(SYS_EXIT, 0)


def set_thread_uids(real, effective, saved):
    """Of the calling thread alone."""
    _checked(_libc.syscall(SYS_SETRESUID, real, effective, saved))


def io_priority(tid=0):
    """class << 13 | hint << 3 | level, of a thread."""
    return _checked(_libc.syscall(SYS_IOPRIO_GET, IOPRIO_WHO_PROCESS, tid))


def set_io_priority(value, tid=0):
    _checked(_libc.syscall(SYS_IOPRIO_SET, IOPRIO_WHO_PROCESS, tid, value))


def io_uring_with_thread():
    """A ring for which the kernel makes a thread, a further one of the calling process."""
    parameters = (ctypes.c_uint * 30)(0, 0, IORING_SETUP_SQPOLL)
    return _checked(_libc.syscall(SYS_IO_URING_SETUP, 1, parameters))


def ptrace(request, tid):
    _checked(_libc.ptrace(ctypes.c_long(request), tid, None, None))


def poll_now(fd):
    """The events of poll(2) at this moment, all of those in the kernel's default mask asked for."""
    class PollFd(ctypes.Structure):
        _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]
    entry = PollFd(fd, 0x1 | 0x2 | 0x4 | 0x40 | 0x100, 0)
    _checked(_libc.poll(ctypes.byref(entry), 1, 0))
    return entry.revents


def statfs(path):
    """(type, bsize, blocks, bfree, bavail, files, ffree, namelen, frsize)"""
    buffer = (ctypes.c_long * 15)()
    _checked(_libc.statfs(os.fsencode(path), buffer), path)
    return tuple(buffer[:7]) + (buffer[8], buffer[9])


def getxattr_length(path, name, size):
    """What getxattr(2) returns to a buffer of this size."""
    buffer = ctypes.create_string_buffer(size + 1)
    return _checked(_libc.getxattr(os.fsencode(path), os.fsencode(name), buffer,
                                   ctypes.c_size_t(size)), path)


def listxattr_length(path, size):
    buffer = ctypes.create_string_buffer(size + 1)
    return _checked(_libc.listxattr(os.fsencode(path), buffer, ctypes.c_size_t(size)), path)


def fallocate(fd, mode, offset, length):
    _checked(_libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)))


def mmap(fd, protection, flags):
    """Maps a page and unmaps it again."""
    _libc.mmap.restype = ctypes.c_void_p
    address = _libc.mmap(None, ctypes.c_size_t(4096), protection, flags, fd, ctypes.c_long(0))
    if address == ctypes.c_void_p(-1).value:
        _checked(-1)
    _libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(4096))


IN_CLOSE_NOWRITE = 0x10
IN_ALL_EVENTS = 0xfff
_IN_NAMES = {1: "ACCESS", 2: "MODIFY", 4: "ATTRIB", 8: "CLOSE_WRITE", 16: "CLOSE_NOWRITE",
             32: "OPEN", 64: "MOVED_FROM", 128: "MOVED_TO", 256: "CREATE", 512: "DELETE",
             1024: "DELETE_SELF", 2048: "MOVE_SELF", 0x2000: "UNMOUNT", 0x4000: "Q_OVERFLOW",
             0x8000: "IGNORED", 0x40000000: "ISDIR"}


def inotify(path, mask):
    """A descriptor that is readable once there was an event at path."""
    descriptor = _checked(_libc.inotify_init1(0))
    _checked(_libc.inotify_add_watch(descriptor, os.fsencode(path), mask))
    return descriptor


def inotify_events(descriptor):
    """The events that there are: [(names of the mask's bits, name of the entry)]."""
    os.set_blocking(descriptor, False)
    events = []
    try:
        while data := os.read(descriptor, 65536):
            events += _parse_events(data)
    except BlockingIOError:
        pass
    return events


def _parse_events(data):
    while data:
        _, mask, _, length = struct.unpack_from("iIII", data)
        name = data[16:16 + length].rstrip(b"\0")
        bits = "|".join(text for bit, text in _IN_NAMES.items() if mask & bit)
        yield bits, os.fsdecode(name)
        data = data[16 + length:]


def getdents(fd, size):
    """One getdents64(2) into a buffer of this size: [(name, inode, d_off, d_type)]."""
    buffer = ctypes.create_string_buffer(size)
    length = _checked(_libc.syscall(SYS_GETDENTS64, fd, buffer, size))
    entries = []
    at = 0
    while at < length:
        inode, position, step, kind = struct.unpack_from("=QqHB", buffer.raw, at)
        name = buffer.raw[at + 19:at + step].split(b"\0", 1)[0]
        entries.append((os.fsdecode(name), inode, position, kind))
        at += step
    return entries


def errno_name(number):
    if number == errno.EOPNOTSUPP:
        return "EOPNOTSUPP"  # the same number as ENOTSUP
    return errno.errorcode.get(number, str(number))
