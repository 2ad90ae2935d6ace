/* SPDX-License-Identifier: MIT */
#include "ucgroupfs/number.h"

#include <errno.h>
#include <limits.h>

/* ---- white space ---- */

/* The kernel's isspace() knows Latin-1's no-break space, but not its next-line character. */
static bool is_space(char byte)
{
	unsigned char c = (unsigned char)byte;

	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0;
}

struct input {
	const char *text;
	size_t length;
};

static void skip(struct input *input, size_t count)
{
	input->text += count;
	input->length -= count;
}

static void skip_space(struct input *input)
{
	while (input->length && is_space(input->text[0]))
		skip(input, 1);
}

void ucg_strip(const char **textp, size_t *lengthp)
{
	struct input input = {*textp, *lengthp};

	while (input.length && is_space(input.text[input.length - 1]))
		input.length--;
	skip_space(&input);
	*textp = input.text;
	*lengthp = input.length;
}

/* ---- the kernel's kstrtoull() and kstrtoint() with base 0 ---- */

/* Value of a digit, or 16 for what is none in any base. */
static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

/* Base by prefix, which is skipped where it has no value of its own. */
static unsigned take_base(struct input *input)
{
	if (!input->length || input->text[0] != '0')
		return 10;
	if (input->length < 2 || (input->text[1] != 'x' && input->text[1] != 'X'))
		return 8;
	skip(input, 2);
	return 16;
}

/* All digits, even of a number that does not fit: so -ERANGE comes before -EINVAL for junk. */
static int take_digits(struct input *input, unsigned base, uint64_t *valuep)
{
	uint64_t value = 0;
	bool overflow = false;
	size_t count = 0;

	for (; count < input->length && digit_value(input->text[count]) < base; count++) {
		overflow |= __builtin_mul_overflow(value, base, &value);
		overflow |= __builtin_add_overflow(value, digit_value(input->text[count]), &value);
	}
	if (overflow)
		return -ERANGE;
	if (!count)
		return -EINVAL;
	skip(input, count);
	*valuep = value;
	return 0;
}

/* A number without sign, one newline at most, and the end. */
static int parse_magnitude(struct input input, uint64_t *valuep)
{
	unsigned base = take_base(&input);
	int error = take_digits(&input, base, valuep);

	if (error)
		return error;
	if (input.length && input.text[0] == '\n')
		skip(&input, 1);
	return input.length ? -EINVAL : 0;
}

static int parse_unsigned(struct input input, uint64_t *valuep)
{
	if (input.length && input.text[0] == '+')
		skip(&input, 1);
	return parse_magnitude(input, valuep);
}

static int parse_signed(struct input input, int *valuep)
{
	bool negative = input.length && input.text[0] == '-';
	uint64_t magnitude;
	int error;

	if (negative) {
		skip(&input, 1);
		error = parse_magnitude(input, &magnitude);
	} else {
		error = parse_unsigned(input, &magnitude);
	}
	if (error)
		return error;
	if (magnitude > (uint64_t)INT_MAX + negative)
		return -ERANGE;
	*valuep = (int)(negative ? -(int64_t)magnitude : (int64_t)magnitude);
	return 0;
}

/* ---- simple_strtoul() and "%d" of Linux 2.6.24 ---- */

static bool is_decimal(struct input input)
{
	return input.length && digit_value(input.text[0]) < 10;
}

static uint64_t scan_digits(struct input input)
{
	uint64_t value = 0;

	for (; is_decimal(input); skip(&input, 1))
		value = value * 10 + digit_value(input.text[0]);
	return value;
}

int ucg_scan_pid(const char *text, size_t length, pid_t *pidp)
{
	struct input input = {text, length};
	uint64_t value;
	bool negative;

	skip_space(&input);
	negative = input.length && input.text[0] == '-';
	if (negative)
		skip(&input, 1);
	if (!is_decimal(input))
		return -EIO;
	value = scan_digits(input);
	if (negative)
		value = -value;
	if ((uint32_t)value > INT_MAX)
		return -ESRCH;
	*pidp = (pid_t)(uint32_t)value;
	return 0;
}

bool ucg_scan_flag(const char *text, size_t length)
{
	return scan_digits((struct input){text, length}) != 0;
}

/* ---- what control files take ---- */

int ucg_parse_int(const char *text, size_t length, int *valuep)
{
	ucg_strip(&text, &length);
	return parse_signed((struct input){text, length}, valuep);
}

int ucg_parse_pid(const char *text, size_t length, pid_t *pidp)
{
	int value;

	if (ucg_parse_int(text, length, &value) || value < 0)
		return -EINVAL;
	*pidp = value;
	return 0;
}

int ucg_parse_flag(const char *text, size_t length, bool *valuep)
{
	uint64_t value;
	int error = parse_unsigned((struct input){text, length}, &value);

	if (error)
		return error;
	*valuep = value != 0;
	return 0;
}
