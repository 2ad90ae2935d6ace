# SPDX-License-Identifier: MIT
"""Single threads as members (kernel behaviour §3 to §6): each is a task of its own, written to
tasks by its id, or as `0` by itself; its process is wherever it has a thread."""

import os
import resource
import signal

import pytest

from support import libc
from support.actor import become_alone
from support.group import errno_of, read_whole, write_once
from support.waiting import wait_until

USER, OTHER = 1000, 2000


# ---- what all have in common ----

@pytest.fixture
def group(root):
    return root.mkgroup("g").notify()


@pytest.fixture
def other(root):
    return root.mkgroup("h").notify()


@pytest.fixture
def thread(task):
    """The second thread of the task's process."""
    return task.thread()


@pytest.fixture
def moved(group, thread):
    """The thread, alone in /g."""
    group.attach_thread(thread)
    return thread


def tids(*tasks):
    return sorted(task.tid for task in tasks)


def pids(*tasks):
    return sorted({task.pid for task in tasks})


def assert_members(group, *tasks):
    """These and no others, in both lists."""
    assert (group.tasks(), group.procs()) == (tids(*tasks), pids(*tasks))


def assert_in_root(root, *tasks):
    listed = root.tasks()
    assert {task.tid: task.tid in listed for task in tasks} == {task.tid: True for task in tasks}


# ---- which tasks move ----

@pytest.mark.quick
def test_thread_id_written_to_tasks_moves_that_thread_alone(root, group, task, thread):
    assert group.write("tasks", str(thread.tid)) == len(str(thread.tid))
    assert_members(group, thread)
    assert_in_root(root, task)


@pytest.mark.quick
def test_0_written_by_a_thread_moves_the_writer_alone(root, group, task, thread):
    group.enter(thread)
    assert_members(group, thread)
    assert_in_root(root, task)


def test_0_written_by_the_leader_moves_the_leader_alone(root, group, task, thread):
    group.enter(task)
    assert_members(group, task)
    assert_in_root(root, thread)


def test_pid_written_to_tasks_moves_the_leader_alone(root, group, task, thread):
    group.write("tasks", str(task.pid))
    assert_members(group, task)
    assert_in_root(root, thread)


def test_each_thread_of_a_process_in_a_group_of_its_own(root, task):
    # root/{a,b,c}
    threads = [task, task.thread(), task.thread()]
    groups = [root.mkgroup(name) for name in "abc"]
    for each, thread in zip(groups, threads):
        each.attach_thread(thread)
    for each, thread in zip(groups, threads):
        assert_members(each, thread)


def test_process_is_in_the_list_of_each_group_with_a_thread_of_it(root, group, task, moved):
    assert task.pid in root.procs() and group.procs() == [task.pid]


def test_moved_thread_is_no_more_in_the_roots_list(root, task, moved):
    listed = root.tasks()
    assert task.tid in listed and moved.tid not in listed


def test_two_threads_of_one_process_are_one_process_in_the_list(group, task, moved):
    second = task.thread()
    group.attach_thread(second)
    assert_members(group, moved, second)


def test_threads_of_several_processes_in_one_group(hierarchy, group, thread):
    second = hierarchy.task().thread()
    group.attach_thread(thread)
    group.attach_thread(second)
    assert_members(group, thread, second)


def test_thread_leaves_the_group_that_holds_its_process(root, group, other, task, thread):
    group.attach(task)
    other.attach_thread(thread)
    assert_members(group, task)
    assert_members(other, thread)


def test_leader_leaves_the_group_that_holds_its_process(root, group, other, task, thread):
    group.attach(task)
    other.attach_thread(task)
    assert_members(group, thread)
    assert_members(other, task)


@pytest.mark.quick
def test_thread_moved_back_to_the_root(root, group, moved):
    root.attach_thread(moved)
    assert_members(group)
    assert_in_root(root, moved)


def test_thread_moved_back_to_the_group_of_its_process(group, other, task, thread):
    group.attach(task)
    other.attach_thread(thread)
    group.attach_thread(thread)
    assert_members(other)
    assert_members(group, task, thread)


def test_thread_moved_to_the_root_from_the_group_of_its_process(root, group, task, thread):
    group.attach(task)
    root.attach_thread(thread)
    assert_members(group, task)
    assert_in_root(root, thread)


def test_thread_moved_to_child_group_and_to_parent_group(group, moved):
    # root/g/below
    below = group.mkgroup("below")
    below.attach_thread(moved)
    assert_members(group)
    assert_members(below, moved)
    group.attach_thread(moved)
    assert_members(below)
    assert_members(group, moved)


def test_thread_moved_through_several_groups(root, task, thread):
    groups = [root.mkgroup(name) for name in "abc"]
    for round_ in range(30):
        groups[round_ % 3].attach_thread(thread)
    assert [each.tasks() for each in groups] == [[], [], [thread.tid]]
    assert_in_root(root, task)


