/* SPDX-License-Identifier: MIT */
#include "failures.h"

#include <stdbool.h>
#include <string.h>

void ucg_failures_forget(struct ucg_failures *failures)
{
	if (!failures->agent.length)
		return;
	failures->agent.length = 0;
	memset(failures->reported, 0, sizeof(failures->reported));
}

void ucg_failures_clear(struct ucg_failures *failures)
{
	ucg_text_clear(&failures->agent);
}

static bool is_last(const struct ucg_failures *failures, const char *agent)
{
	size_t size = strlen(agent) + 1;

	return failures->agent.length == size && !memcmp(failures->agent.bytes, agent, size);
}

/* True if it was not set before.  Without memory for the agent's text the line is repeated. */
static bool note(struct ucg_failures *failures, const char *agent, int error)
{
	uint64_t *word = &failures->reported[error / 64];
	uint64_t bit = UINT64_C(1) << error % 64;

	if (!is_last(failures, agent)) {
		ucg_failures_forget(failures);
		if (ucg_text_append(&failures->agent, agent, strlen(agent) + 1))
			return true;
	}
	if (*word & bit)
		return false;
	*word |= bit;
	return true;
}

void ucg_failures_report(struct ucg_failures *failures, const char *agent, const char *path,
			 int error)
{
	char buffer[128];

	if (error < 0 || error > UCG_ERRNO_MAX || !note(failures, agent, error))
		return;
	ucg_log(failures->log, LOG_ERR,
		"release agent '%s': %s; group '%s' was released without a call", agent,
		strerror_r(error, buffer, sizeof(buffer)), path);
}
