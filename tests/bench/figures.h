/* SPDX-License-Identifier: MIT */
#ifndef UCG_BENCH_FIGURES_H
#define UCG_BENCH_FIGURES_H

#include "bench.h"

/* requests.c: one task makes requests one after the other. */
void requests_set_up(struct bench *bench, struct side *side);
double requests_read(struct bench *bench, struct side *side);
double requests_pread(struct bench *bench, struct side *side);
double requests_write(struct bench *bench, struct side *side);
double requests_stat(struct bench *bench, struct side *side);
double requests_stat_wake_ups(struct bench *bench, struct side *side);
void requests_tear_down(struct bench *bench, struct side *side);

/* One sleeping task is moved to and fro between two groups. */
void attach_set_up(struct bench *bench, struct side *side);
double attach_measure(struct bench *bench, struct side *side);
void attach_tear_down(struct bench *bench, struct side *side);

void list_set_up(struct bench *bench, struct side *side);
double list_measure(struct bench *bench, struct side *side);
void list_tear_down(struct bench *bench, struct side *side);

/* releases.c */
void exit_set_up(struct bench *bench, struct side *side);
double exit_measure(struct bench *bench, struct side *side);
void exit_tear_down(struct bench *bench, struct side *side);
double burst_measure(struct bench *bench, struct side *side);

/* load.c: what the server costs others and the machine. */
void fork_set_up(struct bench *bench, struct side *side);
double fork_measure(struct bench *bench, struct side *side);
double fork_wake_ups(struct bench *bench, struct side *side);
void fork_tear_down(struct bench *bench, struct side *side);
void idle_set_up(struct bench *bench, struct side *side);
double idle_measure(struct bench *bench, struct side *side);
void idle_tear_down(struct bench *bench, struct side *side);
double memory_measure(struct bench *bench, struct side *side);
/* What grows with the number of groups would show. */
double growth_measure(struct bench *bench, struct side *side);
double ready_measure(struct bench *bench, struct side *side);

#endif