def test_thread_already_there_is_ok(group, moved):
    assert group.write("tasks", str(moved.tid)) == len(str(moved.tid))
    assert_members(group, moved)


def test_thread_moves_another_of_its_process(root, group, task, thread):
    third = task.thread()
    group.attach_thread(third, by=thread)
    assert_members(group, third)
    assert_in_root(root, task, thread)


def test_thread_in_a_group_moves_its_leader_there(group, task, moved):
    group.attach_thread(task, by=moved)
    assert_members(group, task, moved)


def test_id_of_an_ended_thread_is_esrch(group, thread):
    thread.exit()
    assert errno_of(group.attach_thread, thread) == "ESRCH"
    assert errno_of(group.attach, thread.tid) == "ESRCH"


def test_thread_to_removed_group_is_enodev(root, group, thread):
    descriptor = group.open("tasks")
    group.rmdir()
    text = str(thread.tid).encode()
    assert errno_of(root.hierarchy.user, os.write, descriptor, text) == "ENODEV"


def test_members_see_themselves(group, moved):
    assert moved(read_whole, group.file("tasks")) == b"%d\n" % moved.tid


def test_thread_that_a_leader_makes_starts_in_its_group_alone(group, task):
    task.thread()
    group.attach_thread(task)
    made = task.thread()
    assert_members(group, task, made)


# ---- the whole process, by cgroup.procs ----

@pytest.fixture
def spread(root, task):
    """Leader and two threads, in /a, /b and /c."""
    threads = [task, task.thread(), task.thread()]
    for name, thread in zip("abc", threads):
        root.mkgroup(name).notify().attach_thread(thread)
    return threads


@pytest.mark.quick
def test_procs_gathers_all_threads(root, group, spread):
    group.attach(spread[0])
    assert [root.child(name).tasks() for name in "abc"] == [[], [], []]
    assert_members(group, *spread)


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_procs_gathers_into_a_group_of_one_of_them(root, spread, name):
    root.child(name).attach(spread[0])
    assert_members(root.child(name), *spread)


def test_procs_gathers_by_the_id_of_any_thread(group, spread):
    group.attach(spread[2].tid)
    assert_members(group, *spread)


def test_procs_gathers_by_0_written_by_a_thread(group, spread):
    spread[1](write_once, group.file("cgroup.procs"), b"0")
    assert_members(group, *spread)


def test_procs_of_the_root_gathers(root, spread):
    root.attach(spread[0])
    assert [root.child(name).tasks() for name in "abc"] == [[], [], []]
    assert_in_root(root, *spread)


def test_each_source_of_a_gathered_process_is_released_once(hierarchy, root, agent, group, spread):
    group.attach(spread[0])
    assert agent.calls(hierarchy) == ["/a", "/b", "/c"]


def test_group_gathered_into_is_not_released(hierarchy, root, agent, spread):
    root.child("b").attach(spread[0])
    assert agent.calls(hierarchy) == ["/a", "/c"]


def test_gathered_process_is_one_again(group, spread):
    group.attach(spread[0])
    late = spread[1].thread()
    child = spread[2].fork()
    assert_members(group, *spread, late, child)


def test_process_already_gathered_there_is_ok(hierarchy, agent, group, spread):
    group.attach(spread[0])
    group.attach(spread[0])
    assert_members(group, *spread)
    assert agent.calls(hierarchy) == ["/a", "/b", "/c"]


# ---- where new tasks start ----

@pytest.mark.quick
def test_child_of_a_moved_thread_starts_in_its_group(group, moved):
    child = moved.fork()
    assert_members(group, moved, child)


@pytest.mark.quick
def test_child_of_the_rest_stays_with_the_rest(root, group, task, moved):
    child = task.fork()
    assert_members(group, moved)
    assert_in_root(root, child)


def test_child_of_the_rest_stays_in_the_group_of_its_process(group, other, task, thread):
    group.attach(task)
    other.attach_thread(thread)
    child = task.fork()
    assert_members(group, task, child)
    assert_members(other, thread)


def test_thread_made_by_a_moved_thread_starts_in_its_group(root, group, task, moved):
    late = moved.thread()
    assert_members(group, moved, late)
    assert_in_root(root, task)


def test_thread_made_by_the_rest_stays_with_the_rest(root, group, task, moved):
    late = task.thread()
    assert_members(group, moved)
    assert_in_root(root, late)


def test_child_of_a_thread_made_by_a_moved_thread_starts_in_its_group(group, moved):
    late = moved.thread()
    child = late.fork()
    assert_members(group, moved, late, child)


def test_child_by_vfork_of_a_moved_thread_starts_in_its_group(hierarchy, root, group):
    program = hierarchy.shape("thread-vfork")
    thread, = program.go()
    group.attach_thread(thread)
    _, child = program.go()
    assert (group.tasks(), group.procs()) == (sorted([thread, child]), sorted([program.pid, child]))


