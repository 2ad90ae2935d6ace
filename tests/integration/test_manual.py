# SPDX-License-Identifier: MIT
"""The manual page says what the program does: examples, option defaults, table of files."""

import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PAGE = SOURCE / "man" / "ucgroupfs.8"
DAEMON = pathlib.Path(os.environ["UCG_DAEMON"])


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


def table_of_files():
    """{(file, where): mode} from the rows of FILES."""
    rows = re.findall(r"^([a-z_.]+)\|(0[0-7]{3})\|(all|root|not root)\|",
                      PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (int(mode, 8), where) for name, mode, where in rows}


# ---- the program ----

def run(*arguments, **keywords):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False,
                          **keywords)


def defaults_in_help():
    text = run(DAEMON, "--help").stdout
    defaults = {"name": set(re.findall(r"^\(default: (.*?)\)", text, re.MULTILINE))}
    entries = re.findall(r"^ {2,6}([-a-z].*\n(?: {10,}.*\n)*)", text, re.MULTILINE)
    for entry in entries:
        option = re.split(r"[ ,=\[]", entry)[0]
        joined = re.sub(r"\s+", " ", entry)
        for default in re.findall(r"\(default: ([^()]*)\)", joined):
            defaults.setdefault(option, set()).add(default)
    return defaults


def environment():
    return dict(os.environ, PATH=f"{DAEMON.parent}:{os.environ['PATH']}")


# ---- tests ----

def test_every_example_has_its_output():
    assert len(EXAMPLES) >= 3
    assert EXAMPLES.keys() == OUTPUTS.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_prints_what_the_manual_shows(name, tmp_path):
    result = run("sh", "-e", "-c", EXAMPLES[name], cwd=tmp_path, env=environment())
    assert (result.returncode, result.stderr, result.stdout) == (0, "", OUTPUTS[name])
    assert str(tmp_path) not in pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8")


def test_defaults_of_options_are_those_of_help():
    manual = defaults_in_manual()
    assert len(manual) >= 10
    assert manual == defaults_in_help()


def test_manual_lists_every_probe():
    message = run(DAEMON, "--without", "no-such-probe", "/nowhere").stderr
    options = " ".join(rendered_section("OPTIONS"))
    listed = re.search(r"optional feature of the kernel, for tests: (.*?)\.", options).group(1)
    for probe in listed.split(", "):
        assert probe in message
    assert message.count("-") >= len(listed.split(", "))


def test_table_of_files_is_what_the_tree_shows(tmp_path):
    mountpoint = tmp_path / "mnt"
    mountpoint.mkdir()
    assert run(DAEMON, mountpoint).returncode == 0
    try:
        child = mountpoint / "child"
        child.mkdir()
        seen = {directory: {entry.name: entry.stat().st_mode & 0o7777
                            for entry in directory.iterdir() if entry.is_file()}
                for directory in (mountpoint, child)}
        child.rmdir()
    finally:
        unmounted = run("fusermount3", "-u", mountpoint)
    assert unmounted.returncode == 0, unmounted.stderr
    table = table_of_files()
    assert seen[mountpoint] == {n: m for n, (m, where) in table.items() if where != "not root"}
    assert seen[child] == {n: m for n, (m, where) in table.items() if where != "root"}
