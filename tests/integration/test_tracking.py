# SPDX-License-Identifier: MIT
"""cgroup.tracking, and the marks by which tasks are followed (ucgroupfs(8), TRACKING)."""

import os
import resource
import select
import signal

import pytest

from support import container, libc, mounts
from support.group import errno_of
from support.waiting import wait_until

pytestmark = pytest.mark.only("ours")

IN, PRI, OUT, ERR, RDNORM, WRNORM = 0x1, 0x2, 0x4, 0x8, 0x40, 0x100
READY = IN | OUT | RDNORM | WRNORM
CHANGED = READY | ERR | PRI

NONE, BEST_EFFORT, IDLE = 0, 2 << 13, 3 << 13
SOMEBODY_ELSES = BEST_EFFORT | 700 << 3 | 4
MARKER = 0x7563


def tracking(group):
    return group.read("cgroup.tracking").decode()


# ---- what tasks do to themselves ----

def lose_limit():
    for kind in (libc.RLIMIT_LOCKS, resource.RLIMIT_RSS):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (hard, hard))


def lose_hint():
    libc.set_io_priority(NONE)


def lose_both():
    lose_limit()
    lose_hint()


def lower_limits():
    for kind in (libc.RLIMIT_LOCKS, resource.RLIMIT_RSS):
        resource.setrlimit(kind, (100, 100))


# ---- what the test knows of them ----

def limits(task):
    """Root may lack the capability to ask for another's."""
    return [task(resource.getrlimit, kind) for kind in (libc.RLIMIT_LOCKS, resource.RLIMIT_RSS)]


def is_marked(task):
    return [soft >> 48 == MARKER for soft, _ in limits(task)]


def hint(task):
    return libc.io_priority(task.tid) >> 3 & 1023


def state(*tasks):
    """All that is to be given back."""
    return [(limits(task), libc.io_priority(task.tid)) for task in tasks]


# ---- fixtures ----

@pytest.fixture
def group(root):
    return root.mkgroup("g")


@pytest.fixture
def other(root):
    return root.mkgroup("h")


@pytest.fixture
def member(group, task):
    group.attach(task)
    return task


@pytest.fixture
def hinted(hierarchy):
    """A process with a hint that is not ours."""
    task = hierarchy.task()
    task(libc.set_io_priority, SOMEBODY_ELSES)
    return task


@pytest.fixture
def lowered(hierarchy):
    """A process whose limits have no room for a marker."""
    task = hierarchy.task()
    task(lower_limits)
    return task


@pytest.fixture
def another(hierarchy):
    """Mounts one more hierarchy of the same user."""
    mounted = []

    def mount():
        new = mounts.OurHierarchy(hierarchy.sandbox, hierarchy.programs)
        new.allowed_log = ["populated"]
        mounted.append(new)
        new.start()
        return new

    yield mount
    for each in mounted:
        each.stop()


def kill_server(hierarchy):
    """Its marks stay as they are."""
    os.kill(hierarchy.servers()[1], signal.SIGKILL)
    assert hierarchy.daemon.wait(20) == 1
    wait_until(lambda: not mounts.is_mounted(hierarchy.path), "the end of the mount")
    hierarchy.daemon = None


# ---- exact ----

@pytest.mark.quick
def test_new_group_is_exact(group):
    assert tracking(group) == "exact\n"


def test_root_of_an_empty_tree_is_exact(root):
    assert tracking(root) == "exact\n"


@pytest.mark.quick
def test_group_with_a_process_and_its_children_is_exact(group, member):
    member.fork().fork()
    assert tracking(group) == "exact\n"


def test_group_with_a_process_of_several_threads_is_exact(group, member):
    member.thread()
    thread = member.thread()
    thread.fork()
    assert tracking(group) == "exact\n"


def test_process_that_had_its_threads_before_is_exact(group, task):
    threads = [task.thread(), task.thread()]
    group.attach(task)
    assert tracking(group) == "exact\n"
    assert {hint(each) for each in threads} == {hint(task)}


def test_group_is_exact_after_all_have_ended(group, member):
    member.exit()
    assert tracking(group) == "exact\n"


def test_orphan_is_exact(group, member):
    member.fork().fork()
    member.exit()
    assert tracking(group) == "exact\n"


