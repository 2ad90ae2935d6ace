/* SPDX-License-Identifier: MIT */
/* Kernel behaviour §7 and what is ours of the command line: a row is a case. */
#include "cli_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "ucgroupfs/scope.h"
#include "ucgroupfs/track.h"

#define USER 1000
#define ARGUMENTS 8

/* What one command line comes to. */
struct outcome {
	struct ucg_command command;
	struct ucg_options options;
	char *message;
	int error;
};

static void outcome_clear(struct outcome *outcome)
{
	ucg_command_clear(&outcome->command);
	ucg_options_clear(&outcome->options);
	free(outcome->message);
}

#define OUTCOME ucg_cleanup(outcome_clear) struct outcome

/* @line: words between single blanks; '~' stands for a blank in a word. */
static struct outcome try_as(uid_t uid, const char *line)
{
	struct outcome outcome = {.command = UCG_COMMAND_INIT, .options = UCG_OPTIONS_INIT};
	char program[] = "ucgroupfs";
	char *arguments[ARGUMENTS + 2] = {program};
	ucg_autofree char *copy = strdup(line);
	char *rest = copy;
	char *word;
	int count = 1;

	while (*line && (word = strsep(&rest, " "))) {
		for (char *c = word; (c = strchr(c, '~'));)
			*c = ' ';
		assert_true(count <= ARGUMENTS);
		arguments[count++] = word;
	}
	outcome.error = ucg_command_parse(count, arguments, &outcome.command, &outcome.message);
	if (!outcome.error)
		outcome.error = ucg_options_agree(&outcome.command, uid, &outcome.options,
						  &outcome.message);
	return outcome;
}

static struct outcome try(const char *line)
{
	return try_as(USER, line);
}

static struct outcome try_good(const char *line)
{
	struct outcome outcome = try(line);

	if (outcome.error)
		fail_msg("'%s': expected no error, got %d: %s", line, outcome.error,
			 outcome.message);
	return outcome;
}

