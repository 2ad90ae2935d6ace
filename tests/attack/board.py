# SPDX-License-Identifier: MIT
"""The file that the processes of an attack and the test share: programs/board.h."""

import mmap
import os
import struct

from support import waiting

WORDS = ("gate", "paused", "chains", "hops", "failures", "forking", "child", "forked", "victim",
         "thread", "pages", "refused")
PLACES = 1024
WHERE = 4 * len(WORDS)
RESIDENT = WHERE + 8 * PLACES
SIZE = RESIDENT + 4 * PLACES


class Board:
    def __init__(self, path, uid):
        self.path = path
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.ftruncate(fd, SIZE)
        os.chown(path, uid, -1)
        self._memory = mmap.mmap(fd, SIZE)
        os.close(fd)
        self._set("gate", 1)

    def __getattr__(self, word):
        if word not in WORDS:
            raise AttributeError(word)
        return self._word(4 * WORDS.index(word))

    def show_victim(self, pid):
        self._set("victim", pid)

    def _word(self, offset):
        return struct.unpack_from("=I", self._memory, offset)[0]

    def _set(self, word, value):
        struct.pack_into("=I", self._memory, 4 * WORDS.index(word), value)

    def wait_paused(self, count=None):
        """All chains, or so many processes, are at the gate."""
        def are_all_there():
            wanted = self.chains if count is None else count
            return self.paused == wanted and (wanted == self.chains or count is not None)
        waiting.wait_until(are_all_there, lambda: f"all to pause ({self})", deadline=60)

    def close_gate(self):
        """All chains pause at their next hop."""
        self._memory[WHERE:RESIDENT] = bytes(RESIDENT - WHERE)
        self._set("paused", 0)
        self._set("gate", self.gate + 1)
        self.wait_paused()

    def open_gate(self):
        self._set("gate", self.gate + 1)
        self._wake()

    def _wake(self):
        from libc_futex import wake_all
        wake_all(self._memory)

    def where(self):
        """(processes, tasks) that live, all chains being paused."""
        ids = struct.unpack_from(f"={2 * self.paused}I", self._memory, WHERE)
        residents = struct.unpack_from(f"={PLACES}I", self._memory, RESIDENT)
        residents = [pid for pid in residents if pid]
        return sorted({*ids[0::2], *residents}), sorted({*ids[1::2], *residents})

    def __str__(self):
        return ", ".join(f"{word} {getattr(self, word)}" for word in WORDS)

    def close(self):
        self._memory.close()
        os.unlink(self.path)
