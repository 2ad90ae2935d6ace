#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: smoke.sh DAEMON FOLDER
#
# The whole way once, by shell, as whoever and wherever this is run: mount, make a group, put a
# process into it that leaves a double-forked child behind, and be told when that has ended too.
# Prints "smoke: all as expected"; anything else is a failure.
set -eu
daemon=$1
folder=$2
tree=$folder/tree
mkdir "$tree"
mkfifo "$folder/calls"
cat >"$folder/agent" <<END
#!/bin/sh
echo "\$1" >$folder/calls
END
chmod 755 "$folder/agent"

fail() {
	echo "smoke: $*"
	exit 1
}

"$daemon" -o "name=smoke-$$,release_agent=$folder/agent" "$tree"
trap 'umount "$tree" 2>/dev/null || fusermount3 -u "$tree"' EXIT

mkdir "$tree/job"
echo 1 >"$tree/job/notify_on_release"
mkfifo "$folder/hold"
sh -c "echo 0 >'$tree/job/tasks'
	(setsid sh -c 'read x <$folder/hold' &)"
[ "$(cat "$tree/job/tasks" | wc -l)" -ge 1 ] || fail "the orphan is not listed"
if rmdir "$tree/job" 2>/dev/null; then fail "a populated group was removed"; fi
[ "$(cat "$tree/job/releasable")" = 0 ] || fail "releasable with a live task"
exec 3<>"$folder/calls"
echo go >"$folder/hold"
path=$(timeout 20 head -n 1 <&3) || fail "no call of the agent"
[ "$path" = /job ] || fail "the agent was called with '$path'"
[ -z "$(cat "$tree/job/tasks")" ] || fail "tasks of an empty group"
[ "$(cat "$tree/job/releasable")" = 1 ] || fail "releasable of an empty group"
rmdir "$tree/job"
echo "smoke: all as expected"
