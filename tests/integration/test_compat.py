# SPDX-License-Identifier: MIT
"""The mount option compat: each row of kernel behaviour §9, by both columns (ours only)."""

import fcntl
import glob
import os
import signal

import pytest

from support.actor import become_alone
from support.group import errno_of, write_once
from support.waiting import wait_until

pytestmark = pytest.mark.only("ours")

STARTED_AT_ONCE = 4  # agents whose exec may be under way


def mounted_by(column, *values, options=""):
    """The parameters of a test whose hierarchy is mounted with this column."""
    mount = pytest.mark.mount(f"compat={column}" + (f",{options}" if options else ""))
    return pytest.param(*values, marks=mount, id="-".join([column, *map(ascii, values[:-1])])[:40])


def by_column(current, original, options=""):
    """Runs a test by both columns, each with what it expects."""
    return pytest.mark.parametrize("expected", [mounted_by("current", current, options=options),
                                                mounted_by("2.6.24", original, options=options)])


def rows_by_column(names, rows):
    """The same for rows whose last two values are what the columns expect."""
    return pytest.mark.parametrize(names, [
        mounted_by(column, *row[:-2], row[-2 + index])
        for row in rows for index, column in enumerate(["current", "2.6.24"])])


both_columns = pytest.mark.parametrize("column", [mounted_by("current", "current"),
                                                  mounted_by("2.6.24", "2.6.24")])


def calls_to_the_end(hierarchy, agent):
    """The paths of all calls, sorted: what is due runs before a mount ends."""
    assert hierarchy.end_daemon() == 0
    return sorted(agent.received())


# ---- files ----

ORIGINAL_FILES = {"tasks", "notify_on_release", "releasable"}
NEWER_FILES = {"cgroup.procs", "cgroup.clone_children", "cgroup.events", "cgroup.kill",
               "cgroup.tracking"}


@pytest.mark.quick
@by_column(ORIGINAL_FILES | NEWER_FILES, ORIGINAL_FILES)
def test_files_of_a_group(root, expected):
    assert set(root.mkgroup("g").list()) == expected


@by_column(ORIGINAL_FILES | {"release_agent", "cgroup.procs", "cgroup.clone_children",
                             "cgroup.sane_behavior", "cgroup.tracking"},
           ORIGINAL_FILES | {"release_agent"})
def test_files_of_the_root(root, expected):
    assert set(root.list()) == expected


def test_current_is_the_default(root):
    assert set(root.mkgroup("g").list()) == ORIGINAL_FILES | NEWER_FILES


@by_column("EEXIST", "ok")
@pytest.mark.parametrize("name", sorted(NEWER_FILES))
def test_group_named_like_a_newer_file(root, name, expected):
    assert errno_of(root.mkgroup("g").mkgroup, name) == expected


@by_column("EEXIST", "EEXIST")
def test_group_named_like_an_original_file(root, expected):
    assert errno_of(root.mkgroup("g").mkgroup, "tasks") == expected


@by_column("ENOTDIR", "ok")
def test_rename_to_the_name_of_a_newer_file(root, expected):
    assert errno_of(root.mkgroup("g").rename, "cgroup.procs") == expected


# ---- releasable ----

@by_column(0o444, 0o644)
def test_mode_of_releasable(root, expected):
    assert [root.mode("releasable"), root.mkgroup("g").mode("releasable")] == [expected] * 2


@by_column("EACCES", "EINVAL")
def test_write_to_releasable(root, expected):
    assert errno_of(root.mkgroup("g").write, "releasable", "1") == expected


@both_columns
def test_move_out_sets_releasable_though_others_remain_and_the_flag_is_off(hierarchy, root, column):
    group = root.mkgroup("g")
    sleepers = [hierarchy.sleeper_in(group) for _ in range(2)]
    assert group.read("releasable") == b"0\n"
    root.attach(sleepers[0])
    assert group.read("releasable") == b"1\n"


@both_columns
def test_removal_of_a_child_sets_releasable(root, column):
    # root/g/{h,i}
    group = root.mkgroup("g")
    below = group.mkgroup("h")
    group.mkgroup("i")
    below.rmdir()
    assert group.read("releasable") == b"1\n"


