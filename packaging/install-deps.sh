#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: sh packaging/install-deps.sh build|test
#
# Installs what building (or testing) needs and this machine lacks, by apt-get, as root or with
# sudo.  Looks for the thing itself (a command, a library, a header), not for the package, so it
# also succeeds where everything came from elsewhere.  Says nothing when nothing is missing.
set -u

missing=

# need PACKAGE COMMAND...: the package is missing if the command fails
need() {
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

need_for_build() {
	need gcc command -v cc
	need libc6-dev test -e /usr/include/stdio.h
	need cmake command -v cmake
	need ninja-build command -v ninja
	need pkg-config command -v pkg-config
	need libfuse3-dev pkg-config --exists 'fuse3 >= 3.10'
	need liburcu-dev pkg-config --exists 'liburcu-memb >= 0.12' 'liburcu-cds >= 0.12'
	need libcap-dev pkg-config --exists libcap
	need fuse3 command -v fusermount3
}

need_for_test() {
	need git command -v git
	need libcmocka-dev pkg-config --exists cmocka
	need python3 test -x /usr/bin/python3
	need python3-pytest /usr/bin/python3 -c 'import pytest'
	need clang-format command -v clang-format
	need clang-tidy command -v clang-tidy
	need mandoc command -v mandoc
	need man-db command -v man
	need spin command -v spin
	need strace command -v strace
	need bubblewrap command -v bwrap
	need procps command -v ps
	need util-linux command -v setpriv
	# Only root lets tests become others.
	[ "$(id -u)" -ne 0 ] || need sudo command -v sudo
	need cgroup-tools command -v cgcreate
	need uwsgi-core command -v uwsgi-core
	need stress-ng command -v stress-ng
}

fail() {
	echo "install-deps: $*" >&2
	exit 1
}

# Only whoever sits at a terminal can be asked for a password.
can_sudo() {
	command -v sudo >/dev/null || return 1
	[ -t 0 ] || sudo -n true 2>/dev/null
}

# Sets $become: what to put before a command that needs root
become_root() {
	become="env DEBIAN_FRONTEND=noninteractive"
	[ "$(id -u)" -ne 0 ] || return 0
	can_sudo || fail "missing, and neither root nor sudo to install it: apt-get install$missing"
	become="sudo $become"
}

find_missing() {
	missing=
	need_for_build
	[ "$1" = build ] || need_for_test
}

case ${1-} in
build | test) ;;
*) fail "usage: sh packaging/install-deps.sh build|test" ;;
esac

find_missing "$1"
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || fail "missing, and no apt-get here to install it:$missing"
become_root

echo "install-deps: installing$missing"
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # one word a package, and several before a command
{
	$become apt-get update &&
		$become apt-get install -y --no-install-recommends $missing
} >"$log" 2>&1 || {
	cat "$log" >&2
	fail "apt-get could not install:$missing"
}

find_missing "$1"
[ -z "$missing" ] || fail "still missing or too old after its installation:$missing"
