/* SPDX-License-Identifier: MIT */
/*
 * Discovery with two carriers: members that lose one, and threads that are members on their own.
 * A model for spin; what the order of slots is good for is discovery.pml's, so here no pid is given
 * out twice and the range is always trusted.
 *
 * The kernel's half.  A slot is a pid, and a slot is a task of the model.
 *   marker  a resource limit: one per process, shared by its threads; fork copies it first.
 *   hint    10 bits of the I/O priority: one per task; fork copies the forking task's after that,
 *           and then takes a pid.  A zombie's reads as none.
 *   fork    copy the marker, copy the hint, take a pid, show (or fail): the new task, a process or a
 *           thread of the forker's, is in the group that the forker is in when it is shown.
 *   exit    a thread's slot is free; a leader stays a zombie at least while its threads live.
 *   exec    by a thread that is not the leader: the others die, it takes the leader's slot, with its
 *           own hint, in its own group; its own slot is free.  The zombie of a leader is replaced.
 *   wipe    a task loses its process's marker, or its own hint: but never the one by which alone
 *           some living thread of that process can be told to be where it is.
 *
 * The tracker's half.  It reads slots one at a time.  A task's group is its hint's, if it has one
 * of ours; else its marker's; else none.  It holds pidfds of members, of single tasks where a
 * process is split (PIDFD_THREAD); of a leader it sees at a drain that it is a zombie.
 *
 * Guarantees:
 * C1. A hint of ours decides; without one the marker does; without both it is nobody's.
 * C2. Marker and hint of a slot are read in either order, and that it lives is seen last (pidfd), with
 *     the carriers read again after the pidfd was opened.  What lives at the end has lived all through;
 *     of what has died by then neither carrier says anything.  No order could do for exec, which gives
 *     a slot another hint: that is C4's.
 * C3. In looks in the order of slots only live finds count.  A member that is dead when it is read
 *     has forked before, what it forked lies later in the order, and was out: it could not die with a
 *     fork in flight.  So G3 of discovery.h holds with `dead` for `free`.
 * C4. A thread's exec brings a task to a slot that was taken long ago.  The slots where that can
 *     change anything are those of leaders of split processes, and of dead leaders of processes that
 *     live.  They are read at the beginning of each look, before the range, and at its end; and at
 *     the end of each pass.  First: who had come there before the cursor was read may have forked
 *     since, and may die as soon as that is out.  Last: who comes there later left a slot that may
 *     not have been read; if that is read as free, the leader's, read after it, shows him; and what
 *     he forks from there on moves the cursor.
 *     A dead leader whose marker is lost reads like a stranger; whoever execs then has the hint.  So
 *     what lives and carried nothing is read once more at the end; that no exec of the same process
 *     comes between those last readings, too, is assumed.
 * C5. One pass over slots that pends restores G1 as before, with C4 (G4).
 * C6. In two passes over /proc only live finds count, too: zombies are nobody's, whatever they read
 *     as.  What was taken before the cursor was read, and is not found by the first pass, is dead or
 *     was in flight when its slot was read.  In the second it is found, or dead, or in flight still;
 *     then its forker has lived all through the first, and was found.  What was taken since lies in
 *     the next range.
 * C7. A whole process is attached by its marker, then by the hints of its threads.  A thread in flight
 *     has copied the old hint, and may fork as soon as it is out: so each thread whose hint was
 *     written has to be seen outside of a fork (M1), and then the threads are listed again, the
 *     leader first and last, until there is none with another hint and the cursor stood still.
 *
 * Checked: when a group is declared empty no live task is in it, and none turns up in it later.
 *
 * A fork in flight while its forker alone is moved is discovery.pml's and mover.h's matter: such a
 * move happens outside of forks here.
 *
 * Variants as in discovery.pml: what spin must find, a name, sizes, long sizes, definitions.
 *
 * sizes PIDS,FORKS
 *
 * variant right wipes          4,3 5,4 WIPES LOOKS - processes lose one carrier or the other
 * variant right threads        4,2 4,3 THREADS LOOKS - a process with threads that fork and exec
 * variant right split          4,1 4,2 SPLIT THREADS LOOKS - its threads are in two groups
 * variant right split-wipes    4,1 4,2 SPLIT THREADS WIPES LOOKS - and lose one carrier or the other
 * variant right order          4,1 4,2 ORDER SPLIT THREADS WIPES - carriers read in two steps
 * variant right order-other    4,2 - HINT_BEFORE_MARKER ORDER PAIR THREADS WIPES - the hint first
 * variant right pending-pass   3,1 4,2 INEXACT SPLIT THREADS WIPES LOOKS - full passes over slots
 * variant right proc           4,2 4,3 UNKNOWN INEXACT PROC ZOMBIES WIPES LOOKS - full passes over /proc
 * variant right proc-threads   3,1 4,2 INEXACT PROC ZOMBIES SPLIT THREADS WIPES - the same, threads
 * variant right attach         4,1 4,2 ATTACH PAIR THREADS - a process of several threads is attached
 *
 * variant wrong marker-alone   4,3 - MARKER_ALONE WIPES - the hint is not asked (C1)
 * variant wrong marker-first   4,2 - MARKER_FIRST SPLIT THREADS - the marker decides over the hint (C1)
 * variant wrong leaders-hint   4,2 - LEADERS_HINT SPLIT THREADS - the leader's for all its threads (C1)
 * variant wrong lone-hint-lost 4,2 - WIPE_ALONE SPLIT WIPES - a thread alone in a group loses its hint
 * variant wrong not-again      4,2 - NOT_AGAIN SPLIT THREADS - leaders are not read again (C4)
 * variant wrong again-early    4,2 - AGAIN_EARLY SPLIT THREADS - but at the beginning of a look (C4)
 * variant wrong again-late     4,2 - AGAIN_LATE SPLIT THREADS - or but at the end (C4)
 * variant wrong dead-leader    4,3 - DEAD_LEADER_FREE THREADS WIPES - one whose process lives is free (C4)
 * variant wrong bare-once      4,3 - BARE_ONCE THREADS WIPES - a stranger is not read again (C4)
 * variant wrong pass-not-again 4,2 - NOT_AGAIN INEXACT SPLIT THREADS - a pass without C4
 * variant wrong one-proc-pass  4,3 - ONE_PASS UNKNOWN INEXACT PROC ZOMBIES - one pass over /proc (C6)
 * variant wrong attach-once    4,2 - ATTACH_ONCE ATTACH PAIR THREADS - threads listed once (C7)
 * variant wrong attach-unsteady 4,2 - UNSTEADY ATTACH PAIR THREADS - though threads came meanwhile (C7)
 * variant wrong attach-forking 4,2 - NOT_OUTSIDE ATTACH PAIR THREADS - not waited for M1 (C7)
 */