@pytest.mark.parametrize("flag", [0, 1])
@both_columns
def test_last_exit_sets_releasable_if_the_flag_is_on(hierarchy, root, agent, column, flag):
    group = root.mkgroup("g").notify(flag)
    hierarchy.sleeper_in(group).end()
    assert group.read("releasable") == b"%d\n" % flag


@pytest.mark.parametrize("text", [b"0", b"1"])
@both_columns
def test_write_to_the_flag_clears_releasable(hierarchy, root, agent, column, text):
    group = root.mkgroup("g").notify()
    hierarchy.sleeper_in(group).end()
    group.write("notify_on_release", text)
    assert group.read("releasable") == b"0\n"


@by_column(b"1\n", b"0\n")
def test_releasable_after_junk_was_written_to_the_flag(hierarchy, root, agent, expected):
    group = root.mkgroup("g").notify()
    hierarchy.sleeper_in(group).end()
    errno_of(group.write, "notify_on_release", b"junk")
    assert group.read("releasable") == expected


@both_columns
def test_call_and_new_task_clear_nothing(hierarchy, root, agent, column):
    group = root.mkgroup("g").notify()
    hierarchy.sleeper_in(group).end()
    assert agent.next().path == "/g"
    sleeper = hierarchy.sleeper_in(group)
    assert group.read("releasable") == b"1\n"
    group.notify(0)
    sleeper.end()


# ---- notify_on_release ----

@by_column(b"1\n", b"0\n")
def test_flag_of_a_new_group(root, expected):
    # root/g/h
    assert root.notify().mkgroup("g").read("notify_on_release") == expected
    assert root.child("g").notify().mkgroup("h").read("notify_on_release") == expected


@rows_by_column("text, expected", [
    (b"1", 1, 1), (b"1\n", 1, 1), (b"10", 1, 1), (b"010", 1, 1), (b"0", 0, 0), (b"0\n", 0, 0),
    (b"4294967296", 1, 1), (b"18446744073709551615", 1, 1), (b"1\0x", 1, 1), (b"0\0001", 0, 0),
    (b"+1", 1, 0), (b"0x1", 1, 0),
    (b"abc", "EINVAL", 0), (b"-1", "EINVAL", 0), (b" 1", "EINVAL", 0), (b"\n1", "EINVAL", 0),
    (b"1x", "EINVAL", 1), (b"1 0", "EINVAL", 1), (b"1\n\n", "EINVAL", 1), (b"08", "EINVAL", 1),
    (b"\0001", "EINVAL", 0), (b"18446744073709551616", "ERANGE", 0),
    (b"18446744073709551617", "ERANGE", 1),
])
def test_flag_written(root, text, expected):
    group = root.mkgroup("g")
    for before in (0, 1):
        group.notify(before)
        error = errno_of(group.write, "notify_on_release", text)
        assert error == (expected if isinstance(expected, str) else "ok")
        after = before if isinstance(expected, str) else expected
        assert group.read("notify_on_release") == b"%d\n" % after


# ---- release_agent ----

@rows_by_column("text, expected", [
    (b"/x\n", b"/x", b"/x"), (b"/a b", b"/a b", b"/a b"), (b"/a\nb\n", b"/a\nb", b"/a\nb"),
    (b"/x\n\n", b"/x", b"/x\n"), (b" /x ", b"/x", b" /x "), (b"/x \n", b"/x", b"/x "),
    (b"\n", b"", b""), (b" ", b"", b" "), (b"\t\n", b"", b"\t"), (b"/x\0/y", b"/x", b"/x"),
    (b"/x\n\0", b"/x", b"/x\n"),
    (b"/" * 4095, b"/" * 4095, b"/" * 4095), (b"/" * 4094 + b"\n", b"/" * 4094, b"/" * 4094),
])
def test_agent_written(root, text, expected):
    root.write("release_agent", b"/old")
    assert root.write("release_agent", text) == len(text)
    assert root.read("release_agent") == expected + b"\n"


@by_column("E2BIG", "E2BIG")
def test_agent_of_4096_bytes(root, expected):
    root.write("release_agent", b"/old")
    assert errno_of(root.write, "release_agent", b"/" * 4095 + b"\n") == expected
    assert root.read("release_agent") == b"/old\n"


