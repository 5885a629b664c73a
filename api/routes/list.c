/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.c - filter, count, paginate and bulk delete, the same for every resource.
 */
#include "api/routes/list.h"

#include <stdlib.h>

#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/routes/decode.h"
#include "api/routes/rollup.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/uuid.h"

#define BULK_MAX   50
#define PAGE_MAX   400 /* ids of a state that are looked at for a page */
#define STATES_MAX 8

struct list_arg {
	const struct list_spec *spec;
	struct list_args la;
	struct db_pred *pred;
	list_delete_fn one; /* bulk_delete */
};

static void arg_free(void *arg)
{
	struct list_arg *a = arg;

	if (a != NULL) {
		pred_free(a->pred);
		free(a);
	}
}

/* The fact that names several states, and nothing else about states; NULL: none. */
static int states_of(const struct list_arg *a, struct pred_fact *ret)
{
	struct pred_fact facts[PRED_FACTS_MAX];
	int n = pred_facts(a->pred, facts), found = 0;

	for (int i = 0; i < n; i++) {
		if (facts[i].frag == FRAG_FR_STATE_TYPE_ANY &&
		    facts[i].within == SQL_FRAG_NONE) {
			*ret = facts[i];
			found++;
		}
	}
	return found == 1 && ret->nargs > 1 && ret->nargs <= STATES_MAX;
}

static int ids_of_state(struct tx *tx, const struct list_arg *a,
			const struct db_arg *state, struct uuid *ids, size_t *count,
			struct error *err)
{
	struct db_rows *rows = NULL;
	int64_t most = a->la.limit + a->la.offset, n = 0;
	int rc = db_select(tx->c, SQL_FLOW_RUN_IDS_OF_STATE, state, 1, a->pred,
			   a->la.order, most, 0, &rows, err);

	while (rc == 0 && n++ < most && (rc = db_next(rows, err)) == 1) {
		*count += (size_t)db_uuid(rows, 0, &ids[*count]);
		rc = 0;
	}
	db_rows_free(rows);
	return MIN_OF(rc, 0);
}

/*
 * The newest runs of several states are among the newest of each one, which an index
 * has in their order; without that all runs of the states would be sorted.  *RET_FEW
 * (owned) is their ids; NULL when this is not such a list.
 */
static int page_of_states(struct tx *tx, const struct list_arg *a,
			  struct db_pred **ret_few, struct error *err)
{
	struct pred_fact states;
	struct db_arg *args;
	struct uuid *ids;
	size_t count = 0;
	int rc = 0;

	if (a->spec->entity != ENT_FLOW_RUN ||
	    (a->la.order != FRAG_FR_BY_START_DESC &&
	     a->la.order != FRAG_FR_BY_START_ASC) ||
	    a->la.limit < 1 || a->la.offset > PAGE_MAX ||
	    a->la.limit + a->la.offset > PAGE_MAX || !states_of(a, &states)) {
		return 0;
	}
	ids = xcalloc(STATES_MAX * PAGE_MAX, sizeof(*ids));
	for (size_t i = 0; rc == 0 && i < states.nargs; i++) {
		if (i == 0 || states.args[i].i != states.args[i - 1].i) { /* padding */
			rc = ids_of_state(tx, a, &states.args[i], ids, &count, err);
		}
	}
	args = xcalloc(count + 1, sizeof(*args));
	for (size_t i = 0; i < count; i++) {
		args[i] = db_a_uuid(&ids[i]);
	}
	if (rc == 0) {
		*ret_few = pred_new();
		pred_add_list(*ret_few, FRAG_FR_ID_ANY, args, count);
	}
	free(args);
	free(ids);
	return rc;
}

static int write_rows(struct tx *tx, const struct list_arg *a, struct jsonw *w,
		      const char *key, struct error *err)
{
	struct db_pred *few = NULL;
	struct db_rows *rows = NULL;
	int rc = page_of_states(tx, a, &few, err);

	if (rc == 0) {
		rc = db_select(tx->c, a->spec->list, NULL, 0,
			       few != NULL ? few : a->pred, a->la.order, a->la.limit,
			       a->la.offset, &rows, err);
	}
	pred_free(few);
	if (rc < 0) {
		return rc;
	}
	jsonw_arr(w, key);
	while ((rc = db_next(rows, err)) == 1) {
		a->spec->write(w, NULL, rows, tx->now_us);
	}
	jsonw_arr_end(w);
	db_rows_free(rows);
	return rc;
}

/* Runs are many: cells of them are counted where the filter allows it.  1: done. */
static int count_cells(struct tx *tx, const struct list_arg *a, int64_t *ret_count,
		       struct error *err)
{
	const struct rollup_span all = {.axis = ROLLUP_ANY_AXIS, .any_time = 1};
	struct rollup r;
	int rc;

	if (a->spec->entity != ENT_FLOW_RUN && a->spec->entity != ENT_TASK_RUN) {
		return 0;
	}
	rc = rollup_read(
	    tx, a->spec->entity == ENT_FLOW_RUN ? ROLLUP_FLOW_RUNS : ROLLUP_TASK_RUNS,
	    a->pred, &all, &r, err);
	for (size_t i = 0; rc == 1 && i < r.count; i++) {
		*ret_count += r.rows[i].count;
	}
	rollup_release(&r);
	return rc;
}