static void refused_lines_name_option_and_value(void **state)
{
	static const struct {
		const char *line;
		const char *message;
	} rows[] = {
		/* one option */
		{"-o bogus m", "option 'bogus': unknown ('bogus')"},
		{"-o bogus=1 m", "option 'bogus': unknown ('bogus=1')"},
		{"-o none=1 m", "option 'none': takes no value ('none=1')"},
		{"-o noprefix=1 m", "option 'noprefix': takes no value ('noprefix=1')"},
		{"-o ro=1 m", "option 'ro': takes no value ('ro=1')"},
		{"-o NONE m", "option 'NONE': unknown ('NONE')"},
		{"-o ~none m", "option ' none': unknown (' none')"},
		{"-o none~,name=x m", "option 'none ': unknown ('none ')"},
		{"-o nsdelegate m", "option 'nsdelegate': unknown ('nsdelegate')"},
		{"-o =x m", "option '': unknown ('=x')"},
		{"-o all m", "option 'all': not possible: this filesystem has no controllers"},
		{"-o cpu m", "option 'cpu': not possible: this filesystem has no controllers"},
		{"-o memory m",
		 "option 'memory': not possible: this filesystem has no controllers"},
		{"-o remount m", "option 'remount': not possible: unmount, then mount again"},
		{"-o release_agent m",
		 "option 'release_agent': has no value; write release_agent=VALUE"},
		{"-o release_agent= m",
		 "option 'release_agent': has no value; write release_agent=VALUE"},
		{"-o compat m", "option 'compat': has no value; write compat=VALUE"},
		{"-o compat= m", "option 'compat': has no value; write compat=VALUE"},
		{"-o compat=2.6.25 m",
		 "option 'compat': unknown value '2.6.25'; known are: current, 2.6.24"},
		{"-o compat=2.6.24,compat=current m",
		 "option 'compat': given twice ('2.6.24', then 'current')"},
		{"-o compat=current,release_agent= m",
		 "option 'release_agent': has no value; write release_agent=VALUE"},
		{"-o compat=2.6.24,release_agent m",
		 "option 'release_agent': has no value; write release_agent=VALUE"},
		{"-o compat=2.6.24,release_agent=,release_agent=/a m",
		 "option 'release_agent': given twice ('', then '/a')"},
		{"-o release_agent=/a,release_agent=/b m",
		 "option 'release_agent': given twice ('/a', then '/b')"},
		{"-o release_agent=/a -o release_agent=/a m",
		 "option 'release_agent': given twice ('/a', then '/a')"},
		{"-o name= m", "option 'name': has no value; write name=VALUE"},
		{"-o name m", "option 'name': has no value; write name=VALUE"},
		{"-o name=a,name=a m", "option 'name': given twice ('a', then 'a')"},
		{"--ready-fd x m", "option '--ready-fd': not the number of a descriptor ('x')"},
		{"--ready-fd -1 m", "option '--ready-fd': not the number of a descriptor ('-1')"},
		{"--ready-fd 2147483648 m",
		 "option '--ready-fd': not the number of a descriptor ('2147483648')"},
		{"--ready-fd 3 --ready-fd 4 m", "option '--ready-fd': given twice ('3', then '4')"},
		{"--bogus m", "option '--bogus': unknown; see ucgroupfs --help"},
		{"-fx m", "option '-x': unknown; see ucgroupfs --help"},
		{"--help=1 m", "option '--help=1': takes no value"},
		{"m -o", "option '-o': has no value"},
		{"m --ready-fd", "option '--ready-fd': has no value"},
		/* options together */
		{"", "MOUNTPOINT: missing; see ucgroupfs --help"},
		{"-f", "MOUNTPOINT: missing; see ucgroupfs --help"},
		{"a b c", "argument 'c': one too many; see ucgroupfs --help"},
		{"a b c d", "argument 'c': one too many; see ucgroupfs --help"},
		{"a/b m", "option 'NAME': only letters, digits and '_.-' are possible ('a/b')"},
		{"-o name=a~b m",
		 "option 'name': only letters, digits and '_.-' are possible ('a b')"},
		{"-o name=a\n m",
		 "option 'name': only letters, digits and '_.-' are possible ('a\\012')"},
		{"-o name=a b m", "option 'name': 'a' differs from NAME 'b'"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		OUTCOME outcome = try(rows[i].line);

		if (outcome.error != -EINVAL || !outcome.message ||
		    strcmp(outcome.message, rows[i].message) != 0)
			fail_msg("'%s': expected \"%s\", got %d \"%s\"", rows[i].line,
				 rows[i].message, outcome.error, outcome.message);
	}
}

static void words_of_the_kernel_and_of_mount_are_taken(void **state)
{
	static const char *const lines[] = {
		"-o none,name=x m",
		"-o none,,name=x m",
		"-o ,none,name=x, m",
		"-o none,none m",
		"-o , m",
		"-o noprefix,xattr,cpuset_v2_mode,favordynmods m",
		"-o rw,dev,suid,exec,relatime,auto,nouser,async m",
		"-o ro,nodev,nosuid,noexec,noatime,noauto,user,sync,dirsync m",
		"-o norelatime,strictatime,diratime,nodiratime,atime m",
		"-o defaults,users,owner,group,_netdev,nofail m",
		"-o x-systemd.automount,x-a=b,X-c,comment=d,uhelper=e,user=f m",
		"-o default_permissions,allow_other m",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		OUTCOME outcome = try_good(lines[i]);

		assert_string_equal(outcome.options.mountpoint, "m");
	}
}

static void name_is_taken_from_either_place(void **state)
{
	static const char *const lines[] = {"x m", "-o name=x m", "x m -o name=x", "-o name=x x m"};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		OUTCOME outcome = try_good(lines[i]);

		assert_string_equal(outcome.options.name, "x");
		assert_string_equal(outcome.options.mountpoint, "m");
	}
}

static void name_has_63_bytes_at_most(void **state)
{
	char line[80];

	(void)state;
	for (int length = 63; length <= 64; length++) {
		snprintf(line, sizeof(line), "%0*d m", length, 0);
		OUTCOME outcome = try(line);

		if (outcome.error != (length == 63 ? 0 : -EINVAL))
			fail_msg("name of %d bytes: got %d", length, outcome.error);
	}
}

