#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: sh tests/lint.sh format|format-fix|tidy BUILD_DIR|man
#
# The checks of the sources that need no run of the program: also the build targets format-check,
# format, tidy and man-lint.  Prints what is wrong; exit status 0 if nothing is, 77 if the check is
# not possible here.
set -u
cd "$(dirname "$0")/.." || exit 1

# Files of this project by name; without git, e.g. in an unpacked archive, all there are.
files() {
	git ls-files -z -- "$@" 2>/dev/null ||
		for pattern in "$@"; do
			find include src tests -name "$pattern" -print0
		done
}

# Versions disagree about the bodies of macros, so one is the measure: that of Debian 12.
measure=14
require_measure() {
	clang-format --version | grep -q "version $measure\." && return
	echo "lint: not checked: the measure is clang-format $measure, here is" \
		"$(clang-format --version)" >&2
	exit 77
}

jobs=$(nproc)

case ${1-} in
format)
	require_measure
	files '*.c' '*.h' | xargs -0 clang-format --dry-run --Werror
	;;
format-fix)
	require_measure
	files '*.c' '*.h' | xargs -0 clang-format -i
	;;
tidy)
	database=${2:?directory of compile_commands.json}
	[ -e "$database/compile_commands.json" ] || {
		echo "lint: no compile_commands.json in $database" >&2
		exit 1
	}
	# Only what is compiled: clang-tidy must know how.
	sed -n 's/^ *"file": "\(.*\)".*/\1/p' "$database/compile_commands.json" | sort -u |
		tr '\n' '\0' | xargs -0 -P "$jobs" -n 4 clang-tidy --quiet -p "$database"
	;;
man)
	mandoc -T lint -W warning man/*.8 || exit 1
	# man(1) leaves out a table that it has no room for, and says so.
	warnings=$(MANWIDTH=80 man --warnings -l man/*.8 2>&1 >/dev/null) || exit 1
	[ -z "$warnings" ] || {
		echo "lint: man --warnings: $warnings" >&2
		exit 1
	}
	;;
*)
	echo "usage: sh tests/lint.sh format|format-fix|tidy BUILD_DIR|man" >&2
	exit 2
	;;
esac
