# SPDX-License-Identifier: MIT
"""poll and epoll on control files (kernel behaviour §1.5)."""

import os
import select

import pytest

from support import libc
from support.group import errno_of

IN, PRI, OUT, ERR, RDNORM, WRNORM = 0x1, 0x2, 0x4, 0x8, 0x40, 0x100
READY = IN | OUT | RDNORM | WRNORM
FILES = ["tasks", "cgroup.procs", "notify_on_release", "cgroup.clone_children"]


@pytest.fixture
def poll(hierarchy):
    return lambda descriptor: hierarchy.user(libc.poll_now, descriptor)


@pytest.mark.parametrize("name", FILES)
def test_unread_file_polls_err_and_pri(root, poll, name):
    assert poll(root.mkgroup("g").open(name)) == READY | ERR | PRI


@pytest.mark.parametrize("name", ["notify_on_release", "cgroup.clone_children"])
def test_read_value_polls_ready(root, poll, name):
    descriptor = root.mkgroup("g").open(name)
    root.hierarchy.user(os.read, descriptor, 10)
    assert poll(descriptor) == READY


def test_read_list_polls_ready(root, task, poll):
    group = root.mkgroup("g")
    group.attach(task)
    descriptor = group.open("tasks")
    root.hierarchy.user(os.read, descriptor, 10)
    assert poll(descriptor) == READY


def test_empty_list_never_loses_err_and_pri(root, poll):
    descriptor = root.mkgroup("g").open("tasks")
    root.hierarchy.user(os.read, descriptor, 10)
    assert poll(descriptor) == READY | ERR | PRI


def test_reading_another_descriptor_does_not_matter(root, poll):
    group = root.mkgroup("g")
    descriptor = group.open("notify_on_release")
    group.read("notify_on_release")
    assert poll(descriptor) == READY | ERR | PRI


def test_write_raises_nothing(root, poll):
    group = root.mkgroup("g")
    descriptor = group.open("notify_on_release")
    root.hierarchy.user(os.read, descriptor, 10)
    group.notify()
    assert poll(descriptor) == READY


def test_attach_and_exit_raise_nothing(root, task, poll):
    group = root.mkgroup("g")
    group.attach(task)
    descriptor = group.open("tasks")
    root.hierarchy.user(os.read, descriptor, 100)
    task.exit()
    assert poll(descriptor) == READY


def test_rmdir_raises_err_and_pri(root, poll):
    group = root.mkgroup("g")
    descriptor = group.open("notify_on_release")
    root.hierarchy.user(os.read, descriptor, 10)
    assert poll(descriptor) == READY
    group.rmdir()
    assert poll(descriptor) == READY | ERR | PRI


def add_to_epoll(fd):
    with select.epoll() as instance:
        instance.register(fd, select.EPOLLIN | select.EPOLLPRI)
        return instance.poll(0)[0][1]


def test_epoll_takes_a_file(root):
    descriptor = root.mkgroup("g").open("tasks")
    events = root.hierarchy.user(add_to_epoll, descriptor)
    assert events & (select.EPOLLIN | select.EPOLLPRI) == select.EPOLLIN | select.EPOLLPRI


def test_epoll_refuses_a_directory(root):
    descriptor = root.mkgroup("g").open(".", os.O_RDONLY)
    assert errno_of(root.hierarchy.user, add_to_epoll, descriptor) == "EPERM"
