/* SPDX-License-Identifier: MIT */
/*
 * Does the tracker ever declare a group empty that is not?  A model of discovery for spin.
 *
 * The kernel's half.  Every pid is a slot, and a slot is a process of the model that sleeps while
 * the pid is free.  A fork is three steps of the slot of the forker, which cannot exit between
 * them:
 *   copy   the child's limits, hence its marker, are those that the forker has now;
 *   take   the next free pid after the cursor is taken (any free one with SET_TID); the cursor and
 *          the clock of allocations move; nobody can see a task there;
 *   show   the task is there, in the group that its forker is in *now*; or the fork fails and the
 *          pid is free again.
 *
 * The tracker's half.  It reads slots one at a time, and between any two of its steps anything may
 * happen.  It keeps: the frontier; the clock at the last look; pidfds of known members; pending
 * slots (pids that were taken and empty when read); and for each group whether it is exact: every
 * member that was taken before the frontier is known, pending or dead.
 *
 * Namespaces.  A task in pid namespaces below ours has a pid in each of them, and its forks take one
 * in each, the innermost first and ours last (alloc_pid()).  Only ours is read here.  What is done
 * before ours is taken is done between `copy` and `take`, which are as far apart as one likes; a fork
 * that fails there takes nothing of ours, and is no fork of the model.  One that fails afterwards is
 * `show`'s failure.  So members in namespaces of their own need no variant; that the pid of ours is
 * chosen by clone3's set_tid needs privilege in our namespace, and is SET_TID.
 *
 * Checked: when a group is declared empty, no live task is in it; and none turns up in it later.
 *
 * Each line that begins with `variant` is one run of run.sh: what spin must find, a name, the
 * sizes of the quick run, those of the long one (- for none), the definitions, and after the dash
 * what it is about.  FORKS >= PIDS lets the pids wrap.
 *
 * sizes PIDS,FORKS
 *
 * variant right alone          4,4 5,5 - one process and its descendants
 * variant right looks          4,3 5,4 LOOKS - requests settle the group while members live
 * variant right wrap           3,4 4,5 LOOKS - the same, more forks than pids
 * variant right stranger       3,3 4,4 STRANGER LOOKS - a process of no group forks too
 * variant right two-groups     4,2 4,3 GROUPS LOOKS - two groups share frontier and pending slots
 * variant right proc-passes    4,3 4,4 INEXACT LOOKS - exact is lost, two passes over /proc
 * variant right pending-pass   4,3 4,4 PENDING_PASS INEXACT LOOKS - or one over slots
 * variant right pending-groups 4,2 4,3 PENDING_PASS INEXACT GROUPS LOOKS - the same, two groups
 * variant right doubts         4,3 4,4 GAP DOUBTS LOOKS - a pid reads as free at first
 * variant right doubts-pass    4,3 4,4 GAP DOUBTS PENDING_PASS INEXACT LOOKS - the same, full passes
 * variant right move           4,3 4,4 MOVE LOOKS - a member is moved, perhaps in the midst of a fork
 * variant right counter        4,4 5,4 SET_TID COUNTER - pids in any order, counter rule
 *
 * variant wrong one-pass         4,3 - ONE_PASS - the cursor is not looked at again
 * variant wrong two-empty        4,3 - TWO_EMPTY - two empty looks in place of standstill
 * variant wrong no-pending       4,3 - NO_PENDING LOOKS - slots in flight are forgotten
 * variant wrong no-doubts        4,3 - GAP LOOKS - a slot that reads as free is taken for free
 * variant wrong newest-first     4,3 - NEWEST_FIRST - not in the order of allocation
 * variant wrong wrap-believed    4,4 - WRAP_BELIEVED LOOKS - range read whatever went by since
 * variant wrong cursor-alone     3,5 - CURSOR_ALONE - standstill though a whole cycle went by
 * variant wrong one-full         4,4 - ONE_FULL - one pass that remembers nothing in place of two
 * variant wrong full-trusted     4,4 - FULL_TRUSTED LOOKS - two such passes, believed while members live
 * variant wrong exact-shared     4,4 - EXACT_SHARED GROUPS LOOKS - one flag for all groups
 * variant wrong late-frontier    4,4 - PENDING_PASS LATE_FRONTIER INEXACT - cursor read after the pass
 * variant wrong no-forwarding    4,3 - MOVE NO_FORWARD - the old epoch goes on meaning the old group
 * variant wrong no-inheritance   4,4 - MOVE NO_INHERITANCE LOOKS - inexact no more by being moved
 * variant wrong cursor-set-tid   4,3 - SET_TID - the cursor rule where pids come in any order
 * variant wrong counter-one-full 4,3 - SET_TID COUNTER ONE_FULL - counter rule with one pass
 * variant wrong counter-ignored  4,3 - SET_TID COUNTER NO_COUNT - two passes, the clock not compared
 */

