# SPDX-License-Identifier: MIT
"""Commands in namespaces of their own, as an ordinary user can have them."""

import subprocess

import pytest


def unshare(sandbox, *options):
    command = sandbox.as_user(["unshare", *options])
    probe = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no own namespaces here: {probe.stderr.strip()}")
    return command
