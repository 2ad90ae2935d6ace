# SPDX-License-Identifier: MIT
"""Writes to tasks and cgroup.procs (kernel behaviour §2.2, §2.3, §3)."""

import os

import pytest

from support.group import errno_of, write_once

LISTS = ["tasks", "cgroup.procs"]


@pytest.fixture(params=LISTS)
def file(request):
    return request.param


@pytest.mark.quick
@pytest.mark.parametrize("form", [
    "{}", "{}\n", " {} ", "\n{}\n\n", "{}\r\n", "\t{}\v\f", "+{}", "0x{:x}", "0X{:X}", "0{:o}",
    "{}\0junk", "{}\n\0", "\xa0{}\xa0", "+0x{:x}",
], ids=ascii)
def test_attach_takes(root, task, file, form):
    group = root.mkgroup("g")
    text = form.format(task.pid).encode("latin-1")
    assert group.write(file, text) == len(text)
    assert group.procs() == [task.pid]


@pytest.mark.parametrize("form", [
    "-{}", "{}x", "{},", "{}.0", "{0} {0}", "{0}\n{0}\n", "\0{}", "++{}", "+-{}", "+ {}", "0x", "+",
    "-", "self", " ", "\n", "\t\n", "\0", "0x{:x}g", "{}\x85", "0b1", "'{}'", "{}e0",
], ids=ascii)
def test_attach_refuses(root, task, file, form):
    group = root.mkgroup("g")
    assert errno_of(group.write, file, form.format(task.pid).encode("latin-1")) == "EINVAL"
    assert group.tasks() == []


@pytest.mark.parametrize("text", ["08", "09", "0189"])
def test_octal_with_8_or_9_is_einval(root, file, text):
    assert errno_of(root.mkgroup("g").write, file, text) == "EINVAL"


@pytest.mark.parametrize("text", ["2147483648", "4294967296", "9" * 20, "9" * 100, "-1",
                                  "-2147483648", "0x80000000"])
def test_out_of_range_is_einval(root, file, text):
    assert errno_of(root.mkgroup("g").write, file, text) == "EINVAL"


@pytest.mark.parametrize("text", ["2147483647", "0x7fffffff", "4194305"])
def test_never_used_pid_is_esrch(root, file, text):
    assert errno_of(root.mkgroup("g").write, file, text) == "ESRCH"


def test_pid_of_reaped_process_is_esrch(root, task, file):
    task.end().reap()
    assert errno_of(root.mkgroup("g").write, file, str(task.pid)) == "ESRCH"


@pytest.mark.quick
@pytest.mark.parametrize("text", [b"0", b"+0", b"-0", b"00", b"0x0", b"0\n", b" 0 "])
def test_zero_is_the_writer(root, task, file, text):
    group = root.mkgroup("g")
    task(write_once, group.file(file), text)
    assert group.procs() == [task.pid]


@pytest.mark.parametrize("name", LISTS)
def test_empty_write_attaches_nothing(root, task, name):
    group = root.mkgroup("g")
    assert task(write_once, group.file(name), b"") == 0
    assert group.tasks() == []


def test_too_long_write_is_e2big(root, task, file):
    group = root.mkgroup("g")
    assert errno_of(group.write, file, str(task.pid).encode() + b"\n" * 4096) == "E2BIG"
    assert group.tasks() == []


def test_write_of_4096_bytes_is_taken(root, task, file):
    group = root.mkgroup("g")
    assert group.write(file, str(task.pid).encode().ljust(4096)) == 4096
    assert group.procs() == [task.pid]


def test_writev_is_joined_to_one_pid(root, task, file):
    group = root.mkgroup("g")
    descriptor = group.open(file)
    digits = [digit.encode() for digit in str(task.pid)]
    assert root.hierarchy.user(os.writev, descriptor, digits) == len(digits)
    assert group.procs() == [task.pid]


def write_to_bad_address(path):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_WRONLY)
    result = libc.write(descriptor, ctypes.c_void_p(8), 4)
    number = ctypes.get_errno()
    os.close(descriptor)
    if result < 0:
        raise OSError(number, os.strerror(number))


def test_bad_pointer_is_efault(root, file):
    group = root.mkgroup("g")
    assert errno_of(root.hierarchy.user, write_to_bad_address, group.file(file)) == "EFAULT"


def test_several_writes_on_one_descriptor_are_independent(hierarchy, root, file):
    group = root.mkgroup("g")
    tasks = [hierarchy.sleeper() for _ in range(3)]
    descriptor = group.open(file)
    for task in tasks:
        hierarchy.user(os.write, descriptor, str(task.pid).encode())
    assert group.procs() == sorted(task.pid for task in tasks)


# ---- which tasks move ----

