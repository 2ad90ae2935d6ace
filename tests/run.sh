#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: sh tests/run.sh [--long]
#
# The whole test run from a fresh clone: installs what is missing, builds with warnings as errors,
# runs the unit and integration tests, the differential tester and the attacks, checks format,
# tidiness and manual page, the models of tracking, and repeats the quick tests under
# AddressSanitizer and UndefinedBehaviorSanitizer.
# --long: larger models, and everything under ASan+UBSan, under TSan, and by an ordinary user in
# namespaces of his own (the quick run: the quick tests in one of them).
# The last line is `N passed, N failed`; exit status 0 only if nothing failed.
set -u
umask 022
cd "$(dirname "$0")/.." || exit 1

long=
case ${1-} in
--long) long=--long ;;
'') ;;
*)
	echo "usage: sh tests/run.sh [--long]" >&2
	exit 2
	;;
esac

model_s=600
attacks_s=1500
difftest_s=600
[ -z "$long" ] || { model_s=3600 attacks_s=14400 difftest_s=7200; }

passed=0
failed=0
failed_steps=
running=

temp=$(mktemp -d) || exit 1
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	# It may still write its report: the folder goes last.
	[ -z "$running" ] || { kill "$running" 2>/dev/null && wait "$running"; }
	rm -rf "$temp"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# Tests that drop to an ordinary user write sanitizer reports here, and results.
mkdir "$temp/reports" "$temp/results" "$temp/reachable"
chmod 711 "$temp"
chmod 1777 "$temp/reports" "$temp/results"

export PYTHONDONTWRITEBYTECODE=1

count() {
	passed=$((passed + $1))
	failed=$((failed + $2))
	[ "$2" -eq 0 ] || failed_steps="$failed_steps, $step"
	echo "-- $step: $1 passed, $2 failed, $(($(date +%s) - step_start)) s"
}

begin() {
	step=$1
	step_start=$(date +%s)
	echo "== $step"
}

# limited SECONDS COMMAND...: a hang fails instead of blocking; by SIGINT, at which pytest still
# says what has failed so far.  In the background, so that a signal to this script is handled at
# once and reaches the command too.  The shell has background commands ignore SIGINT and SIGQUIT,
# which would change what is tested.
limited() {
	seconds=$1
	shift
	timeout --signal=INT --kill-after=30 "$seconds" env --default-signal=INT,QUIT "$@" &
	running=$!
	wait "$running"
	status=$?
	running=
	[ "$status" -ne 124 ] || echo "-- $step: not done after $seconds s"
	return "$status"
}

# One number of the only <testsuite> of a JUnit file; 0 if there is none.
junit() {
	value=
	[ ! -e "$temp/results/junit.xml" ] || value=$(tr '\n\t' '  ' <"$temp/results/junit.xml" |
		sed -n "s/.*<testsuite [^>]* $1=\"\([0-9]*\)\".*/\1/p")
	echo "${value:-0}"
}

# Counts what the JUnit file says.  A tool that failed without a failed test (a hang, a crash), or
# that ran nothing, is one failure.
count_junit() {
	bad=$(($(junit failures) + $(junit errors)))
	good=$(($(junit tests) - bad - $(junit skipped)))
	[ "$bad" -gt 0 ] || { [ "$1" -eq 0 ] && [ "$good" -gt 0 ]; } || bad=1
	count "$good" "$bad"
	rm -f "$temp/results/junit.xml"
}

# check NAME SECONDS COMMAND...: counts as one test; status 77 means skipped, for a reason given
check() {
	begin "$1"
	shift
	limited "$@"
	case $? in
	0) count 1 0 ;;
	77) count 0 0 ;;
	*) count 0 1 ;;
	esac
}

