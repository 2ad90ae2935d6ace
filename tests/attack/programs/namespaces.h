/* SPDX-License-Identifier: MIT */
#ifndef ATTACK_NAMESPACES_H
#define ATTACK_NAMESPACES_H

/* Returns in the second process of new user and pid namespaces, so many levels down. */
void enter_namespaces(unsigned deep);

/* Counts a failure if it can't. */
void write_file(const char *path, const char *text);

#endif
