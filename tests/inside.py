#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs a command as an ordinary user in namespaces of his own.

usage: python3 inside.py unshare|bwrap COMMAND...

unshare: as root of a user namespace, with a pid and a mount namespace.
bwrap:   under his own uid, the only one, with what a container that may mount has.

Root becomes the ordinary user of the tests first.  Exit status: the command's.
"""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from support.sandbox import Sandbox  # noqa: E402

WAYS = {
    "unshare": ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"],
    "bwrap": ["bwrap", "--unshare-user", "--unshare-pid", "--dev-bind", "/", "/",
              "--proc", "/proc", "--cap-add", "ALL"],
}


def main(way, *command):
    sandbox = Sandbox()
    try:
        sandbox.enter()
        with subprocess.Popen([*sandbox.as_user(WAYS[way]), *command]) as process:
            # Its last words are to be heard.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, _: process.send_signal(number))
            return process.wait()
    finally:
        sandbox.leave()


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in WAYS:
        sys.exit(__doc__.split("\n\n")[1])
    sys.exit(main(*sys.argv[1:]))
