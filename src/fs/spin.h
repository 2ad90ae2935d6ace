/* SPDX-License-Identifier: MIT */
#ifndef FS_SPIN_H
#define FS_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether to look for the next request a little longer before sleeping (serving.md §1).  Somebody
 * who makes requests one after another has the next one ready sooner than a sleep and a wake-up
 * take.  Looking in vain costs processor time that belongs to the jobs, so it must be earned, by
 * some requests in a row that came quickly, and one look in vain takes it all away: requests that
 * come steadily but slowly never cost it, and a burst costs it once, after its last.
 */
struct fs_spin {
	bool useful; /* there is another processor for whoever makes the requests */
	unsigned quick;
	uint64_t last_ns; /* CLOCK_MONOTONIC, of the last request's arrival */
};

/* How long at most, ns. */
#define FS_SPIN_NS 50000

void fs_spin_init(struct fs_spin *spin);

/* A request has arrived. */
void fs_spin_note(struct fs_spin *spin, uint64_t now_ns);

/* Is it worth while, now that nothing is to be done? */
bool fs_spin_pays(const struct fs_spin *spin);
void fs_spin_was_in_vain(struct fs_spin *spin);

#endif
