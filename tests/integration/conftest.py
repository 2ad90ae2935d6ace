# SPDX-License-Identifier: MIT
"""Each test runs against ours and, as root, against the kernel's cgroup v1 file system."""

import shlex

import pytest

from differences import DIFFERENCES
from support import mounts
from support.actor import Actor
from support.programs import BUILD, PROGRAMS


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: in the pass with sanitizers as well")
    config.addinivalue_line("markers", "unfit_for_asan(reason): not under AddressSanitizer")
    config.addinivalue_line("markers", "unfit_for_tsan(reason): not under ThreadSanitizer")
    config.addinivalue_line("markers", "arguments(...): further ones of the daemon's")
    config.addinivalue_line("markers", "mount(options): mount options of the hierarchy")
    config.addinivalue_line("markers", "open_to_all: ours too, to other users and root")
    config.addinivalue_line("markers", "by_root: ours is mounted by root too")
    config.addinivalue_line("markers", "only(kind): against this hierarchy alone, with a reason")


def pytest_generate_tests(metafunc):
    if "hierarchy" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("only")
        kinds = [marker.args[0]] if marker else ["ours", "kernel"]
        metafunc.parametrize("hierarchy", kinds, indirect=True)


def _name_without_kind(item):
    """test_x.py::test_y[row-ours] -> test_x.py::test_y[row]"""
    name = f"{item.path.name}::{item.name}"
    for kind in ("ours", "kernel"):
        name = name.replace(f"[{kind}]", "").replace(f"-{kind}]", "]").replace(f"[{kind}-", "[")
        name = name.replace(f"-{kind}-", "-")
    return name


def pytest_collection_modifyitems(config, items):
    unknown = set(DIFFERENCES)
    for item in items:
        name = _name_without_kind(item)
        kind = getattr(item, "callspec", None) and item.callspec.params.get("hierarchy")
        if kind == "ours" and name in DIFFERENCES:
            item.add_marker(pytest.mark.xfail(strict=True, raises=AssertionError,
                                              reason=DIFFERENCES[name]))
            unknown.discard(name)
    files = {item.path.name for item in items}
    whole = not config.option.keyword and not config.option.markexpr
    whole = whole and not any("::" in argument for argument in config.args)
    lost = [name for name in unknown if name.split("::")[0] in files]
    if whole and lost:
        raise pytest.UsageError(f"differences.py lists tests that don't exist: {lost}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    hierarchy = getattr(item, "hierarchy", None)
    if report.failed and hierarchy:
        report.sections.append(("log of the daemon", hierarchy.log()))
        words = [f"UCG_BUILD={BUILD}", f"UCG_DAEMON={PROGRAMS['daemon']}", "/usr/bin/python3",
                 "-m", "pytest", f"{item.path}::{item.name}"]
        report.sections.append(("repeat with", shlex.join(words)))


@pytest.fixture
def hierarchy(request, sandbox, programs, processes):
    """A mounted hierarchy of its own, `ours` or `kernel`, whose user is an ordinary one."""
    marker = request.node.get_closest_marker("mount")
    options = marker.args[0] if marker else ""
    if request.param == "kernel":
        sandbox.need("kernel")
        mounted = mounts.KernelHierarchy(sandbox, programs, options)
    else:
        if request.node.get_closest_marker("open_to_all"):
            options = f"{options},allow_other" if options else "allow_other"
        if "allow_other" in options.split(","):
            sandbox.need("users")
        arguments = request.node.get_closest_marker("arguments")
        as_root = request.node.get_closest_marker("by_root") is not None
        if as_root:
            sandbox.need("root")
        mounted = mounts.OurHierarchy(sandbox, programs, options,
                                      arguments.args if arguments else (), as_root)
    request.node.hierarchy = mounted
    with mounts.started(mounted):
        yield mounted


@pytest.fixture
def root(hierarchy):
    """The root group."""
    return hierarchy.root


@pytest.fixture
def agent(hierarchy):
    """The hierarchy's release agent."""
    return hierarchy.use_agent()


@pytest.fixture
def call(hierarchy, root, agent):
    """The agent's call for /g."""
    hierarchy.sleeper_in(root.mkgroup("g").notify()).end()
    return agent.next()


@pytest.fixture
def task(hierarchy):
    """A process of the user, in the root group."""
    return hierarchy.task()


@pytest.fixture
def stranger(hierarchy, sandbox):
    """A process of another ordinary user."""
    sandbox.need("users")
    return Actor.fork_here(sandbox.ids(2000))


@pytest.fixture
def admin(sandbox):
    """A task of root; ours lets it in with the mark open_to_all."""
    sandbox.need("root")
    return sandbox.root
