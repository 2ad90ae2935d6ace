/* SPDX-License-Identifier: MIT */
#include "mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ucgroupfs/scope.h"
#include "ucgroupfs/text.h"

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* \ooo becomes the byte, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
		    is_octal(from[3])) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* The next field that is not empty, unescaped; NULL: no more. */
static char *next_field(char **rest)
{
	char *field;

	do
		field = strsep(rest, " ");
	while (field && !*field);
	return field;
}

static char *next_unescaped(char **rest)
{
	char *field = next_field(rest);

	if (field)
		unescape(field);
	return field;
}

static bool parse_device(const char *field, dev_t *device)
{
	unsigned major, minor;
	char end;

	if (!field || sscanf(field, "%u:%u%c", &major, &minor, &end) != 2)
		return false;
	*device = makedev(major, minor);
	return true;
}

/* Behind the mount's own options stand tags, any number, up to a single '-'. */
static bool skip_tags(char **rest)
{
	const char *field;

	do
		field = next_field(rest);
	while (field && strcmp(field, "-") != 0);
	return field != NULL;
}

/* 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue */
static int parse_line(char *line, struct ucg_mount_entry *entry)
{
	char *rest = line;

	if (!next_field(&rest) || !next_field(&rest))
		return -EINVAL;
	if (!parse_device(next_field(&rest), &entry->device) || !next_field(&rest))
		return -EINVAL;
	entry->mountpoint = next_unescaped(&rest);
	if (!skip_tags(&rest))
		return -EINVAL;
	entry->type = next_unescaped(&rest);
	entry->source = next_unescaped(&rest);
	entry->super_options = next_field(&rest);
	return entry->super_options ? 0 : -EINVAL;
}

static struct ucg_mount_entry *add_entry(struct ucg_mounts *mounts)
{
	if (mounts->count == mounts->capacity) {
		size_t capacity = mounts->capacity ? mounts->capacity * 2 : 64;
		void *grown = reallocarray(mounts->entry, capacity, sizeof(*mounts->entry));

		if (!grown)
			return NULL;
		mounts->entry = grown;
		mounts->capacity = capacity;
	}
	return &mounts->entry[mounts->count++];
}

int ucg_mounts_parse(char *text, struct ucg_mounts *mounts)
{
	char *rest = text;
	char *line;

	while ((line = strsep(&rest, "\n"))) {
		struct ucg_mount_entry *entry;
		int error;

		if (!*line)
			continue;
		entry = add_entry(mounts);
		if (!entry)
			return -ENOMEM;
		error = parse_line(line, entry);
		if (error)
			return error;
	}
	mounts->text = text;
	return 0;
}

static int read_all(int fd, struct ucg_text *text)
{
	char bytes[16384];
	ssize_t length;

	while ((length = read(fd, bytes, sizeof(bytes))) > 0) {
		int error = ucg_text_append(text, bytes, (size_t)length);

		if (error)
			return error;
	}
	return length < 0 ? -errno : ucg_text_append(text, "", 1);
}

int ucg_mounts_read(struct ucg_mounts *mounts)
{
	ucg_cleanup(ucg_text_clear) struct ucg_text text = {0};
	ucg_autoclose int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = read_all(fd, &text);
	if (!error)
		error = ucg_mounts_parse(text.bytes, mounts);
	if (!error)
		text.bytes = NULL;
	return error;
}

void ucg_mounts_clear(struct ucg_mounts *mounts)
{
	free(mounts->entry);
	free(mounts->text);
	*mounts = (struct ucg_mounts){0};
}

/* The kernel prints it in each FUSE mount's options: who has made the mount. */
static bool is_made_by(const struct ucg_mount_entry *entry, uid_t uid)
{
	const char *option = entry->super_options;
	unsigned found;

	while (sscanf(option, "user_id=%u", &found) != 1) {
		option = strchr(option, ',');
		if (!option)
			return false;
		option++;
	}
	return found == uid;
}

const struct ucg_mount_entry *ucg_mounts_named(const struct ucg_mounts *mounts, const char *name,
					       uid_t uid)
{
	for (size_t i = 0; i < mounts->count; i++) {
		const struct ucg_mount_entry *entry = &mounts->entry[i];

		if (strcmp(entry->type, UCG_MOUNT_TYPE) == 0 && strcmp(entry->source, name) == 0 &&
		    is_made_by(entry, uid))
			return entry;
	}
	return NULL;
}

const struct ucg_mount_entry *ucg_mounts_at(const struct ucg_mounts *mounts, const char *mountpoint)
{
	for (size_t i = mounts->count; i-- > 0;) {
		if (strcmp(mounts->entry[i].mountpoint, mountpoint) == 0)
			return &mounts->entry[i];
	}
	return NULL;
}
