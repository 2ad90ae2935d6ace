#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [--long] [NAME...]: every variant listed at the heads of the models beside it through spin.
# NAME is a model, a variant, or MODEL/VARIANT.  A right variant must be searched to the end without
# an error, a wrong one must end in a counterexample.
# One line each, then `N passed, N failed`; status 0 if none failed.

set -u
here=$(cd "$(dirname "$0")" && pwd)
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

# MODEL WHAT VERDICT NAME SIZES DEFINITION... of each variant, WHAT being what the sizes are of;
# `-` in place of the long sizes: as the quick ones
variants() {
	for file in "$here"/*.pml; do
		model=$(basename "$file" .pml)
		what=$(sed -n 's/^ \* sizes \([A-Z,]*\)$/\1/p' "$file")
		sed -n 's/^ \* variant \(.*\) - .*/\1/p' "$file" |
			while read -r verdict name quick long definitions; do
				[ $size = quick ] || [ "$long" = - ] || quick=$long
				echo "$model $what $verdict $name $quick $definitions"
			done
	done
}

# is_wanted MODEL NAME [WANTED...]
is_wanted() {
	model=$1 name=$2
	shift 2
	case " ${*:-$model} " in
	*" $model "* | *" $name "* | *" $model/$name "*) ;;
	*) return 1 ;;
	esac
}

# sizes_as_flags WHAT SIZES: A,B 1,2 gives -DA=1 -DB=2
sizes_as_flags() {
	what=$1, sizes=$2,
	while [ -n "$what" ]; do
		printf ' -D%s=%s' "${what%%,*}" "${sizes%%,*}"
		what=${what#*,} sizes=${sizes#*,}
	done
}

# build MODEL WHAT VERDICT DIRECTORY SIZES DEFINITION...: the verifier of one variant
build() {
	source=$here/$1.pml flags=$(sizes_as_flags "$2" "$5") directory=$4
	# A counterexample comes soon, so that compiling is what takes the time.
	optimise=-O2
	[ "$3" = right ] || optimise=-O0
	shift 5
	mkdir "$directory" && cd "$directory" || return
	for definition; do
		flags="$flags -D$definition"
	done
	# The flags are words of their own.
	# shellcheck disable=SC2086
	spin -a $flags "$source" >spin.log 2>&1 || return
	gcc -w $optimise -DSAFETY -DNOCLAIM -DCOLLAPSE -DMEMLIM="$memory" -o pan pan.c >gcc.log 2>&1
}

# check MODEL WHAT VERDICT NAME SIZES DEFINITION...: prints the line, leaves the outcome in a file
check() (
	model=$1 what=$2 verdict=$3 name=$4 sizes=$5
	shift 5
	outcome=failed
	found='no result'
	directory=$scratch/$model.$name
	if build "$model" "$what" "$verdict" "$directory" "$sizes" "$@"; then
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
	printf '%s: %-9s %-5s %-17s %s %s, %s states: %s\n' "$outcome" "$model" "$verdict" "$name" \
		"$(echo "$what" | tr '[:upper:]' '[:lower:]')" "$sizes" "${states:-?}" "$found"
	echo "$outcome" >"$directory.outcome"
	rm -rf "${directory:?}"
)

# Two at a time, each with half of what the run may use.
depth=20000
memory=900
[ $size = long ] && depth=1000000 memory=8000

variants | {
	while read -r model what verdict name sizes definitions; do
		is_wanted "$model" "$name" "$@" || continue
		# The definitions are words of their own.
		# shellcheck disable=SC2086
		check "$model" "$what" "$verdict" "$name" "$sizes" $definitions &
		[ -z "${first-}" ] || wait "$first"
		first=$!
	done
	wait
}
passed=$(cat "$scratch"/*.outcome 2>/dev/null | grep -c passed)
failed=$(cat "$scratch"/*.outcome 2>/dev/null | grep -c failed)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
