/* SPDX-License-Identifier: MIT */
#ifndef ATTACK_BOARD_H
#define ATTACK_BOARD_H

#include <stdint.h>
#include <sys/types.h>

#define BOARD_MAX 1024

/*
 * What the processes of an attack and the test that directs them share: a file that all of them
 * map.  The test changes the gate, everything else is written by the processes.  The layout is
 * repeated in tests/attack/board.py.
 */
struct board {
	_Atomic uint32_t gate; /* odd: all pause at their next hop; even: all go on */
	_Atomic uint32_t
		paused; /* entries of @where: set to 0 by the test before it closes the gate */
	_Atomic uint32_t chains;   /* under way */
	_Atomic uint32_t hops;	   /* made so far */
	_Atomic uint32_t failures; /* forks that failed: the attack was not the one meant */
	_Atomic uint32_t forking;  /* mover: is about to fork; crowd: there is room */
	_Atomic uint32_t child;	   /* mover: pid of the child, once it runs */
	_Atomic uint32_t forked;   /* mover: fork has returned in the parent */
	_Atomic uint32_t victim;   /* of whom to copy, from the test */
	_Atomic uint32_t thread;   /* a thread that acts on its own */
	_Atomic uint32_t pages;	   /* that have been mapped to fault */
	_Atomic uint32_t refused;  /* forks, since there were as many tasks as may be */
	struct {
		_Atomic uint32_t pid, tid;
	} where[BOARD_MAX];
	_Atomic uint32_t resident[BOARD_MAX]; /* pids of processes that never pause; 0: none */
};

/* The path of the board's file, kept for programs that are executed. */
extern const char *board_path;
extern struct board *board;

/* Maps the board; ends the process if it can't. */
void board_open(const char *path);

/* The path of a file beside the board, until the next call. */
const char *board_file(const char *name);

/* The ids of the calling thread as the machine's /proc shows them, whatever its pid namespace. */
void board_own_ids(uint32_t *pidp, uint32_t *tidp);

/* Sleeps, registered, while the gate is closed. */
void board_pause(void);

/* Sleeps while the gate is closed, not registered. */
void board_wait(void);

/* Registers a process that does not pause; its slot, for board_leave(). */
unsigned board_reside(void);
unsigned board_reside_as(uint32_t pid);
void board_leave(unsigned slot);

#endif
