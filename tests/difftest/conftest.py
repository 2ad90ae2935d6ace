# SPDX-License-Identifier: MIT
"""The same random operations on ours and on the kernel's hierarchy; each answer has to be equal."""

import pytest

from run import Runner

RUNS, LONG_RUNS, OPERATIONS = 20, 2000, 100


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=1, help="of the first run")
    parser.addoption("--runs", type=int, help="how many, each with the next seed")
    parser.addoption("--operations", type=int, default=OPERATIONS, help="of each run")
    parser.addoption("--whole", action="store_true", help="show a failing run as it is, not shrunk")
    parser.addoption("--threads", choices=["on", "off"], default="on",
                     help="operations of single threads, too")
    parser.addoption("--kernel-alone", action="store_true",
                     help="a second hierarchy of the kernel in place of ours, to try the tester")
    parser.addoption("--script", help="a file with a script that a failure printed, to run alone")


def pytest_generate_tests(metafunc):
    option = metafunc.config.getoption
    if "seed" in metafunc.fixturenames:
        runs = option("--runs") or (LONG_RUNS if option("--long") else RUNS)
        metafunc.parametrize("seed", range(option("--seed"), option("--seed") + runs))


def pytest_collection_modifyitems(config, items):
    """A script, or seeds."""
    wanted = "test_script" if config.getoption("--script") else "test_difference"
    others = [item for item in items if item.originalname != wanted]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def pytest_terminal_summary(terminalreporter, config):
    runner = getattr(config, "runner", None)
    if runner:
        terminalreporter.write_line(f"{runner.operations} operations compared")


@pytest.fixture(scope="session")
def runner(pytestconfig, sandbox, programs):
    sandbox.need("kernel")
    option = pytestconfig.getoption
    pytestconfig.runner = Runner(sandbox, programs, option("--threads") == "on",
                                 option("--kernel-alone"))
    return pytestconfig.runner