def test_procs_moves_all_threads(root, task):
    group = root.mkgroup("g")
    threads = [task.thread() for _ in range(3)]
    group.attach(task)
    assert group.tasks() == sorted([task.tid] + [thread.tid for thread in threads])
    assert group.procs() == [task.pid]


def test_procs_by_thread_id_moves_the_process(root, task):
    group = root.mkgroup("g")
    thread = task.thread()
    group.write("cgroup.procs", str(thread.tid))
    assert group.tasks() == sorted([task.tid, thread.tid])


def test_procs_with_0_by_a_thread_moves_the_process(root, task):
    group = root.mkgroup("g")
    thread = task.thread()
    thread(write_once, group.file("cgroup.procs"), b"0")
    assert group.tasks() == sorted([task.tid, thread.tid])


@pytest.mark.quick
def test_attached_task_leaves_its_old_group(root, task):
    # root/{g,h}
    g, h = root.mkgroup("g"), root.mkgroup("h")
    g.attach(task)
    h.attach(task)
    assert (g.tasks(), h.tasks()) == ([], [task.pid])


def test_attach_to_root_leaves_the_group(root, task):
    group = root.mkgroup("g")
    group.attach(task)
    assert task.pid not in root.procs()
    root.attach(task)
    assert group.tasks() == [] and task.pid in root.procs()


def test_attach_where_it_is_succeeds(root, task, file):
    group = root.mkgroup("g")
    group.attach(task)
    assert group.write(file, str(task.pid)) == len(str(task.pid))
    assert group.tasks() == [task.pid]


def test_attach_of_zombie_succeeds_and_changes_nothing(root, task, file):
    group = root.mkgroup("g")
    task.end()
    assert errno_of(group.write, file, str(task.pid)) == "ok"
    assert (group.tasks(), group.procs()) == ([], [])


def test_zombie_leader_through_procs_moves_its_threads(root, task):
    group = root.mkgroup("g")
    thread = task.thread()
    task.exit_leader()
    group.write("cgroup.procs", str(task.pid))
    assert (group.tasks(), group.procs()) == ([thread.tid], [task.pid])


def test_zombie_leader_through_tasks_moves_nothing(root, task):
    group = root.mkgroup("g")
    task.thread()
    task.exit_leader()
    assert errno_of(group.write, "tasks", str(task.pid)) == "ok"
    assert group.tasks() == []


def test_attach_of_stopped_task_succeeds(root, task):
    group = root.mkgroup("g")
    os.kill(task.pid, 19)
    group.attach(task)
    assert group.tasks() == [task.pid]


def test_attach_to_removed_group_is_enodev(root, task, file):
    group = root.mkgroup("g")
    descriptor = group.open(file)
    group.rmdir()
    assert errno_of(root.hierarchy.user, os.write, descriptor, str(task.pid).encode()) == "ENODEV"


def test_attach_to_group_with_child(root, task):
    # root/g/h
    group = root.mkgroup("g")
    group.mkgroup("h")
    group.attach(task)
    assert group.tasks() == [task.pid]


def test_many_moves_of_one_task(root, task):
    groups = [root.mkgroup(name) for name in "abc"]
    for round_ in range(30):
        groups[round_ % 3].attach(task)
    assert [group.tasks() for group in groups] == [[], [], [task.pid]]


# ---- who may attach whom ----

@pytest.mark.needs("kthreads")
def test_kernel_thread_is_einval(root, file):
    assert errno_of(root.mkgroup("g").write, file, "2") == "EINVAL"


@pytest.mark.needs("kthreads")
def test_init_is_eacces(root, file):
    assert errno_of(root.mkgroup("g").write, file, "1") == "EACCES"


def test_task_of_another_user_is_eacces(root, stranger, file):
    group = root.mkgroup("g")
    assert errno_of(group.write, file, str(stranger.pid)) == "EACCES"
    assert group.tasks() == []


def test_refused_task_is_where_it_was(root, stranger):
    errno_of(root.mkgroup("g").attach, stranger)
    assert stranger.pid in root.procs()


def test_closed_file_mode_is_checked_at_open(root):
    group = root.mkgroup("g")
    root.hierarchy.user(os.chmod, group.file("tasks"), 0o444)
    assert errno_of(group.write, "tasks", "0") == "EACCES"


def test_mode_of_the_group_does_not_matter(root, task):
    group = root.mkgroup("g")
    descriptor = group.open("tasks")
    root.hierarchy.user(os.chmod, group.path, 0)
    root.hierarchy.user(os.write, descriptor, str(task.pid).encode())
    root.hierarchy.user(os.chmod, group.path, 0o755)
    assert group.tasks() == [task.pid]


def test_zero_through_anothers_descriptor_is_the_writer(root, hierarchy, task):
    group = root.mkgroup("g")
    descriptor = hierarchy.user.give(group.open("tasks"), task)
    task(os.write, descriptor, b"0")
    assert group.tasks() == [task.pid]
