/* SPDX-License-Identifier: MIT */
/*
 * Settle before you answer; and a release for each time that a group becomes empty.  A model for
 * spin of core/attach.c, core/populated.c, core/release.c, track/declare.c and track/witness.c.
 *
 * The kernel's half.  Tasks fork and die.  A known member's death makes its pidfd readable before
 * wait() returns in its parent; of an unknown one nothing tells.  Group B is a child of A.
 *
 * The daemon's half.  One thread serves requests and events, one at a time.  A request whose answer
 * depends on who is in a group drains the pidfds, resolves the suspects (discovery, which is its own
 * model's and one step here), and answers then.  The agent's thread takes releases off the list, and
 * the agent of B may remove B.
 *
 * Guarantees:
 * S1. Who asks after wait() returned for the last task is told `empty`: what an event could tell is
 *     drained before the answer, in the same request.
 * S2. What is said to be empty, or removed, is empty.
 * S3. Each time that a group becomes empty, and has no child or loses its last one, its agent is
 *     called afterwards; not more often than it became so; and it is on the list once at most.
 * S4. Nobody is moved whose death was told already: the task is looked for again after its source was
 *     settled.
 * S5. The target is settled before it is entered: what became empty before is told before, and that
 *     it was entered and left again is one more time.
 *
 * What dies while an attach is served died after it: nobody can tell.
 *
 * Variants as in discovery.pml: what spin must find, a name, sizes, long sizes, definitions.
 *
 * sizes TASKS,FORKS,REQUESTS
 *
 * variant right all            3,1,2 - FORKED - forks, deaths, requests and the agent's rmdir
 * variant right requests       2,0,2 2,0,3 - more requests, every task known
 * variant right from-root      2,0,2 2,0,3 FROM_ROOT - the same, a task comes from the root
 *
 * variant wrong not-drained    2,0,2 - NOT_DRAINED - answered from what was known (S1)
 * variant wrong event-believed 3,1,1 - EVENT_BELIEVED FORKED - the last known one's death is the end (S2)
 * variant wrong found-once     2,0,2 - FOUND_ONCE - the task is found, its source settled, and moved (S4)
 * variant wrong target-late    2,0,2 - TARGET_LATE FROM_ROOT - entered without having been settled (S5)
 * variant wrong listed-twice   2,0,3 - LISTED_TWICE - a release though one is on the list (S3)
 * variant wrong cleared-late   2,0,2 - CLEARED_LATE - on the list until its agent was called (S3)
 * variant wrong parent-forgotten 2,0,2 - PARENT_FORGOTTEN - rmdir of the last child is none (S3)
 */

#ifndef TASKS
#define TASKS 3
#endif
#ifndef FORKS
#define FORKS 1
#endif
#ifndef REQUESTS
#define REQUESTS 2
#endif

#define A 0
#define B 1
#define ROOT 2 /* has tasks always; nobody knows who */

/* ---- the kernel ---- */

#define FREE  0
#define ALIVE 1
#define DEAD  2
byte state[TASKS], group[TASKS];
byte population[3];
byte forks;

/* What is owed: became empty so often; and the agent was not called since. */
byte ends[3], calls[3];
bool owed[3];
bool untold[3];    /* became empty, and the daemon has not said so */
byte listed[2];    /* releases on the list */

/* ---- the daemon ---- */

bool known[TASKS]; /* its pidfd is held */
bool event[TASKS]; /* which is readable */
bool told[TASKS];  /* and has been drained */
bool has_tasks[3], suspect[3], on_list[2];
bool removed;      /* B */

#define RMDIR  1
#define READ   2
#define ATTACH 3
chan requests = [2] of { byte, byte, byte };
chan due = [4] of { byte };

#define is_childless(g) ((g) == B || removed)

inline becomes_empty(g)
{
	if
	:: g != ROOT && is_childless(g) -> ends[g]++; owed[g] = true; untold[g] = true
	:: else
	fi
}

inline die(t)
{
	state[t] = DEAD;
	event[t] = known[t];
	population[group[t]]--;
	if
	:: population[group[t]] == 0 -> becomes_empty(group[t])
	:: else
	fi
}

