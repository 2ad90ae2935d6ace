/* SPDX-License-Identifier: MIT */
/*
 * cgroup.kill: all who are in the group at the write die, and all whom they fork; nobody else.  A
 * model for spin of track/tracker.c, track/witness.c and roster_epoch_need().
 *
 * The kernel's half.  A slot is a pid; a pid that is free is given out again at once.  A fork copies
 * the marker, which is an epoch, takes a pid, and shows the child in its forker's group, or fails.  A
 * task that got SIGKILL ends the fork that it is in, begins no other, and dies.  A pidfd means one
 * task for ever.
 *
 * The tracker's half.  The write marks the group's epoch as killed and kills each member that is
 * known, by its pidfd; for one that is not held a pidfd is opened, and its marker read after that.
 * Then the write is answered.  Whoever is admitted with a killed epoch is killed.  Looks (their own
 * model's, one step here but for the reading of one slot) are made while no known member of the
 * epoch lives, until it is empty.  A newcomer of the group gets another epoch.
 *
 * Guarantees:
 * K1. Nobody is killed who was not in the group at the write, nor forked by those who were: it is
 *     done through a pidfd that was opened before the marker was read; if the pid is another's by
 *     now the pidfd is dead.
 * K2. Who is attached after the write was answered lives: it does not carry the killed epoch.
 * K3. Forks being few, all of them are dead in the end, whether anybody knew them or not.
 * K4. For that the killed epoch is looked for until it is empty, although the group has newcomers: a
 *     newcomer that lives is no witness for those who are to die.
 *
 * Variants as in discovery.pml: what spin must find, a name, sizes, long sizes, definitions.
 *
 * sizes PIDS,FORKS
 *
 * variant right alone         4,3 4,4 - a member that forks, and a stranger
 * variant right newcomer      4,2 4,3 NEWCOMER - the stranger is attached at some time
 * variant right unheld        4,2 4,3 UNHELD NEWCOMER - members are known, but no pidfd is held
 *
 * variant wrong by-pid        4,2 - BY_PID - a known member's pid is killed (K1)
 * variant wrong read-first    4,2 - READ_FIRST UNHELD - the marker is read, then the pidfd opened (K1)
 * variant wrong epoch-shared  4,2 - EPOCH_SHARED NEWCOMER - newcomers get the killed epoch (K2)
 * variant wrong known-alone   4,2 - KNOWN_ALONE - who is admitted later is not killed (K3)
 * variant wrong any-witness   4,2 - ANY_WITNESS NEWCOMER - no look while any known member lives (K4)
 */

#ifndef PIDS
#define PIDS 4
#endif
#ifndef FORKS
#define FORKS 2
#endif

#define FREE  0
#define TAKEN 1
#define ALIVE 2

#define NONE  0
#define OLD   1 /* the epoch that is killed */
#define NEW   2
#ifdef EPOCH_SHARED
#define OF_NEWCOMERS OLD
#else
#define OF_NEWCOMERS NEW
#endif

/* ---- the kernel ---- */

byte slot[PIDS], epoch[PIDS], birth[PIDS];
bool is_member[PIDS];
bool forking[PIDS], got_signal[PIDS];
bool stays[PIDS];     /* dies of nothing but SIGKILL */
bool doomed[PIDS];    /* in the group at the write, or forked by one who was */
byte forks, births;

/* ---- the tracker ---- */

byte known[PIDS];     /* its epoch */
byte pidfd[PIDS];     /* the birth of the task that it means */
bool is_killed, written, populated;

#define is_gone(p) (slot[p] != ALIVE || birth[p] != pidfd[p])

inline leave(p)
{
	slot[p] = FREE;
	epoch[p] = NONE;
	birth[p] = 0;
	is_member[p] = false;
	got_signal[p] = false;
	stays[p] = false;
	doomed[p] = false
}

proctype task(byte me)
{
	byte copied, child;

end:	do
	:: atomic { slot[me] == ALIVE && !got_signal[me] && !forking[me] && forks < FORKS ->
		forks++;
		child = 0;
		do
		:: child < PIDS && slot[child] != FREE -> child++
		:: else -> break
		od;
		if
		:: child < PIDS ->
			slot[child] = TAKEN;
			copied = epoch[me];
			forking[me] = true
		:: else -> child = 0
		fi
	   }
	:: atomic { forking[me] ->
		births++;
		slot[child] = ALIVE;
		birth[child] = births;
		epoch[child] = copied;
		is_member[child] = is_member[me];
		doomed[child] = doomed[me];
		if
		:: stays[child] = true
		:: true
		fi;
		forking[me] = false;
		copied = NONE;
		child = 0
	   }
	:: atomic { forking[me] -> slot[child] = FREE; forking[me] = false; copied = NONE; child = 0 }
	:: atomic { slot[me] == ALIVE && !forking[me] && (got_signal[me] || !stays[me]) -> leave(me) }
	od
}