def test_child_by_posix_spawn_of_a_moved_thread_starts_in_its_group(group, moved):
    child = moved(os.posix_spawn, "/bin/sleep", ["sleep", "1000"], {})
    assert (group.tasks(), group.procs()) == (sorted([moved.tid, child]),
                                              sorted([moved.pid, child]))


def test_thread_suspended_by_vfork_moves_without_its_child(hierarchy, root, group):
    program = hierarchy.shape("thread-vfork")
    thread, = program.go()
    _, child = program.go()
    group.attach_thread(thread)
    assert (group.tasks(), group.procs()) == ([thread], [program.pid])
    assert child in root.tasks()


def test_double_fork_and_setsid_by_a_moved_thread_stay_in_its_group(group, task, moved):
    child = moved.fork()
    child(os.setsid)
    daemon = child.fork()
    child.exit()
    task.exit()
    assert_members(group, daemon)


def test_child_of_a_moved_thread_is_a_whole_process(group, other, moved):
    child = moved.fork()
    late = child.thread()
    assert_members(group, moved, child, late)
    other.attach(child)
    assert_members(group, moved)
    assert_members(other, child, late)


def test_child_of_a_moved_leader_starts_in_its_group(root, group, task, thread):
    group.attach_thread(task)
    child, of_the_rest = task.fork(), thread.fork()
    assert_members(group, task, child)
    assert_in_root(root, of_the_rest)


def test_moving_a_thread_leaves_its_children(group, other, moved):
    child = moved.fork()
    other.attach_thread(moved)
    assert_members(group, child)
    assert_members(other, moved)


def test_child_of_a_thread_moved_on_starts_in_its_last_group(group, other, moved):
    other.attach_thread(moved)
    child = moved.fork()
    assert_members(group)
    assert_members(other, moved, child)


def test_child_of_a_thread_moved_back_to_the_root_is_in_the_root(root, group, moved):
    root.attach_thread(moved)
    child = moved.fork()
    assert_members(group)
    assert_in_root(root, child)


def test_child_of_a_thread_moved_back_to_its_process_is_there(group, other, task, thread):
    group.attach(task)
    other.attach_thread(thread)
    group.attach_thread(thread)
    child = thread.fork()
    assert_members(group, task, thread, child)


def test_child_of_a_thread_in_the_root_is_in_the_root(root, group, task, thread):
    """Its process is in a group."""
    group.attach(task)
    root.attach_thread(thread)
    child = thread.fork()
    assert_members(group, task)
    assert_in_root(root, thread, child)


def test_generations_of_threads_and_processes(group, moved):
    tasks = [moved]
    for _ in range(4):
        tasks.append(tasks[-1].fork())
        tasks.append(tasks[-1].thread())
    assert_members(group, *tasks)


def test_child_of_a_moved_thread_outlives_it(hierarchy, agent, group, task, moved):
    child = moved.fork()
    moved.exit()
    assert_members(group, child)
    assert agent.calls(hierarchy) == []
    child.exit()
    assert agent.calls(hierarchy) == ["/g"]


# ---- exit and release ----

@pytest.mark.quick
def test_exit_of_a_moved_thread_releases_its_group(hierarchy, agent, group, moved):
    moved.exit()
    assert_members(group)
    assert agent.calls(hierarchy) == ["/g"]


def test_group_is_removed_at_once_after_the_end_of_its_thread(group, moved):
    assert errno_of(group.rmdir) == "EBUSY"
    moved.exit()
    assert errno_of(group.rmdir) == "ok"


def test_move_of_the_last_thread_releases_its_group(hierarchy, root, agent, group, moved):
    root.attach_thread(moved)
    assert agent.calls(hierarchy) == ["/g"]


def test_move_of_a_thread_to_another_group_releases_the_source(hierarchy, agent, other, moved):
    other.attach_thread(moved)
    assert agent.calls(hierarchy) == ["/g"]


def test_thread_already_there_releases_nothing(hierarchy, agent, group, moved):
    group.attach_thread(moved)
    group.enter(moved)
    assert agent.calls(hierarchy) == []


def test_exit_of_one_of_two_threads_releases_nothing(hierarchy, agent, group, task, moved):
    second = task.thread()
    group.attach_thread(second)
    moved.exit()
    assert agent.calls(hierarchy) == []
    second.exit()
    assert agent.calls(hierarchy) == ["/g"]


def test_thread_moved_out_does_not_release_the_group_of_its_process(hierarchy, agent, group, other,
                                                                    task, thread):
    group.attach(task)
    other.attach_thread(thread)
    thread.exit()
    assert agent.calls(hierarchy) == ["/h"]
    task.exit()
    assert agent.calls(hierarchy) == ["/g", "/h"]


def test_exit_of_a_thread_of_the_rest_releases_nothing(hierarchy, agent, group, task, moved):
    task.thread().exit()
    assert_members(group, moved)
    assert agent.calls(hierarchy) == []


@pytest.mark.parametrize("how", ["exit", "end"])
def test_end_of_the_process_releases_each_group_once(hierarchy, root, agent, task, spread, how):
    getattr(task, how)()
    assert [root.child(name).tasks() for name in "abc"] == [[], [], []]
    assert agent.calls(hierarchy) == ["/a", "/b", "/c"]