#ifndef PIDS
#define PIDS 4
#endif
#ifndef FORKS
#define FORKS 4 /* at most so many forks are begun */
#endif

/* What a slot is. */
#define FREE  0
#define TAKEN 1
#define ALIVE 2
#define GAPPED 3 /* taken, and the kernel does not answer for it yet */
#ifdef GAP
#define TAKEN_FIRST GAPPED
#else
#define TAKEN_FIRST TAKEN
#endif

/* Groups; a marker's epoch is at first the number of its group. */
#define NONE 0
#define G    1
#define H    2

/* ---- the kernel ---- */

byte slot[PIDS];
byte marker[PIDS];
byte home[PIDS]; /* the group in which the kernel has the task */
byte population[3];
byte cursor, forks;
byte clock; /* pids taken; with the cursor rule, pids passed over count as well */

/* ---- the tracker, as far as the kernel writes to it ---- */

#define READABLE 4 /* held: a pidfd whose process is dead; otherwise the group it is known in */
byte held[PIDS];
#define WAITING 1
#define GONE    2 /* pending: the pid was given back */
#define DOUBT   3 /* pending: it read as free */
byte pending[PIDS];
bool declared[3];
byte old_epoch = G; /* the group that epoch G means */

#define group_of(m) ((m) == G -> old_epoch : (m))

inline give_back(p)
{
	slot[p] = FREE;
	marker[p] = NONE;
	home[p] = NONE;
	if
	:: held[p] != NONE -> held[p] = READABLE
	:: else
	fi;
	if
	:: pending[p] == WAITING -> pending[p] = GONE
	:: else
	fi
}

/* p: the pid, PIDS if all are in use.  Inside atomic. */
inline take_pid(p, n)
{
#ifdef SET_TID
	p = 0;
	do
	:: p < PIDS && slot[p] == FREE -> break
	:: p < PIDS -> p++
	:: p == PIDS -> break
	od;
	if
	:: p < PIDS -> clock++
	:: else
	fi;
#else
	n = 1;
	do
	:: n <= PIDS && slot[(cursor + n) % PIDS] != FREE -> n++
	:: else -> break
	od;
	if
	:: n <= PIDS -> clock = clock + n; cursor = (cursor + n) % PIDS; p = cursor
	:: else -> p = PIDS
	fi;
	n = 0;
#endif
	if
	:: p < PIDS -> slot[p] = TAKEN_FIRST
	:: else
	fi
}

/* Only a move changes a forker's marker, so only then is it a step of its own to copy it. */
proctype task(byte me)
{
	byte copied, child, n;

end:	do
	:: atomic { slot[me] == ALIVE && forks < FORKS -> forks++; copied = marker[me];
#ifdef MOVE
	   }
	   atomic {
#endif
	   take_pid(child, n) }
#ifdef GAP
	   if
	   :: child < PIDS -> slot[child] = TAKEN
	   :: else
	   fi;
#endif
	   if
	   :: atomic {
		child < PIDS ->
		slot[child] = ALIVE;
		marker[child] = copied;
		home[child] = home[me];
		population[home[me]]++;
		assert(copied == NONE || !declared[group_of(copied)]);
		child = 0;
		copied = NONE
	      }
	   :: atomic {
		if
		:: child < PIDS -> give_back(child)
		:: else
		fi;
		child = 0;
		copied = NONE
	      }
	   fi
	:: atomic { slot[me] == ALIVE -> population[home[me]]--; give_back(me) }
	od
}

/* ---- the tracker ---- */

byte frontier, last;	   /* the cursor, and the clock, of the last look */
bool exact[3];
bool witness[3], found[3]; /* a known member lives; one was found by this look */
bool any_found, whole;  /* this look: found at all (even if dead again); read all slots */
bool trusted;		   /* less than a cycle has been taken since the frontier */
bool pend;		   /* this pass remembers slots in flight */
byte seen_to, before;	   /* the cursor and the clock when this look began */
byte seen, p, i;

