/* SPDX-License-Identifier: MIT */
/*
 * cgroup.kill among members without marks, where looks have to find their children: track/kill.c,
 * K5.  A model for spin.
 *
 * The kernel's half.  Nothing but its parent tells whose child a task is; when that dies, its parent
 * is the reaper, as long as he lives, and then nobody.  A fork is two steps: it takes a pid, and
 * shows the child.  A task that got SIGSTOP may begin forks until it has stopped, and stops outside
 * of forks alone; one that got SIGKILL fails the fork that it is in, and dies.  Pids are taken in
 * their order; none is used twice here.
 *
 * The tracker's half.  Whoever is known is halted.  Then: it sees whether all of them have stopped; a
 * look reads each slot that was taken before it began, in their order, and whoever has a known
 * parent who lives is known, and halted; if the look has found nobody, all had stopped before it
 * began, and no pid was taken since, all are killed.  Else all of it again.  (What looks leave out
 * and pend is discovery.pml's matter.)
 *
 * Guarantee: K5, whoever descends from those who were known dies; nobody else does.
 *
 * Variants as in discovery.pml: what spin must find, a name, sizes, long sizes, definitions.
 *
 * sizes FORKS
 *
 * variant right family     3 5 - one who stays, as do its children
 * variant right reaper     3 - REAPER - all but the reaper may end, and what they leave is his
 *
 * variant wrong at-once    2 - AT_ONCE - all that are known are killed, and what is found later
 * variant wrong unseen     2 - UNSEEN - nobody sees whether they have stopped
 * variant wrong seen-last  3 - SEEN_LAST - they have stopped after the look, not before
 * variant wrong no-reaper  3 - REAPER REAPER_FIRST - the reaper is killed with his children unfound
 * variant wrong moving     3 - REAPER MOVING - pids may be taken during the look
 * variant wrong any-order  3 - REAPER BACKWARDS - the look begins with the slot that was taken last
 */

#ifndef FORKS
#define FORKS 3
#endif

#define PIDS (FORKS + 3)

#define FREE  0 /* dead, or not taken yet */
#define TAKEN 1
#define ALIVE 2

#define FIRST 0 /* the member that is known; with REAPER the reaper of all that it comes to */
#define NOBODY PIDS

byte slot[PIDS], parent[PIDS];
bool forking[PIDS], got_stop[PIDS], got_kill[PIDS], has_stopped[PIDS];
bool is_member[PIDS], known[PIDS];
bool stays[PIDS]; /* dies of nothing but SIGKILL */
byte cursor; /* the pid that is taken next */

#define is_running(p) (slot[p] == ALIVE && !has_stopped[p] && !got_kill[p])
#ifdef REAPER
#define may_fork(p) (p != FIRST)
#define may_end(p) (!stays[p] && is_running(p) && !got_stop[p])
#define choose_to_stay(p) if :: stays[p] = true :: true fi
#define heir(p) (is_member[p] && slot[FIRST] == ALIVE -> FIRST : NOBODY)
#else
#define may_fork(p) true
#define may_end(p) false
#define choose_to_stay(p) stays[p] = true
#define heir(p) NOBODY
#endif

inline leave(p)
{
	slot[p] = FREE;
	do
	:: k < PIDS && slot[k] == ALIVE && parent[k] == p -> parent[k] = heir(p); k++
	:: k < PIDS && !(slot[k] == ALIVE && parent[k] == p) -> k++
	:: k == PIDS -> k = 0; break
	od;
	is_member[p] = false;
	known[p] = false;
	stays[p] = false;
	got_stop[p] = false;
	got_kill[p] = false;
	has_stopped[p] = false;
	parent[p] = NOBODY
}

proctype task(byte me)
{
	byte child, k;

end:	do
	:: atomic { is_running(me) && may_fork(me) && !forking[me] && cursor < PIDS ->
		child = cursor;
		cursor++;
		slot[child] = TAKEN;
		forking[me] = true
	   }
	:: atomic { forking[me] && !got_kill[me] ->
		slot[child] = ALIVE;
		parent[child] = me;
		is_member[child] = is_member[me];
		choose_to_stay(child);
		forking[me] = false;
		child = 0
	   }
	:: atomic { forking[me] && got_kill[me] -> slot[child] = FREE; forking[me] = false; child = 0 }
	:: atomic { slot[me] == ALIVE && got_stop[me] && !forking[me] && !has_stopped[me] ->
		has_stopped[me] = true }
	:: atomic { slot[me] == ALIVE && !forking[me] && (got_kill[me] || may_end(me)) -> leave(me) }
	od
}

/* ---- the tracker ---- */

inline meet(p)
{
	known[p] = true;
#ifdef AT_ONCE
	got_kill[p] = true
#else
	got_stop[p] = true
#endif
}

#define has_known_parent(p) (slot[p] == ALIVE && !known[p] && parent[p] != NOBODY && known[parent[p]])

inline examine(p)
{
	atomic {
		if
		:: has_known_parent(p) -> assert(is_member[p]); meet(p); found = true
		:: else
		fi
	}
}

/* Slots are read one by one. */
inline look()
{
	found = false;
	end = cursor;
	do
#ifdef BACKWARDS
	:: i < end -> examine(end - 1 - i); i++
#else
	:: i < end -> examine(i); i++
#endif
	:: else -> i = 0; break
	od
}

#define is_halted(p) (!known[p] || has_stopped[p])

/* One by one, too. */
inline see()
{
	all_halted = true;
	do
	:: i < PIDS -> all_halted = all_halted && is_halted(i); i++
	:: else -> i = 0; break
	od
}

inline kill_all()
{
	atomic {
		do
		:: i < PIDS ->
			assert(!known[i] || is_member[i]);
			got_kill[i] = got_kill[i] || known[i];
			i++
		:: else -> i = 0; break
		od
	}
}

active proctype tracker()
{
	byte i, n, end;
	bool found, all_halted;

	atomic {
		do
		:: n < PIDS -> parent[n] = NOBODY; run task(n); n++
		:: else -> n = 0; break
		od;
		cursor = 3;
		slot[FIRST] = ALIVE; is_member[FIRST] = true; known[FIRST] = true; stays[FIRST] = true;
		/* A stranger, whom nobody may harm. */
		slot[1] = ALIVE;
#ifdef REAPER
		/* What the reaper has started. */
		slot[2] = ALIVE; is_member[2] = true; parent[2] = FIRST;
		choose_to_stay(2);
#endif
	}
	/* The write: at some time. */
	atomic {
		meet(FIRST);
#ifdef REAPER_FIRST
		got_kill[FIRST] = true;
#endif
	}
	do
	:: true ->
#ifdef SEEN_LAST
		look();
		see();
#else
		see();
		look();
#endif
#ifdef UNSEEN
		all_halted = true;
#endif
#ifdef MOVING
		end = cursor;
#endif
		if
		:: all_halted && !found && end == cursor -> kill_all(); break
		:: else
		fi
	od
}

/* When nothing more can happen, no member lives. */
active proctype judge()
{
	byte i;

end:	do
	:: atomic { timeout ->
		do
		:: i < PIDS -> assert(slot[i] != ALIVE || !is_member[i]); i++
		:: else -> break
		od;
		break }
	od
}