bool ready;
#if TASKS == 2
#define has_event (event[0] || event[1])
#else
#define has_event (event[0] || event[1] || event[2])
#endif

/* Any task that lives; blocks if there is none.  Inside atomic. */
inline select_alive(t)
{
	if
	:: state[0] == ALIVE -> t = 0
	:: state[1] == ALIVE -> t = 1
#if TASKS > 2
	:: state[2] == ALIVE -> t = 2
#endif
	fi
}

active proctype kernel()
{
	byte t, child;

end:	do
	:: atomic { select_alive(t); die(t); t = 0 }
#ifdef FORKED
	:: atomic { forks < FORKS && (population[A] || population[B] || population[ROOT]) ->
		select_alive(t);
		forks++;
		child = 0;
		do
		:: child < TASKS && state[child] == FREE -> break
		:: child < TASKS && state[child] != FREE -> child++
		:: child == TASKS -> break
		od;
		if
		:: child < TASKS ->
			state[child] = ALIVE;
			group[child] = group[t];
			population[group[t]]++
		:: else
		fi;
		child = 0;
		t = 0
	   }
#endif
	od
}

/* ---- the daemon ---- */

inline put_on_list(g)
{
	untold[g] = false;
	was_untold = was_untold && request_for != g;
	if
#ifndef LISTED_TWICE
	:: on_list[g]
#endif
	:: removed && g == B
	:: else ->
		on_list[g] = true;
		due ! g;
		listed[g]++;
		assert(listed[g] == 1) /* S3 */
	fi
}

inline emptied(g)
{
	assert(population[g] == 0); /* S2 */
	suspect[g] = false;
	has_tasks[g] = false;
	untold[g] = false;
	was_untold = was_untold && request_for != g;
	if
	:: is_childless(g) -> put_on_list(g)
	:: else
	fi
}

inline has_known(g, i, answer)
{
	i = 0;
	do
	:: i < TASKS && !(known[i] && group[i] == g) -> i++
	:: else -> break
	od;
	answer = (i < TASKS);
	i = 0
}

inline lost(g)
{
	has_known(g, i, answer);
	if
	:: has_tasks[g] && !answer -> suspect[g] = true
	:: else
	fi;
	answer = false
}

inline drain()
{
	atomic {
		i = 0;
		do
		:: i < TASKS ->
			if
			:: event[i] -> event[i] = false; known[i] = false; told[i] = true
			:: else
			fi;
			i++
		:: else -> i = 0; break
		od;
		lost(A);
		lost(B)
	}
}

/* A look: a live member that was not known, or the end. */
inline resolve(g)
{
	atomic {
		if
		:: suspect[g] ->
#ifndef EVENT_BELIEVED
			i = 0;
			do
			:: i < TASKS && !(state[i] == ALIVE && group[i] == g) -> i++
			:: else -> break
			od;
			if
			:: i < TASKS -> known[i] = true; suspect[g] = false
			:: else -> emptied(g)
			fi;
			i = 0
#else
			emptied(g)
#endif
		:: else
		fi
	}
}

inline settle()
{
#ifndef NOT_DRAINED
	drain();
#endif
	resolve(A);
	resolve(B)
}

inline remove_group()
{
	atomic {
		assert(population[B] == 0); /* S2 */
		removed = true;
		if
		:: population[A] == 0 -> becomes_empty(A)
		:: else
		fi;
#ifndef PARENT_FORGOTTEN
		if
		:: !has_tasks[A] -> put_on_list(A)
		:: else
		fi
#endif
	}
}

/* S1 at @g: it was empty when the request was taken up. */
inline answer_populated(g)
{
	assert(!was_empty)
}

