/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollup_facts.c - the part of the filter grammar that cells of runs can answer.
 */
#include "api/routes/rollup.h"

#include <string.h>

#include "base/compiler.h"

/* The ids of a list, each once.  0 when there are too many, or a list before this. */
static int take_ids(struct rollup_facts *f, int scope, const struct pred_fact *fact)
{
	if (f->scope != SCOPE_ALL) {
		return 0;
	}
	f->scope = scope == SCOPE_FLOW ? SCOPE_FLOW : SCOPE_DEPLOYMENT;
	for (size_t i = 0; i < fact->nargs; i++) {
		struct uuid id;
		size_t k = 0;

		if (fact->args[i].type != DB_T_BLOB ||
		    fact->args[i].len != sizeof(id)) {
			return 0;
		}
		memcpy(&id, fact->args[i].p, sizeof(id));
		while (k < f->nids && !uuid_equal(&f->ids[k], &id)) {
			k++;
		}
		if (k == ROLLUP_SCOPES_MAX) {
			return 0;
		}
		f->ids[k] = id;
		f->nids = MAX_OF(f->nids, k + 1);
	}
	return 1;
}

/* One axis: a filter of both is for the runs. */
static int take_time(struct rollup_facts *f, enum rollup_axis axis, int is_after,
		     const struct pred_fact *fact)
{
	int64_t at_us = fact->args[0].i;

	if ((f->axis != ROLLUP_ANY_AXIS && f->axis != axis) || at_us < 0 ||
	    at_us == INT64_MAX || fact->args[0].type != DB_T_INT) {
		return 0;
	}
	f->axis = axis;
	if (is_after) {
		f->from_us = MAX_OF(f->from_us, at_us);
	} else {
		f->until_us = MIN_OF(f->until_us, at_us + 1);
	}
	return 1;
}

static int take_sub(struct rollup_facts *f, int sub)
{
	if (f->sub >= 0 && f->sub != sub) {
		return 0;
	}
	f->sub = sub;
	return 1;
}

static int take_state(struct rollup_facts *f, const struct pred_fact *fact)
{
	f->states[f->nstates++] = *fact;
	return 1;
}

static int take_within(struct rollup_facts *f, const struct pred_fact *fact)
{
	if (fact->within == FRAG_X_FR_F && fact->frag == FRAG_F_ID_ANY) {
		return take_ids(f, SCOPE_FLOW, fact);
	}
	if (fact->within == FRAG_X_FR_D && fact->frag == FRAG_D_ID_ANY) {
		f->scope_must_exist = 0;
		return take_ids(f, SCOPE_DEPLOYMENT, fact) ? f->scope_must_exist = 1
							   : 0;
	}
	return 0;
}

static int take(struct rollup_facts *f, const struct pred_fact *fact)
{
	if (fact->within != SQL_FRAG_NONE) {
		return take_within(f, fact);
	}
	/* NOLINTNEXTLINE(clang-diagnostic-switch-enum): the others are not known */
	switch ((int)fact->frag) {
	case FRAG_X_FR_F: /* every run has a flow */
		return 1;
	case FRAG_X_FR_D:
		f->scope_must_exist = -1; /* until its ids are named */
		return 1;
	case FRAG_FR_FLOW_ANY:
		return take_ids(f, SCOPE_FLOW, fact);
	case FRAG_FR_DEPLOYMENT_ANY:
		return take_ids(f, SCOPE_DEPLOYMENT, fact);
	case FRAG_FR_STATE_TYPE_ANY:
	case FRAG_FR_STATE_TYPE_NOT_ANY:
	case FRAG_FR_STATE_NAME_ANY:
	case FRAG_FR_STATE_NAME_NOT_ANY:
	case FRAG_TR_STATE_TYPE_ANY:
	case FRAG_TR_STATE_NAME_ANY:
		return take_state(f, fact);
	case FRAG_FR_PARENT_TASK_NULL:
		return take_sub(f, 0);
	case FRAG_FR_PARENT_TASK_NOT_NULL:
		return take_sub(f, 1);
	case FRAG_FR_START_AFTER:
	case FRAG_TR_START_AFTER:
		return take_time(f, ROLLUP_START, 1, fact);
	case FRAG_FR_START_BEFORE:
	case FRAG_TR_START_BEFORE:
		return take_time(f, ROLLUP_START, 0, fact);
	case FRAG_FR_EXPECTED_AFTER:
	case FRAG_TR_EXPECTED_AFTER:
		return take_time(f, ROLLUP_EXPECTED, 1, fact);
	case FRAG_FR_EXPECTED_BEFORE:
	case FRAG_TR_EXPECTED_BEFORE:
		return take_time(f, ROLLUP_EXPECTED, 0, fact);
	default:
		return 0;
	}
}

int rollup_facts_of(const struct db_pred *pred, struct rollup_facts *ret)
{
	struct pred_fact facts[PRED_FACTS_MAX];
	int n = pred_facts(pred, facts);

	*ret = (struct rollup_facts){.sub = -1,
				     .axis = ROLLUP_ANY_AXIS,
				     .from_us = INT64_MIN,
				     .until_us = INT64_MAX};
	for (int i = 0; i < n; i++) {
		if (!take(ret, &facts[i])) {
			return 0;
		}
	}
	return n >= 0 && ret->scope_must_exist >= 0;
}

static int is_in(const struct pred_fact *fact, int type, const char *name)
{
	for (size_t i = 0; i < fact->nargs; i++) {
		const struct db_arg *a = &fact->args[i];

		if (a->type == DB_T_INT
			? a->i == type
			: a->len == strlen(name) && memcmp(a->p, name, a->len) == 0) {
			return 1;
		}
	}
	return 0;
}

int rollup_facts_match(const struct rollup_facts *f, int type, const char *name,
		       int sub)
{
	if (f->sub >= 0 && f->sub != sub) {
		return 0;
	}
	for (size_t i = 0; i < f->nstates; i++) {
		const struct pred_fact *s = &f->states[i];
		int wanted = s->frag != FRAG_FR_STATE_TYPE_NOT_ANY &&
			     s->frag != FRAG_FR_STATE_NAME_NOT_ANY;

		if (is_in(s, type, name) != wanted) {
			return 0;
		}
	}
	return 1;
}
