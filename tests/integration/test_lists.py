# SPDX-License-Identifier: MIT
"""A list of tasks that is read in pieces while it changes (kernel behaviour §2.1)."""

import os
import time

import pytest

from support.group import read_whole, write_once

MANY = 120
PIECE = 1000


@pytest.fixture
def group(root):
    return root.mkgroup("g")


@pytest.fixture
def members(hierarchy, group):
    """Many, ascending."""
    parent = hierarchy.shape("children", str(MANY))
    group.attach(parent)
    return sorted([parent.pid, *parent.go()])


@pytest.fixture
def reader(hierarchy, group):
    """read(): the next piece of one pass."""
    descriptor = group.open("tasks", os.O_RDONLY)

    def read(size=PIECE):
        return hierarchy.user(os.read, descriptor, size)
    return read


def ids(text):
    return [int(line) for line in text.split()]


@pytest.fixture
def first(members, reader):
    """Ids of the first piece, which ends with a line."""
    size = sum(len(b"%d\n" % pid) for pid in members[:len(members) // 2])
    return ids(reader(size))


def read_rest(reader):
    return ids(b"".join(iter(reader, b"")))


def move(hierarchy, group, pids):
    hierarchy.user(write_each, group.file("tasks"), pids)


def write_each(path, pids):
    for pid in pids:
        write_once(path, b"%d" % pid)


@pytest.fixture
def read_by_another(hierarchy, group):
    """By a new descriptor, which makes the list anew for all that are open."""
    return lambda: hierarchy.user(read_whole, group.file("tasks"))


def test_pieces_make_up_the_list(members, reader):
    assert read_rest(reader) == members


def test_first_piece_is_the_beginning(members, first):
    assert 0 < len(first) < MANY and first == members[:len(first)]


def test_who_has_left_ahead_of_the_reader_is_left_out(hierarchy, root, members, first, reader,
                                                      read_by_another):
    gone = members[len(first) + 10:len(first) + 30]
    move(hierarchy, root, gone)
    read_by_another()
    assert read_rest(reader) == sorted(set(members) - set(first) - set(gone))


def test_who_has_left_behind_the_reader_does_not_matter(hierarchy, root, members, first, reader,
                                                        read_by_another):
    move(hierarchy, root, first[:20])
    read_by_another()
    assert read_rest(reader) == members[len(first):]


def test_next_larger_id_follows_the_one_that_has_left(hierarchy, root, members, first, reader,
                                                      read_by_another):
    move(hierarchy, root, [first[-1], members[len(first)]])
    read_by_another()
    assert read_rest(reader) == members[len(first) + 1:]


def test_who_comes_ahead_of_the_reader_is_listed(hierarchy, group, members, first, reader,
                                                 read_by_another):
    late = hierarchy.sleeper()
    group.attach(late)
    read_by_another()
    assert read_rest(reader) == sorted({*members[len(first):], late.pid})


def test_who_comes_is_not_listed_by_a_pass_under_way(hierarchy, group, members, first, reader):
    group.attach(hierarchy.sleeper())
    assert read_rest(reader) == members[len(first):]


def test_list_that_nobody_reads_for_a_second_is_made_anew(hierarchy, group, members, first, reader):
    late = hierarchy.sleeper()
    group.attach(late)
    time.sleep(2)  # the time is what is tested
    assert read_rest(reader) == sorted({*members[len(first):], late.pid})


def test_line_that_was_begun_is_ended_whoever_has_left(hierarchy, root, members, reader,
                                                       read_by_another):
    begun = reader(2)
    move(hierarchy, root, members[:2])
    read_by_another()
    assert ids(begun + b"".join(iter(reader, b""))) == [members[0], *members[2:]]


def test_line_after_one_that_was_begun_is_looked_ahead_at(hierarchy, root, members, reader,
                                                          read_by_another):
    begun = reader(2)
    begun += reader(len(str(members[0])) - 1)
    move(hierarchy, root, members[:2])
    read_by_another()
    assert ids(begun + b"".join(iter(reader, b""))) == members


def test_who_comes_between_the_last_and_the_next_is_passed_over(hierarchy, root, group, members,
                                                                reader, read_by_another):
    gap = members[10]
    move(hierarchy, root, [gap])
    begun = reader(sum(len(b"%d\n" % pid) for pid in members[:10]))
    move(hierarchy, group, [gap])
    read_by_another()
    assert ids(begun + b"".join(iter(reader, b""))) == [pid for pid in members if pid != gap]


def test_rest_of_a_removed_groups_list_is_lost(hierarchy, root, group, members, reader):
    reader()
    move(hierarchy, root, members)
    group.rmdir()
    with pytest.raises(OSError) as error:
        read_rest(reader)
    assert error.value.strerror == "No such device"


@pytest.mark.unfit_for_tsan("it keeps what threads leave, until there is no room for more")
def test_process_whose_threads_take_turns_is_always_listed(hierarchy, group):
    relay = hierarchy.shape("relay")
    group.attach(relay)
    relay.go()
    for _ in range(300):
        assert group.procs() == [relay.pid]
        assert group.tasks() != []