#ifdef WRAP_BELIEVED
#define cycle_excluded true
#else
#define cycle_excluded (clock - last < PIDS)
#endif

inline drain()
{
	atomic {
		witness[G] = false;
		witness[H] = false;
		i = 0;
		do
		:: i < PIDS && held[i] == READABLE -> held[i] = NONE; i++
		:: i < PIDS && held[i] == NONE -> i++
		:: i < PIDS && held[i] != READABLE && held[i] != NONE -> witness[held[i]] = true; i++
		:: i == PIDS -> break
		od;
		i = 0
	}
}

/* One slot is two readings: what is there, and then, with a pidfd or F_SETOWN on it, whether it is
 * there still. */
inline read_slot(which)
{
	p = which;
	seen = slot[p];
#ifdef DOUBTS
	if
	:: pend && (seen == FREE || seen == GAPPED) && (pending[p] == NONE || pending[p] == GONE) ->
		pending[p] = DOUBT
	:: else
	fi;
#endif
	if
	:: seen == GAPPED -> seen = FREE
	:: held[p] == G || held[p] == H -> seen = FREE
	:: seen == ALIVE && marker[p] == NONE -> seen = FREE
	:: seen == TAKEN && !pend -> seen = FREE
	:: else
	fi
}

inline hold()
{
	if
	:: slot[p] == ALIVE && marker[p] != NONE ->
		held[p] = group_of(marker[p]);
		found[held[p]] = true;
		any_found = true
	:: else
	fi;
	seen = FREE;
	p = 0
}

inline remember()
{
	if
	:: slot[p] != FREE && pending[p] != WAITING -> pending[p] = WAITING
	:: else
	fi;
	seen = FREE;
	p = 0
}

inline read_all()
{
	do
	:: atomic { seen == FREE && i < PIDS -> read_slot(i); i++ }
	:: atomic { seen == ALIVE -> hold() }
	:: atomic { seen == TAKEN -> remember() }
	:: atomic { seen == FREE && i == PIDS -> i = 0; break }
	od
}

/* Oldest first: from the slot after the frontier, once round. */
#define next_pending ((frontier + 1 + i) % PIDS)

inline read_pending()
{
	do
	:: atomic { seen == FREE && i < PIDS ->
		if
		:: pending[next_pending] == GONE -> pending[next_pending] = NONE
		/* Its time is over, but not before the gap is: that is assumed. */
		:: pending[next_pending] == DOUBT ->
			if
			:: slot[next_pending] == FREE -> pending[next_pending] = NONE
			:: slot[next_pending] == GAPPED
			:: else -> pending[next_pending] = NONE; read_slot(next_pending)
			fi
		:: pending[next_pending] == WAITING ->
			if
			:: slot[next_pending] == ALIVE -> pending[next_pending] = NONE
			:: else
			fi;
			read_slot(next_pending)
		:: else
		fi;
		i++ }
	:: atomic { seen == ALIVE -> hold() }
	:: atomic { seen == TAKEN -> remember() }
	:: atomic { seen == FREE && i == PIDS -> i = 0; break }
	od
}

inline read_range()
{
#ifdef NEWEST_FIRST
	i = seen_to;
	do
	:: atomic { seen == FREE && i != frontier -> read_slot(i); i = (i + PIDS - 1) % PIDS }
	:: atomic { seen == ALIVE -> hold() }
	:: atomic { seen == TAKEN -> remember() }
	:: atomic { seen == FREE && i == frontier -> i = 0; break }
	od
#else
	i = frontier;
	do
	:: atomic { seen == FREE && i != seen_to -> i = (i + 1) % PIDS; read_slot(i) }
	:: atomic { seen == ALIVE -> hold() }
	:: atomic { seen == TAKEN -> remember() }
	:: atomic { seen == FREE && i == seen_to -> i = 0; break }
	od
#endif
}

/* Two passes that remember nothing.  Exact afterwards is a group of which nothing lived before and
 * nothing was found: members that live may be forking behind the pass. */
inline two_full_passes()
{
	pend = false;
	read_all();
#ifndef ONE_FULL
	read_all();
#endif
	atomic {
#ifdef FULL_TRUSTED
		exact[G] = true;
		exact[H] = true;
#elif defined(EXACT_SHARED)
		exact[G] = !found[g] && !witness[g];
		exact[H] = exact[G];
#else
		exact[G] = !found[G] && !witness[G] || trusted && exact[G];
		exact[H] = !found[H] && !witness[H] || trusted && exact[H];
		if
		:: trusted -> seen_to = frontier; before = last /* the next range is longer */
		:: else
		fi
#endif
	}
}

