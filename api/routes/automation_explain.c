/* SPDX-License-Identifier: Apache-2.0 */
/*
 * automation_explain.c - why an automation fired or not: stored events are replayed
 * through its trigger in memory, with what is counted now beside it.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/events/received.h"
#include "api/http/http.h"
#include "api/routes/automation_row.h"
#include "api/routes/req.h"
#include "api/triggers/triggers.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/timefmt.h"

#define EVENTS_MAX  5000
#define SHOWN_MAX   20
#define HOUR_US     (3600 * 1000000LL)
#define HOURS_MAX   168
#define TEXT_MAX    ((size_t)8 << 20)
#define BUCKETS_MAX 20

struct explain {
	struct req_arg base;
	int64_t hours;
	/* of the replay */
	struct triggers *triggers;
	json_t *automation, *events; /* id -> event, for absences */
	json_t *firings, *near;
	int64_t seen, fits, name, match, related, now_us;
};

static void explain_free(void *arg)
{
	struct explain *x = arg;

	triggers_free(x->triggers);
	json_decref(x->automation);
	json_decref(x->events);
	json_decref(x->firings);
	json_decref(x->near);
	req_arg_free(x);
}

static void reset(struct explain *x)
{
	triggers_free(x->triggers);
	x->triggers = NULL;
	json_decref(x->automation);
	json_decref(x->events);
	json_decref(x->firings);
	json_decref(x->near);
	x->automation = NULL;
	x->events = json_object();
	x->firings = json_array();
	x->near = json_array();
	x->seen = x->fits = x->name = x->match = x->related = 0;
}

static void on_fire(void *arg, const json_t *automation, const json_t *firing)
{
	struct explain *x = arg;
	const json_t *event = json_object_get(firing, "triggering_event");

	(void)automation;
	if (json_array_size(x->firings) >= EVENTS_MAX) {
		return;
	}
	(void)json_array_append_new(
	    x->firings,
	    json_pack("{s:O, s:O, s:O?, s:O?}", "triggered",
		      json_object_get(firing, "triggered"), "triggering_labels",
		      json_object_get(firing, "triggering_labels"), "event",
		      json_object_get(event, "event"), "event_id",
		      json_object_get(event, "id")));
}

static json_t *on_event_by_id(void *arg, const struct uuid *id)
{
	const struct explain *x = arg;
	char text[UUID_TEXT_SIZE];

	return json_incref(json_object_get(x->events, uuid_format(id, text)));
}

static void take_automation(const struct db_rows *r, void *arg)
{
	struct explain *x = arg;
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	automation_write(&w, NULL, r, 0);
	x->automation = json_parse(b.data, b.len, TEXT_MAX, NULL);
	buf_release(&b);
}

/* ---- misses ---- */

/* The best that any event trigger of the tree says. */
static enum trigger_miss best(const json_t *trigger, const json_t *event)
{
	json_t *list = json_object_get(trigger, "triggers"), *item;
	enum trigger_miss found = TRIGGER_MISS_NAME, m;
	size_t i;

	if (list == NULL) {
		return trigger_fits(trigger, event);
	}
	json_array_foreach (list, i, item) {
		m = best(item, event);
		if (m == TRIGGER_FITS || (m > found && found != TRIGGER_FITS)) {
			found = m;
		}
	}
	return found;
}

static void note(struct explain *x, const json_t *event)
{
	enum trigger_miss m = best(json_object_get(x->automation, "trigger"), event);

	x->seen++;
	x->fits += m == TRIGGER_FITS;
	x->name += m == TRIGGER_MISS_NAME;
	x->match += m == TRIGGER_MISS_MATCH;
	x->related += m == TRIGGER_MISS_RELATED;
	if (m == TRIGGER_MISS_MATCH || m == TRIGGER_MISS_RELATED) {
		if (json_array_size(x->near) == SHOWN_MAX) {
			(void)json_array_remove(x->near, 0); /* the latest are shown */
		}
		(void)json_array_append_new(
		    x->near,
		    json_pack("{s:O, s:O, s:O, s:s}", "event",
			      json_object_get(event, "event"), "event_id",
			      json_object_get(event, "id"), "resource",
			      json_object_get(json_object_get(event, "resource"),
					      "prefect.resource.id"),
			      "reason",
			      m == TRIGGER_MISS_MATCH
				  ? "the resource does not satisfy match"
				  : "no related resource satisfies match_related"));
	}
}

/* ---- the replay ---- */

static int start(struct explain *x, int64_t from_us, struct error *err)
{
	static const struct triggers_conf conf = {0};
	const struct trigger_sink sink = {
	    .fire = on_fire, .event_by_id = on_event_by_id, .arg = x};

	/* as if it were on: the question is what would happen */
	(void)json_object_set_new(x->automation, "enabled", json_true());
	x->triggers = triggers_new(&conf, &sink);
	return triggers_set(x->triggers, x->automation, from_us, err);
}

/* Absences up to AT are noticed when they are due. */
static void ticks(struct explain *x, int64_t from_us, int64_t at_us)
{
	int64_t due = triggers_deadline(x->triggers, from_us);
	int n = 0;

	while (due <= at_us && n++ < EVENTS_MAX) {
		due = triggers_tick(x->triggers, due);
	}
	triggers_flush(x->triggers);
}

