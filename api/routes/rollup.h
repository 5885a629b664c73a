/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollup.h - how many runs were in which state when, from cells instead of runs.
 *
 * The table run_cell counts runs that have ended by minute, hour and day.  An answer is
 * made of whole cells, of what is not in the cells yet (run_delta), of ended runs at
 * the edges of the range, and of the runs that have not ended; all four in one
 * snapshot, so it is exact.  Filters of flow, deployment, state, start times and
 * subflows can be answered so; for others the caller asks the runs.
 */
#ifndef API_ROUTES_ROLLUP_H
#define API_ROUTES_ROLLUP_H

#include <stddef.h>
#include <stdint.h>

#include "api/db/pred.h"
#include "base/uuid.h"

struct error;
struct tx;

#define ROLLUP_SCOPES_MAX 8

enum rollup_object { ROLLUP_FLOW_RUNS = 1, ROLLUP_TASK_RUNS };
enum rollup_axis { ROLLUP_EXPECTED, ROLLUP_START, ROLLUP_ANY_AXIS };

/* FROM_US, UNTIL_US: half-open; STEP_US from FROM_US on.  ANY_TIME: one step of all. */
struct rollup_span {
	enum rollup_axis axis;
	int any_time;
	int64_t from_us, until_us, step_us;
};

struct rollup_row {
	int64_t step;
	int type;   /* 0: none */
	char *name; /* "" when it has none */
	int64_t count, run_time_us, late_us;
};

struct rollup {
	struct rollup_row *rows; /* by step, type and name; none counts 0 */
	size_t count;
};

/* 1: *RET is filled.  0: not a question for rollups, *RET is empty. */
int rollup_read(struct tx *tx, enum rollup_object object, const struct db_pred *pred,
		const struct rollup_span *span, struct rollup *ret, struct error *err);
void rollup_release(struct rollup *r);

/* ---- rollup_facts.c: what a filter says ---- */

struct rollup_facts {
	struct pred_fact states[PRED_FACTS_MAX]; /* of state types and names */
	size_t nstates;
	enum { SCOPE_ALL, SCOPE_FLOW, SCOPE_DEPLOYMENT } scope;
	int scope_must_exist; /* deployments: only those that are there */
	struct uuid ids[ROLLUP_SCOPES_MAX];
	size_t nids;
	int sub; /* -1: both */
	enum rollup_axis axis;
	int64_t from_us, until_us; /* of AXIS, half-open; INT64_MIN, INT64_MAX: open */
};

/* 1, or 0 when something is said that cells do not know. */
int rollup_facts_of(const struct db_pred *pred, struct rollup_facts *ret);
int rollup_facts_match(const struct rollup_facts *f, int type, const char *name,
		       int sub);

#endif