static int read_count(struct tx *tx, const struct list_arg *a, int64_t *ret_count,
		      struct error *err)
{
	struct db_rows *rows = NULL;
	int rc = count_cells(tx, a, ret_count, err);

	if (rc != 0) {
		return MIN_OF(rc, 0);
	}
	rc = db_select(tx->c, a->spec->count, NULL, 0, a->pred, SQL_FRAG_NONE, -1, -1,
		       &rows, err);

	if (rc == 0) {
		rc = db_next(rows, err);
	}
	if (rc == 1) {
		*ret_count = db_int(rows, 0);
	}
	db_rows_free(rows);
	return rc < 0 ? rc : 0;
}

static int filter_work(struct tx *tx, void *arg, struct error *err)
{
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	return write_rows(tx, arg, &w, NULL, err);
}

static int count_work(struct tx *tx, void *arg, struct error *err)
{
	int64_t count = 0;
	int rc = read_count(tx, arg, &count, err);

	buf_addf(&tx->body, "%lld", (long long)count);
	return rc;
}

static int paginate_work(struct tx *tx, void *arg, struct error *err)
{
	const struct list_arg *a = arg;
	int64_t limit = a->la.limit;
	int64_t count = 0;
	struct jsonw w;
	int rc;

	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	rc = write_rows(tx, a, &w, "results", err);
	if (rc == 0) {
		rc = read_count(tx, a, &count, err);
	}
	jsonw_int(&w, "count", count);
	jsonw_int(&w, "limit", limit);
	jsonw_int(&w, "pages", limit == 0 ? 0 : (count + limit - 1) / limit);
	jsonw_int(&w, "page", a->la.page);
	jsonw_obj_end(&w);
	return rc;
}

static void submit(struct http_req *r, const struct list_spec *spec, int paged,
		   int with_page, tx_work_fn work)
{
	struct list_arg *a = xcalloc(1, sizeof(*a));

	a->spec = spec;
	if (filter_request(r, spec->entity, paged, with_page ? &a->la : NULL,
			   &a->pred) < 0) {
		arg_free(a);
		return;
	}
	tx_submit(r, DB_READ, work, a, arg_free);
}

void list_filter(struct http_req *r, const struct list_spec *spec)
{
	submit(r, spec, 0, 1, filter_work);
}

void list_count(struct http_req *r, const struct list_spec *spec)
{
	submit(r, spec, 0, 0, count_work);
}

void list_paginate(struct http_req *r, const struct list_spec *spec)
{
	submit(r, spec, 1, 1, paginate_work);
}

/* The ids first: no statement is open on the table while its rows are deleted. */
static int read_ids(struct tx *tx, const struct list_arg *a, struct uuid *ids,
		    size_t *ret_n, struct error *err)
{
	struct db_rows *rows = NULL;
	size_t n = 0;
	int rc = db_select(tx->c, a->spec->list, NULL, 0, a->pred, a->la.order,
			   a->la.limit, 0, &rows, err);

	while (rc == 0 && n < BULK_MAX && (rc = db_next(rows, err)) == 1) {
		n += (size_t)db_uuid(rows, 0, &ids[n]);
		rc = 0;
	}
	db_rows_free(rows);
	*ret_n = n;
	return rc < 0 ? rc : 0;
}

static int bulk_work(struct tx *tx, void *arg, struct error *err)
{
	const struct list_arg *a = arg;
	struct uuid ids[BULK_MAX];
	struct jsonw w;
	size_t i, n = 0;
	int rc = read_ids(tx, a, ids, &n, err);

	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	jsonw_arr(&w, "deleted");
	for (i = 0; rc == 0 && i < n; i++) {
		rc = a->one(tx, &ids[i], err);
		jsonw_uuid(&w, NULL, &ids[i]);
	}
	jsonw_arr_end(&w);
	jsonw_obj_end(&w);
	return rc;
}

void list_bulk_delete(struct http_req *r, const struct list_spec *spec,
		      list_delete_fn one)
{
	const struct field fields[] = {
	    FIELD(struct list_args, limit, F_INT, .min = 1, .max = BULK_MAX),
	};
	struct list_arg *a = xcalloc(1, sizeof(*a));
	json_t *body = http_json(r, 1);
	struct http_invalid *v;

	if (body == NULL) {
		arg_free(a);
		return;
	}
	a->spec = spec;
	a->one = one;
	a->la.limit = BULK_MAX;
	v = http_invalid_new();
	(void)decode_object(body, fields, 1, 0, "", &a->la, NULL, v);
	(void)filter_decode(body, spec->entity, &a->pred, v);
	if (http_invalid_count(v) > 0) {
		http_reply_invalid(r, v);
		arg_free(a);
		return;
	}
	http_invalid_free(v);
	tx_submit(r, DB_WRITE, bulk_work, a, arg_free);
}