@by_column(b"/x\n", b"/x\n", options="release_agent=/x")
def test_agent_of_the_mount_option(root, expected):
    assert root.read("release_agent") == expected


@pytest.mark.mount("compat=2.6.24,release_agent=")
def test_agent_of_the_mount_option_may_be_empty_in_the_original(root):
    assert root.read("release_agent") == b"\n"


# ---- writes of all files ----

@rows_by_column("length, expected", [
    (4095, "ok", "ok"), (4096, "ok", "E2BIG"), (4097, "E2BIG", "E2BIG"),
])
def test_long_write_to_tasks(root, task, length, expected):
    group = root.mkgroup("g")
    text = str(task.pid).encode().ljust(length)
    assert errno_of(group.write, "tasks", text) == expected
    assert group.tasks() == ([task.pid] if expected == "ok" else [])


@rows_by_column("length, expected", [
    (4095, "ok", "ok"), (4096, "ok", "E2BIG"), (4097, "E2BIG", "E2BIG"),
])
def test_long_write_to_the_flag(root, length, expected):
    group = root.mkgroup("g").notify()
    assert errno_of(group.write, "notify_on_release", b"0" * length) == expected
    assert group.read("notify_on_release") == (b"0\n" if expected == "ok" else b"1\n")


@both_columns
def test_write_of_nothing_changes_nothing(hierarchy, root, column):
    root.write("release_agent", b"/old")
    root.notify()
    for file in ("release_agent", "notify_on_release"):
        assert root.write(file, b"") == 0
    assert (root.read("release_agent"), root.read("notify_on_release")) == (b"/old\n", b"1\n")


# ---- tasks ----

@pytest.mark.quick
@rows_by_column("form, expected", [
    ("{}", "ok", "ok"), ("{}\n", "ok", "ok"), (" \t{}\n", "ok", "ok"), ("{}\0junk", "ok", "ok"),
    ("{}x", "EINVAL", "ok"), ("{0} {0}", "EINVAL", "ok"), ("{0}\n1\n", "EINVAL", "ok"),
    ("+{}", "ok", "EIO"), ("x{}", "EINVAL", "EIO"), ("", "ok", "ok"), (" ", "EINVAL", "EIO"),
    ("- {}", "EINVAL", "EIO"), ("\0{}", "EINVAL", "EIO"), ("-{}", "EINVAL", "ESRCH"),
    ("2147483647", "ESRCH", "ESRCH"), ("2147483648", "EINVAL", "ESRCH"),
])
def test_task_written(root, task, form, expected):
    group = root.mkgroup("g")
    assert errno_of(group.write, "tasks", form.format(task.pid)) == expected
    moved = expected == "ok" and form
    assert group.tasks() == ([task.pid] if moved else [])


@pytest.mark.mount("compat=2.6.24")
def test_task_written_with_leading_zeros_is_decimal_in_the_original(root, task):
    group = root.mkgroup("g")
    group.write("tasks", f"000{task.pid}")
    assert group.tasks() == [task.pid]


@rows_by_column("form, expected", [("0", True, True), ("-0", True, True), ("0x{:x}", False, True),
                                   ("4294967296", False, True)])
def test_what_names_the_writer(root, task, form, expected):
    group = root.mkgroup("g")
    writer = root.hierarchy.task()
    errno_of(writer, write_once, group.file("tasks"), form.format(task.pid).encode())
    assert (writer.pid in group.tasks()) == expected


@by_column("ok", "ESRCH")
def test_zombie_written(root, task, expected):
    group = root.mkgroup("g")
    task.end()
    assert errno_of(group.write, "tasks", str(task.pid)) == expected
    assert group.tasks() == []


@by_column("ok", "ESRCH")
def test_zombie_leader_of_a_live_thread_written(root, task, expected):
    group = root.mkgroup("g")
    task.thread()
    task.exit_leader()
    assert errno_of(group.write, "tasks", str(task.pid)) == expected
    assert group.tasks() == []


@both_columns
def test_thread_id_moves_that_thread_alone(root, task, column):
    group = root.mkgroup("g")
    thread = task.thread()
    group.attach_thread(thread)
    assert group.tasks() == [thread.tid]