static void name_is_made_up_of_what_a_name_may_have(void **state)
{
	(void)state;
	OUTCOME outcome = try_good("m");
	ucg_autofree char *line = NULL;

	assert_int_equal(strncmp(outcome.options.name, "ucg-1000-", 9), 0);
	assert_true(asprintf(&line, "%s m", outcome.options.name) > 0);
	OUTCOME again = try_good(line);

	assert_string_equal(again.options.name, outcome.options.name);
}

static void release_agent_is_verbatim(void **state)
{
	(void)state;
	OUTCOME outcome = try_good("-o release_agent=~../a=b\\040~ m");

	assert_string_equal(outcome.options.release_agent, " ../a=b\\040 ");
}

static void compat_chooses_the_rules(void **state)
{
	(void)state;
	OUTCOME current = try_good("-o compat=current m");
	OUTCOME original = try_good("-o compat=2.6.24 m");

	assert_ptr_equal(current.options.rules, &ucg_rules_current);
	assert_ptr_equal(original.options.rules, &ucg_rules_2_6_24);
}

static void release_agent_may_be_empty_in_the_original_in_either_order(void **state)
{
	(void)state;
	OUTCOME before = try_good("-o compat=2.6.24,release_agent= m");
	OUTCOME after = try_good("-o release_agent=,compat=2.6.24 m");

	assert_string_equal(before.options.release_agent, "");
	assert_string_equal(after.options.release_agent, "");
}

/* Length of the agent that comes of one of 5000 bytes. */
static size_t length_of_long_agent(const char *column)
{
	ucg_autofree char *line = NULL;

	assert_true(asprintf(&line, "-o compat=%s,release_agent=%05000d m", column, 0) > 0);
	OUTCOME outcome = try_good(line);

	return strlen(outcome.options.release_agent);
}

static void release_agent_is_cut_at_4095_bytes_in_the_original(void **state)
{
	(void)state;
	assert_int_equal(length_of_long_agent("current"), 5000);
	assert_int_equal(length_of_long_agent("2.6.24"), 4095);
}

static void defaults_are_those_of_the_help(void **state)
{
	(void)state;
	OUTCOME outcome = try_good("m");

	assert_ptr_equal(outcome.options.rules, &ucg_rules_current);
	assert_string_equal(outcome.options.release_agent, "");
	assert_false(outcome.options.clone_children);
	assert_false(outcome.options.foreground);
	assert_false(outcome.options.debug);
	assert_false(outcome.options.allow_other);
	assert_int_equal(outcome.options.ready_fd, -1);
	assert_int_equal(outcome.options.without_probes, 0);
}

static void each_option_sets_its_own(void **state)
{
	(void)state;
	OUTCOME outcome =
		try_good("m --ready-fd 7 -f -o clone_children,allow_other,release_agent=/a");

	assert_string_equal(outcome.options.release_agent, "/a");
	assert_true(outcome.options.clone_children);
	assert_true(outcome.options.foreground);
	assert_false(outcome.options.debug);
	assert_true(outcome.options.allow_other);
	assert_int_equal(outcome.options.ready_fd, 7);
}

static void debug_implies_foreground(void **state)
{
	(void)state;
	OUTCOME outcome = try_good("-d m");

	assert_true(outcome.options.debug);
	assert_true(outcome.options.foreground);
}

static void probes_are_switched_off_by_name(void **state)
{
	char line[200];

	(void)state;
	for (unsigned i = 0; i < UCG_PROBES; i++) {
		snprintf(line, sizeof(line), "--without %s m", ucg_probe_names[i]);
		OUTCOME outcome = try_good(line);

		assert_int_equal(outcome.options.without_probes, 1u << i);
	}
	snprintf(line, sizeof(line), "--without %s,%s m", ucg_probe_names[0], ucg_probe_names[1]);
	OUTCOME both = try_good(line);

	assert_int_equal(both.options.without_probes, 3);
}

