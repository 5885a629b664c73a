/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claimer_carry.c - leases and settlements, handed to the next program in our process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/claimer_priv.h"
#include "base/carry.h"
#include "base/error.h"
#include "base/loop.h"

int claimer_is_quiet(const struct claimer *c)
{
	return !c->claiming && !c->reaping;
}

void claimer_carry(const struct claimer *c, struct carry *to)
{
	size_t count = 0;
	struct lease **all = lease_list(&c->table, &count);

	for (size_t i = 0; i < count; i++) {
		const struct lease *l = all[i];

		if (l->state == LEASE_ENDING) {
			continue; /* its settlement says all */
		}
		carry_line(to,
			   json_pack("{s:s, s:s, s:s, s:I, s:I, s:i, s:I, s:i}", "what",
				     "lease", "id", l->id, "queue", l->queue, "token",
				     (json_int_t)l->token, "gen", (json_int_t)l->gen,
				     "state", (int)l->state, "trusted_until_ms",
				     (json_int_t)l->trusted_until_ms, "cancel_told",
				     l->cancel_told));
	}
	free(all);
	endings_carry(c, to);
}

int claimer_carried(struct claimer *c, const json_t *line, struct error *err)
{
	struct lease l = {.token = (uint64_t)carry_int(line, "token"),
			  .gen = carry_int(line, "gen"),
			  .state = (enum lease_state)carry_int(line, "state"),
			  .trusted_until_ms = carry_int(line, "trusted_until_ms"),
			  .cancel_told = (int)carry_int(line, "cancel_told")};
	char *queue;
	int rc;

	if (strcmp(carry_str(line, "what"), "ending") == 0) {
		ending_carried(c, line);
		return 0;
	}
	(void)snprintf(l.id, sizeof(l.id), "%s", carry_str(line, "id"));
	queue = (char *)(uintptr_t)carry_str(line, "queue"); /* copied */
	l.queue = queue;
	rc = lease_carried(&c->table, &l, loop_now_ms(c->loop), err);
	c->lease_at_ms = loop_now_ms(c->loop);
	claimer_arm(c);
	return rc;
}
