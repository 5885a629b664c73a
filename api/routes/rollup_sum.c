/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollup_sum.c - puts an answer together out of cells, of changes that are not in them
 * yet, and of runs.
 *
 *	from        |step                |step                         until
 *	 ...runs|cells of minutes|runs|cells of hours, of minutes|...
 *
 * Wide cells first; what is left at both ends and where a step ends inside of a cell is
 * covered by narrower ones, and what a minute leaves (an hour, with a scope) by runs.
 */
#include <stdlib.h>
#include <string.h>

#include "api/routes/rollup.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"

#define MINUTE_US 60000000LL
#define HOUR_US   3600000000LL
#define DAY_US    86400000000LL
#define WITHOUT   (-2) /* cell of runs without time */
#define HOLES_MAX 2048
#define ONE_STEP  (INT64_MAX / 2)

static const int64_t widths[] = {DAY_US, HOUR_US, MINUTE_US};

struct hole {
	int64_t from_us, until_us;
};

struct sum {
	struct tx *tx;
	enum rollup_object object;
	enum rollup_axis axis;
	const struct db_pred *pred;
	struct rollup_facts f;
	int64_t base_us, step_us; /* steps */
	int64_t from_us, until_us;
	int bounded; /* the range is not one of the predicate */
	size_t levels;
	struct hole holes[HOLES_MAX]; /* what was asked of runs */
	size_t nholes;
	struct rollup *out;
	size_t size;
	struct error *err;
};

static void add(struct sum *s, const struct rollup_row *row, const char *name)
{
	struct rollup *o = s->out;

	if (o->count == s->size) {
		s->size = s->size == 0 ? 64 : s->size * 2;
		o->rows = xreallocarray(o->rows, s->size, sizeof(*o->rows));
	}
	o->rows[o->count] = *row;
	o->rows[o->count++].name = xstrdup(name != NULL ? name : "");
}