def test_groups_are_removed_at_once_after_the_end_of_the_process(root, task, spread):
    task.end()
    assert [errno_of(root.child(name).rmdir) for name in "abc"] == ["ok"] * 3


def test_zombie_process_is_in_no_group_of_its_threads(root, task, spread):
    task.end()
    assert [root.child(name).procs() for name in "abc"] == [[], [], []]
    task.reap()


def test_group_is_released_again_by_the_next_thread(hierarchy, agent, group, task):
    for count in range(1, 4):
        thread = task.thread()
        group.enter(thread)
        thread.exit()
        assert agent.calls(hierarchy) == ["/g"] * count


def test_flag_set_while_the_thread_is_inside_counts(hierarchy, agent, group, moved):
    group.notify(0)
    group.notify()
    moved.exit()
    assert agent.calls(hierarchy) == ["/g"]


def test_group_without_the_flag_is_not_released(hierarchy, agent, group, moved):
    group.notify(0)
    moved.exit()
    assert agent.calls(hierarchy) == []


# ---- leaders that have ended ----

def test_moved_leader_that_ends_releases_its_group(hierarchy, root, agent, group, task, thread):
    group.attach_thread(task)
    task.exit_leader()
    assert_members(group)
    assert agent.calls(hierarchy) == ["/g"]
    assert errno_of(group.rmdir) == "ok"
    assert_in_root(root, thread)


def test_process_of_an_ended_leader_is_listed_where_its_threads_are(root, group, other, task,
                                                                    thread):
    group.attach_thread(task)
    other.attach_thread(thread)
    task.exit_leader()
    assert_members(group)
    assert_members(other, thread)


@pytest.mark.quick
def test_ended_leader_written_to_tasks_moves_nothing(hierarchy, root, agent, group, other, task,
                                                     moved):
    task.exit_leader()
    assert errno_of(other.attach_thread, task) == "ok"
    assert_members(group, moved)
    assert_members(other)
    assert agent.calls(hierarchy) == []


def test_thread_of_an_ended_leader_moves(root, group, other, task, thread):
    group.attach(task)
    task.exit_leader()
    other.attach_thread(thread)
    assert_members(group)
    assert_members(other, thread)


def test_one_of_two_threads_of_an_ended_leader_moves(group, other, task, thread):
    second = task.thread()
    group.attach(task)
    task.exit_leader()
    other.attach_thread(thread)
    assert_members(group, second)
    assert_members(other, thread)


def test_0_written_by_a_thread_of_an_ended_leader_moves_it(group, task, thread):
    second = task.thread()
    task.exit_leader()
    group.enter(thread)
    assert_members(group, thread)
    group.enter(second)
    assert_members(group, thread, second)


def test_procs_gathers_threads_of_an_ended_leader(hierarchy, root, agent, group, spread):
    spread[0].exit_leader()
    group.attach(spread[0])
    assert_members(group, *spread[1:])
    assert agent.calls(hierarchy) == ["/a", "/b", "/c"]


def test_child_of_a_moved_thread_of_an_ended_leader_starts_in_its_group(group, task, moved):
    task.exit_leader()
    child = moved.fork()
    late = moved.thread()
    assert_members(group, moved, late, child)


def test_last_thread_of_an_ended_leader_releases_its_group(hierarchy, agent, group, task, moved):
    task.exit_leader()
    assert agent.calls(hierarchy) == []
    moved.end()
    assert_members(group)
    assert agent.calls(hierarchy) == ["/g"]


# ---- exec ----

def test_exec_by_a_moved_thread_ends_in_its_group(hierarchy, group, task, moved):
    moved.exec(hierarchy.programs["shapes"])
    assert_members(group, task)


@pytest.mark.quick
def test_exec_by_a_thread_releases_the_leaders_group(hierarchy, agent, group, other, task, thread):
    group.attach_thread(task)
    other.attach_thread(thread)
    thread.exec(hierarchy.programs["shapes"])
    assert_members(group)
    assert_members(other, task)
    assert agent.calls(hierarchy) == ["/g"]


def test_exec_by_a_thread_releases_the_groups_of_all_others(hierarchy, root, agent, spread):
    spread[1].exec(hierarchy.programs["shapes"])
    assert [root.child(name).tasks() for name in "abc"] == [[], [spread[0].pid], []]
    assert agent.calls(hierarchy) == ["/a", "/c"]


def test_exec_by_the_leader_releases_the_groups_of_all_others(hierarchy, root, agent, spread):
    spread[0].exec(hierarchy.programs["shapes"])
    assert [root.child(name).tasks() for name in "abc"] == [[spread[0].pid], [], []]
    assert agent.calls(hierarchy) == ["/b", "/c"]


