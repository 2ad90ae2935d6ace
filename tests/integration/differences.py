# SPDX-License-Identifier: MIT
"""Where ours differs from the kernel, and may: the whole list.

Each row is what the kernel does otherwise, as mdoc for the manual page, the reason why it has to be
so, and the tests (file::name, with their parameters but without the hierarchy's) that say what the
kernel does.  They pass against the kernel and must fail against ours; a row whose tests pass has to
go.  A row without tests can't be seen on the kernel that the tests are run on.

usage: python3 differences.py PAGE      writes the rows into the section of the manual page
"""

import collections
import pathlib
import re
import sys

Row = collections.namedtuple("Row", "mdoc tests")

REASONS = {
    "Because it is a FUSE filesystem, and the kernel's client of it answers some things itself:": (
        Row("Offsets beyond 2^31 \\(mi 1 are refused by\n.Xr lseek 2 .",
            ["test_files.py::test_lseek_refuses[2147483648-0-EINVAL]"]),
        Row("On a file whose group was removed, a seek and a write of nothing fail.",
            ["test_files.py::test_lseek_in_removed_group_is_enodev",
             "test_files.py::test_empty_write_to_removed_group_is_enodev"]),
        Row(".Xr pwrite 2\nto a descriptor that is not open for writing is\n.Er ESPIPE ,\nnot\n"
            ".Er EBADF .",
            ["test_files.py::test_pwrite_of_read_only_is_espipe"]),
        Row("A write to a file opened with\n.Dv O_APPEND\nmoves the position by what was written,\n"
            "not to what is taken for the end.",
            ["test_files.py::test_o_append_advances_by_what_is_written"]),
        Row("A private mapping of a file is refused, as a shared one is.",
            ["test_files.py::test_mmap_is_enodev[2-1]",
             "test_files.py::test_mmap_is_enodev[2-3]"]),
        Row(".Xr sendfile 2\nand\n.Xr splice 2\nread a file, although its size is 0.",
            ["test_files.py::test_sendfile_reads_a_file"]),
        Row("A POSIX access control list is refused with\n.Er EOPNOTSUPP ,\nwhoever sets it on whatever.\n"
            "Here it is\n.Er EPERM\nfor others than the owner; the default one of a file is\n"
            ".Er EACCES ,\nand removing that succeeds.",
            ["test_xattr.py::test_acl_of_file_gives[system.posix_acl_default]",
             "test_xattr.py::test_acl_by_a_stranger_gives"]),
        Row("The watch of a directory that is removed is not told by\n.Xr inotify 7 .",
            ["test_inotify.py::test_rmdir_is_nothing_to_the_group"]),
        Row("A file can't be executed, whatever its mode and the mount options, and\n"
            ".Xr access 2\nsays so.",
            ["test_files.py::test_access_goes_by_mode_bits[64-1-False]"]),
        Row("The type is cgroup in\n.Pa /proc/mounts\nand for\n.Xr statfs 2 .",
            ["test_differences.py::test_statfs_tells_the_type",
             "test_differences.py::test_table_of_mounts_tells_the_type"]),
        Row(".Pa release_agent\ncan be changed by a remount.",
            ["test_differences.py::test_remount_changes_the_agent"]),
        Row("The group of a task is shown in\n.Pa /proc/ Ns Ar PID Ns Pa /cgroup ,\n"
            "and new cgroup namespaces start there.",
            ["test_differences.py::test_proc_shows_the_group_of_a_task"]),
        Row("Names of groups have up to 4095 bytes.\nHere at most 1024 on kernels whose FUSE knows no\n"
            "longer ones.", []),
    ),
    "Because an ordinary user lacks the means:": (
        Row("An agent is run as root, as a child of a kernel thread and in session 0, with the limits\n"
            "of boot.\nHere it has the rights and the limits of the mounter, is a child of the server\n"
            "until that ends, and in a session of its own.\nBoth put it into the initial namespaces,\n"
            "or here those of the server.",
            ["test_differences.py::test_agent_runs_as_root",
             "test_differences.py::test_agent_is_a_child_of_a_kernel_thread",
             "test_differences.py::test_agent_is_in_session_0"]),
        Row("Tasks that share an I/O context can be in different groups: those made with\n"
            ".Dv CLONE_IO ,\nand the kernel's own thread of an\n.Xr io_uring 7\nring with its maker.\n"
            "Here a single thread is told by its I/O priority, which belongs to that context: where\n"
            "one of two is put, the other goes too.",
            ["test_threads.py::test_child_with_the_io_context_of_a_thread_moves_without_it",
             "test_threads.py::test_thread_with_the_io_context_of_its_child_moves_without_it",
             "test_threads.py::test_thread_with_the_io_context_of_its_child_moves_to_the_root_without_it",
             "test_threads.py::test_io_uring_thread_is_moved_alone",
             "test_threads.py::test_io_uring_thread_stays_when_its_maker_moves"]),
    ),
    "By design:": (
        Row("There are no files\n.Pa releasable ,\n.Pa cgroup.events ,\n.Pa cgroup.kill\nand\n"
            ".Pa cgroup.tracking ,\nso groups can have these names.\n.Pa releasable\n"
            "is that of Linux 2.6.24, the next two are those of cgroup v2.",
            [f"test_differences.py::test_group_can_be_named[{name}]"
             for name in ("releasable", "cgroup.events", "cgroup.kill", "cgroup.tracking")]),
        Row("The root directory is 0555 also for an ordinary user.",
            ["test_differences.py::test_root_directory_is_0555"]),
        Row("Writing\n.Pa release_agent\nneeds\n.Dv CAP_SYS_ADMIN ,\nbeing the mounter here.",
            ["test_differences.py::test_agent_is_set_by_the_privileged_alone"]),
        Row("A list of tasks may be shown for a second after it has changed, when it was read on the\n"
            "same descriptor or another one before.\nHere a list is made anew whenever it is read from\n"
            "its beginning.",
            ["test_differences.py::test_list_is_shown_again_as_it_was"]),
        Row("A hierarchy whose groups exist outlives its last mount and is mounted again by its name.\n"
            "Here unmounting ends it, and mounting a name a second time is an error.",
            ["test_differences.py::test_groups_outlive_the_mount",
             "test_differences.py::test_hierarchy_is_mounted_a_second_time"]),
    ),
}

BEGIN = '.\\" The rest of this section is written by tests/integration/differences.py.\n'


def as_mdoc():
    lines = ["What the kernel's filesystem of a named hierarchy without controllers does otherwise."]
    for reason, rows in REASONS.items():
        lines += [".Pp", reason, ".Bl -bullet"]
        for row in rows:
            lines += [".It", row.mdoc]
        lines.append(".El")
    return "\n".join(lines) + "\n"


def written_into(page):
    """The text of the page with the rows of this file in their section."""
    head, rest = page.split(BEGIN)
    return head + BEGIN + as_mdoc() + rest[rest.index(".Sh "):]


def _plain(mdoc):
    """As a reason beside a result of a test."""
    return " ".join(re.sub(r"^\.[A-Z][a-z] ", "", line) for line in mdoc.split("\n"))


DIFFERENCES = {test: _plain(row.mdoc) for rows in REASONS.values() for row in rows
               for test in row.tests}

if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    path.write_text(written_into(path.read_text(encoding="utf-8")), encoding="utf-8")