#ifndef PIDS
#define PIDS 4
#endif
#ifndef FORKS
#define FORKS 3
#endif

#define FREE   0
#define TAKEN  1
#define ALIVE  2
#define ZOMBIE 3

#define NONE 0
#define G    1
#define H    2

/* ---- the kernel ---- */

byte slot[PIDS];
byte leader[PIDS];     /* the slot of the process; of a free slot 0 */
byte lives[PIDS];      /* by leader: tasks that live */
byte marker[PIDS];     /* by leader */
byte hint[PIDS];
byte home[PIDS];       /* the group in which the kernel has the task */
bool forking[PIDS];
byte population[3];
byte cursor, forks;
#ifdef ATTACH
bool moved[PIDS];      /* was forking when it was moved, and is still */
bool attaching;        /* an attach of the process of slot 0 is not done yet */
#endif

/* ---- the tracker, as far as the kernel writes to it ---- */

#define READABLE 4
byte held[PIDS];       /* the group that its pidfd is held for; READABLE: it is dead */
#define WAITING 1
#define GONE    2
byte pending[PIDS];
bool declared[3];
byte boss;             /* within a step */

inline notice_death(p)
{
	if
	:: held[p] != NONE -> held[p] = READABLE
	:: else
	fi
}

inline free_slot(p)
{
	slot[p] = FREE;
	leader[p] = 0;
	marker[p] = NONE;
	if
	:: pending[p] == WAITING -> pending[p] = GONE
	:: else
	fi
}

