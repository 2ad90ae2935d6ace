/* SPDX-License-Identifier: MIT */
/* The main of a fuzz target that is no libFuzzer program: see CMakeLists.txt. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define MADE_UP 4000
#define MADE_UP_LENGTH 400

/* xorshift64: the same inputs on every machine. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Short ones often; of the alphabet mostly, any byte sometimes. */
static size_t make_up(uint64_t *state, uint8_t *data)
{
	size_t letters = strlen(fuzz_alphabet);
	size_t size = next(state) % (next(state) % 3 ? 24 : MADE_UP_LENGTH);
	unsigned any = (unsigned)(next(state) % 16);

	for (size_t i = 0; i < size; i++) {
		if (next(state) % 16 < any)
			data[i] = (uint8_t)next(state);
		else
			data[i] = (uint8_t)fuzz_alphabet[next(state) % letters];
	}
	return size;
}

static void run_made_up(void)
{
	uint8_t data[MADE_UP_LENGTH];
	uint64_t state = UINT64_C(0x9E3779B97F4A7C15);

	for (unsigned i = 0; i < MADE_UP; i++)
		LLVMFuzzerTestOneInput(data, make_up(&state, data));
}

static int run_stream(FILE *file)
{
	uint8_t *data = NULL;
	size_t size = 0;
	FILE *memory = open_memstream((char **)&data, &size);
	int c;

	if (!memory)
		return -errno;
	while ((c = getc(file)) != EOF)
		putc(c, memory);
	if (fclose(memory) || ferror(file)) {
		free(data);
		return -EIO;
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	int error;

	if (!file)
		return -errno;
	error = run_stream(file);
	fclose(file);
	return error;
}

static int run_directory(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int error = 0;

	if (!directory)
		return -errno;
	while (!error && (entry = readdir(directory))) {
		char *inner;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&inner, "%s/%s", path, entry->d_name) < 0) {
			error = -ENOMEM;
			break;
		}
		error = run_file(inner);
		free(inner);
	}
	closedir(directory);
	return error;
}

static int run_path(const char *path)
{
	struct stat stat_buffer;

	if (stat(path, &stat_buffer))
		return -errno;
	return S_ISDIR(stat_buffer.st_mode) ? run_directory(path) : run_file(path);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int error = run_path(argv[i]);

		if (error) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-error));
			return 1;
		}
	}
	run_made_up();
	return 0;
}
