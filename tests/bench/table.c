/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

struct spread {
	double median, min, max;
};

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static struct spread spread_of(const struct series *series)
{
	struct series sorted = *series;
	int middle = sorted.count / 2;
	double upper, lower;

	qsort(sorted.value, (size_t)sorted.count, sizeof(*sorted.value), compare);
	upper = sorted.value[middle];
	lower = sorted.value[(sorted.count - 1) / 2];
	return (struct spread){(upper + lower) / 2, sorted.value[0],
			       sorted.value[sorted.count - 1]};
}

/* Round by round: what disturbs the machine disturbs both sides of a round. */
static struct series ratio(const struct series *ours, const struct series *other)
{
	struct series ratios = {.count = 0};

	for (int i = 0; i < ours->count && i < other->count; i++) {
		if (other->value[i] > 0)
			ratios.value[ratios.count++] = ours->value[i] / other->value[i];
	}
	return ratios;
}

static void print_spread(FILE *file, const struct series *series)
{
	char text[64] = "-";
	struct spread spread;

	if (series->count) {
		spread = spread_of(series);
		snprintf(text, sizeof(text), "%.4g (%.4g..%.4g)", spread.median, spread.min,
			 spread.max);
	}
	fprintf(file, " %-24s", text);
}

void table_print_head(FILE *file)
{
	fprintf(file, "%-44s %-24s %-24s %-24s %-24s %-24s\n", "median (range of the rounds)",
		"ours", "kernel", "base", "ours / kernel", "ours / base");
}

void table_print(FILE *file, const struct result *result)
{
	const struct figure *figure = result->figure;
	struct series to_kernel = ratio(&result->side[OURS], &result->side[KERNEL]);
	struct series to_base = ratio(&result->side[OURS], &result->side[BASE]);
	char name[128];

	snprintf(name, sizeof(name), "%s, %s", figure->name, figure->unit);
	fprintf(file, "%-44s", name);
	if (result->why_not) {
		fprintf(file, " not measured: %s\n", result->why_not);
		return;
	}
	for (int id = 0; id < SIDES; id++)
		print_spread(file, &result->side[id]);
	print_spread(file, &to_kernel);
	print_spread(file, &to_base);
	if (result->side[BASE].count)
		fprintf(file, " base: %s", figure->base);
	fputc('\n', file);
	fflush(file);
}

static void print_json_text(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', file);
		fputc(*text, file);
	}
	fputc('"', file);
}

static void print_json_spread(FILE *file, const char *key, const struct series *series)
{
	struct spread spread;

	fprintf(file, ", \"%s\": ", key);
	if (!series->count) {
		fprintf(file, "null");
		return;
	}
	spread = spread_of(series);
	fprintf(file, "{\"median\": %.6g, \"min\": %.6g, \"max\": %.6g, \"rounds\": %d}",
		spread.median, spread.min, spread.max, series->count);
}

static void print_json_figure(FILE *file, const struct result *result)
{
	struct series to_kernel = ratio(&result->side[OURS], &result->side[KERNEL]);
	struct series to_base = ratio(&result->side[OURS], &result->side[BASE]);

	fprintf(file, "    {\"name\": ");
	print_json_text(file, result->figure->name);
	fprintf(file, ", \"unit\": ");
	print_json_text(file, result->figure->unit);
	print_json_spread(file, "ours", &result->side[OURS]);
	print_json_spread(file, "kernel", &result->side[KERNEL]);
	print_json_spread(file, "base", &result->side[BASE]);
	if (result->figure->base) {
		fprintf(file, ", \"base_is\": ");
		print_json_text(file, result->figure->base);
	}
	print_json_spread(file, "ours_to_kernel", &to_kernel);
	print_json_spread(file, "ours_to_base", &to_base);
	if (result->why_not) {
		fprintf(file, ", \"not_measured\": ");
		print_json_text(file, result->why_not);
	}
	fprintf(file, "}");
}

void json_print(FILE *file, const struct bench *bench, const struct result *results, size_t count)
{
	struct utsname system;

	CHECK(!uname(&system), "uname");
	fprintf(file, "{\n  \"kernel_release\": ");
	print_json_text(file, system.release);
	fprintf(file, ",\n  \"processors\": %ld", sysconf(_SC_NPROCESSORS_ONLN));
	if (bench->no_kernel) {
		fprintf(file, ",\n  \"kernel_not_measured\": ");
		print_json_text(file, bench->no_kernel);
	}
	fprintf(file, ",\n  \"figures\": [\n");
	for (size_t i = 0; i < count; i++) {
		print_json_figure(file, &results[i]);
		fprintf(file, i + 1 < count ? ",\n" : "\n");
	}
	fprintf(file, "  ]\n}\n");
}