def test_file_of_a_removed_group_is_enodev(hierarchy, group):
    descriptor = group.open("cgroup.tracking", os.O_RDONLY)
    group.rmdir()
    assert errno_of(hierarchy.user, os.read, descriptor, 100) == "ENODEV"


# ---- no-hint ----

@pytest.mark.quick
@pytest.mark.arguments("--without=io-hints")
def test_without_hints_each_process_is_no_hint(hierarchy, group, member):
    assert tracking(group) == "no-hint 1\n"
    member.fork()
    assert tracking(group) == "no-hint 2\n"
    member.exit()
    assert tracking(group) == "no-hint 1\n"
    hierarchy.sleeper_in(group).end()
    assert tracking(group) == "no-hint 1\n"


def test_process_with_a_hint_of_somebody_else_is_no_hint(group, hinted, member):
    group.attach(hinted)
    assert tracking(group) == "no-hint 1\n"
    assert libc.io_priority(hinted.tid) == SOMEBODY_ELSES
    hinted.exit()
    assert tracking(group) == "exact\n"


def test_no_hint_goes_with_the_process(group, other, hinted):
    group.attach(hinted)
    other.attach(hinted)
    assert (tracking(group), tracking(other)) == ("exact\n", "no-hint 1\n")


# ---- no-marker ----

@pytest.mark.quick
def test_single_thread_is_no_marker(group, task):
    thread = task.thread()
    group.attach_thread(thread)
    assert tracking(group) == "no-marker 1\n"
    thread.exit()
    assert tracking(group) == "exact\n"


def test_each_single_thread_counts(group, task):
    for count in range(1, 4):
        group.attach_thread(task.thread())
        assert tracking(group) == f"no-marker {count}\n"


def test_child_of_a_single_thread_has_both_marks(group, task):
    thread = task.thread()
    group.attach_thread(thread)
    child = thread.fork()
    assert tracking(group) == "no-marker 1\n"
    assert any(is_marked(child)) and hint(child)
    thread.exit()
    assert tracking(group) == "exact\n"


def test_rest_of_a_process_keeps_both_marks(group, other, member):
    thread = member.thread()
    other.attach_thread(thread)
    assert (tracking(group), tracking(other)) == ("unseen-exit 1\n", "no-marker 1\n")


def test_gathered_process_is_exact(group, other, task):
    group.attach_thread(task.thread())
    other.attach(task)
    assert (tracking(group), tracking(other)) == ("exact\n", "exact\n")


def test_process_with_lowered_hard_limits_is_no_marker(group, lowered, member):
    group.attach(lowered)
    assert tracking(group) == "no-marker 1\n"
    child = lowered.fork()
    assert tracking(group) == "no-marker 2\n"
    lowered.exit()
    child.exit()
    assert tracking(group) == "exact\n"


# ---- unmarked ----

@pytest.mark.quick
def test_member_that_has_reset_both_is_unmarked(group, member):
    assert tracking(group) == "exact\n"
    member(lose_both)
    assert tracking(group) == "unmarked 1\n"
    assert group.tasks() == [member.pid]
    member.exit()
    assert tracking(group) == "exact\n"


def test_unmarked_member_is_marked_again_by_a_move(group, other, member):
    member(lose_both)
    assert tracking(group) == "unmarked 1\n"
    other.attach(member)
    assert (tracking(group), tracking(other)) == ("exact\n", "exact\n")


def test_child_of_an_unmarked_member_is_marked(group, member):
    member(lose_both)
    assert tracking(group) == "unmarked 1\n"
    child = member.fork()
    assert sorted(group.procs()) == sorted([member.pid, child.pid])
    assert tracking(group) == "unmarked 1\n"
    member.exit()
    assert tracking(group) == "exact\n"
    assert group.procs() == [child.pid]


@pytest.mark.quick
@pytest.mark.needs("forks")
def test_orphan_of_an_unmarked_member_is_marked(group, member):
    """Nobody has looked as long as its parent lived: the kernel tells of forks."""
    member(lose_both)
    assert tracking(group) == "unmarked 1\n"
    child = member.fork()
    orphan = child.fork()
    member.exit()
    child.exit()
    assert group.procs() == [orphan.pid]
    assert tracking(group) == "exact\n"


