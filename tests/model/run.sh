#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [--long] [NAME...]: every variant listed at the head of discovery.pml through spin.  A right
# one must be searched to the end without an error, a wrong one must end in a counterexample.
# One line each, then `N passed, N failed`; status 0 if none failed.

set -u
here=$(cd "$(dirname "$0")" && pwd)
model=$here/discovery.pml
size=quick
if [ "${1-}" = --long ]; then
	size=long
	shift
fi

for tool in spin gcc; do
	command -v "$tool" >/dev/null || {
		echo "run.sh: $tool is not installed" >&2
		exit 2
	}
done
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
trap 'exit 2' INT TERM HUP

# VERDICT NAME SIZES DEFINITION... of each variant; `-` in place of the long sizes: as the quick ones
variants() {
	sed -n 's/^ \* variant \(.*\) - .*/\1/p' "$model" | while read -r verdict name quick long definitions; do
		[ $size = quick ] || [ "$long" = - ] || quick=$long
		echo "$verdict $name $quick $definitions"
	done
}

# build VERDICT DIRECTORY SIZES DEFINITION...: the verifier of one variant
build() {
	directory=$2
	pids=${3%,*} forks=${3#*,}
	# A counterexample comes soon, so that compiling is what takes the time.
	optimise=-O2
	[ "$1" = right ] || optimise=-O0
	shift 3
	mkdir "$directory" && cd "$directory" || return
	flags="-DPIDS=$pids -DFORKS=$forks"
	for definition; do
		flags="$flags -D$definition"
	done
	# The flags are words of their own.
	# shellcheck disable=SC2086
	spin -a $flags "$model" >spin.log 2>&1 || return
	gcc -w $optimise -DSAFETY -DNOCLAIM -DCOLLAPSE -DMEMLIM="$memory" -o pan pan.c >gcc.log 2>&1
}

# check VERDICT NAME SIZES DEFINITION...: prints the line, leaves the outcome in a file
check() (
	verdict=$1 name=$2 sizes=$3
	shift 3
	outcome=failed
	found='no result'
	if build "$verdict" "$scratch/$name" "$sizes" "$@"; then
		./pan -w22 -m"$depth" >pan.log 2>&1
		errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
		states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log)
		if grep -q -e 'search depth too small' -e 'out of memory' -e 'not completed' pan.log &&
			[ "${errors:-0}" = 0 ]; then
			found='not searched to the end'
		elif [ "${errors:-}" = 0 ]; then
			found='no error'
		elif grep -q 'assertion violated' pan.log; then
			found=counterexample
		fi
	else
		cat spin.log gcc.log 2>/dev/null
	fi
	case $verdict,$found in
	right,'no error' | wrong,counterexample) outcome=passed ;;
	esac
	printf '%s: %-5s %-16s pids,forks %s, %s states: %s\n' \
		"$outcome" "$verdict" "$name" "$sizes" "${states:-?}" "$found"
	echo "$outcome" >"$scratch/$name.outcome"
	rm -rf "${scratch:?}/$name"
)

# Two at a time, each with half of what the run may use.
depth=20000
memory=900
[ $size = long ] && depth=1000000 memory=8000

variants | {
	while read -r verdict name sizes definitions; do
		case " ${*:-$name} " in
		*" $name "*) ;;
		*) continue ;;
		esac
		# The definitions are words of their own.
		# shellcheck disable=SC2086
		check "$verdict" "$name" "$sizes" $definitions &
		[ -z "${first-}" ] || wait "$first"
		first=$!
	done
	wait
}
passed=$(cat "$scratch"/*.outcome 2>/dev/null | grep -c passed)
failed=$(cat "$scratch"/*.outcome 2>/dev/null | grep -c failed)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