/* A task ends, for its own reasons or for another's exec. */
inline end_task(p)
{
	population[home[p]]--;
	home[p] = NONE;
	hint[p] = NONE;
	notice_death(p);
	boss = leader[p];
	lives[boss]--;
	if
	:: boss == p -> slot[p] = ZOMBIE
	:: else -> free_slot(p)
	fi;
#ifndef ZOMBIES
	if
	:: slot[boss] == ZOMBIE && lives[boss] == 0 -> free_slot(boss)
	:: else
	fi;
#endif
	boss = 0
}

/* Would every task of the process that relies on its marker be told by its hint? */
#define is_told_by_hint(p, l) (slot[p] != ALIVE || leader[p] != l || hint[p] == home[p])

inline may_lose_marker(l, n, answer)
{
	n = 0;
	do
	:: n < PIDS && is_told_by_hint(n, l) -> n++
	:: else -> break
	od;
	answer = (n == PIDS);
	n = 0
}

#ifdef WIPE_ALONE
#define may_lose_hint(p) (hint[p] != NONE)
#else
#define may_lose_hint(p) (hint[p] != NONE && marker[leader[p]] == home[p])
#endif

inline exec(me, l, n)
{
	n = 0;
	do
	:: n < PIDS && slot[n] == ALIVE && leader[n] == l && n != me && n != l -> end_task(n); n++
	:: n < PIDS && !(slot[n] == ALIVE && leader[n] == l && n != me && n != l) -> n++
	:: n == PIDS -> break
	od;
	n = 0;
	if
	:: slot[l] == ALIVE -> population[home[l]]--
	:: else
	fi;
	/* A pidfd of the leader's pid is now one of this task. */
	slot[l] = ALIVE;
	home[l] = home[me];
	hint[l] = hint[me];
	lives[l] = 1;
	home[me] = NONE;
	hint[me] = NONE;
	notice_death(me);
	free_slot(me)
}

/* Does another thread of the process fork? */
inline fork_under_way(l, n, answer)
{
	n = 0;
	do
	:: n < PIDS && !(forking[n] && leader[n] == l && slot[n] == ALIVE) -> n++
	:: else -> break
	od;
	answer = (n < PIDS);
	n = 0
}

#ifdef ATTACH
#define put_home(child, me) \
	if \
	:: (moved[me] || attaching && leader[me] == 0) && leader[child] == child -> \
		home[child] = (hint[child] != NONE -> hint[child] : marker[child]) \
	:: else -> home[child] = home[me] \
	fi
#else
#define put_home(child, me) home[child] = home[me]
#endif

inline fork_is_over(me)
{
	forking[me] = false;
#ifdef ATTACH
	moved[me] = false;
#endif
	child = 0;
	copied = NONE;
	copied_hint = NONE
}

proctype task(byte me)
{
	byte copied, copied_hint, child, n;
	bool answer;

end:	do
	:: atomic { slot[me] == ALIVE && !forking[me] && forks < FORKS && cursor < PIDS - 1 ->
		forks++;
		forking[me] = true;
		copied = marker[leader[me]];
#ifdef ATTACH
	   }
	   atomic {
#endif
		copied_hint = hint[me];
		cursor++;
		child = cursor;
		slot[child] = TAKEN
	   }
	   if
	   :: atomic {
		slot[child] = ALIVE;
		leader[child] = child;
		marker[child] = copied;
		hint[child] = copied_hint;
		lives[child] = 1;
		put_home(child, me);
		population[home[child]]++;
		assert(!declared[home[child]] || home[child] == NONE);
		fork_is_over(me)
	      }
#ifdef THREADS
	   :: atomic {
		slot[child] = ALIVE;
		leader[child] = leader[me];
		hint[child] = copied_hint;
		lives[leader[me]]++;
		put_home(child, me);
		population[home[child]]++;
		assert(!declared[home[child]] || home[child] == NONE);
		fork_is_over(me)
	      }
#endif
#ifdef FAILS
	   :: atomic { free_slot(child); fork_is_over(me) }
#endif
	   fi
	:: atomic { slot[me] == ALIVE && !forking[me] -> end_task(me) }
#ifdef ZOMBIES
	:: atomic { slot[me] == ZOMBIE && lives[me] == 0 -> free_slot(me) }
#endif
#ifdef THREADS
	:: atomic { slot[me] == ALIVE && !forking[me] && leader[me] != me ->
		fork_under_way(leader[me], n, answer);
		if
		:: !answer -> n = leader[me]; child = n; exec(me, child, n); child = 0
		:: else
		fi;
		answer = false
	   }
#endif
#ifdef WIPES
	:: atomic { slot[me] == ALIVE && home[me] != NONE && marker[leader[me]] != NONE ->
		may_lose_marker(leader[me], n, answer);
		if
		:: answer -> marker[leader[me]] = NONE
		:: else
		fi;
		answer = false
	   }
	:: atomic { slot[me] == ALIVE && home[me] != NONE && may_lose_hint(me) -> hint[me] = NONE }
#endif
	od
}