# counted NAME SECONDS COMMAND...: counts what the last line says, itself `N passed, N failed`
counted() {
	begin "$1"
	shift
	limited "$@" >"$temp/output"
	status=$?
	cat "$temp/output"
	counts=$(tail -n 1 "$temp/output" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
	good=${counts% *}
	bad=${counts#* }
	if [ -z "$counts" ] || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
		count "${good:-0}" 1
	else
		count "$good" "$bad"
	fi
}

build() {
	cmake --preset "$1" >"$temp/configure.log" || {
		cat "$temp/configure.log"
		return 1
	}
	cmake --build --preset "$1"
}

# A build that fails ends the run: nothing after it would mean anything.
build_or_end() {
	begin "build $1"
	if build "$1"; then count 1 0; else
		count 0 1
		finish
	fi
}

unit_tests() {
	begin "unit tests ($1)"
	limited 1200 ctest --preset "$1" --output-junit "$temp/results/junit.xml"
	count_junit $?
}

# Sets $build and $source to where an ordinary user reaches what was built, and from what: root's
# checkout may lie in a folder that is closed to others.
find_build() {
	build=$PWD/build/$1
	source=$PWD
	[ "$(id -u)" -eq 0 ] || return 0
	setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$build/src/ucgroupfs" && return
	(cd build && find "$1" -type f -perm /111 ! -name '*.so' ! -path '*/CMakeFiles/*' \
		-exec cp --parents -t "$temp/reachable" {} +)
	build=$temp/reachable/$1
	cp -r tests man "$temp/reachable"
	source=$temp/reachable
}

# pytests NAME PRESET SECONDS ARGUMENT...
pytests() {
	begin "$1 ($2)"
	find_build "$2"
	seconds=$3
	shift 3
	limited "$seconds" env "UCG_DAEMON=$build/src/ucgroupfs" "UCG_BUILD=$build" \
		/usr/bin/python3 -m pytest -p no:cacheprovider -q -rfEs --durations=8 \
		--junitxml="$temp/results/junit.xml" "$@"
	count_junit $?
}

# pytests_inside WAY SECONDS ARGUMENT...: integration tests by an ordinary user in namespaces of his
# own; the ways are those of tests/inside.py.  Any skip that support/lacking.py does not list fails.
pytests_inside() {
	begin "integration tests inside $1 (dev)"
	find_build dev
	way=$1
	seconds=$2
	shift 2
	/usr/bin/python3 tests/inside.py "$way" true || {
		echo "skipped: an ordinary user has no such namespaces here"
		count 0 0
		return
	}
	limited "$seconds" /usr/bin/python3 tests/inside.py "$way" env -C "$source" \
		"UCG_DAEMON=$build/src/ucgroupfs" "UCG_BUILD=$build" \
		/usr/bin/python3 -m pytest -p no:cacheprovider -q -rfE --listed-skips --durations=8 \
		--junitxml="$temp/results/junit.xml" "$@" tests/integration
	count_junit $?
}

differential_tester() {
	[ "$(id -u)" -ne 0 ] || {
		pytests "differential tester" dev "$difftest_s" tests/difftest $long
		return
	}
	begin "differential tester (dev)"
	echo "skipped: only root mounts the kernel's cgroup v1 file system, to compare with"
	count 0 0
}

# Counts reports too of processes whose stderr nobody reads and whose status nobody waits for.
count_reports() {
	begin "sanitizer reports"
	for report in "$temp"/reports/*; do
		[ -e "$report" ] || {
			count 1 0
			return
		}
		echo "$report:"
		cat "$report"
	done
	count 0 1
}

finish() {
	echo
	[ -z "$failed_steps" ] || echo "failed:${failed_steps#,}"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}

sanitizer_options() {
	ASAN_OPTIONS=detect_leaks=1:log_path=$temp/reports/asan
	UBSAN_OPTIONS=print_stacktrace=1:log_path=$temp/reports/ubsan
	TSAN_OPTIONS=suppressions=$PWD/tests/tsan.supp:log_path=$temp/reports/tsan
	export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS
}

begin "dependencies"
sh packaging/install-deps.sh test || {
	count 0 1
	finish
}

build_or_end dev
check "format" 60 sh tests/lint.sh format
check "manual page" 10 sh tests/lint.sh man
check "tidy" 400 sh tests/lint.sh tidy build/dev
unit_tests dev
pytests "integration tests" dev 1200 tests/integration $long
if [ -z "$long" ]; then
	pytests_inside unshare 300 -m quick
else
	pytests_inside unshare 1200
	pytests_inside bwrap 1200
fi
differential_tester
pytests "attacks" dev "$attacks_s" tests/attack $long
counted "models of tracking" "$model_s" sh tests/model/run.sh $long

sanitizer_options
build_or_end asan
unit_tests asan
if [ -z "$long" ]; then
	pytests "quick integration tests" asan 900 -m quick tests/integration
else
	pytests "integration tests" asan 3600 -m "not unfit_for_asan" tests/integration
	pytests "attacks" asan "$attacks_s" tests/attack
	build_or_end tsan
	unit_tests tsan
	pytests "integration tests" tsan 3600 -m "not unfit_for_tsan" tests/integration
	pytests "attacks" tsan "$attacks_s" tests/attack
fi
count_reports

finish