@both_columns
def test_pid_moves_the_leader_alone(root, task, column):
    group = root.mkgroup("g")
    thread = task.thread()
    group.attach_thread(task)
    assert group.tasks() == [task.tid] and thread.tid in root.tasks()


@both_columns
def test_0_written_by_a_thread_moves_the_writer_alone(root, task, column):
    group = root.mkgroup("g")
    thread = task.thread()
    group.enter(thread)
    assert group.tasks() == [thread.tid]


@both_columns
def test_last_thread_releases_its_group(hierarchy, root, task, agent, column):
    # root/{g,h}
    ended, left = task.thread(), task.thread()
    for name, thread in (("g", ended), ("h", left)):
        root.mkgroup(name).notify().attach_thread(thread)
    ended.exit()
    root.attach_thread(left)
    assert [root.child(name).read("releasable") for name in "gh"] == [b"1\n", b"1\n"]
    assert calls_to_the_end(hierarchy, agent) == ["/g", "/h"]


@pytest.mark.needs("kthreads")
@by_column("EINVAL", "EACCES")
def test_kernel_thread_written_by_an_ordinary_user(root, expected):
    assert errno_of(root.mkgroup("g").write, "tasks", "2") == expected


@by_column("EACCES", "EACCES")
def test_task_of_another_user_written(root, stranger, expected):
    assert errno_of(root.mkgroup("g").write, "tasks", str(stranger.pid)) == expected


@pytest.mark.quick
@by_column("ok", "EACCES", options="allow_other")
def test_task_written_by_a_stranger_to_a_file_that_its_owner_opened(hierarchy, root, task, stranger,
                                                                    expected):
    group = root.mkgroup("g")
    descriptor = hierarchy.user.give(group.open("tasks"), stranger)
    assert errno_of(stranger, os.write, descriptor, str(task.pid).encode()) == expected
    assert group.tasks() == ([task.pid] if expected == "ok" else [])


@by_column("EACCES", "ok", options="allow_other")
def test_task_written_by_its_owner_to_a_file_that_a_stranger_opened(hierarchy, root, task, stranger,
                                                                    expected):
    group = root.mkgroup("g")
    hierarchy.user(os.chmod, group.file("tasks"), 0o666)
    descriptor = stranger.give(stranger(os.open, group.file("tasks"), os.O_WRONLY), hierarchy.user)
    assert errno_of(hierarchy.user, os.write, descriptor, str(task.pid).encode()) == expected
    assert group.tasks() == ([task.pid] if expected == "ok" else [])


@pytest.mark.by_root
@by_column("ok", "EACCES")
def test_thread_writes_as_another_user_than_its_process_that_opened(hierarchy, root, expected):
    group = root.mkgroup("g")
    process = hierarchy.task((0, 0, 0))
    writer = process.thread()
    descriptor = process(os.open, group.file("tasks"), os.O_WRONLY)
    writer(become_alone, (1000, 1000, 1000))
    moved = hierarchy.task(2000)
    assert errno_of(writer, os.write, descriptor, str(moved.pid).encode()) == expected
    assert group.tasks() == ([moved.pid] if expected == "ok" else [])


# ---- release ----

def empty(hierarchy, group):
    """The last task of a group ends, and the release that follows is due."""
    hierarchy.sleeper_in(group).end()
    assert group.tasks() == []


def children_of(pid):
    """Those of all its threads."""
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path, encoding="ascii") as file:
            found += file.read().split()
    return found


@pytest.fixture
def busy(hierarchy, agent):
    """An agent that nobody can execute: as many releases as are started at once wait for it, and
    all that are due from now on wait behind them.  Until it is called: then they all go on."""
    file = os.open(agent.path, os.O_RDONLY)
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        _, server = hierarchy.servers()
        for number in range(1, STARTED_AT_ONCE + 1):
            empty(hierarchy, hierarchy.root.mkgroup(f"busy{number}").notify())
            wait_until(lambda: len(children_of(server)) == number, "a start of the agent")
        yield lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    finally:
        os.close(file)
        signal.signal(signal.SIGIO, before)