/* ---- the tracker ---- */

byte frontier, seen_to;
bool exact[3], witness[3], found[3];
bool any_found;
bool again[PIDS];  /* leaders that are read again at the end (C4) */
#ifdef THREADS
bool bare[PIDS];   /* and those that carried nothing in this look */
#endif
bool pend;
bool whole;        /* this look: full passes */
#ifdef ATTACH
bool attached, wrote;
byte listed_at;
#endif
byte seen, p, i, saw_marker, saw_hint;

#ifdef MARKER_ALONE
#define group_by(m, h) (m)
#elif defined(MARKER_FIRST)
#define group_by(m, h) ((m) != NONE -> (m) : (h))
#else
#define group_by(m, h) ((h) != NONE -> (h) : (m))
#endif

/* The hint of the leader for all its threads. */
#ifdef LEADERS_HINT
#define hint_of(q) hint[leader[q]]
#else
#define hint_of(q) hint[q]
#endif

inline drain()
{
	atomic {
		witness[G] = false;
		witness[H] = false;
		i = 0;
		do
		:: i < PIDS && held[i] == READABLE ->
			held[i] = NONE;
#if defined(THREADS) && !defined(DEAD_LEADER_FREE)
			/* A leader; the pidfd of his process is not readable. */
			again[i] = again[i] || lives[i];
#endif
			i++
		:: i < PIDS && held[i] == NONE -> i++
		:: i < PIDS && held[i] != READABLE && held[i] != NONE -> witness[held[i]] = true; i++
		:: i == PIDS -> break
		od;
		i = 0
	}
}

#define READING 9 /* seen: the carriers are being read */
#define JUDGED  8 /* the carriers were read */

/*
 * Readings of a slot: F_SETOWN tells what is there; then the carriers; then, with a pidfd, whether
 * it lives.  The readings between which the order does not matter are one step, but in ORDER.
 */
inline begin_slot(which)
{
	p = which;
	seen = slot[p];
	if
	:: seen == TAKEN && !pend -> seen = FREE
	:: seen == ALIVE || seen == ZOMBIE -> seen = READING
	:: else
	fi
}

inline read_marker()
{
	saw_marker = (slot[p] == FREE || slot[p] == TAKEN -> NONE : marker[leader[p]])
}

inline read_hint()
{
	saw_hint = (slot[p] == ALIVE -> hint_of(p) : NONE)
}

