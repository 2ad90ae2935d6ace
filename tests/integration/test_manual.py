# SPDX-License-Identifier: MIT
"""The manual page says what the program does: examples, option defaults, table of files."""

import os
import pathlib
import re
import subprocess

import pytest

from differences import written_into
from support import mounts

PAGE = pathlib.Path(__file__).resolve().parents[2] / "man" / "ucgroupfs.8"


# ---- the page ----

def between(begin, end):
    """{name: text} of the marked parts, as a reader sees them."""
    parts = {}
    name = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:2] == ['.\\"', begin]:
            name = words[2]
            parts[name] = ""
        elif words[:2] == ['.\\"', end]:
            name = None
        elif name and not line.startswith("."):
            parts[name] += line.replace("\\e", "\\").replace("\\&", "") + "\n"
    return parts


EXAMPLES = between("EXAMPLE-BEGIN", "EXAMPLE-END")
OUTPUTS = between("OUTPUT-BEGIN", "OUTPUT-END")


def rendered_section(title):
    """The lines of a section, each paragraph one line."""
    text = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=999", PAGE],
                          check=True, capture_output=True, text=True).stdout
    lines = re.sub(".\b", "", text).splitlines()
    begin = lines.index(title) + 1
    end = next(i for i in range(begin, len(lines)) if lines[i] and lines[i][0] != " ")
    return lines[begin:end]


def defaults_in_manual():
    """{option: set of defaults}; an option is a line that the next one, indented more, explains."""
    defaults = {}
    option = None
    for line in rendered_section("OPTIONS"):
        indent = len(line) - len(line.lstrip())
        if indent == 5:
            option = re.split(r"[ ,=]", line.strip())[0]
            short = line.strip().split("  ", 1)
            line = short[1] if len(short) > 1 else ""
        for default in re.findall(r"Default: (.*?)\.(?:\s|$)", line):
            defaults.setdefault(option, set()).add(re.sub(r"\(\d\)", "", default))
    return defaults


def files_in_manual():
    """{file: (mode, where)} from the items of FILES."""
    rows = re.findall(r"^\.It Pa ([a-z_.]+) Pq (0[0-7]{3}), (all|root|not root)$",
                      PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (int(mode, 8), where) for name, mode, where in rows}


# ---- the program ----

def run(*arguments, **keywords):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False,
                          **keywords)


def defaults_in_help(daemon):
    text = run(daemon, "--help").stdout
    defaults = {"name": set(re.findall(r"^\(default: (.*?)\)", text, re.MULTILINE))}
    entries = re.findall(r"^ {2,6}([-a-z].*\n(?: {10,}.*\n)*)", text, re.MULTILINE)
    for entry in entries:
        option = re.split(r"[ ,=\[]", entry)[0]
        joined = re.sub(r"\s+", " ", entry)
        for default in re.findall(r"\(default: ([^()]*)\)", joined):
            defaults.setdefault(option, set()).add(default)
    return defaults


@pytest.fixture
def daemon(programs):
    return programs["daemon"]


@pytest.fixture
def at_prompt(sandbox, daemon, processes):
    """Runs a command as an ordinary user, in a folder of that user's, with ucgroupfs on PATH."""
    folder = sandbox.folder()
    path = f"{os.path.dirname(daemon)}:{os.environ['PATH']}"
    user = {}
    if sandbox.is_root:
        user = {"user": sandbox.uid, "group": sandbox.gid, "extra_groups": []}

    def run_as_user(*arguments):
        return run(*arguments, cwd=folder, env=dict(os.environ, PATH=path), **user)

    run_as_user.folder = folder
    return run_as_user


# ---- tests ----

def test_every_example_has_its_output():
    assert len(EXAMPLES) >= 3
    assert EXAMPLES.keys() == OUTPUTS.keys()


@pytest.mark.quick
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_prints_what_the_manual_shows(name, at_prompt):
    result = at_prompt("sh", "-e", "-c", EXAMPLES[name])
    assert (result.returncode, result.stderr, result.stdout) == (0, "", OUTPUTS[name])
    assert not mounts.is_mounted(f"{at_prompt.folder}/jobs")


def test_defaults_of_options_are_those_of_help(daemon):
    manual = defaults_in_manual()
    assert len(manual) >= 10
    assert manual == defaults_in_help(daemon)


def test_manual_lists_every_probe(daemon):
    message = run(daemon, "--without", "no-such-probe", "/nowhere").stderr
    options = " ".join(rendered_section("OPTIONS"))
    listed = re.search(r"optional feature of the kernel, for tests: (.*?)\.", options).group(1)
    known = re.findall(r"[a-z]+(?:-[a-z]+)+", message.replace("no-such-probe", ""))
    assert set(listed.split(", ")) == set(known), message


def test_differences_are_those_that_the_tests_accept():
    page = PAGE.read_text(encoding="utf-8")
    assert page == written_into(page), f"run: python3 differences.py {PAGE}"


@pytest.mark.only("ours")
def test_files_are_listed_with_the_modes_that_the_tree_shows(hierarchy):
    child = hierarchy.root.mkgroup("child")
    seen = {name: hierarchy.user(modes_of_files, folder)
            for name, folder in (("root", hierarchy.path), ("child", child.path))}
    listed = files_in_manual()
    assert seen == {
        "root": {name: mode for name, (mode, where) in listed.items() if where != "not root"},
        "child": {name: mode for name, (mode, where) in listed.items() if where != "root"},
    }


def modes_of_files(folder):
    return {entry.name: entry.stat().st_mode & 0o7777
            for entry in os.scandir(folder) if entry.is_file()}