def test_exec_by_the_leader_stays_in_its_group(hierarchy, root, agent, group, task, moved):
    task.exec(hierarchy.programs["shapes"])
    assert_members(group)
    assert_in_root(root, task)
    assert agent.calls(hierarchy) == ["/g"]


def test_exec_by_a_thread_in_the_root_leaves_the_group_of_its_leader(hierarchy, root, agent, group,
                                                                     task, thread):
    group.attach_thread(task)
    thread.exec(hierarchy.programs["shapes"])
    assert_members(group)
    assert_in_root(root, task)
    assert agent.calls(hierarchy) == ["/g"]


def test_exec_by_a_thread_of_an_ended_leader_ends_in_its_group(hierarchy, agent, group, task,
                                                               moved):
    task.exit_leader()
    moved.exec(hierarchy.programs["shapes"])
    assert_members(group, task)
    assert agent.calls(hierarchy) == []


def test_process_that_a_thread_made_by_exec_ends_as_a_whole(hierarchy, agent, group, task, moved):
    moved.exec(hierarchy.programs["shapes"])
    assert agent.calls(hierarchy) == []
    task.end()
    assert agent.calls(hierarchy) == ["/g"]


def test_process_that_a_thread_made_by_exec_is_moved(hierarchy, agent, group, other, task, moved):
    moved.exec(hierarchy.programs["shapes"])
    other.attach(task)
    assert_members(group)
    assert_members(other, task)
    assert agent.calls(hierarchy) == ["/g"]


# ---- stopped and traced ----

def test_thread_of_a_stopped_process_moves(root, group, task, thread):
    os.kill(task.pid, signal.SIGSTOP)
    group.attach_thread(thread)
    assert_members(group, thread)
    assert_in_root(root, task)
    os.kill(task.pid, signal.SIGCONT)
    child = thread.fork()
    assert_members(group, thread, child)


def test_moved_thread_of_a_stopped_process_stays(hierarchy, agent, group, task, moved):
    os.kill(task.pid, signal.SIGSTOP)
    assert_members(group, moved)
    assert errno_of(group.rmdir) == "EBUSY"
    task.end()
    assert agent.calls(hierarchy) == ["/g"]


def seize(tid, interrupt):
    libc.ptrace(libc.PTRACE_SEIZE, tid)
    if interrupt:
        libc.ptrace(libc.PTRACE_INTERRUPT, tid)
        os.waitpid(tid, 0x40000000)  # __WALL


@pytest.fixture
def traced(hierarchy):
    """(tracer, a process of two threads that it may trace, its second thread)"""
    tracer = hierarchy.task()
    process = tracer.fork()
    return tracer, process, process.thread()


def test_traced_thread_moves(root, group, traced):
    tracer, process, thread = traced
    tracer(seize, thread.tid, True)
    group.attach_thread(thread)
    assert_members(group, thread)
    assert_in_root(root, process)


def make_zombie(tracer, thread):
    """Ended, and not reaped by its tracer."""
    tracer(seize, thread.tid, False)
    thread.start_exit()
    wait_until(lambda: thread.state() == "Z", "the thread to be a zombie")


def test_zombie_thread_that_its_tracer_holds_is_no_member(hierarchy, agent, group, traced):
    tracer, _, thread = traced
    group.attach_thread(thread)
    make_zombie(tracer, thread)
    assert_members(group)
    assert agent.calls(hierarchy) == ["/g"]
    assert errno_of(group.rmdir) == "ok"


def test_zombie_thread_written_to_tasks_moves_nothing(hierarchy, agent, group, traced):
    tracer, _, thread = traced
    make_zombie(tracer, thread)
    assert errno_of(group.attach_thread, thread) == "ok"
    assert_members(group)
    assert agent.calls(hierarchy) == []


def test_zombie_thread_written_to_procs_moves_its_process(group, traced):
    tracer, process, thread = traced
    make_zombie(tracer, thread)
    group.attach(thread.tid)
    assert_members(group, process)


# ---- tasks that share the I/O context of the one that made them, and so its I/O priority ----

@pytest.fixture
def sharers(hierarchy, group):
    """A thread in /g and a child that it made with CLONE_IO: (pid, tid, pid of the child)"""
    program = hierarchy.shape("thread-clone-io")
    thread, = program.go()
    group.attach_thread(thread)
    child, = program.go()
    return program.pid, thread, child


def test_child_with_the_io_context_of_a_moved_thread_starts_in_its_group(group, sharers):
    pid, thread, child = sharers
    assert (group.tasks(), group.procs()) == (sorted([thread, child]), sorted([pid, child]))


def test_child_with_the_io_context_of_a_thread_moves_without_it(group, other, sharers):
    _, thread, child = sharers
    other.attach(child)
    assert (group.tasks(), other.tasks()) == ([thread], [child])


def test_thread_with_the_io_context_of_its_child_moves_without_it(group, other, sharers):
    _, thread, child = sharers
    other.attach_thread(thread)
    assert (group.tasks(), other.tasks()) == ([child], [thread])


