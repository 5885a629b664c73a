/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved_searches.c - searches that the web UI keeps: server-contract 2.9.
 */
#include <stdlib.h>

#include "api/http/http.h"
#include "api/routes/list.h"
#include "api/routes/req.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"

enum { S_ID, S_CREATED, S_UPDATED, S_NAME, S_FILTERS };

static void search_write(struct jsonw *w, const char *key, const struct db_rows *r,
			 int64_t now_us)
{
	struct uuid id = {{0}};

	(void)now_us;
	(void)db_uuid(r, S_ID, &id);
	jsonw_obj(w, key);
	jsonw_uuid(w, "id", &id);
	jsonw_time(w, "created", db_time(r, S_CREATED));
	jsonw_time(w, "updated", db_time(r, S_UPDATED));
	jsonw_str(w, "name", db_text(r, S_NAME));
	jsonw_raw(w, "filters", db_text(r, S_FILTERS));
	jsonw_obj_end(w);
}

static const struct list_spec searches = {ENT_SAVED_SEARCH, SQL_SAVED_SEARCH_LIST,
					  SQL_SAVED_SEARCH_COUNT, search_write};

static void answer_row(const struct db_rows *r, void *arg)
{
	struct tx *tx = arg;
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	search_write(&w, NULL, r, tx->now_us);
}

static int not_found(struct tx *tx, struct error *err)
{
	return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Saved search not found");
}

struct put {
	struct req_arg base;
	const char *name;
	json_t *filters;
};
static const struct field put_fields[] = {
    FIELD(struct put, name, F_STR, .flags = F_REQUIRED),
    FIELD(struct put, filters, F_ARR, .flags = F_NOT_NULL),
};

struct part {
	const char *object, *property, *type, *operation;
	json_t *value;
};
static const struct field part_fields[] = {
    FIELD(struct part, object, F_STR, .flags = F_REQUIRED),
    FIELD(struct part, property, F_STR, .flags = F_REQUIRED),
    FIELD(struct part, type, F_STR, .flags = F_REQUIRED),
    FIELD(struct part, operation, F_STR, .flags = F_REQUIRED),
    FIELD(struct part, value, F_ANY, .flags = F_REQUIRED),
};

static void check_put(void *arg, struct http_invalid *v)
{
	const struct put *a = arg;
	json_t *one;
	size_t i;

	json_array_foreach (a->filters, i, one) {
		struct part part;
		char loc[32];

		(void)snprintf(loc, sizeof(loc), "filters.%zu", i);
		(void)decode_object(one, part_fields, ARRAY_LEN(part_fields), 1, loc,
				    &part, NULL, v);
	}
}

static int put_work(struct tx *tx, void *arg, struct error *err)
{
	const struct put *a = arg;
	char *filters = req_json(a->filters, "[]");
	struct uuid id;
	int rc, had;

	uuid_v4(&id);
	had = db_one(tx->c, SQL_SAVED_SEARCH_BY_NAME, DB_ARGS(db_a_text(a->name)), 1,
		     NULL, NULL, err);
	if (had < 0) {
		free(filters);
		return had;
	}
	tx->status = had ? 200 : 201;
	rc = db_exec(tx->c, SQL_SAVED_SEARCH_PUT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text(a->name),
			     db_a_text(filters)),
		     4, NULL, err);
	free(filters);
	if (rc == 0) {
		rc = db_one(tx->c, SQL_SAVED_SEARCH_BY_NAME,
			    DB_ARGS(db_a_text(a->name)), 1, answer_row, tx, err);
	}
	return MIN_OF(rc, 0);
}

static void route_put(struct http_req *r)
{
	struct put *a = req_arg_new(r, sizeof(*a));

	if (req_body_checked(r, a, put_fields, ARRAY_LEN(put_fields), check_put) == 0) {
		tx_submit(r, DB_WRITE, put_work, a, req_arg_free);
	}
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int rc = db_one(tx->c, SQL_SAVED_SEARCH_BY_ID, DB_ARGS(db_a_uuid(&a->id)), 1,
			answer_row, tx, err);

	return rc == 0 ? not_found(tx, err) : MIN_OF(rc, 0);
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int64_t changes = 0;
	int rc = db_exec(tx->c, SQL_SAVED_SEARCH_DELETE, DB_ARGS(db_a_uuid(&a->id)), 1,
			 &changes, err);

	if (rc < 0) {
		return rc;
	}
	return changes == 0 ? not_found(tx, err) : req_no_content(tx);
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static void route_filter(struct http_req *r)
{
	list_filter(r, &searches);
}

extern const struct route routes_saved_searches[];
const struct route routes_saved_searches[] = {
    {"PUT", "/saved_searches/", route_put, 0, 0},
    {"POST", "/saved_searches/filter", route_filter, 0, 0},
    {"GET", "/saved_searches/{id}", route_read, 0, 0},
    {"DELETE", "/saved_searches/{id}", route_delete, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