@pytest.mark.arguments("--without=fork-events")
def test_without_fork_events_children_are_taken_in_by_looks(hierarchy, group, member):
    member(lose_both)
    assert tracking(group) == "unmarked 1\n"
    child = member.fork()
    wait_until(lambda: any(is_marked(child)), "the child to be looked at")
    member.exit()
    assert group.procs() == [child.pid]


def test_unmarked_member_keeps_its_group_until_it_ends(hierarchy, agent, group, member):
    group.notify()
    member(lose_both)
    assert tracking(group) == "unmarked 1\n"
    assert errno_of(group.rmdir) == "EBUSY"
    member.exit()
    assert agent.calls(hierarchy) == ["/g"]


# ---- what comes back ----

@pytest.mark.quick
@pytest.mark.parametrize("lose", [lose_limit, lose_hint])
def test_one_lost_mark_comes_back_with_a_read(group, member, lose):
    before = state(member)
    member(lose)
    assert state(member) != before
    assert tracking(group) == "exact\n"
    assert any(is_marked(member)) and hint(member)


@pytest.mark.parametrize("lose", [lose_limit, lose_hint])
def test_child_of_one_that_lost_a_mark_is_in_the_group(group, member, lose):
    member(lose)
    child = member.fork()
    member.exit()
    assert group.procs() == [child.pid]
    assert tracking(group) == "exact\n"


# ---- unseen-exit ----

@pytest.mark.quick
def test_leader_moved_alone_is_an_unseen_exit(group, task):
    task.thread()
    group.attach_thread(task)
    assert tracking(group) == "no-marker 1\nunseen-exit 1\n"
    task.exit_leader()
    assert tracking(group) == "exact\n"


def test_another_member_makes_the_exit_seen(hierarchy, group, task):
    task.thread()
    group.attach_thread(task)
    sleeper = hierarchy.sleeper_in(group)
    assert tracking(group) == "no-marker 1\n"
    sleeper.end()
    assert tracking(group) == "no-marker 1\nunseen-exit 1\n"


def test_unseen_exit_releases_nevertheless(hierarchy, agent, group, task):
    task.thread()
    group.notify().attach_thread(task)
    task.exit_leader()
    assert agent.next()


# ---- unproved ----

def put_marks(on, of):
    """Anybody may write them on himself."""
    soft, _ = limits(of)[0]
    _, hard = limits(on)[0]
    on(resource.setrlimit, libc.RLIMIT_LOCKS, (soft, hard))
    on(libc.set_io_priority, libc.io_priority(of.tid))


@pytest.mark.needs("users")
def test_orphan_of_another_user_with_the_marks_is_unproved(group, member, stranger):
    child = stranger.fork()
    put_marks(child, member)
    stranger.exit()
    assert sorted(group.procs()) == sorted([member.pid, child.pid])
    assert tracking(group) == "unproved 1\n"
    child.exit()
    assert tracking(group) == "exact\n"


@pytest.mark.needs("users")
def test_child_of_another_user_with_forged_marks_is_no_member(group, member, stranger):
    child = stranger.fork()
    put_marks(child, member)
    assert group.procs() == [member.pid]
    assert tracking(group) == "exact\n"
    assert container.living(child.pid)


# ---- several, and the root ----

def test_each_reason_has_a_line(group, member, hinted, lowered):
    group.attach(hinted)
    group.attach(lowered)
    member(lose_both)
    assert tracking(group) == "no-hint 1\nno-marker 1\nunmarked 1\n"


@pytest.mark.quick
def test_root_says_the_sums(root, group, other, hinted, lowered, task):
    group.attach(hinted)
    other.attach(hinted.fork())
    other.attach(lowered)
    below = other.mkgroup("below")
    below.attach(task)
    assert tracking(root) == "no-hint 2\nno-marker 1\n"
    assert tracking(below) == "exact\n"
    lowered.exit()
    hinted.exit()
    assert tracking(group) == "exact\n"
    assert tracking(root) == "no-hint 1\n"


def test_groups_below_do_not_count(group, hinted):
    group.mkgroup("below").attach(hinted)
    assert tracking(group) == "exact\n"