def test_thread_with_the_io_context_of_its_child_moves_to_the_root_without_it(root, group, sharers):
    _, thread, child = sharers
    root.attach_thread(thread)
    assert group.tasks() == [child] and thread in root.tasks()


class Poller:
    """The kernel's own thread in a process, which polls a ring of io_uring."""

    def __init__(self, maker):
        self._maker = maker
        before = self._threads()
        self._ring = maker(libc.io_uring_with_thread)
        self.tid, = self._threads() - before
        self.pid = maker.pid

    def _threads(self):
        return set(map(int, os.listdir(f"/proc/{self._maker.pid}/task")))

    def close(self):
        self._maker(os.close, self._ring)
        wait_until(lambda: self.tid not in self._threads(), "the end of the kernel's thread")


@pytest.fixture
def poller(moved):
    """Made by the moved thread."""
    try:
        return Poller(moved)
    except OSError as error:
        if libc.errno_name(error.errno) in ("ENOSYS", "EPERM"):
            pytest.skip(f"no io_uring here: {error}")
        raise


def test_io_uring_thread_of_a_moved_thread_is_in_its_group(group, moved, poller):
    assert_members(group, moved, poller)


def test_io_uring_thread_is_moved_alone(group, other, moved, poller):
    other.attach_thread(poller)
    assert_members(group, moved)
    assert_members(other, poller)


def test_io_uring_thread_stays_when_its_maker_moves(hierarchy, agent, group, other, moved, poller):
    other.attach_thread(moved)
    assert_members(group, poller)
    assert_members(other, moved)
    poller.close()
    assert_members(group)
    assert agent.calls(hierarchy) == ["/g"]


# ---- pid namespaces ----

@pytest.fixture
def inner(task):
    """The first process of a pid namespace below ours."""
    task(libc.unshare, libc.CLONE_NEWUSER | libc.CLONE_NEWPID)
    return task.fork()


def test_ids_of_threads_are_those_of_the_reader(group, inner):
    thread = inner.thread_below()
    group.attach_thread(thread)
    assert_members(group, thread)
    assert thread.number == 2 != thread.tid
    assert [group.read(name, by=inner) for name in ("tasks", "cgroup.procs")] == [b"2\n", b"1\n"]


def test_id_of_a_thread_written_is_the_writers(root, group, inner):
    thread = inner.thread_below()
    group.attach_thread(thread.number, by=inner)
    assert_members(group, thread)
    assert_in_root(root, inner)


def test_0_written_by_a_thread_of_a_namespace_below(root, group, inner):
    thread = inner.thread_below()
    group.enter(thread)
    assert_members(group, thread)
    assert_in_root(root, inner)


def test_thread_of_a_namespace_above_is_esrch(group, inner, hierarchy):
    thread = hierarchy.task().thread()
    assert errno_of(group.attach_thread, thread, by=inner) == "ESRCH"
    assert_members(group)


def test_reader_of_a_namespace_below_sees_no_thread_of_above(group, inner, hierarchy):
    thread = hierarchy.task().thread()
    group.attach_thread(thread)
    assert_members(group, thread)
    assert [group.read(name, by=inner) for name in ("tasks", "cgroup.procs")] == [b"", b""]


# ---- who may move whom: a thread can have user ids of its own ----

@pytest.fixture
def open_group(root, admin):
    """Root's, whose lists everybody may write."""
    group = root.mkgroup("open", by=admin)
    for name in ("tasks", "cgroup.procs"):
        admin(os.chmod, group.file(name), 0o666)
    return group


by_root = pytest.mark.by_root


@by_root
@pytest.mark.parametrize("leader, thread, expected", [
    ((0,) * 3, (USER,) * 3, "ok"),
    ((0,) * 3, (USER, 0, 0), "ok"),
    ((0,) * 3, (0, 0, USER), "ok"),
    ((0,) * 3, (0, USER, 0), "EACCES"),
    ((0,) * 3, (OTHER,) * 3, "EACCES"),
    ((USER, 0, 0), (OTHER, 0, OTHER), "EACCES"),
    ((USER, 0, 0), (USER,) * 3, "ok"),
], ids=str)
def test_user_ids_of_the_thread_decide_about_it(hierarchy, open_group, leader, thread, expected):
    process = hierarchy.task(leader)
    moved = process.thread()
    moved(become_alone, thread)
    mover = hierarchy.task(USER)
    assert errno_of(open_group.attach_thread, moved, by=mover) == expected
    assert_members(open_group, *([moved] if expected == "ok" else []))


@by_root
@pytest.mark.parametrize("leader, thread, expected", [
    ((0,) * 3, (USER,) * 3, "EACCES"),
    ((OTHER,) * 3, (USER,) * 3, "EACCES"),
    ((USER,) * 3, (OTHER,) * 3, "ok"),
    ((USER,) * 3, (0,) * 3, "ok"),
], ids=str)
@pytest.mark.parametrize("written", ["pid", "tid"])
def test_user_ids_of_the_leader_decide_about_the_process(hierarchy, open_group, leader, thread,
                                                         expected, written):
    process = hierarchy.task((0,) * 3)
    second = process.thread()
    second(become_alone, thread)
    process(become_alone, leader)
    mover = hierarchy.task(USER)
    number = getattr(second, written)
    assert errno_of(open_group.write, "cgroup.procs", str(number), by=mover) == expected
    assert_members(open_group, *([process, second] if expected == "ok" else []))


