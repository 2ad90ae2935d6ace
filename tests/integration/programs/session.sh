#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: session.sh TREE NEWS [AGENT]
#
# A job manager's day in a cgroup v1 tree, with everything that can go wrong.  What it prints names
# no process id and no path outside the tree.  AGENT, if given, becomes the release agent; it writes
# the path of each released group to the FIFO NEWS.
cd "$1" || exit 1
exec 3<>"$2"

say() {
	echo "== $*"
}

# Shows its errors, goes on, and says how it ended
try() {
	"$@"
	echo "status $?"
}

# put VALUE FILE: by a program that says why a write failed
put() {
	/bin/echo "$1" >"$2"
}

# who GROUP: its tasks by name
who() {
	sed "s/^$first\$/first/; s/^$second\$/second/" "$1/tasks" | sort
}

# Some shells say what became of the process, at times.
stop() {
	kill "$1"
	wait "$1" 2>/dev/null
}

tree() {
	find . -mindepth 1 -type d | sort
}

say make
mkdir -p jobs/day/shift jobs/night
try mkdir jobs
try mkdir jobs/tasks
try mkdir none/night
tree
cat cgroup.sane_behavior jobs/notify_on_release jobs/cgroup.clone_children
[ -z "${3-}" ] || try put "$3" release_agent

say flags
for value in 0 1 2 01 0x1 '' yes ' 1' -1 08 18446744073709551616; do
	echo "value '$value'"
	try put "$value" jobs/notify_on_release
	cat jobs/notify_on_release
done
echo 1 >jobs/notify_on_release
mkdir jobs/weekend
cat jobs/weekend/notify_on_release jobs/night/notify_on_release

say attach
tail -f /dev/null &
first=$!
tail -f /dev/null &
second=$!
try put $first jobs/night/tasks
try put $second jobs/night/cgroup.procs
who jobs/night
echo $second >jobs/weekend/tasks
who jobs/night
who jobs/weekend
sh -c 'echo $$ >jobs/day/tasks; read -r pid <jobs/day/tasks; [ "$pid" = $$ ] && echo itself'
sh -c 'echo 0 >jobs/day/shift/tasks; cat jobs/day/shift/tasks | wc -l'
cat jobs/day/tasks jobs/day/shift/tasks
for value in 2147483647 2147483648 -1 0x '1 2' "$first,$second" init; do
	try put "$value" jobs/night/tasks 2>&1 | sed "s/$first\|$second/PID/g"
done
echo init >jobs/night/tasks
try put $first jobs/none/tasks

say refuse
try rmdir jobs/night
try rmdir jobs
try rmdir jobs/night/tasks
try rmdir jobs/none
try rm jobs/night/tasks
try touch jobs/night/new
try touch jobs/night/tasks
try ln -s tasks jobs/night/link
try ln jobs/night/tasks jobs/night/link
try mkfifo jobs/night/fifo
try cat jobs/night
try put 1 cgroup.sane_behavior
try put 1 jobs/release_agent
try head -c 10 jobs/release_agent
try mv jobs/night jobs/weekend
try mv -T jobs/night jobs/weekend
try mv jobs/weekend jobs/night/weekend
try mv jobs/night/tasks jobs/night/others
who jobs/night

say rename
try mv jobs/night jobs/evening
try cat jobs/night/tasks
who jobs/evening
tree

say release
put 1 jobs/evening/notify_on_release
stop $first
read -r path <&3
echo "released $path"
cat jobs/evening/tasks
put $second jobs/evening/tasks
read -r path <&3
echo "released $path"
stop $second
read -r path <&3
echo "released $path"
put 1 jobs/day/notify_on_release
rmdir jobs/day/shift
read -r path <&3
echo "released $path"

say remove
rmdir jobs/evening jobs/weekend
try rmdir jobs/day jobs
read -r path <&3
echo "released $path"
tree
