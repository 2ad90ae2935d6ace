# SPDX-License-Identifier: MIT
"""What operations are said in."""

import collections

USER, OTHER = 1000, 2000

Path = collections.namedtuple("Path", "path")
Open = collections.namedtuple("Open", "handle")
Root = collections.namedtuple("Root", "")


class Difference(AssertionError):
    def __init__(self, what, ours, kernel):
        super().__init__(f"{what}\n  ours:   {ours!r}\n  kernel: {kernel!r}")


class Skipped(Exception):
    """An operation that has no object, or is not comparable: see normal.NORMALISED."""
