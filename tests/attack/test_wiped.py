# SPDX-License-Identifier: MIT
"""Jobs whose processes lose or change whatever marks them: to the kernel they are members still."""

import os
import shutil

import pytest

from job import Forger
from loads import QUIET_AND_LOADED, QUIET_AND_LONG_LOADED, shapes_under_loads
from rounds import LaunchedRound, MixedRound, Round, UnmarkedRound, put_copy
from support import libc

WIPES = ("limits", "lowered", "ionice")
PROGRAMS = ("setgid", "setuid", "setuid-root", "setuid-other")
COMMANDS = {"su": "su", "su-root": "su", "sudo": "sudo", "runuser": "runuser"}

# Who one is need not be proved; what the session does to limits is as installed.
PAM = "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n" \
      "session required pam_limits.so\n"
SUDOERS = "ALL ALL = (ALL) NOPASSWD: ALL\n"


@pytest.fixture
def open_doors(sandbox):
    """su and sudo let everybody in, in the test run's own mount namespace."""
    if not sandbox.is_root:
        pytest.skip("only root lets everybody in")
    texts = {"/etc/pam.d/su": PAM, "/etc/pam.d/sudo": PAM, "/etc/sudoers": SUDOERS}
    bound = [path for path in texts if os.path.exists(path)]
    for path in bound:
        own = os.path.join(sandbox.folder(), "text")
        with open(own, "w", encoding="utf-8") as file:
            file.write(texts[path])
        os.chown(own, 0, 0)
        os.chmod(own, 0o440 if path == "/etc/sudoers" else 0o644)
        libc.mount(own, path, None, libc.MS_BIND)
    yield
    for path in bound:
        libc.umount(path, libc.MNT_DETACH)  # sudo may hold its file still


def put_copies(job, program):
    """Of the attack, setuid and setgid of root."""
    for name, mode in (("setuid", 0o4755), ("setgid", 0o2755)):
        put_copy(os.path.join(job.folder, name), program, mode)


@shapes_under_loads(WIPES, loaded=("lowered",))
def test_members_that_reset_what_was_set(judge, load, rounds, shape):
    for _ in range(rounds):
        attack = Round(judge, shape, chains=5, hops=12)
        attack.go_on(looks=4)
        attack.finish()


@QUIET_AND_LONG_LOADED
@pytest.mark.parametrize("shape", WIPES)
def test_single_member_that_resets_what_was_set(judge, load, rounds, shape):
    for _ in range(rounds):
        attack = Round(judge, shape, chains=1, hops=50)
        attack.go_on(looks=4)
        attack.finish()


@pytest.mark.attack("unmarked")
@QUIET_AND_LOADED
@pytest.mark.parametrize("shape", ["fork", "twins", "session", "daemon", "spawn", "vfork", "leader",
                                   "thread-exec"])
def test_chains_that_can_not_be_marked(judge, load, rounds, shape, sandbox):
    """Without other marks than their births."""
    if not sandbox.is_root:
        pytest.skip("only root makes a program setuid root")
    for _ in range(rounds):
        attack = UnmarkedRound(judge, shape, chains=3, hops=60)
        attack.go_on(looks=4)
        attack.finish()


@pytest.mark.attack("launched")
@pytest.mark.arguments("--without=fork-events,io-hints")
@QUIET_AND_LOADED
def test_members_without_marks_below_a_launcher(kernel_judge, load, rounds):
    """Nothing tells of them but their ancestors."""
    for _ in range(rounds):
        attack = LaunchedRound(kernel_judge, "wiped", chains=5, hops=40)
        attack.go_on(looks=4)
        attack.finish()


@shapes_under_loads(("copy",), loaded=("copy",))
def test_members_that_copy_those_of_another_group(judge, load, rounds, shape):
    """The other group neither gains them nor is it released later for them."""
    for _ in range(rounds):
        other = judge.pair()
        victim = judge.ours.sleeper()
        other.attach(victim.pid)
        attack = Round(judge, shape, chains=5, hops=12,
                       prepare=lambda job, pid=victim.pid: job.board.show_victim(pid))
        for hop in (20, 40):
            attack.run_until(hop)
            attack.pause_and_look()
            judge.look_at_sleepers(other, victim)
            attack.board.open_gate()
        attack.go_on(looks=1)
        attack.finish()
        judge.look_at_sleepers(other, victim)
        victim.end()
        judge.await_release(other)


@pytest.mark.attack("forge")
@QUIET_AND_LOADED
def test_other_users_that_copy_those_of_a_member(judge, load, rounds, sandbox, attack_programs):
    """They are listed nowhere, and the group is released although they live on."""
    if not sandbox.is_root:
        pytest.skip("only root has processes of two users")
    for _ in range(rounds):
        pair = judge.pair()
        victim = judge.ours.sleeper()
        pair.attach(victim.pid)
        forger = Forger(sandbox, attack_programs, victim.pid)
        forger.fork()
        judge.look_at_sleepers(pair, victim)
        victim.end()
        forger.fork()
        judge.await_release(pair)
        forger.end()
        judge.count("rounds")
        judge.count("forks", 2)


@pytest.mark.attack("forge-adopted")
@QUIET_AND_LOADED
def test_other_users_whom_root_might_have_adopted_are_said_to_be_unproved(judge, load, rounds, sandbox,
                                                                          attack_programs):
    """Their parent could be the reaper of the orphans of a member: nobody can tell."""
    if not sandbox.is_root:
        pytest.skip("only root has processes of two users")
    for _ in range(rounds):
        pair = judge.pair()
        victim = judge.ours.sleeper()
        pair.attach(victim.pid)
        forger = Forger(sandbox, attack_programs, victim.pid, "forge-adopted")
        assert pair.ours.read("cgroup.tracking") == b"unproved 1\n"
        forger.end()
        assert pair.ours.read("cgroup.tracking") == b"exact\n"
        judge.look_at_sleepers(pair, victim)
        victim.end()
        judge.await_release(pair)
        judge.count("rounds")


@shapes_under_loads(PROGRAMS, loaded=("setgid", "setuid-other"))
def test_programs_of_root(judge, load, rounds, shape, sandbox, attack_programs):
    if not sandbox.is_root:
        pytest.skip("only root makes a program setuid root")
    for _ in range(rounds):
        attack = Round(judge, shape, chains=5, hops=12,
                       prepare=lambda job: put_copies(job, attack_programs["attack"]))
        attack.go_on(looks=4)
        attack.finish()


@shapes_under_loads(COMMANDS, loaded=("su", "sudo"))
def test_changes_of_user(kernel_judge, load, rounds, shape, sandbox, attack_programs, open_doors):
    if shutil.which(COMMANDS[shape]) is None:
        pytest.skip(f"{COMMANDS[shape]} is not installed")
    for _ in range(rounds):
        attack = MixedRound(kernel_judge, shape, chains=3, hops=6,
                            prepare=lambda job: put_copies(job, attack_programs["attack"]))
        attack.go_on(looks=3)
        attack.finish()
