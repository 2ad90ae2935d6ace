/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "line.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "ucgroupfs/scope.h"

enum word_kind {
	WORD_FLAG,	 /* sets the member at @offset to @value; the last one counts */
	WORD_TEXT,	 /* WORD=TEXT, once, not empty */
	WORD_ANY_TEXT,	 /* the same, and may be empty */
	WORD_IGNORED,	 /* of mount(8) or of the kernel, without effect here */
	WORD_OPEN,	 /* the same, also as WORD=ANYTHING */
	WORD_PREFIX,	 /* the same, whatever follows the word */
	WORD_CONTROLLER, /* the kernel has it, this filesystem can't */
	WORD_REMOUNT,
};

struct word {
	const char *name;
	enum word_kind kind;
	size_t offset; /* in struct ucg_command */
	int value;
};

#define FLAG(name, member, value)                                                                  \
	{                                                                                          \
		name, WORD_FLAG, offsetof(struct ucg_command, member), value                       \
	}
#define TEXT(name, kind, member)                                                                   \
	{                                                                                          \
		name, kind, offsetof(struct ucg_command, member), 0                                \
	}
#define OTHER(name, kind)                                                                          \
	{                                                                                          \
		name, kind, 0, 0                                                                   \
	}

static const struct word words[] = {
	/* the hierarchy's */
	TEXT("name", WORD_TEXT, name),
	TEXT("release_agent", WORD_ANY_TEXT, release_agent),
	TEXT("compat", WORD_TEXT, compat),
	FLAG("clone_children", clone_children, 1),
	OTHER("none", WORD_IGNORED),
	OTHER("noprefix", WORD_IGNORED),
	OTHER("xattr", WORD_IGNORED),
	OTHER("cpuset_v2_mode", WORD_IGNORED),
	OTHER("favordynmods", WORD_IGNORED),
	OTHER("nofavordynmods", WORD_IGNORED),
	/* the mount's */
	FLAG("ro", read_only, 1),
	FLAG("rw", read_only, 0),
	FLAG("nosuid", suid, UCG_SAID_NO),
	FLAG("suid", suid, UCG_SAID_YES),
	FLAG("nodev", dev, UCG_SAID_NO),
	FLAG("dev", dev, UCG_SAID_YES),
	FLAG("noexec", noexec, 1),
	FLAG("exec", noexec, 0),
	FLAG("noatime", noatime, 1),
	FLAG("atime", noatime, 0),
	FLAG("sync", sync, 1),
	FLAG("async", sync, 0),
	FLAG("dirsync", dirsync, 1),
	FLAG("allow_other", allow_other, 1),
	OTHER("default_permissions", WORD_IGNORED), /* always on */
	/* accepted from mount(8): libfuse has no such flag, or the word is for programs alone */
	OTHER("relatime", WORD_IGNORED),
	OTHER("norelatime", WORD_IGNORED),
	OTHER("strictatime", WORD_IGNORED),
	OTHER("nostrictatime", WORD_IGNORED),
	OTHER("diratime", WORD_IGNORED),
	OTHER("nodiratime", WORD_IGNORED),
	OTHER("lazytime", WORD_IGNORED),
	OTHER("nolazytime", WORD_IGNORED),
	OTHER("iversion", WORD_IGNORED),
	OTHER("noiversion", WORD_IGNORED),
	OTHER("mand", WORD_IGNORED),
	OTHER("nomand", WORD_IGNORED),
	OTHER("symfollow", WORD_IGNORED),
	OTHER("nosymfollow", WORD_IGNORED), /* there are no symbolic links */
	OTHER("silent", WORD_IGNORED),
	OTHER("loud", WORD_IGNORED),
	OTHER("defaults", WORD_IGNORED),
	OTHER("auto", WORD_IGNORED),
	OTHER("noauto", WORD_IGNORED),
	OTHER("user", WORD_OPEN),
	OTHER("nouser", WORD_IGNORED),
	OTHER("users", WORD_IGNORED),
	OTHER("nousers", WORD_IGNORED),
	OTHER("owner", WORD_IGNORED),
	OTHER("noowner", WORD_IGNORED),
	OTHER("group", WORD_IGNORED),
	OTHER("nogroup", WORD_IGNORED),
	OTHER("_netdev", WORD_IGNORED),
	OTHER("nofail", WORD_IGNORED),
	OTHER("comment", WORD_OPEN),
	OTHER("uhelper", WORD_OPEN),
	OTHER("helper", WORD_OPEN),
	OTHER("x-", WORD_PREFIX),
	OTHER("X-", WORD_PREFIX),
	/* refused with more than "unknown" */
	OTHER("remount", WORD_REMOUNT),
	OTHER("all", WORD_CONTROLLER),
	OTHER("blkio", WORD_CONTROLLER),
	OTHER("cpu", WORD_CONTROLLER),
	OTHER("cpuacct", WORD_CONTROLLER),
	OTHER("cpuset", WORD_CONTROLLER),
	OTHER("debug", WORD_CONTROLLER),
	OTHER("devices", WORD_CONTROLLER),
	OTHER("freezer", WORD_CONTROLLER),
	OTHER("hugetlb", WORD_CONTROLLER),
	OTHER("memory", WORD_CONTROLLER),
	OTHER("misc", WORD_CONTROLLER),
	OTHER("net_cls", WORD_CONTROLLER),
	OTHER("net_prio", WORD_CONTROLLER),
	OTHER("perf_event", WORD_CONTROLLER),
	OTHER("pids", WORD_CONTROLLER),
	OTHER("rdma", WORD_CONTROLLER),
};

