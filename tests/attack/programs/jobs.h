/* SPDX-License-Identifier: MIT */
#ifndef ATTACK_JOBS_H
#define ATTACK_JOBS_H

/* What the first process of a job does, which waits at the gate; @argv as in the head of attack.c,
 * after the path of the board. */

/* threads.c */
_Noreturn void run_thread(char **argv);
_Noreturn void run_zombie(char **argv);

/* crowd.c */
_Noreturn void run_crowd(char **argv);

/* contained.c */
_Noreturn void run_contained(char **argv);
_Noreturn void run_inside(char **argv);

#endif
