# SPDX-License-Identifier: MIT
"""All attacks: name and what is done.  A name that is a shape of programs/chain.c is a chain of
processes that does so again and again."""

ATTACKS = {
    # test_chains.py
    "fork": "each process forks the next and ends",
    "twins": "forks two, of which one ends at once",
    "sibling": "the child is the sibling of who forks (CLONE_PARENT)",
    "session": "each is a session of its own",
    "daemon": "double fork with a session in between",
    "spawn": "posix_spawn",
    "vfork": "vfork and exec",
    "leader": "forks by a thread whose leader has exited",
    "thread-exec": "exec by a thread that is not the leader",
    "namespaces": "chains in user and pid namespaces, up to three deep",
    "mixed": "all of these in random order",
    "set-tid": "root chooses pids with clone3",
    "watched": "somebody reads the lists without pause",
    "long": "chains of thousands of hops",
    "killed": "SIGKILL of 150 at once, paused or forking",
    "cycle": "pids go round several times between two looks, by forks that fail",
    "burn": "a member burns a whole cycle of pids in each hop, by forks that fail",
    "refused": "forks that RLIMIT_NPROC forbids, then one that it allows",
    "stopped": "SIGSTOP of all in the midst of their forks",
    "traced": "parent and newborn child held by a tracer",
    "bwrap": "chains in a container of bwrap",
    "unshare": "chains under unshare -Urpf",
    # test_held.py
    "held-unborn": "fork held before the child is visible, by a page that faults",
    "held-born": "fork held after the child is visible, before it runs",
    "held-killed": "the forker of such a fork is killed",
    "zombie-thread": "a thread that has exited is held by a tracer",
    # test_wiped.py
    "limits": "each resets all its limits and daemonises",
    "lowered": "each lowers its hard limits to nothing",
    "ionice": "each resets its I/O priority",
    "unmarked": "by processes that can't be marked, as setuid programs of root are",
    "launched": "each gets rid of both marks and daemonises, below a launcher; no births are told",
    "copy": "each copies the limits of another group's member",
    "forge": "another user's processes copy all marks of a member",
    "forge-adopted": "the same, by processes that a member's child might have left to root",
    "setgid": "through a setgid program",
    "setuid": "a setuid root program that forks",
    "setuid-root": "a setuid program that becomes root for good",
    "setuid-other": "a setuid program that becomes another user",
    "su": "through su (pam_limits) to the same user",
    "su-root": "through su (pam_limits) to root",
    "sudo": "through sudo (pam_limits) to the same user",
    "runuser": "through a setuid program and runuser",
    # test_kill.py
    "cgroup-kill": "all chains are ended by cgroup.kill",
    "kill-unmarked": "the same, of processes that can't be marked",
    "kill-launched": "the same, of processes without marks below a launcher",
    # test_threads.py
    "thread-exit": "a single thread is the member, makes chains and exits; its process lives on",
    "thread-exec-own": "a single thread is the member, makes chains and executes a program",
    "threads-apart": "two threads of a process in two groups; one executes a program",
    # test_crowds.py
    "pids-full": "members take all pids of a pid namespace, and again what becomes free",
    "user-full": "members take all tasks that the user may have; the daemon may have none either",
    # test_nested.py
    "nested": "the members are also in a second ucgroupfs",
    "daemon-inside": "a second ucgroupfs and its members within a group",
    # test_moves.py
    "moved": "a large process is moved while it forks",
}
