# SPDX-License-Identifier: MIT
"""Hierarchies that root mounts, and second ones of the kernel's."""

import os

from support import mounts


class OurRootsHierarchy(mounts.OurHierarchy):
    def sleeper(self, uid=0):
        return super().sleeper(uid)


class KernelRootsHierarchy(mounts.KernelHierarchy):
    """As root mounts it, and leaves it."""

    def sleeper(self, uid=0):
        return super().sleeper(uid)

    def start(self):
        super().start()
        for name in (".",) + mounts.CONTROL_FILES:
            os.chown(self.root.file(name), 0, 0)
        os.chmod(self.path, 0o555)


class SecondHierarchy(mounts.KernelHierarchy):
    """In the place of ours, to try the tester itself."""

    kind = "ours"


class SecondRootsHierarchy(KernelRootsHierarchy):
    kind = "ours"