/* ---- the tracker ---- */

/* SIGKILL to whoever has the pid now. */
inline signal(p)
{
	assert(doomed[p]); /* K1, K2 */
	got_signal[p] = true
}

inline kill_by_pidfd(p, fd)
{
	if
	:: slot[p] == ALIVE && birth[p] == fd -> signal(p)
	:: else
	fi
}

inline drain()
{
	atomic {
		i = 0;
		do
		:: i < PIDS && known[i] != NONE && is_gone(i) -> known[i] = NONE; pidfd[i] = 0; i++
		:: i < PIDS && !(known[i] != NONE && is_gone(i)) -> i++
		:: i == PIDS -> i = 0; break
		od
	}
}

/* Two readings: the marker, and the pidfd, in this order or the other. */
inline open_and_kill(p)
{
#ifdef READ_FIRST
	atomic { opened = 0; carries = epoch[p] == OLD };
	opened = birth[p];
#else
	opened = birth[p];
	carries = epoch[p] == OLD;
#endif
	atomic {
		if
		:: carries && opened -> kill_by_pidfd(p, opened)
		:: else
		fi;
		opened = 0;
		carries = false
	}
}

inline write_kill()
{
	atomic {
		is_killed = true;
		do
		:: i < PIDS -> doomed[i] = is_member[i]; i++
		:: else -> i = 0; break
		od
	}
	do
	:: i < PIDS && known[i] == OLD ->
#ifdef UNHELD
		open_and_kill(i);
#elif defined(BY_PID)
		atomic {
			if
			:: slot[i] == ALIVE -> signal(i)
			:: else
			fi
		}
#else
		atomic { kill_by_pidfd(i, pidfd[i]) };
#endif
		i++
	:: i < PIDS && known[i] != OLD -> i++
	:: i == PIDS -> i = 0; break
	od;
	written = true
}

/* A look: each slot is read, and then again with its pidfd in hand. */
inline look()
{
	do
	:: i < PIDS ->
		atomic {
			opened = 0;
			if
			:: slot[i] == ALIVE && epoch[i] != NONE && (known[i] == NONE || is_gone(i)) ->
				opened = birth[i]
			:: else
			fi
		}
		atomic {
			if
			:: opened && slot[i] == ALIVE && birth[i] == opened ->
				known[i] = epoch[i];
				pidfd[i] = opened;
#ifndef KNOWN_ALONE
				if
				:: is_killed && epoch[i] == OLD -> signal(i)
				:: else
				fi
#endif
			:: else
			fi;
			opened = 0;
			i++
		}
	:: else -> i = 0; break
	od
}

#ifdef ANY_WITNESS
#define is_witness(p) (known[p] != NONE)
#else
#define is_witness(p) (known[p] == OLD)
#endif
#define no_witness (!is_witness(0) && !is_witness(1) && !is_witness(2) && !is_witness(3))
#define is_told_of(p) (known[p] != NONE && is_gone(p))
#define has_event (is_told_of(0) || is_told_of(1) || is_told_of(2) || is_told_of(3))
#define carries_old(p) (slot[p] == ALIVE && epoch[p] == OLD)
#define lives(p) (carries_old(p) || forking[p])

/* As discovery.pml has it: the epoch is over when nobody carries it, nor is in flight. */
inline declare()
{
	atomic {
		if
		:: no_witness && !lives(0) && !lives(1) && !lives(2) && !lives(3) -> populated = false
		:: else
		fi
	}
}

active proctype tracker()
{
	byte i, n, opened;
	bool carries, attached;

	atomic {
		slot[0] = ALIVE; epoch[0] = OLD; birth[0] = 1; is_member[0] = true;
		known[0] = OLD; pidfd[0] = 1;
		slot[1] = ALIVE; birth[1] = 2;
		births = 2;
		populated = true;
		stays[1] = true;
		if
		:: stays[0] = true
		:: true
		fi;
		do
		:: n < PIDS -> run task(n); n++
		:: else -> n = 0; break
		od
	}
end:	do
	:: atomic { !written -> skip }; write_kill(); look()
#ifdef NEWCOMER
	:: atomic { !attached && slot[1] == ALIVE && birth[1] == 2 && !forking[1] ->
		attached = true;
		is_member[1] = true;
		/* Before the write the group has one epoch. */
		epoch[1] = (written -> OF_NEWCOMERS : OLD);
		known[1] = epoch[1];
		pidfd[1] = 2;
		populated = true }
#endif
	:: atomic { has_event -> skip }; drain()
	:: atomic { populated && no_witness -> skip }; look(); drain(); declare()
	od
}

/* K3: when nothing more can happen, nobody lives who was to die. */
active proctype judge()
{
	byte i;

end:	do
	:: atomic { timeout ->
		do
		:: i < PIDS -> assert(!doomed[i]); i++
		:: else -> break
		od;
		assert(written);
		break }
	od
}