# ---- poll ----

@pytest.fixture
def watched(hierarchy):
    """A descriptor of the file, read, and what poll says of it."""
    def watch(group):
        descriptor = group.open("cgroup.tracking", os.O_RDONLY)
        hierarchy.user(os.read, descriptor, 200)

        def poll():
            return hierarchy.user(libc.poll_now, descriptor)

        def read():
            return hierarchy.user(os.pread, descriptor, 200, 0).decode()
        poll.read = read
        return poll
    return watch


def test_unread_file_polls_as_changed(hierarchy, group):
    descriptor = group.open("cgroup.tracking", os.O_RDONLY)
    assert hierarchy.user(libc.poll_now, descriptor) == CHANGED


@pytest.mark.quick
def test_poll_tells_a_change(group, watched, hinted):
    poll = watched(group)
    assert poll() == READY
    group.attach(hinted)
    wait_until(lambda: poll() == CHANGED, "news of the member")
    assert poll.read() == "no-hint 1\n"
    assert poll() == READY
    hinted.exit()
    wait_until(lambda: poll() == CHANGED, "news of its end")
    assert poll.read() == "exact\n"
    assert poll() == READY


def test_poll_tells_nothing_of_whole_members(hierarchy, group, watched, member):
    poll = watched(group)
    hierarchy.sleeper_in(group).end()
    member.fork()
    assert len(group.procs()) == 2
    assert tracking(group) == "exact\n"
    assert poll() == READY


def test_poll_tells_nothing_of_other_groups(group, other, watched, hinted):
    poll = watched(group)
    other.attach(hinted)
    assert tracking(other) == "no-hint 1\n"
    assert poll() == READY


def test_poll_of_the_root_tells_of_each_group(root, group, watched, hinted):
    poll = watched(root)
    group.attach(hinted)
    wait_until(lambda: poll() == CHANGED, "news in the root")
    assert poll.read() == "no-hint 1\n"


def wait_for_news(descriptor):
    poller = select.poll()
    poller.register(descriptor, select.POLLPRI)
    return poller.poll(20000)[0][1] & (PRI | ERR)


