/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.c - stored events that match an EventFilter.
 */
#include "api/events/query.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "base/uuid.h"

#define JSON_MAX (4u << 20) /* of one stored column */

static size_t size_of(const json_t *list)
{
	return list == NULL ? 0 : json_array_size(list);
}

static int resource_is_exact(const struct event_resource_filter *r)
{
	return json_object_size(r->labels) == 0 && size_of(r->role) == 0 &&
	       size_of(r->resources_in_roles) == 0;
}

int event_query_is_exact(const struct event_filter *f)
{
	return size_of(f->exclude_prefix) == 0 && size_of(f->exclude_name) == 0 &&
	       f->related_count == 0 && f->any_resource_count == 0 &&
	       f->query.count == 0 && !f->distinct &&
	       (!f->has_resource || resource_is_exact(&f->resource));
}

static void add_texts(struct db_pred *p, enum sql_frag frag, const json_t *list)
{
	size_t n = size_of(list), i;
	struct db_arg *args = xcalloc(n + 1, sizeof(*args));

	for (i = 0; i < n; i++) {
		args[i] = db_a_text(json_string_value(json_array_get(list, i)));
	}
	pred_add_list(p, frag, args, n);
	free(args);
}

/* Everything that begins with one of LIST: from the prefix up to the last character. */
static void add_prefixes(struct db_pred *p, enum sql_frag frag, const json_t *list)
{
	size_t i;

	for (i = 0; i < size_of(list); i++) {
		const char *prefix = json_string_value(json_array_get(list, i));
		char *end = xasprintf("%s\xf4\x8f\xbf\xbf", prefix);

		pred_add(p, frag, DB_ARGS(db_a_text(prefix), db_a_text(end)), 2);
		free(end);
	}
}

/* Names and prefixes of one criterion are alternatives. */
static void add_either(struct db_pred *p, const json_t *names, enum sql_frag name_frag,
		       const json_t *prefixes, enum sql_frag range_frag)
{
	if (size_of(names) == 0 && size_of(prefixes) == 0) {
		return;
	}
	pred_open(p, 1);
	if (size_of(names) > 0) {
		add_texts(p, name_frag, names);
	}
	add_prefixes(p, range_frag, prefixes);
	pred_close(p);
}

static void add_ids(struct db_pred *p, const json_t *list)
{
	size_t n = size_of(list), i;
	struct uuid *ids = xcalloc(n + 1, sizeof(*ids));
	struct db_arg *args = xcalloc(n + 1, sizeof(*args));

	for (i = 0; i < n; i++) {
		(void)uuid_parse(json_string_value(json_array_get(list, i)), &ids[i]);
		args[i] = db_a_uuid(&ids[i]);
	}
	pred_add_list(p, FRAG_E_ID_ANY, args, n);
	free(args);
	free(ids);
}

struct db_pred *event_query_pred(const struct event_filter *f)
{
	struct db_pred *p = pred_new();

	if (f->since_us != TIME_NONE) {
		pred_add(p, FRAG_E_SINCE, DB_ARGS(db_a_int(f->since_us)), 1);
	}
	if (f->until_us != TIME_NONE) {
		pred_add(p, FRAG_E_UNTIL, DB_ARGS(db_a_int(f->until_us)), 1);
	}
	/* a name and a prefix must both hold: they are two criteria */
	add_either(p, f->name, FRAG_E_NAME_ANY, NULL, FRAG_E_NAME_RANGE);
	add_either(p, NULL, FRAG_E_NAME_ANY, f->prefix, FRAG_E_NAME_RANGE);
	if (f->has_resource) {
		add_either(p, f->resource.id, FRAG_E_RESOURCE_ANY, NULL,
			   FRAG_E_RESOURCE_RANGE);
		add_either(p, NULL, FRAG_E_RESOURCE_ANY, f->resource.id_prefix,
			   FRAG_E_RESOURCE_RANGE);
	}
	if (size_of(f->id) > 0) {
		add_ids(p, f->id);
	}
	return p;
}

