# SPDX-License-Identifier: MIT
"""futex(2), which Python does not wrap."""

import ctypes

SYS_FUTEX = {8: 202}[ctypes.sizeof(ctypes.c_void_p)]
FUTEX_WAKE = 1
EVERYBODY = 2**31 - 1

_libc = ctypes.CDLL(None, use_errno=True)


def wake_all(memory):
    """Wakes all who sleep on the first word of a mapping."""
    word = ctypes.c_uint32.from_buffer(memory)
    _libc.syscall(SYS_FUTEX, ctypes.byref(word), FUTEX_WAKE, EVERYBODY, None, None, 0)
    del word