def open_and_read(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.read(descriptor, 200)
    return descriptor


def test_poll_wakes_who_waits(hierarchy, group, hinted):
    waiter = hierarchy.task()
    descriptor = waiter(open_and_read, group.file("cgroup.tracking"))
    waiter.start(wait_for_news, descriptor)
    wait_until(lambda: waiter.state() == "S", "the waiter to wait")
    group.attach(hinted)
    assert waiter.finish() == PRI | ERR


# ---- what is given back ----

def prepare(priority, nice, soft):
    os.nice(nice)
    libc.set_io_priority(priority)
    _, hard = resource.getrlimit(libc.RLIMIT_LOCKS)
    resource.setrlimit(libc.RLIMIT_LOCKS, (hard if soft is None else soft, hard))


STATES = {"nothing": (NONE, 0, None), "limit": (NONE, 0, 4711), "nice": (NONE, 5, None),
          "best-effort": (BEST_EFFORT | 1, 0, 4711), "idle": (IDLE, 0, None)}


@pytest.fixture(params=STATES)
def prepared(request, task):
    task(prepare, *STATES[request.param])
    return task


@pytest.mark.quick
def test_move_to_the_root_gives_all_back(root, group, prepared):
    before = state(prepared)
    group.attach(prepared)
    assert any(is_marked(prepared)) and hint(prepared)
    root.attach(prepared)
    assert state(prepared) == before


def test_unmount_gives_all_back(hierarchy, group, prepared):
    hierarchy.expected_log = ["populated"]
    before = state(prepared)
    group.attach(prepared)
    assert hierarchy.end_daemon() == 0
    assert state(prepared) == before


def test_move_of_a_single_thread_to_the_root_gives_all_back(root, group, prepared):
    thread = prepared.thread()
    before = state(prepared, thread)
    group.attach_thread(thread)
    assert hint(thread) and not hint(prepared)
    root.attach_thread(thread)
    assert state(prepared, thread) == before


def test_unmount_gives_all_back_to_threads_in_several_groups(hierarchy, group, other, prepared):
    hierarchy.expected_log = ["populated"]
    thread = prepared.thread()
    before = state(prepared, thread)
    group.attach_thread(thread)
    other.attach_thread(prepared)
    assert hierarchy.end_daemon() == 0
    assert state(prepared, thread) == before


def test_unmount_gives_all_back_to_children(hierarchy, group, member):
    hierarchy.expected_log = ["populated"]
    child = member.fork()
    assert hierarchy.end_daemon() == 0
    assert not any(is_marked(child)) and not hint(child)


def test_end_of_the_last_single_thread_gives_all_back_to_the_rest(group, prepared):
    thread = prepared.thread()
    before = state(prepared)
    group.attach_thread(thread)
    assert state(prepared) != before
    thread.exit()
    assert group.tasks() == []
    wait_until(lambda: state(prepared) == before, "limit and I/O priority of before")


# ---- several hierarchies ----

@pytest.mark.quick
def test_two_hierarchies_hold_the_same_process(group, member, another):
    second = another().root.mkgroup("s")
    second.attach(member)
    child = member.fork()
    both = sorted([member.pid, child.pid])
    assert (sorted(group.procs()), sorted(second.procs())) == (both, both)
    assert (tracking(group), tracking(second)) == ("exact\n", "no-hint 2\n")


def test_end_of_a_process_releases_it_in_both(hierarchy, agent, group, member, another):
    second = another()
    its_agent = second.use_agent()
    second.root.mkgroup("s").notify().attach(member)
    group.notify()
    member.exit()
    assert agent.calls(hierarchy) == ["/g"]
    assert its_agent.calls(second) == ["/s"]


@pytest.mark.parametrize("first_out", ["first", "second"])
def test_both_give_back_what_was_there(root, group, task, another, first_out):
    task(prepare, BEST_EFFORT | 1, 0, 4711)
    before = state(task)
    second = another()
    group.attach(task)
    second.root.mkgroup("s").attach(task)
    order = [root, second.root] if first_out == "first" else [second.root, root]
    for each in order:
        each.attach(task)
    assert state(task) == before


def test_one_leaves_the_marks_of_the_other(group, member, another):
    second = another()
    before = state(member)
    second.root.mkgroup("s").attach(member)
    second.root.attach(member)
    assert state(member) == before
    assert tracking(group) == "exact\n"


@pytest.mark.quick
def test_third_hierarchy_is_ebusy_and_says_so_once(group, member, another):
    another().root.mkgroup("s").attach(member)
    third = another()
    third.expected_log = [f"can't move process {member.pid}: .* two other hierarchies"]
    its = third.root.mkgroup("t")
    before = state(member)
    assert errno_of(its.attach, member) == "EBUSY"
    assert its.procs() == []
    assert state(member) == before
    assert len(third.log().splitlines()) == 1


def test_second_hierarchy_is_refused_single_threads(group, member, another):
    thread = member.thread()
    assert tracking(group) == "exact\n"
    second = another()
    second.allowed_log = ["can't move", "populated"]
    its = second.root.mkgroup("s")
    assert errno_of(its.attach_thread, thread) == "EBUSY"
    assert its.tasks() == []
    assert sorted(group.tasks()) == sorted([member.tid, thread.tid])


# ---- dead hierarchies ----

@pytest.mark.quick
def test_marks_of_a_killed_daemon_are_written_over(hierarchy, group, member, another):
    kill_server(hierarchy)
    assert any(is_marked(member)) and hint(member)
    its = another().root.mkgroup("n")
    its.attach(member)
    assert its.procs() == [member.pid]
    assert tracking(its) == "exact\n"


def test_marks_of_two_killed_daemons_are_written_over(hierarchy, group, member, another):
    second = another()
    second.root.mkgroup("s").attach(member)
    kill_server(hierarchy)
    kill_server(second)
    assert is_marked(member) == [True, True]
    third = another().root.mkgroup("t")
    third.attach(member)
    child = member.fork()
    assert sorted(third.procs()) == sorted([member.pid, child.pid])
    assert tracking(third) == "exact\n"


def test_beside_a_living_one_a_dead_one_is_written_over(hierarchy, group, member, another):
    second = another()
    its = second.root.mkgroup("s")
    its.attach(member)
    kill_server(hierarchy)
    third = another().root.mkgroup("t")
    third.attach(member)
    assert (its.procs(), third.procs()) == ([member.pid], [member.pid])


def test_marks_of_a_living_one_are_not_written_over(group, member, another):
    before = state(member)
    another().root.mkgroup("s").attach(member)
    (locks, _), priority = state(member)[0]
    assert (locks, priority) == (before[0][0][0], before[0][1])


def test_after_a_dead_one_the_limit_is_as_high_as_it_may_be(hierarchy, member, another):
    kill_server(hierarchy)
    new = another()
    new.root.mkgroup("n").attach(member)
    new.root.attach(member)
    assert [soft for soft, _ in limits(member)] == [hard for _, hard in limits(member)]
    assert libc.io_priority(member.tid) == NONE


def test_keeper_and_server_killed_at_once_leave_a_dead_hierarchy(hierarchy, member, another):
    keeper, server = hierarchy.servers()
    for pid in (keeper, server):
        os.kill(pid, signal.SIGSTOP)
    for pid in (server, keeper):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not container.living(server), "the end of the server")
    hierarchy.daemon.wait()
    hierarchy.sandbox.detach(hierarchy.path)
    hierarchy.daemon = None
    its = another().root.mkgroup("n")
    its.attach(member)
    assert tracking(its) == "exact\n"