def without_busy(paths):
    return [path for path in paths if not path.startswith("/busy")]


@both_columns
def test_flag_set_after_emptying_calls_nothing(hierarchy, root, agent, column):
    group = root.mkgroup("g")
    empty(hierarchy, group)
    group.notify()
    assert calls_to_the_end(hierarchy, agent) == []


@both_columns
def test_last_exit_and_last_child_removed_call(hierarchy, root, agent, column):
    # root/{g,h/i}
    empty(hierarchy, root.mkgroup("g").notify())
    below = root.mkgroup("h").notify().mkgroup("i")
    below.rmdir()
    assert calls_to_the_end(hierarchy, agent) == ["/g", "/h"]


@both_columns
def test_group_is_on_the_list_once(hierarchy, root, agent, busy, column):
    group = root.mkgroup("g").notify()
    for _ in range(3):
        empty(hierarchy, group)
    busy()
    assert without_busy(calls_to_the_end(hierarchy, agent)) == ["/g"]


@pytest.mark.quick
@by_column(["/a", "/b", "/c"], ["/c", "/b", "/a"])
def test_order_of_calls_that_are_due_at_once(hierarchy, root, agent, busy, expected):
    for name in "abc":
        empty(hierarchy, root.mkgroup(name).notify())
    busy()
    calls = [agent.next() for _ in range(STARTED_AT_ONCE + 3)]
    calls.sort(key=lambda call: call.pid)
    assert without_busy(call.path for call in calls) == expected


@pytest.mark.quick
@by_column(["/a", "/b"], ["/a"])
def test_group_that_is_removed_while_it_is_due(hierarchy, root, agent, busy, expected):
    for name in "ab":
        empty(hierarchy, root.mkgroup(name).notify())
    root.child("b").rmdir()
    busy()
    assert without_busy(calls_to_the_end(hierarchy, agent)) == expected


@by_column(["/a", "/a"], ["/a"])
def test_group_that_is_removed_while_it_is_due_and_made_again(hierarchy, root, agent, busy,
                                                              expected):
    empty(hierarchy, root.mkgroup("a").notify())
    root.child("a").rmdir()
    empty(hierarchy, root.mkgroup("a").notify())
    busy()
    assert without_busy(calls_to_the_end(hierarchy, agent)) == expected


@rows_by_column("length, expected", [(4095, 4095, 4095), (4096, 4095, None), (5000, 4095, None)])
def test_length_of_the_path_that_is_called_for(hierarchy, root, agent, length, expected):
    user = hierarchy.user
    directory = root.open(".", os.O_RDONLY)
    path = ""
    while len(path) < length:
        name = "n" * min(250, length - len(path) - 1)
        if length - len(path) - 1 - len(name) == 1:
            name = name[:-1]  # no place for one more name
        path += "/" + name
        user(os.mkdir, name, dir_fd=directory)
        directory = user(os.open, name, os.O_RDONLY, dir_fd=directory)

    def write(name, data):
        descriptor = user(os.open, name, os.O_WRONLY, dir_fd=directory)
        user(os.write, descriptor, data)

    sleeper = hierarchy.sleeper()
    write("notify_on_release", b"1")
    write("tasks", b"%d" % sleeper.pid)
    sleeper.end()
    user(os.closerange, 4, 1 << 10)
    assert calls_to_the_end(hierarchy, agent) == ([path[:expected]] if expected else [])


@by_column(0, 1)
def test_lines_in_the_log_for_calls_of_an_empty_agent(hierarchy, root, expected):
    if expected:
        hierarchy.expected_log = ["release agent '': No such file or directory"]
    for name in "abc":
        empty(hierarchy, root.mkgroup(name).notify())
    assert hierarchy.end_daemon() == 0
    assert hierarchy.log().count("release agent ''") == expected


@both_columns
def test_agent_is_told_the_path_and_has_the_kernels_environment(hierarchy, root, agent, column):
    # root/g/h
    empty(hierarchy, root.mkgroup("g").mkgroup("h").notify())
    call = agent.next()
    assert call.argv == [agent.path.encode(), b"/g/h"]
    assert call.environ == [b"HOME=/", b"PATH=/sbin:/bin:/usr/sbin:/usr/bin"]
