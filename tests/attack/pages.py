# SPDX-License-Identifier: MIT
"""Pages that fault for as long as the test likes: programs/hops_halted.c asks for them."""

import fcntl
import os
import socket
import struct

from job import Program
from support import waiting

PAGE = 4096
UFFD_MESSAGE = 32  # bytes
UFFDIO_ZEROPAGE = 0xc020aa04


class FilePages(Program):
    """Of a FUSE file, as an ordinary user can have them."""

    program = "attack_page_fs"

    def __init__(self, sandbox, programs, folder):
        self._mount = os.path.join(folder, "pages")
        os.mkdir(self._mount)
        os.chown(self._mount, sandbox.uid, sandbox.gid)
        super().__init__(sandbox, programs, self._mount)

    def wait_held(self):
        waiting.wait_readable(self._program.stdout, "a page to be asked for", deadline=60)
        assert self.read_line() == "held"

    def let_go(self):
        self.write(b"x")

    def end(self):
        self._program.stdin.close()
        self._program.wait(waiting.DEADLINE)
        self._program.stdout.close()


class FaultPages:
    """By userfaultfd, which only root may have for faults of the kernel's."""

    def __init__(self, _sandbox, _programs, folder):
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(os.path.join(folder, "faults"))
        self._listener.listen(64)
        self._faults = []

    def wait_held(self):
        waiting.wait_readable(self._listener, "a page to be set up", deadline=60)
        connection, _ = self._listener.accept()
        with connection:
            _, (descriptor,), _, _ = socket.recv_fds(connection, 1, 1)
        waiting.wait_readable(descriptor, "a fault")
        message = os.read(descriptor, UFFD_MESSAGE)
        address, = struct.unpack_from("=Q", message, 16)
        self._faults.append((descriptor, address & ~(PAGE - 1)))

    def let_go(self):
        while self._faults:
            descriptor, address = self._faults.pop()
            try:
                fcntl.ioctl(descriptor, UFFDIO_ZEROPAGE, struct.pack("=4Q", address, PAGE, 0, 0))
            except ProcessLookupError:
                pass  # it was killed
            os.close(descriptor)

    def end(self):
        self.let_go()
        self._listener.close()