static void unknown_probe_is_refused_with_the_known_ones(void **state)
{
	(void)state;
	OUTCOME outcome = try("--without bogus m");

	assert_int_equal(outcome.error, -EINVAL);
	assert_non_null(strstr(outcome.message, "'bogus'"));
	for (unsigned i = 0; i < UCG_PROBES; i++)
		assert_non_null(strstr(outcome.message, ucg_probe_names[i]));
}

static void words_become_options_of_the_mount(void **state)
{
	static const struct {
		uid_t uid;
		const char *line;
		const char *options;
	} rows[] = {
		{USER, "x m", ",nosuid,nodev"},
		{USER, "x m -o rw,suid,dev,exec,atime,async", ",nosuid,nodev"},
		{USER, "x m -o ro,noexec,noatime,sync,dirsync",
		 ",ro,nosuid,nodev,noexec,noatime,sync,dirsync"},
		{USER, "x m -o ro,rw,noexec,exec", ",nosuid,nodev"},
		{USER, "x m -o allow_other", ",allow_other,nosuid,nodev"},
		{0, "x m", ",allow_other,nosuid,nodev"},
		{0, "x m -o suid,dev", ",allow_other,suid,dev"},
		{0, "x m -o suid,nosuid,dev,nodev", ",allow_other,nosuid,nodev"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		OUTCOME outcome = try_as(rows[i].uid, rows[i].line);
		ucg_autofree char *expected = NULL;

		assert_true(asprintf(&expected, "fsname=x,subtype=ucgroupfs,default_permissions%s",
				     rows[i].options) > 0);
		assert_int_equal(outcome.error, 0);
		assert_string_equal(outcome.options.mount_options, expected);
	}
}

static void options_may_stand_behind_arguments(void **state)
{
	(void)state;
	setenv("POSIXLY_CORRECT", "1", 1);
	OUTCOME outcome = try_good("x m -o clone_children");

	unsetenv("POSIXLY_CORRECT");
	assert_true(outcome.options.clone_children);
}

static void mountpoint_may_begin_with_a_dash_behind_two(void **state)
{
	(void)state;
	OUTCOME outcome = try_good("-f -- -m");

	assert_string_equal(outcome.options.mountpoint, "-m");
}

static void help_and_version_need_no_mountpoint(void **state)
{
	static const struct {
		const char *line;
		enum ucg_action action;
	} rows[] = {
		{"--help", UCG_ACTION_HELP},	   {"-h --bogus", UCG_ACTION_HELP},
		{"--version", UCG_ACTION_VERSION}, {"-V", UCG_ACTION_VERSION},
		{"m", UCG_ACTION_MOUNT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		OUTCOME outcome = try(rows[i].line);

		assert_int_equal(outcome.command.action, rows[i].action);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_lines_name_option_and_value),
		cmocka_unit_test(words_of_the_kernel_and_of_mount_are_taken),
		cmocka_unit_test(name_is_taken_from_either_place),
		cmocka_unit_test(name_has_63_bytes_at_most),
		cmocka_unit_test(name_is_made_up_of_what_a_name_may_have),
		cmocka_unit_test(release_agent_is_verbatim),
		cmocka_unit_test(compat_chooses_the_rules),
		cmocka_unit_test(release_agent_may_be_empty_in_the_original_in_either_order),
		cmocka_unit_test(release_agent_is_cut_at_4095_bytes_in_the_original),
		cmocka_unit_test(defaults_are_those_of_the_help),
		cmocka_unit_test(each_option_sets_its_own),
		cmocka_unit_test(debug_implies_foreground),
		cmocka_unit_test(probes_are_switched_off_by_name),
		cmocka_unit_test(unknown_probe_is_refused_with_the_known_ones),
		cmocka_unit_test(words_become_options_of_the_mount),
		cmocka_unit_test(options_may_stand_behind_arguments),
		cmocka_unit_test(mountpoint_may_begin_with_a_dash_behind_two),
		cmocka_unit_test(help_and_version_need_no_mountpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