static const struct word *find_word(const char *item, size_t word_length)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i].name);

		if (words[i].kind == WORD_PREFIX ? word_length < length : word_length != length)
			continue;
		if (memcmp(words[i].name, item, length) == 0)
			return &words[i];
	}
	return NULL;
}

static int set_text(char **textp, const struct word *word, const char *value, char **messagep)
{
	if (!value || (!*value && word->kind != WORD_ANY_TEXT))
		return ucg_complain(messagep, "option '%s': has no value; write %s=VALUE",
				    word->name, word->name);
	if (*textp)
		return ucg_complain(messagep, "option '%s': given twice ('%s', then '%s')",
				    word->name, *textp, value);
	*textp = strdup(value);
	return *textp ? 0 : -ENOMEM;
}

static int apply_word(struct ucg_command *command, const struct word *word, const char *value,
		      char **messagep)
{
	void *member = (char *)command + word->offset;

	switch (word->kind) {
	case WORD_TEXT:
	case WORD_ANY_TEXT:
		return set_text(member, word, value, messagep);
	case WORD_FLAG:
		*(int *)member = word->value;
		return 0;
	case WORD_CONTROLLER:
		return ucg_complain(messagep,
				    "option '%s': not possible: this filesystem has no controllers",
				    word->name);
	case WORD_REMOUNT:
		return ucg_complain(messagep,
				    "option 'remount': not possible: unmount, then mount again");
	case WORD_IGNORED:
	case WORD_OPEN:
	case WORD_PREFIX:
		break;
	}
	return 0;
}

static bool takes_value(const struct word *word)
{
	return word->kind == WORD_TEXT || word->kind == WORD_ANY_TEXT || word->kind == WORD_OPEN ||
	       word->kind == WORD_PREFIX;
}

/* @item is WORD or WORD=VALUE; the value is all after the first '=', as it stands. */
static int parse_item(struct ucg_command *command, const char *item, char **messagep)
{
	const char *equals = strchr(item, '=');
	size_t word_length = equals ? (size_t)(equals - item) : strlen(item);
	const struct word *word = find_word(item, word_length);

	if (!word)
		return ucg_complain(messagep, "option '%.*s': unknown ('%s')", (int)word_length,
				    item, item);
	if (equals && !takes_value(word))
		return ucg_complain(messagep, "option '%s': takes no value ('%s')", word->name,
				    item);
	return apply_word(command, word, equals ? equals + 1 : NULL, messagep);
}

int ucg_words_parse(struct ucg_command *command, const char *items, char **messagep)
{
	ucg_autofree char *copy = strdup(items);
	char *rest = copy;
	char *item;

	if (!copy)
		return -ENOMEM;
	while ((item = strsep(&rest, ","))) {
		int error = *item ? parse_item(command, item, messagep) : 0;

		if (error)
			return error;
	}
	return 0;
}
