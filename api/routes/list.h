/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - the three list routes that most resources have: filter, count, paginate.
 *
 * A resource describes itself once:
 *	static const struct list_spec flows = { ENT_FLOW, SQL_FLOW_LIST, SQL_FLOW_COUNT,
 *		flow_write };
 *	static void route_filter(struct http_req *r) { list_filter(r, &flows); }
 */
#ifndef API_ROUTES_LIST_H
#define API_ROUTES_LIST_H

#include <stdint.h>

#include "api/db/db.h"
#include "api/routes/filters.h"

struct http_req;
struct jsonw;

struct list_spec {
	enum entity entity;
	enum sql_id list;  /* no arguments; {where}, {order} */
	enum sql_id count; /* no arguments; {where} */
	/* The present row as one JSON value. */
	void (*write)(struct jsonw *w, const char *key, const struct db_rows *rows,
		      int64_t now_us);
};

/* SPEC is static.  Each answers the request. */
void list_filter(struct http_req *r, const struct list_spec *spec);
void list_count(struct http_req *r, const struct list_spec *spec);
void list_paginate(struct http_req *r, const struct list_spec *spec);

/*
 * bulk_delete: the filter under the entity's key and "limit" (1..50); ONE deletes one
 * object by its id, the first column of spec->list.  Answers {"deleted": [ids]}.
 */
struct error;
struct tx;
struct uuid;
typedef int (*list_delete_fn)(struct tx *tx, const struct uuid *id, struct error *err);
void list_bulk_delete(struct http_req *r, const struct list_spec *spec,
		      list_delete_fn one);

#endif
