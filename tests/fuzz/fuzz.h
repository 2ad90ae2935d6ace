/* SPDX-License-Identifier: MIT */
#ifndef UCG_FUZZ_H
#define UCG_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What each fuzz target consists of.  A target that has found something aborts, by FUZZ_CHECK().
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes that the made-up inputs of a target are rich in; each target defines it. */
extern const char *const fuzz_alphabet;

#define FUZZ_CHECK(condition, ...)                                                                 \
	do {                                                                                       \
		if (condition)                                                                     \
			break;                                                                     \
		fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                    \
		fprintf(stderr, __VA_ARGS__);                                                      \
		fprintf(stderr, "\n");                                                             \
		abort();                                                                           \
	} while (0)

/* Input taken apart byte by byte; 0 when it is used up. */
struct fuzz_input {
	const uint8_t *data;
	size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->data++;
}

/* The input as an allocation of exactly its size, so that a sanitizer sees every byte read behind
 * it.  Freed by the caller. */
static inline char *fuzz_copy(const uint8_t *data, size_t size)
{
	char *copy = calloc(size ? size : 1, 1);

	FUZZ_CHECK(copy, "no memory for %zu bytes", size);
	for (size_t i = 0; i < size; i++)
		copy[i] = (char)data[i];
	return copy;
}

#endif
