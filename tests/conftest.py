# SPDX-License-Identifier: MIT
"""What all tests through a mount have in common: the sandbox, the programs, the end of everything.

UCG_BUILD   build directory, default build/dev
UCG_DAEMON  program under test, default UCG_BUILD/src/ucgroupfs
"""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from support import container, mounts  # noqa: E402
from support.actor import Process  # noqa: E402
from support.lacking import LACKING  # noqa: E402
from support.programs import PROGRAMS  # noqa: E402
from support.sandbox import Sandbox  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the tests that take minutes as well")
    parser.addoption("--listed-skips", action="store_true",
                     help="skipping fails for reasons that are not in support/lacking.py")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: only with --long")
    config.addinivalue_line("markers", "needs(word): of support/lacking.py; else it is skipped")
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated"))  # finalizers run
    config.sandbox = Sandbox()
    config.sandbox.enter()
    container.become_subreaper()
    config.sandbox.start_tasks()


def pytest_unconfigure(config):
    container.end_everything()
    if config.sandbox.is_root and os.path.exists("/proc/self/cgroup"):
        folder = config.sandbox.folder()
        if mounts.left_kernel_hierarchies():
            mounts.forget_kernel_hierarchies(folder)
    config.sandbox.leave()


def pytest_collection_modifyitems(config, items):
    long = [item for item in items if item.get_closest_marker("long")]
    if long and not config.getoption("--long"):
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


def pytest_runtest_setup(item):
    for marker in item.iter_markers("needs"):
        item.config.sandbox.need(*marker.args)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.skipped or hasattr(report, "wasxfail") or not item.config.option.listed_skips:
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if reason not in [row.reason for row in LACKING.values()]:
        report.outcome = "failed"
        report.longrepr = f"skipped for a reason that is not listed: {reason}"


@pytest.fixture(scope="session")
def sandbox(pytestconfig):
    return pytestconfig.sandbox


@pytest.fixture(scope="session")
def programs():
    for path in PROGRAMS.values():
        assert os.access(path, os.X_OK), f"{path} is missing: build it first"
    return PROGRAMS


@pytest.fixture
def processes(sandbox):
    """The container of what a test starts: ended as a whole."""
    yield
    container.end_everything(sandbox.tasks())
    Process.let_go()
