# SPDX-License-Identifier: MIT
"""The file release_agent: what is stored and shown (kernel behaviour §2.5)."""

import os

import pytest

from support.group import errno_of


@pytest.fixture
def agent_file(hierarchy):
    """write(text) -> errno or ok; by the mounter, who alone may."""
    class AgentFile:
        @staticmethod
        def write(text):
            return errno_of(hierarchy.root.write, "release_agent", text, by=hierarchy.mounter)

        @staticmethod
        def read():
            return hierarchy.root.read("release_agent")
    return AgentFile


def test_unset_agent_reads_an_empty_line(agent_file):
    assert agent_file.read() == b"\n"


@pytest.mark.parametrize("text, stored", [
    (b"/bin/true", b"/bin/true"), (b"/bin/true\n", b"/bin/true"), (b"  /bin/true \t\n", b"/bin/true"),
    (b"/a b", b"/a b"), (b"/a\nb", b"/a\nb"), (b"/a\nb\n\n", b"/a\nb"), (b"\v\f\r\xa0/x\xa0\r", b"/x"),
    (b"\x85/x", b"\x85/x"), (b"/x\0/y", b"/x"), (b"relative", b"relative"), (b"no path at all", b"no path at all"),
    (b"\n", b""), (b" ", b""), (b"\0", b""), (b"\0/x", b""), (b" \0", b""), (b"\xff\xfe", b"\xff\xfe"),
    (b"/" + b"x" * 4094, b"/" + b"x" * 4094), (b" " * 4095, b""), (b" " * 4000 + b"/x", b"/x"),
    (b'"/x"', b'"/x"'), (b"/a,b", b"/a,b"), (b"\\", b"\\"),
], ids=lambda value: repr(value)[:24])
def test_release_agent_takes(agent_file, text, stored):
    assert agent_file.write(b"/old") == "ok"
    assert agent_file.write(text) == "ok"
    assert agent_file.read() == stored + b"\n"


@pytest.mark.parametrize("length", [4096, 4097, 100000])
def test_too_long_agent_is_e2big_and_kept(agent_file, length):
    agent_file.write(b"/old")
    assert agent_file.write(b"/" * length) == "E2BIG"
    assert agent_file.read() == b"/old\n"


def test_empty_write_keeps_the_agent(hierarchy, agent_file):
    agent_file.write(b"/old")
    descriptor = hierarchy.root.open("release_agent", os.O_WRONLY, by=hierarchy.mounter)
    assert hierarchy.mounter(os.write, descriptor, b"") == 0
    hierarchy.mounter(os.close, descriptor)
    assert agent_file.read() == b"/old\n"


def test_two_writes_on_one_descriptor_replace(hierarchy, agent_file):
    descriptor = hierarchy.root.open("release_agent", os.O_WRONLY, by=hierarchy.mounter)
    hierarchy.mounter(os.write, descriptor, b"/first")
    hierarchy.mounter(os.write, descriptor, b"/second")
    hierarchy.mounter(os.close, descriptor)
    assert agent_file.read() == b"/second\n"


@pytest.mark.mount("release_agent=/from/the/option")
def test_agent_of_the_mount_option_is_read(agent_file):
    assert agent_file.read() == b"/from/the/option\n"


@pytest.mark.mount("clone_children")
def test_clone_children_of_the_mount_option_is_read(root):
    assert root.read("cgroup.clone_children") == b"1\n"
    assert root.mkgroup("g").read("cgroup.clone_children") == b"1\n"
