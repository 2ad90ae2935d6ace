# SPDX-License-Identifier: MIT
"""The order of directory entries, and changes while they are read (kernel behaviour §1.7)."""

import os

import pytest

from support import libc

DIRECTORY, REGULAR = 4, 8
END = 2147483647
LARGE = 32768
# Room for one entry with a name of 13 to 28 bytes, and for no two.
SMALL = 48


def kernel_hash(name):
    """kernfs_name_hash(): an entry's place among the others, and its position."""
    state = 0
    for c in os.fsencode(name):
        state = (state + (c << 4) + (c >> 4)) * 11 % 2**64
    value = (state * 0x61C8864680B583EB % 2**64 >> 32) & END
    return min(value + 2 if value < 2 else value, END - 1)


def order(names):
    return sorted(names, key=lambda name: (kernel_hash(name), os.fsencode(name)))


def read_all(path, size):
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    entries = []
    while part := libc.getdents(descriptor, size):
        entries += part
    os.close(descriptor)
    return entries


@pytest.fixture
def crowd(root):
    """A group with child groups of many names."""
    group = root.mkgroup("crowd")
    for number in range(100):
        group.mkgroup(f"g{number}")
    return group


@pytest.fixture
def listed(root):
    def listed(group, size=LARGE):
        return root.hierarchy.user(read_all, group.path, size)
    return listed


def test_groups_and_files_are_mixed_in_order_of_a_hash(crowd, listed):
    names = [name for name, _, _, _ in listed(crowd)]
    assert names == [".", ".."] + order(names[2:])


def test_position_of_an_entry_is_the_hash_of_the_next(crowd, listed):
    entries = listed(crowd)
    hashes = [kernel_hash(name) for name, _, _, _ in entries[2:]]
    assert [position for _, _, position, _ in entries[1:]] == hashes + [END]


def test_dot_and_dotdot_come_first(root, listed):
    # root/g/h
    group = root.mkgroup("g")
    below = group.mkgroup("h")
    (dot, inode, _, kind), (dotdot, parent, _, parent_kind) = listed(below)[:2]
    assert (dot, kind, dotdot, parent_kind) == (".", DIRECTORY, "..", DIRECTORY)
    assert (inode, parent) == (below.stat().st_ino, group.stat().st_ino)


def test_dotdot_of_the_root_is_the_root(root, listed):
    inodes = {name: inode for name, inode, _, _ in listed(root)}
    assert inodes["."] == inodes[".."] == root.stat().st_ino


def test_types_are_told(crowd, listed):
    kinds = {name: kind for name, _, _, kind in listed(crowd)}
    assert kinds.pop("..") == kinds.pop(".") == DIRECTORY
    assert all(kind == (DIRECTORY if name[0] == "g" else REGULAR) for name, kind in kinds.items())


@pytest.mark.parametrize("size", [SMALL, 100, 1000])
def test_small_buffers_give_what_a_large_one_gives(crowd, listed, size):
    assert listed(crowd, size) == listed(crowd)


def test_order_does_not_depend_on_age(root, listed):
    names = [f"n{number}" for number in range(30)]
    seen = []
    for group, made in (("a", names), ("b", names[::-1])):
        parent = root.mkgroup(group)
        for name in made:
            parent.mkgroup(name)
        seen.append([name for name, _, _, _ in listed(parent)])
    assert seen[0] == seen[1]


def read_from(path, position):
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.lseek(descriptor, position, os.SEEK_SET)
        return [name for name, _, _, _ in libc.getdents(descriptor, LARGE)]
    finally:
        os.close(descriptor)


def test_seek_to_a_position_goes_on_there(crowd, listed):
    entries = listed(crowd)
    names = [name for name, _, _, _ in entries]
    for index in (0, 1, 2, 50, len(entries) - 1):
        assert crowd.hierarchy.user(read_from, crowd.path, entries[index][2]) == names[index + 1:]


def test_seek_between_positions_goes_on_with_the_next(crowd, listed):
    entries = listed(crowd)
    names = [name for name, _, _, _ in entries]
    assert crowd.hierarchy.user(read_from, crowd.path, entries[50][2] - 1) == names[51:]


