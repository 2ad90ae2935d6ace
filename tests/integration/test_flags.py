# SPDX-License-Identifier: MIT
"""notify_on_release and cgroup.clone_children (kernel behaviour §2.1, §2.2, §2.4, §4)."""

import os

import pytest

from support.group import errno_of

FLAGS = ["notify_on_release", "cgroup.clone_children"]
TAKEN = [
    (b"0", 0), (b"1", 1), (b"2", 1), (b"10", 1), (b"01", 1), (b"00", 0), (b"010", 1), (b"0x1", 1),
    (b"0X10", 1), (b"+1", 1), (b"+0", 0), (b"0\n", 0), (b"1\n", 1), (b"18446744073709551615", 1),
    (b"4294967296", 1), (b"1\0x", 1), (b"0\0001", 0), (b"1\0", 1), (b"0" * 4096, 0),
    (b"0" * 4095 + b"1", 1), (b"0x00", 0), (b"1\n\0junk", 1),
]
REFUSED = [
    b" 1", b"1 ", b"\t1", b"1\n\n", b"\n1", b"1\r\n", b"-1", b"-0", b"08", b"0x", b"0b1", b"1x",
    b"1 0", b"1\n0", b"true", b" ", b"\n", b"\t", b"\0", b"\0001", b"+", b"++1", b"+-1", b"0xg",
    b"1.0", b"\xff", b"1,",
]


@pytest.mark.parametrize("file", FLAGS)
@pytest.mark.parametrize("text, expected", TAKEN, ids=lambda value: repr(value)[:24])
def test_flag_takes(root, file, text, expected):
    group = root.mkgroup("g")
    for before in (b"0", b"1"):
        group.write(file, before)
        assert group.write(file, text) == len(text)
        assert group.read(file) == b"%d\n" % expected


@pytest.mark.parametrize("file", FLAGS)
@pytest.mark.parametrize("text", REFUSED, ids=lambda value: repr(value)[:24])
def test_flag_refuses(root, file, text):
    group = root.mkgroup("g")
    for before in (b"0", b"1"):
        group.write(file, before)
        assert errno_of(group.write, file, text) == "EINVAL"
        assert group.read(file) == before + b"\n"


@pytest.mark.parametrize("text", [b"18446744073709551616", b"9" * 30, b"0x10000000000000000"])
@pytest.mark.parametrize("file", FLAGS)
def test_flag_out_of_range_is_erange(root, file, text):
    group = root.mkgroup("g")
    group.write(file, b"1")
    assert errno_of(group.write, file, text) == "ERANGE"
    assert group.read(file) == b"1\n"


@pytest.mark.quick
@pytest.mark.parametrize("length, expected", [(4096, 4096), (1, 1), (0, 0)])
@pytest.mark.parametrize("file", FLAGS)
def test_write_returns_full_count(root, file, length, expected):
    group = root.mkgroup("g")
    descriptor = group.open(file)
    assert root.hierarchy.user(os.write, descriptor, b"0" * length) == expected


@pytest.mark.parametrize("length", [4097, 8192, 100000])
@pytest.mark.parametrize("file", FLAGS)
def test_too_long_write_is_e2big(root, file, length):
    group = root.mkgroup("g")
    group.write(file, b"1")
    assert errno_of(group.write, file, b"0" * length) == "E2BIG"
    assert group.read(file) == b"1\n"


@pytest.mark.parametrize("file", FLAGS)
def test_empty_write_changes_nothing(root, file):
    group = root.mkgroup("g")
    group.write(file, b"1")
    descriptor = group.open(file)
    assert root.hierarchy.user(os.write, descriptor, b"") == 0
    assert group.read(file) == b"1\n"


@pytest.mark.parametrize("file", FLAGS)
@pytest.mark.parametrize("parts, expected", [
    ([b"0", b"x", b"1", b"\n"], b"1\n"), ([b"", b"1"], b"1\n"), ([b"0", b"", b"\n"], b"0\n"),
    pytest.param([b"0"] * 255 + [b"1"], b"1\n", id="256-parts"),
    pytest.param([b"0"] * 256 + [b"1"], b"1\n", id="257-parts"),
])
def test_writev_is_joined_to_one_command(root, file, parts, expected):
    group = root.mkgroup("g")
    group.write(file, b"1" if expected == b"0\n" else b"0")
    descriptor = group.open(file)
    assert root.hierarchy.user(os.writev, descriptor, parts) == len(b"".join(parts))
    assert group.read(file) == expected


@pytest.mark.parametrize("file", FLAGS)
def test_value_of_new_group_is_the_parents(root, file):
    # root/g/{before,after}
    group = root.mkgroup("g")
    before = group.mkgroup("before")
    group.write(file, b"1")
    after = group.mkgroup("after")
    assert (before.read(file), after.read(file)) == (b"0\n", b"1\n")


@pytest.mark.parametrize("file", FLAGS)
def test_value_of_root_is_inherited(root, file):
    root.write(file, b"1")
    assert root.mkgroup("g").read(file) == b"1\n"


@pytest.mark.parametrize("file", FLAGS)
def test_later_change_does_not_propagate(root, file):
    # root/g/h
    group = root.mkgroup("g")
    below = group.mkgroup("h")
    group.write(file, b"1")
    assert below.read(file) == b"0\n"
    below.write(file, b"1")
    group.write(file, b"0")
    assert below.read(file) == b"1\n"


@pytest.mark.parametrize("file", FLAGS)
def test_flags_start_at_0(root, file):
    assert (root.read(file), root.mkgroup("g").read(file)) == (b"0\n", b"0\n")


def test_sane_behavior_reads_0(root):
    assert root.read("cgroup.sane_behavior") == b"0\n"