@by_root
def test_effective_user_of_the_thread_that_opened_decides(hierarchy, open_group):
    """Not that of its process."""
    process = hierarchy.task((0,) * 3)
    opener = process.thread()
    opener(become_alone, (USER,) * 3)
    root_task, users_task = hierarchy.task((0,) * 3), hierarchy.task(USER)
    assert errno_of(open_group.attach_thread, root_task, by=opener) == "EACCES"
    assert errno_of(open_group.attach_thread, users_task, by=opener) == "ok"
    assert_members(open_group, users_task)


@pytest.mark.open_to_all
def test_thread_of_another_user_is_eacces(root, group, stranger):
    thread = stranger.thread()
    assert errno_of(group.attach_thread, thread) == "EACCES"
    assert_members(group)
    assert_in_root(root, stranger, thread)


# ---- groups with threads ----

def test_group_with_a_thread_is_renamed(hierarchy, agent, group, moved):
    group.rename("renamed")
    assert_members(group, moved)
    child = moved.fork()
    assert_members(group, moved, child)
    child.end()
    moved.exit()
    assert agent.calls(hierarchy) == ["/renamed"]


def test_group_with_a_thread_is_not_removed(hierarchy, agent, group, moved):
    assert errno_of(group.rmdir) == "EBUSY"
    assert_members(group, moved)
    assert agent.calls(hierarchy) == []


def test_parent_of_a_group_with_a_thread_is_not_removed(group, moved):
    # root/g/below
    below = group.mkgroup("below")
    below.attach_thread(moved)
    assert [errno_of(each.rmdir) for each in (group, below)] == ["EBUSY", "EBUSY"]


def test_group_that_a_thread_has_left_is_removed(root, group, other, moved):
    other.attach_thread(moved)
    assert [errno_of(each.rmdir) for each in (group, other)] == ["ok", "EBUSY"]


# ---- many ----

@pytest.fixture
def hundred(root, task):
    """{name: 10 threads}: 100 of one process, in ten groups."""
    groups = {f"g{number}": [task.thread() for _ in range(10)] for number in range(10)}
    for name, threads in groups.items():
        group = root.mkgroup(name).notify()
        for thread in threads:
            group.enter(thread)  # cheaper than by another, to the kernel
    return groups


def test_100_threads_in_10_groups_are_listed_and_gathered(hierarchy, root, agent, group, task,
                                                          hundred):
    for name, threads in hundred.items():
        assert_members(root.child(name), *threads)
    group.attach(task)
    assert_members(group, task, *sum(hundred.values(), []))
    assert [root.child(name).tasks() for name in hundred] == [[]] * 10
    assert agent.calls(hierarchy) == [f"/{name}" for name in sorted(hundred)]


def test_100_threads_that_end_at_once_release_their_10_groups(hierarchy, root, agent, task,
                                                              hundred):
    threads = sum(hundred.values(), [])
    for thread in threads:
        thread.start_exit()
    for thread in threads:
        thread.wait_gone()
    assert [root.child(name).tasks() for name in hundred] == [[]] * 10
    assert agent.calls(hierarchy) == [f"/{name}" for name in sorted(hundred)]
    assert_in_root(root, task)


def test_100_threads_that_end_with_their_process_release_their_10_groups(hierarchy, root, agent,
                                                                         task, hundred):
    task.end()
    assert [errno_of(root.child(name).rmdir) for name in hundred] == ["ok"] * 10
    assert agent.calls(hierarchy) == [f"/{name}" for name in sorted(hundred)]


# ---- what is ours alone ----

only_ours = pytest.mark.only("ours")


def releasable(*groups):
    return [int(group.read("releasable")) for group in groups]


def populated(*groups):
    return [int(group.read("cgroup.events").split()[1]) for group in groups]


@only_ours
def test_move_of_a_thread_sets_releasable_where_it_was(root, group, other, task, thread):
    group.attach(task)
    root.notify(0)
    other.attach_thread(thread)
    assert releasable(root, group, other) == [0, 1, 0]


@only_ours
def test_move_of_a_thread_out_of_the_root_sets_its_bit(root, group, thread):
    assert releasable(root) == [0]
    group.attach_thread(thread)
    assert releasable(root, group) == [1, 0]


@only_ours
def test_move_of_a_process_sets_releasable_in_each_group_that_a_thread_left(root, group, spread):
    assert releasable(*map(root.child, "abc")) == [0, 0, 0]
    group.attach(spread[0])
    assert releasable(group, *map(root.child, "abc")) == [0, 1, 1, 1]


