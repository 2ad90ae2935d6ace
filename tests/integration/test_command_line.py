# SPDX-License-Identifier: MIT
"""The program: options, messages, ways to mount (ours only)."""

import os
import shutil
import subprocess

import pytest

from support import container, libc, mounts
from support.namespaces import unshare
from support.waiting import wait_until


@pytest.fixture
def folder(sandbox):
    return sandbox.folder()


@pytest.fixture
def mountpoint(sandbox, folder):
    path = os.path.join(folder, "mnt")
    os.mkdir(path)
    os.chown(path, sandbox.uid, sandbox.gid)
    yield path
    if mounts.is_mounted(path):
        libc.umount(path, libc.MNT_DETACH)


@pytest.fixture
def run(sandbox, programs, processes):
    """Runs the program as the user, to its end."""
    def run(*arguments, wrapper=()):
        command = sandbox.as_user([*wrapper, programs["daemon"], *arguments])
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL, cwd="/")
    return run


def refused(result, path, *words):
    """Exit status 1, one line that holds the words, nothing mounted."""
    assert result.returncode == 1, result
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and result.stdout == "", result
    for word in words:
        assert word in lines[0], result
    assert not mounts.is_mounted(path)
    return True


@pytest.mark.quick
@pytest.mark.parametrize("options, words", [
    ("bogus", ["bogus"]), ("bogus=1", ["bogus", "1"]), ("none=1", ["none=1"]),
    ("noprefix=1", ["noprefix=1"]), ("NONE", ["NONE"]), (" none", [" none"]), ("nsdelegate", ["nsdelegate"]),
    ("release_agent=/a,release_agent=/a", ["release_agent", "/a"]),
    ("release_agent=/a,release_agent=/b", ["release_agent", "/b"]),
    ("release_agent=", ["release_agent"]), ("release_agent", ["release_agent"]),
    ("compat=2.6.25", ["compat", "2.6.25"]), ("compat=", ["compat"]), ("compat", ["compat"]),
    ("compat=2.6.24,compat=2.6.24", ["compat", "2.6.24"]),
    ("compat=current,release_agent=", ["release_agent"]),
    ("name=a,name=a", ["name", "a"]), ("name=a,name=b", ["name", "b"]), ("name=", ["name"]),
    ("name=a/b", ["name", "a/b"]), ("name=a b", ["name", "a b"]), ("name=ä", ["name", "ä"]),
    ("name=" + "x" * 64, ["name", "x" * 64]), ("all", ["all"]), ("memory", ["memory"]),
    ("cpuset", ["cpuset"]), ("remount", ["remount"]),
], ids=lambda value: value[:30] if isinstance(value, str) else "")
def test_bad_option_is_refused(run, mountpoint, options, words):
    assert refused(run("-o", options, mountpoint), mountpoint, *words)


@pytest.mark.parametrize("arguments, words", [
    ([], ["MOUNTPOINT"]), (["--bogus", "/tmp"], ["--bogus"]), (["-x", "/tmp"], ["-x"]),
    (["a", "b", "c"], ["c"]), (["--ready-fd", "x", "/tmp"], ["--ready-fd", "x"]),
    (["--without", "bogus", "/tmp"], ["--without", "bogus"]), (["-o"], ["-o"]),
    (["a/b", "/tmp"], ["a/b"]), (["-o", "name=a", "b", "/tmp"], ["a", "b"]),
], ids=" ".join)
def test_bad_command_line_is_refused(run, arguments, words):
    assert refused(run(*arguments), "/nowhere", *words)


def test_missing_mount_point_is_named(run, folder):
    assert refused(run(f"{folder}/missing"), folder, f"{folder}/missing")


def test_mount_point_that_is_a_file_is_named(run, sandbox, folder):
    path = os.path.join(folder, "file")
    with open(path, "w", encoding="ascii"):
        os.chown(path, sandbox.uid, sandbox.gid)
    assert refused(run(path), path, path)


def test_mount_point_of_another_user_is_named(run, sandbox, folder):
    sandbox.need("root")
    path = os.path.join(folder, "roots")
    os.mkdir(path, 0o755)
    assert refused(run(path), path, path)


def test_closed_ready_descriptor_is_named(run, mountpoint):
    assert refused(run("--ready-fd", "77", mountpoint), mountpoint, "--ready-fd", "77")


