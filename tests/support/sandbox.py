# SPDX-License-Identifier: MIT
"""Where the test run takes place: a private mount namespace, a temporary folder, one user.

Nothing on the machine is changed: what FUSE for an ordinary user wants (a /dev/fuse that everybody
may open, user_allow_other, a passwd entry) is bound over in the private namespace.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile

import pytest

from . import libc
from .actor import Actor
from .lacking import LACKING, has_every_id

USER = 1000


class Sandbox:
    def __init__(self):
        # The root of a user namespace is an ordinary user outside, and is taken for one.
        self.is_root = os.geteuid() == 0 and has_every_id(self)
        self.uid = USER if self.is_root else os.getuid()
        self.gid = USER if self.is_root else os.getgid()
        self.base = tempfile.mkdtemp(prefix="ucg-", dir="/tmp")
        os.chmod(self.base, 0o755)
        self._make_runtime_folder()
        self._count = 0

    def _make_runtime_folder(self):
        """What daemons that are killed leave in their registries goes with the sandbox."""
        folder = os.path.join(self.base, "run")
        os.mkdir(folder)
        os.chmod(folder, 0o1777)
        os.environ["XDG_RUNTIME_DIR"] = folder

    def need(self, what):
        """Skips the test where that is missing: a word of LACKING."""
        if not LACKING[what].is_there(self):
            pytest.skip(LACKING[what].reason)

    def enter(self):
        if not self.is_root:
            return
        libc.unshare(libc.CLONE_NEWNS)
        libc.mount(None, "/", None, libc.MS_REC | libc.MS_PRIVATE)
        self._bind_fuse()
        self._bind_text("/etc/fuse.conf", "user_allow_other\nmount_max = 10000\n")
        self._add_user()

    def _bind_fuse(self):
        if not os.path.exists("/dev/fuse") or os.stat("/dev/fuse").st_mode & 0o006 == 0o006:
            return
        folder = os.path.join(self.base, "dev")
        os.mkdir(folder)
        libc.mount("none", folder, "tmpfs", 0, "mode=0755")
        node = os.path.join(folder, "fuse")
        os.mknod(node, stat.S_IFCHR, os.stat("/dev/fuse").st_rdev)
        os.chmod(node, 0o666)
        libc.mount(node, "/dev/fuse", None, libc.MS_BIND)

    def _bind_text(self, path, text):
        own = os.path.join(self.base, os.path.basename(path))
        with open(own, "w", encoding="utf-8") as file:
            file.write(text)
        if os.path.exists(path):
            libc.mount(own, path, None, libc.MS_BIND)

    def _add_user(self):
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            with open("/etc/passwd", encoding="utf-8") as file:
                text = file.read()
            line = f"ucgtest:x:{self.uid}:{self.gid}::/:/bin/sh\n"
            self._bind_text("/etc/passwd", text + line)

    def ids(self, uid=None):
        """For Actor.fork_here(): of the ordinary user, or of somebody else (root only).  No groups:
        they stay as they are."""
        if not self.is_root:
            return (self.uid,) * 3, (self.gid,) * 3, None
        uid = self.uid if uid is None else uid
        uids = uid if isinstance(uid, tuple) else (uid,) * 3
        gid = self.gid if uids[1] == self.uid else uids[1]
        return uids, (gid,) * 3, []

    def as_user(self, command):
        """A command line that runs as the ordinary user."""
        if not self.is_root:
            return command
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", "--",
                *command]

    def start_tasks(self):
        """Tasks for all tests, to do what any of the user's and of root's tasks could; they never
        enter a group."""
        self.user = Actor.fork_here(self.ids())
        self.root = Actor.fork_here() if self.is_root else None
        Actor.held.clear()

    def tasks(self):
        return [task.pid for task in (self.user, self.root) if task]

    def tidy_tasks(self):
        """What a test has left open in them."""
        for task in filter(None, (self.user, self.root)):
            task(os.closerange, 4, 1 << 16)
            task(os.chdir, "/")

    def folder(self):
        """A fresh one, the user's; short, since paths of sockets are."""
        self._count += 1
        path = os.path.join(self.base, str(self._count))
        os.mkdir(path)
        os.chown(path, self.uid, self.gid)
        return path

    def leave(self):
        for path in reversed(self._mounts()):
            self.detach(path)
        shutil.rmtree(self.base)

    def detach(self, path):
        """A mount that nobody serves any more."""
        if self.is_root:
            libc.umount(path, libc.MNT_DETACH)
        else:
            subprocess.run(["fusermount3", "-u", "-z", path], check=True)

    def _mounts(self):
        """Ours, and whatever a failed test has left."""
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            fields = [line.split() for line in file]
        return [field[4] for field in fields if self.base in field[3] + field[4]]
