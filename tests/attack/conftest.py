# SPDX-License-Identifier: MIT
"""Attacks on discovery, with the kernel's own cgroup v1 as the judge where there is root."""

import os

import pytest

from attacks import ATTACKS
from job import Stranger
from judge import Judge
from results import Results
from support.programs import BUILD

LOADS = {"quiet": [], "loaded": ["storm", "storm"], "wrapping": ["failing"], "starved": ["storm"]}

FIRST_CPU = {min(os.sched_getaffinity(0))}
NICE = 10


def pytest_addoption(parser):
    parser.addoption("--kernel-alone", action="store_true",
                     help="a second hierarchy of the kernel in place of ours, to try the attacks")
    parser.addoption("--rounds", type=int, metavar="N",
                     help="of each attack (1, with --long 100)")
    parser.addoption("--table", metavar="FILE", help="write the table of the attacks there")


def pytest_configure(config):
    config.addinivalue_line("markers", "as_root: the daemon, and the job, are root's")
    config.addinivalue_line("markers", "arguments(...): further ones of the daemon's")
    config.addinivalue_line("markers", "attack(name): of attacks.py, unless the test's shape is it")
    config.results = Results()


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.section("attacks")
    for line in config.results.table():
        terminalreporter.write_line(line)
    if config.getoption("--table"):
        config.results.write(config.getoption("--table"))


def attack_of(item):
    marker = item.get_closest_marker("attack")
    name = marker.args[0] if marker else item.callspec.params["shape"]
    assert name in ATTACKS, f"attacks.py lacks {name}"
    return name


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    item.config.results.note(attack_of(item), outcome.get_result())


@pytest.fixture(scope="session")
def attack_programs(programs):
    found = {name: f"{BUILD}/tests/attack/{name}"
             for name in ("attack", "attack_agent", "attack_page_fs")}
    for path in found.values():
        assert os.access(path, os.X_OK), f"{path} is missing: build it first"
    return {**programs, **found}


@pytest.fixture
def is_long(pytestconfig):
    return pytestconfig.getoption("--long")


@pytest.fixture
def judge(request, pytestconfig, sandbox, attack_programs, processes):
    """Both hierarchies, and what is counted of them."""
    as_root = request.node.get_closest_marker("as_root") is not None
    if as_root and not sandbox.is_root:
        pytest.skip("the job is root's")
    row = pytestconfig.results.row(attack_of(request.node), request.node.name)
    arguments = request.node.get_closest_marker("arguments")
    judge = Judge(sandbox, attack_programs, row, as_root, pytestconfig.getoption("--kernel-alone"),
                  arguments=arguments.args if arguments else ())
    try:
        judge.start()
        yield judge
        judge.conclude()
    finally:
        judge.stop()


@pytest.fixture
def kernel_judge(judge):
    """Where only the kernel knows what lives."""
    if judge.kernel is None:
        pytest.skip("only the kernel's hierarchy, which is root's, says what belongs where")
    return judge


@pytest.fixture
def rounds(pytestconfig, is_long):
    return pytestconfig.getoption("--rounds") or (100 if is_long else 1)


@pytest.fixture
def load(request, judge, sandbox, attack_programs):
    """What else goes on on the machine.  Starved: our server shares a processor with a stranger and
    is held up in the midst of its looks, while the job goes on on the others.  The stranger ends when
    the job is over: who forks without pause may keep an agent that is to be executed on the same
    processor from ever getting its turn."""
    strangers = [Stranger(sandbox, attack_programs, what) for what in LOADS[request.param]]
    if request.param == "starved":
        for pid in judge.servers():
            starve(pid)
        for stranger in strangers:
            os.sched_setaffinity(stranger.pid, FIRST_CPU)
            judge.before_release.append(stranger.end)
    yield request.param
    for stranger in strangers:
        stranger.end()


def starve(pid):
    for thread in map(int, os.listdir(f"/proc/{pid}/task")):
        os.sched_setaffinity(thread, FIRST_CPU)
        os.setpriority(os.PRIO_PROCESS, thread, NICE)
