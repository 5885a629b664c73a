/* SPDX-License-Identifier: Apache-2.0 */
/*
 * concurrency.c - GET /wf/v1/concurrency[?name=N]: every limit there is, what uses it,
 * and who.  A use is a record (a busy run, a slot of a lease): nothing is counted
 * twice.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/pools_tables.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/uuid.h"

#define LIMITS_MAX  1000
#define HOLDERS_MAX 200

struct usage {
	struct uuid id;
	char *kind, *name; /* owned */
	int64_t limit, in_use;
};

static char *text_of(const struct db_rows *r, int col)
{
	const char *s = db_text(r, col);

	return xstrdup(s != NULL ? s : "");
}

static int read_usage(struct tx *tx, const char *name, struct usage *list,
		      size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc = db_query(tx->c, SQL_CONCURRENCY_USAGE, DB_ARGS(db_a_int(LIMITS_MAX)),
			  1, &r, err);

	while (rc == 0 && n < LIMITS_MAX && (rc = db_next(r, err)) > 0) {
		const char *is = db_text(r, 1);

		rc = 0;
		if (name != NULL && (is == NULL || strcmp(is, name) != 0)) {
			continue;
		}
		(void)db_uuid(r, 4, &list[n].id);
		list[n].kind = text_of(r, 0);
		list[n].name = text_of(r, 1);
		list[n].limit = db_int(r, 2);
		list[n++].in_use = db_int(r, 3);
	}
	db_rows_free(r);
	*ret_count = n;
	return rc < 0 ? rc : 0;
}

static void write_holder(struct jsonw *w, const struct db_rows *r)
{
	struct uuid id;

	jsonw_obj(w, NULL);
	jsonw_str(w, "type", db_text(r, 0));
	jsonw_uuid(w, "id", db_uuid(r, 1, &id) ? &id : NULL);
	jsonw_str(w, "name", db_text(r, 2));
	jsonw_time(w, "since", db_time(r, 3));
	jsonw_str(w, "worker", db_text(r, 4));
	jsonw_int(w, "slots", db_int(r, 5));
	jsonw_obj_end(w);
}

static int write_usage(struct tx *tx, struct jsonw *w, const struct usage *u,
		       struct error *err)
{
	enum sql_id stmt = strcmp(u->kind, "pool") == 0 ? SQL_CONCURRENCY_POOL_HOLDERS
			   : strcmp(u->kind, "queue") == 0
			       ? SQL_CONCURRENCY_QUEUE_HOLDERS
			       : SQL_CONCURRENCY_SLOT_HOLDERS;
	struct db_rows *r = NULL;
	int rc;

	jsonw_obj(w, NULL);
	jsonw_str(w, "kind", u->kind);
	jsonw_str(w, "name", u->name);
	jsonw_int(w, "limit", u->limit);
	jsonw_int(w, "in_use", u->in_use);
	jsonw_arr(w, "holders");
	rc = db_query(tx->c, stmt, DB_ARGS(db_a_uuid(&u->id), db_a_int(HOLDERS_MAX)), 2,
		      &r, err);
	while (rc == 0 && (rc = db_next(r, err)) > 0) {
		write_holder(w, r);
		rc = 0;
	}
	db_rows_free(r);
	jsonw_arr_end(w);
	jsonw_obj_end(w);
	return rc;
}

static int concurrency_work(struct tx *tx, void *arg, struct error *err)
{
	struct usage *list = xcalloc(LIMITS_MAX, sizeof(*list));
	struct jsonw w;
	size_t count = 0;
	int rc = read_usage(tx, arg, list, &count, err);

	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0) {
			rc = write_usage(tx, &w, &list[i], err);
		}
		free(list[i].kind);
		free(list[i].name);
	}
	jsonw_arr_end(&w);
	free(list);
	return rc;
}

static void route_concurrency(struct http_req *r)
{
	const char *name = http_query(r, "name");

	tx_submit(r, DB_READ, concurrency_work, name != NULL ? xstrdup(name) : NULL,
		  free);
}

const struct route concurrency_routes[] = {
    {"GET", "/wf/v1/concurrency", route_concurrency, 0, 0},
    {0},
};