@pytest.fixture
def run_hiding(sandbox, programs, processes, folder):
    """Runs the program where `text` is what a file of the system holds."""
    sandbox.need("system")

    def run_hiding(path, text, *arguments):
        other = os.path.join(folder, "instead")
        with open(other, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(other, 0o644)
        command = ["unshare", "-m", "sh", "-c", f'mount --bind {other} {path} && exec "$@"', "sh",
                   *sandbox.as_user([programs["daemon"], *arguments])]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return run_hiding


def test_missing_fusermount_is_named(run_hiding, mountpoint):
    path = shutil.which("fusermount3")
    assert refused(run_hiding(path, "", mountpoint), mountpoint, "fusermount3")


def test_closed_fuse_device_is_named(run_hiding, mountpoint):
    assert refused(run_hiding("/dev/fuse", "", "-f", mountpoint), mountpoint, "/dev/fuse")


def test_user_without_passwd_entry_is_told(run_hiding, sandbox, mountpoint):
    result = run_hiding("/etc/passwd", "root:x:0:0::/:/bin/sh\n", mountpoint)
    assert refused(result, mountpoint, str(sandbox.uid), "password")


def test_allow_other_without_permission_is_told(run_hiding, mountpoint):
    result = run_hiding("/etc/fuse.conf", "", "-o", "allow_other", mountpoint)
    assert refused(result, mountpoint, "allow_other", "user_allow_other")


@pytest.mark.parametrize("setup, words", [
    pytest.param("mount -t tmpfs none /proc", ["not mounted"], id="absent",
                 marks=[pytest.mark.unfit_for_asan("it can't do without"),
                        pytest.mark.unfit_for_tsan("nor can it")]),
    pytest.param("mount -t proc -o subset=pid proc /proc", ["subset=pid"], id="subset-pid"),
    pytest.param("true", ["another pid namespace"], id="of-another-pid-namespace"),
])
def test_proc_that_will_not_do_is_told(sandbox, programs, mountpoint, setup, words):
    command = [*unshare(sandbox, "-U", "-r", "-m", "-p", "-f"), "sh", "-c", f'{setup} && exec "$@"',
               "sh", programs["daemon"], mountpoint]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused(result, mountpoint, "/proc", *words)


@pytest.mark.needs("no-root")
def test_user_namespace_without_root_is_told(run, sandbox, mountpoint):
    unshare(sandbox, "-U", "-c", "-m")
    result = run(mountpoint, wrapper=["unshare", "-U", "-c", "-m"])
    assert refused(result, mountpoint, "fusermount3", "user namespace")


def test_version(run):
    result = run("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("ucgroupfs ") and result.stdout.count("\n") == 1


def test_help_names_all_options(run):
    result = run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    for word in ("--foreground", "--ready-fd", "release_agent", "allow_other", "--version"):
        assert word in result.stdout


# ---- mounting ----

@pytest.fixture
def mount(run, sandbox, mountpoint):
    """Mounts in the background; ends with the test."""
    def mount(*arguments):
        result = run(*arguments, mountpoint)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), result
        assert mounts.is_mounted(mountpoint)
    yield mount
    if mounts.is_mounted(mountpoint):
        subprocess.run(sandbox.as_user(["fusermount3", "-u", mountpoint]), check=True)
        wait_until(lambda: not daemons(), "the end of the daemon")


def daemons():
    """Children by adoption: the test run is the subreaper."""
    return [pid for pid in container.children() if container.living(pid) and is_daemon(pid)]


def is_daemon(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().startswith("ucgroupfs")


def mount_fields(path):
    with open("/proc/mounts", encoding="ascii") as file:
        for line in file:
            source, target, kind, options = line.split()[:4]
            if target == path:
                return source, kind, options.split(",")
    return None


@pytest.mark.quick
def test_return_to_the_shell_means_that_the_mount_answers(mount, sandbox, mountpoint):
    mount("-o", "name=background")
    assert "tasks" in sandbox.user(os.listdir, mountpoint)


def test_background_daemon_holds_no_terminal_or_directory(mount, mountpoint):
    mount("-o", "name=background")
    for pid in daemons():
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}


@pytest.mark.needs("no-root")
def test_mounts_shows_type_and_name(mount, mountpoint):
    mount("-o", "name=shown")
    source, kind, options = mount_fields(mountpoint)
    assert (source, kind) == ("shown", "fuse.ucgroupfs")
    assert {"rw", "nosuid", "nodev", "default_permissions"} <= set(options)
    assert "allow_other" not in options


def test_name_as_argument(mount, mountpoint):
    mount("by-argument")
    assert mount_fields(mountpoint)[0] == "by-argument"


def test_name_as_argument_and_option(mount, mountpoint):
    mount("-o", "name=twice", "twice")
    assert mount_fields(mountpoint)[0] == "twice"


def test_name_is_made_up(mount, mountpoint):
    mount()
    assert mount_fields(mountpoint)[0] not in ("", "none", "ucgroupfs")


def users_may_allow_others():
    with open("/etc/fuse.conf", encoding="utf-8") as file:
        return "user_allow_other" in file.read().split("\n")


@pytest.mark.parametrize("word", ["ro", "noexec", "noatime", "allow_other"])
def test_generic_word_is_shown(mount, mountpoint, word):
    if word == "allow_other" and not users_may_allow_others():
        pytest.skip("/etc/fuse.conf has no user_allow_other; root binds one that has it")
    mount("-o", f"name=words,{word}")
    assert word in mount_fields(mountpoint)[2]


@pytest.mark.parametrize("options", [
    "rw,dev,suid,exec,relatime,auto,nouser,async", "nosuid,nodev,noexec,noatime", "defaults",
    "none,noprefix,xattr,clone_children", ",,none,,", "none,none", "_netdev,nofail,x-systemd.x=1",
    "user=somebody", "release_agent=/with blank/agent",
])
def test_words_are_taken(mount, options):
    mount("-o", f"name=words,{options}")


def test_read_only_mount_refuses(mount, sandbox, mountpoint):
    mount("-o", "name=readonly,ro")
    with pytest.raises(OSError, match="Read-only"):
        sandbox.user(os.mkdir, os.path.join(mountpoint, "g"))
    with pytest.raises(OSError, match="Read-only"):
        sandbox.user(os.open, os.path.join(mountpoint, "tasks"), os.O_WRONLY)


def test_same_name_twice_is_refused(mount, run, sandbox, folder, mountpoint):
    mount("-o", "name=unique")
    other = os.path.join(folder, "other")
    os.mkdir(other)
    os.chown(other, sandbox.uid, sandbox.gid)
    assert refused(run("-o", "name=unique", other), other, "unique")
    assert "tasks" in sandbox.user(os.listdir, mountpoint)


def test_name_is_free_after_unmount(mount, sandbox, mountpoint):
    for _ in range(2):
        mount("-o", "name=again")
        subprocess.run(sandbox.as_user(["fusermount3", "-u", mountpoint]), check=True)
        wait_until(lambda: not daemons(), "the end of the daemon")


def test_users_mount_is_closed_to_root(mount, sandbox, mountpoint):
    sandbox.need("root")
    mount("-o", "name=closed")
    with pytest.raises(PermissionError):
        os.listdir(mountpoint)


def test_allow_other_opens_it(mount, sandbox, mountpoint):
    sandbox.need("root")
    mount("-o", "name=open,allow_other")
    assert "tasks" in os.listdir(mountpoint)


def test_relative_mount_point(run, sandbox, programs, folder, mountpoint):
    command = sandbox.as_user([programs["daemon"], "mnt"])
    result = subprocess.run(command, capture_output=True, cwd=folder, timeout=60, check=False)
    assert result.returncode == 0 and mounts.is_mounted(mountpoint)
    subprocess.run(sandbox.as_user(["fusermount3", "-u", mountpoint]), check=True)
    wait_until(lambda: not daemons(), "the end of the daemon")


@pytest.mark.only("ours")
def test_ready_line(hierarchy):
    assert hierarchy.ready_line == b"ready\n"


# ---- as root ----

@pytest.fixture
def installed():
    """Makes a program one that mount(8) finds; in this test's mount namespace alone."""
    folder = "/usr/local/sbin"

    def install(program):
        libc.mount("none", folder, "tmpfs")
        os.symlink(program, os.path.join(folder, "ucgroupfs"))
    yield install
    if mounts.is_mounted(folder):
        libc.umount(folder, libc.MNT_DETACH)


def test_line_of_fstab(sandbox, programs, processes, folder, mountpoint, installed):
    sandbox.need("system")
    table = os.path.join(folder, "fstab")
    with open(table, "w", encoding="ascii") as file:
        file.write(f"byfstab {mountpoint} fuse.ucgroupfs release_agent=/bin/true,noauto 0 0\n")
    installed(programs["daemon"])
    subprocess.run(["mount", "-T", table, mountpoint], check=True, timeout=60)
    try:
        assert mount_fields(mountpoint)[:2] == ("byfstab", "fuse.ucgroupfs")
        with open(f"{mountpoint}/release_agent", encoding="ascii") as file:
            assert file.read() == "/bin/true\n"
    finally:
        subprocess.run(["umount", mountpoint], check=True, timeout=60)
    wait_until(lambda: not daemons(), "the end of the daemon")
