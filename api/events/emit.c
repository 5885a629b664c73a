/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - one event: a row in the present transaction, and a frame for live
 * subscribers once that is committed.
 */
#include "api/events/emit.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/events/live.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/timefmt.h"
#include "base/uuid.h"

#define LOG_WRITE "prefect.log.write" /* never evaluated */

/* The event as texts, ready for the row and for the frame. */
struct event_row {
	struct uuid id;
	int64_t occurred_us;
	const char *name;
	const char *resource_id;
	char *resource, *related, *payload; /* owned JSON */
	struct uuid follows;
	int has_follows;
};

static void row_release(struct event_row *e)
{
	free(e->resource);
	free(e->related);
	free(e->payload);
}

static void add_frame(struct tx *tx, const struct event_row *e)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_time(&w, "occurred", e->occurred_us);
	jsonw_str(&w, "event", e->name);
	jsonw_raw(&w, "resource", e->resource);
	jsonw_raw(&w, "related", e->related);
	jsonw_raw(&w, "payload", e->payload);
	jsonw_uuid(&w, "id", &e->id);
	jsonw_uuid(&w, "follows", e->has_follows ? &e->follows : NULL);
	jsonw_time(&w, "received", tx->now_us);
	jsonw_obj_end(&w);
	live_add(&tx->live_events, b.data, b.len);
	buf_release(&b);
}

/* To the evaluation of triggers, which is woken after COMMIT. */
static int feed(struct tx *tx, const struct event_row *e, struct error *err)
{
	int64_t fed = 0;
	int rc;

	if (strcmp(e->name, LOG_WRITE) == 0) {
		return 0;
	}
	rc = db_exec(tx->c, SQL_TRIGGER_FEED_EVENT, DB_ARGS(db_a_uuid(&e->id)), 1, &fed,
		     err);
	if (fed > 0) {
		tx->fx |= FX_TRIGGERS;
	}
	return rc;
}

static int insert(struct tx *tx, const struct event_row *e, int *ret_new,
		  struct error *err)
{
	int64_t changes = 0;
	int rc = db_exec(tx->c, SQL_EVENT_INSERT,
			 DB_ARGS(db_a_uuid(&e->id), db_a_time(e->occurred_us),
				 db_a_time(tx->now_us), db_a_text(e->name),
				 db_a_text(e->resource_id), db_a_text(e->resource),
				 db_a_text(e->related), db_a_text(e->payload),
				 db_a_uuid(e->has_follows ? &e->follows : NULL)),
			 9, &changes, err);

	if (rc < 0) {
		return err_wrap(err, "store event %s", e->name);
	}
	if (changes > 0) {
		add_frame(tx, e);
		rc = feed(tx, e, err);
	}
	if (ret_new != NULL) {
		*ret_new = changes > 0;
	}
	return rc;
}

static int check_resource(const json_t *resource, const char *name, const char **ret_id,
			  struct error *err)
{
	*ret_id = json_string_value(json_object_get(resource, "prefect.resource.id"));
	if (*ret_id == NULL) {
		return err_set(
		    err, ERR_INVALID,
		    "event %s: the resource lacks the label prefect.resource.id", name);
	}
	return 0;
}

static char *text_or(const json_t *v, const char *standard)
{
	char *text = v == NULL || json_is_null(v) ? NULL : json_text(v);

	return text != NULL ? text : strdup(standard);
}

int event_emit(struct tx *tx, struct event_spec *spec, int *ret_new, struct error *err)
{
	struct event_row e = {.name = spec->name, .occurred_us = spec->occurred_us};
	int rc = check_resource(spec->resource, spec->name, &e.resource_id, err);

	if (rc == 0) {
		if (e.occurred_us == 0) {
			e.occurred_us = tx->now_us;
		}
		if (spec->id != NULL) {
			e.id = *spec->id;
		} else {
			uuid_v7(&e.id, e.occurred_us);
		}
		if (spec->follows != NULL) {
			e.follows = *spec->follows;
			e.has_follows = 1;
		}
		e.resource = text_or(spec->resource, "{}");
		e.related = text_or(spec->related, "[]");
		e.payload = text_or(spec->payload, "{}");
		rc = insert(tx, &e, ret_new, err);
	}
	row_release(&e);
	json_decref(spec->resource);
	json_decref(spec->related);
	json_decref(spec->payload);
	spec->resource = spec->related = spec->payload = NULL;
	return rc;
}

int event_store(struct tx *tx, const json_t *event, int *ret_new, struct error *err)
{
	struct event_row e = {.name = ""};
	const json_t *resource = json_object_get(event, "resource");
	int rc = json_get_str(event, "event", &e.name, err);

	if (rc >= 0) {
		rc = check_resource(resource, e.name, &e.resource_id, err);
	}
	if (rc == 0) {
		rc = json_get_uuid(event, "id", &e.id, err);
		if (rc == 0) {
			uuid_v7(&e.id, tx->now_us);
		}
	}
	if (rc >= 0) {
		e.occurred_us = tx->now_us;
		rc = json_get_time(event, "occurred", &e.occurred_us, err);
	}
	if (rc >= 0) {
		rc = json_get_uuid(event, "follows", &e.follows, err);
		e.has_follows = rc == 1;
	}
	if (rc >= 0) {
		e.resource = text_or(resource, "{}");
		e.related = text_or(json_object_get(event, "related"), "[]");
		e.payload = text_or(json_object_get(event, "payload"), "{}");
		rc = insert(tx, &e, ret_new, err);
	}
	row_release(&e);
	return rc;
}
