# SPDX-License-Identifier: MIT
"""Random runs; one that fails is made short and shown."""

import pytest

from operation import read_script
from run import Failure


def show(failure, origin):
    pytest.fail(f"{origin}:\n{failure.script}\n{failure}", pytrace=False)


def test_difference(runner, pytestconfig, seed):
    try:
        runner.run_seed(seed, pytestconfig.getoption("--operations"))
    except Failure as failure:
        if pytestconfig.getoption("--whole"):
            show(failure, f"seed {seed}")
        show(runner.shrink(failure), f"seed {seed}, made short")


def test_script(runner, pytestconfig):
    path = pytestconfig.getoption("--script")
    try:
        runner.run_script(read_script(path))
    except Failure as failure:
        show(failure, path)
