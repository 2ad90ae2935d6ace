#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: sh packaging/quickstart.sh
#
# From a fresh clone to the main job of ucgroupfs in one command: installs what is missing, builds,
# mounts in a temporary folder as the calling user, puts a job that becomes a daemon into a group,
# and shows that the release agent is called once, when the last process of the job is gone.
# Exit status 0 only if the agent was called exactly once.  Leaves nothing behind but build/.
set -u
umask 022

cd "$(dirname "$0")/.." || exit 1
source_dir=$PWD
build_dir=$source_dir/build/release

patience_s=30 # for an event that a working daemon delivers within milliseconds

say() {
	printf '%s\n' "$*"
}

fail() {
	printf 'quickstart: %s\n' "$*" >&2
	exit 1
}

# Shows a command as one would type it, then runs it.
run() {
	say "\$ $1"
	sh -c "$1" || fail "this command failed: $1"
}

# The next line of the event FIFO; read byte by byte, so that later lines stay in it.
next_event() {
	# shellcheck disable=SC2016 # $line is the inner shell's
	timeout "$patience_s" sh -c 'read -r line && printf "%s\n" "$line"' <&4
}

build() {
	sh packaging/install-deps.sh build || exit 1
	say "Building in build/release ..."
	{
		cmake --preset release -DBUILD_TESTING=OFF &&
			cmake --build --preset release
	} >"$temp/build.log" 2>&1 || {
		cat "$temp/build.log" >&2
		fail "the build failed"
	}
	PATH=$build_dir/src:$PATH
}

# The agent gets its argument and nothing else: no environment, no open descriptor.
write_agent() {
	cat >"$temp/agent" <<-EOF
		#!/bin/sh
		echo "\$\$ \$1" >>$temp/calls
		echo "called with \$1" 1<>$temp/events
	EOF
	chmod +x "$temp/agent"
}

# The job: joins the group, leaves its session, forks twice, and all but the last process exit.
write_job() {
	cat >"$temp/job" <<-EOF
		#!/bin/sh
		echo 0 >mnt/job/cgroup.procs
		setsid sh -c './daemon </dev/null >/dev/null 2>&1 &' &
	EOF
	cat >"$temp/daemon" <<-EOF
		#!/bin/sh
		echo "\$\$" 1<>events
		read -r line <quit
	EOF
	chmod +x "$temp/job" "$temp/daemon"
}

mount_tree() {
	say "\$ ucgroupfs -o name=quickstart,release_agent=$temp/agent mnt"
	# In the foreground of a background job, so that its end can be waited for.
	ucgroupfs -f --ready-fd 5 -o "name=quickstart,release_agent=$temp/agent" mnt \
		4<&- 5>ready &
	server=$!
	# End of file without a line: it ended, and has said why.
	timeout "$patience_s" sh -c 'read -r line' <ready || fail "ucgroupfs did not mount"
}

show_daemon() {
	read -r _ _ _ parent _ session _ <"/proc/$daemon/stat"
	say "# $daemon is the job's daemon: its parent is process $parent, its session $session"
}

unmount_tree() {
	say "\$ fusermount3 -u mnt"
	fusermount3 -u mnt || fail "mnt could not be unmounted"
	wait "$server" || fail "ucgroupfs ended with status $?"
	server=
}

# An agent that was started and has not written its line yet still runs: ucgroupfs has ended, and
# it ends only when every agent has been executed.
count_calls() {
	calls=$(grep -c . calls)
	for process in /proc/[0-9]*; do
		case $(tr '\0' ' ' 2>/dev/null <"$process/cmdline") in
		"/bin/sh $temp/agent "*)
			grep -q "^${process#/proc/} " calls || calls=$((calls + 1))
			;;
		esac
	done
}

clean_up() {
	status=$?
	trap '' INT TERM HUP
	# The job's daemon, if it still waits for a writer, reads end of file and exits.
	[ ! -p "$temp/quit" ] || : <>"$temp/quit"
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null
		wait "$server"
	fi
	cd /
	if [ -n "$temp" ]; then
		mountpoint -q "$temp/mnt" && fusermount3 -u -z "$temp/mnt"
		rm -rf --one-file-system "$temp"
	fi
	exit "$status"
}

temp=
server=
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

temp=$(mktemp -d) || fail "no temporary folder"
build

cd "$temp" || exit 1
mkdir mnt
mkfifo events ready quit
: >calls
exec 4<>events
write_agent
write_job

say
say "A hierarchy whose release agent is a small script, mounted as $(id -un):"
mount_tree
run 'mkdir mnt/job'
run 'echo 1 >mnt/job/notify_on_release'
say
say "A job joins the group and becomes a daemon (setsid, two forks); its first process exits:"
run './job'
daemon=$(next_event) || fail "the job's daemon does not run after $patience_s s"
run 'cat mnt/job/tasks'
show_daemon
[ "$(cat mnt/job/tasks)" = "$daemon" ] || fail "tasks should list $daemon alone"
run 'cat mnt/job/releasable'
say
say "The daemon is told to end, and the release agent is called:"
run 'echo >quit'
called=$(next_event) || fail "the agent was not called within $patience_s s"
say "# the agent was $called"
run 'cat mnt/job/tasks'
[ -z "$(cat mnt/job/tasks)" ] || fail "tasks should be empty"
run 'cat mnt/job/releasable'
run 'rmdir mnt/job'
unmount_tree

count_calls
[ "$calls" -eq 1 ] || fail "the agent was called $calls times instead of once"
[ "$(cut -d ' ' -f 2 calls)" = /job ] || fail "the agent was $called instead of with /job"
say
say "Shown: a double-forked daemon stayed in its group, and when it was gone the release agent" \
	"was called exactly once, with /job."