static int64_t replay_one(struct explain *x, const struct db_rows *r, int64_t last_us)
{
	struct received_parts p = {
	    .occurred_us = db_time(r, 1),
	    .received_us = db_time(r, 2),
	    .name = db_text(r, 3),
	    .resource = db_text(r, 4),
	    .related = db_text(r, 5),
	    .payload = db_text(r, 6),
	};
	struct trigger_event e = {.occurred_us = p.occurred_us,
				  .received_us = p.received_us};
	char id[UUID_TEXT_SIZE];

	(void)db_uuid(r, 0, &p.id);
	p.has_follows = db_uuid(r, 7, &p.follows);
	e.id = p.id;
	e.json = received_event(&p);
	if (e.json == NULL) {
		return last_us;
	}
	e.name = json_string_value(json_object_get(e.json, "event"));
	e.resource_id = json_string_value(json_object_get(
	    json_object_get(e.json, "resource"), "prefect.resource.id"));
	if (e.name != NULL && e.resource_id != NULL) {
		note(x, e.json);
		(void)json_object_set(x->events, uuid_format(&p.id, id), e.json);
		ticks(x, last_us, p.occurred_us);
		triggers_event(x->triggers, &e, MAX_OF(p.occurred_us, last_us));
		last_us = MAX_OF(p.occurred_us, last_us);
	}
	json_decref(e.json);
	return last_us;
}

static int replay(struct tx *tx, struct explain *x, struct error *err)
{
	int64_t last = tx->now_us - x->hours * HOUR_US;
	struct db_rows *r = NULL;
	int rc = start(x, last, err);

	rc = rc < 0
		 ? rc
		 : db_query(tx->c, SQL_EVENTS_SINCE,
			    DB_ARGS(db_a_time(last), db_a_int(EVENTS_MAX)), 2, &r, err);
	while (rc >= 0 && (rc = db_next(r, err)) == 1) {
		last = replay_one(x, r, last);
	}
	db_rows_free(r);
	if (rc == 0) {
		ticks(x, last, tx->now_us);
	}
	return rc;
}

/* ---- what is so now ---- */

static int write_buckets(struct tx *tx, struct jsonw *w, const struct explain *x,
			 struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(tx->c, SQL_TRIGGER_BUCKET_OF,
			  DB_ARGS(db_a_uuid(&x->base.id), db_a_int(BUCKETS_MAX)), 2, &r,
			  err);

	jsonw_arr(w, "counting");
	while (rc >= 0 && (rc = db_next(r, err)) == 1) {
		jsonw_obj(w, NULL);
		jsonw_raw(w, "key", db_text(r, 1));
		jsonw_time(w, "start", db_time(r, 2));
		jsonw_time(w, "end", db_time(r, 3));
		jsonw_int(w, "count", db_int(r, 4));
		jsonw_obj_end(w);
	}
	jsonw_arr_end(w);
	db_rows_free(r);
	return rc;
}

static int write_answer(struct tx *tx, const struct explain *x, int enabled,
			struct error *err)
{
	int64_t pending = 0;
	struct jsonw w;
	int rc = db_one_int(tx->c, SQL_ACTION_COUNT_OF, DB_ARGS(db_a_uuid(&x->base.id)),
			    1, &pending, err);

	if (rc < 0) {
		return rc;
	}
	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	jsonw_uuid(&w, "id", &x->base.id);
	jsonw_json(&w, "name", json_object_get(x->automation, "name"));
	jsonw_bool(&w, "enabled", enabled);
	jsonw_int(&w, "hours", x->hours);
	jsonw_int(&w, "events", x->seen);
	jsonw_bool(&w, "events_complete", x->seen < EVENTS_MAX);
	jsonw_int(&w, "fitting", x->fits);
	jsonw_int(&w, "other_names", x->name);
	jsonw_int(&w, "no_match", x->match);
	jsonw_int(&w, "no_match_related", x->related);
	jsonw_json(&w, "would_fire", x->firings);
	jsonw_json(&w, "near_misses", x->near);
	jsonw_int(&w, "actions_pending", pending);
	rc = write_buckets(tx, &w, x, err);
	jsonw_obj_end(&w);
	return rc < 0 ? rc : 0;
}

static int explain_work(struct tx *tx, void *arg, struct error *err)
{
	struct explain *x = arg;
	int enabled, rc;

	reset(x);
	rc = db_one(tx->c, SQL_AUTOMATION_BY_ID, DB_ARGS(db_a_uuid(&x->base.id)), 1,
		    take_automation, x, err);
	if (rc == 0) {
		return tx_exception(tx, err, ERR_NOT_FOUND, 404,
				    "Automation not found");
	}
	if (rc < 0 || x->automation == NULL) {
		return rc < 0 ? rc
			      : err_set(err, ERR_INTERNAL, "unreadable automation");
	}
	enabled = json_is_true(json_object_get(x->automation, "enabled"));
	rc = replay(tx, x, err);
	return rc < 0 ? rc : write_answer(tx, x, enabled, err);
}

static void route_explain(struct http_req *r)
{
	struct explain *x = req_arg_new(r, sizeof(*x));
	const char *hours = http_query(r, "hours");

	x->hours = hours != NULL ? strtoll(hours, NULL, 10) : 1;
	x->hours = x->hours < 1 ? 1 : MIN_OF(x->hours, HOURS_MAX);
	tx_submit(r, DB_READ, explain_work, x, explain_free);
}

extern const struct route routes_automation_explain[];
const struct route routes_automation_explain[] = {
    {"GET", "/wf/v1/automations/{id}/explain", route_explain, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