static enum sql_frag order_of(const struct event_filter *f)
{
	return f->ascending ? FRAG_E_BY_TIME_ASC : FRAG_E_BY_TIME_DESC;
}

static void set_json(json_t *event, const char *key, const struct db_rows *r, int col)
{
	json_t *v = json_parse(db_text(r, col), db_len(r, col), JSON_MAX, NULL);

	(void)json_object_set_new(event, key, v != NULL ? v : json_null());
}

static int row_matches(const struct event_filter *f, const struct db_rows *r)
{
	json_t *event = json_object();
	char text[UUID_TEXT_SIZE];
	struct uuid id = {{0}};
	int rc;

	(void)db_uuid(r, EVENT_ID, &id);
	(void)json_object_set_new(event, "id", json_string(uuid_format(&id, text)));
	(void)json_object_set_new(event, "event", json_string(db_text(r, EVENT_NAME)));
	set_json(event, "resource", r, EVENT_RESOURCE);
	set_json(event, "related", r, EVENT_RELATED);
	set_json(event, "payload", r, EVENT_PAYLOAD);
	rc = event_filter_matches(f, event, db_time(r, EVENT_OCCURRED));
	json_decref(event);
	return rc;
}

/* "distinct": is this the first event of its resource? */
static int is_first(struct map *seen, const struct db_rows *r)
{
	json_t *resource = json_parse(db_text(r, EVENT_RESOURCE),
				      db_len(r, EVENT_RESOURCE), JSON_MAX, NULL);
	const char *id =
	    json_string_value(json_object_get(resource, "prefect.resource.id"));
	int first = id != NULL && map_get(seen, id) == NULL;

	if (first) {
		(void)map_set(seen, id, seen, NULL);
	}
	json_decref(resource);
	return first;
}

static int scan_rows(const struct event_filter *f, struct db_rows *rows,
		     event_row_fn fn, void *arg, struct error *err)
{
	int exact = event_query_is_exact(f);
	int64_t left = EVENT_SCAN_MAX;
	struct map seen;
	int rc = 0;

	map_init(&seen, EVENT_SCAN_MAX);
	while (rc == 0 && left-- > 0 && (rc = db_next(rows, err)) == 1) {
		rc = 0;
		if ((exact || row_matches(f, rows)) &&
		    (!f->distinct || is_first(&seen, rows))) {
			rc = fn(rows, arg);
		}
	}
	map_release(&seen);
	return rc < 0 ? rc : 0;
}

int event_query_scan(struct tx *tx, const struct event_filter *f, event_row_fn fn,
		     void *arg, struct error *err)
{
	return event_query_page(tx, f, &(struct event_page){.limit = -1}, fn, arg, err);
}

int event_query_page(struct tx *tx, const struct event_filter *f,
		     const struct event_page *page, event_row_fn fn, void *arg,
		     struct error *err)
{
	struct db_pred *p = event_query_pred(f);
	struct db_rows *rows = NULL;
	int rc = db_select(tx->c, SQL_EVENT_LIST, NULL, 0, p, order_of(f), page->limit,
			   page->offset, &rows, err);

	pred_free(p);
	if (rc == 0) {
		rc = scan_rows(f, rows, fn, arg, err);
	}
	db_rows_free(rows);
	return rc;
}

int event_query_count(struct tx *tx, const struct event_filter *f, int64_t *ret_count,
		      struct error *err)
{
	struct db_pred *p = event_query_pred(f);
	struct db_rows *rows = NULL;
	int rc = db_select(tx->c, SQL_EVENT_COUNT, NULL, 0, p, SQL_FRAG_NONE, -1, -1,
			   &rows, err);

	pred_free(p);
	if (rc == 0) {
		rc = db_next(rows, err);
	}
	if (rc == 1) {
		*ret_count = db_int(rows, 0);
	}
	db_rows_free(rows);
	return rc < 0 ? rc : 0;
}