/* One pass that remembers slots in flight: what was taken before it is known, pending or dead. */
inline pending_pass()
{
	pend = true;
	read_all();
	atomic {
		exact[G] = true;
		exact[H] = true;
#ifdef LATE_FRONTIER
		seen_to = cursor;
		before = clock
#endif
	}
}

inline look(g)
{
	atomic {
		found[G] = false;
		found[H] = false;
		any_found = false;
		before = clock
	}
	seen_to = cursor;
	trusted = cycle_excluded;
	whole = !trusted || !exact[g];
	if
	:: whole ->
#ifdef PENDING_PASS
		if
		:: pending_pass()
		:: two_full_passes()
		fi
#else
		two_full_passes()
#endif
	:: else ->
#ifdef NO_PENDING
		pend = false;
#else
		pend = true;
		read_pending();
#endif
		read_range()
	fi;
	atomic { frontier = seen_to; last = before; pend = false; trusted = false }
}

/* Nobody known lives, and this look found nothing: is that the end? */
#if defined(ONE_PASS)
#define is_over true
#elif defined(TWO_EMPTY)
#define is_over (quiet >= 2)
#elif defined(CURSOR_ALONE)
#define is_over (cursor == seen_to)
#else
#define is_over (cursor == seen_to && clock - last < PIDS)
#endif

inline declare_empty(g)
{
	assert(population[g] == 0);
	declared[g] = true;
#if defined(MOVE) && !defined(NO_FORWARD)
	/* What was in flight when its forker left has been in H since, under the epoch of G. */
	if
	:: g == G -> old_epoch = H; exact[H] = exact[H] && exact[G]
	:: else
	fi
#endif
}

inline by_cursor(g)
{
	look(g);
	drain();
	if
	:: witness[g] || any_found || whole -> quiet = 0
	:: else ->
		quiet++;
		atomic {
			if
			:: is_over -> quiet = 0; declare_empty(g)
			:: else
			fi
		}
	fi
}

/* Own forks before and after: if the clock counted nothing but them, no pid was taken between. */
inline by_counter(g)
{
	atomic {
		before = clock;
		found[G] = false;
		found[H] = false;
		any_found = false
	}
	two_full_passes();
	atomic {
		if
#ifdef NO_COUNT
		:: !any_found -> declare_empty(g)
#else
		:: !any_found && clock == before -> declare_empty(g)
#endif
		:: else
		fi
	}
}

/* A stand-in for whoever writes the pid of slot 0 to the tasks of H. */
inline move_member()
{
	atomic {
		if
		:: held[0] == G && home[0] == G ->
#ifndef NO_INHERITANCE
			exact[H] = exact[H] && exact[G];
#endif
			marker[0] = H;
			home[0] = H;
			population[G]--;
			population[H]++;
			held[0] = H
		:: else /* it has died, or its pid is another's */
		fi
	}
}

active proctype tracker()
{
	byte quiet, g, n;

	atomic {
		slot[0] = ALIVE; marker[0] = G; home[0] = G; held[0] = G;
		population[G] = 1;
#ifndef INEXACT
		exact[G] = true;
		exact[H] = true;
#endif
#if defined(STRANGER) || defined(GROUPS)
		slot[1] = ALIVE;
		cursor = 1;
#endif
#ifdef GROUPS
		marker[1] = H; home[1] = H; held[1] = H;
		population[H] = 1;
#endif
		frontier = cursor;
		n = 0;
		do
		:: n < PIDS -> run task(n); n++
		:: else -> n = 0; break
		od
	}
	do
	:: atomic {
		if
		:: !declared[G] -> g = G
#ifdef GROUPS
		:: !declared[H] -> g = H
#endif
#ifdef MOVE
		/* Before that H may look empty: a child that took the old epoch counts as G's. */
		:: declared[G] && !declared[H] -> g = H
#endif
		:: else -> break
		fi
	   }
	   drain();
	   if
#ifdef LOOKS
	   :: witness[g] -> look(g)
#endif
#ifdef MOVE
	   :: witness[g] && g == G && held[0] == G -> move_member()
#endif
	   :: witness[g] -> quiet = 0
#ifdef COUNTER
	   :: else -> by_counter(g)
#else
	   :: else -> by_cursor(g)
#endif
	   fi
	od
}
