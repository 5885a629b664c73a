/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.c - runs a proposal through the rules of a policy (server-contract 5.1).
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/orchestration/rules.h"
#include "base/error.h"
#include "base/timefmt.h"
#include "proto/frame.h"

struct entered {
	const struct orc_rule *rule;
	int to; /* the proposed type that keeps the rule valid */
};

/* Nothing is written: the current state stays the answer. */
static void drop(struct orc_ctx *c, enum orc_status status)
{
	orc_state_release(c->proposed);
	c->made_type = 0;
	c->d->status = status;
}

void orc_reject(struct orc_ctx *c, const char *fmt, ...)
{
	va_list ap;

	drop(c, ORC_REJECT);
	va_start(ap, fmt);
	(void)vsnprintf(c->d->reason, sizeof(c->d->reason), fmt, ap);
	va_end(ap);
}

void orc_abort(struct orc_ctx *c, const char *fmt, ...)
{
	va_list ap;

	drop(c, ORC_ABORT);
	va_start(ap, fmt);
	(void)vsnprintf(c->d->reason, sizeof(c->d->reason), fmt, ap);
	va_end(ap);
}

void orc_wait(struct orc_ctx *c, int64_t delay_s, const char *reason)
{
	drop(c, ORC_WAIT);
	c->d->delay_s = delay_s;
	(void)snprintf(c->d->reason, sizeof(c->d->reason), "%s", reason);
}

void orc_reject_with(struct orc_ctx *c, struct orc_state *state, const char *fmt, ...)
{
	va_list ap;

	orc_state_release(c->proposed);
	*c->proposed = *state;
	*state = (struct orc_state){.type = 0};
	c->made_type = c->proposed->type;
	c->d->status = ORC_REJECT;
	va_start(ap, fmt);
	(void)vsnprintf(c->d->reason, sizeof(c->d->reason), fmt, ap);
	va_end(ap);
}

void orc_make_state(struct orc_ctx *c, struct orc_state *ret_state, int type,
		    const char *name, const char *message)
{
	orc_state_init(ret_state, type, name, message);
	ret_state->id = c->facts->fresh_state;
	ret_state->at_us = c->now_us;
}

int orc_policy_int(const struct orc_run *run, const char *key, int64_t *ret_int)
{
	const json_t *v = json_object_get(run->empirical_policy, key);

	if (!json_is_number(v)) {
		return 0;
	}
	*ret_int = (int64_t)json_number_value(v);
	return 1;
}

static size_t enter(struct orc_ctx *c, const struct orc_rules *policy,
		    struct entered *in)
{
	size_t n = 0;

	for (size_t i = 0; policy->rules[i] != NULL; i++) {
		const struct orc_rule *r = policy->rules[i];

		if (r->always || (r->from & ORC_BIT(c->from)) == 0 ||
		    (r->to & ORC_BIT(c->intended)) == 0 ||
		    c->proposed->type != c->intended) {
			continue;
		}
		PRE(n < ORC_RULES_MAX);
		c->made_type = -1;
		if (r->before != NULL) {
			r->before(c);
		}
		in[n++] = (struct entered){
		    .rule = r,
		    .to = c->made_type >= 0 ? c->made_type : c->intended,
		};
	}
	return n;
}

static void leave(struct orc_ctx *c, const struct orc_rules *policy,
		  const struct entered *in, size_t n)
{
	for (size_t i = 0; c->proposed->type != 0 && policy->rules[i] != NULL; i++) {
		const struct orc_rule *r = policy->rules[i];

		if (r->always && r->after != NULL &&
		    (r->from & ORC_BIT(c->from)) != 0 &&
		    (r->to & ORC_BIT(c->proposed->type)) != 0) {
			r->after(c);
		}
	}
	while (n-- > 0) {
		const struct orc_rule *r = in[n].rule;

		if (in[n].to == c->proposed->type) {
			if (r->after != NULL) {
				r->after(c);
			}
		} else if (r->cleanup != NULL) {
			r->cleanup(c);
		}
	}
}

void orc_decide(enum orc_policy policy, struct orc_run *run,
		const struct orc_view *view, struct orc_state *proposed,
		struct orc_decision *ret_decision)
{
	const struct orc_rules *rules = orc_rules_of(policy);
	struct entered in[ORC_RULES_MAX];
	struct orc_decision d = {.status = ORC_ACCEPT};
	struct orc_ctx c = {
	    .run = run,
	    .current = view->current,
	    .from = view->current->type,
	    .intended = proposed->type,
	    .facts = view->facts,
	    .now_us = view->now_us,
	    .d = &d,
	};
	size_t n;

	PRE(rules != NULL && proposed->type != 0);
	d.state = *proposed;
	*proposed = (struct orc_state){.type = 0};
	c.proposed = &d.state;
	if (d.state.at_us == TIME_NONE) {
		d.state.at_us = view->now_us;
	}
	if (d.state.type == WF__CONTROL__STATE_TYPE__SCHEDULED &&
	    orc_detail_time(&d.state, "scheduled_time") == TIME_NONE) {
		orc_detail_set_time(&d.state, "scheduled_time", view->now_us);
	}
	n = enter(&c, rules, in);
	d.writes = d.state.type != 0;
	if (d.writes) {
		orc_transform(&c, rules->task);
	}
	leave(&c, rules, in, n);
	json_decref(c.saved_policy);
	*ret_decision = d;
}