/* That it lives is seen last, and what it carries is read again with its pidfd in hand. */
inline judge()
{
	if
	:: slot[p] == ALIVE && group_by(saw_marker, saw_hint) != NONE ->
		saw_marker = group_by(marker[leader[p]], hint_of(p));
		saw_hint = NONE;
		if
		:: saw_marker != NONE && held[p] != saw_marker ->
			held[p] = saw_marker;
			found[saw_marker] = true;
			any_found = true;
#ifdef THREADS
			/* It is not its process's pidfd that is held. */
			boss = leader[p];
			again[boss] = again[boss] || boss != p && held[boss] == NONE;
			boss = 0
#endif
		:: else
		fi
	:: else
	fi;
#ifdef THREADS
	if
#ifndef DEAD_LEADER_FREE
	/* A dead leader of a process that lives: another may be there soon. */
	:: slot[p] == ZOMBIE && lives[p] -> again[p] = true
#endif
#ifndef BARE_ONCE
	/* It lives, and carried nothing; or it was dead just then, and has been replaced. */
	:: slot[p] == ALIVE && leader[p] == p && group_by(saw_marker, saw_hint) == NONE -> bare[p] = true
#endif
	:: else
	fi;
#endif
	seen = FREE;
	saw_marker = NONE;
	saw_hint = NONE;
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

#ifdef ORDER
#ifdef HINT_BEFORE_MARKER
#define readings() \
	:: atomic { seen == READING -> read_hint(); seen = JUDGED - 1 } \
	:: atomic { seen == JUDGED - 1 -> read_marker(); seen = JUDGED }
#else
#define readings() \
	:: atomic { seen == READING -> read_marker(); seen = JUDGED - 1 } \
	:: atomic { seen == JUDGED - 1 -> read_hint(); seen = JUDGED }
#endif
#else
#define readings() \
	:: atomic { seen == READING -> read_marker(); read_hint(); seen = JUDGED }
#endif

#define steps_of_a_slot() \
	readings() \
	:: atomic { seen == JUDGED -> judge() } \
	:: atomic { seen == TAKEN -> remember() }

inline read_slots(first, last)
{
	i = first;
	do
	:: atomic { seen == FREE && i <= last -> begin_slot(i); i++ }
	steps_of_a_slot()
	:: atomic { seen == FREE && i > last -> i = 0; break }
	od
}

inline read_pending()
{
	do
	:: atomic { seen == FREE && i < PIDS ->
		if
		:: pending[i] == GONE -> pending[i] = NONE
		:: pending[i] == WAITING ->
			if
			:: slot[i] == TAKEN
			:: else -> pending[i] = NONE
			fi;
			begin_slot(i)
		:: else
		fi;
		i++ }
	steps_of_a_slot()
	:: atomic { seen == FREE && i == PIDS -> i = 0; break }
	od
}

#ifdef THREADS
inline read_leaders()
{
	do
	:: atomic { seen == FREE && i < PIDS ->
		if
		:: again[i] && lives[i] -> begin_slot(i)
		:: again[i] && !lives[i] -> again[i] = false
		:: else
		fi;
		i++ }
	steps_of_a_slot()
	:: atomic { seen == FREE && i == PIDS -> i = 0; break }
	od
}
#endif

#ifdef THREADS
/* That no exec comes between these readings is assumed. */
inline read_bare()
{
	do
	:: atomic { seen == FREE && i < PIDS ->
		if
		:: bare[i] ->
			bare[i] = false;
			begin_slot(i);
#ifndef SPLIT_LAST
			if
			:: seen == READING -> read_marker(); read_hint(); judge()
			:: else -> seen = FREE; p = 0
			fi;
			bare[i] = false
#endif
		:: else
		fi;
		i++ }
#ifdef SPLIT_LAST
	steps_of_a_slot()
#endif
	:: atomic { seen == FREE && i == PIDS ->
		i = 0;
		do
		:: i < PIDS -> bare[i] = false; i++
		:: else -> i = 0; break
		od;
		break }
	od
}
#endif

#if defined(THREADS) && !defined(NOT_AGAIN) && !defined(AGAIN_LATE)
#define read_leaders_first() read_leaders()
#else
#define read_leaders_first() skip
#endif
#if defined(THREADS) && !defined(NOT_AGAIN) && !defined(AGAIN_EARLY)
#define read_leaders_last() read_leaders(); read_bare()
#else
#define read_leaders_last() skip
#endif

/* Passes go against the order of allocation, for it must not matter to them. */
inline read_all()
{
	i = PIDS;
	do
	:: atomic { seen == FREE && i > 0 -> i--; begin_slot(i) }
	steps_of_a_slot()
	:: atomic { seen == FREE && i == 0 -> break }
	od
}

inline pending_pass()
{
	pend = true;
	read_all();
	read_leaders_last();
	atomic { exact[G] = true; exact[H] = true }
}

/* Exact afterwards is a group of which nothing lived before and nothing was found. */
inline proc_passes()
{
	pend = false;
	read_all();
	read_leaders_last();
#ifndef ONE_PASS
	read_all();
	read_leaders_last();
#endif
	atomic {
		exact[G] = !found[G] && !witness[G];
		exact[H] = !found[H] && !witness[H]
	}
}

inline look(g)
{
	atomic {
		found[G] = false;
		found[H] = false;
		any_found = false;
		seen_to = cursor;
		whole = !exact[g]
	}
	if
	:: whole ->
#ifdef PROC
		proc_passes()
#else
		pending_pass()
#endif
	:: else ->
		pend = true;
		read_leaders_first();
		read_pending();
		read_slots(frontier + 1, seen_to);
		read_leaders_last()
	fi;
	atomic { frontier = seen_to; pend = false }
}

inline declare_empty(g)
{
	assert(population[g] == 0);
	declared[g] = true
}

/* The whole process of slot 0, from G to H: by its marker, then by its threads' hints (C7). */
#define is_to_be_written(q) (slot[q] == ALIVE && leader[q] == 0 && hint[q] != H)

inline write_hint(q)
{
	hint[q] = H;
	held[q] = H;
	wrote = true;
	moved[q] = forking[q]
}

/* The leader last, for a thread's exec may have come there (C4). */
inline list_and_write_hints()
{
	do
	:: atomic { i < PIDS && is_to_be_written(i) -> write_hint(i); i++ }
	:: atomic { i < PIDS && !is_to_be_written(i) -> i++ }
	:: atomic { i == PIDS ->
		i = 0;
		if
		:: is_to_be_written(0) -> write_hint(0)
		:: else
		fi;
		break }
	od
}

inline attach_process()
{
	atomic {
		if
		:: lives[0] > 0 && slot[0] == ALIVE && home[0] == G ->
			marker[0] = H;
			attaching = true;
			do
			:: i < PIDS ->
				if
				:: slot[i] == ALIVE && leader[i] == 0 ->
					population[home[i]]--;
					home[i] = H;
					population[H]++;
					moved[i] = forking[i]
				:: else
				fi;
				i++
			:: else -> i = 0; break
			od
		:: else
		fi
	}
	if
	:: attaching ->
		do
		:: atomic {
			wrote = false;
			listed_at = cursor }
		   list_and_write_hints();
#ifndef ATTACH_ONCE
		   if
#ifdef UNSTEADY
		   :: !wrote -> break
		   :: else
#else
		   :: !wrote && cursor == listed_at -> break
		   :: else
#endif
		   fi;
#endif
#ifndef NOT_OUTSIDE
		   do
		   :: atomic { i < PIDS && !moved[i] -> i++ }
		   :: atomic { i == PIDS -> i = 0; break }
		   od;
#endif
#ifdef ATTACH_ONCE
		   break
#endif
		od;
		attaching = false
	:: else
	fi
}

active proctype tracker()
{
	byte g, n;

	atomic {
		slot[0] = ALIVE; marker[0] = G; hint[0] = G; home[0] = G; held[0] = G;
		lives[0] = 1;
		population[G] = 1;
		declared[H] = true;
#if defined(SPLIT) || defined(PAIR)
		/* Another thread of that process. */
		slot[1] = ALIVE; leader[1] = 0;
		lives[0] = 2;
		cursor = 1;
#ifdef SPLIT
		hint[1] = H; home[1] = H; held[1] = H;
		population[H] = 1;
		declared[H] = false;
		again[0] = true;
#else
		hint[1] = G; home[1] = G; held[1] = G;
		population[G] = 2;
#endif
#endif
#ifndef INEXACT
		exact[G] = true;
		exact[H] = true;
#elif defined(UNKNOWN)
		held[0] = NONE;
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
		:: !declared[H] -> g = H
		:: declared[G] && declared[H] -> break
		fi
	   }
	   drain();
	   if
#ifdef LOOKS
	   :: witness[g] -> look(g)
#endif
#ifdef ATTACH
	   :: witness[g] && g == G && !attached -> attached = true; declared[H] = false; attach_process()
#endif
	   :: witness[g] -> skip
	   :: !witness[g] ->
		look(g);
		drain();
		atomic {
			if
			:: !witness[g] && !any_found && !whole && cursor == seen_to -> declare_empty(g)
			:: else
			fi
		}
	   fi
	od
}
