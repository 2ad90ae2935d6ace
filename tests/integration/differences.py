# SPDX-License-Identifier: MIT
"""Where ours differs from the kernel, and may: the test (file::name, with its parameters but
without the hierarchy's) and the reason.  Each is a row of DIFFERENCES in the manual page.  A test
that is listed here and passes all the same fails: the row has to go.
"""

_VFS = "answered by the kernel's FUSE client, which asks nobody: "

_ACL = ("a POSIX access control list is refused to others than the owner with EPERM, the default "
        "one of a file with EACCES, and removing that succeeds")

DIFFERENCES = {
    "test_files.py::test_lseek_refuses[2147483648-0-EINVAL]":
        _VFS + "offsets up to 2^63 - 1 are taken",
    "test_files.py::test_lseek_in_removed_group_is_enodev":
        _VFS + "a seek is only noted",
    "test_files.py::test_empty_write_to_removed_group_is_enodev":
        _VFS + "a write of nothing is never sent",
    "test_files.py::test_pwrite_of_read_only_is_espipe":
        _VFS + "EBADF",
    "test_files.py::test_o_append_advances_by_what_is_written":
        _VFS + "the position is behind what it takes for the size",
    "test_files.py::test_mmap_is_enodev[2-1]":
        _VFS + "a private mapping is possible, a shared one is not",
    "test_files.py::test_mmap_is_enodev[2-3]":
        _VFS + "a private mapping is possible, a shared one is not",
    "test_files.py::test_sendfile_reads_a_file":
        _VFS + "sendfile and splice out of a file stop at its size, which is 0",
    "test_xattr.py::test_acl_of_file_gives[system.posix_acl_default]":
        _VFS + _ACL,
    "test_xattr.py::test_acl_by_a_stranger_gives":
        _VFS + _ACL,
    "test_inotify.py::test_rmdir_is_nothing_to_the_group":
        _VFS + "inotify tells the watch of a directory that it was removed",
    "test_files.py::test_access_goes_by_mode_bits[64-1-False]":
        "access(X_OK) of a control file goes by its mode: the mount is not noexec unless asked to be",
}