def registry(hierarchy):
    folder = os.path.join(os.environ["XDG_RUNTIME_DIR"], f"ucgroupfs-{hierarchy.sandbox.uid}")
    return set(os.listdir(folder)) if os.path.isdir(folder) else set()


def test_registry_has_a_file_as_long_as_the_daemon_lives(hierarchy, another):
    before = registry(hierarchy)
    second = another()
    added = registry(hierarchy) - before
    assert len(added) == 1
    assert second.end_daemon() == 0
    assert registry(hierarchy) == before


@pytest.fixture
def no_registry(sandbox, monkeypatch):
    """Every place for the user's folder is somebody else's."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", sandbox.folder())
    taken = [os.path.join(os.environ["XDG_RUNTIME_DIR"], f"ucgroupfs-{sandbox.uid}"),
             f"/tmp/ucgroupfs-{sandbox.uid}"]
    for path in taken:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    yield
    for path in taken:
        os.unlink(path)


@pytest.mark.needs("system")
def test_without_a_place_for_the_registry_it_says_so_and_goes_on(no_registry, sandbox, programs,
                                                                 processes):
    hierarchy = mounts.OurHierarchy(sandbox, programs)
    hierarchy.expected_log = ["can't register in XDG_RUNTIME_DIR, /run or /tmp: "]
    with mounts.started(hierarchy):
        group = hierarchy.root.mkgroup("g")
        sleeper = hierarchy.sleeper_in(group)
        assert group.procs() == [sleeper.pid]
        assert tracking(group) == "exact\n"
        assert len(hierarchy.log().splitlines()) == 1


# ---- single threads without the means ----

def check_thread_is_refused(hierarchy, group, task):
    thread = task.thread()
    hierarchy.expected_log = [f"can't move task {thread.tid} alone"]
    before = state(task, thread)
    assert errno_of(group.attach_thread, thread) == "EOPNOTSUPP"
    assert group.tasks() == []
    assert state(task, thread) == before
    assert len(hierarchy.log().splitlines()) == 1
    group.attach(task)
    assert sorted(group.tasks()) == sorted([task.tid, thread.tid])
    child = thread.fork()
    assert sorted(group.procs()) == sorted([task.pid, child.pid])


@pytest.mark.quick
@pytest.mark.arguments("--without=thread-pidfd")
def test_without_pidfds_of_threads_single_ones_are_refused(hierarchy, group, task):
    check_thread_is_refused(hierarchy, group, task)


@pytest.mark.arguments("--without=io-hints")
def test_without_hints_single_threads_are_refused(hierarchy, group, task):
    check_thread_is_refused(hierarchy, group, task)


@pytest.mark.arguments("--without=io-hints")
def test_without_hints_the_only_thread_of_a_process_moves(group, task):
    group.attach_thread(task)
    assert group.tasks() == [task.tid]
