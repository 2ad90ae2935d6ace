/* SPDX-License-Identifier: MIT */
#include "spin.h"

#include <sched.h>

/* Quick requests in a row: a shell's `echo 1 >FILE` makes four or five, and then works on its own.
 */
#define EARNED 8
/* From one arrival to the next: handling the first one comes on top. */
#define QUICK_NS (2 * FS_SPIN_NS)

void fs_spin_init(struct fs_spin *spin)
{
	cpu_set_t allowed;

	*spin = (struct fs_spin){0};
	/* On machines with more processors than the set holds it fails: there are several then. */
	spin->useful = sched_getaffinity(0, sizeof(allowed), &allowed) || CPU_COUNT(&allowed) > 1;
}

void fs_spin_note(struct fs_spin *spin, uint64_t now_ns)
{
	if (now_ns - spin->last_ns > QUICK_NS)
		spin->quick = 0;
	else if (spin->quick < EARNED)
		spin->quick++;
	spin->last_ns = now_ns;
}

bool fs_spin_pays(const struct fs_spin *spin)
{
	return spin->useful && spin->quick == EARNED;
}

void fs_spin_was_in_vain(struct fs_spin *spin)
{
	spin->quick = 0;
}