@only_ours
def test_group_gathered_into_is_not_releasable(root, spread):
    root.child("b").attach(spread[0])
    assert releasable(*map(root.child, "abc")) == [1, 0, 1]


@only_ours
@pytest.mark.parametrize("flag", [0, 1])
def test_exit_of_the_last_thread_sets_releasable_if_the_flag_is_on(group, moved, flag):
    group.notify(flag)
    moved.exit()
    assert releasable(group) == [flag]


@only_ours
def test_exit_of_one_of_two_threads_does_not_set_releasable(group, task, moved):
    group.attach_thread(task.thread())
    moved.exit()
    assert releasable(group) == [0]


@only_ours
def test_thread_already_there_does_not_set_releasable(group, moved):
    group.attach_thread(moved)
    assert releasable(group) == [0]


@only_ours
def test_ended_leader_written_to_tasks_does_not_set_releasable(root, group, other, task, thread):
    group.attach(task)
    task.exit_leader()
    root.notify(0)
    other.attach_thread(task)
    assert releasable(root, group, other) == [0, 0, 0]


@only_ours
def test_exec_by_a_thread_sets_releasable_of_the_leaders_group(hierarchy, group, other, task,
                                                               thread):
    group.attach_thread(task)
    other.attach_thread(thread)
    thread.exec(hierarchy.programs["shapes"])
    assert releasable(group, other) == [1, 0]


@only_ours
def test_events_tell_a_single_thread(group, other, moved):
    assert populated(group, other) == [1, 0]
    other.attach_thread(moved)
    assert populated(group, other) == [0, 1]
    moved.exit()
    assert populated(group, other) == [0, 0]


@only_ours
def test_kill_of_a_group_with_a_thread_ends_its_process(hierarchy, root, agent, spread):
    """SIGKILL to a thread is to its process."""
    root.child("b").write("cgroup.kill", "1")
    spread[0].wait_dead()
    assert [root.child(name).tasks() for name in "abc"] == [[], [], []]
    assert agent.calls(hierarchy) == ["/a", "/b", "/c"]


@only_ours
def test_kill_of_a_group_with_an_ended_leader_alone_ends_nothing(group, other, task, thread):
    group.attach_thread(task)
    other.attach_thread(thread)
    task.exit_leader()
    group.write("cgroup.kill", "1")
    assert thread(os.getpid) == task.pid
    assert_members(other, thread)


@only_ours
def test_kill_by_a_member_thread_ends_its_own_process(group, task, moved):
    moved.start(write_once, group.file("cgroup.kill"), b"1")
    task.wait_dead()
    assert_members(group)


BEST_EFFORT, IDLE = 2, 3
IO_PRIORITIES = pytest.mark.parametrize("priority", [None, BEST_EFFORT << 13 | 2, IDLE << 13],
                                        ids=["default", "best-effort", "idle"])


@pytest.fixture
def carriers(sandbox):
    """What the membership of tasks may be written on."""
    def read(*tasks):
        limits = [[sandbox.user(resource.prlimit, task.pid, which) for task in tasks]
                  for which in (libc.RLIMIT_LOCKS, resource.RLIMIT_RSS)]
        return list(zip(*limits, [libc.io_priority(task.tid) for task in tasks]))
    return read


def io_priority_in_force(tid):
    """(class, level): what was never set follows from the priority for the CPU."""
    value = libc.io_priority(tid)
    if value >> 13 == 0:
        return BEST_EFFORT, (os.getpriority(os.PRIO_PROCESS, tid) + 20) // 5
    return value >> 13, value & 7


@only_ours
@IO_PRIORITIES
def test_thread_in_a_group_keeps_its_io_priority(group, thread, priority):
    if priority:
        thread(libc.set_io_priority, priority)
    before = io_priority_in_force(thread.tid)
    group.attach_thread(thread)
    assert io_priority_in_force(thread.tid) == before


@only_ours
@IO_PRIORITIES
def test_thread_moved_back_to_the_root_is_as_it_was(root, group, task, thread, carriers, priority):
    if priority:
        thread(libc.set_io_priority, priority)
    before = carriers(task, thread)
    group.attach_thread(thread)
    root.attach_thread(thread)
    assert carriers(task, thread) == before


@only_ours
def test_threads_gathered_in_the_root_are_as_they_were(root, group, task, carriers):
    threads = [task, task.thread(), task.thread()]
    before = carriers(*threads)
    for name, thread in zip("abc", threads):
        root.mkgroup(name).attach_thread(thread)
    group.attach(task)
    root.attach(task)
    assert carriers(*threads) == before


@only_ours
def test_end_of_the_mount_leaves_threads_as_they_were(hierarchy, group, task, carriers):
    hierarchy.allowed_log = ["populated"]
    thread = task.thread()
    before = carriers(task, thread)
    group.attach_thread(thread)
    late = thread.thread()
    assert hierarchy.end_daemon() == 0
    assert carriers(task, thread, late) == [*before, before[1]]