def rewind(path, name):
    """Names before and after a group was made, on one descriptor."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    before = libc.getdents(descriptor, LARGE)
    os.mkdir(os.path.join(path, name))
    os.lseek(descriptor, 0, os.SEEK_SET)
    after = libc.getdents(descriptor, LARGE)
    os.close(descriptor)
    return {entry[0] for entry in after} - {entry[0] for entry in before}


def test_rewound_descriptor_shows_what_is_new(crowd):
    assert crowd.hierarchy.user(rewind, crowd.path, "new") == {"new"}


# ---- names of one hash ----

TWINS = ("omumvukd", "xskmhaqx")


def test_twins_have_one_hash():
    assert len({kernel_hash(name) for name in TWINS}) == 1


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_names_of_one_hash_are_both_listed(root, listed, size):
    group = root.mkgroup("g")
    for name in TWINS:
        group.mkgroup(name)
    names = [name for name, _, _, _ in listed(group, size)]
    assert names == [".", ".."] + order(names[2:]) and set(TWINS) <= set(names)


def test_one_of_two_names_of_one_hash_is_removed(root, listed):
    group = root.mkgroup("g")
    first, second = (group.mkgroup(name) for name in TWINS)
    first.rmdir()
    assert [name for name, _, _, _ in listed(group) if name in TWINS] == [os.path.basename(second)]


# ---- changes while a directory is read ----

def read_with(path, after, change, name):
    """All names, read one by one, with a change made once `after` was read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    seen = []
    while part := libc.getdents(descriptor, SMALL):
        seen += [entry[0] for entry in part]
        if after in seen:
            change(os.path.join(path, name))
            after = None
    os.close(descriptor)
    return seen


@pytest.fixture
def names(root):
    """A group with five child groups, and their names in order."""
    group = root.mkgroup("g")
    names = order([f"x{number}-of-twenty-bytes" for number in range(5)])
    for name in names:
        group.mkgroup(name)

    def read(after, change, name):
        seen = group.hierarchy.user(read_with, group.path, names[after], change, name)
        return [name for name in seen if name[0] == "x"]

    read.names = names
    read.group = group
    return read


def test_entry_removed_before_it_is_reached_is_skipped(names):
    assert names(1, os.rmdir, names.names[3]) == [*names.names[:3], names.names[4]]


def test_removal_of_what_was_read_changes_nothing(names):
    assert names(1, os.rmdir, names.names[1]) == names.names


def test_removal_of_the_next_one_goes_on_behind_it(names):
    assert names(1, os.rmdir, names.names[2]) == names.names[:2] + names.names[3:]


def test_entry_made_ahead_appears(names):
    names.group.child(names.names[3]).rmdir()
    assert names(1, os.mkdir, names.names[3]) == names.names


def test_entry_made_behind_does_not_appear(names):
    names.group.child(names.names[0]).rmdir()
    assert names(1, os.mkdir, names.names[0]) == names.names[1:]


def rename_ahead(path):
    os.rename(path, os.path.join(os.path.dirname(path), "x-renamed"))


def test_renamed_entry_appears_by_its_new_place(names):
    ahead = kernel_hash("x-renamed") > kernel_hash(names.names[2])
    seen = names(2, rename_ahead, names.names[0])
    assert ("x-renamed" in seen) == ahead and len(seen) == len(set(seen))


def remove_and_make(path):
    os.rmdir(path)
    os.mkdir(path)


def test_entry_made_anew_behind_does_not_appear_again(names):
    assert names(2, remove_and_make, names.names[0]) == names.names


# ---- sizes ----

def make_many(path, count):
    for number in range(count):
        os.mkdir(f"{path}/x{number}")


def remove_while_listing(path):
    """As rm -r does: every group is removed when it is seen; how many there were."""
    with os.scandir(path) as entries:
        return len([os.rmdir(entry.path) for entry in entries if entry.is_dir()])


def test_directory_of_20000_groups(root):
    group = root.mkgroup("many")
    user = root.hierarchy.user
    user(make_many, group.path, 20000)
    assert group.stat().st_nlink == 20002
    seen = user(count_names, group.path)
    assert seen == (20000, 20000, True)
    assert user(remove_while_listing, group.path) == 20000
    assert group.stat().st_nlink == 2


def count_names(path):
    """Of the groups: how many entries, how many names, whether in order."""
    names = [entry[0] for entry in read_all(path, LARGE)][2:]
    groups = [name for name in names if name[0] == "x"]
    return len(groups), len(set(groups)), names == order(names)