/* Rows of step, type, name, count, run time, lateness. */
static int add_runs(struct sum *s, enum sql_id stmt, const struct db_arg *args,
		    size_t nargs)
{
	struct db_rows *r = NULL;
	int rc = db_select(s->tx->c, stmt, args, nargs, s->pred, SQL_FRAG_NONE, -1, -1,
			   &r, s->err);

	while (rc == 0 && (rc = db_next(r, s->err)) == 1) {
		struct rollup_row row = {.step = db_int(r, 0),
					 .type = (int)db_int(r, 1),
					 .count = db_int(r, 3),
					 .run_time_us = db_int(r, 4),
					 .late_us = db_int(r, 5)};

		add(s, &row, db_text(r, 2));
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static int add_hole(struct sum *s, int64_t from_us, int64_t until_us)
{
	static const enum sql_id stmts[3][2] = {
	    {0, 0},
	    {SQL_ROLLUP_FLOW_RUNS_EDGE_EXPECTED, SQL_ROLLUP_FLOW_RUNS_EDGE_START},
	    {SQL_ROLLUP_TASK_RUNS_EDGE_EXPECTED, SQL_ROLLUP_TASK_RUNS_EDGE_START}};

	if (from_us >= until_us) {
		return 0;
	}
	if (s->nholes == HOLES_MAX) {
		return err_set(s->err, ERR_TOO_LARGE,
			       "the history has too many steps; ask for fewer");
	}
	s->holes[s->nholes++] = (struct hole){from_us, until_us};
	return add_runs(s, stmts[s->object][s->axis],
			DB_ARGS(db_a_int(s->base_us), db_a_int(s->step_us),
				db_a_int(s->tx->now_us), db_a_int(from_us),
				db_a_int(until_us)),
			5);
}

static int add_live(struct sum *s)
{
	static const enum sql_id stmts[3][2] = {
	    {0, 0},
	    {SQL_ROLLUP_FLOW_RUNS_LIVE_EXPECTED, SQL_ROLLUP_FLOW_RUNS_LIVE_START},
	    {SQL_ROLLUP_TASK_RUNS_LIVE_EXPECTED, SQL_ROLLUP_TASK_RUNS_LIVE_START}};

	return add_runs(s, stmts[s->object][s->axis],
			DB_ARGS(db_a_int(s->base_us), db_a_int(s->step_us),
				db_a_int(s->tx->now_us), db_a_int(s->from_us),
				db_a_int(s->until_us), db_a_int(!s->bounded)),
			6);
}

static int add_cells_of(struct sum *s, const struct db_arg *scope, int64_t width,
			const struct hole *range)
{
	struct db_rows *r = NULL;
	int rc = db_query(s->tx->c, SQL_ROLLUP_CELLS,
			  DB_ARGS(db_a_int(s->base_us), db_a_int(s->step_us),
				  db_a_int((int)s->object * 2 + (int)s->axis), *scope,
				  db_a_int(width), db_a_int(range->from_us),
				  db_a_int(range->until_us)),
			  7, &r, s->err);

	while (rc == 0 && (rc = db_next(r, s->err)) == 1) {
		struct rollup_row row = {.step = db_int(r, 0),
					 .type = (int)db_int(r, 1),
					 .count = db_int(r, 4),
					 .run_time_us = db_int(r, 5),
					 .late_us = db_int(r, 6)};

		if (rollup_facts_match(&s->f, row.type, db_text(r, 2),
				       (int)db_int(r, 3))) {
			add(s, &row, db_text(r, 2));
		}
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static int add_cells(struct sum *s, int64_t width, int64_t from_us, int64_t until_us)
{
	struct hole range = {from_us, until_us};
	struct db_arg scope = db_a_blob("", 0);
	int rc = 0;

	if (s->f.scope == SCOPE_ALL) {
		return add_cells_of(s, &scope, width, &range);
	}
	for (size_t i = 0; rc == 0 && i < s->f.nids; i++) {
		scope = db_a_uuid(&s->f.ids[i]);
		rc = add_cells_of(s, &scope, width, &range);
	}
	return rc;
}

static int64_t floor_to(int64_t at_us, int64_t width)
{
	return at_us < 0 || at_us == INT64_MAX ? at_us : at_us - at_us % width;
}

static int64_t ceil_to(int64_t at_us, int64_t width)
{
	return floor_to(at_us, width) == at_us ? at_us : floor_to(at_us, width) + width;
}

/* 1: *RET_CELL (in: where to look from) is the next cell of WIDTH before UNTIL_US in
 * which a step ends.  0: there is none. */
static int next_split(const struct sum *s, int64_t width, int64_t until_us,
		      int64_t *ret_cell)
{
	int64_t k = *ret_cell <= s->base_us ? 1 : (*ret_cell - s->base_us) / s->step_us;
	int64_t end_us = s->base_us + k * s->step_us;

	for (; s->bounded && end_us < until_us; end_us += s->step_us) {
		if (end_us > *ret_cell && end_us % width != 0) {
			*ret_cell = floor_to(end_us, width);
			return 1;
		}
	}
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): one level for each width */
static int cover(struct sum *s, size_t level, int64_t from_us, int64_t until_us)
{
	int64_t width = level < s->levels ? widths[level] : 0, a, b, cell;
	int rc;

	if (from_us >= until_us || width == 0) {
		return add_hole(s, from_us, until_us);
	}
	a = ceil_to(from_us, width);
	b = floor_to(until_us, width);
	if (width > s->step_us || a >= b) {
		return cover(s, level + 1, from_us, until_us);
	}
	rc = add_cells(s, width, a, b);
	rc = rc < 0 ? rc : cover(s, level + 1, from_us, a);
	rc = rc < 0 ? rc : cover(s, level + 1, b, until_us);
	for (cell = a; rc == 0 && next_split(s, width, b, &cell); cell += width) {
		rc = cover(s, level + 1, cell, cell + width);
	}
	return rc;
}

static int in_cells(const struct sum *s, int64_t at_us)
{
	if (at_us < s->from_us || at_us >= s->until_us) {
		return 0;
	}
	for (size_t i = 0; i < s->nholes; i++) {
		if (at_us >= s->holes[i].from_us && at_us < s->holes[i].until_us) {
			return 0;
		}
	}
	return 1;
}

static int in_scope(const struct sum *s, const struct db_rows *r)
{
	struct uuid id = {{0}};

	if (s->f.scope == SCOPE_ALL) {
		return 1;
	}
	if (!db_uuid(r, s->f.scope == SCOPE_FLOW ? 1 : 2, &id)) {
		return 0;
	}
	for (size_t i = 0; i < s->f.nids; i++) {
		if (uuid_equal(&s->f.ids[i], &id)) {
			return 1;
		}
	}
	return 0;
}

static void add_delta(struct sum *s, const struct db_rows *r)
{
	int col = s->axis == ROLLUP_EXPECTED ? 3 : 4;
	int64_t at_us = db_is_null(r, col) ? WITHOUT : MAX_OF(db_int(r, col), -1);
	int64_t sign = db_int(r, 0);
	struct rollup_row row = {.type = (int)db_int(r, 5),
				 .count = sign,
				 .run_time_us = sign * db_int(r, 8),
				 .late_us = sign * db_int(r, 9)};

	if (in_cells(s, at_us) && in_scope(s, r) &&
	    rollup_facts_match(&s->f, row.type, db_text(r, 6), (int)db_int(r, 7))) {
		row.step = (at_us - s->base_us) / s->step_us;
		add(s, &row, db_text(r, 6));
	}
}

static int add_deltas(struct sum *s)
{
	struct db_rows *r = NULL;
	int rc = db_query(s->tx->c, SQL_ROLLUP_DELTAS,
			  DB_ARGS(db_a_int((int)s->object)), 1, &r, s->err);

	while (rc == 0 && (rc = db_next(r, s->err)) == 1) {
		add_delta(s, r);
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static int by_place(const void *a, const void *b)
{
	const struct rollup_row *x = a, *y = b;

	if (x->step != y->step) {
		return x->step < y->step ? -1 : 1;
	}
	return x->type != y->type ? x->type - y->type : strcmp(x->name, y->name);
}

/* Equal ones become one; those that count nothing go. */
static void merge(struct rollup *o)
{
	size_t n = 0;

	if (o->count > 0) {
		qsort(o->rows, o->count, sizeof(*o->rows), by_place);
	}
	for (size_t i = 0; i < o->count;) {
		struct rollup_row row = o->rows[i++];

		while (i < o->count && by_place(&row, &o->rows[i]) == 0) {
			row.count += o->rows[i].count;
			row.run_time_us += o->rows[i].run_time_us;
			row.late_us += o->rows[i].late_us;
			free(o->rows[i++].name);
		}
		if (row.count == 0) {
			free(row.name);
		} else {
			o->rows[n++] = row;
		}
	}
	o->count = n;
}

/* Deployments of the filter that are gone count nothing. */
static int drop_gone(struct sum *s)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; s->f.scope_must_exist && rc == 0 && i < s->f.nids; i++) {
		int64_t there = 0;

		rc = db_one_int(s->tx->c, SQL_ROLLUP_DEPLOYMENT_EXISTS,
				DB_ARGS(db_a_uuid(&s->f.ids[i])), 1, &there, s->err);
		rc = MIN_OF(rc, 0);
		if (there) {
			s->f.ids[n++] = s->f.ids[i];
		}
	}
	s->f.nids = s->f.scope_must_exist ? n : s->f.nids;
	return rc;
}

/* The range and its steps.  0: not one that cells can answer. */
static int plan(struct sum *s, const struct rollup_span *span)
{
	const struct rollup_facts *f = &s->f;

	s->axis = span->any_time ? f->axis : span->axis;
	if (s->axis == ROLLUP_ANY_AXIS) {
		s->axis = ROLLUP_EXPECTED;
	}
	if (f->axis != ROLLUP_ANY_AXIS && f->axis != s->axis) {
		return 0;
	}
	s->levels = f->scope == SCOPE_ALL ? 3 : 2;
	s->bounded = !span->any_time;
	s->from_us = f->from_us != INT64_MIN    ? f->from_us
		     : f->until_us != INT64_MAX ? WITHOUT + 1
						: WITHOUT;
	s->until_us = f->until_us;
	s->step_us = ONE_STEP;
	if (!span->any_time) {
		s->from_us = MAX_OF(s->from_us, span->from_us);
		s->until_us = MIN_OF(s->until_us, span->until_us);
		s->base_us = span->from_us;
		s->step_us = span->step_us;
		return span->from_us >= 0 && s->step_us >= widths[s->levels - 1];
	}
	return 1;
}

int rollup_read(struct tx *tx, enum rollup_object object, const struct db_pred *pred,
		const struct rollup_span *span, struct rollup *ret, struct error *err)
{
	struct sum *s = xcalloc(1, sizeof(*s));
	int rc;

	*ret = (struct rollup){0};
	*s = (struct sum){
	    .tx = tx, .object = object, .pred = pred, .out = ret, .err = err};
	if (!rollup_facts_of(pred, &s->f) || !plan(s, span)) {
		free(s);
		return 0;
	}
	rc = drop_gone(s);
	rc = rc < 0 ? rc : cover(s, 0, s->from_us, s->until_us);
	rc = rc < 0 ? rc : add_deltas(s);
	rc = rc < 0 ? rc : add_live(s);
	if (rc < 0) {
		rollup_release(ret);
	} else {
		merge(ret);
	}
	free(s);
	return rc < 0 ? rc : 1;
}

void rollup_release(struct rollup *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->rows[i].name);
	}
	free(r->rows);
	*r = (struct rollup){0};
}
