# SPDX-License-Identifier: MIT
"""What is not compared, or not done, and why; everything else has to be equal."""

NORMALISED = {
    "names of files that only ours has":
        "releasable and the cgroup.events, .kill and .tracking are taken out of listings, no group is "
        "called so: DIFFERENCES of the manual page",
    "st_ino, st_dev, f_type":
        "those of a FUSE filesystem: DIFFERENCES",
    "st_atime, st_ctime":
        "relatime, and moments that can't be equal; st_mtime is compared where it was set to a "
        "time long ago, else it has only to be of now",
    "lists of the root":
        "name every task of the machine, which come and go between two reads: only the run's own "
        "are compared, and only lists that are read as a whole",
    "lists that changed in the midst of a pass":
        "the kernel shows a list for about a second after it changed, and goes on in a new one if "
        "anybody else read it; ours makes it anew when it is read from its beginning (DIFFERENCES)."
        " So before a descriptor reads a list from its beginning again, the kernel's is refreshed "
        "by another descriptor, and one is not read further after its group's tasks changed",
    "lseek from 2^31 on; lseek and empty writes where the group was removed; mmap; sendfile":
        "answered by the kernel's FUSE client, which asks nobody: DIFFERENCES",
    "pwrite on a descriptor that is not open for writing":
        "EBADF from the FUSE client; the kernel's says ESPIPE: DIFFERENCES",
    "the position after a write with O_APPEND":
        "the FUSE client writes behind what it takes for the size: DIFFERENCES",
    "access(X_OK) of control files":
        "goes by the mode; the mount is not noexec unless asked to be: DIFFERENCES",
    "names of more than 1024 bytes":
        "what FUSE takes on older kernels: DIFFERENCES",
    "extended attributes, /proc/PID/cgroup":
        "not there: DIFFERENCES",
    "tasks of others than the mounter, where the opener may move them":
        "a user may not set their limits, nor may root without CAP_SYS_RESOURCE where their user "
        "ids differ (EPERM): ERRORS BY OPERATION of the manual page",
    "release_agent in a user's hierarchy":
        "written by the mounter alone, which is root for the kernel's, and the user for ours",
    "the set-group-id bit of control files without execution by the group":
        "whether a truncation clears it depends on the kernel's version; so it is never set",
    "threads whose user ids are not those of their process":
        "which user decides about whom is a matter of tests/integration/test_threads.py",
    "processes after an exec":
        "the program does nothing more, and so reaps no child either",
    "ids of processes of others":
        "never written (an octal number that names another one, a reaped one that is used again): "
        "a stranger would be moved",
    "order of agent calls, and the moment":
        "agents run side by side: calls are compared as a multiset, when all that are due have "
        "come. Before a group is emptied once more, or renamed, or the agent changed, what is due "
        "is awaited: whether a call is still to come then is a race in the kernel too",
}