/* The move itself: whoever has died since it was found dies in the target. */
inline move(t, g)
{
	atomic {
		assert(!told[t]); /* S4 */
		assert(!was_untold); /* S5 */
		/* What has become empty since the request came was entered before. */
		if
		:: untold[g] -> untold[g] = false; ends[g]--; owed[g] = on_list[g]
		:: else
		fi;
		i = group[t];
		if
		:: state[t] == ALIVE ->
			population[i]--;
			if
			:: population[i] == 0 -> becomes_empty(i)
			:: else
			fi;
			population[g]++
		:: state[t] == DEAD && population[g] == 0 -> becomes_empty(g)
		:: else
		fi;
		group[t] = g;
		known[t] = true;
		event[t] = (state[t] == DEAD);
		has_tasks[g] = true;
		suspect[g] = false;
		was_in = i;
		i = 0;
		if
		:: was_in != ROOT -> lost(was_in)
		:: else
		fi;
		was_in = 0
	}
}

inline attach(t, g)
{
#ifndef TARGET_LATE
	settle();
#endif
	if
	:: !(removed && g == B) && state[t] == ALIVE && group[t] != g ->
		if
		:: group[t] != ROOT -> settle()
		:: else
		fi;
#ifdef FOUND_ONCE
		move(t, g)
#else
		if
		:: state[t] == ALIVE && group[t] != g -> move(t, g)
		:: else
		fi
#endif
	:: else
	fi
}

inline rmdir()
{
	settle();
	if
	:: removed
	:: !removed && has_tasks[B] -> answer_populated(B)
	:: !removed && !has_tasks[B] -> remove_group()
	fi
}

inline read_tasks(g)
{
	settle();
	if
	:: has_tasks[g] -> answer_populated(g)
	:: else -> assert(population[g] == 0)
	fi
}

active proctype daemon()
{
	byte kind, t, g, i, was_in, request_for;
	bool was_empty, was_untold, answer;

	atomic {
		state[0] = ALIVE; group[0] = B; known[0] = true;
		state[1] = ALIVE;
#ifdef FROM_ROOT
		group[1] = ROOT;
#else
		group[1] = A; known[1] = true; has_tasks[A] = true;
#endif
		population[group[1]] = 1; population[B] = 1;
		has_tasks[B] = true;
		ready = true
	}
end:	do
	:: atomic { requests ? kind, t, g -> was_empty = (population[g] == 0);
		was_untold = untold[g]; request_for = g };
	   if
	   :: kind == RMDIR -> rmdir()
	   :: kind == READ -> read_tasks(g)
	   :: kind == ATTACH -> attach(t, g)
	   fi;
	   atomic { kind = 0; t = 0; g = 0; was_empty = false; was_untold = false;
		request_for = 0 }
	:: atomic { has_event || suspect[A] || suspect[B] -> skip };
	   drain();
	   resolve(A);
	   resolve(B)
	od
}

/* ---- those who ask ---- */

active proctype client()
{
	byte t, n;

	do
	:: atomic { ready && n < REQUESTS ->
		n++;
		if
		:: requests ! RMDIR, 0, B
		:: requests ! READ, 0, A
		:: requests ! READ, 0, B
		:: if
		   :: t = 0
		   :: t = 1
#if TASKS > 2
		   :: t = 2
#endif
		   fi;
		   if
		   :: requests ! ATTACH, t, A
		   :: requests ! ATTACH, t, B
		   fi
		fi;
		t = 0 }
	:: atomic { n == REQUESTS -> break }
	od
}

active proctype agent()
{
	byte g;

end:	do
	:: atomic { due ? g ->
		listed[g]--;
		if
#ifndef CLEARED_LATE
		:: on_list[g] -> on_list[g] = false;
#else
		:: on_list[g] ->
#endif
			calls[g]++;
			owed[g] = false;
			assert(calls[g] <= ends[g]) /* S3 */
#ifdef LISTED_TWICE
		:: else -> calls[g]++; owed[g] = false; assert(calls[g] <= ends[g])
#endif
		fi }
#ifdef CLEARED_LATE
	   on_list[g] = false;
#endif
	   if
	   :: g == B -> requests ! RMDIR, 0, B
	   :: true
	   fi;
	   g = 0
	od
}

/* S3: when nothing more can happen, no call is owed. */
active proctype judge()
{
end:	do
	:: atomic { timeout -> assert(!owed[A] && (!owed[B] || removed)); break }
	od
}
